// Sets of Unicode scalars as sorted, disjoint ranges: what `[a-z]`, `\w` and `\p{..}` become.

/// Scalars as sorted ranges that neither touch nor overlap.
struct ScalarSet: Equatable, Hashable, Sendable {
    static let last: UInt32 = 0x10_FFFF

    /// Lower and upper bounds in turn: `[lower, upper, lower, upper, ...]`, both included.
    private(set) var bounds: [UInt32] = []

    init() {}

    init(_ ranges: [ClosedRange<UInt32>]) {
        for range in ranges { insert(range) }
    }

    /// From bounds that are sorted and disjoint already.
    init(sortedBounds: [UInt32]) {
        bounds = sortedBounds
    }

    static let all = ScalarSet([0...last])
    static let newline = ScalarSet([0x0A...0x0A])

    var rangeCount: Int { bounds.count / 2 }

    func range(_ index: Int) -> ClosedRange<UInt32> {
        bounds[2 * index]...bounds[2 * index + 1]
    }

    /// How many scalars it holds.
    var count: Int {
        var total = 0
        for index in 0..<rangeCount { total += range(index).count }
        return total
    }

    mutating func insert(_ range: ClosedRange<UInt32>) {
        if let top = bounds.last, range.lowerBound > top {
            if range.lowerBound == top + 1 {
                bounds[bounds.count - 1] = range.upperBound
            } else {
                bounds.append(range.lowerBound)
                bounds.append(range.upperBound)
            }
            return
        }
        if bounds.isEmpty {
            bounds = [range.lowerBound, range.upperBound]
            return
        }
        formUnion(ScalarSet(sortedBounds: [range.lowerBound, range.upperBound]))
    }

    mutating func formUnion(_ other: ScalarSet) {
        var merged: [UInt32] = []
        merged.reserveCapacity(bounds.count + other.bounds.count)
        var i = 0
        var k = 0
        while i < bounds.count || k < other.bounds.count {
            let takeOwn =
                k >= other.bounds.count || (i < bounds.count && bounds[i] <= other.bounds[k])
            let lower = takeOwn ? bounds[i] : other.bounds[k]
            let upper = takeOwn ? bounds[i + 1] : other.bounds[k + 1]
            if takeOwn { i += 2 } else { k += 2 }
            if let top = merged.last, lower <= top &+ 1 {
                if upper > top { merged[merged.count - 1] = upper }
            } else {
                merged.append(lower)
                merged.append(upper)
            }
        }
        bounds = merged
    }

    func inverted() -> ScalarSet {
        var result: [UInt32] = []
        result.reserveCapacity(bounds.count + 2)
        var next: UInt32 = 0
        for index in 0..<rangeCount {
            let range = range(index)
            if range.lowerBound > next {
                result.append(next)
                result.append(range.lowerBound - 1)
            }
            next = range.upperBound + 1
        }
        if next <= Self.last {
            result.append(next)
            result.append(Self.last)
        }
        return ScalarSet(sortedBounds: result)
    }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = rangeCount
        while low < high {
            let middle = (low + high) / 2
            if bounds[2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
        }
        return low < rangeCount && bounds[2 * low] <= scalar
    }
}

/// A run of equal bytes of a scalar's UTF-8 form, as the analyses of a program see it.
struct ByteSet: Equatable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let all: ByteSet = {
        var set = ByteSet()
        set.words = (.max, .max, .max, .max)
        return set
    }()

    static func == (lhs: ByteSet, rhs: ByteSet) -> Bool { lhs.words == rhs.words }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: return words.0 & bit != 0
        case 1: return words.1 & bit != 0
        case 2: return words.2 & bit != 0
        default: return words.3 & bit != 0
        }
    }

    mutating func formUnion(_ other: ByteSet) {
        words.0 |= other.words.0
        words.1 |= other.words.1
        words.2 |= other.words.2
        words.3 |= other.words.3
    }

    func isDisjoint(with other: ByteSet) -> Bool {
        words.0 & other.words.0 == 0 && words.1 & other.words.1 == 0
            && words.2 & other.words.2 == 0 && words.3 & other.words.3 == 0
    }

    var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount
            + words.3.nonzeroBitCount
    }

    /// Adds the first bytes of a set's scalars. Bytes that start no scalar count as U+FFFD.
    mutating func insertFirstBytes(of set: ScalarSet) {
        for index in 0..<set.rangeCount {
            let range = set.range(index)
            let upper = Self.firstByte(of: range.upperBound)
            var byte = Self.firstByte(of: range.lowerBound)
            while true {
                insert(byte)
                if byte >= upper { break }
                byte = byte == 0x7F ? 0xC2 : byte + 1
            }
        }
        if set.contains(0xFFFD) {
            for byte in UInt8(0x80)...0xFF { insert(byte) }
        }
    }

    static func firstByte(of scalar: UInt32) -> UInt8 {
        if scalar < 0x80 { return UInt8(scalar) }
        if scalar < 0x800 { return UInt8(0xC0 | scalar >> 6) }
        if scalar < 0x1_0000 { return UInt8(0xE0 | scalar >> 12) }
        return UInt8(0xF0 | scalar >> 18)
    }
}
