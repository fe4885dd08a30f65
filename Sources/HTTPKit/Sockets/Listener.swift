// An address -> a listening socket; its connections -> their owner.

internal import Glibc

/// Why a server could not start to listen.
public enum ListenError: Error, Equatable {
    /// Another process listens on the Unix socket.
    case socketInUse(path: String)
    /// The file at the path is not a socket.
    case notASocket(path: String)
    /// The path does not fit into a socket address, or contains a NUL.
    case badSocketPath(path: String)
    /// The host has no known address.
    case unknownHost(String)
    /// There is no thread for an event loop.
    case noThread
    /// The system refused.
    case system(SocketError)
}

/// Accepts connections on one loop, from a socket that other loops may also listen on.
final class Listener: EventSource {
    /// Connections accepted for one event, before other sources of the loop.
    private static var acceptCountMax: Int { 64 }
    /// The pause before the next attempt when there is no descriptor for a connection.
    private static var pauseNanoseconds: UInt64 { 100_000_000 }

    private let loop: EventLoop
    private let take: (Int32) -> Void

    /// - Parameter take: called with the descriptor of each connection; takes ownership of it.
    init(_ descriptor: Int32, _ loop: EventLoop, _ take: @escaping (Int32) -> Void) {
        self.loop = loop
        self.take = take
        super.init(descriptor: descriptor)
    }

    private var pause: LoopTimer?

    /// Starts, retrying until the system watches the socket: a listener that gave up would never
    /// accept again.
    func listen() {
        pause = nil
        if !loop.register(self, [.read, .exclusive]) { listenLater() }
    }

    private func listenLater() {
        loop.deregister(self)
        let listener = OnLoop(value: self)
        pause = loop.schedule(atNanoseconds: loop.now &+ Self.pauseNanoseconds) {
            listener.value.listen()
        }
    }

    override func ready(_ readiness: Readiness) {
        for _ in 0..<Self.acceptCountMax {
            switch Socket.accept(descriptor) {
            case .descriptor(let accepted): take(accepted)
            case .gone: continue
            case .none: return
            case .exhausted: return listenLater()
            }
        }
    }

    /// Accepts nothing more. The socket stays open.
    func stop() {
        pause?.cancel()
        pause = nil
        loop.deregister(self)
    }

    // MARK: Addresses

    /// Listens on the first address of a host on which that succeeds.
    /// - Throws: `ListenError`.
    static func listen(
        host: String, port: Int, backlog: Int32
    ) throws(ListenError) -> Int32 {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        // Safety: the strings live for the call; the list is freed once it has been walked.
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list
        else { throw .unknownHost(host) }
        defer { unsafe freeaddrinfo(first) }
        var failure = ListenError.unknownHost(host)
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let entry = unsafe next?.pointee {
            let address = unsafe UnsafeRawBufferPointer(
                start: entry.ai_addr, count: Int(entry.ai_addrlen))
            do throws(SocketError) {
                return try unsafe Socket.listen(
                    family: entry.ai_family, address, reusesAddress: true,
                    backlog: backlog)
            } catch {
                failure = .system(error)
            }
            unsafe next = entry.ai_next
        }
        throw failure
    }

    /// - Throws: `ListenError`.
    static func listen(
        unixPath path: String, backlog: Int32
    ) throws(ListenError) -> Int32 {
        try UnixSocket.prepare(path)
        let address = try UnixSocket.address(path)
        // Safety: the bytes live for the call.
        let result = unsafe withUnsafeBytes(of: address) { bytes in
            Result { () throws(SocketError) in
                try unsafe Socket.listen(
                    family: AF_UNIX, bytes, reusesAddress: false, backlog: backlog)
            }
        }
        do { return try result.get() } catch { throw .system(error) }
    }
}

/// A value used only on its loop, while passed there: therefore it may be `Sendable`.
struct OnLoop<Value>: @unchecked Sendable {
    let value: Value
}
