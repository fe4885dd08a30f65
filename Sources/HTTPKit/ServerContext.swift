// What the connections of a server share, and what those of one event loop share.

import NIOCore
internal import Synchronization

/// Read by all loops; changed only through atomics.
final class ServerContext: Sendable {
    let limits: Limits
    let handler: any HTTPHandler
    let errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent
    let isHalfCloseAllowed: Bool
    let observer: (any RequestObserver)?
    let connectionsMax: Int
    let connectionCount = Atomic<Int>(0)

    init(_ configuration: borrowing HTTPServer.Configuration, handler: any HTTPHandler) {
        limits = configuration.limits
        self.handler = handler
        errorContent = configuration.errorContent
        isHalfCloseAllowed = configuration.isHalfCloseAllowed
        observer = configuration.observer
        connectionsMax = configuration.connectionsMax
    }
}

/// Belongs to its event loop, which is the only thread that touches its variables: that is why it
/// may be passed between threads.
final class LoopContext: @unchecked Sendable {
    /// A write buffer above this size is not kept for the next response.
    private static var outputBytesMax: Int { 256 * 1024 }

    let server: ServerContext
    let eventLoop: any EventLoop
    let index: Int
    var clock = LoopClock()
    private(set) var isDraining = false
    private var output = ByteBuffer()
    private var connections: [ConnectionHandler] = []

    init(server: ServerContext, eventLoop: any EventLoop, index: Int) {
        self.server = server
        self.eventLoop = eventLoop
        self.index = index
    }

    /// An empty buffer: the last response's, if the socket has let go of it.
    func takeOutput() -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &output)
        taken.clear(minimumCapacity: 512)
        return taken
    }

    func returnOutput(_ buffer: ByteBuffer) {
        if buffer.capacity <= Self.outputBytesMax { output = buffer }
    }

    func add(_ connection: ConnectionHandler) {
        connection.indexInLoop = connections.count
        connections.append(connection)
    }

    func remove(_ connection: ConnectionHandler) {
        let index = connection.indexInLoop
        guard index >= 0 else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.indexInLoop = index
        }
        connection.indexInLoop = -1
    }

    func drain() {
        isDraining = true
        let now = LoopClock.now
        for connection in connections { connection.drain(now: now) }
    }

    /// Closes connections between two requests.
    func closeIdle() {
        let now = LoopClock.now
        for connection in connections { connection.closeIfIdle(now: now) }
    }

    func cutAll() {
        for connection in connections { connection.cut() }
    }
}
