// One client of a simulated server: what it sends and when, how it reads, and what it must get.
//
//     requests   | GET /live/1 | POST /echo/2 ... | POST /transform?program=.a ... |
//     answers    | 200 "1"     | 200 the content  | 200 lines ...                  |
//
// A client whose behaviour is ordinary must get each answer whole, in order and unchanged, unless
// an earlier answer announced the connection's end. Others must be disconnected in time.

import Foundation
import TestSupport

/// A request's bytes, and the answer that belongs to them.
struct SimulatedRequest {
    var name: String
    var bytes: [UInt8]
    /// The offset in `bytes` at which the content begins.
    var contentStart: Int
    var status: Int
    var content: [UInt8]
    /// The answer may be the connection's last.
    var mayClose = false
}

enum SimulatedHabit: String, CaseIterable {
    /// Sends all requests one after another and reads meanwhile.
    case pipelines
    /// Sends the next request when the one before is answered.
    case waits
    /// Like `waits`, but reads nothing before its request is completely sent.
    case sendsFirst
    /// Reads some 20 kB a second.
    case readsSlowly
    /// Shuts its sending side after its last request.
    case shutsSending
    /// From an offset in its last content on, sends one byte every few seconds.
    case drips
    case readsNothing
    case vanishes

    /// Whether it must get all of its answers.
    var isOrdinary: Bool { self != .drips && self != .readsNothing && self != .vanishes }
}

final class SimulatedClient {
    private static let second: UInt64 = 1_000_000_000
    /// A client below the minimum rate is disconnected within this time; it includes a little for
    /// the loop's turn.
    static let endNanosecondsMax: UInt64 = 15_500_000_000

    let habit: SimulatedHabit
    let link: SimulatedNetwork.Link
    let requests: [SimulatedRequest]
    /// What went wrong.
    private(set) var faults: [String] = []
    private(set) var isDone = false
    /// For each answer, the nanoseconds since its request was completely sent.
    private(set) var waits: [UInt64] = []
    private var numbers: SeededGenerator
    private let bytes: [UInt8]
    /// The offset in `bytes` after each request.
    private let ends: [Int]
    private var sentCount = 0
    private var sentTimes: [UInt64] = []
    private var dripOffset = Int.max
    private var dripTime: UInt64 = 0
    /// Since when it is below the minimum rate.
    private var slowTime: UInt64?
    private var readTime: UInt64 = 0
    /// Between two reads: a client needs time for what it read.
    var readPauseNanoseconds: UInt64
    /// Sends as much as the socket takes.
    private let isEager: Bool
    private var reader = AnswerReader()
    private var answerCount = 0
    private var isLastAnswered = false
    private let vanishTime: UInt64
    /// An additional pause when there is nothing to send or read.
    var pauseNanoseconds: UInt64 = 0
    /// A server that ends may answer `Connection: close` at any time.
    var mayEndEarly = false

    init(
        _ habit: SimulatedHabit, _ link: SimulatedNetwork.Link, _ requests: [SimulatedRequest],
        seed: UInt64, now: UInt64
    ) {
        self.habit = habit
        self.link = link
        self.requests = requests
        numbers = SeededGenerator(state: seed)
        bytes = requests.flatMap(\.bytes)
        var ends: [Int] = []
        for request in requests { ends.append((ends.last ?? 0) + request.bytes.count) }
        self.ends = ends
        if habit == .drips, let request = requests.indices.last {
            let contentCount = requests[request].bytes.count - requests[request].contentStart
            dripOffset =
                ends[request] - contentCount
                + Int.random(in: 0..<max(1, contentCount), using: &numbers)
        }
        let isBusy = habit == .pipelines || habit == .waits
        readPauseNanoseconds =
            isBusy ? [0, 5_000_000, 100_000_000].randomElement(using: &numbers) ?? 0 : 0
        isEager = Bool.random(using: &numbers)
        vanishTime = now + UInt64.random(in: 0...200_000_000, using: &numbers)
    }

