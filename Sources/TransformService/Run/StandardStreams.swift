// Bytes to the standard output and the standard error, all of them, whatever the calls take at
// once.

import Glibc

enum StandardStreams {
    /// Writes all bytes; the error number of what failed, or 0.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var offset = 0
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

    /// A line for people: `jq: SENTENCE`.
    static func complain(_ sentence: String) { write("jq: \(sentence)\n", to: STDERR_FILENO) }
}

extension StandardStreams {
    /// Writes outputs; where nobody can take them there is nothing left to do.
    static func drainOutput(_ bytes: UnsafeRawBufferPointer) {
        let code = unsafe write(bytes, to: STDOUT_FILENO)
        if code == 0 { return }
        if code != EPIPE { complain("error: writing output failed: \(FileError.text(code))") }
        exit(ExitStatus.badInput)
    }
}
