// What bounds a run, how it ended, and how long its phases took.

import Synchronization
import Transforms

/// The bounds of a run, in addition to its executor's limits.
struct RunBounds {
    var deadlineNanoseconds: UInt64
    var stepsMax: Int?
    var cancel: CancelFlag?
    var note: RunNote?
    /// On an event loop: a program with a higher predicted cost is left to a worker.
    var costNanosecondsMax: UInt64 = .max
    /// On an event loop: whether to try a program without a known run.
    var triesUnknown = true
    /// The current time, if the caller has just read the clock.
    var startNanoseconds: UInt64?
}

/// What other threads may know about a run in progress.
final class RunNote: Sendable {
    /// Of its program; 0 until that is known.
    let digest = Atomic<UInt64>(0)
}

/// How a run ended.
enum Outcome {
    /// The executor's output contains the content.
    case written
    case problem(Problem)
    /// This thread may not finish it: the program is not compiled, or a bound of runs on event
    /// loops was reached. It must run on a worker from the start, which is possible as programs
    /// have no effects.
    case unfinished
    /// The result is no longer needed.
    case cancelled
}

/// Durations of a run's phases in nanoseconds, for `Server-Timing`.
struct Timing: Sendable {
    var read: UInt64 = 0
    /// 0 for a program that was already compiled.
    var compile: UInt64 = 0
    var run: UInt64 = 0
    var write: UInt64 = 0
}
