// A program's text and the names of its arguments -> the hash by which it is looked up.

enum ProgramKey {
    /// Seeded per process, so that keys cannot be forged or persisted.
    static func of(_ text: UnsafeRawBufferPointer, _ names: [String]) -> Int {
        var hasher = Hasher()
        // Safety: the caller's bytes are valid during the call.
        unsafe hasher.combine(bytes: text)
        for name in names { hasher.combine(name) }
        return hasher.finalize()
    }
}
