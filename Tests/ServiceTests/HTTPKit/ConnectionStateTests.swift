// The connection as a pure value: times are numbers, answers are calls, and nothing waits.

import Testing

@testable import HTTPKit

private typealias Action = ConnectionState.Action
private let second: UInt64 = 1_000_000_000

/// A state, its head and its unread bytes; a class, because `#expect` captures no noncopyable
/// value.
private final class Connection {
    var state: ConnectionState
    var head = RequestHead()
    var pending: [UInt8] = []

    init(_ change: (inout ConnectionLimits) -> Void = { _ in }) {
        var limits = ConnectionLimits()
        change(&limits)
        state = ConnectionState(limits: limits, now: 0)
    }

    /// Appends bytes and takes one step.
    func feed(_ text: String, at now: UInt64 = 0) -> Action {
        pending += Array(text.utf8)
        return step(at: now)
    }

    func step(at now: UInt64 = 0) -> Action {
        let bytes = pending
        // Safety: the array outlives the call, and the state keeps no pointer.
        let step = unsafe bytes.withUnsafeBytes {
            state.next(unsafe BorrowedBytes($0), into: &head, now: now)
        }
        pending.removeFirst(step.consumed)
        return step.action
    }

    func startBody(bytesMax: Int = 1_000_000, at now: UInt64 = 0) throws {
        try state.startBody(bytesMax: bytesMax, now: now)
    }

    var deadline: UInt64 { state.deadline }
    var phase: ConnectionState.Phase { state.phase }
    var isInWork: Bool { state.isInWork }
    var firstByteTime: UInt64 { state.firstByteTime }

    func timeOut(now: UInt64) -> Action { state.timeOut(now: now) }
    func takeContinue() -> Bool { state.takeContinue() }
    func pauseBody() { state.pauseBody() }
    func resumeBody(now: UInt64) { state.resumeBody(now: now) }
    func drain(now: UInt64) { state.drain(now: now) }
    func waitForWrites(now: UInt64) { state.waitForWrites(now: now) }
    func finishResponse(now: UInt64) -> Bool { state.finishResponse(now: now) }

    func startResponse(hasLength: Bool, isRejection: Bool = false) -> ConnectionState.ResponsePlan {
        state.startResponse(hasLength: hasLength, isRejection: isRejection)
    }

    /// Begins a streamed answer and ends it.
    func streamAnswer(at now: UInt64 = 0) {
        _ = state.startResponse(hasLength: false)
        _ = state.finishResponse(now: now)
    }

    /// Answers completely and says whether the connection stays open.
    func answer(at now: UInt64 = 0) -> Bool {
        _ = state.startResponse(hasLength: true)
        return state.finishResponse(now: now)
    }
}

private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let upload = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"

@Suite struct ConnectionStateTests {
    @Test func pipelinedRequestsWaitForTheAnswerBefore() throws {
        let connection = Connection()
        #expect(connection.feed(simple + simple) == .head)
        try connection.startBody()
        #expect(connection.step() == .end)
        #expect(connection.step() == .wait)
        #expect(connection.pending.count == simple.utf8.count)
        #expect(connection.answer())
        #expect(connection.step() == .head)
    }

