// The fast steps through a text: over white space, to the end of a plain string or number. They are
// methods of two words that stay in registers; as methods of the reader each would copy all of it.
//
// A string or number that looks like these is borrowed as it is. All others are left to the reader,
// which also knows what is wrong with them:
//
//     "plain ASCII"     12     -0.50     not: "Łódź"  "\u00e9"  1e3
//
// Safety: `end` is checked before every load, of 8 bytes or of one.

@safe struct TextScan {
    let base: UnsafeMutablePointer<UInt8>
    let end: Int

    @inline(__always) init(_ base: UnsafeMutablePointer<UInt8>, _ end: Int) {
        unsafe self.base = base
        self.end = end
    }

    @inline(__always) subscript(offset: Int) -> UInt8 {
        assert(offset < end)
        return unsafe base[offset]
    }

    static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// The offset of the first byte from `start` on that is not a plain character of a string: a
    /// quote, a backslash, a control, or one above 0x7E; `end` if there is none.
    @inline(__always) func plainEnd(_ start: Int) -> Int {
        var offset = start
        while offset &+ 16 <= end {
            let stops = unsafe ByteBlock(base + offset).stringStops
            if stops != 0 { return offset &+ stops.trailingZeroBitCount }
            offset &+= 16
        }
        return plainEndNearEnd(offset)
    }

