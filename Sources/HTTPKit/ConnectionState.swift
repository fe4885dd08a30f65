// The life of a connection as a pure value: bytes, responses and times in; the next action out.
//
//            bytes            head read          plan known         all content read
//     idle -------> head ----------> planning ----------> body ----------------> waiting
//      ^                                                    |                       |
//      |                                 answered early     v      answered         |
//      +------------------------------------------------ discarding                 |
//      +----------------------------------------------------------------------------+
//     and after the last response, from any phase: lingering -> closed
//
// It does no I/O and reads no clock: the caller passes a monotonic time in nanoseconds with each
// event, calls `timeOut` at `deadline`, and owns the bytes.

/// One server-side HTTP/1 connection.
struct ConnectionState: ~Copyable {
    enum Phase: UInt8 {
        case idle, head, planning, body, waiting, discarding, lingering, closed
    }

    /// The caller's next action.
    enum Action: Equatable {
        /// Read more, or wait for the response; keep the unconsumed bytes.
        case wait
        /// Call `next` again with the unconsumed bytes.
        case again
        /// The consumed bytes are a head: choose a plan for the content and call `startBody`.
        case head
        /// `byteCount` bytes of content begin at `offset` of the consumed bytes.
        case content(offset: Int, byteCount: Int)
        /// All content has been read: handle the request.
        case end
        /// Respond with this error, or cut the connection if a response has begun.
        case reject(ProtocolError)
        /// All requests were answered, but further input cannot be parsed: shut down the sending
        /// side after the responses, and drop all input until the client closes or `deadline`
        /// passes.
        case linger
        case close
    }

    struct Step: Equatable {
        var action: Action
        /// Bytes to drop from the front after the action.
        var consumed = 0
    }

    /// How the current response is delimited.
    enum ResponseFraming: Equatable {
        case length, chunked, untilClose
    }

    /// The Connection field of a response; omitted where it would state the default.
    enum ConnectionOption: Equatable {
        case none, close, keepAlive
    }

    struct ResponsePlan: Equatable {
        var framing: ResponseFraming
        var connectionOption: ConnectionOption
        /// A response to HEAD has the fields of its content but not the content.
        var sendsContent: Bool
    }

    static var never: UInt64 { .max }

    let limits: ConnectionLimits
    private(set) var phase = Phase.idle
    /// When to call `timeOut`; `never` if nothing is awaited.
    private(set) var deadline: UInt64
    /// When the first byte of the current request was read.
    private(set) var firstByteTime: UInt64 = 0
    private(set) var hasResponseBegun = false
    /// The server drains: each response is the last of its connection.
    private(set) var isDraining = false
    private var parser = RequestHeadParser()
    /// The memo's serial of the current head's bytes.
    private var headSerial: UInt64 = 0
    /// The current head equals that of the previous request, except the digits of Content-Length.
    private(set) var isHeadRepeated = false
    private var decoder = BodyDecoder.ended
    private var framing = RequestFraming.none
    private var isLastResponse = false
    private var isContinueDue = false
    private var isHeadRequest = false
    private var isOldVersion = false
    private var wantsKeepAlive = false
    private var lingeredByteCount = 0
    private var discardedByteCount = 0
    /// The rate of content while it is read or discarded.
    private var rate = RateMeter()
    /// When a pause within the content has lasted too long.
    private var stallTime = ConnectionState.never

    init(limits: ConnectionLimits, now: UInt64) {
        self.limits = limits
        deadline = now &+ limits.idleNanoseconds
    }

    /// Whether a request has been read, in part or whole, and its response is not complete.
    var isInWork: Bool {
        switch phase {
        case .idle, .lingering, .closed, .discarding: false
        case .head: !parser.isBeforeRequestLine
        case .planning, .body, .waiting: true
        }
    }

    /// Whether a request's head was read and its response is not complete.
    var hasExchange: Bool {
        phase == .planning || phase == .body || phase == .waiting
    }

    /// Whether no more content follows what `next` has returned.
    var isContentComplete: Bool { decoder.isAtEnd }

    /// Bytes of content still to come that are contiguous, if the framing gives their number.
    var knownContentByteCount: Int? { phase == .body ? decoder.knownRemainingByteCount : nil }

    // MARK: Bytes

