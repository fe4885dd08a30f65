// An address and a handler -> a listening server, and its graceful shutdown.

internal import Synchronization

/// Accepts connections at an address and passes the requests of each event loop to its handler.
public final class HTTPServer: Sendable {
    public enum Address: Sendable, Equatable {
        /// With port 0 the system chooses a port, which `port` returns.
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    public struct Configuration: Sendable {
        public var address: Address
        public var limits = ConnectionLimits()
        public var eventLoopCount = 2
        public var backlog: Int32 = 1024
        /// Further connections are answered with 503 and closed.
        public var connectionsMax = 10_000
        /// The account of the memory that requests hold.
        public var memory = MemoryAccount()
        /// Makes the observer of the requests of the event loop with that index.
        public var observer: (@Sendable (_ loopIndex: Int) -> any RequestObserver)?
        /// The content of error responses that this layer makes itself. The request is nil if its
        /// head was not read. Called on an event loop.
        public var errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent = {
            error, _ in
            ErrorContent(contentType: "text/plain", bytes: Array("\(error.detail)\n".utf8))
        }

        /// Starts a thread for an event loop; returns false if the system has none.
        public var startThread: @Sendable (_ name: String, @escaping @Sendable () -> Void) -> Bool

        public init(
            _ address: Address,
            startThread:
                @escaping @Sendable (_ name: String, @escaping @Sendable () -> Void) -> Bool
        ) {
            self.address = address
            self.startThread = startThread
        }
    }

    /// Connections above `connectionsMax` that receive a 503; further ones are closed at once.
    private static var rejectedConnectionsMax: Int { 256 }

    private let context: ServerContext
    private let loops: [LoopContext]
    /// One on each loop, all for the same socket: whichever loop is free accepts.
    private let listeners: [OnLoop<Listener>]
    private let descriptor: Int32
    private let address: Address
    /// The port that a TCP server listens on.
    public let port: Int?

    private init(
        _ context: ServerContext, _ loops: [LoopContext], _ descriptor: Int32, _ address: Address
    ) {
        self.context = context
        self.loops = loops
        self.descriptor = descriptor
        self.address = address
        port = Socket.port(descriptor)
        let isTCP = if case .tcp = address { true } else { false }
        let selector = LoopSelector(loops)
        listeners = loops.map { loop in
            OnLoop(
                value: Listener(descriptor, loop.eventLoop) { accepted in
                    if isTCP { Socket.setNoDelay(accepted) }
                    Self.assign(accepted, context, selector.next(now: loop.eventLoop.now))
                })
        }
    }

    /// Binds and starts to serve.
    /// - Parameter handler: makes the handler of the event loop with that index. Loops that shared
    ///   one would contend on its reference count.
    /// - Throws: `ListenError`.
    public static func start(
        _ configuration: Configuration, handler: (_ loopIndex: Int) -> any HTTPHandler
    ) throws(ListenError) -> HTTPServer {
        let context = ServerContext(configuration)
        var loops: [LoopContext] = []
        do throws(SocketError) {
            for index in 0..<configuration.eventLoopCount {
                loops.append(
                    LoopContext(
                        server: context, eventLoop: try EventLoop(), index: index,
                        handler: handler(index), observer: configuration.observer?(index)))
            }
        } catch {
            throw .system(error)
        }
        let descriptor =
            switch configuration.address {
            case .tcp(let host, let port):
                try Listener.listen(host: host, port: port, backlog: configuration.backlog)
            case .unix(let path):
                try Listener.listen(unixPath: path, backlog: configuration.backlog)
            }
        let server = HTTPServer(context, loops, descriptor, configuration.address)
        for loop in loops {
            let eventLoop = loop.eventLoop
            guard configuration.startThread("loop-\(loop.index)", { eventLoop.run() }) else {
                for started in loops[..<loop.index] { started.eventLoop.stop() }
                Socket.close(descriptor)
                throw .noThread
            }
        }
        context.memory.onShortage { [loops] in
            for loop in loops { loop.eventLoop.execute { loop.dropReader() } }
        }
        for (loop, listener) in zip(loops, server.listeners) {
            loop.eventLoop.execute { listener.value.listen() }
        }
        return server
    }

