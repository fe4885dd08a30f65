// An address and a handler -> a listening server, and its orderly end.

public import NIOCore
internal import NIOPosix
internal import Synchronization

/// Accepts connections on an address and hands their requests to one handler.
public final class HTTPServer: Sendable {
    public enum Address: Sendable, Equatable {
        /// A port of 0 lets the system choose; `port` tells.
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    public struct Configuration: Sendable {
        public var address: Address
        public var limits = Limits()
        public var eventLoopCount = 2
        public var backlog: Int32 = 1024
        /// Connections beyond are answered 503 and closed.
        public var connectionsMax = 10_000
        /// A client that shuts its sending side while it waits for an answer has, by default,
        /// gone: its work is cancelled and its connection closed, for that is how clients'
        /// close arrives. `true` answers it still (as `nc -N` wants), and notices a client that
        /// is gone by a reset only.
        public var isHalfCloseAllowed = false
        /// Makes what hears of each request's end, for the event loop of an index.
        public var observer: (@Sendable (_ loopIndex: Int) -> any RequestObserver)?
        /// The content of answers that this layer makes itself. The request is nil where its
        /// head was not read. It is called on an event loop.
        public var errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent = {
            error, _ in
            ErrorContent(contentType: "text/plain", bytes: Array("\(error.detail)\n".utf8))
        }

        public init(_ address: Address) { self.address = address }
    }

    /// Why a server could not start.
    public enum StartError: Error, Equatable {
        /// Another process listens on the Unix socket.
        case socketInUse(path: String)
        /// Something that is no socket stands at the path.
        case notASocket(path: String)
        /// The path does not fit a socket address, or holds a NUL.
        case badSocketPath(path: String)
    }

    /// More connections than `connectionsMax` that get their 503 before any is cut at once.
    private static var refusedConnectionsMax: Int { 256 }

    private let group: MultiThreadedEventLoopGroup
    private let context: ServerContext
    private let loops: [LoopContext]
    private let channel: any Channel
    private let address: Address

    private init(
        group: MultiThreadedEventLoopGroup, context: ServerContext, loops: [LoopContext],
        channel: any Channel, address: Address
    ) {
        self.group = group
        self.context = context
        self.loops = loops
        self.channel = channel
        self.address = address
    }

    /// Binds and begins to serve.
    /// - Throws: `StartError`, or the system's error from `bind`.
    public static func start(
        _ configuration: Configuration, handler: any HTTPHandler
    ) async throws -> HTTPServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoopCount)
        do {
            let context = ServerContext(configuration, handler: handler)
            var loops: [LoopContext] = []
            for eventLoop in group.makeIterator() {
                loops.append(
                    LoopContext(
                        server: context, eventLoop: eventLoop, index: loops.count,
                        observer: configuration.observer?(loops.count)))
            }
            let bootstrap = bootstrap(group, configuration, context, loops)
            let channel: any Channel
            switch configuration.address {
            case .tcp(let host, let port):
                channel = try await bootstrap.bind(host: host, port: port).get()
            case .unix(let path):
                try UnixSocket.prepare(path)
                channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
            }
            return HTTPServer(
                group: group, context: context, loops: loops, channel: channel,
                address: configuration.address)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ configuration: Configuration,
        _ context: ServerContext, _ loops: [LoopContext]
    ) -> ServerBootstrap {
        let isTCP = if case .tcp = configuration.address { true } else { false }
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: configuration.backlog)
            .childChannelOption(
                .allowRemoteHalfClosure, value: configuration.isHalfCloseAllowed
            )
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1024, initial: 4096, maximum: 128 * 1024)
            )
            .childChannelInitializer { channel in
                accept(channel, context, loops)
            }
        if isTCP {
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        return bootstrap
    }

    private static func accept(
        _ channel: any Channel, _ context: ServerContext, _ loops: [LoopContext]
    ) -> EventLoopFuture<Void> {
        let count = context.connectionCount.add(1, ordering: .relaxed).newValue
        channel.closeFuture.whenComplete { _ in
            context.connectionCount.subtract(1, ordering: .relaxed)
        }
        guard count <= context.connectionsMax + refusedConnectionsMax,
            let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })
        else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                ConnectionHandler(loop, isOverloaded: count > context.connectionsMax))
        }
    }

    /// The port that a TCP server listens on.
    public var port: Int? { channel.localAddress?.port }

    /// Connections that are open now, refused ones included.
    public var connectionCount: Int { context.connectionCount.load(ordering: .relaxed) }

    /// The event loops, in the order of `RequestRecord.loopIndex`.
    public var eventLoops: [any EventLoop] { loops.map(\.eventLoop) }

    // MARK: The end

    /// Serves on, but each answer says `Connection: close`, and idle connections end soon.
    public func beginDrain() {
        for loop in loops { loop.eventLoop.execute { loop.drain() } }
    }

    /// Takes no new connections; those that are open are served on, and those that clients see
    /// as open because the system has made them.
    public func stopAccepting() async {
        if case .unix(let path) = address { UnixSocket.remove(path) }
        await Backlog.empty(of: channel)
        try? await channel.close().get()
        // A connection accepted last has reached its loop when this has.
        for loop in loops { try? await loop.eventLoop.submit {}.get() }
    }

    /// Ends the server: drains, stops accepting, closes connections between two requests, waits
    /// until every request in work is answered and new connections have had a moment to send
    /// theirs, and after the grace cuts what is left. Call it once.
    /// - Parameter settle: awaited before the event loops end, with no connection left: other
    ///   threads may still hand results to the loops until it returns.
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
        try? await group.shutdownGracefully()
        return isComplete
    }
}
