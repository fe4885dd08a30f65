// Borrowed bytes -> bytes, blocks and runs: what parsers of heads and fields read from.
//
// `BorrowedBytes` points at memory that its caller keeps alive for the length of one call. Scans
// examine sixteen bytes at a time: a mask marks the special ones, and its two words give the first.

internal import Glibc

/// A run of bytes, borrowed for the length of one call.
@safe
struct BorrowedBytes {
    private let base: UnsafeRawPointer
    let count: Int

    /// The memory must stay alive and unchanged while this value is used.
    @unsafe
    init(_ buffer: UnsafeRawBufferPointer) {
        // Safety: an empty buffer has no address; its count of 0 prevents every read.
        unsafe self.base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
        self.count = buffer.count
    }

    /// The byte at `offset`, which is below `count`.
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

    /// Sixteen bytes from `offset` on.
    @inline(__always) func block(at offset: Int) -> SIMD16<UInt8> {
        assert(offset >= 0 && offset + 16 <= count)
        // Safety: the callers' loops leave sixteen bytes before an end that is at most `count`.
        return unsafe base.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
    }

    /// The offset of the first byte in `start..<end` that the mask of its block marks; else `end`.
    /// - Parameters:
    ///   - marks: which bytes of a block are sought.
    ///   - isMarked: the same for one byte.
    @inline(__always) private func first(
        from start: Int, to end: Int, _ marks: (SIMD16<UInt8>) -> SIMDMask<SIMD16<Int8>>,
        _ isMarked: (UInt8) -> Bool
    ) -> Int {
        var offset = start
        while offset + 16 <= end {
            // Safety: a mask has the size and layout of its 16 bytes.
            let words = unsafe unsafeBitCast(marks(block(at: offset)), to: SIMD2<UInt64>.self)
            if words[0] != 0 { return offset + words[0].trailingZeroBitCount >> 3 }
            if words[1] != 0 { return offset + 8 + words[1].trailingZeroBitCount >> 3 }
            offset += 16
        }
        while offset < end, !isMarked(self[offset]) { offset += 1 }
        return offset
    }

    /// The offset of the first control character except HTAB in `start..<end` (below 0x20, or
    /// 0x7F); else `end`. These bytes end a field value or are forbidden in it.
    func endOfFieldValue(from start: Int, to end: Int) -> Int {
        first(
            from: start, to: end,
            { ($0 .< all(0x20) .& ($0 .!= all(Byte.tab))) .| ($0 .== all(0x7F)) },
            { $0 < 0x20 && $0 != Byte.tab || $0 == 0x7F })
    }

    /// The offset of the first byte outside 0x21...0x7E in `start..<end`; else `end`.
    func endOfTarget(from start: Int, to end: Int) -> Int {
        first(
            from: start, to: end, { $0 .< all(0x21) .| ($0 .> all(0x7E)) },
            { $0 < 0x21 || $0 > 0x7E })
    }

    /// The offset of the first byte in `start..<end` that is not a token character; else `end`.
    func endOfToken(from start: Int, to end: Int) -> Int {
        var offset = endOfWord(from: start, to: end)
        while offset < end, ASCIISet.token.contains(self[offset]) {
            offset = endOfWord(from: offset + 1, to: end)
        }
        return offset
    }

    /// The offset of the first byte that is not a letter, digit, `-` or `.`; else `end`.
    func endOfWord(from start: Int, to end: Int) -> Int {
        first(
            from: start, to: end,
            {
                let isLetter = (($0 | all(0x20)) &- all(0x61)) .< all(26)
                let isOther = ($0 &- all(0x2D)) .< all(2) .| (($0 &- all(0x30)) .< all(10))
                return .!(isLetter .| isOther)
            }, { ($0 | 0x20) &- 0x61 >= 26 && $0 &- 0x2D >= 2 && $0 &- 0x30 >= 10 })
    }

    /// The offset of the first `byte` in `start..<end`.
    func firstOffset(of byte: UInt8, from start: Int, to end: Int) -> Int? {
        let offset = first(
            from: start, to: end, { $0 .== all(byte) }, { $0 == byte })
        return offset < end ? offset : nil
    }

    /// Whether the bytes in `range` equal those of an array.
    func equals(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        guard range.count == other.count else { return false }
        // Safety: both sides have as many bytes, as compared above.
        return unsafe other.withUnsafeBytes { other in
            guard let known = other.baseAddress else { return true }
            return unsafe memcmp(base + range.lowerBound, known, other.count) == 0
        }
    }

    /// Whether the bytes in `range` equal those at `other`.
    /// - Parameter other: as many bytes.
    @unsafe func equals(_ range: Range<Int>, _ other: UnsafeRawPointer) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe memcmp(base + range.lowerBound, other, range.count) == 0
    }

    /// Copies `range`.
    /// - Parameter other: memory for as many bytes.
    @unsafe func copy(_ range: Range<Int>, to other: UnsafeMutableRawPointer) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        unsafe other.copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }

    /// Whether `range` spells `name` (lower-case letters, digits, `-`, `/`, `*`), ignoring ASCII
    /// case.
    func equals(_ range: Range<Int>, ignoringCase name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard range.count == count, range.lowerBound >= 0, range.upperBound <= self.count else {
            return false
        }
        // Safety: both sides have `count` bytes, as compared above. The last word overlaps the one
        // before it, which avoids single bytes at the end.
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

    /// Whether the bytes of a word equal those of a lower-case name, ignoring case. Bit 0x20 may
    /// differ only where the name has a letter: of its bytes only letters have bit 0x40.
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

    /// The bytes of `range` as UTF-8; ill-formed sequences become U+FFFD.
    func string(_ range: Range<Int>) -> String {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // Safety: the range lies in the bytes, as checked above.
        let part = unsafe UnsafeRawBufferPointer(
            start: base.advanced(by: range.lowerBound), count: range.count)
        return unsafe String(decoding: part, as: UTF8.self)
    }
}

/// A block of sixteen equal bytes: comparisons with a scalar are done byte by byte.
@inline(__always) private func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

/// The bytes that have a meaning in the protocol.
enum Byte {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }

    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}

/// A set of ASCII bytes as 128 bits, so that no table is loaded, and none is built at start-up.
struct ASCIISet {
    let low: UInt64
    let high: UInt64

    func contains(_ byte: UInt8) -> Bool {
        let bits = byte < 64 ? low : high
        return byte < 128 && (bits &>> UInt64(byte & 63)) & 1 != 0
    }

    /// RFC 9110 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    static var token: ASCIISet { ASCIISet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }
    /// RFC 3986 3.2.2 reg-name without `%`: letters, digits, `-._~` and `!$&'()*+,;=`.
    static var host: ASCIISet { ASCIISet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }
}
