// The queue's order and bounds, the pool's threads, and the cache of programs.

import HTTPKit
import Synchronization
import Testing
import Transforms

@testable import TransformService

private final class TestJob: PoolJob {
    let byteCount: Int
    let deadlineNanoseconds: UInt64 = .max
    let cost = PredictedCost(nanoseconds: 1_000, isKnown: false)
    let body: @Sendable () -> Void

    init(_ byteCount: Int = 1, _ body: @escaping @Sendable () -> Void = {}) {
        self.byteCount = byteCount
        self.body = body
    }

    func run(on executor: Executor) { body() }
    func drop(_ reason: ShedReason) {}
}

extension WorkQueue where Job == TestJob {
    fileprivate convenience init(countMax: Int, bytesMax: Int, workerCount: Int = 1) {
        self.init(QueuePolicy(countMax: countMax, bytesMax: bytesMax, workerCount: workerCount))
    }

    fileprivate func ticket(_ job: TestJob, now: UInt64) -> UInt64? {
        try? submit(job, now: now).get()
    }

    fileprivate func job() -> TestJob? { take(worker: 0).job }
}

struct WorkQueueTests {
    @Test func keepsTheOrder() {
        let queue = WorkQueue<TestJob>(countMax: 8, bytesMax: 100)
        let jobs = (0..<8).map { _ in TestJob() }
        for job in jobs { #expect(queue.ticket(job, now: 1) != nil) }
        for job in jobs { #expect(queue.job() === job) }
    }

    @Test func isBoundedInCount() {
        let queue = WorkQueue<TestJob>(countMax: 3, bytesMax: 100)
        for _ in 0..<3 { #expect(queue.ticket(TestJob(), now: 1) != nil) }
        #expect(queue.ticket(TestJob(), now: 7) == nil)
        #expect(queue.load.saturatedSince == 7)
        #expect(queue.ticket(TestJob(), now: 8) == nil)
        #expect(queue.load.saturatedSince == 7)
        _ = queue.job()
        #expect(queue.ticket(TestJob(), now: 9) != nil)
        for _ in 0..<3 { _ = queue.job() }
        #expect(queue.load == WorkQueue<TestJob>.Load())
    }

    @Test func isBoundedInBytes() {
        let queue = WorkQueue<TestJob>(countMax: 10, bytesMax: 100)
        #expect(queue.ticket(TestJob(60), now: 1) != nil)
        #expect(queue.ticket(TestJob(41), now: 1) == nil)
        #expect(queue.ticket(TestJob(40), now: 1) != nil)
        #expect(queue.load.byteCount == 100)
        _ = queue.job()
        _ = queue.job()
        #expect(queue.shed[.queueFull] == 1)
        // Alone, a job of any size may wait: else it could never run.
        #expect(queue.ticket(TestJob(1_000), now: 1) != nil)
        #expect(queue.ticket(TestJob(0), now: 1) == nil)
    }

    @Test func freesThePlaceOfWithdrawnJobs() {
        let queue = WorkQueue<TestJob>(countMax: 3, bytesMax: 100)
        let tickets = (0..<3).map { _ in queue.ticket(TestJob(10), now: 1) ?? 99 }
        #expect(queue.withdraw(tickets[1]))
        #expect(!queue.withdraw(tickets[1]))
        #expect(queue.load.count == 2)
        #expect(queue.load.byteCount == 20)
        let last = TestJob()
        #expect(queue.ticket(last, now: 1) != nil)
        _ = queue.job()
        #expect(!queue.withdraw(tickets[0]))
        _ = queue.job()
        #expect(queue.job() === last)
    }

    /// Against a list, with seeded random calls.
    @Test func behavesAsAList() {
        var random = SeededGenerator(state: 7)
        let queue = WorkQueue<TestJob>(countMax: 5, bytesMax: 50)
        var list: [(ticket: UInt64, job: TestJob)] = []
        for _ in 0..<20_000 {
            switch random.next() % 3 {
            case 0:
                let job = TestJob(Int(random.next() % 20))
                let sum = list.reduce(job.byteCount) { $0 + $1.job.byteCount }
                let ticket = queue.ticket(job, now: 1)
                #expect((ticket != nil) == (list.count < 5 && (list.isEmpty || sum <= 50)))
                if let ticket { list.append((ticket, job)) }
            case 1 where !list.isEmpty:
                #expect(queue.job() === list.removeFirst().job)
            case 2 where !list.isEmpty:
                let index = Int(random.next() % UInt64(list.count))
                #expect(queue.withdraw(list.remove(at: index).ticket))
            default: break
            }
            #expect(queue.load.count == list.count)
            #expect(queue.load.byteCount == list.reduce(0) { $0 + $1.job.byteCount })
        }
    }

    @Test func endsWhenClosed() {
        let queue = WorkQueue<TestJob>(countMax: 3, bytesMax: 100)
        let job = TestJob()
        _ = queue.ticket(job, now: 1)
        queue.close()
        #expect(queue.ticket(TestJob(), now: 1) == nil)
        #expect(queue.job() === job)
        #expect(queue.job() == nil)
    }
}

@Suite(.timeLimit(.minutes(2)))
struct WorkerPoolTests {
    private static func pool(_ queue: WorkQueue<TestJob>) -> WorkerPool<TestJob> {
        WorkerPool(stackBytes: 1 << 20, queue: queue) {
            Executor(
                limits: Transforms.Limits(), outputBytesMax: 1 << 20,
                cache: ProgramCache(countMax: 1, bytesMax: 1 << 20), isTentative: false)
        }
    }

    @Test func runsEveryJobOnce() async {
        let queue = WorkQueue<TestJob>(countMax: 10_000, bytesMax: 1 << 20, workerCount: 4)
        let pool = Self.pool(queue)
        let sum = Sum()
        for i in 1...1_000 {
            let job = TestJob { _ = sum.value.add(i, ordering: .relaxed) }
            #expect(queue.ticket(job, now: 1) != nil)
        }
        for _ in 0..<12_000 where sum.value.load(ordering: .relaxed) < 500_500 {
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        #expect(sum.value.load(ordering: .relaxed) == 500_500)
        #expect(pool.threadCount == 4)
        #expect(!pool.isWedged(now: MonotonicClock.nanoseconds()))
        #expect(await pool.end(withinNanoseconds: 10_000_000_000))
    }

    private final class Sum: Sendable {
        let value = Atomic<Int>(0)
    }

    /// One job runs, one waits; the next is one too many.
    @Test func answers503BeyondTheBound() async throws {
        try await RunningService.with {
            $0.workerCount = 1
            $0.queueCountMax = 1
            $0.queueWaitPercent = 100
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            let clients = try (0..<2).map { _ in try RawClient(port: running.port) }
            clients[0].send(RunningService.request(DeadlineTests.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            clients[1].send(RunningService.request(DeadlineTests.endless + " "))
            #expect(await running.wait { running.service.pool.queue.load.count == 1 })
            let reply = try await running.post(DeadlineTests.endless + "  ")
            #expect(reply.status == 503)
            #expect(reply.problem == "temporary-reduced-capacity")
            #expect(reply.field("Retry-After") == "1")
            let ready = try await running.ask("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(ready.status == 200)
            for client in clients { client.close() }
            #expect(await running.becomesIdle())
        }
    }
}

struct ProgramCacheTests {
    private static func find(_ cache: ProgramCache, _ text: String, _ names: [String] = [])
        -> Program?
    {
        // Safety: the bytes are looked at while the closure runs.
        unsafe Array(text.utf8).withUnsafeBytes {
            unsafe cache.find(ProgramKey.of($0, names), $0, names)
        }
    }

    private static func insert(_ cache: ProgramCache, _ text: String, _ names: [String] = []) throws
    {
        let bytes = Array(text.utf8)
        let program = try Program.compile(bytes, argumentNames: names)
        // Safety: the bytes are looked at while the closure runs.
        let hash = unsafe bytes.withUnsafeBytes { unsafe ProgramKey.of($0, names) }
        cache.insert(hash, bytes, program)
    }

    @Test func findsByTextAndNames() throws {
        let cache = ProgramCache(countMax: 10, bytesMax: 1 << 20)
        try Self.insert(cache, "$a", ["a"])
        #expect(Self.find(cache, "$a", ["a"]) != nil)
        #expect(Self.find(cache, "$a") == nil)
        #expect(Self.find(cache, "$a", ["a", "b"]) == nil)
        #expect(Self.find(cache, "$a ", ["a"]) == nil)
    }

    @Test func isBoundedInCount() throws {
        let cache = ProgramCache(countMax: 3, bytesMax: 1 << 20)
        for i in 0..<3 { try Self.insert(cache, "\(i)") }
        #expect(Self.find(cache, "1") != nil)
        for i in 3..<5 { try Self.insert(cache, "\(i)") }
        #expect(cache.count == 3)
        // What was used since goes last.
        #expect(Self.find(cache, "1") != nil)
        #expect(Self.find(cache, "0") == nil)
        #expect(Self.find(cache, "4") != nil)
    }

    @Test func isBoundedInBytes() throws {
        let cache = ProgramCache(countMax: 1_000, bytesMax: 20_000)
        for i in 0..<200 { try Self.insert(cache, "\(i)") }
        #expect(cache.byteCount <= 20_000)
        #expect(cache.count > 1)
        #expect(Self.find(cache, "199") != nil)
    }
}
