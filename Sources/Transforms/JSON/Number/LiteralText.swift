// The text of a number that no program computed with -> the text that is printed for it, and the
// order of two such texts, both exact to the last digit.
//
// A token without exponent part is kept byte for byte (`1.000`, `13911860366432393`); jq's literals
// `.5`, `1.` and `007` get JSON's form. One with an exponent part is printed as in decNumber:
//
//     coefficient 150, exponent e, adjusted exponent a = e + 2
//     e <= 0 and a >= -6     150, 1.50, 0.00150     1.50e2, 1.50e0, 1.50e-3
//     otherwise              1.50E+3, 1.50E-7       1.50e3, 150e-9
//
// The exponent is bounded as in jq 1.8: a number of 10^1000000000 or more is infinite, which jq
// prints as the largest Double; what is finer than 10^-1147483646 is rounded to it, half up.
// Source: General Decimal Arithmetic Specification 1.70, "to-scientific-string".

enum LiteralText {
    /// The most bytes of a number, whose digits are processed in one go. Longer ones are refused.
    static let byteCountMax = 1 << 21

    private static let adjustedMax = 999_999_999
    private static let exponentMin = -1_147_483_646

    /// Writes the printed form of a number token and returns its length in bytes.
    ///
    /// - Precondition: `text` is `byteCount` bytes of a JSON number or of a jq literal (`.5`, `1.`,
    ///   `1.e3`, leading zeros); `out` has room for byteCount + 24 bytes and is other memory.
    /// - Complexity: O(byteCount), whatever the exponent.
    static func canonical(
        _ text: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        // Safety: the digits are taken from the token alone; `DigitOutput` bounds what it writes.
        var digits = unsafe SignificantDigits(text, byteCount)
        if unsafe !digits.hasExponentPart && isPlainJSON(text, byteCount) {
            unsafe out.update(from: text, count: byteCount)
            return byteCount
        }
        var output = unsafe DigitOutput(out)
        if digits.isNegative { output.append("-") }
        if digits.count == 0 {
            output.append("0")
            let exponent = min(max(digits.lastExponent, exponentMin), adjustedMax)
            return layOut(1, exponent, in: &output)
        }
        if digits.lastExponent + digits.count - 1 > adjustedMax {
            output.append("1.7976931348623157e+308")
            return output.byteCount
        }
        if digits.lastExponent < exponentMin { return rounded(&digits, in: &output) }
        while let digit = digits.next() { output.append(digit: digit) }
        return layOut(digits.count, digits.lastExponent, in: &output)
    }

    /// -1, 0 or 1: as the number `a` is below, equal to or above `b`. Infinite numbers of one sign
    /// are equal, and numbers too small for decNumber are zero.
    ///
    /// - Precondition: as for `canonical`.
    /// - Complexity: O(aCount + bCount), whatever the exponents.
    static func compare(
        _ a: UnsafePointer<UInt8>, _ aCount: Int, _ b: UnsafePointer<UInt8>, _ bCount: Int
    ) -> Int {
        // Safety: the digits are taken from their tokens alone.
        var left = unsafe SignificantDigits(a, aCount)
        var right = unsafe SignificantDigits(b, bCount)
        let leftSign = sign(left)
        let rightSign = sign(right)
        if leftSign != rightSign { return leftSign < rightSign ? -1 : 1 }
        if leftSign == 0 { return 0 }
        let leftAdjusted = min(left.lastExponent + left.count, adjustedMax + 2)
        let rightAdjusted = min(right.lastExponent + right.count, adjustedMax + 2)
        if leftAdjusted != rightAdjusted {
            return leftAdjusted < rightAdjusted ? -leftSign : leftSign
        }
        if leftAdjusted == adjustedMax + 2 { return 0 }
        while left.takenCount < left.count || right.takenCount < right.count {
            let leftDigit = left.next() ?? 0
            let rightDigit = right.next() ?? 0
            if leftDigit != rightDigit { return leftDigit < rightDigit ? -leftSign : leftSign }
        }
        return 0
    }

    private static func sign(_ digits: SignificantDigits) -> Int {
        if digits.count == 0 || digits.lastExponent + digits.count < exponentMin { return 0 }
        return digits.isNegative ? -1 : 1
    }

