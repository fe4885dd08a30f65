// A value -> its bucket. A histogram has a counter for each bucket, then one for the sum:
//
//     bounds     100 us | 250 us | ... | 10 s
//     counters   <=100us  <=250us  ...  <=10s  more  sum

/// The bounds of a histogram and its unit. The counts are kept elsewhere, once for each thread and
/// each set of labels.
struct Histogram: Sendable {
    enum Unit: Sendable { case nanoseconds, bytes }

    /// Ascending; a value on a bound belongs to its bucket.
    let bounds: [UInt64]
    let unit: Unit

    /// The counters of one histogram.
    var counterCount: Int { bounds.count + 2 }

    /// From 100 microseconds to 10 seconds.
    static let times = Histogram(
        bounds: [
            100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
            50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
            5_000_000_000, 10_000_000_000,
        ], unit: .nanoseconds)

    /// From 256 bytes to 256 MiB.
    static let sizes = Histogram(
        bounds: (0...10).map { 256 << (2 * UInt64($0)) }, unit: .bytes)

    func add(_ value: UInt64, to counters: CounterArray, at offset: Int) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counters.add(1, at: offset + bucket)
        counters.add(value, at: offset + bounds.count + 1)
    }

    /// The sum of several threads' counters.
    func total(_ parts: [(counters: CounterArray, offset: Int)]) -> [UInt64] {
        var sums = [UInt64](repeating: 0, count: counterCount)
        for part in parts {
            for i in 0..<counterCount { sums[i] &+= part.counters[part.offset + i] }
        }
        return sums
    }
}
