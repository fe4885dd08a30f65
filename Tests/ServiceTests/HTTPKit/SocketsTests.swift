// Event loops on threads of their own, timers against a plain table, backlogs of output against the
// bytes that were appended, and scans by blocks against scans byte by byte.

import Dispatch
import Glibc
import Synchronization
import TestSupport
import Testing

import struct NIOCore.ByteBuffer

@testable import HTTPKit
@testable import TransformService

@Suite struct SocketsTests {
    /// Runs `body` with a loop that runs on a thread of its own and ends after it.
    private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
        let loop = try EventLoop()
        #expect(Thread.start(name: "loop", stackBytes: 1 << 20) { loop.run() })
        try await body(loop)
        await loop.end()
    }

    // MARK: Tasks

    @Test(.timeLimit(.minutes(1))) func tasksComeInOrderFromManyThreads() async throws {
        try await withLoop { loop in
            let seen = Mutex<[[Int]]>(Array(repeating: [], count: 4))
            #expect(!loop.isCurrent)
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                for number in 0..<5_000 {
                    loop.execute {
                        #expect(loop.isCurrent)
                        seen.withLock { $0[thread].append(number) }
                    }
                }
            }
            await loop.settle()
            seen.withLock { all in
                for numbers in all { #expect(numbers == Array(0..<5_000)) }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func tasksOfTasksRunInALaterTurnAndAnIdleLoopSleeps()
        async throws
    {
        try await withLoop { loop in
            let turns = Mutex<[UInt64]>([])
            loop.execute {
                turns.withLock { $0.append(loop.iteration) }
                loop.execute { turns.withLock { $0.append(loop.iteration) } }
            }
            await loop.settle()
            await loop.settle()
            let first = turns.withLock { $0 }
            #expect(first.count == 2 && first[0] < first[1])
            // A loop without anything to do takes no turns.
            let before = Atomic<UInt64>(0)
            await withCheckedContinuation { done in
                loop.execute {
                    before.store(loop.iteration, ordering: .relaxed)
                    done.resume()
                }
            }
            usleep(50_000)
            let after = Atomic<UInt64>(0)
            await withCheckedContinuation { done in
                loop.execute {
                    after.store(loop.iteration, ordering: .relaxed)
                    done.resume()
                }
            }
            #expect(after.load(ordering: .relaxed) - before.load(ordering: .relaxed) <= 3)
        }
    }

    /// Tasks that are passed before the end are run, later ones are not.
    @Test(.timeLimit(.minutes(1))) func anEndedLoopTakesNothing() async throws {
        let count = Atomic<Int>(0)
        let loop = try EventLoop()
        #expect(Thread.start(name: "loop", stackBytes: 1 << 20) { loop.run() })
        for _ in 0..<1_000 { loop.execute { count.add(1, ordering: .relaxed) } }
        await loop.end()
        #expect(count.load(ordering: .relaxed) == 1_000)
        loop.execute { count.add(1, ordering: .relaxed) }
        usleep(10_000)
        #expect(count.load(ordering: .relaxed) == 1_000)
        await loop.end()
    }

    // MARK: Timers

    @Test(.timeLimit(.minutes(1))) func timersFireInTheirOrderAndNotBeforeTheirTime() async throws {
        try await withLoop { loop in
            let fired = Mutex<[Int]>([])
            let early = Atomic<Int>(0)
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                loop.execute {
                    let start = LoopClock.now
                    var timers: [LoopTimer] = []
                    for delay in [30, 5, 20, 10, 40, 15, 25].map({ UInt64($0) * 1_000_000 }) {
                        let timer = loop.schedule(atNanoseconds: start + delay) {
                            if LoopClock.now < start + delay { early.add(1, ordering: .relaxed) }
                            fired.withLock { $0.append(Int(delay / 1_000_000)) }
                            if delay == 40_000_000 { done.resume() }
                        }
                        timers.append(timer)
                    }
                    // The timer of 20 ms.
                    timers[2].cancel()
                    timers[2].cancel()
                }
            }
            #expect(fired.withLock { $0 } == [5, 10, 15, 25, 30, 40])
            #expect(early.load(ordering: .relaxed) == 0)
        }
    }

    /// A heap of timers against a search for the least time.
    @Test(arguments: 1...8) func timerHeap(_ seed: UInt64) throws {
        let loop = try EventLoop()
        var random = SeededGenerator(state: seed &* 6_364_136_223_846_793_005)
        var heap = TimerHeap()
        let timers = (0..<60).map { _ in LoopTimer(loop) }
        var times: [Int: UInt64] = [:]
        for _ in 0..<3_000 {
            let index = Int.random(in: 0..<timers.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...5:
                let time = UInt64.random(in: 0..<50, using: &random)
                heap.set(timers[index], time)
                times[index] = time
            case 6, 7:
                heap.remove(timers[index])
                times[index] = nil
            default:
                let now = UInt64.random(in: 0..<50, using: &random)
                let least = times.values.min() ?? .max
                let due = heap.popDue(now)
                #expect((due != nil) == (least <= now))
                if let due {
                    let popped = try #require(timers.firstIndex { $0 === due })
                    #expect(times[popped] == least)
                    times[popped] = nil
                }
            }
            #expect(heap.firstTime == times.values.min() ?? .max)
            for (index, timer) in timers.enumerated() {
                #expect(timer.time == times[index] ?? .max)
            }
        }
        heap.removeAll()
        let last = heap.popDue(.max - 1)
        #expect(heap.firstTime == .max && last == nil)
    }

    // MARK: Bytes out

    private func socketPair() throws -> (Int32, Int32) {
        var pair: [Int32] = [-1, -1]
        // Safety: the call writes the two descriptors that it is given room for.
        let result = unsafe socketpair(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair)
        try #require(result == 0)
        return (pair[0], pair[1])
    }

    private func drain(_ descriptor: Int32, into bytes: inout [UInt8], atMost count: Int) {
        var room = [UInt8](repeating: 0, count: count)
        // Safety: the room is as large as it says.
        let result = unsafe room.withUnsafeMutableBytes {
            unsafe Socket.receive(descriptor, $0)
        }
        if case .bytes(let count) = result { bytes += room[..<count] }
    }

    @Test(arguments: 1...4) func backlogsComeWholeAndInOrder(_ seed: UInt64) throws {
        let (near, far) = try socketPair()
        defer { Socket.close(far) }
        var random = SeededGenerator(state: seed)
        var backlog = OutputBacklog()
        var (sent, received): ([UInt8], [UInt8]) = ([], [])
        var sentCount = 0
        for _ in 0..<400 {
            let count = Int.random(in: 0...40_000, using: &random)
            let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ sent.count) }
            if Bool.random(using: &random) {
                backlog.append(ByteBuffer(bytes: piece))
            } else {
                backlog.append(byteCountMax: piece.count + 7) { $0.append(piece) }
            }
            sent += piece
            let newlySent = backlog.send(near, SystemCalls())
            sentCount += try #require(newlySent)
            if Bool.random(using: &random) { drain(far, into: &received, atMost: 60_000) }
            #expect(backlog.isEmpty == (backlog.byteCount == 0))
            #expect(sentCount + backlog.byteCount == sent.count)
        }
        while received.count < sent.count {
            let count = backlog.send(near, SystemCalls())
            #expect(count != nil)
            drain(far, into: &received, atMost: 1 << 20)
        }
        #expect(backlog.isEmpty && received == sent)
        Socket.close(near)
        var last = backlog
        last.append(ByteBuffer(string: "x"))
        let count = last.send(far, SystemCalls())
        #expect(count == nil)
    }

    @Test func outputOfATurnKeepsItsRanges() {
        var output = IterationOutput()
        var expected: [(range: Range<Int>, bytes: [UInt8])] = []
        for round in 0..<3 {
            for i in 0..<600 {
                let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: i), count: i)
                let range = output.append(byteCountMax: i + 3) { $0.append(bytes) }
                expected.append((range, bytes))
            }
            #expect(output.isFull == (output.count >= 256 * 1024))
            for (range, bytes) in expected {
                // Safety: nothing is appended while they are looked at.
                #expect(unsafe Array(output.bytes(range)) == bytes, "round \(round)")
            }
            output.removeAll()
            expected = []
            #expect(output.count == 0 && !output.isFull)
        }
    }

    // MARK: Bytes in

    /// Every byte at several indices of a run, with and without bytes after the run.
    @Test func scansAgreeWithOneByteAtATime() {
        func expect(_ bytes: [UInt8], _ start: Int, _ end: Int, _ byte: UInt8) {
            func first(_ isStop: (UInt8) -> Bool) -> Int {
                var offset = start
                while offset < end, !isStop(bytes[offset]) { offset += 1 }
                return offset
            }
            let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
            func isWord(_ byte: UInt8) -> Bool {
                letters.contains(byte | 0x20) && byte < 0x80 || Byte.isDigit(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
            // Safety: the array outlives the closure.
            unsafe bytes.withUnsafeBytes { memory in
                let run = unsafe BorrowedBytes(memory)
                #expect(
                    run.endOfFieldValue(from: start, to: end)
                        == first { $0 < 0x20 && $0 != Byte.tab || $0 == 0x7F })
                #expect(run.endOfTarget(from: start, to: end) == first { $0 < 0x21 || $0 > 0x7E })
                #expect(run.endOfWord(from: start, to: end) == first { !isWord($0) })
                #expect(
                    run.endOfToken(from: start, to: end) == first { !ASCIISet.token.contains($0) })
                let found = first { $0 == byte }
                #expect(
                    run.firstOffset(of: byte, from: start, to: end) == (found < end ? found : nil))
            }
        }
        for byte in UInt8.min...UInt8.max {
            for count in [1, 7, 15, 16, 17, 33] {
                for index in [0, 1, 7, 8, 14, 15, 16, count - 1] where index < count {
                    var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: count + 3)
                    bytes[index] = byte
                    expect(bytes, 0, count, byte)
                    expect(bytes, 1, count, byte)
                    expect(bytes, 0, count + 3, byte)
                }
            }
        }
    }

    @Test func namesOfRequests() {
        #expect(RequestName(given: "") == nil && RequestName(given: "a b") == nil)
        #expect(RequestName(given: "é") == nil)
        let longest = String(repeating: "x", count: RequestName.byteCountMax)
        #expect(RequestName(given: longest)?.text == longest)
        #expect(RequestName(given: longest + "x") == nil)
        for number in [0, 1, 31, 32, .max, 0x0123_4567_89AB_CDEF] as [UInt64] {
            let text = RequestName.number(number).text
            #expect(text.utf8.count == 13 && RequestName(given: text) != nil)
        }
        var texts = Set<String>()
        var series = (0..<4).map { RequestID.Series($0) }
        for _ in 0..<500 {
            for i in series.indices { texts.insert(series[i].name(of: Request()).text) }
            texts.insert(RequestID.make().text)
        }
        #expect(texts.count == 2_500)
    }
}
