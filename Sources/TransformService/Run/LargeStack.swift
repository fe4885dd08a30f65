// A closure -> its run on a new thread with a large stack, of which only the used part takes
// memory.
//
// Safety: the time that a thread is waited for lives until the call returns.

import CMalloc
import Glibc

enum LargeStack {
    static let byteCountMax = 2 << 30
    private static let byteCountMin = 16 << 20

    /// How much of such a stack a run may use: the rest is for functions called at the greatest
    /// depth.
    static func usable(_ byteCount: Int) -> Int { byteCount - min(byteCount / 8, 8 << 20) }

    struct RunningThread {
        fileprivate let thread: pthread_t

        func join() { pthread_join(thread, nil) }
        /// Nobody waits for its end.
        func detach() { pthread_detach(thread) }

        /// Waits for its end.
        /// - Parameter deadlineNanoseconds: of `MonotonicClock`.
        /// - Returns: false if it still runs then.
        func join(until deadlineNanoseconds: UInt64) -> Bool {
            let second: UInt64 = 1_000_000_000
            var time = timespec()
            time.tv_sec = Int(deadlineNanoseconds / second)
            time.tv_nsec = Int(deadlineNanoseconds % second)
            return unsafe join_thread(thread, nil, CLOCK_MONOTONIC, &time) == 0
        }
    }

    /// Starts a thread with a stack of up to `byteCount` bytes; `body` receives the actual size.
    /// Nil if the system refuses every size.
    static func start(
        _ byteCount: Int = byteCountMax, _ body: @escaping (Int) -> Void
    ) -> RunningThread? {
        var byteCount = byteCount
        while byteCount >= byteCountMin {
            let stackBytes = byteCount
            let thread = Thread.create(stackBytes: stackBytes) { body(stackBytes) }
            if let thread { return RunningThread(thread: thread) }
            byteCount /= 2
        }
        return nil
    }
}
