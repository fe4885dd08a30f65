// The interface to what decides whether, where and when work runs: the learned costs of programs,
// the queue, the bounds of runs on event loops.
//
//     head of a request   check     503 before its content is read, if there is no time for it
//     job                 submit    a ticket of the queue, or 503
//     end of a run        learn     for the prediction of the program's next run
//
// In addition each loop has a LoopBudget, for the time it gives to runs, and LoopCosts, which says
// what it may run.

import Transforms

struct Admission<Job: QueuedJob, Part>: Sendable {
    let costs: CostTable
    let queue: WorkQueue<Job, Part>
    /// Content up to this size may run on an event loop.
    let loopBytesMax: Int
    /// A program whose predicted cost is higher is not tried on an event loop.
    let loopCostNanosecondsMax: UInt64

    /// Whether jobs wait for workers.
    var isUnderPressure: Bool { queue.isUnderPressure }

    /// Rejects a request before its content is read, if its head suffices to decide.
    /// - Parameter byteCount: of the content; nil if the head does not give it.
    func check(_ request: TransformRequest, byteCount: Int?) throws(Problem) {
        guard isUnderPressure else { return }
        let key = CostKey.of(request)
        let cost = costs.predict(key, byteCount: byteCount ?? 0)
        if let byteCount, byteCount <= loopBytesMax {
            // It may never reach the queue.
            guard cost.isKnown, cost.nanoseconds > loopCostNanosecondsMax else { return }
        }
        let refusal = queue.refusal(
            cost, byteCount: byteCount ?? 0, deadline: request.deadlineNanoseconds,
            now: MonotonicClock.nanoseconds())
        guard let refusal else { return }
        lowerIfHopeless(key, cost, request.deadlineNanoseconds)
        throw refusal.problem
    }

    /// The predicted cost of a job.
    /// - Parameter key: `CostKey` of its program; nil if that is not known yet.
    func predict(_ key: Int?, byteCount: Int) -> PredictedCost {
        costs.predict(key, byteCount: byteCount)
    }

    /// Appends a job to the queue.
    /// - Parameter costKey: with which its cost was predicted.
    /// - Returns: its ticket.
    func submit(_ job: Job, _ costKey: Int?, now: UInt64) throws(Problem) -> UInt64 {
        switch queue.submit(job, now: now) {
        case .success(let ticket): return ticket
        case .failure(let refusal):
            lowerIfHopeless(costKey, job.cost, job.deadlineNanoseconds)
            throw refusal.problem
        }
    }

    /// Removes a waiting job from the queue.
    /// - Returns: whether it was still there.
    func withdraw(_ ticket: UInt64, _ reason: ShedReason) -> Bool {
        queue.withdraw(ticket, reason)
    }

    /// A program that is refused for its own cost, however short the queue, must be tried again at
    /// some point.
    private func lowerIfHopeless(
        _ key: Int?, _ cost: PredictedCost, _ deadlineNanoseconds: UInt64
    ) {
        guard let key, cost.isKnown else { return }
        let now = MonotonicClock.nanoseconds()
        if now >= deadlineNanoseconds || cost.nanoseconds > deadlineNanoseconds - now {
            costs.lower(key)
        }
    }

    /// A worker ended a run.
    /// - Parameter isComplete: false if it was stopped and would have taken longer.
    func learn(_ key: Int, byteCount: Int, nanoseconds: UInt64, isComplete: Bool) {
        costs.learn(key, byteCount: byteCount, nanoseconds: nanoseconds, isComplete: isComplete)
    }

    /// A run reached the bound of an event loop: the program is not tried there again until workers
    /// have measured shorter runs.
    func learnAbandoned(_ key: Int, byteCount: Int, nanoseconds: UInt64) {
        let bound = loopCostNanosecondsMax
        // A run that the machine delayed proves only that it reached the bound: a short program
        // that were taken for a long one would be refused, and then no run would correct the
        // estimate.
        costs.learn(
            key, byteCount: byteCount, nanoseconds: 2 * min(max(nanoseconds, bound), 2 * bound),
            isComplete: false)
    }
}
