// A path below /proc or /sys -> its text. Such files are small and never block.

import Glibc

/// Small files of the system.
enum SystemFile {
    private static let bytesMax = 64 * 1024

    static func read(_ path: String) -> String? {
        // Safety: the bridging keeps the path for the call's length.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        // Safety: the array is as long as the count that is passed.
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
        }
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
