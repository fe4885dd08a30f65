// Number tokens of more than 19 significant digits -> bits of the nearest Double.
//
// The first 19 digits, cut off and plus one, enclose the value. Where the two ends round to
// different Doubles these are neighbours, and the value is compared with the point half-way
// between them:
//
//     digits * 10^e   <=>   (2 m + 1) * 2^(x - 1)        the lower neighbour being m * 2^x
//
// in integers, with powers of five and two moved to the side where they are positive. A half-way
// point has at most 767 significant digits; so of a longer token the first 770 count, and a digit 1
// stands for whatever else is not zero.

extension DecimalReader {
    private static let digitsMax = 770

    /// The bits of the Double nearest to the token's magnitude.
    ///
    /// - Complexity: O(byteCount).
    @inline(never)
    static func longBits(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> UInt64 {
        // Safety: the reader reads the token's bytes alone.
        var digits = unsafe SignificantDigits(text, byteCount)
        var number: UInt64 = 0
        while digits.takenCount < 19, let digit = digits.next() {
            number = number * 10 + UInt64(digit)
        }
        let lower = bits(number, digits.exponent)
        let upper = bits(number + 1, digits.exponent)
        if lower == upper { return lower }

        var whole = BigInteger(number)
        var chunk: UInt64 = 0
        var scale: UInt64 = 1
        while digits.takenCount < digitsMax, let digit = digits.next() {
            chunk = chunk * 10 + UInt64(digit)
            scale *= 10
            if scale == 10_000_000_000_000_000_000 {
                whole.multiply(by: scale, adding: chunk)
                (chunk, scale) = (0, 1)
            }
        }
        whole.multiply(by: scale, adding: chunk)
        let exponent = digits.exponent
        var more = false
        while let digit = digits.next() { more = more || digit != 0 }
        if more {
            whole.multiply(by: 10, adding: 1)
            return nearer(whole, exponent - 1, lower)
        }
        return nearer(whole, exponent, lower)
    }

    /// `lower` or the next Double's bits, whichever is nearer to whole * 10^exponent.
    private static func nearer(_ whole: BigInteger, _ exponent: Int, _ lower: UInt64) -> UInt64 {
        let biased = Int(lower >> 52)
        let fraction = lower & (1 << 52 - 1)
        let significand = biased == 0 ? fraction : fraction | 1 << 52
        var left = whole
        var right = BigInteger(2 * significand + 1)
        if exponent >= 0 {
            left.multiply(byPowerOfFive: exponent)
        } else {
            right.multiply(byPowerOfFive: -exponent)
        }
        let twos = exponent - (max(biased, 1) - 1076)
        if twos >= 0 {
            left.shiftLeft(twos)
        } else {
            right.shiftLeft(-twos)
        }
        switch left.order(right) {
        case ..<0: return lower
        case 0: return lower + (lower & 1)
        default: return lower + 1
        }
    }
}

/// A natural number below 2^3072 of fixed size: 771 digits and 5^1095 with 54 bits to spare stay
/// below 2^2700. A larger one would trap.
private struct BigInteger {
    /// The least significant word first; those from `count` on are not in use.
    private var words = InlineArray<48, UInt64>(repeating: 0)
    private var count = 0

    init(_ value: UInt64) {
        if value != 0 { append(value) }
    }

    private mutating func append(_ word: UInt64) {
        words[count] = word
        count += 1
    }

    mutating func multiply(by factor: UInt64, adding summand: UInt64 = 0) {
        var carry = summand
        for index in 0..<count {
            let product = words[index].multipliedFullWidth(by: factor)
            let (low, overflow) = product.low.addingReportingOverflow(carry)
            words[index] = low
            carry = product.high + (overflow ? 1 : 0)
        }
        if carry != 0 { append(carry) }
    }

    mutating func multiply(byPowerOfFive exponent: Int) {
        var rest = exponent
        while rest >= 27 {
            multiply(by: 7_450_580_596_923_828_125)  // 5^27, the last below 2^64
            rest -= 27
        }
        var factor: UInt64 = 1
        for _ in 0..<rest { factor *= 5 }
        multiply(by: factor)
    }

    mutating func shiftLeft(_ bitCount: Int) {
        guard count > 0 else { return }
        let wordCount = bitCount / 64
        multiply(by: 1 << UInt64(bitCount % 64))
        for index in stride(from: count - 1, through: 0, by: -1) {
            words[index + wordCount] = words[index]
        }
        for index in 0..<wordCount { words[index] = 0 }
        count += wordCount
    }

    /// Negative, zero or positive: as this number is below, equal to or above the other.
    func order(_ other: BigInteger) -> Int {
        if count != other.count { return count - other.count }
        for index in stride(from: count - 1, through: 0, by: -1)
        where words[index] != other.words[index] {
            return words[index] < other.words[index] ? -1 : 1
        }
        return 0
    }
}
