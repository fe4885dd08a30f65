// Bytes and times -> whether they are sent or received at least at a minimum rate.
//
//     | previous window |  this window  |      at each bar: do both together suffice for two?
//
// With windows of 5 s, a pause of a few seconds does no harm to a client that is fast otherwise,
// and one that stays below the rate is detected after 10 to 15 s.

/// The rate of one direction of a connection.
struct RateMeter: Equatable {
    /// When to call `isTooSlow`; the largest number while nothing is measured.
    private(set) var checkTime = UInt64.max
    private var before = 0
    private var current = 0

    var isRunning: Bool { checkTime != .max }

    /// Starts to measure. The first two windows are checked as a whole.
    mutating func start(now: UInt64, _ limits: borrowing ConnectionLimits) {
        checkTime = now &+ limits.rateWindowNanoseconds
        before = Int.max / 2
        current = 0
    }

    mutating func stop() { checkTime = .max }

    mutating func add(_ byteCount: Int) { current &+= byteCount }

    /// Whether the last two windows had too few bytes; checked only at the end of a window.
    mutating func isTooSlow(now: UInt64, _ limits: borrowing ConnectionLimits) -> Bool {
        guard now >= checkTime else { return false }
        let milliseconds = Int(limits.rateWindowNanoseconds / 1_000_000)
        if before + current < 2 * limits.bytesPerSecondMin * milliseconds / 1_000 { return true }
        before = current
        current = 0
        checkTime = now &+ limits.rateWindowNanoseconds
        return false
    }
}
