// The numbers that the queue decides by, why a job was turned away, and how often.

/// Bounds and aims of a queue.
struct QueuePolicy: Sendable {
    /// Jobs that wait.
    var countMax: Int
    /// Bytes of all jobs that wait; a job that is larger waits only alone.
    var bytesMax: Int
    /// Workers that take any job.
    var workerCount: Int
    /// Workers for short jobs while all others have long ones.
    var expressCount = 0
    /// A job may be made to wait for this share of the time that it has left: 60 ms where a client
    /// allows 1 s, 270 ms, room for a burst, of the 4.5 s where it says nothing. With 10 % jobs of
    /// 10 ms took up to 190 ms at ten times saturation, as more requests also slow what runs.
    var waitPercent = 6

    /// A job that waits for no longer than this many times its own cost may wait longer.
    static let costFactor: UInt64 = 2
    /// Jobs that are known to take no longer than this go ahead of others.
    static let shortNanosecondsMax: UInt64 = 5_000_000
    /// A long job that has waited for this long takes turns with short ones.
    static let agedNanoseconds: UInt64 = 50_000_000
    /// For this long the oldest job must have waited beyond twice its bound before the newest go
    /// first.
    static let standingNanoseconds: UInt64 = 100_000_000
    static let retryAfterSecondsMax: UInt64 = 60
}

/// Why a job was not run.
enum ShedReason: Int, CaseIterable, Sendable {
    /// The count or byte bound.
    case queueFull
    /// It would have waited too long, or not have been done by its deadline.
    case predictedLate
    /// Its deadline passed while it waited.
    case expired
    /// Its client left while it waited.
    case cancelled

    /// As metrics show it.
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

/// What a job that is turned away is told.
struct Rejection: Error, Sendable, Equatable {
    var reason: ShedReason
    /// When those who wait now should be done.
    var retryAfterSeconds: Int
}
