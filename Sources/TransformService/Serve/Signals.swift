// SIGTERM and SIGINT -> the orderly end; a second one ends the process at once.

import Glibc
import Synchronization

enum Signals {
    enum Kind: Sendable { case terminate, interrupt }

    private static var stackBytes: Int { 256 << 10 }

    /// Blocks the two signals, so that every thread started later leaves them to `first`, and
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
        return set
    }

    /// Waits for the first signal. From then on a second one ends the process.
    static func first() -> Kind {
        let number = wait()
        let isStarted = Thread.start(name: "signals", stackBytes: stackBytes) {
            _exit(128 + wait())
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