    /// The next step for `bytes`: those not consumed by earlier steps, and those after them.
    /// - Parameters:
    ///   - head: the same value each time.
    ///   - memo: the same one each time, if any.
    mutating func next(
        _ bytes: BorrowedBytes, into head: inout RequestHead, now: UInt64, memo: HeadMemo? = nil
    ) -> Step {
        switch phase {
        case .idle:
            guard bytes.count > 0 else { return Step(action: .wait) }
            firstByteTime = now
            isHeadRepeated = memo?.recall(bytes, headSerial, into: &head) ?? false
            if isHeadRepeated { return plan(head) }
            deadline = now &+ limits.headReadNanoseconds
            headSerial = 0
            parser.reset()
            head.reset()
            phase = .head
            return readHead(bytes, into: &head, memo)
        case .head:
            return readHead(bytes, into: &head, memo)
        case .body, .discarding:
            return readBody(bytes, now: now)
        case .planning, .waiting:
            return Step(action: .wait)
        case .lingering:
            lingeredByteCount += bytes.count
            let isTooMuch = lingeredByteCount > limits.lingerBytesMax
            if isTooMuch { phase = .closed }
            return Step(action: isTooMuch ? .close : .wait, consumed: bytes.count)
        case .closed:
            return Step(action: .wait, consumed: bytes.count)
        }
    }

    private mutating func readHead(
        _ bytes: BorrowedBytes, into head: inout RequestHead, _ memo: HeadMemo?
    ) -> Step {
        do {
            guard try parser.parse(bytes, into: &head, limits: limits) else {
                return Step(action: .wait)
            }
        } catch {
            isHeadRequest = head.method == .head
            return Step(action: .reject(error))
        }
        if let memo { headSerial = memo.keep(bytes, head) }
        return plan(head)
    }

    /// The head is complete.
    private mutating func plan(_ head: borrowing RequestHead) -> Step {
        phase = .planning
        deadline = Self.never
        decoder = .ended
        isHeadRequest = head.method == .head
        isOldVersion = head.minorVersion == 0
        wantsKeepAlive = head.wantsKeepAlive
        framing = head.framing
        isContinueDue = head.expectsContinue && framing != .none
        return Step(action: .head, consumed: head.byteCount)
    }

    private mutating func readBody(_ bytes: BorrowedBytes, now: UInt64) -> Step {
        do {
            switch try decoder.next(bytes) {
            case .more:
                if bytes.count > 0 { bodyProgressed(bytes.count, now) }
                return Step(action: .wait, consumed: bytes.count)
            case .content(let offset, let byteCount):
                bodyProgressed(offset + byteCount, now)
                return content(offset: offset, byteCount: byteCount, now: now)
            case .end(let offset):
                let wasDiscarding = phase == .discarding
                isContinueDue = false
                phase = wasDiscarding ? .idle : .waiting
                deadline = wasDiscarding ? now &+ idleNanoseconds : Self.never
                return Step(action: wasDiscarding ? .again : .end, consumed: offset)
            }
        } catch {
            if phase == .discarding { return Step(action: linger(now: now)) }
            return Step(action: .reject(error))
        }
    }

    private mutating func content(offset: Int, byteCount: Int, now: UInt64) -> Step {
        guard phase == .discarding else {
            return Step(
                action: .content(offset: offset, byteCount: byteCount),
                consumed: offset + byteCount)
        }
        discardedByteCount += byteCount
        if discardedByteCount > limits.discardBytesMax {
            return Step(action: linger(now: now), consumed: offset + byteCount)
        }
        return Step(action: .again, consumed: offset + byteCount)
    }

    /// Records content that was read without `next`, at most as much as is still to come.
    mutating func contentRead(byteCount: Int, now: UInt64) {
        decoder.skip(byteCount)
        bodyProgressed(byteCount, now)
    }

    private mutating func bodyProgressed(_ byteCount: Int, _ now: UInt64) {
        isContinueDue = false
        rate.add(byteCount)
        stallTime = now &+ limits.bodyStallNanoseconds
        deadline = min(stallTime, rate.checkTime)
    }

    /// Content is awaited from now on.
    private mutating func beginBody(now: UInt64) {
        rate.start(now: now, limits)
        stallTime = now &+ limits.bodyStallNanoseconds
        deadline = min(stallTime, rate.checkTime)
    }

    private mutating func linger(now: UInt64) -> Action {
        phase = .lingering
        deadline = now &+ lingerNanoseconds
        return .linger
    }

    // MARK: The plan for the content

    /// The content is to be read, up to `bytesMax`.
    /// - Throws: `bodyTooLong` when Content-Length already exceeds that.
    mutating func startBody(bytesMax: Int, now: UInt64) throws(ProtocolError) {
        guard phase == .planning else { return }
        decoder = try BodyDecoder(framing, bytesMax: bytesMax, limits: limits)
        phase = .body
        beginBody(now: now)
    }

    /// Whether `100 Continue` is to be sent now; true at most once, and only before any content.
    mutating func takeContinue() -> Bool {
        guard isContinueDue, phase == .body else { return false }
        isContinueDue = false
        return true
    }

    /// The receiver has paused the content: silence is not the client's fault.
    mutating func pauseBody() {
        if phase == .body { deadline = Self.never }
    }

    mutating func resumeBody(now: UInt64) {
        if phase == .body { beginBody(now: now) }
    }

    // MARK: The response