    /// Assigns a new connection to a loop.
    private static func assign(_ descriptor: Int32, _ context: ServerContext, _ loop: LoopContext) {
        let count = context.connectionCount.add(1, ordering: .relaxed).newValue
        guard count <= context.connectionsMax + rejectedConnectionsMax else {
            context.connectionCount.subtract(1, ordering: .relaxed)
            return Socket.close(descriptor)
        }
        let hasMemory = context.memory.take(Connection.byteCount, .connections)
        if !hasMemory { context.memory.add(Connection.byteCount, .connections) }
        let isOverloaded = count > context.connectionsMax || !hasMemory
        if loop.eventLoop.isCurrent {
            loop.adopt(descriptor, isOverloaded: isOverloaded)
        } else {
            loop.eventLoop.execute { loop.adopt(descriptor, isOverloaded: isOverloaded) }
        }
    }

    /// Clients that were cut because their unread responses took the memory of others.
    public var droppedReaderCount: Int { context.droppedReaderCount.load(ordering: .relaxed) }

    /// Connections that are open now, including rejected ones.
    public var connectionCount: Int { context.connectionCount.load(ordering: .relaxed) }

    /// The event loops, in the order of `RequestRecord.loopIndex`.
    public var eventLoops: [EventLoop] { loops.map(\.eventLoop) }

    // MARK: Shutdown

    /// Serves on, but each response has `Connection: close`, and idle connections are closed soon.
    public func beginDrain() {
        for loop in loops { loop.eventLoop.execute { loop.drain() } }
    }

    /// Stops accepting connections. Open ones are still served, and so are those that the system
    /// has established and clients therefore see as open.
    public func stopAccepting() async {
        if case .unix(let path) = address { UnixSocket.remove(path) }
        await AcceptQueue.drain(descriptor)
        for (loop, listener) in zip(loops, listeners) {
            loop.eventLoop.execute { listener.value.stop() }
            await loop.eventLoop.settle()
        }
        // Connections still in the accept queue are reset.
        Socket.close(descriptor)
        // A connection that was accepted last reaches its loop before this settles.
        for loop in loops { await loop.eventLoop.settle() }
    }

    /// Shuts the server down: drains, stops accepting, closes connections between two requests,
    /// waits until every open request is answered and new connections have had a moment to send
    /// theirs, and cuts the rest after the grace period. Call it once.
    /// - Parameter settle: awaited before the event loops end, with no connection left: until it
    ///   returns, other threads may still pass results to the loops.
    /// - Returns: whether all requests were answered in time.
    @discardableResult
    public func shutdown(
        graceNanoseconds: UInt64, settle: @Sendable () async -> Void = {}
    ) async -> Bool {
        beginDrain()
        await stopAccepting()
        for loop in loops { loop.eventLoop.execute { loop.closeIdle() } }
        let end = LoopClock.now &+ graceNanoseconds
        while connectionCount > 0, LoopClock.now < end {
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        let isComplete = connectionCount == 0
        for loop in loops { loop.eventLoop.execute { loop.cutAll() } }
        await settle()
        for loop in loops { await loop.eventLoop.end() }
        return isComplete
    }
}

/// Chooses the loop of a new connection: round robin, but skips a loop that is held up by its
/// current iteration while another is free.
private final class LoopSelector: Sendable {
    private static let lateNanoseconds: UInt64 = 5_000_000

    private let loops: [LoopContext]
    private let count = Atomic<Int>(0)

    init(_ loops: [LoopContext]) { self.loops = loops }

    func next(now: UInt64) -> LoopContext {
        let first = count.add(1, ordering: .relaxed).newValue
        for offset in 0..<loops.count {
            let loop = loops[(first &+ offset) % loops.count]
            if loop.eventLoop.iterationTime(now: now) < Self.lateNanoseconds { return loop }
        }
        return loops[first % loops.count]
    }
}
