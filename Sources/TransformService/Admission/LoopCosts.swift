// A program and the size of its content -> whether an event loop should run it, judging by the
// learned cost of its runs.

/// It belongs to the thread of one event loop.
final class LoopCosts {
    private static var recentNanoseconds: UInt64 { 1_000_000 }

    private let costs: CostTable
    /// The table's last answer, for one program and one size of content, until its time has passed
    /// or a run has refuted it. All loops would contend on the table's locks.
    private var recent = (key: 0, byteCount: -1, nanoseconds: UInt64(0), until: UInt64(0))

    init(_ costs: CostTable) { self.costs = costs }

    /// - Parameters:
    ///   - key: `CostKey` of the program.
    ///   - nanosecondsMax: a program with a higher predicted cost is left to a worker.
    ///   - triesUnknown: the answer for a program without a known run.
    func mayRun(
        _ key: Int, byteCount: Int, nanosecondsMax: UInt64, triesUnknown: Bool, now: UInt64
    ) -> Bool {
        let recent = recent
        if recent.key == key, recent.byteCount == byteCount, now < recent.until {
            return recent.nanoseconds <= nanosecondsMax
        }
        guard let known = costs.known(key, byteCount: byteCount) else { return triesUnknown }
        self.recent = (key, byteCount, known, now &+ Self.recentNanoseconds)
        return known <= nanosecondsMax
    }

    /// Makes the next call look up the cost anew.
    func forget() { recent.until = 0 }
}