    /// Whether a token without exponent part keeps to JSON's grammar.
    private static func isPlainJSON(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> Bool {
        let start = unsafe byteCount > 0 && text[0] == UInt8(ascii: "-") ? 1 : 0
        // Safety: each offset is compared with `byteCount` first.
        guard start < byteCount, unsafe text[start] != UInt8(ascii: "."),
            unsafe text[byteCount - 1] != UInt8(ascii: ".")
        else { return false }
        guard unsafe text[start] == UInt8(ascii: "0"), start + 1 < byteCount else { return true }
        return unsafe text[start + 1] == UInt8(ascii: ".")
    }

    /// Writes digits that reach below 10^exponentMin, rounded to that.
    private static func rounded(
        _ digits: inout SignificantDigits, in output: inout DigitOutput
    ) -> Int {
        let keptCount = digits.count - (exponentMin - digits.lastExponent)
        while digits.takenCount < keptCount, let digit = digits.next() {
            output.append(digit: digit)
        }
        let roundsUp = keptCount >= 0 && (digits.next() ?? 0) >= 5
        if keptCount <= 0 {
            output.append(roundsUp ? "1" : "0")
            return layOut(1, exponentMin, in: &output)
        }
        let isLonger = roundsUp && output.increment(keptCount)
        return layOut(isLonger ? keptCount + 1 : keptCount, exponentMin, in: &output)
    }

    /// Adds point, zeros and exponent to the coefficient at the output's end.
    private static func layOut(
        _ digitCount: Int, _ exponent: Int, in output: inout DigitOutput
    ) -> Int {
        let adjusted = exponent + digitCount - 1
        if exponent <= 0, adjusted >= -6 {
            if exponent < 0 {
                // At most six zeros: five after the point and one before it.
                for zeroCount in 0..<max(0, -adjusted) {
                    output.insertZero(before: digitCount + zeroCount)
                }
                output.insertPoint(before: -exponent)
            }
            return output.byteCount
        }
        if digitCount > 1 { output.insertPoint(before: digitCount - 1) }
        output.append(adjusted < 0 ? "E-" : "E+")
        output.append(number: adjusted.magnitude)
        return output.byteCount
    }
}

/// Text that grows at its end, and whose last digits can be moved or counted up.
@safe private struct DigitOutput {
    private let out: UnsafeMutablePointer<UInt8>
    private(set) var byteCount = 0

    /// - Precondition: `out` has room for all that is written.
    init(_ out: UnsafeMutablePointer<UInt8>) {
        unsafe self.out = unsafe out
    }

    // Safety: in all methods below, besides the token's own digits, there are a sign, a zero and a
    // point, up to six zeros, or an exponent of at most 12 bytes, or 23 bytes instead of the
    // digits: less than the 24 bytes that the room has beyond the token's length.

    mutating func append(digit: UInt8) {
        unsafe out[byteCount] = digit | 0x30
        byteCount += 1
    }

    mutating func append(_ text: StaticString) {
        unsafe (out + byteCount).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        byteCount += text.utf8CodeUnitCount
    }

    mutating func append(number: UInt) {
        var divisor: UInt = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(digit: UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    mutating func insertPoint(before count: Int) { insert(UInt8(ascii: "."), before: count) }

    mutating func insertZero(before count: Int) { insert(UInt8(ascii: "0"), before: count) }

    /// Moves the last `count` bytes by one and puts a byte before them.
    private mutating func insert(_ byte: UInt8, before count: Int) {
        precondition(count <= byteCount)
        let start = byteCount - count
        unsafe (out + start + 1).update(from: out + start, count: count)
        unsafe out[start] = byte
        byteCount += 1
    }

    /// Adds one to the number that the last `count` digits make; true if it got a digit longer.
    mutating func increment(_ count: Int) -> Bool {
        var offset = byteCount
        while offset > byteCount - count {
            offset -= 1
            if unsafe out[offset] != UInt8(ascii: "9") {
                unsafe out[offset] += 1
                return false
            }
            unsafe out[offset] = UInt8(ascii: "0")
        }
        insert(UInt8(ascii: "1"), before: count)
        return true
    }
}
