// Bytes -> whether they are UTF-8, and text of any bytes with U+FFFD for what is not.
//
//     00..7F                              one byte
//     C2..DF  80..BF                      two
//     E0 A0..BF, E1..EC ED(80..9F) EE EF  three; E0 80..9F would be too long, ED A0..BF a surrogate
//     F0 90..BF, F1..F3, F4 80..8F        four; F0 80..8F too long, F4 90.. above U+10FFFF
//
// Source: RFC 3629 section 4.

enum UTF8Text {
    /// The offset of the first sequence that is not UTF-8; nil where there is none.
    /// - Complexity: O(n), 32 bytes per step over ASCII.
    static func firstInvalid(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> Int? {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        let raw = unsafe UnsafeRawPointer(bytes)
        var i = 0
        while i < byteCount {
            // Safety: each load begins at `i` and, by its loop, ends by `byteCount`.
            while byteCount - i >= 32 {
                let first = unsafe raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                let second = unsafe raw.loadUnaligned(fromByteOffset: i + 8, as: UInt64.self)
                let third = unsafe raw.loadUnaligned(fromByteOffset: i + 16, as: UInt64.self)
                let fourth = unsafe raw.loadUnaligned(fromByteOffset: i + 24, as: UInt64.self)
                guard (first | second | third | fourth) & highBits == 0 else { break }
                i += 32
            }
            while byteCount - i >= 8 {
                let word = unsafe raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                guard word & highBits == 0 else { break }
                i += 8
            }
            while unsafe i < byteCount && bytes[i] < 0x80 { i += 1 }
            if i == byteCount { return nil }
            i = unsafe sequencesEnd(bytes, i, byteCount)
            if unsafe i < byteCount && bytes[i] >= 0x80 { return i }
        }
        return nil
    }

    /// The offset after the sequences of two to four bytes from `start` on: of the first byte that
    /// is ASCII or does not begin a sequence, or `byteCount`.
    static func sequencesEnd(
        _ bytes: UnsafePointer<UInt8>, _ start: Int, _ byteCount: Int
    ) -> Int {
        let raw = unsafe UnsafeRawPointer(bytes)
        var i = start
        while true {
            i = unsafe triplesEnd(raw, i, byteCount)
            // How many single sequences to read before trying five at once again.
            var single = 0
            while single < 8, byteCount &- i >= 4 {
                // Safety: 4 bytes remain.
                let word = unsafe UInt32(
                    littleEndian: raw.loadUnaligned(fromByteOffset: i, as: UInt32.self))
                let length = word & 0x80 == 0 ? 0 : sequenceLength(word)
                if length == 0 { return i }
                i &+= length
                single &+= 1
            }
            if single < 8 { break }
        }
        while i < byteCount {
            let length = unsafe sequenceLength(bytes + i, byteCount - i)
            if length == 0 { break }
            i &+= length
        }
        return i
    }

    /// The offset after the sequences of three bytes from `start` on, five per step: most of the
    /// world's scripts take three bytes. Sequences led by E0 and ED, which need more checks, end
    /// them.
    @inline(__always) static func triplesEnd(
        _ raw: UnsafeRawPointer, _ start: Int, _ byteCount: Int
    ) -> Int {
        // The bits of 15 bytes that distinguish leads from continuations, and their expected
        // values.
        let kinds = SIMD2<UInt64>(0xC0F0_C0C0_F0C0_C0F0, 0x00C0_C0F0_C0C0_F0C0)
        let expected = SIMD2<UInt64>(0x80E0_8080_E080_80E0, 0x0080_80E0_8080_E080)
        var i = start
        while byteCount &- i >= 16 {
            // Safety: 16 bytes remain.
            let bytes = unsafe raw.loadUnaligned(fromByteOffset: i, as: SIMD16<UInt8>.self)
            let words = unsafe unsafeBitCast(bytes, to: SIMD2<UInt64>.self)
            // A mask has the size and layout of its 16 bytes.
            let special = unsafe unsafeBitCast(
                (bytes .== SIMD16<UInt8>(repeating: 0xE0))
                    .| (bytes .== SIMD16<UInt8>(repeating: 0xED)), to: SIMD2<UInt64>.self)
            let wrong = (words & kinds) ^ expected | special
            // The last byte belongs to the next sequence and is not checked.
            if wrong[0] | wrong[1] << 8 != 0 { break }
            i &+= 15
        }
        return i
    }

    /// The length of the valid sequence of two to four bytes that a word begins with, its first
    /// byte the lowest; 0 where there is none. One mask per length holds the bits that lead and
    /// continuation bytes must have; the checks for overlong, surrogate and too large sequences
    /// follow.
    private static func sequenceLength(_ word: UInt32) -> Int {
        if word & 0xC0E0 == 0x80C0 { return word & 0x1E != 0 ? 2 : 0 }
        if word & 0x00C0_C0F0 == 0x0080_80E0 {
            let telling = word & 0x200F
            return telling != 0 && telling != 0x200D ? 3 : 0
        }
        guard word & 0xC0C0_C0F8 == 0x8080_80F0, word & 0x3007 != 0 else { return 0 }
        return word & 0x04 == 0 || word & 0x3003 == 0 ? 4 : 0
    }

    /// The same for the last one to three bytes: missing bytes count as 0, which no sequence
    /// contains.
    private static func sequenceLength(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> Int {
        var word: UInt32 = 0
        for k in 0..<min(byteCount, 4) {
            // Safety: `k < byteCount`.
            word |= unsafe UInt32(bytes[k]) << UInt32(8 * k)
        }
        return sequenceLength(word)
    }

    /// The most bytes that `repair` writes for `byteCount` bytes.
    static func repairedCapacity(for byteCount: Int) -> Int { byteCount * 3 }

    /// Copies bytes and writes U+FFFD for what is not UTF-8, in the same portions as jq: a byte
    /// that begins no sequence, alone; a sequence that the input's end cuts off, up to the end,
    /// whatever is there; one that another byte cuts off, up to that byte; an overlong one, a
    /// surrogate or one above U+10FFFF, whole.
    static func repair(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var i = 0
        var o = 0
        while i < byteCount {
            // Safety: the valid part and each portion end by `byteCount`; a portion has at least
            // one byte, for which three are written.
            let validCount = unsafe firstInvalid(input + i, byteCount - i) ?? byteCount - i
            unsafe (out + o).update(from: input + i, count: validCount)
            i += validCount
            o += validCount
            guard i < byteCount else { break }
            unsafe out[o] = 0xEF
            unsafe out[o + 1] = 0xBF
            unsafe out[o + 2] = 0xBD
            o += 3
            let length = unsafe claimedLength(input[i])
            guard length <= byteCount - i else { break }
            let end = i + length
            i += 1
            while i < end, unsafe input[i] & 0xC0 == 0x80 { i += 1 }
        }
        return o
    }

    /// The length of the sequence that its first byte announces; 1 for a byte that begins none.
    private static func claimedLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}
