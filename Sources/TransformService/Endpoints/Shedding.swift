// A request for which there is no time -> 503 with Retry-After, before its body is read if its head
// and the queue give enough information.

import HTTPKit
import Transforms

extension Rejection {
    /// The response's content.
    var problem: Problem {
        var problem =
            switch reason {
            case .queueFull:
                Problem(
                    .reducedCapacity, "The queue of waiting work is full. Try again in a moment.")
            case .predictedLate, .cancelled:
                Problem(
                    .reducedCapacity,
                    "The work that waits would keep this request for too long. Try again later.")
            case .expired:
                Problem(.deadlineExceeded, "The deadline passed before the work began.")
            }
        if problem.kind == .reducedCapacity { problem.retryAfterSeconds = retryAfterSeconds }
        return problem
    }
}

extension Service {
    /// Whether jobs wait for workers.
    var isUnderPressure: Bool { pool.queue.isUnderPressure }

    /// Rejects a request before its content is read, if its head suffices to decide.
    /// - Parameter byteCount: of the content; nil if the head does not give it.
    func checkTime(_ request: TransformRequest, byteCount: Int?) throws(Problem) {
        guard isUnderPressure else { return }
        let key = CostKey.of(request)
        let cost = costs.predict(key, byteCount: byteCount ?? 0)
        if let byteCount, byteCount <= configuration.loopBytesMax {
            // It may never reach the queue.
            let bound = configuration.loopCostNanosecondsMax
            guard cost.isKnown, cost.nanoseconds > bound else { return }
        }
        let refusal = pool.queue.refusal(
            cost, byteCount: byteCount ?? 0, deadline: request.deadlineNanoseconds,
            now: MonotonicClock.nanoseconds())
        guard let refusal else { return }
        lowerIfHopeless(key, cost, request.deadlineNanoseconds)
        throw refusal.problem
    }

    /// A program that is refused for its own cost, however short the queue, is retried some day.
    func lowerIfHopeless(_ key: Int?, _ cost: PredictedCost, _ deadlineNanoseconds: UInt64) {
        guard let key, cost.isKnown else { return }
        let now = MonotonicClock.nanoseconds()
        if now >= deadlineNanoseconds || cost.nanoseconds > deadlineNanoseconds - now {
            costs.lower(key)
        }
    }
}
