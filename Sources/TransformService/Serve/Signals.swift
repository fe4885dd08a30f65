// SIGTERM and SIGINT -> graceful shutdown; a second one ends the process at once. SIGHUP -> reload.

import Glibc

enum Signals {
    enum Kind: Sendable { case terminate, interrupt }

    private static var stackBytes: Int { 256 << 10 }

    /// Blocks the three signals, so that all threads started later leave them to `first`, and
    /// ignores SIGPIPE: a closed client is an error of the write to it. Call this first.
    static func prepare() {
        // Safety: each call is given memory of the right type.
        signal(SIGPIPE, SIG_IGN)
        var set = ends
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static var ends: sigset_t {
        var set = sigset_t()
        // Safety: each call is given the one set.
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGTERM)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGHUP)
        return set
    }

    /// Waits for the first signal to end. After that, a second one ends the process.
    /// - Parameter hangup: called for each earlier SIGHUP.
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
        // Safety: the call is given the set, and the number that it fills.
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }
}
