// Double -> the shortest decimal text that reads back as the same Double, laid out as jq 1.8 does;
// Int64 -> decimal text.
//
//     bits -> ShortestDecimal 65613616999999977 * 10^-15 -> 17 digits in three words -> text
//
// jq's layout of d digits whose decimal point is after the first p of them:
//
//     -4 < p <= 0        0.000ddd
//     0 < p <= d + 15    ddd.ddd, or ddd000: up to 32 digits, `12345678901234567000000000000000`
//     otherwise          d.dde+XX, d.dde-XX: two digits of exponent at least
//
// nan is `null`, an infinity the largest finite number, negative zero `-0`.

struct DoubleWriter {
    /// The room that `write` needs for a Double. The longest texts have 33 bytes (sign, 32 digits);
    /// whole words are stored, so up to 40 bytes from `out` on may change.
    static var roomMax: Int { 40 }

    /// Writes a Double as described above and returns the number of bytes: 33 at most.
    ///
    /// - Precondition: `out` has room for `roomMax` bytes.
    static func write(_ value: Double, to out: UnsafeMutablePointer<UInt8>) -> Int {
        // Safety: each store below ends within `roomMax` bytes, counted where it is made.
        let room = unsafe DigitBuffer(out)
        let start = room.putSign(value.bitPattern >> 63)
        var magnitude = value.magnitude
        let biased = Int(truncatingIfNeeded: magnitude.bitPattern >> 52)
        if biased >= 1023 {
            // An integer below 2^53 has 16 digits at most, so jq never gives it an exponent.
            if biased < 1076 {
                let significand = magnitude.bitPattern & (1 << 52 - 1) | 1 << 52
                let shift = 1075 &- biased
                if significand.trailingZeroBitCount >= shift {
                    let integer = significand &>> UInt64(truncatingIfNeeded: shift)
                    return room.putInteger(integer, at: start)
                }
            } else if biased == 2047 {
                if value.isNaN { return room.putNull() }
                magnitude = .greatestFiniteMagnitude
            }
        } else if magnitude == 0 {
            return room.putInteger(0, at: start)
        }
        return write(magnitude, after: start, in: room)
    }

    /// Writes an Int64 and returns the number of bytes: 20 at most.
    ///
    /// - Precondition: `out` has room for 24 bytes.
    static func write(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        // Safety: a sign and 19 digits.
        let room = unsafe DigitBuffer(out)
        let start = room.putSign(value < 0 ? 1 : 0)
        return room.putInteger(value.magnitude, at: start)
    }

    /// Lays out a finite Double above zero.
    @inline(__always)
    private static func write(_ magnitude: Double, after start: Int, in room: DigitBuffer) -> Int {
        let shortest = ShortestDecimal(magnitude)
        let digits = SeventeenDigits(shortest.number)
        let point = shortest.exponent &+ digits.numberCount
        if point > 0, point <= digits.count &+ 15 {
            if point >= digits.count {
                room.put(digits, at: start)
                room.putZeros(at: start &+ 17)
                return start &+ point
            }
            room.put(digits, pointAfter: point, at: start)
            return start &+ digits.count &+ 1
        }
        if point <= 0, point > -4 {
            // At most "0.000" and 17 digits.
            room.putZeroPoint(at: start)
            let digitsStart = start &+ 2 &- point
            room.put(digits, at: digitsStart)
            return digitsStart &+ digits.count
        }
        // At most 17 digits, a point and "e-324".
        room.put(digits, pointAfter: 1, at: start)
        let end = start &+ (digits.count == 1 ? 1 : digits.count &+ 1)
        return room.putExponent(point &- 1, at: end)
    }
}

/// The digits of a number below 10^17 as ASCII, moved to the left and filled up with zeros:
/// `first` is digit 0 to 7, the lowest byte first, `second` 8 to 15, `last` 16.
private struct SeventeenDigits {
    let first: UInt64
    let second: UInt64
    let last: UInt8
    /// Digits up to the last that is not zero.
    let count: Int
    /// Digits of the number itself.
    let numberCount: Int

