// The memory that requests hold: the account's numbers, what is refused where there is no room, and
// that all of it is given back.

import Glibc
import Synchronization
import Testing

@testable import HTTPKit
@testable import TransformService

@Suite struct MemoryAccountTests {
    @Test func takesUpToTheBoundAndNotOneMore() {
        let account = MemoryAccount(bytesMax: 100)
        #expect(account.take(60, .bodies))
        #expect(account.take(40, .answers))
        #expect(!account.take(1, .answers))
        #expect(account.bytes == 100 && account.bytes(of: .bodies) == 60)
        #expect(account.refusedCount == 1 && !account.isOver)
        // `add` counts what exists already, even beyond the bound.
        account.add(1, .answers)
        #expect(account.isOver && account.bytesPeak == 101)
        account.add(-101 + 60, .answers)
        account.add(-60, .bodies)
        #expect(account.bytes == 0 && account.bytesPeak == 101)
    }

    @Test func aQuarterIsForRuns() {
        let account = MemoryAccount(bytesMax: 100, runBytesMin: 1_000)
        #expect(!account.take(76, .bodies))
        #expect(account.take(75, .bodies))
        #expect(!account.take(1, .batches))
        #expect(account.take(25, .runs))
        #expect(!account.take(1, .runs))
        // What runs have taken is no longer reserved for them.
        account.add(-10, .bodies)
        #expect(account.take(10, .batches))
    }

    @Test func aShortageIsReportedOnceUntilItIsSeen() {
        let account = MemoryAccount(bytesMax: 10)
        let reports = Mutex(0)
        account.onShortage { reports.withLock { $0 += 1 } }
        #expect(!account.take(11, .bodies) && !account.take(11, .bodies))
        #expect(reports.withLock { $0 } == 1)
        account.shortageHandled()
        account.add(11, .answers)
        #expect(reports.withLock { $0 } == 2)
    }

    @Test func holdsGiveBackWhatTheyCount() throws {
        let account = MemoryAccount(bytesMax: 100)
        do {
            let hold = try #require(MemoryHold(account, 50, .bodies))
            #expect(MemoryHold(account, 51, .bodies) == nil)
            #expect(!hold.resize(to: 101) && hold.byteCount == 50)
            #expect(hold.resize(to: 100) && hold.resize(to: 20))
            hold.move(to: .jobs)
            #expect(account.bytes(of: .bodies) == 0 && account.bytes(of: .jobs) == 20)
            hold.recount(130)
            #expect(account.isOver)
        }
        #expect(account.bytes == 0)
        for part in MemoryAccount.Part.allCases { #expect(account.bytes(of: part) == 0) }
    }

    // MARK: In a service

    /// A service that has room for `mebibytes` in addition to what it takes by itself.
    private func withRoom(
        _ mebibytes: Int, _ body: (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.with({ configuration in
            configuration.timeoutNanoseconds = 60_000_000_000
            configuration.memoryTotalBytesMax = 1 << 40
            configuration.programBytesMax = 1 << 20
            let own = configuration.makeMemoryAccount().bytes
            // A quarter of the whole is for runs alone.
            configuration.memoryTotalBytesMax = (own + mebibytes << 20) * 4 / 3
        }) { running in
            let own = running.service.memory.bytes
            try await body(running)
            #expect(await running.wait { running.service.memory.bytes <= own })
        }
    }

    @Test func longContentIsRefusedBeforeItIsRead() async throws {
        try await withRoom(30) { running in
            let head =
                "POST /transform?program=length HTTP/1.1\r\nHost: a\r\n"
                + "Content-Length: 40000000\r\nExpect: 100-continue\r\n\r\n"
            let reply = try await running.ask(head)
            #expect(reply.head.hasPrefix("HTTP/1.1 503"))
            #expect(reply.content.contains("/problems/no-memory"))
            #expect(reply.head.contains("Retry-After: 1"))
            // A small request is served.
            let small = try await running.ask(
                "POST /transform?program=length HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                    + "Connection: close\r\n\r\n[]")
            #expect(small.head.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func runsThatFindNoRoomAreRefused() async throws {
        try await withRoom(30) { running in
            let program = "[range(4000000)]|length"
            let reply = try await running.ask(
                "POST /transform?program=\(program) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                    + "Connection: close\r\n\r\nnull")
            #expect(reply.head.hasPrefix("HTTP/1.1 503"))
            #expect(reply.content.contains("/problems/temporary-reduced-capacity"))
        }
    }

    /// A client that reads nothing of a long answer is disconnected to make room for others, which
    /// are answered 503 until then.
    @Test func aClientThatReadsNothingIsDisconnectedForOthers() async throws {
        try await withRoom(60) { running in
            let silent = try RawClient(port: running.port, receiveBufferBytes: 4_096)
            silent.send(
                RunningService.request(
                    "20000000", target: "/transform?program=%22x%22*."))
            #expect(await running.wait { running.service.memory.bytes(of: .answers) > 18 << 20 })
            let long = String(repeating: " ", count: 45 << 20) + "1"
            var statuses: [Int] = []
            for _ in 0..<600 where statuses.last != 200 {
                let reply = try await running.post(long, target: "/transform?program=.")
                statuses.append(reply.status)
                if reply.status != 200 { try await Task.sleep(nanoseconds: 100_000_000) }
            }
            #expect(statuses.first == 503 && statuses.last == 200)
            #expect(running.server.droppedReaderCount == 1)
            #expect(silent.read().isClosed)
        }
    }

    @Test func idleWorkersGiveTheirMemoryBack() async throws {
        let resident = try await ServiceProcess.with(["--workers", "1"]) { process in
            let before = process.residentBytes
            _ = try process.transform("[range(6000000)]|length", "null")
            _ = try process.transform("def%20f:1%2Bf;f", "null")
            var after = Int.max
            for _ in 0..<600 where after > before + 24 << 20 {
                usleep(100_000)
                after = process.residentBytes
            }
            return (before, after)
        }
        #expect(resident.1 <= resident.0 + 24 << 20)
    }
}
