// Double -> the shortest decimal number that rounds to it; of several the nearest one.
//
// The Double c * 2^q stands for all numbers between the half-way points to its neighbours.
// Multiplied by the power of ten 10^-k that leaves the interval one to ten units long, its ends and
// itself lie
//
//     lower ----- 4 s ------ value -- 4 s + 4 ----- upper          (in quarter units)
//
// and the answer is s or s + 1, or a multiple of ten among the two tens around it if the interval
// holds one. Products are kept to the quarter, their last bit set if anything was cut off ("round
// to odd"), which leaves every comparison right.
// Source: R. Giulietti, "The Schubfach way to render doubles", 2020.

/// number * 10^exponent. `number` has 16 or 17 digits unless the Double is subnormal; the shortest
/// decimal is the part before its trailing zeros.
struct ShortestDecimal {
    let number: UInt64
    let exponent: Int

    /// - Precondition: `value` is finite and above zero.
    @inline(__always)
    init(_ value: Double) {
        let fraction = value.bitPattern & (1 << 52 - 1)
        let biased = Int(truncatingIfNeeded: value.bitPattern >> 52)
        let c = biased == 0 ? fraction : fraction | 1 << 52
        let q = max(biased, 1) &- 1075
        // Below a power of two the neighbour is only half as far away.
        let isUneven = fraction == 0 && biased > 1

        // floor(q * log10(2)), of 3/4 of the interval if it is uneven; then floor(-k * log2(10)).
        let k = (q &* 1_262_611 &- (isUneven ? 524_031 : 0)) >> 22
        let h = q &+ (-k &* 1_741_647) >> 19 &+ 1
        let power = Self.ceiling(-k)
        let shift = UInt64(truncatingIfNeeded: h)
        let lower = Self.product(power, (4 &* c &- (isUneven ? 1 : 2)) &<< shift)
        let middle = Self.product(power, (4 &* c) &<< shift)
        let upper = Self.product(power, (4 &* c &+ 2) &<< shift)
        // The ends round to this Double if its significand is even.
        let low = lower &+ (c & 1)
        let high = upper &- (c & 1)

        // Both scales without a branch: which one it is depends on the last digits, so a branch
        // would be mispredicted half the time.
        let s = middle >> 2
        let belowFits: UInt64 = low <= 4 &* s ? 1 : 0
        let aboveFits: UInt64 = 4 &* s &+ 4 <= high ? 1 : 0
        // Above the half, or the half itself and s odd.
        let isNearerAbove: UInt64 = middle &+ (s & 1) > 4 &* s &+ 2 ? 1 : 0
        let one = s &+ (belowFits ^ aboveFits == 0 ? isNearerAbove : aboveFits)

        let ten = s / 10 &* 10
        let tenBelowFits = low <= 4 &* ten
        let tenAboveFits = 4 &* ten &+ 40 <= high
        let isTen = tenBelowFits != tenAboveFits && s >= 10
        number = isTen ? ten &+ (tenAboveFits ? 10 : 0) : one
        exponent = k
    }

    /// The 128-bit significand of 10^q, rounded up.
    @inline(__always)
    private static func ceiling(_ q: Int) -> (high: UInt64, low: UInt64) {
        let power = PowerTable.significand(q)
        // Exact from 0 to 55, rounded up already from -27 to -1.
        let isCutOff = UInt(bitPattern: q &+ 27) > 82
        return (power.high, power.low &+ (isCutOff ? 1 : 0))
    }

    /// The upper 64 bits of the 192-bit product, the lowest of them set if any bit below is.
    @inline(__always)
    private static func product(
        _ power: (high: UInt64, low: UInt64), _ factor: UInt64
    ) -> UInt64 {
        let below = power.low.multipliedFullWidth(by: factor).high
        let (high, low) = power.high.multipliedFullWidth(by: factor)
        let (sum, carry) = low.addingReportingOverflow(below)
        return (high &+ (carry ? 1 : 0)) | (sum > 1 ? 1 : 0)
    }
}
