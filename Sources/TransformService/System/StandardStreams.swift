// Bytes to the standard output and the standard error: all of them, despite partial writes.

import Glibc

enum StandardStreams {
    /// Writes all bytes; returns the error number of a failed write, or 0.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var offset = 0
        return unsafe write(bytes, to: descriptor, from: &offset)
    }

    /// Writes the bytes from `offset` on, which is then after the last byte written.
    static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, from offset: inout Int
    ) -> Int32 {
        while offset < bytes.count {
            // Safety: `offset` is below the byte count.
            let written = unsafe Glibc.write(
                descriptor, bytes.baseAddress.unsafelyUnwrapped + offset, bytes.count - offset)
            if written < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = unsafe poll(&waiting, 1, -1)
                    continue
                }
                return errno
            }
            offset += written
        }
        return 0
    }

    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { _ = unsafe write(UnsafeRawBufferPointer($0), to: descriptor) }
    }
}
