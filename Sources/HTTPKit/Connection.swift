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
    /// What a connection without a request is counted with: its objects here and in the kernel.
    static var byteCount: Int { 8 * 1024 }

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
    /// The client sends no more, and is answered still.
    private(set) var isInputClosed = false
    private var alarm: ConnectionAlarm?

    // MARK: Of Connection+Input

    /// Unread bytes: a part of a head, or requests after the one in work.
    var inbound = ByteBuffer()
    var isProcessing = false
    /// What was collected of the request's content, and the memory for it, from some size on.
    var content = ByteBuffer()
    var contentHold: MemoryHold?
    /// What its head and the bytes that wait are counted with.
    var inputBytesHeld = 0
    var receiver: (any BodyReceiver)?
    var gatherer: (any ContentReceiver)?
    var wantsContent = false
    var isContentPaused = false
    /// What is left over waits for the next turn: others come first.
    var isDeferred = false

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
    /// What `backlog` is counted with.
    var answerBytesHeld = 0
    /// Of what the client takes, while something is unsent; what the kernel had then, and when the
    /// client was last seen to have taken something.
    var outputRate = RateMeter()
    var unacknowledgedByteCount = 0
    var lastTakenTime: UInt64 = 0
    /// Of the request's content, when the rate was last looked at.
    private var contentSeen = 0

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
        guard loop.eventLoop.register(self, .read) else { return cut() }
        let now = loop.eventLoop.now
        if loop.isDraining { state.drain(now: now) }
        if isOverloaded { refuse(ProtocolError(.tooManyConnections)) }
        setAlarm()
    }

    override func continueTurn() {
        isDeferred = false
        processInbound()
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
        if contentHold != nil { contentHold = nil }
        observeEnd(wasCut: wasCancelled, now: now)
        isStreaming = false
        request.end()
        if inputBytesHeld > 0 { holdInput() }
        callWriteWaiters(!wasCancelled)
        if wasCancelled { action?() }
    }

    func drain(now: UInt64) {
        state.drain(now: now)
        setAlarm()
    }

    /// Closes now, unless a first request or the rest of a head is to be expected, which
    /// `state` gives a short time.
    func closeIfIdle(now: UInt64) {
        state.hurry(now: now)
        setAlarm()
        if state.isBetweenRequests, inbound.readableBytes == 0 { close(.whole) }
    }

    /// Closes the socket at once. A client that has not got all of an answer is told by a reset:
    /// where the end of the connection ends the content, it would take it for whole.
    func cut() {
        guard isConnected else { return }
        isConnected = false
        let isUnfinished = isStreaming || !outputRange.isEmpty || !backlog.isEmpty
        state.close()
        loop.eventLoop.deregister(self)
        system.close(descriptor, isReset: isUnfinished)
        alarm?.cancel()
        alarm = nil
        forgetOutput()
        inbound = ByteBuffer()
        holdInput()
        endExchange(wasCancelled: true, now: loop.eventLoop.now)
        loop.remove(self)
    }

    /// The client has shut its sending side, or closed its socket: that looks the same. What was
    /// sent whole is answered. An interim answer finds out which it was: a closed socket answers
    /// with a reset, and the work for it is stopped.
    func inputEnded() {
        isInputClosed = true
        wait(for: interest.subtracting(.read))
        if state.mayInform, state.phase != .body || state.isContentComplete {
            append(byteCountMax: 32, now: loop.eventLoop.now) {
                $0.append("HTTP/1.1 100 Continue\r\n\r\n")
            }
        }
        closeAfterInput()
    }

    /// Nothing more comes: ends the connection behind the answers that were given, unless another
    /// can be.
    func closeAfterInput() {
        guard isInputClosed, isConnected else { return }
        switch state.phase {
        case .head, .body:
            if state.phase == .body, state.isContentComplete { return }
            if state.hasResponseBegun { return cut() }
            endExchange(wasCancelled: true, now: loop.eventLoop.now)
            state.close()
            close(.whole)
        case .idle where inbound.readableBytes == 0, .discarding, .lingering: close(.whole)
        default: break
        }
    }

    /// Has the loop tell of this from now on.
    func wait(for readiness: Readiness) {
        // A socket that can't be watched would be forgotten.
        if !loop.eventLoop.setInterest(self, readiness) { cut() }
    }

    // MARK: Times

    /// Sees to it that a call comes no later than the next deadline. One that comes too early sets
    /// the next one, so the deadlines of a busy connection cost nothing.
    func setAlarm() {
        guard let alarm else { return }
        let next = min(state.deadline, outputRate.checkTime)
        if next < alarm.time { alarm.set(next) }
    }

    /// Whether the client takes its last answer, which is all with the kernel, at the minimum rate.
    /// Closed before, a connection on which more comes would lose it.
    private func isStillTaken(now: UInt64) -> Bool {
        guard state.phase == .lingering, now >= state.deadline else { return false }
        let before = unacknowledgedByteCount
        unacknowledgedByteCount = system.unacknowledgedByteCount(descriptor)
        let taken = before - unacknowledgedByteCount
        return unacknowledgedByteCount > 0 && taken > 0
            && taken >= state.limits.bytesPerSecondMin
    }

    fileprivate func alarmed(now: UInt64) {
        if now >= outputRate.checkTime {
            measureOutput(now: now)
            // Who sends all before it reads is not slow.
            let contentCount = tally.requestByteCount
            outputRate.add(contentCount - (contentCount < contentSeen ? 0 : contentSeen))
            contentSeen = contentCount
            if outputRate.isTooSlow(now: now, state.limits) { return cut() }
        }
        if !backlog.isEmpty || isStillTaken(now: now) { state.waitForWrites(now: now) }
        switch state.timeOut(now: now) {
        case .refuse(let error): refuse(error)
        case .linger: close(.writing)
        case .close: cut()
        default: break
        }
        setAlarm()
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