    /// Sends and reads what it can now.
    /// - Returns: when it wants to act again.
    func act(now: UInt64) -> UInt64 {
        if isDone { return .max }
        if habit == .vanishes, now >= vanishTime {
            if Bool.random(using: &numbers) { link.reset() } else { link.clientCloses() }
            isDone = true
            return .max
        }
        let sent = send(now)
        // Bytes that the server has not read yet are not the client's delay, nor are earlier
        // answers.
        if habit == .drips, sentCount >= dripOffset, slowTime == nil, link.toServerCount <= 1,
            answerCount == requests.count - 1
        {
            slowTime = now
        }
        let hasRead = read(now)
        if isDone { return .max }
        if let slowTime, now > slowTime + Self.endNanosecondsMax {
            fault("is still served \((now - slowTime) / 1_000_000) ms after it fell silent")
            return .max
        }
        if habit == .drips, sentCount >= dripOffset { return now + 50_000_000 }
        if habit == .readsSlowly { return now + 20_000_000 }
        if !sent, !hasRead { return now + 1_000_000 + pauseNanoseconds }
        return now + UInt64.random(in: 1_000...3_000_000, using: &numbers)
    }

    /// Ends the client because the simulation is over.
    func finish() {
        if !isDone { link.clientCloses() }
        isDone = true
    }

    func fault(_ text: String) {
        faults.append("\(habit.rawValue) \(requests.map(\.name)): \(text)")
        link.clientCloses()
        isDone = true
    }

    // MARK: Sending

    private func send(_ now: UInt64) -> Bool {
        guard sentCount < bytes.count, !isLastAnswered else { return false }
        var limit = bytes.count
        if habit == .waits || habit == .sendsFirst {
            limit = ends[min(answerCount, ends.count - 1)]
        }
        if sentCount < dripOffset { limit = min(limit, max(dripOffset, sentCount)) }
        if sentCount >= dripOffset {
            if now < dripTime { return false }
            dripTime = now + UInt64.random(in: 7_000_000_000...9_000_000_000, using: &numbers)
            limit = min(limit, sentCount + 1)
        }
        guard sentCount < limit else { return false }
        let piece = isEager ? 3 : Int.random(in: 0...3, using: &numbers)
        let countMax = [1, 100, 5_000, 1 << 20][piece]
        let count = min(
            limit - sentCount, isEager ? countMax : Int.random(in: 1...countMax, using: &numbers))
        guard let taken = link.clientSends(bytes[sentCount..<sentCount + count]) else {
            return false
        }
        sentCount += taken
        while sentTimes.count < ends.count, ends[sentTimes.count] <= sentCount {
            sentTimes.append(now)
        }
        if habit == .shutsSending, sentCount == bytes.count { link.clientShutsSending() }
        return taken > 0
    }

    // MARK: Reading

    private func read(_ now: UInt64) -> Bool {
        if link.isReset {
            ended("the connection was reset")
            return false
        }
        if habit == .sendsFirst, sentCount < ends[min(answerCount, ends.count - 1)],
            !link.isServerShut
        {
            return false
        }
        if habit == .readsNothing {
            // Its receive buffer is full: from now on it takes nothing.
            if slowTime == nil, link.toClientCount >= link.toClientRoom { slowTime = now }
            if link.isServerClosed { isDone = true }
            if sentCount == bytes.count, slowTime == nil, link.toClientCount > 0,
                answerBytesMin <= link.toClientCount
            {
                link.clientCloses()
                isDone = true
            }
            return false
        }
        if now < readTime { return false }
        readTime = now + readPauseNanoseconds
        let countMax = habit == .readsSlowly ? 400 : Int.random(in: 1...200_000, using: &numbers)
        let piece = link.clientReads(countMax)
        reader.add(piece)
        while let answer = reader.next() {
            take(answer, now)
            if isDone { return true }
        }
        if let fault = reader.fault {
            self.fault(fault)
        } else if piece.isEmpty, link.isServerShut || link.isServerClosed {
            ended("the connection ended")
        }
        return !piece.isEmpty
    }

    private var answerBytesMin: Int { requests.reduce(0) { $0 + $1.content.count } }

