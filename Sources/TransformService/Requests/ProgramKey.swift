// A program's text and the names of its arguments -> the number that it is looked for by.

enum ProgramKey {
    /// The process's own random seed is in it.
    static func of(_ text: UnsafeRawBufferPointer, _ names: [String]) -> Int {
        var hasher = Hasher()
        // Safety: the caller's bytes are read while the call lasts.
        unsafe hasher.combine(bytes: text)
        for name in names { hasher.combine(name) }
        return hasher.finalize()
    }
}
