// The system's calls on sockets, with results in place of errno.

internal import CEpoll
internal import Glibc

/// A failed system call.
public struct SocketError: Error, Equatable {
    public let call: StaticString
    /// The system's number of the error.
    public let errorNumber: Int32

    public static func == (lhs: SocketError, rhs: SocketError) -> Bool {
        lhs.errorNumber == rhs.errorNumber
    }

    /// Checks the result of a call that returns -1 on failure.
    static func check(
        _ result: Int32, _ call: StaticString
    ) throws(SocketError) -> Int32 {
        if result < 0 { throw SocketError(call: call, errorNumber: errno) }
        return result
    }
}

/// Non-blocking stream sockets. Descriptors are open: their owners close them once.
enum Socket {
    enum Reading: Equatable {
        case bytes(Int)
        /// The other side sends no more.
        case end
        case wouldBlock
        case failed
    }

    enum Writing: Equatable {
        /// As many bytes as there was room for, possibly none.
        case bytes(Int)
        case failed
    }

    enum Accepting: Equatable {
        case descriptor(Int32)
        /// The accept queue is empty.
        case none
        /// The connection has been aborted; another may wait.
        case gone
        /// The process or the system has no descriptor or memory left.
        case exhausted
    }

    private static var flags: Int32 {
        Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    }

    static func receive(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Reading {
        while true {
            // Safety: the call writes into the room that it is given.
            let count = unsafe socket_receive(descriptor, room.baseAddress, UInt(room.count))
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed
            }
        }
    }

    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Writing {
        while true {
            // Safety: the call reads the bytes that it is given.
            let count = unsafe socket_send(
                descriptor, bytes.baseAddress, UInt(bytes.count), Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .bytes(0)
            default: return .failed
            }
        }
    }

    /// Sends two byte ranges as one.
    static func send(
        _ descriptor: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Writing {
        var parts = unsafe (
            iovec(
                iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress),
                iov_len: first.count),
            iovec(
                iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress),
                iov_len: second.count)
        )
        return unsafe withUnsafeMutableBytes(of: &parts) { memory in
            var message = unsafe msghdr()
            // Safety: a tuple of two values of a type is laid out as an array of them.
            unsafe message.msg_iov = memory.baseAddress?.assumingMemoryBound(to: iovec.self)
            unsafe message.msg_iovlen = 2
            while true {
                let count = unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                if count >= 0 { return .bytes(count) }
                switch errno {
                case EINTR: continue
                case EAGAIN: return .bytes(0)
                default: return .failed
                }
            }
        }
    }

    static func accept(_ listener: Int32) -> Accepting {
        while true {
            let descriptor = socket_accept(listener, nil, nil, flags)
            if descriptor >= 0 { return .descriptor(descriptor) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EBADF, EINVAL: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            default: return .gone
            }
        }
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// Sends no more; bytes from the peer are still received.
    static func shutWriting(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes the following close discard unsent bytes and reset the connection.
    static func resetOnClose(_ descriptor: Int32) {
        setOption(descriptor, SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    }

    static func setNoDelay(_ descriptor: Int32) {
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1))
    }

    static func setOption<Value: BitwiseCopyable>(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Value
    ) {
        var value = value
        // Safety: the call reads the value that it is given.
        _ = unsafe setsockopt(
            descriptor, level, name, &value, socklen_t(MemoryLayout<Value>.size))
    }

    // MARK: Listening

    /// - Throws: the error of the first call that failed.
    static func listen(
        family: Int32, _ address: UnsafeRawBufferPointer, reusesAddress: Bool, backlog: Int32
    ) throws(SocketError) -> Int32 {
        let descriptor = try SocketError.check(
            socket(family, Int32(SOCK_STREAM.rawValue) | flags, 0), "socket")
        do throws(SocketError) {
            if reusesAddress { setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, Int32(1)) }
            // Safety: the bytes are an address of that family.
            let start = unsafe address.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            _ = try SocketError.check(
                unsafe bind(descriptor, start, socklen_t(address.count)), "bind")
            _ = try SocketError.check(Glibc.listen(descriptor, backlog), "listen")
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// The port that a TCP socket is bound to.
    static func port(_ descriptor: Int32) -> Int? {
        var storage = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // Safety: the call writes at most as many bytes as the storage has; both families of
        // TCP have the port after the family.
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            let result = unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &byteCount)
            }
            let family = unsafe Int32(storage.pointee.ss_family)
            guard result == 0, family == AF_INET || family == AF_INET6 else { return nil }
            return unsafe storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                unsafe Int(UInt16(bigEndian: $0.pointee.sin_port))
            }
        }
    }
}
