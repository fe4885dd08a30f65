// The text that is searched: its characters, and what surrounds an offset.

internal import Glibc

/// A subject's bytes, borrowed for one search. Bytes that are not UTF-8 count as one U+FFFD each.
@safe struct RegexSubject {
    private let base: UnsafePointer<UInt8>
    let count: Int
    /// Where the search began, at a character: `\G`.
    private(set) var searchStart: Int

    // Safety: one byte that lives for ever and is never written, for a subject without memory.
    private nonisolated(unsafe) static let nothing: UnsafePointer<UInt8> = {
        let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
        unsafe byte.initialize(to: 0)
        return unsafe UnsafePointer(byte)
    }()

    /// Safety: the caller keeps the buffer alive while the search runs.
    init(_ buffer: UnsafeBufferPointer<UInt8>, searchStart: Int) {
        unsafe base = buffer.baseAddress ?? Self.nothing
        count = buffer.count
        self.searchStart = searchStart
        self.searchStart = characterStart(from: searchStart)
    }

    // Safety: callers compare with `count` first; asserted here.
    subscript(offset: Int) -> UInt8 {
        @inline(__always) get {
            assert(offset >= 0 && offset < count)
            return unsafe base[offset]
        }
    }

    /// The scalar at an offset before the end, and its byte count.
    @inline(__always)
    func scalar(at offset: Int) -> (scalar: UInt32, byteCount: Int) {
        let first = self[offset]
        if first < 0x80 { return (UInt32(first), 1) }
        return longScalar(first, at: offset)
    }

    private func longScalar(_ first: UInt8, at offset: Int) -> (scalar: UInt32, byteCount: Int) {
        if first < 0xE0, first >= 0xC2, offset + 1 < count, isTail(offset + 1) {
            return (UInt32(first & 0x1F) << 6 | tail(offset + 1), 2)
        }
        if first < 0xF0, first >= 0xE0, offset + 2 < count, isTail(offset + 1), isTail(offset + 2) {
            return (UInt32(first & 0x0F) << 12 | tail(offset + 1) << 6 | tail(offset + 2), 3)
        }
        if first < 0xF5, first >= 0xF0, offset + 3 < count, isTail(offset + 1),
            isTail(offset + 2), isTail(offset + 3)
        {
            let high = UInt32(first & 0x07) << 18 | tail(offset + 1) << 12
            return (high | tail(offset + 2) << 6 | tail(offset + 3), 4)
        }
        return (0xFFFD, 1)
    }

    private func isTail(_ offset: Int) -> Bool { self[offset] & 0xC0 == 0x80 }
    private func tail(_ offset: Int) -> UInt32 { UInt32(self[offset] & 0x3F) }

    /// The start of the character before an offset, which is not 0.
    func previous(_ offset: Int) -> Int {
        var start = offset - 1
        while start > 0, offset - start < 4, isTail(start) { start -= 1 }
        if start == offset - 1 || scalar(at: start).byteCount == offset - start { return start }
        return offset - 1
    }

    /// The offset after the character at `offset`; one beyond the end where there is none.
    func next(_ offset: Int) -> Int {
        offset < count ? offset + scalar(at: offset).byteCount : offset + 1
    }

    /// The first offset from `offset` on that is not inside a character.
    func characterStart(from offset: Int) -> Int {
        guard offset > 0, offset < count, isTail(offset) else { return offset }
        let start = previous(offset + 1)
        return start == offset ? offset : next(start)
    }

    /// The first offset of a byte in a range.
    func firstOffset(of byte: UInt8, in range: Range<Int>) -> Int? {
        // Safety: the range lies in the buffer.
        guard let found = unsafe memchr(base + range.lowerBound, Int32(byte), range.count) else {
            return nil
        }
        return unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
    }

    /// The matches of some bytes from `start` on; their offsets count from `start`.
    func matches(of bytes: RegexView<UInt8>, from start: Int) -> ByteMatches {
        // Safety: `start` is at most `count`, and both live as long as the search.
        unsafe ByteMatches(
            of: bytes.pointer, bytes.count, in: base + start, count - start, overlapping: true)
    }

    /// The first offset in a range of a byte that has a 1 in a table of 256.
    func firstOffset(in table: RegexView<UInt8>, _ range: Range<Int>) -> Int? {
        var offset = range.lowerBound
        while offset < range.upperBound {
            if table[Int(self[offset])] != 0 { return offset }
            offset += 1
        }
        return nil
    }

    // MARK: Assertions

    @inline(never)
    func holds(_ assertion: RegexAssertion, at offset: Int) -> Bool {
        switch assertion {
        case .textStart: offset == 0
        case .textEnd: offset == count
        case .textEndOrLastLine:
            offset == count || (offset == count - 1 && self[offset] == 0x0A)
        case .lineStart:
            // Not after the text's last line feed, where no line begins.
            offset == 0 || (offset < count && self[offset - 1] == 0x0A)
        case .lineEnd: offset == count || self[offset] == 0x0A
        case .searchStart: offset == searchStart
        case .wordBoundary: isWordBoundary(offset)
        case .notWordBoundary: !isWordBoundary(offset)
        case .clusterBoundary: isClusterBoundary(offset)
        case .notClusterBoundary: !isClusterBoundary(offset)
        }
    }

    private func isWordBoundary(_ offset: Int) -> Bool {
        let before = offset > 0 && isWord(scalar(at: previous(offset)).scalar)
        let after = offset < count && isWord(scalar(at: offset).scalar)
        return before != after
    }

    @inline(__always)
    private func isWord(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 {
            let letter = scalar | 0x20
            return letter >= 0x61 && letter <= 0x7A || scalar >= 0x30 && scalar <= 0x39
                || scalar == 0x5F
        }
        return UnicodeSets.word.contains(scalar)
    }
}
