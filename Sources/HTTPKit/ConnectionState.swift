// The life of a connection as a pure value: bytes, answers and times in; what to do next out.
//
//            bytes            head read          plan known         all content read
//     idle -------> head ----------> planning ----------> body ----------------> waiting
//      ^                                                    |                       |
//      |                                 answered early     v      answered         |
//      +------------------------------------------------ discarding                 |
//      +----------------------------------------------------------------------------+
//     and from wherever the last answer was given: lingering -> closed
//
// It does no I/O and reads no clock: the caller passes a monotonic time in nanoseconds with each
// event, asks `deadline` when to call `timeOut`, and owns the bytes.

/// One server-side HTTP/1 connection.
struct ConnectionState: ~Copyable {
    enum Phase: UInt8 {
        case idle, head, planning, body, waiting, discarding, lingering, closed
    }

    /// What the caller does next.
    enum Action: Equatable {
        /// Read more, or wait for the answer; keep what was not consumed.
        case wait
        /// Ask again with what was not consumed.
        case again
        /// A head stands in the consumed bytes: choose what happens to the content and call
        /// `startBody`.
        case head
        /// `byteCount` bytes of content stand at `offset` of the consumed bytes.
        case content(offset: Int, byteCount: Int)
        /// All content has been read: work on the request.
        case end
        /// Answer with this error, or cut the connection if an answer has begun.
        case refuse(ProtocolError)
        /// All was answered, but what still comes can't be read on: shut the sending side behind
        /// the answers, and drop what comes until the client closes or `deadline` passes.
        case linger
        case close
    }

    struct Step: Equatable {
        var action: Action
        /// Bytes to drop from the front once the action is done.
        var consumed = 0
    }

    /// How the response in hand is delimited.
    enum ResponseFraming: Equatable {
        case length, chunked, untilClose
    }

    /// The Connection field of a response; it is left out where it would say the default.
    enum ConnectionOption: Equatable {
        case none, close, keepAlive
    }

    struct ResponsePlan: Equatable {
        var framing: ResponseFraming
        var connectionOption: ConnectionOption
        /// An answer to HEAD carries the fields of its content but not the content.
        var sendsContent: Bool
    }

    static var never: UInt64 { .max }

    let limits: Limits
    private(set) var phase = Phase.idle
    /// When `timeOut` wants to be called; `never` if nothing is waited for.
    private(set) var deadline: UInt64
    /// When the first byte of the current request was seen.
    private(set) var firstByteTime: UInt64 = 0
    private(set) var hasResponseBegun = false
    /// The server drains: each answer is the last of its connection.
    private(set) var isDraining = false
    private var parser = RequestHeadParser()
    /// Of the bytes that the head was made of, in the memo.
    private var headSerial: UInt64 = 0
    /// The head in work is that of the request before, but for the digits of Content-Length.
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
    /// Of content, while it is wanted or dropped.
    private var rate = RateMeter()
    /// When silence within content has lasted too long.
    private var stallTime = ConnectionState.never

    init(limits: Limits, now: UInt64) {
        self.limits = limits
        deadline = now &+ limits.idleNanoseconds
    }

    /// Whether a request has been read, in part or whole, and not been answered to the end.
    var isInWork: Bool {
        switch phase {
        case .idle, .lingering, .closed, .discarding: false
        case .head: !parser.isBeforeRequestLine
        case .planning, .body, .waiting: true
        }
    }

    /// Whether a request's head was read and its answer has not ended.
    var hasExchange: Bool {
        phase == .planning || phase == .body || phase == .waiting
    }

    /// Whether no more content follows what `next` has returned.
    var isContentComplete: Bool { decoder.isAtEnd }

    /// Bytes of content still to come that stand behind each other, where the framing tells.
    var knownContentByteCount: Int? { phase == .body ? decoder.knownRemainingByteCount : nil }

    // MARK: Bytes

