// All metrics of the service. Frequent counters belong to their event loop (LoopMetrics.swift),
// rare ones are here; none takes a lock. Metrics+Text.swift formats them.

import HTTPKit
import Synchronization

final class Metrics: Sendable {
    /// Routes that have a label of their own; further paths count as `other`.
    static let routeCountMax = 15

    let loops: [LoopMetrics]
    /// Monotonic time of the start, and the same moment in Unix time.
    let startNanoseconds: UInt64
    let startUnixSeconds: Double
    /// Requests on connections for which there was no room.
    private let rejectedConnections = Atomic<UInt64>(0)

    init(loopCount: Int, now: UInt64, startUnixSeconds: Double) {
        loops = (0..<loopCount).map { _ in LoopMetrics(routeCount: Self.routeCountMax + 1) }
        startNanoseconds = now
        self.startUnixSeconds = startUnixSeconds
    }

    /// Requests answered with 503 because there were too many connections.
    var connectionsRejected: UInt64 { rejectedConnections.load(ordering: .relaxed) }

    /// A connection for which there was no room; its request was answered with 503.
    func connectionRejected() { rejectedConnections.add(1, ordering: .relaxed) }

    /// The longest delay of a loop's periodic task at its last run.
    var lagNanoseconds: UInt64 { loops.map(\.lagNanoseconds).max() ?? 0 }

    /// The longest time that a loop has not run its periodic task.
    func silenceNanoseconds(now: UInt64) -> UInt64 {
        var longest: UInt64 = 0
        for loop in loops {
            let tick = loop.tickNanoseconds
            if tick != 0, now > tick { longest = max(longest, now &- tick) }
        }
        return longest
    }
}

/// The service's gauges at the moment of a scrape.
struct Gauges: Sendable {
    /// The router's templates.
    var routes: [String] = []
    var connectionCount = 0
    var workerCount = 0
    var busyCount = 0
    var queueCount = 0
    var queueBytes = 0
    /// Jobs that were not run, by label of the reason.
    var shed: [(reason: String, count: UInt64)] = []
    var programCount = 0
    var programBytes = 0
    var programHits: UInt64 = 0
    var programMisses: UInt64 = 0
    var droppedLines: UInt64 = 0
    var isDraining = false
    var memory = MemoryGauges()
    var spool = SpoolGauges()
    var process = ProcessStatistics()
}

/// Outputs that batches keep for clients that send all their content before they read.
struct SpoolGauges: Sendable {
    var bytes = 0
    var bytesMax = 0
    var fullCount = 0
}

/// The memory that requests hold, of their common bound.
struct MemoryGauges: Sendable {
    var parts: [(name: String, bytes: Int)] = []
    var bytesMax = 0
    var bytesPeak = 0
    var refusedCount = 0
    var droppedReaders = 0

    init() {}

    init(_ account: MemoryAccount, droppedReaders: Int) {
        parts = MemoryAccount.Part.allCases.map { ("\($0)", account.bytes(of: $0)) }
        bytesMax = account.bytesMax
        bytesPeak = account.bytesPeak
        refusedCount = account.refusedCount
        self.droppedReaders = droppedReaders
    }
}
