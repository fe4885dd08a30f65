// The bytes of a number token -> the numbers that its runs of digits make, eight digits at a time
// and without a branch per digit. A window of eight bytes is loaded as one little-endian word:
//
//     text    6 5 . 6 1 3 6 1 6 9 9 9     offset 0
//     window  6 5 . 6 1 3 6 1             two digits precede the first other byte
//     shifted 0 0 0 0 0 0 6 5             and three multiplications make 65 of them
//
// Fewer than eight bytes before the end, the window is cut from the token's last bytes, which were
// loaded once; so nothing outside the token is read.

@safe struct DigitCursor {
    /// Bytes from the token's start to the next one to look at.
    var offset = 0
    let byteCount: Int
    private let text: UnsafePointer<UInt8>
    /// The token's last eight bytes, the very last one highest; zeros precede a shorter token.
    private let tail: UInt64

    /// - Precondition: `text` has `byteCount` readable bytes for as long as the cursor is used.
    @inline(__always)
    init(_ text: UnsafePointer<UInt8>, _ byteCount: Int) {
        // Safety: each load below lies within the first `byteCount` bytes by its branch.
        unsafe self.text = unsafe text
        self.byteCount = byteCount
        if byteCount >= 8 {
            tail = unsafe Self.word(text + (byteCount - 8))
        } else if byteCount >= 4 {
            let low = unsafe UnsafeRawPointer(text).loadUnaligned(as: UInt32.self)
            let high = unsafe UnsafeRawPointer(text + (byteCount - 4))
                .loadUnaligned(as: UInt32.self)
            tail =
                UInt64(UInt32(littleEndian: low)) << Self.bitCount(8 - byteCount)
                | UInt64(UInt32(littleEndian: high)) << 32
        } else if byteCount > 0 {
            let first = unsafe UInt64(text[0])
            let middle = unsafe UInt64(text[byteCount / 2])
            let last = unsafe UInt64(text[byteCount - 1])
            tail =
                first &<< Self.bitCount(8 - byteCount)
                | middle &<< Self.bitCount(8 - byteCount + byteCount / 2) | last << 56
        } else {
            tail = 0
        }
    }

    /// The byte at `offset`, or 0 at the end.
    @inline(__always)
    var byte: UInt8 {
        // Safety: the comparison keeps the offset inside the token.
        offset < byteCount ? unsafe text[offset] : 0
    }

    /// The digits of most tokens with a point, at once: up to 7 digits, the point and up to 16
    /// digits, 19 in all, which together are `number`; nil for all other tokens.
    @inline(__always)
    static func decimal(
        _ text: UnsafePointer<UInt8>, _ byteCount: Int
    ) -> (isNegative: Bool, number: UInt64, fraction: Int)? {
        if byteCount < 9 { return nil }
        // Safety: nine bytes and more; what is loaded from the fraction on ends before its last.
        let isNegative = unsafe text[0] == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        let head = unsafe word(text + start)
        let values = head ^ zeros
        let others = nonDigits(values)
        let bitCount = UInt64(truncatingIfNeeded: others.trailingZeroBitCount & 0x38)
        if others == 0 || bitCount == 0 { return nil }
        if (head &>> bitCount) & 0xFF != UInt64(UInt8(ascii: ".")) { return nil }
        var number = joined(values &<< (64 &- bitCount))
        let count = Int(truncatingIfNeeded: bitCount &>> 3)
        let fractionStart = start &+ count &+ 1
        let fraction = byteCount &- fractionStart
        var rest = fraction
        if fraction > 8 {
            if fraction > 16 || fraction &+ count > 19 { return nil }
            let values = unsafe word(text + fractionStart) ^ zeros
            if nonDigits(values) != 0 { return nil }
            number = number &* 100_000_000 &+ joined(values)
            rest = fraction &- 8
        } else if fraction == 0 {
            return nil
        }
        // The last digits, with zeros before them.
        let mask = UInt64.max &<< UInt64(truncatingIfNeeded: 64 &- 8 &* rest)
        let last = (unsafe word(text + (byteCount &- 8)) ^ zeros) & mask
        if nonDigits(last) != 0 { return nil }
        number = number &* PowerTable.integer(rest) &+ joined(last)
        return (isNegative, number, fraction)
    }

    private static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// A bit in each byte above 9; in those above the first of them it may be wrong.
    @inline(__always)
    private static func nonDigits(_ values: UInt64) -> UInt64 {
        ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
    }

    /// Takes all digits at `offset`: appends them to `number` (modulo 2^64).
    @inline(__always)
    mutating func takeDigits(into number: inout UInt64) {
        while true {
            let rest = byteCount &- offset
            let window: UInt64
            if rest >= 8 {
                // Safety: eight bytes are left.
                window = unsafe Self.word(text + offset)
            } else {
                // Zeros are shifted in after the last bytes; when none are left, they must not
                // count as digits.
                if rest <= 0 { return }
                window = tail &>> Self.bitCount(8 &- rest)
            }
            // A digit becomes its value, 0...9; any other byte, and a zero past the end, becomes
            // larger. A carry out of such a byte disturbs only later ones, which are not used.
            let values = window ^ Self.zeros
            let others = Self.nonDigits(values)
            if others == 0 {
                // A branch, not a count: the next window's load must not wait for this one's.
                number = number &* 100_000_000 &+ Self.joined(values)
                offset &+= 8
                continue
            }
            let bitCount = others.trailingZeroBitCount & 0x38
            if bitCount == 0 { return }
            let digits = values &<< UInt64(truncatingIfNeeded: 64 &- bitCount)
            number = number &* PowerTable.integer(bitCount >> 3) &+ Self.joined(digits)
            offset &+= bitCount >> 3
            return
        }
    }

    /// Eight digits, one a byte, the first one lowest, as a number: neighbours join to
    /// pairs, then pairs to fours and fours to the eight at once.
    @inline(__always)
    private static func joined(_ digits: UInt64) -> UInt64 {
        let pairs = digits &* 10 &+ (digits >> 8)
        let mask: UInt64 = 0x0000_00FF_0000_00FF
        let even = (pairs & mask) &* 0x000F_4240_0000_0064
        let odd = ((pairs >> 16) & mask) &* 0x0000_2710_0000_0001
        return (even &+ odd) >> 32
    }

    /// Takes an exponent part (`e`, a sign, digits) at `offset`; 0 if there is none. An exponent
    /// beyond +-10^17 stays there: no text is long enough to bring it back.
    mutating func takeExponent() -> Int {
        guard byte | 0x20 == UInt8(ascii: "e") else { return 0 }
        offset += 1
        let negative = byte == UInt8(ascii: "-")
        if negative || byte == UInt8(ascii: "+") { offset += 1 }
        var magnitude = 0
        while case let digit = byte &- UInt8(ascii: "0"), digit <= 9 {
            if magnitude < 10_000_000_000_000_000 { magnitude = magnitude * 10 + Int(digit) }
            offset += 1
        }
        return negative ? -magnitude : magnitude
    }

    @inline(__always)
    private static func bitCount(_ byteCount: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: 8 &* byteCount)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        // Safety: the callers have checked that eight bytes follow.
        UInt64(littleEndian: unsafe UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    }
}