    /// The next step for `bytes`: those not consumed by the steps before, and what came after.
    /// - Parameters:
    ///   - head: the same value each time.
    ///   - memo: the same one each time, if any.
    mutating func next(
        _ bytes: Bytes, into head: inout RequestHead, now: UInt64, memo: HeadMemo? = nil
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
        _ bytes: Bytes, into head: inout RequestHead, _ memo: HeadMemo?
    ) -> Step {
        do {
            guard try parser.parse(bytes, into: &head, limits: limits) else {
                return Step(action: .wait)
            }
        } catch {
            isHeadRequest = head.method == .head
            return Step(action: .refuse(error))
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

    private mutating func readBody(_ bytes: Bytes, now: UInt64) -> Step {
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
            return Step(action: .refuse(error))
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

    /// So many bytes of content were read past `next`, at most those that are still to come.
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

    /// From now on content is waited for.
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

    /// The content is wanted, up to `bytesMax`.
    /// - Throws: `bodyTooLong` when Content-Length already says so.
    mutating func startBody(bytesMax: Int, now: UInt64) throws(ProtocolError) {
        guard phase == .planning else { return }
        decoder = try BodyDecoder(framing, bytesMax: bytesMax, limits: limits)
        phase = .body
        beginBody(now: now)
    }

    /// Whether `100 Continue` is to be sent now; asked once, when no content has arrived.
    mutating func takeContinue() -> Bool {
        guard isContinueDue, phase == .body else { return false }
        isContinueDue = false
        return true
    }

    /// The reader of the content has paused: the client is not to blame for silence.
    mutating func pauseBody() {
        if phase == .body { deadline = Self.never }
    }

    mutating func resumeBody(now: UInt64) {
        if phase == .body { beginBody(now: now) }
    }

    // MARK: The answer

    /// An answer begins. A refusal ends the connection, for what follows cannot be trusted.
    /// - Parameter hasLength: the length of the content is known.
    mutating func startResponse(hasLength: Bool, isRefusal: Bool = false) -> ResponsePlan {
        hasResponseBegun = true
        var framing = ResponseFraming.length
        if !hasLength { framing = isOldVersion ? .untilClose : .chunked }
        isLastResponse =
            isRefusal || !wantsKeepAlive || isDraining || framing == .untilClose
            || !(hasLength ? canReadToEnd : canReadOn)
        return ResponsePlan(
            framing: framing,
            connectionOption: isLastResponse ? .close : isOldVersion ? .keepAlive : .none,
            sendsContent: !isHeadRequest)
    }

    /// Whether the rest of the content, if any, is short enough to be dropped. A client that
    /// still waits for `100 Continue` may send its content or not: that connection ends.
    private var canReadToEnd: Bool {
        switch phase {
        case .waiting: true
        case .planning where framing == .none: true
        case .planning:
            // How much comes in chunks is not known.
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

    /// Whether a streamed answer, which may begin while content is read and goes on with it, can
    /// leave the connection open.
    private var canReadOn: Bool {
        phase == .body || phase == .planning && framing == .chunked
            ? !isContinueDue : canReadToEnd
    }

    /// The whole answer has been handed to the socket.
    /// - Returns: whether the connection goes on; if not, the sending side is to be shut, and
    ///   what still comes is read and dropped until the client closes or `deadline` passes.
    mutating func finishResponse(now: UInt64) -> Bool {
        hasResponseBegun = false
        if isLastResponse {
            phase = .lingering
            deadline = now &+ lingerNanoseconds
            return false
        }
        if phase == .planning, framing != .none {
            // Chosen without reading the content; its length was looked at as the answer began.
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

    // MARK: Times and ends

    private var idleNanoseconds: UInt64 {
        isDraining
            ? min(limits.drainIdleNanoseconds, limits.idleNanoseconds) : limits.idleNanoseconds
    }

    private var lingerNanoseconds: UInt64 {
        isDraining
            ? min(limits.drainIdleNanoseconds, limits.lingerNanoseconds) : limits.lingerNanoseconds
    }

    /// From now on each answer says `Connection: close`; connections without work end soon.
    mutating func drain(now: UInt64) {
        isDraining = true
        if phase == .idle { deadline = min(deadline, now &+ idleNanoseconds) }
        if phase == .lingering { deadline = min(deadline, now &+ lingerNanoseconds) }
    }

    /// The server ends: a head that has begun is to be complete soon.
    mutating func hurry(now: UInt64) {
        if phase == .head { deadline = min(deadline, now &+ limits.drainIdleNanoseconds) }
    }

    /// Whether a request was answered and no byte of another has come. A connection without any
    /// request yet is a client's that is about to send one.
    var isBetweenRequests: Bool { phase == .idle && firstByteTime > 0 }

    /// The caller closed, or the client did.
    mutating func close() {
        phase = .closed
        deadline = Self.never
    }

    /// The client still reads the last answer: the time for its next move has not begun.
    mutating func waitForWrites(now: UInt64) {
        guard now >= deadline else { return }
        if phase == .lingering { deadline = now &+ lingerNanoseconds }
        if phase == .idle { deadline = now &+ idleNanoseconds }
    }

    /// What to do at `now`: nothing before the deadline.
    mutating func timeOut(now: UInt64) -> Action {
        guard now >= deadline else { return .wait }
        if phase == .body || phase == .discarding {
            guard rate.isTooSlow(now: now, limits) || now >= stallTime else {
                deadline = min(stallTime, rate.checkTime)
                return .wait
            }
            return phase == .body ? .refuse(ProtocolError(.bodyTimedOut)) : linger(now: now)
        }
        deadline = Self.never
        switch phase {
        case .head where !parser.isBeforeRequestLine:
            return .refuse(ProtocolError(.headTimedOut))
        case .idle, .head, .lingering:
            phase = .closed
            return .close
        case .planning, .waiting, .body, .discarding, .closed:
            return .wait
        }
    }

    /// The request in work is HTTP/1.1, and nothing of its answer was sent: an interim answer may
    /// be.
    var mayInform: Bool { hasExchange && !hasResponseBegun && !isOldVersion }
}
