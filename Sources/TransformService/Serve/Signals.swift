// SIGTERM and SIGINT -> the orderly end; a second one ends the process at once. SIGHUP -> a reload.

import Glibc
import Synchronization

enum Signals {
    enum Kind: Sendable { case terminate, interrupt }

    private static var stackBytes: Int { 256 << 10 }

    /// Blocks the three signals, so that every thread started later leaves them to `first`, and
    /// ignores SIGPIPE: a client that is gone is an error of its own write. To be called first.
    static func prepare() {
        // Safety: each call gets memory of its own type.
        signal(SIGPIPE, SIG_IGN)
        var set = ends
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static var ends: sigset_t {
        var set = sigset_t()
        // Safety: each call gets the one set.
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGTERM)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGHUP)
        return set
    }

    /// Waits for the first signal to end. From then on a second one ends the process.
    /// - Parameter hangup: called for each SIGHUP before.
    static func first(hangup: () -> Void) -> Kind {
        var number = wait()
        while number == SIGHUP {
            hangup()
            number = wait()
        }
        let isStarted = Thread.start(name: "signals", stackBytes: stackBytes) {
            var number = wait()
            while number == SIGHUP { number = wait() }
            _exit(128 + number)
        }
        precondition(isStarted, "no thread for signals")
        return number == SIGINT ? .interrupt : .terminate
    }

    private static func wait() -> Int32 {
        var set = ends
        var number: Int32 = 0
        // Safety: the call gets the set and the number that it fills.
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }
}
