// A periodic task on each event loop -> its delay: that long, the loop was busy with other work.

import HTTPKit
import Transforms

enum LoopTicker {
    private static var periodNanoseconds: UInt64 { 100_000_000 }

    /// Ticks until the loops end.
    static func start(on loops: [EventLoop], _ metrics: Metrics) {
        for (loop, counts) in zip(loops, metrics.loops) {
            loop.execute {
                schedule(on: loop, counts, at: MonotonicClock.nanoseconds() &+ periodNanoseconds)
            }
        }
    }

    private static func schedule(
        on loop: EventLoop, _ counts: LoopMetrics, at due: UInt64
    ) {
        _ = loop.schedule(atNanoseconds: due) {
            let now = MonotonicClock.nanoseconds()
            counts.ticked(at: now, lag: now > due ? now &- due : 0)
            schedule(on: loop, counts, at: now &+ periodNanoseconds)
        }
    }
}
