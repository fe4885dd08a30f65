// Jobs in the order in which they came, bounded in count and bytes, between the event loops that
// submit them and the workers that take them.
//
//     ring    | job 17 | -- | job 19 | job 20 |          --: withdrawn while it waited
//               ^ head = 17             next = 21        ticket & mask = place in the ring
//
// A job whose client left or whose deadline passed is withdrawn at once: its place and its memory
// are free for others, whatever the workers do.

import Glibc
import Transforms

/// What can wait in the queue.
protocol QueuedJob: AnyObject, Sendable {
    /// Bytes that it holds while it waits.
    var byteCount: Int { get }
}

/// Its lock is `mutex`; every variable is touched under it only, which is why it is `Sendable`.
@safe final class WorkQueue<Job: QueuedJob>: @unchecked Sendable {
    struct Load: Sendable, Equatable {
        var count = 0
        var byteCount = 0
        /// Workers that wait for a job.
        var idleCount = 0
        /// Since when the queue has turned jobs away without ever being empty; `MonotonicClock`.
        var saturatedSince: UInt64?
    }

    /// While jobs wait, one slice is taken in this time: batches advance, if slowly.
    private static var laneWaitNanosecondsMax: UInt64 { 10_000_000 }

    private let countMax: Int
    private let bytesMax: Int
    // Safety: allocated and initialised by `init`, destroyed by `deinit`, when no thread is left.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var ring: [Job?]
    /// Tickets count jobs; those from `head` up to `next` are in the ring.
    private var head: UInt64 = 0
    private var next: UInt64 = 0
    private var currentLoad = Load()
    private var isClosed = false
    private var lane = SliceLane()
    /// When a slice was last taken, or the lane was last empty; `MonotonicClock`.
    private var laneNanoseconds: UInt64 = 0

    /// - Parameter bytesMax: of all waiting jobs; a job that is larger waits only alone.
    init(countMax: Int, bytesMax: Int) {
        self.countMax = countMax
        self.bytesMax = bytesMax
        // Room for withdrawn places between jobs that wait longer.
        var size = 16
        while size < 4 * countMax { size *= 2 }
        ring = Array(repeating: nil, count: size)
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    private func place(_ ticket: UInt64) -> Int {
        Int(truncatingIfNeeded: ticket & UInt64(ring.count - 1))
    }

    var load: Load { locked { currentLoad } }

    /// Appends a job.
    /// - Returns: its ticket; nil when there is no room for it.
    func submit(_ job: Job, now: UInt64) -> UInt64? {
        locked { () -> UInt64? in
            let byteCount = job.byteCount
            let hasRoom =
                currentLoad.count < countMax && next - head < UInt64(ring.count)
                && (currentLoad.count == 0 || currentLoad.byteCount + byteCount <= bytesMax)
            guard hasRoom, !isClosed else {
                if currentLoad.saturatedSince == nil { currentLoad.saturatedSince = now }
                return nil
            }
            let ticket = next
            ring[place(ticket)] = job
            next += 1
            currentLoad.count += 1
            currentLoad.byteCount += byteCount
            if currentLoad.idleCount > 0 { unsafe pthread_cond_signal(condition) }
            return ticket
        }
    }

    /// Takes a job out of the queue before a worker did.
    /// - Returns: whether it was still there.
    @discardableResult
    func withdraw(_ ticket: UInt64) -> Bool {
        locked {
            guard ticket >= head, ticket < next, let job = ring[place(ticket)] else {
                return false
            }
            ring[place(ticket)] = nil
            left(job)
            dropWithdrawn()
            return true
        }
    }

    private func left(_ job: Job) {
        currentLoad.count -= 1
        currentLoad.byteCount -= job.byteCount
        if currentLoad.count == 0 { currentLoad.saturatedSince = nil }
    }

    private func dropWithdrawn() {
        while head < next, ring[place(head)] == nil { head += 1 }
    }

    /// What a worker gets to do.
    enum Work {
        case job(Job)
        case slice(any Slice)
    }

    /// Waits for the job that has waited longest, or for a slice while no job waits; nil once the
    /// queue is closed and empty.
    func takeWork() -> Work? {
        locked { () -> Work? in
            while true {
                if isSliceDue, let slice = lane.take() { return .slice(slice) }
                if let job = takeJob() { return .job(job) }
                if isClosed { return nil }
                currentLoad.idleCount += 1
                unsafe pthread_cond_wait(condition, mutex)
                currentLoad.idleCount -= 1
            }
        }
    }

    /// The job that has waited longest; nil when none waits.
    func take() -> Job? { locked { takeJob() } }

    private func takeJob() -> Job? {
        guard currentLoad.count > 0 else { return nil }
        dropWithdrawn()
        let job = ring[place(head)]
        ring[place(head)] = nil
        head += 1
        if let job { left(job) }
        dropWithdrawn()
        return job
    }

    /// Whether a slice is to be taken now: no job waits, or slices have waited long.
    private var isSliceDue: Bool {
        if lane.isEmpty { return false }
        let now = MonotonicClock.nanoseconds()
        if currentLoad.count > 0, now < laneNanoseconds &+ Self.laneWaitNanosecondsMax {
            return false
        }
        laneNanoseconds = now
        return true
    }

    /// Takes no more jobs; workers end when those that wait are done.
    func close() {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(condition)
        }
    }
}

extension WorkQueue: SliceQueue {
    func submit(_ slice: any Slice, of owner: SliceOwner, isNext: Bool) {
        locked {
            if lane.isEmpty { laneNanoseconds = MonotonicClock.nanoseconds() }
            lane.add(slice, of: owner, isNext: isNext)
            if currentLoad.idleCount > 0 { unsafe pthread_cond_signal(condition) }
        }
    }

    func withdrawSlices(of owner: SliceOwner) { locked { lane.remove(owner) } }
}
