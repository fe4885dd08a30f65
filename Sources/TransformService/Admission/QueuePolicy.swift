// The parameters of the queue, why jobs are not run, and their counts.

/// Bounds and targets of a queue.
struct QueuePolicy: Sendable {
    /// Bound on the waiting jobs.
    var countMax: Int
    /// Bound on the bytes of all waiting jobs; a larger job waits only alone.
    var bytesMax: Int
    /// General workers, which take any job.
    var workerCount: Int
    /// Express workers, which take short jobs while all others run long ones.
    var expressCount = 0
    /// A job may have to wait for this percentage of its remaining time: 60 ms if a client allows
    /// 1 s; 270 ms, room for a burst, of the default 4.5 s. With 10 %, jobs of 10 ms took up to 190
    /// ms at ten times saturation, as more requests also slow down running jobs.
    var waitPercent = 6

    /// A job may wait longer than that, for up to this many times its own cost.
    static let costFactor: UInt64 = 2
    /// Jobs known to take no longer than this go before others.
    static let shortNanosecondsMax: UInt64 = 5_000_000
    /// A long job that has waited for this long alternates with short ones.
    static let agedNanoseconds: UInt64 = 50_000_000
    /// How long the oldest job must have exceeded twice its bound before the newest go first.
    static let standingNanoseconds: UInt64 = 100_000_000
    static let retryAfterSecondsMax: UInt64 = 60
}

/// Why a job was not run.
enum ShedReason: Int, CaseIterable, Sendable {
    /// A bound on the count or the bytes was reached.
    case queueFull
    /// It would have waited too long, or not have completed by its deadline.
    case predictedLate
    /// Its deadline passed while it waited.
    case expired
    /// Its client left while it waited.
    case cancelled

    /// Its label in metrics.
    var label: String {
        switch self {
        case .queueFull: "queue_full"
        case .predictedLate: "predicted_late"
        case .expired: "expired"
        case .cancelled: "cancelled"
        }
    }
}

/// Jobs that were not run, by reason, since the start.
struct ShedCounts: Sendable, Equatable {
    private var counts: [UInt64] = Array(repeating: 0, count: ShedReason.allCases.count)

    subscript(_ reason: ShedReason) -> UInt64 {
        get { counts[reason.rawValue] }
        set { counts[reason.rawValue] = newValue }
    }
}
