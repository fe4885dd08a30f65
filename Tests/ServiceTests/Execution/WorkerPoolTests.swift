// The pool's threads: each job runs once, and one too many is refused.

import HTTPKit
import Synchronization
import Testing
import Transforms

@testable import TransformService

private final class TestJob: PoolJob {
    let byteCount = 1
    let deadlineNanoseconds: UInt64 = .max
    let cost = PredictedCost(nanoseconds: 1_000, isKnown: false)
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func run(on executor: Executor) { body() }
    func drop(_ reason: ShedReason) {}
}

@Suite(.timeLimit(.minutes(2)))
struct WorkerPoolTests {
    private static func pool(_ queue: WorkQueue<TestJob, any Slice>) -> WorkerPool<TestJob> {
        WorkerPool(stackBytes: 1 << 20, queue: queue) {
            Executor(
                limits: RunLimits(), outputBytesMax: 1 << 20,
                cache: ProgramCache(countMax: 1, bytesMax: 1 << 20), isTentative: false)
        }
    }

    @Test func runsEveryJobOnce() async {
        let queue = WorkQueue<TestJob, any Slice>(
            QueuePolicy(countMax: 10_000, bytesMax: 1 << 20, workerCount: 4))
        let pool = Self.pool(queue)
        let sum = Sum()
        for i in 1...1_000 {
            let job = TestJob { _ = sum.value.add(i, ordering: .relaxed) }
            if case .failure = queue.submit(job, now: 1) { Issue.record("it was refused") }
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
