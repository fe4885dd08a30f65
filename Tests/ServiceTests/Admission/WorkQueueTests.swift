// The queue's order and bounds, and its end.

import TestSupport
import Testing

@testable import TransformService

private final class TestJob: QueuedJob {
    let byteCount: Int
    let deadlineNanoseconds: UInt64 = .max
    let cost = PredictedCost(nanoseconds: 1_000, isKnown: false)

    init(_ byteCount: Int = 1) { self.byteCount = byteCount }
}

extension WorkQueue where Job == TestJob {
    fileprivate convenience init(countMax: Int, bytesMax: Int) {
        self.init(QueuePolicy(countMax: countMax, bytesMax: bytesMax, workerCount: 1))
    }

    fileprivate func ticket(_ job: TestJob, now: UInt64) -> UInt64? {
        try? submit(job, now: now).get()
    }

    fileprivate func job() -> TestJob? { take(worker: 0).job }
}

struct WorkQueueTests {
    /// Without slices.
    private typealias Queue = WorkQueue<TestJob, Never>

    @Test func keepsTheOrder() {
        let queue = Queue(countMax: 8, bytesMax: 100)
        let jobs = (0..<8).map { _ in TestJob() }
        for job in jobs { #expect(queue.ticket(job, now: 1) != nil) }
        for job in jobs { #expect(queue.job() === job) }
    }

    @Test func isBoundedInCount() {
        let queue = Queue(countMax: 3, bytesMax: 100)
        for _ in 0..<3 { #expect(queue.ticket(TestJob(), now: 1) != nil) }
        #expect(queue.ticket(TestJob(), now: 7) == nil)
        #expect(queue.load.saturatedSince == 7)
        #expect(queue.ticket(TestJob(), now: 8) == nil)
        #expect(queue.load.saturatedSince == 7)
        _ = queue.job()
        #expect(queue.ticket(TestJob(), now: 9) != nil)
        for _ in 0..<3 { _ = queue.job() }
        #expect(queue.load == Queue.Load())
    }

    @Test func isBoundedInBytes() {
        let queue = Queue(countMax: 10, bytesMax: 100)
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
        let queue = Queue(countMax: 3, bytesMax: 100)
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
        let queue = Queue(countMax: 5, bytesMax: 50)
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
        let queue = Queue(countMax: 3, bytesMax: 100)
        let job = TestJob()
        _ = queue.ticket(job, now: 1)
        queue.close()
        #expect(queue.ticket(TestJob(), now: 1) == nil)
        #expect(queue.job() === job)
        #expect(queue.job() == nil)
    }
}
