// What the connections of a server share, and what those of one event loop share.

import NIOCore
internal import Synchronization

/// Read by all loops; changed only through atomics.
final class ServerContext: Sendable {
    let limits: Limits
    let handler: any HTTPHandler
    let errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent
    let isHalfCloseAllowed: Bool
    let connectionsMax: Int
    let connectionCount = Atomic<Int>(0)

    init(_ configuration: borrowing HTTPServer.Configuration, handler: any HTTPHandler) {
        limits = configuration.limits
        self.handler = handler
        errorContent = configuration.errorContent
        isHalfCloseAllowed = configuration.isHalfCloseAllowed
        connectionsMax = configuration.connectionsMax
    }
}

/// Belongs to its event loop, which is the only thread that touches its variables: that is why it
/// may be passed between threads.
final class LoopContext: @unchecked Sendable {
    /// Write buffers up to this size are kept for later responses, and no more than this many.
    private static var outputBytesMax: Int { 32 * 1024 }
    private static var outputCountMax: Int { 32 }

    /// An answer that has waited so long for the turn's other events waits for no further one.
    private static var unflushedNanosecondsMax: UInt64 { 1_000_000 }

    let server: ServerContext
    let eventLoop: any EventLoop
    let index: Int
    let observer: (any RequestObserver)?
    var clock = LoopClock()
    private(set) var isDraining = false
    /// Buffers to write the next responses to, and those that the last ones were written to.
    private var outputs: [ByteBuffer] = []
    private var usedOutputs: [ByteBuffer] = []
    private var connections: [ConnectionHandler] = []
    /// Those with answers to be flushed at the end of this turn of the loop, and since when.
    private var unflushed: [ConnectionHandler] = []
    private var unflushedTime: UInt64 = 0

    init(
        server: ServerContext, eventLoop: any EventLoop, index: Int,
        observer: (any RequestObserver)?
    ) {
        self.server = server
        self.eventLoop = eventLoop
        self.index = index
        self.observer = observer
    }

    /// An empty buffer: an earlier response's, whose memory is used again if its socket has let
    /// go of it.
    func takeOutput() -> ByteBuffer {
        if outputs.isEmpty { swap(&outputs, &usedOutputs) }
        var taken = outputs.popLast() ?? ByteBuffer()
        taken.clear(minimumCapacity: 512)
        return taken
    }

    func returnOutput(_ buffer: ByteBuffer) {
        guard buffer.capacity <= Self.outputBytesMax,
            outputs.count + usedOutputs.count < Self.outputCountMax
        else { return }
        usedOutputs.append(buffer)
    }

    /// Flushes the connection's answers behind the events that are at hand. Were each written
    /// at once, the system would wake the client for each and run it in between: with 100
    /// connections that took a third of a small request's time.
    func flushAtTurnEnd(_ connection: ConnectionHandler, now: UInt64) {
        if unflushed.isEmpty {
            unflushedTime = now
            eventLoop.execute { self.flushAll() }
        }
        unflushed.append(connection)
    }

    /// Before an event is worked through, which may take its time.
    func flushOverdue(now: UInt64) {
        if !unflushed.isEmpty, now &- unflushedTime >= Self.unflushedNanosecondsMax { flushAll() }
    }

    private func flushAll() {
        // What a flush sets off may have connections come in again.
        var waiting: [ConnectionHandler] = []
        swap(&waiting, &unflushed)
        let now = LoopClock.now
        for connection in waiting { connection.turnEnded(now: now) }
        waiting.removeAll(keepingCapacity: true)
        if unflushed.isEmpty { swap(&waiting, &unflushed) }
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
