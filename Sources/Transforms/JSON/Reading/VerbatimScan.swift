// Where a scalar of a text ends that the writer gives back byte for byte; nil leaves the decision
// to the reader, which also knows what is wrong.
//
//     "plain ASCII"     "Łódź, \"old\"\n"     12     -0.50     not: "\u00e9"  "\/"  1e3
//
// Safety: loads of 8 bytes are preceded by a comparison with `end`, and so are single ones.

enum VerbatimScan {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// The first byte from `start` on that is no plain character of a string: a quote, a
    /// backslash, a control, or one above 0x7E; `end` if there is none.
    ///
    /// In a word the lowest mark is exact; those above it may be wrong by a borrow.
    @inline(__always) static func plainEnd(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int
    ) -> Int {
        var place = start
        while place &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            let stops =
                (((word ^ (ones &* 0x22)) &- ones) | ((word ^ (ones &* 0x5C)) &- ones)
                    | (word &- (ones &* 0x20)) | (word &+ ones) | word) & highs
            if stops != 0 { return place &+ stops.trailingZeroBitCount >> 3 }
            place &+= 8
        }
        while place < end {
            let byte = unsafe base[place]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x7F { return place }
            place &+= 1
        }
        return end
    }

    /// Behind the closing quote of a string from `start` on, whose bytes up to `stop` are plain.
    static func stringEnd(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ stop: Int, _ end: Int
    ) -> Int? {
        var place = stop
        var isASCII = true
        while place < end {
            let byte = unsafe base[place]
            if byte == UInt8(ascii: "\"") {
                if !isASCII, unsafe UTF8Text.firstInvalid(base + start, place - start) != nil {
                    return nil
                }
                return place + 1
            }
            if byte == UInt8(ascii: "\\") {
                guard let next = unsafe escapeEnd(base, place, end) else { return nil }
                place = unsafe plainEnd(base, next, end)
            } else if byte >= 0x80 {
                isASCII = false
                place = unsafe plainEnd(base, place + 1, end)
            } else {
                return nil
            }
        }
        return nil
    }

    /// Behind an escape in the form that the writer chooses.
    private static func escapeEnd(
        _ base: UnsafeMutablePointer<UInt8>, _ place: Int, _ end: Int
    ) -> Int? {
        if place + 6 > end { return nil }
        switch unsafe base[place + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place + 2
        case UInt8(ascii: "u"):
            guard unsafe base[place + 2] == 0x30, unsafe base[place + 3] == 0x30 else { return nil }
            let (high, low) = unsafe (base[place + 4], base[place + 5])
            let isShort =
                high == 0x30
                && (low == 0x38 || low == 0x39 || low == 0x61
                    || low == 0x63 || low == 0x64)
            let isDigit = low >= 0x30 && low <= 0x39 || low >= 0x61 && low <= 0x66
            let isControl = (high == 0x30 || high == 0x31) && isDigit && !isShort
            return isControl || high == 0x37 && low == 0x66 ? place + 6 : nil
        default: return nil
        }
    }

    /// Behind a number without an exponent.
    @inline(__always) static func numberEnd(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int
    ) -> Int? {
        var place = start
        if unsafe base[place] == UInt8(ascii: "-") { place &+= 1 }
        let digits = place
        place = unsafe skipDigits(base, place, end)
        if place == digits || place >= end { return nil }
        if place &- digits > 1 && (unsafe base[digits] == 0x30) { return nil }
        var next = unsafe base[place]
        if next == UInt8(ascii: ".") {
            let fraction = place &+ 1
            place = unsafe skipDigits(base, fraction, end)
            if place == fraction || place >= end { return nil }
            next = unsafe base[place]
        }
        return next | 0x20 == UInt8(ascii: "e") ? nil : place
    }

    /// The first place from `start` on that is no digit; by 8 while 8 remain.
    @inline(__always) private static func skipDigits(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int
    ) -> Int {
        var place = start
        while place &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            // A byte is a digit when its high half is 3, and stays 3 with 6 added. A carry comes
            // from a byte that is none.
            let halves: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
            let threes: UInt64 = 0x3030_3030_3030_3030
            let others =
                (word & halves ^ threes) | ((word &+ 0x0606_0606_0606_0606) & halves ^ threes)
            if others != 0 { return place &+ others.trailingZeroBitCount >> 3 }
            place &+= 8
        }
        while place < end, unsafe base[place] &- 0x30 <= 9 { place &+= 1 }
        return place
    }
}
