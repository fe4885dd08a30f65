// The counters of one event loop. Loops share no memory while they count, so that they do not
// contend on cache lines; a scrape adds the counters up.
//
//     series     (route, method, status) -> a histogram of durations, created on first use
//     counters   began | ended | memory peak | tick | lag | kinds ... | sizes by route ...

import HTTPKit
import Synchronization

/// Its loop's thread adds; any thread reads.
@safe final class LoopMetrics: Sendable {
    /// The statuses that have a series of their own; the rest are `other`.
    static let statuses: [UInt16] = [
        200, 204, 304, 400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 417, 422, 431, 499,
        500, 501, 503, 504, 505,
    ]
    static let statusCount = statuses.count + 1

    /// Histograms without labels.
    enum Kind: Int, CaseIterable {
        case loopLag, queueWait, runTime, runMemory

        var histogram: Histogram { self == .runMemory ? .sizes : .times }
    }

    private enum Index {
        static let began = 0
        static let ended = 1
        static let memoryPeak = 2
        static let tick = 3
        static let lag = 4
        static let kinds = 5
    }

    private let times = Histogram.times
    private let sizes = Histogram.sizes
    private let statusIndices: [UInt8]
    private let kindOffsets: [Int]
    private let sizesOffset: Int
    /// Known routes and, last, one for all others.
    private let routeCount: Int
    private let counters: CounterArray
    /// Each is 0 or a retained `CounterArray`, which is never replaced.
    // Safety: allocated and initialised by `init`, freed by `deinit`; each is an atomic.
    private nonisolated(unsafe) let series: UnsafeMutablePointer<Atomic<UInt>>
    private let seriesCount: Int

    init(routeCount: Int) {
        self.routeCount = routeCount
        statusIndices = (0..<600).map { code in
            UInt8(Self.statuses.firstIndex(of: UInt16(code)) ?? Self.statuses.count)
        }
        var offset = Index.kinds
        var offsets: [Int] = []
        for kind in Kind.allCases {
            offsets.append(offset)
            offset += kind.histogram.counterCount
        }
        kindOffsets = offsets
        sizesOffset = offset
        counters = CounterArray(count: offset + 2 * routeCount * sizes.counterCount)
        seriesCount = routeCount * Method.allCases.count * Self.statusCount
        unsafe series = .allocate(capacity: seriesCount)
        for i in 0..<seriesCount { unsafe (series + i).initialize(to: Atomic(0)) }
    }

    deinit {
        for i in 0..<seriesCount {
            unsafe Self.reference(series[i].load(ordering: .relaxed))?.release()
        }
        unsafe series.deinitialize(count: seriesCount)
        unsafe series.deallocate()
    }

    // MARK: On the loop

    func requestBegan() { counters.add(1, at: Index.began) }

    func requestEnded(_ record: borrowing RequestRecord, hasBegun: Bool) {
        if hasBegun { counters.add(1, at: Index.ended) }
        let route = min(record.routeIndex ?? routeCount - 1, routeCount - 1)
        let status = Int(record.status < 600 ? statusIndices[Int(record.status)] : 0)
        times.add(record.durationNanoseconds, to: durations(route, record.method, status), at: 0)
        let offset = sizesOffset + 2 * route * sizes.counterCount
        sizes.add(UInt64(record.requestByteCount), to: counters, at: offset)
        sizes.add(UInt64(record.responseByteCount), to: counters, at: offset + sizes.counterCount)
        if let wait = record.measures.waitNanoseconds { add(wait, .queueWait) }
        guard let work = record.measures.workNanoseconds else { return }
        add(work, .runTime)
        let memory = UInt64(record.measures.memoryBytes)
        sizes.add(memory, to: counters, at: kindOffsets[Kind.runMemory.rawValue])
        counters.raise(to: memory, at: Index.memoryPeak)
    }

    private func add(_ nanoseconds: UInt64, _ kind: Kind) {
        times.add(nanoseconds, to: counters, at: kindOffsets[kind.rawValue])
    }

    private func durations(_ route: Int, _ method: Method, _ status: Int) -> CounterArray {
        precondition(route >= 0 && route < routeCount)
        let index = (route * Method.allCases.count + Int(method.rawValue)) * Self.statusCount
        // Safety: all three numbers are below their counts, so the index is below the product. The
        // cell holds a reference, which is retained until `deinit`.
        let cell = unsafe series + (index + status)
        if let known = unsafe Self.reference(cell.pointee.load(ordering: .relaxed)) {
            return unsafe known.takeUnretainedValue()
        }
        let made = CounterArray(count: times.counterCount)
        // Only the loop's thread stores here.
        unsafe cell.pointee.store(
            UInt(bitPattern: Unmanaged.passRetained(made).toOpaque()), ordering: .releasing)
        return made
    }

    private static func reference(_ bits: UInt) -> Unmanaged<CounterArray>? {
        unsafe UnsafeRawPointer(bitPattern: bits).map { unsafe Unmanaged.fromOpaque($0) }
    }

    /// The loop's periodic task has run.
    /// - Parameter lag: how late it was.
    func ticked(at now: UInt64, lag: UInt64) {
        add(lag, .loopLag)
        counters.store(now, at: Index.tick)
        counters.store(lag, at: Index.lag)
    }

    // MARK: From any thread

    /// When the periodic task last ran; 0 if never.
    var tickNanoseconds: UInt64 { counters[Index.tick] }
    /// How late it was then.
    var lagNanoseconds: UInt64 { counters[Index.lag] }
    var memoryBytesPeak: UInt64 { counters[Index.memoryPeak] }
    /// Requests that have begun and not ended.
    var activeCount: Int {
        let ended = counters[Index.ended]
        return Int(counters[Index.began]) - Int(ended)
    }

    func counts(_ kind: Kind) -> (counters: CounterArray, offset: Int) {
        (counters, kindOffsets[kind.rawValue])
    }

    func counts(sizesOf route: Int, isResponse: Bool) -> (counters: CounterArray, offset: Int) {
        let index = 2 * route + (isResponse ? 1 : 0)
        return (counters, sizesOffset + index * sizes.counterCount)
    }

    /// Requests of all routes that were answered with this status.
    func requestCount(status: Int) -> UInt64 {
        var count: UInt64 = 0
        for route in 0..<routeCount {
            for method in Method.allCases.indices {
                guard let counters = durations(route: route, method: method, status: status) else {
                    continue
                }
                for i in 0...times.bounds.count { count &+= counters[i] }
            }
        }
        return count
    }

    /// Durations of responses by route, method and status; nil if there were none.
    func durations(route: Int, method: Int, status: Int) -> CounterArray? {
        precondition(route >= 0 && route < routeCount)
        precondition(method >= 0 && method < Method.allCases.count)
        precondition(status >= 0 && status < Self.statusCount)
        // Safety: all three numbers are below their counts, so the index is below the product. The
        // cell holds a reference, which is retained until `deinit`.
        let index = (route * Method.allCases.count + method) * Self.statusCount + status
        return unsafe Self.reference(series[index].load(ordering: .acquiring))?
            .takeUnretainedValue()
    }
}
