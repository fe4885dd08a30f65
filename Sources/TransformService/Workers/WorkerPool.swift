// Threads of our own with large stacks, which take jobs from one queue. Each has an executor, whose
// memory its runs share.

import Glibc
import Synchronization
import Transforms

/// A job that a worker can run.
protocol PoolJob: QueuedJob {
    /// Until when it may run; `MonotonicClock`.
    var deadlineNanoseconds: UInt64 { get }

    func run(on executor: Executor)
}

final class WorkerPool<Job: PoolJob>: Sendable {
    /// Stack beyond what a run may use: for what is called at the deepest place.
    private static var stackReserveBytes: Int { 8 << 20 }
    /// Event loops, and clients on the same machine, go before programs. With 50 endless programs
    /// on 2 cores a Python client waited 140-190 ms for /livez instead of 540-760.
    private static var niceness: Int32 { 5 }
    /// A job that runs this much longer than its deadline shows that its thread is stuck.
    private static var wedgedNanoseconds: UInt64 { 5_000_000_000 }

    let queue: WorkQueue<Job>
    private let workers: [Worker<Job>]

    /// - Parameter makeExecutor: called once on each worker's thread.
    init(
        threadCount: Int, stackBytes: Int, queue: WorkQueue<Job>,
        makeExecutor: @escaping @Sendable () -> Executor
    ) {
        self.queue = queue
        workers = (0..<threadCount).map { _ in Worker(queue, makeExecutor) }
        for (index, worker) in workers.enumerated() {
            let isStarted = Thread.start(
                name: "worker-\(index)", stackBytes: stackBytes + Self.stackReserveBytes,
                niceness: Self.niceness
            ) { worker.work() }
            precondition(isStarted, "no thread for a worker")
        }
    }

    var threadCount: Int { workers.count }
    /// Workers that run a job.
    var busyCount: Int {
        workers.count { $0.deadlineNanoseconds.load(ordering: .relaxed) != 0 }
    }

    /// Whether some thread has not come back from its job long after the job's deadline.
    func isWedged(now: UInt64) -> Bool {
        workers.contains { worker in
            let deadline = worker.deadlineNanoseconds.load(ordering: .relaxed)
            return deadline != 0 && now > deadline &+ Self.wedgedNanoseconds
        }
    }

    /// Ends the threads once the jobs that wait are done.
    func close() { queue.close() }
}

private final class Worker<Job: PoolJob>: Sendable {
    /// Of the job in work; 0 without one.
    let deadlineNanoseconds = Atomic<UInt64>(0)
    private let queue: WorkQueue<Job>
    private let makeExecutor: @Sendable () -> Executor

    init(_ queue: WorkQueue<Job>, _ makeExecutor: @escaping @Sendable () -> Executor) {
        self.queue = queue
        self.makeExecutor = makeExecutor
    }

    func work() {
        let executor = makeExecutor()
        while let work = queue.takeWork() {
            switch work {
            case .job(let job):
                deadlineNanoseconds.store(max(job.deadlineNanoseconds, 1), ordering: .relaxed)
                job.run(on: executor)
            case .slice(let slice):
                deadlineNanoseconds.store(max(slice.deadlineNanoseconds, 1), ordering: .relaxed)
                slice.run(on: executor)
            }
            deadlineNanoseconds.store(0, ordering: .relaxed)
        }
    }
}
