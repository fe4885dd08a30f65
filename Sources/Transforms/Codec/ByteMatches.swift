// Bytes and a pattern -> the offsets at which the pattern occurs, from first to last.
//
//     "aaaa" in "aa"   overlapping 0 1 2 (jq's indices), apart 0 2 (jq's split)
//
// The search leaps with `memchr` to the pattern's first byte and compares there. If that compares
// too many bytes (a pattern that nearly matches everywhere), it changes over to the two-way search,
// whose comparisons are at most twice the bytes passed. So finding all matches, overlapping ones
// too, costs O(bytes + pattern). The caller is charged for the bytes that are looked at, some 32
// KiB at a time, and may end the search. Source: M. Crochemore, D. Perrin, "Two-way
// string-matching", J. ACM 38(3), 1991.

internal import Glibc

/// Finds one match per call. The bytes stay the caller's and must outlive this.
@safe struct ByteMatches {
    private let bytes: UnsafePointer<UInt8>
    private let byteCount: Int
    private let pattern: UnsafePointer<UInt8>
    private let patternByteCount: Int
    private let isOverlapping: Bool
    private var offset = 0
    /// Bytes compared so far; above `comparedPerByte` for each byte passed, the search changes
    /// over.
    private var comparedByteCount = 0
    private var twoWay: TwoWay?

    private static let comparedPerByte = 4
    /// Bytes compared before any change-over, as setting up the two-way search has a cost too.
    private static let comparedFree = 256

    /// - Parameter overlapping: whether a match may begin inside the one before it.
    init(
        of pattern: UnsafePointer<UInt8>, _ patternByteCount: Int,
        in bytes: UnsafePointer<UInt8>, _ byteCount: Int, overlapping: Bool
    ) {
        unsafe self.pattern = pattern
        self.patternByteCount = patternByteCount
        unsafe self.bytes = bytes
        self.byteCount = byteCount
        isOverlapping = overlapping
    }

    /// Bytes that are compared between two charges.
    private static let pieceByteCount = 1 << 15

    /// The next match's offset; nil after the last, and at once for an empty pattern.
    /// - Parameter charge: called with how many bytes were looked at, or are about to be.
    /// - Complexity: O(bytes passed over + bytes of the pattern).
    mutating func next<Failure: Error>(_ charge: (Int) throws(Failure) -> Void) throws(Failure)
        -> Int?
    {
        guard patternByteCount > 0 else { return nil }
        while byteCount - offset >= patternByteCount {
            if twoWay != nil { return try nextTwoWay(charge) }
            // Safety: from each of `candidateCount` offsets on there are at least as many bytes as
            // the pattern has.
            let candidateCount = min(
                byteCount - offset - patternByteCount + 1, ByteMatches.pieceByteCount)
            guard let found = unsafe memchr(bytes + offset, Int32(pattern[0]), candidateCount)
            else {
                try charge(candidateCount)
                offset += candidateCount
                continue
            }
            let candidate = unsafe UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
            try charge(candidate - offset)
            let common = try commonByteCount(at: candidate, charge)
            comparedByteCount += common + 8
            let allowed = ByteMatches.comparedFree + ByteMatches.comparedPerByte * candidate
            offset = candidate + 1
            if common == patternByteCount {
                if comparedByteCount > allowed, isOverlapping { try changeOver(charge) }
                if !isOverlapping { offset = candidate + patternByteCount }
                return candidate
            }
            if comparedByteCount > allowed { try changeOver(charge) }
        }
        return nil
    }

    /// How many bytes of the pattern match at an offset that has room for all of it.
    private func commonByteCount<Failure: Error>(
        at candidate: Int, _ charge: (Int) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        let left = unsafe UnsafeRawPointer(bytes + candidate)
        let right = unsafe UnsafeRawPointer(pattern)
        var i = 0
        var nextLook = ByteMatches.pieceByteCount
        // Safety: each load ends by the pattern's count.
        while patternByteCount - i >= 8 {
            let difference =
                unsafe left.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                ^ right.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            if difference != 0 { return i + difference.trailingZeroBitCount / 8 }
            i += 8
            if i >= nextLook {
                try charge(ByteMatches.pieceByteCount)
                nextLook += ByteMatches.pieceByteCount
            }
        }
        while i < patternByteCount, unsafe bytes[candidate + i] == pattern[i] { i += 1 }
        return i
    }

