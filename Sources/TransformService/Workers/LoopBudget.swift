// How much program work an event loop may do, so that its other connections never wait long: a
// pure value, time comes in with each call.
//
//     one turn   | read | run | read | run | run | ....... | end      runs: 5 ms, then to workers
//     a second   runs given up in vain: 50 ms, then only programs known to be short

/// The runs of one event loop.
struct LoopBudget {
    /// Of runs in one turn of the loop.
    static let turnNanosecondsMax: UInt64 = 5_000_000
    /// Of runs that were given up, in a second, and at once after a calm second.
    static let abandonedNanosecondsMax: UInt64 = 50_000_000
    /// Shorter runs cost little more than what else a request costs: they are not counted.
    static let countedNanosecondsMin: UInt64 = 20_000

    private var turn: UInt64 = 0
    private var turnNanoseconds: UInt64 = 0
    private var abandonedLeft = Self.abandonedNanosecondsMax
    private var filledNanoseconds: UInt64 = 0

    /// Whether a turn of the loop has time for another run.
    func hasTime(inTurn turn: UInt64) -> Bool {
        self.turn != turn || turnNanoseconds < Self.turnNanosecondsMax
    }

    /// Whether a program may be tried whose cost is not known.
    mutating func mayTry(now: UInt64) -> Bool {
        // 5 % of the time that went by.
        let gained = (now &- filledNanoseconds) / (1_000_000_000 / Self.abandonedNanosecondsMax)
        if gained > 0 {
            let room = Self.abandonedNanosecondsMax - abandonedLeft
            abandonedLeft += min(gained, room)
            filledNanoseconds = now
        }
        return abandonedLeft > 0
    }

    /// A run has ended.
    mutating func ran(nanoseconds: UInt64, inTurn turn: UInt64) {
        guard nanoseconds >= Self.countedNanosecondsMin else { return }
        if self.turn != turn { turnNanoseconds = 0 }
        self.turn = turn
        turnNanoseconds += nanoseconds
    }

    /// A run was given up: it is done again by a worker.
    mutating func abandoned(nanoseconds: UInt64) {
        abandonedLeft -= min(abandonedLeft, nanoseconds)
    }
}
