// A blocking socket for tests: bytes out, bytes in, every wait bounded.

import Glibc

/// One thread may send while another receives, and closes once both are done: the socket is the
/// system's, and nothing else is shared. That is why it is `Sendable`.
final class RawClient: @unchecked Sendable {
    struct Failure: Error {
        let step: String
        let code: Int32
    }

    private let descriptor: Int32
    private var isClosed = false

    init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBufferBytes {
            // Safety: the option is one Int32, whose size is passed.
            _ = unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        // Safety: a sockaddr_in may be passed as a sockaddr of its own size.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(step: "connect", code: errno) }
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Safety: the tests' paths are short and the rest is zero.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: Array(path.utf8).prefix(100))
        }
        // Safety: a sockaddr_un may be passed as a sockaddr of its own size.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Failure(step: "connect", code: errno) }
    }

    deinit { close() }

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    /// Closes with a reset instead of a FIN.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        // Safety: the option is one `linger`, whose size is passed.
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func closeWrite() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// - Returns: bytes sent before the peer's buffers were full for two seconds, or it closed.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count, poll(Int16(POLLOUT), milliseconds: 2_000) {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                // Safety: the rest of the array from `sent` on.
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress! + sent, buffer.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count <= 0 { break }
            sent += count
        }
        return sent
    }

    @discardableResult
    func send(_ text: String) -> Int { send(Array(text.utf8)) }

    private func poll(_ events: Int16, milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        // Safety: one pollfd is passed, as the count says.
        return unsafe Glibc.poll(&request, 1, milliseconds) > 0
    }

    /// The next bytes; nil when the peer closed or nothing comes for a while.
    func receive(milliseconds: Int32 = 120_000) -> [UInt8]? {
        guard poll(Int16(POLLIN), milliseconds: milliseconds) else { return nil }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // Safety: the array is as long as the count that is passed.
        let count = unsafe chunk.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        return count > 0 ? Array(chunk[..<count]) : nil
    }

    /// Reads until `isEnough` says so, the peer closes, or nothing comes for a while.
    func read(
        milliseconds: Int32 = 120_000, until isEnough: (String) -> Bool = { _ in false }
    ) -> (text: String, isClosed: Bool) {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if isEnough(text) { return (text, false) }
            guard poll(Int16(POLLIN), milliseconds: milliseconds) else { return (text, false) }
            // Safety: the array is as long as the count that is passed.
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
            }
            if count <= 0 { return (text, true) }
            received += chunk[..<count]
        }
    }

    /// Sends a request and reads an answer whose text ends in `end`.
    func ask(_ text: String, until end: String) -> String {
        send(text)
        return read { $0.hasSuffix(end) }.text
    }
}
