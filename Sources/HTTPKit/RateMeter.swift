// Bytes and times -> whether they come, or go, at least at a minimum rate.
//
//     |  window before  |  this window  |      at each bar: are both together enough for two?
//
// With windows of 5 s a pause of a few seconds harms nobody who is quick otherwise, and who falls
// below the rate for good is found out after 10 to 15 s.

/// The rate of one direction of a connection.
struct RateMeter: Equatable {
    /// When `isTooSlow` wants to be asked; the largest number while nothing is measured.
    private(set) var checkTime = UInt64.max
    private var before = 0
    private var current = 0

    var isRunning: Bool { checkTime != .max }

    /// Measures from now on. The first two windows are looked at as a whole.
    mutating func start(now: UInt64, _ limits: borrowing Limits) {
        checkTime = now &+ limits.rateWindowNanoseconds
        before = Int.max / 2
        current = 0
    }

    mutating func stop() { checkTime = .max }

    mutating func add(_ byteCount: Int) { current &+= byteCount }

    /// Whether the last two windows had too few bytes. Between their ends it is not.
    mutating func isTooSlow(now: UInt64, _ limits: borrowing Limits) -> Bool {
        guard now >= checkTime else { return false }
        let milliseconds = Int(limits.rateWindowNanoseconds / 1_000_000)
        if before + current < 2 * limits.bytesPerSecondMin * milliseconds / 1_000 { return true }
        before = current
        current = 0
        checkTime = now &+ limits.rateWindowNanoseconds
        return false
    }
}
