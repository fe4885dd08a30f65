// Files -> their bytes, and paths -> those without links.

import Glibc

enum SystemFile {
    private static let bytesMax = 64 * 1024
    private static let partByteCount = 64 * 1024

    /// The text of a file below /proc or /sys, which is small and never blocks.
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

    /// The rest of an open file. Nil after an error, which `errno` names: EFBIG where there are
    /// more bytes than `bytesMax`.
    static func readAll(_ descriptor: Int32, bytesMax: Int = .max) -> [UInt8]? {
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: partByteCount)
        while all.count <= bytesMax {
            // Safety: the array is as long as the count that is passed.
            let count = unsafe Glibc.read(descriptor, &part, part.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return all }
            all += part[..<count]
        }
        errno = EFBIG
        return nil
    }

    /// The path without links and `..`; nil where there is no such file.
    static func realPath(_ path: String) -> String? {
        // Safety: realpath returns null or an allocated string, which is copied and then freed.
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}