    @Test func timesOfASlowHead() {
        let connection = Connection()
        #expect(connection.deadline == 75 * second)
        #expect(connection.feed("GET / HT", at: 5 * second) == .wait)
        #expect(connection.firstByteTime == 5 * second)
        #expect(connection.deadline == 15 * second)
        // More bytes do not move the deadline.
        #expect(connection.feed("TP/1.1\r\n", at: 14 * second) == .wait)
        #expect(connection.timeOut(now: 15 * second - 1) == .wait)
        #expect(
            connection.timeOut(now: 15 * second) == .reject(ProtocolError(.headTimedOut)))
        let plan = connection.startResponse(hasLength: true, isRejection: true)
        #expect(plan.connectionOption == .close)
        #expect(!connection.finishResponse(now: 15 * second))
        #expect(connection.phase == .lingering)
        #expect(connection.timeOut(now: 20 * second) == .close)
    }

    @Test func silenceIsNoRequest() {
        let connection = Connection()
        #expect(connection.timeOut(now: 75 * second) == .close)
        let other = Connection()
        #expect(other.feed("\r\n", at: second) == .wait)
        #expect(!other.isInWork)
        #expect(other.timeOut(now: 11 * second) == .close)
    }

    @Test func timesOfASlowBody() throws {
        let connection = Connection()
        #expect(connection.feed(upload + "\r\n", at: 0) == .head)
        try connection.startBody(at: 0)
        #expect(connection.step(at: 0) == .wait)
        #expect(connection.feed("a", at: 9 * second) == .content(offset: 0, byteCount: 1))
        // The rate is checked every five seconds; silence ends the request after ten.
        #expect(connection.deadline == 5 * second)
        #expect(connection.timeOut(now: 9 * second) == .wait)
        #expect(connection.deadline == 14 * second)
        connection.pauseBody()
        #expect(connection.timeOut(now: 100 * second) == .wait)
        connection.resumeBody(now: 100 * second)
        #expect(
            connection.timeOut(now: 110 * second) == .reject(ProtocolError(.bodyTimedOut)))
    }

    @Test func noDeadlineWhileTheHandlerWorks() throws {
        let connection = Connection()
        #expect(connection.feed(simple) == .head)
        try connection.startBody()
        #expect(connection.step() == .end)
        #expect(connection.deadline == ConnectionState.never)
        #expect(connection.answer(at: 3 * second))
        #expect(connection.deadline == 78 * second)
    }

    @Test func continueIsSentOnlyToClientsThatWait() throws {
        let connection = Connection()
        let waiting = upload + "Expect: 100-continue\r\n\r\n"
        #expect(connection.feed(waiting) == .head)
        #expect(!connection.takeContinue())
        try connection.startBody()
        #expect(connection.step() == .wait)
        #expect(connection.takeContinue())
        #expect(!connection.takeContinue())
        // The content is coming already: no 100 (Continue) is needed.
        let other = Connection()
        #expect(other.feed(waiting + "ab") == .head)
        try other.startBody()
        #expect(other.step() == .content(offset: 0, byteCount: 2))
        #expect(!other.takeContinue())
        // An answer before the content ends the connection: the content may still come or not.
        let third = Connection()
        #expect(third.feed(waiting) == .head)
        #expect(!third.answer())
    }

    @Test func bodiesThatAreTooLongAreRefusedBeforeReading() {
        let connection = Connection()
        #expect(connection.feed(upload + "\r\n") == .head)
        #expect(throws: ProtocolError(.bodyTooLong)) { try connection.startBody(bytesMax: 3) }
    }

    @Test func shortUnreadContentIsDiscardedAndLongEndsTheConnection() {
        let connection = Connection { $0.discardBytesMax = 4 }
        #expect(connection.feed(upload + "\r\nab") == .head)
        #expect(connection.answer())
        #expect(connection.step() == .again)
        #expect(connection.step() == .wait)
        #expect(connection.feed("cd\(simple)") == .again)
        #expect(connection.step() == .again)
        #expect(connection.step() == .head)
        let long = Connection { $0.discardBytesMax = 3 }
        #expect(long.feed(upload + "\r\nab") == .head)
        #expect(!long.answer())
        #expect(long.step() == .wait)
        #expect(long.pending.isEmpty)
    }

    @Test func unreadChunkedContentEndsTheConnectionAfterTheAnswer() {
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let connection = Connection()
        #expect(connection.feed(head + "4\r\nabcd\r\n0\r\n\r\n\(simple)") == .head)
        #expect(!connection.answer())
        #expect(connection.step() == .wait)
        #expect(connection.phase == .lingering && connection.pending.isEmpty)
    }

    @Test func unreadContentThatBreaksARuleOrComesTooSlowlyLeadsToLingering() throws {
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for (rest, time) in [("x\r\n", 0), ("5\r\nabcde\r\n", 0), ("", 10 * second)] {
            let connection = Connection { $0.discardBytesMax = 4 }
            #expect(connection.feed(head) == .head)
            try connection.startBody(at: 0)
            #expect(connection.step(at: 0) == .wait)
            // A streamed answer that ends before the content does.
            connection.streamAnswer()
            #expect(connection.phase == .discarding)
            if time > 0 {
                #expect(connection.timeOut(now: time) == .linger)
            } else {
                #expect(connection.feed(rest) == .linger)
            }
            #expect(connection.phase == .lingering)
        }
    }

    @Test func lingeringIsBounded() {
        let connection = Connection { $0.lingerBytesMax = 10 }
        #expect(connection.feed("@") == .reject(ProtocolError(.badMethod)))
        _ = connection.startResponse(hasLength: true, isRejection: true)
        #expect(!connection.finishResponse(now: 0))
        connection.pending = []
        #expect(connection.feed("0123456789") == .wait)
        #expect(connection.feed("0") == .close)
    }

    @Test func framingOfTheAnswer() throws {
        func plan(_ head: String, hasLength: Bool) -> ConnectionState.ResponsePlan {
            let connection = Connection()
            #expect(connection.feed(head) == .head)
            return connection.startResponse(hasLength: hasLength)
        }
        let old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        let headers = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(
            plan(simple, hasLength: false)
                == .init(framing: .chunked, connectionOption: .none, sendsContent: true))
        #expect(
            plan(headers, hasLength: true)
                == .init(framing: .length, connectionOption: .none, sendsContent: false))
        #expect(
            plan(old, hasLength: true)
                == .init(framing: .length, connectionOption: .keepAlive, sendsContent: true))
        #expect(
            plan(old, hasLength: false)
                == .init(framing: .untilClose, connectionOption: .close, sendsContent: true))
    }

    @Test func drainingEndsEachConnectionAfterItsAnswer() throws {
        let connection = Connection()
        #expect(connection.feed(simple) == .head)
        connection.drain(now: 0)
        #expect(!connection.answer())
        let idle = Connection()
        idle.drain(now: 5 * second)
        #expect(idle.deadline == 6 * second)
        #expect(idle.feed(simple, at: 5 * second) == .head)
        #expect(!idle.answer())
    }

    @Test func waitsWhileTheClientReadsTheAnswer() {
        let connection = Connection()
        #expect(connection.feed(simple + "") == .head)
        connection.drain(now: 0)
        #expect(!connection.answer(at: 0))
        connection.waitForWrites(now: 5 * second)
        #expect(connection.timeOut(now: 5 * second) == .wait)
        #expect(connection.timeOut(now: 10 * second) == .close)
    }
}
