// The quick steps through a text: over white space, to the end of a plain string or number. They
// are methods of two words that stay in registers; on the reader itself each would copy all of it.
//
// A string or number is given back byte for byte by the writer if it looks like these; of all else
// the reader decides, which also knows what is wrong:
//
//     "plain ASCII"     "Łódź, \"old\"\n"     12     -0.50     not: "\u00e9"  "\/"  1e3
//
// Safety: loads of 8 bytes are preceded by a comparison with `end`, and so are single ones.

@safe struct TextScan {
    let base: UnsafeMutablePointer<UInt8>
    let end: Int

    @inline(__always) init(_ base: UnsafeMutablePointer<UInt8>, _ end: Int) {
        unsafe self.base = base
        self.end = end
    }

    @inline(__always) subscript(place: Int) -> UInt8 {
        assert(place < end)
        return unsafe base[place]
    }

    static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// The first byte from `start` on that is no plain character of a string: a quote, a
    /// backslash, a control, or one above 0x7E; `end` if there is none.
    @inline(__always) func plainEnd(_ start: Int) -> Int {
        var place = start
        while place &+ 16 <= end {
            let stops = unsafe ByteBlock(base + place).stringStops
            if stops != 0 { return place &+ stops.trailingZeroBitCount }
            place &+= 16
        }
        return plainEndNearEnd(place)
    }