    /// - Precondition: 0 < number < 10^17.
    @inline(__always)
    init(_ number: UInt64) {
        let filled: UInt64
        if number >= 1_000_000_000_000_000 {
            // The usual case, 16 or 17 digits, takes neither a look-up nor a branch.
            let isLong = number >= 10_000_000_000_000_000
            numberCount = isLong ? 17 : 16
            filled = isLong ? number : number &* 10
        } else {
            numberCount = DigitBuffer.digitCount(number)
            filled = number &* PowerTable.integer(17 &- numberCount)
        }
        let upper = filled / 1_000_000_000
        let eight = DigitBuffer.eightDigits(upper)
        let lower = filled &- upper &* 1_000_000_000
        let middle = DigitBuffer.eightDigits(lower / 10)
        let rest = lower % 10
        first = eight | DigitBuffer.asciiZeros
        second = middle | DigitBuffer.asciiZeros
        last = UInt8(truncatingIfNeeded: rest) | 0x30
        // A word's high zero bytes are its trailing zero digits.
        let shorterCount =
            middle != 0
            ? 16 &- middle.leadingZeroBitCount >> 3 : 8 &- eight.leadingZeroBitCount >> 3
        count = rest != 0 ? 17 : shorterCount
    }
}

/// The output of one `write`: whole words and digits are stored at offsets from its start.
@safe private struct DigitBuffer {
    static let asciiZeros: UInt64 = 0x3030_3030_3030_3030
    private let out: UnsafeMutablePointer<UInt8>

    /// - Precondition: `out` has room for `DoubleWriter.roomMax` bytes; every store stays in them.
    @inline(__always)
    init(_ out: UnsafeMutablePointer<UInt8>) {
        unsafe self.out = unsafe out
    }

    // Safety: in all stores below, the offsets are those that the layouts in `DoubleWriter` allow.

    @inline(__always)
    private func storeWord(_ word: UInt64, at offset: Int) {
        assert(offset >= 0 && offset + 8 <= DoubleWriter.roomMax)
        unsafe UnsafeMutableRawPointer(out + offset)
            .storeBytes(of: word.littleEndian, as: UInt64.self)
    }

    @inline(__always)
    private func storeByte(_ byte: UInt8, at offset: Int) {
        assert(offset >= 0 && offset < DoubleWriter.roomMax)
        unsafe out[offset] = byte
    }

    @inline(__always)
    private func storePair(_ pair: UInt64, at offset: Int) {
        assert(offset >= 0 && offset + 2 <= DoubleWriter.roomMax && pair < 100)
        let tens = (pair &* 103) >> 10
        let word = UInt16(truncatingIfNeeded: tens | (pair &- tens &* 10) << 8) | 0x3030
        unsafe UnsafeMutableRawPointer(out + offset)
            .storeBytes(of: word.littleEndian, as: UInt16.self)
    }

    /// Writes `-` if `isNegative` is 1; returns the offset after it.
    @inline(__always)
    func putSign(_ isNegative: UInt64) -> Int {
        storeByte(UInt8(ascii: "-"), at: 0)
        return Int(truncatingIfNeeded: isNegative)
    }

    @inline(__always)
    func putNull() -> Int {
        storeWord(0x6C6C_756E, at: 0)
        return 4
    }

    /// Writes an integer; returns the offset after it.
    @inline(__always)
    func putInteger(_ integer: UInt64, at start: Int) -> Int {
        if integer < 100_000_000 {
            // Eight digits as one word, without those before the first that is not zero.
            let digits = Self.eightDigits(integer)
            let zeroBitCount = min(digits.trailingZeroBitCount, 56) & ~7
            let text = (digits | Self.asciiZeros) &>> UInt64(truncatingIfNeeded: zeroBitCount)
            storeWord(text, at: start)
            return start &+ 8 &- zeroBitCount >> 3
        }
        let end = start &+ Self.digitCount(integer)
        var offset = end
        var rest = integer
        while rest >= 100_000_000 {
            let upper = rest / 100_000_000
            offset &-= 8
            storeWord(Self.eightDigits(rest &- upper &* 100_000_000) | Self.asciiZeros, at: offset)
            rest = upper
        }
        while rest >= 100 {
            let upper = rest / 100
            offset &-= 2
            storePair(rest &- upper &* 100, at: offset)
            rest = upper
        }
        if rest >= 10 {
            storePair(rest, at: offset &- 2)
        } else {
            storeByte(UInt8(truncatingIfNeeded: rest) | 0x30, at: offset &- 1)
        }
        return end
    }

