// Threads with large stacks, which take jobs from one queue. Each has an executor, whose memory its
// runs share.
//
//     worker-0, worker-1      as many as the queue's policy says: general workers
//     express-0               take short jobs while all workers run long ones

import Glibc
import Synchronization
import Transforms

/// A job that a worker can run.
protocol PoolJob: QueuedJob {
    func run(on executor: Executor)

    /// The job left the queue without having run. Called on a worker's thread.
    func drop(_ reason: ShedReason)
}

final class WorkerPool<Job: PoolJob>: Sendable {
    /// Of express workers, whose jobs are short, as on event loops. With short jobs and a few long
    /// ones at twice saturation, the short ones' p99 was 8-9 ms; with niceness 2 it was 18 and
    /// more.
    private static var expressNiceness: Int32 { 0 }
    /// A job that exceeds its deadline by this much shows that its thread is stuck.
    private static var wedgedNanoseconds: UInt64 { 5_000_000_000 }

    let queue: WorkQueue<Job, any Slice>
    private let workers: [Worker<Job>]
    /// The number of general workers.
    let threadCount: Int

    /// - Parameter makeExecutor: called on each worker's thread, for its first job.
    init(
        stackBytes: Int, queue: WorkQueue<Job, any Slice>,
        makeExecutor: @escaping @Sendable () -> Executor
    ) {
        self.queue = queue
        let threadCount = queue.policy.workerCount
        self.threadCount = threadCount
        workers = (0..<threadCount + queue.policy.expressCount).map {
            Worker(index: $0, queue, makeExecutor)
        }
        for (index, worker) in workers.enumerated() {
            let isExpress = index >= threadCount
            let isStarted = Thread.start(
                name: isExpress ? "express-\(index - threadCount)" : "worker-\(index)",
                stackBytes: stackBytes + Executor.stackReserveBytes,
                niceness: isExpress ? Self.expressNiceness : Executor.niceness
            ) { worker.work() }
            precondition(isStarted, "no thread for a worker")
        }
    }

    /// Workers that are running a job.
    var busyCount: Int {
        workers.count { $0.deadlineNanoseconds.load(ordering: .relaxed) != 0 }
    }

    /// Whether any thread is still in its job long after the job's deadline.
    func isWedged(now: UInt64) -> Bool {
        workers.contains { worker in
            let deadline = worker.deadlineNanoseconds.load(ordering: .relaxed)
            return deadline != 0 && now > deadline &+ Self.wedgedNanoseconds
        }
    }

    /// Ends the threads once the waiting jobs are done.
    func close() { queue.close() }

    /// Closes, and waits for the threads to end, for at most the given time.
    /// - Returns: whether all have.
    @discardableResult
    func end(withinNanoseconds nanoseconds: UInt64) async -> Bool {
        close()
        let latest = MonotonicClock.nanoseconds() &+ nanoseconds
        while MonotonicClock.nanoseconds() < latest {
            if workers.allSatisfy({ $0.hasEnded.load(ordering: .acquiring) }) { return true }
            try? await Task.sleep(nanoseconds: 1_000_000)
        }
        return false
    }
}

private final class Worker<Job: PoolJob>: Sendable {
    /// Of the running job; 0 without one.
    let deadlineNanoseconds = Atomic<UInt64>(0)
    let hasEnded = Atomic(false)
    private let index: Int
    private let queue: WorkQueue<Job, any Slice>
    private let makeExecutor: @Sendable () -> Executor

    init(
        index: Int, _ queue: WorkQueue<Job, any Slice>,
        _ makeExecutor: @escaping @Sendable () -> Executor
    ) {
        self.index = index
        self.queue = queue
        self.makeExecutor = makeExecutor
    }

    func work() {
        lazy var executor = makeExecutor()
        /// Whether runs have left memory behind, to be released when the worker is idle for a
        /// while.
        var hasMemory = false
        while true {
            let taken = queue.take(worker: index, toldWhenIdle: hasMemory)
            for (job, reason) in taken.dropped { job.drop(reason) }
            if taken.isClosed { break }
            if taken.isIdle {
                executor.runner.releaseMemory()
                Thread.releaseStack()
                hasMemory = false
                continue
            }
            hasMemory = hasMemory || taken.job != nil || taken.slice != nil
            if let slice = taken.slice {
                deadlineNanoseconds.store(max(slice.deadlineNanoseconds, 1), ordering: .relaxed)
                slice.run(on: executor)
            } else if let job = taken.job {
                deadlineNanoseconds.store(max(job.deadlineNanoseconds, 1), ordering: .relaxed)
                job.run(on: executor)
            }
            deadlineNanoseconds.store(0, ordering: .relaxed)
        }
        hasEnded.store(true, ordering: .releasing)
    }
}
