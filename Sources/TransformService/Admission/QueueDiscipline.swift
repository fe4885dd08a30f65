// Admission, scheduling and shedding of jobs: a pure value, to which each call passes the time.
//
//     submit -> refused (503 at once)
//            -> short | B | A | ---.
//               long  | D | C | ----+--> an idle worker; an express worker takes short jobs only,
//                                        and only while all others run long ones
//
// A job is admitted if, by the learned cost of its program and of the jobs before it, it will wait
// for only a fraction of its time and complete by its deadline. So the queue stays short, and FIFO
// order is fair. If predictions fail and a standing queue forms, the newest jobs go first: they can
// still complete in time, whereas in FIFO order every job would be served too late.
// Source: Nichols, Jacobson, Controlling Queue Delay (2012); Maurer, Fail at Scale (2015).

/// The state of a queue and its workers.
struct QueueDiscipline<Job> {
    /// A worker's next step.
    enum Step {
        case run(Job)
        case drop(Job, ShedReason)
        case wait
    }

    private struct Run {
        var costNanoseconds: UInt64
        var startedNanoseconds: UInt64
        var isLong: Bool
    }

    private struct Standing {
        /// Since when the oldest job has been waiting for more than twice its bound.
        var since: UInt64?
        var isNewestFirst = false
    }

    let policy: QueuePolicy
    private(set) var lists: JobLists<Job>
    private(set) var shed = ShedCounts()
    /// By worker; general workers come before express ones.
    private var runs: [Run?]
    private var standings = [Standing(), Standing()]
    private var hasAgedTurn = true
    /// Scratch memory of `waterLevel`.
    private var remaining: [UInt64] = []

    init(_ policy: QueuePolicy) {
        self.policy = policy
        lists = JobLists(countMax: policy.countMax)
        runs = Array(repeating: nil, count: policy.workerCount + policy.expressCount)
    }

    /// General workers without a job.
    var idleCount: Int { runs[..<policy.workerCount].count { $0 == nil } }

    /// Whether short jobs would have to wait for the end of long ones.
    var isExpressNeeded: Bool {
        lists.count(.short) > 0 && areAllLong
    }

    private var areAllLong: Bool {
        runs[..<policy.workerCount].allSatisfy { $0?.isLong == true }
    }

    func isNewestFirst(_ lane: Lane) -> Bool { standings[lane.rawValue].isNewestFirst }

    static func lane(_ cost: PredictedCost) -> Lane {
        let isShort = cost.nanoseconds <= QueuePolicy.shortNanosecondsMax
        return cost.isKnown && cost.hasEnded && isShort ? .short : .long
    }

    // MARK: Admission

    /// Checks whether a job would be admitted now.
    /// - Returns: the longest wait for which it is admitted.
    mutating func admit(
        _ cost: PredictedCost, byteCount: Int, deadline: UInt64, now: UInt64
    ) throws(Rejection) -> UInt64 {
        let isFull =
            lists.count >= policy.countMax
            || lists.count > 0 && lists.byteCount + byteCount > policy.bytesMax
        if isFull { throw refusal(.queueFull, now) }
        guard now < deadline else { throw refusal(.expired, now) }
        let left = deadline - now
        let share = left / 100 * UInt64(policy.waitPercent)
        let bound = max(share, cost.isKnown ? QueuePolicy.costFactor &* cost.nanoseconds : 0)
        // A job for which a worker is idle delays no other.
        if lists.count < idleCount { return bound }
        let lane = Self.lane(cost)
        let wait = predictedWait(lane, now: now)
        // For the first in line, only the running jobs matter, whose prediction is uncertain; its
        // wait delays no other job.
        let isInBound = wait <= bound || lists.count(lane) == 0
        let needed = cost.isKnown ? cost.nanoseconds : 0
        guard isInBound, wait < left, needed <= left - wait else {
            throw refusal(.predictedLate, now)
        }
        return bound
    }

    /// Admits a job.
    /// - Returns: its ticket.
    mutating func submit(
        _ job: Job, _ cost: PredictedCost, byteCount: Int, deadline: UInt64, now: UInt64
    ) throws(Rejection) -> UInt64 {
        let bound = try admit(cost, byteCount: byteCount, deadline: deadline, now: now)
        let waiting = WaitingJob(
            job: job, byteCount: byteCount, cost: cost, deadlineNanoseconds: deadline,
            submittedNanoseconds: now, waitNanosecondsMax: bound)
        guard let ticket = lists.append(waiting, to: Self.lane(cost)) else {
            throw refusal(.queueFull, now)
        }
        return ticket
    }

