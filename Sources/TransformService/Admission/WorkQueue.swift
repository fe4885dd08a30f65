// Jobs between the event loops that submit them and the workers that take them: the lock and the
// condition variables around QueueDiscipline, which decides.
//
// A job is withdrawn at once if its client leaves or its deadline passes: its slot and its memory
// become free for others, whatever the workers do.

import Glibc
import Synchronization
import Transforms

/// A job that can wait in the queue.
protocol QueuedJob: AnyObject, Sendable {
    /// The bytes it holds while it waits.
    var byteCount: Int { get }
    /// Its deadline, on `MonotonicClock`.
    var deadlineNanoseconds: UInt64 { get }
    /// Its predicted cost.
    var cost: PredictedCost { get }
}

/// `Sendable`, as every variable is accessed only under its lock `mutex`. `Part` is a slice of long
/// work; the queue knows nothing of it.
@safe final class WorkQueue<Job: QueuedJob, Part>: @unchecked Sendable {
    struct Load: Sendable, Equatable {
        var count = 0
        var byteCount = 0
        /// Since when the queue has rejected jobs without ever being empty, on `MonotonicClock`.
        var saturatedSince: UInt64?
    }

    /// The result of `take` for a worker.
    struct Taken {
        /// Nil if all waiting jobs were dropped, or the queue is closed.
        var job: Job?
        /// A part of a batch, in place of a job.
        var slice: Part?
        /// Jobs that are too late; the worker must notify them.
        var dropped: [(job: Job, reason: ShedReason)] = []
        var isClosed = false
        /// There has been nothing to do for a while.
        var isIdle = false
    }

    /// A worker that has waited for this long is told that it is idle.
    private static var idleNanoseconds: UInt64 { 1_000_000_000 }
    /// The most jobs dropped in one call, as it holds the lock.
    private static var droppedCountMax: Int { 64 }

    private let pressure = Atomic<Bool>(false)
    /// While jobs wait, one slice is taken per this time, so that batches still advance.
    private static var laneWaitNanosecondsMax: UInt64 { 10_000_000 }
    // Safety: allocated and initialised by `init`; destroyed by `deinit`, when no thread is left.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let general: UnsafeMutablePointer<pthread_cond_t>
    private let express: UnsafeMutablePointer<pthread_cond_t>
    private let workerCount: Int
    private var discipline: QueueDiscipline<Job>
    private var waitingCount = 0
    private var saturatedSince: UInt64?
    private var isClosed = false
    private var lane = SliceLane<Part>()
    /// When a slice was last taken, or the lane was last empty, on `MonotonicClock`.
    private var laneNanoseconds: UInt64 = 0

