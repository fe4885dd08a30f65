// Borrowed bytes -> bytes, words and runs: the reading side of the codec.
//
// `Bytes` points at memory that somebody else keeps alive for the length of one call. Scans look at
// eight bytes at a time: a word is tested for "some byte of it is special" with a few integer
// operations, and the lowest marked byte is the first special one.

internal import Glibc

/// A run of bytes, borrowed for the length of one call.
@safe
struct Bytes {
    private let base: UnsafeRawPointer
    let count: Int

    /// The memory must stay alive and unchanged while this value is used.
    @unsafe
    init(_ buffer: UnsafeRawBufferPointer) {
        // Safety: an empty buffer has no address; its count of 0 keeps every read away.
        unsafe self.base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
        self.count = buffer.count
    }

    /// The byte at `offset`, which lies below `count`.
    subscript(offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < count)
        // Safety: the callers' loops compare the offset with an end that is at most `count`.
        return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Eight bytes from `offset` on, the first one lowest.
    func word(at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= count)
        // Safety: the callers' loops leave eight bytes before an end that is at most `count`.
        return UInt64(
            littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Where the first byte below 0x20 but HTAB, or 0x7F, stands in `start..<end`; else `end`.
    /// Those are the bytes that end a field value, or may not be in it.
    func endOfFieldValue(from start: Int, to end: Int) -> Int {
        var offset = start
        while true {
            while offset + 8 <= end {
                let marks = word(at: offset).marks(below: 0x20)
                if marks != 0 {
                    offset += marks.trailingZeroBitCount >> 3
                    break
                }
                offset += 8
            }
            while offset < end, self[offset] >= 0x20, self[offset] != 0x7F { offset += 1 }
            guard offset < end, self[offset] == Byte.tab else { return offset }
            offset += 1
        }
    }

    /// Where the first byte outside 0x21...0x7E stands in `start..<end`; else `end`.
    func endOfTarget(from start: Int, to end: Int) -> Int {
        var offset = start
        while offset + 8 <= end {
            let word = word(at: offset)
            let marks = word.marks(below: 0x21) | (word & 0x8080_8080_8080_8080)
            if marks != 0 { return offset + marks.trailingZeroBitCount >> 3 }
            offset += 8
        }
        while offset < end, self[offset] > 0x20, self[offset] < 0x7F { offset += 1 }
        return offset
    }

    /// Where the first byte that is no token character stands in `start..<end`; else `end`.
    func endOfToken(from start: Int, to end: Int) -> Int {
        var offset = start
        while offset < end, ByteSet.token.contains(self[offset]) { offset += 1 }
        return offset
    }

    /// Where `byte` first stands in `start..<end`.
    func firstOffset(of byte: UInt8, from start: Int, to end: Int) -> Int? {
        var offset = start
        while offset + 8 <= end {
            let marks = word(at: offset).marks(of: byte)
            if marks != 0 { return offset + marks.trailingZeroBitCount >> 3 }
            offset += 8
        }
        while offset < end {
            if self[offset] == byte { return offset }
            offset += 1
        }
        return nil
    }

    /// Whether `range` has the bytes of an array.
    func equals(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        guard range.count == other.count else { return false }
        // Safety: both sides have as many bytes, as compared above.
        return unsafe other.withUnsafeBytes { other in
            guard let known = other.baseAddress else { return true }
            return unsafe memcmp(base + range.lowerBound, known, other.count) == 0
        }
    }

    /// A copy of `range`.
    func array(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // Safety: the range lies in the bytes, as checked above.
        return unsafe Array(
            UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// A number made of the bytes of `range`: quick, and no secret.
    func hash(_ range: Range<Int>) -> UInt64 {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        var hash = UInt64(range.count)
        var offset = range.lowerBound
        while offset < range.upperBound {
            var word: UInt64 = 0
            if offset + 8 <= range.upperBound {
                word = self.word(at: offset)
            } else {
                for i in offset..<range.upperBound { word = word << 8 | UInt64(self[i]) }
            }
            hash = (hash ^ (hash >> 32) ^ word) &* 0x9E37_79B9_7F4A_7C15
            offset += 8
        }
        return hash
    }

    /// Whether `range` spells `name` (lower-case letters, digits, `-`, `/`, `*`), whatever its
    /// letters' case.
    func equals(_ range: Range<Int>, ignoringCase name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard range.count == count, range.lowerBound >= 0, range.upperBound <= self.count else {
            return false
        }
        // Safety: both sides have `count` bytes, as compared above; words that overlap save the
        // bytes of the last one.
        let expected = unsafe UnsafeRawPointer(name.utf8Start)
        let given = unsafe base + range.lowerBound
        if count >= 8 {
            var offset = 0
            while offset + 8 < count {
                guard unsafe Self.isWord(given, expected, offset, UInt64.self) else { return false }
                offset += 8
            }
            return unsafe Self.isWord(given, expected, count - 8, UInt64.self)
        }
        if count >= 4 {
            return unsafe Self.isWord(given, expected, 0, UInt32.self)
                && Self.isWord(given, expected, count - 4, UInt32.self)
        }
        for offset in 0..<count {
            guard unsafe Self.isWord(given, expected, offset, UInt8.self) else { return false }
        }
        return true
    }

    /// Whether the bytes of a word are those of a lower-case name in any case: only where the name
    /// has a letter, which alone have the bit 0x40, may the bit 0x20 differ.
    @unsafe @inline(__always)
    private static func isWord<Word: FixedWidthInteger & BitwiseCopyable>(
        _ given: UnsafeRawPointer, _ expected: UnsafeRawPointer, _ offset: Int, _ type: Word.Type
    ) -> Bool {
        let name = unsafe expected.loadUnaligned(fromByteOffset: offset, as: type)
        let difference = unsafe given.loadUnaligned(fromByteOffset: offset, as: type) ^ name
        let caseBits = (name & Word(truncatingIfNeeded: 0x4040_4040_4040_4040)) &>> 1
        return difference & ~caseBits == 0
    }

    /// `range` without spaces and tabs at both ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, Byte.isBlank(self[lower]) { lower += 1 }
        while lower < upper, Byte.isBlank(self[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    /// The bytes of `range`, read as UTF-8; what is not becomes U+FFFD.
    func string(_ range: Range<Int>) -> String {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // Safety: the range lies in the bytes, as checked above.
        let part = unsafe UnsafeRawBufferPointer(
            start: base.advanced(by: range.lowerBound), count: range.count)
        return unsafe String(decoding: part, as: UTF8.self)
    }
}

/// The bytes that the protocol gives a meaning.
enum Byte {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }

    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The value of a hexadecimal digit.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let lower = byte | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x61 + 10 : nil
    }
}

/// A set of ASCII bytes as 128 bits, so that no table is loaded and none is built at start.
struct ByteSet {
    let low: UInt64
    let high: UInt64

    func contains(_ byte: UInt8) -> Bool {
        let bits = byte < 64 ? low : high
        return byte < 128 && (bits &>> UInt64(byte & 63)) & 1 != 0
    }

    /// RFC 9110 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }
    /// RFC 3986 3.2.2 reg-name without `%`: letters, digits, `-._~` and `!$&'()*+,;=`.
    static var host: ByteSet { ByteSet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }
}

extension UInt64 {
    /// The high bit of each byte that is below `limit` (at most 0x80) or 0x7F. The lowest mark is
    /// right; marks above it may be false, for a subtraction borrows from the next byte.
    func marks(below limit: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let low = (self &- ones &* limit) & ~self & 0x8080_8080_8080_8080
        return low | marks(of: 0x7F)
    }

    /// The high bit of each byte that is `byte`. The lowest mark is right.
    func marks(of byte: UInt8) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let difference = self ^ (ones &* UInt64(byte))
        return (difference &- ones) & ~difference & 0x8080_8080_8080_8080
    }
}