    /// Writes 17 digits.
    @inline(__always)
    func put(_ digits: SeventeenDigits, at start: Int) {
        storeWord(digits.first, at: start)
        storeWord(digits.second, at: start &+ 8)
        storeByte(digits.last, at: start &+ 16)
    }

    /// Writes 17 digits with a point after the first `point`, 1 to 16.
    @inline(__always)
    func put(_ digits: SeventeenDigits, pointAfter point: Int, at start: Int) {
        // First the digits without a point, then, from the word with the point on, moved by one.
        if point < 8 {
            let bitCount = UInt64(truncatingIfNeeded: 8 &* point)
            let before = digits.first & ((1 &<< bitCount) &- 1)
            let after = (digits.first ^ before) << 8
            storeWord(before | after | UInt64(UInt8(ascii: ".")) &<< bitCount, at: start)
            storeWord(digits.second << 8 | digits.first >> 56, at: start &+ 8)
        } else {
            let bitCount = UInt64(truncatingIfNeeded: 8 &* (point &- 8))
            let before = digits.second & ((1 &<< bitCount) &- 1)
            let after = (digits.second ^ before) << 8
            let dot = UInt64(UInt8(ascii: ".")) &<< bitCount
            storeWord(digits.first, at: start)
            storeWord(point == 16 ? digits.second : before | after | dot, at: start &+ 8)
        }
        storeByte(point == 16 ? UInt8(ascii: ".") : Self.lastByte(digits.second), at: start &+ 16)
        storeByte(digits.last, at: start &+ 17)
    }

    @inline(__always)
    private static func lastByte(_ word: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word >> 56) }

    /// Writes 16 zeros.
    @inline(__always)
    func putZeros(at start: Int) {
        storeWord(Self.asciiZeros, at: start)
        storeWord(Self.asciiZeros, at: start &+ 8)
    }

    /// Writes `0.000000`.
    @inline(__always)
    func putZeroPoint(at start: Int) {
        storeWord(0x3030_3030_3030_2E30, at: start)
    }

    /// Writes `e`, the sign and two or three digits; returns the offset after them.
    @inline(__always)
    func putExponent(_ exponent: Int, at start: Int) -> Int {
        storeByte(UInt8(ascii: "e"), at: start)
        storeByte(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"), at: start &+ 1)
        let magnitude = UInt64(exponent.magnitude)
        let hundreds = (magnitude &* 41) >> 12
        if hundreds == 0 {
            storePair(magnitude, at: start &+ 2)
            return start &+ 4
        }
        storeByte(UInt8(truncatingIfNeeded: hundreds) | 0x30, at: start &+ 2)
        storePair(magnitude &- hundreds &* 100, at: start &+ 3)
        return start &+ 5
    }

    /// The number of decimal digits; 1 for zero.
    @inline(__always)
    static func digitCount(_ number: UInt64) -> Int {
        // 1233 / 2^12 = log10(2): right, or one too low.
        let odd = number | 1
        let estimate = ((64 &- odd.leadingZeroBitCount) &* 1233) >> 12
        return estimate &+ (odd >= PowerTable.integer(estimate) ? 1 : 0)
    }

    /// The eight digits, 0...9 each, of a number below 10^8; the first one is the lowest byte.
    @inline(__always)
    static func eightDigits(_ number: UInt64) -> UInt64 {
        // Halves, quarters and digits, all of a kind at once: each quotient by a multiplication,
        // its remainder moved to the lane above it.
        let upper = (number &* 109_951_163) >> 40
        let fours = upper | (number &- upper &* 10_000) << 32
        let hundreds = ((fours &* 10_486) >> 20) & 0x0000_007F_0000_007F
        let pairs = hundreds | (fours &- hundreds &* 100) << 16
        let tens = ((pairs &* 103) >> 10) & 0x000F_000F_000F_000F
        return tens | (pairs &- tens &* 10) << 8
    }
}