    /// The same for the last bytes. The lowest mark in a word is exact; those above it may be wrong
    /// by a borrow.
    @inline(never) private func plainEndNearEnd(_ start: Int) -> Int {
        var offset = start
        while offset &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self)
            let stops =
                (((word ^ (TextScan.ones &* 0x22)) &- TextScan.ones)
                    | ((word ^ (TextScan.ones &* 0x5C)) &- TextScan.ones)
                    | (word &- (TextScan.ones &* 0x20)) | (word &+ TextScan.ones) | word)
                & TextScan.highs
            if stops != 0 { return offset &+ stops.trailingZeroBitCount >> 3 }
            offset &+= 8
        }
        while offset < end {
            let byte = self[offset]
            if TextScan.isQuoteOrBackslash(byte) || byte < 0x20 || byte >= 0x7F { return offset }
            offset &+= 1
        }
        return end
    }

    /// The offset of the first quote, backslash, control or DEL from `start` on; other bytes are
    /// not checked.
    func wideEnd(_ start: Int) -> Int {
        var offset = start
        while offset &+ 16 <= end {
            let stops = unsafe ByteBlock(base + offset).wideStops
            if stops != 0 { return offset &+ stops.trailingZeroBitCount }
            offset &+= 16
        }
        while offset < end {
            let byte = self[offset]
            if TextScan.isQuoteOrBackslash(byte) || byte < 0x20 || byte == 0x7F { return offset }
            offset &+= 1
        }
        return end
    }

    @inline(__always) private static func isQuoteOrBackslash(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// The number of line feeds in the whole text.
    /// - Complexity: O(bytes), 4 by 16 in a step: 0.25 instructions a byte.
    func lineFeedCount() -> Int {
        var count = 0
        var offset = 0
        while offset &+ 64 <= end {
            // Each byte of `counts` is decremented for a line feed, and can count 255 of them.
            var counts = SIMD16<UInt8>(repeating: 0)
            let stop = min(offset &+ 63 &* 64, end)
            while offset &+ 64 <= stop {
                counts &-= lineFeeds(offset) &+ lineFeeds(offset &+ 16)
                counts &-= lineFeeds(offset &+ 32) &+ lineFeeds(offset &+ 48)
                offset &+= 64
            }
            for i in 0..<16 { count &+= Int(counts[i]) }
        }
        while offset < end {
            count &+= self[offset] == 0x0A ? 1 : 0
            offset &+= 1
        }
        return count
    }

    /// Which of 16 bytes are line feeds: 255 for each.
    @inline(__always) private func lineFeeds(_ offset: Int) -> SIMD16<UInt8> {
        // Safety: the caller's 64 bytes remain.
        let bytes = unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: SIMD16<UInt8>.self)
        let mask = bytes .== SIMD16<UInt8>(repeating: 0x0A)
        return unsafe unsafeBitCast(mask, to: SIMD16<UInt8>.self)
    }

    /// The offset of the closing quote of a string whose first byte that is not a plain character
    /// is at `stop`, and whether the string has escapes; nil where it is not UTF-8, or has controls
    /// or DEL.
    func wideClose(_ stop: Int) -> (offset: Int, hasEscapes: Bool)? {
        var offset = stop
        var hasEscapes = false
        // Each block begins where a character does.
        while true {
            if offset < end && self[offset] >= 0xE0 {
                offset = unsafe UTF8Text.triplesEnd(UnsafeRawPointer(base), offset, end)
            }
            if offset &+ 16 > end { return wideCloseAtEnd(offset, hasEscapes) }
            let block = unsafe ByteBlock(base + offset)
            let stops = block.wideStops
            // All bits up to the first stop.
            let within = stops ^ (stops &- 1)
            let high = block.high
            var count = 16
            if high & within != 0 {
                let sequences = block.sequences
                if sequences.others & within != 0 {
                    guard let next = sequencesEnd(offset &+ high.trailingZeroBitCount) else {
                        return nil
                    }
                    offset = next
                    continue
                }
                let wrong = sequences.expected ^ sequences.continuations
                if wrong & within & 0xFFFF != 0 { return nil }
                count = sequences.wholeCount
            }
            if stops == 0 {
                offset &+= count
                continue
            }
            offset &+= stops.trailingZeroBitCount
            if self[offset] == UInt8(ascii: "\"") { return (offset, hasEscapes) }
            // What is escaped is checked when it is decoded.
            if self[offset] != UInt8(ascii: "\\") || offset &+ 2 > end || self[offset &+ 1] >= 0x80
            {
                return nil
            }
            hasEscapes = true
            offset &+= 2
        }
    }

    /// The same, byte by byte.
    private func wideCloseAtEnd(
        _ stop: Int, _ hadEscapes: Bool
    ) -> (offset: Int, hasEscapes: Bool)? {
        var offset = stop
        var hasEscapes = hadEscapes
        while offset < end {
            let byte = self[offset]
            if byte == UInt8(ascii: "\"") { return (offset, hasEscapes) }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                // What is escaped is checked when it is decoded.
                if offset &+ 2 > end || self[offset &+ 1] >= 0x80 { return nil }
                offset = plainEnd(offset &+ 2)
            } else {
                guard let next = sequencesEnd(offset) else { return nil }
                offset = plainEnd(next)
            }
        }
        return nil
    }

    /// The offset after the UTF-8 sequences of more than a byte from `offset` on; nil where there
    /// are none.
    @inline(__always) private func sequencesEnd(_ offset: Int) -> Int? {
        let next = unsafe UTF8Text.sequencesEnd(base, offset, end)
        return next < end && self[next] >= 0x80 || next == offset ? nil : next
    }

    /// The offset after `true`, `false` or `null`.
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

    /// The offset after a number without an exponent.
    @inline(__always) func numberEnd(_ start: Int) -> Int? {
        var offset = start
        if self[offset] == UInt8(ascii: "-") { offset &+= 1 }
        let digits = offset
        offset = skipDigits(offset)
        if offset == digits || offset >= end { return nil }
        if offset &- digits > 1 && self[digits] == UInt8(ascii: "0") { return nil }
        var next = self[offset]
        if next == UInt8(ascii: ".") {
            let fraction = offset &+ 1
            offset = skipDigits(fraction)
            if offset == fraction || offset >= end { return nil }
            next = self[offset]
        }
        return next | 0x20 == UInt8(ascii: "e") ? nil : offset
    }

    /// The digits from `start` on: their integer, which is wrong for more than 18 digits, and their
    /// end.
    @inline(__always) func integer(_ start: Int) -> (value: Int, end: Int) {
        if start &+ 8 > end { return integerByBytes(0, start) }
        let word = unsafe UnsafeRawPointer(base + start).loadUnaligned(as: UInt64.self)
        let others = TextScan.noDigits(word)
        if others == 0 { return longInteger(start, word) }
        let count = others.trailingZeroBitCount >> 3
        // The digits move up, so that zeros precede them; two shifts, for the case of 0 digits.
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
        var offset = start
        var value = before
        while offset < end {
            let digit = self[offset] &- 0x30
            if digit > 9 { break }
            value = value &* 10 &+ Int(digit)
            offset &+= 1
        }
        return (value, offset)
    }

    /// The number that 8 digits spell, the first in the lowest byte; a zero byte counts as the
    /// digit 0. Pairs, then fours, then all eight are combined by one multiplication each.
    @inline(__always) private static func integer(of word: UInt64) -> Int {
        let pairs = ((word & 0x0F0F_0F0F_0F0F_0F0F) &* (10 << 8 + 1)) &>> 8
        let fours = ((pairs & 0x00FF_00FF_00FF_00FF) &* (100 << 16 + 1)) &>> 16
        let eight = ((fours & 0x0000_FFFF_0000_FFFF) &* (10_000 << 32 + 1)) &>> 32
        return Int(truncatingIfNeeded: eight)
    }

    /// Bits in the bytes that are not digits; above the first of them they may be wrong.
    @inline(__always) private static func noDigits(_ word: UInt64) -> UInt64 {
        // A byte is a digit when its high half is 3, and still is after adding 6. A carry can come
        // only from a byte that is not a digit.
        let halves: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
        let threes: UInt64 = 0x3030_3030_3030_3030
        return (word & halves ^ threes) | ((word &+ 0x0606_0606_0606_0606) & halves ^ threes)
    }

    /// The offset of the first byte from `start` on that is not a digit; by 8 while 8 remain.
    @inline(__always) func skipDigits(_ start: Int) -> Int {
        var offset = start
        while offset &+ 8 <= end {
            let word = unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self)
            let others = TextScan.noDigits(word)
            if others != 0 { return offset &+ others.trailingZeroBitCount >> 3 }
            offset &+= 8
        }
        while offset < end, self[offset] &- 0x30 <= 9 { offset &+= 1 }
        return offset
    }
}
