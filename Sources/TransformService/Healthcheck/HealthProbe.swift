// An address and a path -> the status of the service's response, over a blocking socket.

import Glibc
import HTTPKit

enum HealthProbe {
    struct Failure: Error {
        let step: String
        let code: Int32
    }

    private static let timeoutSeconds = 2

    static func status(of path: String, at address: HTTPServer.Address) throws(Failure) -> Int {
        let descriptor =
            switch address {
            case .tcp(let host, let port): try connect(host: host, port: port)
            case .unix(let path): try connect(path: path)
            }
        defer { close(descriptor) }
        try send(descriptor, Array("GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8))
        // `HTTP/1.1 200`
        let start = try receive(descriptor, byteCount: 12)
        guard start.starts(with: Array("HTTP/1.".utf8)),
            let status = Int(String(decoding: start[9...], as: UTF8.self))
        else { throw Failure(step: "the answer is not HTTP", code: EPROTO) }
        return status
    }

    private static func open(_ family: Int32) throws(Failure) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(step: "socket", code: errno) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            // Safety: the option is one timeval, whose size is passed. It bounds `connect` too.
            _ = unsafe setsockopt(
                descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        return descriptor
    }

    private static func connect(host: String, port: Int) throws(Failure) -> Int32 {
        // Safety: all pointers in the hints are nil.
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        // Safety: the list is read until its end and freed once.
        guard unsafe getaddrinfo(host, "\(port)", &hints, &found) == 0 else {
            throw Failure(step: "look up \(host)", code: ENOENT)
        }
        defer { unsafe freeaddrinfo(found) }
        var code = ENOENT
        var entry = unsafe found
        while let current = unsafe entry {
            let descriptor = try unsafe open(current.pointee.ai_family)
            if unsafe Glibc.connect(
                descriptor, current.pointee.ai_addr, current.pointee.ai_addrlen) == 0
            {
                return descriptor
            }
            code = errno
            close(descriptor)
            unsafe entry = current.pointee.ai_next
        }
        throw Failure(step: "connect", code: code)
    }

    private static func connect(path: String) throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(step: "connect", code: ENAMETOOLONG)
        }
        // Safety: the guard leaves room for all bytes and the NUL that ends them.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let descriptor = try open(AF_UNIX)
        // Safety: a sockaddr_un may be passed as a sockaddr of its own size.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(step: "connect", code: code)
        }
        return descriptor
    }

    private static func send(_ descriptor: Int32, _ bytes: [UInt8]) throws(Failure) {
        // Safety: the array is as long as the count that is passed.
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count == bytes.count else { throw Failure(step: "send", code: errno) }
    }

    private static func receive(
        _ descriptor: Int32, byteCount: Int
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: byteCount)
        while bytes.count < byteCount {
            // Safety: the array is longer than the count that is passed.
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe recv(descriptor, $0.baseAddress, byteCount - bytes.count, 0)
            }
            guard count > 0 else {
                throw Failure(step: "receive", code: count == 0 ? ECONNRESET : errno)
            }
            bytes += piece[..<count]
        }
        return bytes
    }
}