    init(_ policy: QueuePolicy) {
        discipline = QueueDiscipline(policy)
        workerCount = policy.workerCount
        unsafe mutex = .allocate(capacity: 1)
        unsafe general = .allocate(capacity: 1)
        unsafe express = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe general.initialize(to: pthread_cond_t())
        unsafe express.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        // Timeouts are on `MonotonicClock`.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        defer { unsafe pthread_condattr_destroy(&attributes) }
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(general, &attributes)
        unsafe pthread_cond_init(express, &attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(express)
        unsafe pthread_cond_destroy(general)
        unsafe pthread_mutex_destroy(mutex)
        unsafe express.deallocate()
        unsafe general.deallocate()
        unsafe mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    // MARK: For the event loops

    var policy: QueuePolicy { discipline.policy }

    var load: Load {
        locked {
            Load(
                count: discipline.lists.count, byteCount: discipline.lists.byteCount,
                saturatedSince: saturatedSince)
        }
    }

    /// Whether jobs wait because all workers are busy; takes no lock.
    var isUnderPressure: Bool { pressure.load(ordering: .relaxed) }

    /// Jobs that were not run.
    var shed: ShedCounts { locked { discipline.shed } }

    /// Why a job would be rejected if it were submitted now; nil if it would be admitted. A
    /// rejection is counted.
    func refusal(
        _ cost: PredictedCost, byteCount: Int, deadline: UInt64, now: UInt64
    ) -> Rejection? {
        locked { () -> Rejection? in
            do throws(Rejection) {
                _ = try discipline.admit(
                    cost, byteCount: byteCount, deadline: deadline, now: now)
                return nil
            } catch {
                turnedAway(now)
                return error
            }
        }
    }

    /// Appends a job.
    /// - Returns: its ticket.
    func submit(_ job: Job, now: UInt64) -> Result<UInt64, Rejection> {
        let (cost, byteCount, deadline) = (job.cost, job.byteCount, job.deadlineNanoseconds)
        return locked { () -> Result<UInt64, Rejection> in
            if isClosed { return .failure(Rejection(reason: .queueFull, retryAfterSeconds: 1)) }
            do throws(Rejection) {
                let ticket = try discipline.submit(
                    job, cost, byteCount: byteCount, deadline: deadline, now: now)
                wake()
                notePressure()
                return .success(ticket)
            } catch {
                turnedAway(now)
                return .failure(error)
            }
        }
    }

    /// Removes a waiting job from the queue.
    /// - Returns: whether it was still there.
    @discardableResult
    func withdraw(_ ticket: UInt64, _ reason: ShedReason = .cancelled) -> Bool {
        locked {
            let wasThere = discipline.withdraw(ticket, reason)
            notePressure()
            return wasThere
        }
    }

    private func turnedAway(_ now: UInt64) {
        if saturatedSince == nil { saturatedSince = now }
        notePressure()
    }

    private func notePressure() {
        if discipline.lists.count == 0 { saturatedSince = nil }
        let isPressed = discipline.lists.count > waitingCount
        pressure.store(isPressed, ordering: .relaxed)
    }

    private func wake() {
        if waitingCount > 0 { unsafe pthread_cond_signal(general) }
        if discipline.isExpressNeeded { unsafe pthread_cond_signal(express) }
    }

    // MARK: For the workers

    /// Ends a worker's last job and waits for its next one.
    /// - Parameter toldWhenIdle: whether to return without a job after a while without any.
    func take(worker: Int, toldWhenIdle: Bool = false) -> Taken {
        locked { () -> Taken in
            var taken = Taken()
            discipline.finish(worker: worker)
            let idleTime = MonotonicClock.nanoseconds() &+ Self.idleNanoseconds
            while true {
                let now = MonotonicClock.nanoseconds()
                if isSliceDue(worker, now), let slice = lane.take() {
                    taken.slice = slice
                    return taken
                }
                switch discipline.next(worker: worker, now: now) {
                case .run(let job):
                    taken.job = job
                    if discipline.isExpressNeeded { unsafe pthread_cond_signal(express) }
                    notePressure()
                    return taken
                case .drop(let job, let reason):
                    taken.dropped.append((job, reason))
                    notePressure()
                    if taken.dropped.count == Self.droppedCountMax { return taken }
                case .wait:
                    if !taken.dropped.isEmpty { return taken }
                    if isClosed {
                        taken.isClosed = true
                        return taken
                    }
                    if toldWhenIdle, now >= idleTime {
                        taken.isIdle = true
                        return taken
                    }
                    wait(worker, until: toldWhenIdle ? idleTime : nil)
                }
            }
        }
    }

    private func wait(_ worker: Int, until time: UInt64?) {
        let isExpress = worker >= workerCount
        let condition = unsafe isExpress ? express : general
        if !isExpress { waitingCount += 1 }
        if let time {
            var limit = timespec()
            limit.tv_sec = Int(time / 1_000_000_000)
            limit.tv_nsec = Int(time % 1_000_000_000)
            // Safety: the call reads the one time that it is given.
            unsafe pthread_cond_timedwait(condition, mutex, &limit)
        } else {
            unsafe pthread_cond_wait(condition, mutex)
        }
        if !isExpress { waitingCount -= 1 }
    }

    /// Whether the worker should take a slice now: no job waits, or slices have waited long.
    private func isSliceDue(_ worker: Int, _ now: UInt64) -> Bool {
        if lane.isEmpty || worker >= workerCount { return false }
        if discipline.lists.count > 0, now < laneNanoseconds &+ Self.laneWaitNanosecondsMax {
            return false
        }
        laneNanoseconds = now
        return true
    }

    /// Takes no more jobs; workers end once the waiting ones are done.
    func close() {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(general)
            unsafe pthread_cond_broadcast(express)
        }
    }
}

// MARK: Slices

extension WorkQueue {
    /// Appends a slice.
    /// - Parameter isNext: before all waiting slices of its owner.
    func submit(_ slice: Part, of owner: SliceOwner<Part>, isNext: Bool) {
        locked {
            if lane.isEmpty { laneNanoseconds = MonotonicClock.nanoseconds() }
            lane.add(slice, of: owner, isNext: isNext)
            if waitingCount > 0 { unsafe pthread_cond_signal(general) }
        }
    }

    /// Drops all waiting slices of an owner.
    func withdrawSlices(of owner: SliceOwner<Part>) { locked { lane.remove(owner) } }
}
