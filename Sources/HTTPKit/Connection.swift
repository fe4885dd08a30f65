// A socket's bytes and events -> ConnectionState's, and its actions -> calls of the handler.
//
//     Connection.swift            lifecycle and deadlines
//     Connection+Input.swift      incoming bytes, including the request's content
//     Connection+Response.swift   responses: whole, streamed, and rejections
//     Connection+Output.swift     outgoing bytes
//
// All of it runs on the connection's event loop.

internal import struct NIOCore.ByteBuffer

/// `Sendable` because only its event loop accesses its variables: other threads pass it along and
/// hop to that loop, as `Exchange` does.
final class Connection: EventSource, @unchecked Sendable {
    /// The memory counted for a connection without a request: its objects here and in the kernel.
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
    /// The client sends no more, but can still receive responses.
    private(set) var isInputClosed = false
    private var deadlineTimer: DeadlineTimer?

    // MARK: State of Connection+Input

    /// Unconsumed bytes: a part of a head, or requests after the current one.
    var inbound = ByteBuffer()
    var isProcessing = false
    /// The collected part of the request's content, and the count of its memory above some size.
    var content = ByteBuffer()
    var contentHold: MemoryHold?
    /// The memory counted for the head and the unconsumed bytes.
    var inputBytesHeld = 0
    var receiver: (any BodyReceiver)?
    var gatherer: (any ContentReceiver)?
    var wantsContent = false
    var isContentPaused = false
    /// The rest of its input waits for the loop's next iteration: other connections come first.
    var isDeferred = false

    // MARK: State of Connection+Response

    var isStreaming = false
    var isChunked = false
    var sendsContent = true
    var writeWaiters: [@Sendable (Bool) -> Void] = []

    // MARK: State of Connection+Output

    /// The range of its responses of this iteration in the loop's output.
    var outputRange = 0..<0
    /// The loop has it in its list of connections with output.
    var isToBeSent = false
    /// Bytes that the socket had no room for.
    var backlog = OutputBacklog()
    /// Too many bytes are unsent: the client must read before it is served further.
    var isBlocked = false
    /// How to close the socket once all is sent.
    var closing = Closing.none
    /// The memory counted for `backlog`.
    var responseBytesHeld = 0
    /// The rate at which the client takes bytes, while some are unsent; the unacknowledged bytes at
    /// the last measurement; and when progress was last seen.
    var outputRate = RateMeter()
    var unacknowledgedByteCount = 0
    var lastTakenTime: UInt64 = 0
    /// Bytes of the request's content at the last check of the rate.
    private var contentSeen = 0

    init(_ loop: LoopContext, _ descriptor: Int32) {
        self.loop = loop
        state = ConnectionState(limits: loop.server.limits, now: loop.eventLoop.now)
        super.init(descriptor: descriptor)
    }

    var system: SystemCalls { loop.eventLoop.system }

    /// - Parameter isOverloaded: the server has no room for it.
    func begin(isOverloaded: Bool) {
        deadlineTimer = DeadlineTimer(self)
        loop.add(self)
        guard loop.eventLoop.register(self, .read) else { return cut() }
        let now = loop.eventLoop.now
        if loop.isDraining { state.drain(now: now) }
        if isOverloaded { reject(ProtocolError(.tooManyConnections)) }
        setDeadlineTimer()
    }

    override func continueIteration() {
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

    /// Ends the exchange. Late calls through its `Exchange` find another state or serial.
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
        setDeadlineTimer()
    }

    /// Closes now, unless a first request or the rest of a head is expected: `state` gives that a
    /// short time.
    func closeIfIdle(now: UInt64) {
        state.hurry(now: now)
        setDeadlineTimer()
        if state.isBetweenRequests, inbound.readableBytes == 0 { close(.whole) }
    }

    /// Closes the socket at once; with a reset if the client has not received its whole response:
    /// where the end of the connection delimits the content, a plain close would make it look
    /// complete.
    func cut() {
        guard isConnected else { return }
        isConnected = false
        let isUnfinished = isStreaming || !outputRange.isEmpty || !backlog.isEmpty
        state.close()
        loop.eventLoop.deregister(self)
        system.close(descriptor, isReset: isUnfinished)
        deadlineTimer?.cancel()
        deadlineTimer = nil
        forgetOutput()
        inbound = ByteBuffer()
        holdInput()
        endExchange(wasCancelled: true, now: loop.eventLoop.now)
        loop.remove(self)
    }

    /// The client has shut down its sending side, or closed its socket: both look the same.
    /// Requests that were received whole are served. An interim response tells the cases apart: a
    /// closed socket replies with a reset, and the work for the request is cancelled.
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

    /// After the end of input: closes the connection after the responses that were given, unless
    /// another is still to come.
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

    /// Changes which readiness the loop reports.
    func wait(for readiness: Readiness) {
        // A socket that cannot be watched would never be served again.
        if !loop.eventLoop.setInterest(self, readiness) { cut() }
    }

    // MARK: Deadlines

    /// Arms the timer no later than the next deadline. One that fires early is armed again, so the
    /// deadlines of a busy connection cost nothing.
    func setDeadlineTimer() {
        guard let deadlineTimer else { return }
        let next = min(state.deadline, outputRate.checkTime)
        if next < deadlineTimer.time { deadlineTimer.set(next) }
    }

    /// Whether the client still reads its last response, all of which the kernel has, at the
    /// minimum rate. A connection that still receives input would lose the response if it were
    /// closed before.
    private func isStillReading(now: UInt64) -> Bool {
        guard state.phase == .lingering, now >= state.deadline else { return false }
        let before = unacknowledgedByteCount
        unacknowledgedByteCount = system.unacknowledgedByteCount(descriptor)
        let taken = before - unacknowledgedByteCount
        return unacknowledgedByteCount > 0 && taken > 0
            && taken >= state.limits.bytesPerSecondMin
    }

    fileprivate func deadlineTimerFired(now: UInt64) {
        if now >= outputRate.checkTime {
            measureOutput(now: now)
            // A client that sends its whole request before it reads is not slow.
            let contentCount = tally.requestByteCount
            outputRate.add(contentCount - (contentCount < contentSeen ? 0 : contentSeen))
            contentSeen = contentCount
            if outputRate.isTooSlow(now: now, state.limits) { return cut() }
        }
        if !backlog.isEmpty || isStillReading(now: now) { state.waitForWrites(now: now) }
        switch state.timeOut(now: now) {
        case .reject(let error): reject(error)
        case .linger: close(.writing)
        case .close: cut()
        default: break
        }
        setDeadlineTimer()
    }
}

/// The timer of a connection's deadlines.
private final class DeadlineTimer: LoopTimer {
    private unowned let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
        super.init(connection.loop.eventLoop)
    }

    override func fire(now: UInt64) { connection.deadlineTimerFired(now: now) }
}
