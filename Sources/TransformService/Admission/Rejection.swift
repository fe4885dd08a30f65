// A job that is not run -> the problem to answer: 503 with Retry-After, or 504.

/// The response to a rejected job.
struct Rejection: Error, Sendable, Equatable {
    var reason: ShedReason
    /// When the waiting jobs should have completed.
    var retryAfterSeconds: Int

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
