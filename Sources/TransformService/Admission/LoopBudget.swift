// How much program work an event loop may do, so that its other connections never wait long: a pure
// value, to which each call passes the time.
//
//     iteration  | read | run | read | run | run | ...... | end      runs: 5 ms, then to workers
//     a second   abandoned runs: 50 ms, then only programs known to be short

/// The runs of one event loop.
struct LoopBudget {
    /// Bound on the runs in one iteration of the loop.
    static let iterationNanosecondsMax: UInt64 = 5_000_000
    /// Bound on the abandoned runs in a second, and at once after a second without any.
    static let abandonedNanosecondsMax: UInt64 = 50_000_000
    /// Shorter runs are not counted: they cost little more than the rest of a request.
    static let countedNanosecondsMin: UInt64 = 20_000

    private var iteration: UInt64 = 0
    private var iterationNanoseconds: UInt64 = 0
    private var abandonedLeft = Self.abandonedNanosecondsMax
    private var filledNanoseconds: UInt64 = 0

    /// Whether an iteration of the loop has time for another run.
    func hasTime(inIteration iteration: UInt64) -> Bool {
        self.iteration != iteration || iterationNanoseconds < Self.iterationNanosecondsMax
    }

    /// Whether a program of unknown cost may be tried.
    mutating func mayTry(now: UInt64) -> Bool {
        // 5 % of the elapsed time.
        let gained = (now &- filledNanoseconds) / (1_000_000_000 / Self.abandonedNanosecondsMax)
        if gained > 0 {
            let room = Self.abandonedNanosecondsMax - abandonedLeft
            abandonedLeft += min(gained, room)
            filledNanoseconds = now
        }
        return abandonedLeft > 0
    }

    /// A run has ended.
    mutating func ran(nanoseconds: UInt64, inIteration iteration: UInt64) {
        guard nanoseconds >= Self.countedNanosecondsMin else { return }
        if self.iteration != iteration { iterationNanoseconds = 0 }
        self.iteration = iteration
        iterationNanoseconds += nanoseconds
    }

    /// A run was abandoned: a worker repeats it.
    mutating func abandoned(nanoseconds: UInt64) {
        abandonedLeft -= min(abandonedLeft, nanoseconds)
    }
}
