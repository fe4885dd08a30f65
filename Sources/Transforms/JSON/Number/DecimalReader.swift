// Decimal text -> the nearest Double (ties to even), or -> Int64.
//
//     text -65.613616999999977 -> number 65613616999999977, exponent -15 -> Eisel-Lemire -> bits
//
// Three stages, each taken only where the one before cannot answer:
// 1. a number below 2^53 with up to eight digits after the point is one division (Clinger 1990);
// 2. up to 19 significant digits: the number times a 128-bit power of ten, whose upper bits are
//    always enough to round (Lemire 2021; Mushtak and Lemire 2023 prove that no fall-back is due);
// 3. more digits: the first 19, cut off and plus one, enclose the value; if both round to one
//    Double, that is it, else big integers decide between the two (`DecimalReader+Exact.swift`).
// Nothing here allocates, and nothing depends on libc or the locale.

enum DecimalReader {
    /// The Double nearest to a number token: overflow gives an infinity, underflow a zero, and the
    /// sign of a zero is kept.
    ///
    /// - Precondition: `text` is `byteCount` bytes of an RFC 8259 number, or of a jq literal: also
    ///   `.5`, `1.`, `1.e3` and leading zeros.
    /// - Complexity: O(byteCount).
    static func double(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> Double {
        if let (isNegative, number, fraction) = unsafe DigitCursor.decimal(text, byteCount) {
            return nearest(isNegative ? 1 << 63 : 0, number, 0 &- fraction)
        }
        return unsafe anyDouble(text, byteCount)
    }

    @inline(never)
    private static func anyDouble(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> Double {
        // Safety: the cursor reads the token's bytes alone.
        var cursor = unsafe DigitCursor(text, byteCount)
        let sign: UInt64 = cursor.byte == UInt8(ascii: "-") ? 1 << 63 : 0
        cursor.offset = Int(truncatingIfNeeded: sign >> 63)

        var number: UInt64 = 0
        let digitsOffset = cursor.offset
        cursor.takeDigits(into: &number)
        var digitCount = cursor.offset &- digitsOffset
        var exponent = 0
        if cursor.byte == UInt8(ascii: ".") {
            cursor.offset &+= 1
            let fractionOffset = cursor.offset
            cursor.takeDigits(into: &number)
            exponent = fractionOffset &- cursor.offset
            digitCount &-= exponent
        }
        if cursor.offset < byteCount { exponent &+= cursor.takeExponent() }
        if digitCount > 19, unsafe digitCount - leadingZeroCount(text, byteCount) > 19 {
            return unsafe Double(bitPattern: sign | longBits(text, byteCount))
        }
        return nearest(sign, number, exponent)
    }

    /// The Double nearest to number * 10^exponent, with the bit of its sign.
    @inline(__always)
    private static func nearest(_ sign: UInt64, _ number: UInt64, _ exponent: Int) -> Double {
        if exponent == 0 {
            // The conversion of an integer rounds to nearest, ties to even.
            return Double(bitPattern: sign | Double(number).bitPattern)
        }
        if exponent < 0, exponent >= -8, number < 1 << 53 {
            // Both are exact, so the quotient is rounded once.
            let power = Double(Int64(truncatingIfNeeded: PowerTable.integer(0 &- exponent)))
            let quotient = Double(Int64(truncatingIfNeeded: number)) / power
            return Double(bitPattern: sign | quotient.bitPattern)
        }
        return Double(bitPattern: sign | bits(number, exponent))
    }

    /// The Int64 that a token without fraction and exponent part denotes; nil if the token has one,
    /// is longer than 20 bytes, does not fit, or is `-0`, whose sign an Int64 cannot hold.
    ///
    /// - Precondition: as for `double`.
    static func integer(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> Int64? {
        guard byteCount <= 20 else { return nil }
        // Safety: the cursor reads the token's bytes alone.
        var cursor = unsafe DigitCursor(text, byteCount)
        let negative = cursor.byte == UInt8(ascii: "-")
        if negative { cursor.offset = 1 }
        let digitsOffset = cursor.offset
        var number: UInt64 = 0
        cursor.takeDigits(into: &number)
        // 19 digits stay below 2^64, so `number` has not wrapped round.
        guard cursor.offset == byteCount, byteCount &- digitsOffset <= 19 else { return nil }
        if negative {
            guard number != 0, number <= 1 << 63 else { return nil }
            return Int64(truncatingIfNeeded: 0 &- number)
        }
        return number < 1 << 63 ? Int64(truncatingIfNeeded: number) : nil
    }

    /// The bits of the Double nearest to number * 10^exponent.
    @inline(__always)
    static func bits(_ number: UInt64, _ exponent: Int) -> UInt64 {
        if number == 0 || exponent < PowerTable.exponentMin { return 0 }
        if exponent > 308 { return infinityBits }

        // The product's top bits: `high` holds 64 of them, of which 55 must be certain.
        let zeroCount = number.leadingZeroBitCount
        let shifted = number << UInt64(truncatingIfNeeded: zeroCount)
        let power = PowerTable.significand(exponent)
        var (high, low) = shifted.multipliedFullWidth(by: power.high)
        if high & 0x1FF == 0x1FF {
            let more = shifted.multipliedFullWidth(by: power.low).high
            let (sum, carry) = low.addingReportingOverflow(more)
            low = sum
            if carry { high &+= 1 }
        }
        let top = Int(truncatingIfNeeded: high >> 63)
        var significand = high >> UInt64(truncatingIfNeeded: top &+ 9)
        // 217706 / 2^16 = log2(10), exact to the integer for every exponent of the table.
        var biased = ((217_706 &* exponent) >> 16) &+ 1086 &+ top &- zeroCount
        if biased <= 0 { return subnormalBits(significand, biased) }

        // A tie is possible only where 5^exponent fits in the product; then the even one is taken.
        if low <= 1, exponent >= -4, exponent <= 23, significand & 3 == 1,
            significand << UInt64(truncatingIfNeeded: top &+ 9) == high
        {
            significand &= ~1
        }
        significand = (significand &+ (significand & 1)) >> 1
        if significand >> 53 != 0 {
            significand >>= 1
            biased &+= 1
        }
        if biased >= 0x7FF { return infinityBits }
        return UInt64(truncatingIfNeeded: biased) << 52 | (significand & (1 << 52 - 1))
    }

    static let infinityBits: UInt64 = 0x7FF0_0000_0000_0000

    /// The product's 54 top bits, moved down to the fixed exponent of subnormal numbers. Rounding
    /// up may give the smallest normal number, whose bits are just one more.
    private static func subnormalBits(_ significand: UInt64, _ biased: Int) -> UInt64 {
        let shift = 1 - biased
        if shift >= 64 { return 0 }
        let kept = significand >> UInt64(shift)
        return (kept + (kept & 1)) >> 1
    }

    /// How many zeros precede the first other digit.
    @inline(never)
    private static func leadingZeroCount(_ text: UnsafePointer<UInt8>, _ byteCount: Int) -> Int {
        var count = 0
        for offset in 0..<byteCount {
            // Safety: the range ends at the token's end.
            switch unsafe text[offset] {
            case UInt8(ascii: "0"): count += 1
            case UInt8(ascii: "."), UInt8(ascii: "-"): continue
            default: return count
            }
        }
        return count
    }
}
