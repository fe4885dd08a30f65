// An array's bytes -> a closure with typed throws, which the standard library's method lacks.

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` for closures with typed throws.
    func withUnsafeBytesTyped<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Safety: the bytes live while the closure runs.
        let result = unsafe withUnsafeBytes { bytes in
            Swift.Result { () throws(Failure) in unsafe try body(bytes) }
        }
        return try result.get()
    }
}