    /// A response begins. A rejection ends the connection, as the input after it cannot be trusted.
    /// - Parameter hasLength: whether the length of the content is known.
    mutating func startResponse(hasLength: Bool, isRejection: Bool = false) -> ResponsePlan {
        hasResponseBegun = true
        var framing = ResponseFraming.length
        if !hasLength { framing = isOldVersion ? .untilClose : .chunked }
        isLastResponse =
            isRejection || !wantsKeepAlive || isDraining || framing == .untilClose
            || !(hasLength ? canReadToEnd : canReadOn)
        return ResponsePlan(
            framing: framing,
            connectionOption: isLastResponse ? .close : isOldVersion ? .keepAlive : .none,
            sendsContent: !isHeadRequest)
    }

    /// Whether the rest of the content, if any, is short enough to be discarded. A client that
    /// still waits for `100 Continue` may send its content or not: its connection is closed.
    private var canReadToEnd: Bool {
        switch phase {
        case .waiting: true
        case .planning where framing == .none: true
        case .planning:
            // The length of chunked content is not known.
            if case .length(let byteCount) = framing {
                !isContinueDue && byteCount <= limits.discardBytesMax
            } else {
                false
            }
        case .body:
            !isContinueDue
                && (decoder.knownRemainingByteCount ?? .max) <= limits.discardBytesMax
        default: false
        }
    }

    /// Whether a streamed response, which may begin and continue while content is read, can leave
    /// the connection open.
    private var canReadOn: Bool {
        phase == .body || phase == .planning && framing == .chunked
            ? !isContinueDue : canReadToEnd
    }

    /// The whole response has been passed to the socket.
    /// - Returns: whether the connection persists; if not, shut down the sending side, and read and
    ///   drop further input until the client closes or `deadline` passes.
    mutating func finishResponse(now: UInt64) -> Bool {
        hasResponseBegun = false
        if isLastResponse {
            phase = .lingering
            deadline = now &+ lingerNanoseconds
            return false
        }
        if phase == .planning, framing != .none {
            // The response was chosen without reading the content, whose length `startResponse`
            // checked.
            decoder = (try? BodyDecoder(framing, bytesMax: .max, limits: limits)) ?? .ended
        }
        if phase == .waiting || decoder.isAtEnd {
            phase = .idle
            deadline = now &+ idleNanoseconds
        } else {
            phase = .discarding
            discardedByteCount = 0
            beginBody(now: now)
        }
        return true
    }

    // MARK: Deadlines and ends

    private var idleNanoseconds: UInt64 {
        isDraining
            ? min(limits.drainIdleNanoseconds, limits.idleNanoseconds) : limits.idleNanoseconds
    }

    private var lingerNanoseconds: UInt64 {
        isDraining
            ? min(limits.drainIdleNanoseconds, limits.lingerNanoseconds) : limits.lingerNanoseconds
    }

    /// From now on each response has `Connection: close`; idle connections are closed soon.
    mutating func drain(now: UInt64) {
        isDraining = true
        if phase == .idle { deadline = min(deadline, now &+ idleNanoseconds) }
        if phase == .lingering { deadline = min(deadline, now &+ lingerNanoseconds) }
    }

    /// The server stops: a head that has begun must be complete soon.
    mutating func hurry(now: UInt64) {
        if phase == .head { deadline = min(deadline, now &+ limits.drainIdleNanoseconds) }
    }

    /// Whether a request was answered and no byte of another has arrived. On a connection without
    /// any request so far, the client is probably about to send one.
    var isBetweenRequests: Bool { phase == .idle && firstByteTime > 0 }

    /// The caller or the client has closed the connection.
    mutating func close() {
        phase = .closed
        deadline = Self.never
    }

    /// The client is still reading the last response, so its idle time has not begun.
    mutating func waitForWrites(now: UInt64) {
        guard now >= deadline else { return }
        if phase == .lingering { deadline = now &+ lingerNanoseconds }
        if phase == .idle { deadline = now &+ idleNanoseconds }
    }

    /// The action for a deadline that has passed by `now`; `wait` before it.
    mutating func timeOut(now: UInt64) -> Action {
        guard now >= deadline else { return .wait }
        if phase == .body || phase == .discarding {
            guard rate.isTooSlow(now: now, limits) || now >= stallTime else {
                deadline = min(stallTime, rate.checkTime)
                return .wait
            }
            return phase == .body ? .reject(ProtocolError(.bodyTimedOut)) : linger(now: now)
        }
        deadline = Self.never
        switch phase {
        case .head where !parser.isBeforeRequestLine:
            return .reject(ProtocolError(.headTimedOut))
        case .idle, .head, .lingering:
            phase = .closed
            return .close
        case .planning, .waiting, .body, .discarding, .closed:
            return .wait
        }
    }

    /// Whether an interim response may be sent: the request is HTTP/1.1, and no part of its
    /// response was sent.
    var mayInform: Bool { hasExchange && !hasResponseBegun && !isOldVersion }
}