    private func take(_ answer: AnswerReader.Answer, _ now: UInt64) {
        guard answerCount < requests.count else { return fault("one answer too many") }
        let request = requests[answerCount]
        if answer.status != request.status {
            // Clients that drip or read nothing may be refused.
            if !habit.isOrdinary, answer.status >= 400 {
                link.clientCloses()
                isDone = true
                return
            }
            return fault(
                "\(request.name) has status \(answer.status), not \(request.status): "
                    + String(decoding: answer.content.prefix(200), as: UTF8.self))
        }
        if answer.content != request.content {
            return fault(
                "\(request.name) has \(answer.content.count) bytes, "
                    + "not these \(request.content.count)")
        }
        if answerCount < sentTimes.count { waits.append(now &- sentTimes[answerCount]) }
        answerCount += 1
        if answer.closes {
            isLastAnswered = true
            guard request.mayClose || mayEndEarly || answerCount == requests.count else {
                return fault("\(request.name) was the last to be answered")
            }
        }
        if answerCount == requests.count || answer.closes {
            link.clientCloses()
            isDone = true
        }
    }

    private func ended(_ what: String) {
        if habit.isOrdinary, !mayEndEarly || reader.isInAnswer {
            return fault("\(what) with \(answerCount) of \(requests.count) answers")
        }
        link.clientCloses()
        isDone = true
    }
}

/// Bytes of answers -> answers.
struct AnswerReader {
    struct Answer {
        var status: Int
        var content: [UInt8]
        var closes: Bool
    }

    private(set) var fault: String?
    private var bytes: [UInt8] = []
    private var start = 0
    private var head: (status: Int, length: Int?, closes: Bool)?
    private var content: [UInt8] = []

    /// Whether an answer has begun and not ended.
    var isInAnswer: Bool { head != nil || start < bytes.count }

    mutating func add(_ piece: [UInt8]) { bytes += piece }

    mutating func next() -> Answer? {
        while head == nil {
            guard let end = find([13, 10, 13, 10]) else { return nil }
            readHead(String(decoding: bytes[start..<end], as: UTF8.self))
            start = end + 4
        }
        guard let head, fault == nil else { return nil }
        if let length = head.length {
            guard bytes.count - start >= length else { return nil }
            return finish(head, Array(bytes[start..<start + length]), length)
        }
        while let lineEnd = find([13, 10]) {
            guard let size = Int(String(decoding: bytes[start..<lineEnd], as: UTF8.self), radix: 16)
            else {
                fault = "a chunk's size is malformed"
                return nil
            }
            guard bytes.count >= lineEnd + 2 + size + 2 else { return nil }
            content += bytes[lineEnd + 2..<lineEnd + 2 + size]
            start = lineEnd + 2 + size + 2
            if size == 0 { return finish(head, content, 0) }
        }
        return nil
    }

    private mutating func finish(
        _ head: (status: Int, length: Int?, closes: Bool), _ content: [UInt8], _ count: Int
    ) -> Answer {
        start += count
        bytes.removeFirst(start)
        start = 0
        self.head = nil
        self.content = []
        return Answer(status: head.status, content: content, closes: head.closes)
    }

    private mutating func readHead(_ text: String) {
        let lines = text.components(separatedBy: "\r\n")
        guard lines[0].hasPrefix("HTTP/1.1 "), let status = Int(lines[0].dropFirst(9).prefix(3))
        else {
            fault = "no status line: \(lines[0].prefix(40))"
            return
        }
        if status < 200 { return }
        var length: Int?
        var isChunked = false
        for line in lines {
            if line.hasPrefix("Content-Length: ") { length = Int(line.dropFirst(16)) }
            if line == "Transfer-Encoding: chunked" { isChunked = true }
        }
        if length == nil, !isChunked { fault = "no framing: \(text)" }
        head = (status, length, lines.contains("Connection: close"))
    }

    private func find(_ pattern: [UInt8]) -> Int? {
        var i = start
        while i + pattern.count <= bytes.count {
            if bytes[i] == pattern[0], bytes[i..<i + pattern.count].elementsEqual(pattern) {
                return i
            }
            i += 1
        }
        return nil
    }
}