    // MARK: - Two-way search

    /// The pattern cut where a mismatch to the right of the cut allows the longest shift.
    private struct TwoWay {
        /// The left part's last index, -1 where it is empty.
        let cut: Int
        /// How far to advance after the right part matched.
        let shift: Int
        let isPeriodic: Bool
        /// The last index of the pattern's start that is known to match already, else -1.
        var known = -1
    }

    private mutating func changeOver<Failure: Error>(
        _ charge: (Int) throws(Failure) -> Void
    ) throws(Failure) {
        let less = try maximalSuffix(isReversed: false, charge)
        let greater = try maximalSuffix(isReversed: true, charge)
        let (cut, period) = less.cut > greater.cut ? less : greater
        var isPeriodic = true
        // Safety: `cut + period` is below the pattern's count, as the period is the right part's.
        for i in 0..<(cut + 1) {
            try ByteMatches.chargeByte(i, charge)
            if unsafe pattern[i] == pattern[i + period] { continue }
            isPeriodic = false
            break
        }
        let shift = isPeriodic ? period : max(cut + 1, patternByteCount - cut - 1) + 1
        twoWay = TwoWay(cut: cut, shift: shift, isPeriodic: isPeriodic)
    }

    /// Where the greatest suffix begins (less one) in the order of bytes or its reverse, and its
    /// period.
    private func maximalSuffix<Failure: Error>(
        isReversed: Bool, _ charge: (Int) throws(Failure) -> Void
    ) throws(Failure) -> (cut: Int, period: Int) {
        var stepCount = 0
        var cut = -1
        var start = 0
        var length = 1
        var period = 1
        // Safety: `cut < start`, and the loop holds `start + length` below the pattern's count.
        while start + length < patternByteCount {
            try ByteMatches.chargeByte(stepCount, charge)
            stepCount += 1
            let byte = unsafe pattern[start + length]
            let other = unsafe pattern[cut + length]
            if byte == other {
                if length == period {
                    start += period
                    length = 1
                } else {
                    length += 1
                }
            } else if (byte < other) != isReversed {
                start += length
                length = 1
                period = start - cut
            } else {
                cut = start
                start += 1
                length = 1
                period = 1
            }
        }
        return (cut, period)
    }

    /// Charges a loop that compares bytes one by one, 4,096 at a time: one costs as much as a pass
    /// over eight bytes.
    @inline(__always) private static func chargeByte<Failure: Error>(
        _ index: Int, _ charge: (Int) throws(Failure) -> Void
    ) throws(Failure) {
        if index & 4095 == 4095 { try charge(8 * 4096) }
    }

    private mutating func nextTwoWay<Failure: Error>(
        _ charge: (Int) throws(Failure) -> Void
    ) throws(Failure) -> Int? {
        var stepCount = 0
        guard var search = twoWay else { return nil }
        defer { twoWay = search }
        while byteCount - offset >= patternByteCount {
            // Safety: the whole pattern's length lies between `offset` and `byteCount`.
            let start = unsafe bytes + offset
            var i = max(search.cut, search.known) + 1
            while i < patternByteCount, unsafe pattern[i] == start[i] {
                i += 1
                stepCount += 1
                try ByteMatches.chargeByte(stepCount, charge)
            }
            stepCount += 1
            try ByteMatches.chargeByte(stepCount, charge)
            if i < patternByteCount {
                offset += i - search.cut
                search.known = -1
                continue
            }
            i = search.cut
            while i > search.known, unsafe pattern[i] == start[i] {
                i -= 1
                stepCount += 1
                try ByteMatches.chargeByte(stepCount, charge)
            }
            let candidate = offset
            let isMatch = i <= search.known
            let isApart = isMatch && !isOverlapping
            offset += isApart ? patternByteCount : search.shift
            search.known =
                search.isPeriodic && !isApart ? patternByteCount - search.shift - 1 : -1
            if isMatch {
                try charge(8 * (stepCount & 4095))
                return candidate
            }
        }
        return nil
    }
}
