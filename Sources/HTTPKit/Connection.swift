// A socket's bytes and events -> ConnectionState's, and its actions -> calls of the handler.
//
//     Connection.swift            its life, its times and its end
//     Connection+Input.swift      bytes that come in, the request's content among them
//     Connection+Response.swift   answers: whole, streamed, and refusals
//     Connection+Output.swift     bytes that go out
//
// All of it runs on the connection's event loop.

internal import struct NIOCore.ByteBuffer

/// Only its event loop touches its variables; other threads pass it along and hop to that loop
/// (`Exchange` does): that is why it may be Sendable.
final class Connection: EventSource, @unchecked Sendable {
    let loop: LoopContext
    let request = Request()
    var state: ConnectionState
    var indexInLoop = -1
    /// Counts requests, so that an `Exchange` of an earlier one is recognised.
    var serial: UInt64 = 0
    var cancelAction: (@Sendable () -> Void)?
    var tally = RequestTally()
    /// Its socket is open.
    private(set) var isConnected = true
    /// The client sends no more, and may be answered still.
    private(set) var isInputClosed = false
    private var alarm: ConnectionAlarm?

    // MARK: Of Connection+Input

    /// Unread bytes: a part of a head, or requests after the one in work.
    var inbound = ByteBuffer()
    var isProcessing = false
    /// What was collected of the request's content.
    var content = ByteBuffer()
    var receiver: (any BodyReceiver)?
    var gatherer: (any ContentReceiver)?
    var wantsContent = false
    var isContentPaused = false

    // MARK: Of Connection+Response

    var isStreaming = false
    var isChunked = false
    var sendsContent = true
    var writeWaiters: [@Sendable (Bool) -> Void] = []

    // MARK: Of Connection+Output

    /// Where its answers of this turn stand in the loop's output.
    var outputRange = 0..<0
    /// The loop knows that it has output.
    var isToBeSent = false
    /// What the socket had no room for.
    var backlog = OutputBacklog()
    /// Too much is unsent: the client is to read first.
    var isBlocked = false
    /// What becomes of the socket when all is sent.
    var closing = Closing.none
    var writeCheckTime = ConnectionState.never
    var writeCheckByteCount: UInt64 = 0

    init(_ loop: LoopContext, _ descriptor: Int32) {
        self.loop = loop
        state = ConnectionState(limits: loop.server.limits, now: loop.eventLoop.now)
        super.init(descriptor: descriptor)
    }

    var system: SystemCalls { loop.eventLoop.system }

    /// - Parameter isOverloaded: the server has no room for it.
    func begin(isOverloaded: Bool) {
        alarm = ConnectionAlarm(self)
        loop.add(self)
        _ = loop.eventLoop.register(self, .read)
        let now = loop.eventLoop.now
        if loop.isDraining { state.drain(now: now) }
        if isOverloaded { refuse(ProtocolError(.tooManyConnections)) }
        setAlarm(now: now)
    }

    override func ready(_ readiness: Readiness) {
        if readiness.contains(.write) { sendBacklog(now: loop.eventLoop.now) }
        guard isConnected, !readiness.isDisjoint(with: [.read, .broken]) else { return }
        readable(isBroken: !readiness.isDisjoint(with: .broken))
    }

    // MARK: The end of an exchange and of the connection

    func isOpen(_ serial: UInt64) -> Bool {
        serial == self.serial && state.hasExchange
    }

    func setCancelAction(_ action: @escaping @Sendable () -> Void, serial: UInt64) {
        if isOpen(serial) { cancelAction = action } else { action() }
    }

    /// Forgets the exchange. Late calls through its `Exchange` find another state or serial.
    func endExchange(wasCancelled: Bool, now: UInt64) {
        let action = cancelAction
        if action != nil { cancelAction = nil }
        if receiver != nil { receiver = nil }
        if gatherer != nil { gatherer = nil }
        isContentPaused = false
        if content.capacity > 0 { content = ByteBuffer() }
        observeEnd(wasCut: wasCancelled, now: now)
        isStreaming = false
        request.end()
        callWriteWaiters(!wasCancelled)
        if wasCancelled { action?() }
    }

    func drain(now: UInt64) {
        state.drain(now: now)
        setAlarm(now: now)
    }

    /// Closes now, unless a first request or the rest of a head is to be expected, which
    /// `state` gives a short time.
    func closeIfIdle(now: UInt64) {
        state.hurry(now: now)
        setAlarm(now: now)
        if state.isBetweenRequests { close(.whole) }
    }

    /// Closes the socket at once.
    func cut() {
        guard isConnected else { return }
        isConnected = false
        state.close()
        loop.eventLoop.deregister(self)
        system.close(descriptor, isReset: false)
        alarm?.cancel()
        alarm = nil
        forgetOutput()
        inbound = ByteBuffer()
        endExchange(wasCancelled: true, now: loop.eventLoop.now)
        loop.remove(self)
    }

    /// The client has shut its sending side.
    func inputEnded() {
        guard loop.server.isHalfCloseAllowed else { return cut() }
        // The request in work, if whole, is still answered.
        isInputClosed = true
        _ = loop.eventLoop.setInterest(self, interest.subtracting(.read))
        closeAfterInput()
    }

    func closeAfterInput() {
        guard isInputClosed else { return }
        switch state.phase {
        case .head, .body: cut()
        case .idle, .lingering: close(.whole)
        default: break
        }
    }

    // MARK: Times

    /// Sees to it that a call comes no later than the next deadline. One that comes too early sets
    /// the next one, so the deadlines of a busy connection cost nothing.
    func setAlarm(now: UInt64) {
        guard let alarm else { return }
        let next = min(state.deadline, writeCheckTime)
        if next < alarm.time { alarm.set(next) }
    }

    fileprivate func alarmed(now: UInt64) {
        if now >= writeCheckTime, isStalled(now: now) { return cut() }
        if !backlog.isEmpty { state.waitForWrites(now: now) }
        switch state.timeOut(now: now) {
        case .refuse(let error): refuse(error)
        case .close: cut()
        default: break
        }
        setAlarm(now: now)
    }
}

/// The timer of a connection's deadlines.
private final class ConnectionAlarm: LoopTimer {
    private unowned let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
        super.init(connection.loop.eventLoop)
    }

    override func fire(now: UInt64) { connection.alarmed(now: now) }
}