    private mutating func refusal(_ reason: ShedReason, _ now: UInt64) -> Rejection {
        shed[reason] += 1
        let seconds = (predictedWait(.long, now: now) + 999_999_999) / 1_000_000_000
        return Rejection(
            reason: reason,
            retryAfterSeconds: Int(max(1, min(seconds, QueuePolicy.retryAfterSecondsMax))))
    }

    /// The predicted wait of a job that arrives now, in nanoseconds.
    mutating func predictedWait(_ lane: Lane, now: UInt64) -> UInt64 {
        let count =
            lane == .short && areAllLong ? runs.count : policy.workerCount
        remaining.removeAll(keepingCapacity: true)
        for run in runs[..<count] {
            let elapsed = run.map { now &- $0.startedNanoseconds } ?? 0
            let cost = run?.costNanoseconds ?? 0
            // If a run exceeds its prediction, the rest is unknown.
            remaining.append(cost > elapsed ? cost - elapsed : 0)
        }
        let ahead = lists.cost(.short) + (lane == .long ? lists.cost(.long) : 0)
        return Self.waterLevel(&remaining, ahead)
    }

    /// When `work` will have been started by workers that are free after `remaining` each, if it is
    /// divisible at will: the level of water poured over a floor with steps of those heights.
    /// - Complexity: O(n log n) in workers.
    static func waterLevel(_ remaining: inout [UInt64], _ work: UInt64) -> UInt64 {
        remaining.sort()
        var left = work
        for index in 1..<max(1, remaining.count) {
            let room = (remaining[index] - remaining[index - 1]) * UInt64(index)
            if left <= room { return remaining[index - 1] + left / UInt64(index) }
            left -= room
        }
        return (remaining.last ?? 0) + left / UInt64(max(1, remaining.count))
    }

    // MARK: Scheduling

    /// Removes a waiting job.
    /// - Returns: whether it was still there.
    mutating func withdraw(_ ticket: UInt64, _ reason: ShedReason) -> Bool {
        guard lists.remove(ticket: ticket) != nil else { return false }
        shed[reason] += 1
        return true
    }

    /// The worker's job has ended.
    mutating func finish(worker: Int) { runs[worker] = nil }

    /// The next step of an idle worker.
    mutating func next(worker: Int, now: UInt64) -> Step {
        guard let lane = nextLane(worker, now) else { return .wait }
        lookForStanding(lane, now)
        let isNewestFirst = standings[lane.rawValue].isNewestFirst
        guard let waiting = lists.take(lane, newest: isNewestFirst) else { return .wait }
        let cost = waiting.cost
        if now >= waiting.deadlineNanoseconds {
            shed[.expired] += 1
            return .drop(waiting.job, .expired)
        }
        // A job that waits alone is tried anyway: it delays no other.
        let left = waiting.deadlineNanoseconds - now
        if cost.isKnown, cost.nanoseconds > left, lists.count > 0 {
            shed[.predictedLate] += 1
            return .drop(waiting.job, .predictedLate)
        }
        runs[worker] = Run(
            costNanoseconds: cost.nanoseconds, startedNanoseconds: now, isLong: lane == .long)
        return .run(waiting.job)
    }

    private mutating func nextLane(_ worker: Int, _ now: UInt64) -> Lane? {
        guard worker < policy.workerCount else { return isExpressNeeded ? .short : nil }
        guard let long = lists.oldest(.long) else {
            return lists.count(.short) > 0 ? .short : nil
        }
        guard lists.count(.short) > 0 else { return .long }
        let isAged = now &- long.submittedNanoseconds >= QueuePolicy.agedNanoseconds
        guard isAged else { return .short }
        hasAgedTurn.toggle()
        return hasAgedTurn ? .short : .long
    }

    private mutating func lookForStanding(_ lane: Lane, _ now: UInt64) {
        guard let oldest = lists.oldest(lane) else { return }
        let waited = now &- oldest.submittedNanoseconds
        guard waited > 2 * oldest.waitNanosecondsMax else {
            standings[lane.rawValue] = Standing()
            return
        }
        let since = standings[lane.rawValue].since ?? now
        standings[lane.rawValue] = Standing(
            since: since, isNewestFirst: now &- since >= QueuePolicy.standingNanoseconds)
    }
}