    /// The same for the last bytes. In a word the lowest mark is exact; those above it may be wrong
    /// by a borrow.
    @inline(never) private func plainEndNearEnd(_ start: Int) -> Int {
        var place = start
        while place &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            let stops =
                (((word ^ (TextScan.ones &* 0x22)) &- TextScan.ones)
                    | ((word ^ (TextScan.ones &* 0x5C)) &- TextScan.ones)
                    | (word &- (TextScan.ones &* 0x20)) | (word &+ TextScan.ones) | word)
                & TextScan.highs
            if stops != 0 { return place &+ stops.trailingZeroBitCount >> 3 }
            place &+= 8
        }
        while place < end {
            let byte = self[place]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x7F { return place }
            place &+= 1
        }
        return end
    }

    /// The first quote, backslash, control or DEL from `start` on, whatever else there is.
    func wideEnd(_ start: Int) -> Int {
        var place = start
        while place &+ 16 <= end {
            let stops = unsafe ByteBlock(base + place).wideStops
            if stops != 0 { return place &+ stops.trailingZeroBitCount }
            place &+= 16
        }
        while place < end {
            let byte = self[place]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte == 0x7F { return place }
            place &+= 1
        }
        return end
    }

    /// Line feeds in the whole text.
    func lineFeedCount() -> Int {
        var count = 0
        var place = 0
        while place < end {
            // Each byte of `counts` goes down by one for a line feed, and holds 255 of them.
            var counts = SIMD16<UInt8>(repeating: 0)
            let stop = min(place &+ 255 &* 16, end)
            while place &+ 16 <= stop {
                let bytes = unsafe UnsafeRawPointer(base + place).loadUnaligned(
                    as: SIMD16<UInt8>.self)
                let mask = bytes .== SIMD16<UInt8>(repeating: 0x0A)
                counts = unsafe counts &- unsafeBitCast(mask, to: SIMD16<UInt8>.self)
                place &+= 16
            }
            for i in 0..<16 { count &+= Int(counts[i]) }
            while place < stop {
                count &+= self[place] == 0x0A ? 1 : 0
                place &+= 1
            }
        }
        return count
    }

    /// The closing quote of a string whose first byte that is no plain character is at `stop`, and
    /// whether it has escapes; nil where it is not UTF-8, or has controls or DEL.
    func wideClose(_ stop: Int) -> (place: Int, hasEscapes: Bool)? {
        var place = stop
        var hasEscapes = false
        // Each block begins where a character does.
        while true {
            if place < end && self[place] >= 0xE0 {
                place = unsafe UTF8Text.triplesEnd(UnsafeRawPointer(base), place, end)
            }
            if place &+ 16 > end { return wideCloseAtEnd(place, hasEscapes) }
            let block = unsafe ByteBlock(base + place)
            let stops = block.wideStops
            // All bits up to the first stop.
            let within = stops ^ (stops &- 1)
            let high = block.high
            var count = 16
            if high & within != 0 {
                let sequences = block.sequences
                if sequences.others & within != 0 {
                    guard let next = sequencesEnd(place &+ high.trailingZeroBitCount) else {
                        return nil
                    }
                    place = next
                    continue
                }
                let wrong = sequences.expected ^ sequences.continuations
                if wrong & within & 0xFFFF != 0 { return nil }
                count = sequences.wholeCount
            }
            if stops == 0 {
                place &+= count
                continue
            }
            place &+= stops.trailingZeroBitCount
            if self[place] == UInt8(ascii: "\"") { return (place, hasEscapes) }
            // What is escaped is looked at when it is decoded.
            if self[place] != UInt8(ascii: "\\") || place &+ 2 > end || self[place &+ 1] >= 0x80 {
                return nil
            }
            hasEscapes = true
            place &+= 2
        }
    }

    /// The same by bytes.
    private func wideCloseAtEnd(
        _ stop: Int, _ hadEscapes: Bool
    ) -> (place: Int, hasEscapes: Bool)? {
        var place = stop
        var hasEscapes = hadEscapes
        while place < end {
            let byte = self[place]
            if byte == UInt8(ascii: "\"") { return (place, hasEscapes) }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                // What is escaped is looked at when it is decoded.
                if place &+ 2 > end || self[place &+ 1] >= 0x80 { return nil }
                place = plainEnd(place &+ 2)
            } else {
                guard let next = sequencesEnd(place) else { return nil }
                place = plainEnd(next)
            }
        }
        return nil
    }

    /// Behind the UTF-8 of more than a byte from `place` on; nil where there is none.
    @inline(__always) private func sequencesEnd(_ place: Int) -> Int? {
        let next = unsafe UTF8Text.sequencesEnd(base, place, end)
        return next < end && self[next] >= 0x80 || next == place ? nil : next
    }

    /// Behind the closing quote of a string from `start` on, whose bytes up to `stop` are plain.
    func stringEnd(_ start: Int, _ stop: Int) -> Int? {
        var place = stop
        while place < end {
            let byte = self[place]
            if byte == UInt8(ascii: "\"") { return place + 1 }
            if byte == UInt8(ascii: "\\") {
                guard let next = escapeEnd(place) else { return nil }
                place = plainEnd(next)
            } else {
                guard let next = sequencesEnd(place) else { return nil }
                place = plainEnd(next)
            }
        }
        return nil
    }

    /// Behind an escape in the form that the writer chooses.
    private func escapeEnd(_ place: Int) -> Int? {
        if place + 6 > end { return nil }
        switch self[place + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place + 2
        case UInt8(ascii: "u"):
            guard self[place + 2] == 0x30, self[place + 3] == 0x30 else { return nil }
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

    /// Behind `true`, `false` or `null`.
    @inline(__always) func wordEnd(_ start: Int) -> Int? {
        if start &+ 5 > end { return nil }
        let word = unsafe UInt32(
            littleEndian: UnsafeRawPointer(base + start).loadUnaligned(as: UInt32.self))
        switch word {
        case 0x6575_7274, 0x6C6C_756E: return start &+ 4
        case 0x736C_6166 where self[start &+ 4] == UInt8(ascii: "e"): return start &+ 5
        default: return nil
        }
    }

    /// Behind a number without an exponent.
    @inline(__always) func numberEnd(_ start: Int) -> Int? {
        var place = start
        if self[place] == UInt8(ascii: "-") { place &+= 1 }
        let digits = place
        place = skipDigits(place)
        if place == digits || place >= end { return nil }
        if place &- digits > 1 && self[digits] == 0x30 { return nil }
        var next = self[place]
        if next == UInt8(ascii: ".") {
            let fraction = place &+ 1
            place = skipDigits(fraction)
            if place == fraction || place >= end { return nil }
            next = self[place]
        }
        return next | 0x20 == UInt8(ascii: "e") ? nil : place
    }

    /// The digits from `start` on: their integer, which is wrong beyond 18 of them, and their end.
    @inline(__always) func integer(_ start: Int) -> (value: Int, end: Int) {
        if start &+ 8 > end { return integerByBytes(0, start) }
        let word = unsafe UnsafeRawPointer(base + start).loadUnaligned(as: UInt64.self)
        let others = TextScan.noDigits(word)
        if others == 0 { return longInteger(start, word) }
        let count = others.trailingZeroBitCount >> 3
        // The digits move up, so that zeros stand in front of them; two shifts, for 0 digits.
        let aligned = (word &<< 8) &<< UInt64(truncatingIfNeeded: 56 &- 8 &* count)
        return (TextScan.integer(of: aligned), start &+ count)
    }

    /// The integer of 1 to 8 digits from `start` on, where 8 bytes remain.
    @inline(__always) func integer(_ start: Int, _ count: Int) -> Int {
        let word = unsafe UnsafeRawPointer(base + start).loadUnaligned(as: UInt64.self)
        return TextScan.integer(of: word &<< UInt64(truncatingIfNeeded: 64 &- 8 &* count))
    }

    @inline(never) private func longInteger(_ start: Int, _ word: UInt64) -> (value: Int, end: Int)
    {
        let first = TextScan.integer(of: word)
        if start &+ 16 <= end {
            let next = unsafe UnsafeRawPointer(base + start + 8).loadUnaligned(as: UInt64.self)
            if TextScan.noDigits(next) == 0 {
                return integerByBytes(
                    first &* 100_000_000 &+ TextScan.integer(of: next), start &+ 16)
            }
        }
        return integerByBytes(first, start &+ 8)
    }

    private func integerByBytes(_ before: Int, _ start: Int) -> (value: Int, end: Int) {
        var place = start
        var value = before
        while place < end {
            let digit = self[place] &- 0x30
            if digit > 9 { break }
            value = value &* 10 &+ Int(digit)
            place &+= 1
        }
        return (value, place)
    }

    /// The number that 8 digits are, the first in the lowest byte; a zero byte counts as the digit.
    /// Pairs, then fours, then all are put together by one multiplication each.
    @inline(__always) private static func integer(of word: UInt64) -> Int {
        let pairs = ((word & 0x0F0F_0F0F_0F0F_0F0F) &* (10 << 8 + 1)) &>> 8
        let fours = ((pairs & 0x00FF_00FF_00FF_00FF) &* (100 << 16 + 1)) &>> 16
        let eight = ((fours & 0x0000_FFFF_0000_FFFF) &* (10_000 << 32 + 1)) &>> 32
        return Int(truncatingIfNeeded: eight)
    }

    /// Bits in the bytes that are no digits; in those above the first of them they may be wrong.
    @inline(__always) private static func noDigits(_ word: UInt64) -> UInt64 {
        // A byte is a digit when its high half is 3, and stays 3 with 6 added. A carry comes from a
        // byte that is none.
        let halves: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
        let threes: UInt64 = 0x3030_3030_3030_3030
        return (word & halves ^ threes) | ((word &+ 0x0606_0606_0606_0606) & halves ^ threes)
    }

    /// The first place from `start` on that is no digit; by 8 while 8 remain.
    @inline(__always) func skipDigits(_ start: Int) -> Int {
        var place = start
        while place &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            let others = TextScan.noDigits(word)
            if others != 0 { return place &+ others.trailingZeroBitCount >> 3 }
            place &+= 8
        }
        while place < end, self[place] &- 0x30 <= 9 { place &+= 1 }
        return place
    }
}
