// Text -> the same text with ASCII letters in one case; all other bytes are kept. Writes
// `byteCount` bytes; the loops have no branch, so the compiler vectorizes them.

enum ASCIICase {
    /// `ascii_downcase`. `out` may be `input`.
    static func lower(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) {
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, the size of both.
            let byte = unsafe input[i]
            unsafe out[i] = byte ^ (byte &- 0x41 < 26 ? 0x20 : 0)
        }
    }

    /// `ascii_upcase`. `out` may be `input`.
    static func upper(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) {
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, the size of both.
            let byte = unsafe input[i]
            unsafe out[i] = byte ^ (byte &- 0x61 < 26 ? 0x20 : 0)
        }
    }
}
