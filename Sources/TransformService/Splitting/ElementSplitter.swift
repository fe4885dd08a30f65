// The text of an array -> parts of whole elements, found by quotes, brackets and commas alone:
//
//     [ {"a":[1,2]} , 3 , "x,y" ]
//       |         |   |         |
//       |_________|___|_________|     ends: the offsets of commas between elements, and of the ]
//
// Whether an element is JSON is left to its reader. If every element is, so is the array; if one is
// not, a reader of the whole array determines the error and its location.

/// Its position is kept between calls, so that each call is short.
struct ElementSplitter {
    struct Part: Sendable, Equatable {
        /// In the array's text.
        var offset: Int
        var byteCount: Int
        /// Index of its first element.
        var index: Int
        /// The end offset of each element, from `offset`.
        var ends: [UInt32]
    }

    enum State: Sendable, Equatable {
        case before, inside
        /// The array has ended, with only white space after it.
        case ended
        case malformed
    }

    private let partBytes: Int
    private(set) var state = State.before
    private var offset = 0
    private var brackets = BracketScan()
    private var part = Part(offset: 0, byteCount: 0, index: 0, ends: [])

    init(partBytes: Int) { self.partBytes = partBytes }

    /// Continues for about `byteCountMax` bytes of the text, which is always the same.
    /// - Returns: the parts that ended there.
    mutating func next(_ text: UnsafeRawBufferPointer, byteCountMax: Int) -> [Part] {
        if state == .before { unsafe begin(text) }
        guard state == .inside else { return [] }
        var parts: [Part] = []
        let stop = min(text.count, offset + byteCountMax)
        while offset < stop, state == .inside { unsafe step(text, &parts) }
        if state == .inside, offset >= text.count { state = .malformed }
        return parts
    }

    private mutating func begin(_ text: UnsafeRawBufferPointer) {
        offset = unsafe Self.skipSpace(text, LineEnd.hasByteOrderMark(text) ? 3 : 0)
        // Safety: below the count, as compared.
        guard offset < text.count, unsafe text[offset] == UInt8(ascii: "[") else {
            state = .malformed
            return
        }
        offset += 1
        state = .inside
        part.offset = offset
        let first = unsafe Self.skipSpace(text, offset)
        // Safety: below the count, as compared.
        if first < text.count, unsafe text[first] == UInt8(ascii: "]") {
            unsafe end(text, first)
        }
    }

    private mutating func step(_ text: UnsafeRawBufferPointer, _ parts: inout [Part]) {
        // Safety: `offset` is below the count here.
        let byte = unsafe text[offset]
        let role = brackets.take(byte)
        if brackets.depth < 0 {
            part.ends.append(UInt32(offset - part.offset))
            endPart(&parts)
            unsafe end(text, offset)
            return
        }
        if role == .between && brackets.depth == 0 && byte == UInt8(ascii: ",") {
            part.ends.append(UInt32(offset - part.offset))
            if offset - part.offset >= partBytes { endPart(&parts) }
        }
        offset += 1
    }

    private mutating func endPart(_ parts: inout [Part]) {
        part.byteCount = offset - part.offset
        parts.append(part)
        part = Part(
            offset: offset + 1, byteCount: 0, index: part.index + part.ends.count, ends: [])
    }

    /// The bracket at `bracket` closes the array.
    private mutating func end(_ text: UnsafeRawBufferPointer, _ bracket: Int) {
        // Safety: the caller found a bracket at this offset.
        let isArray = unsafe text[bracket] == UInt8(ascii: "]")
        let rest = unsafe Self.skipSpace(text, bracket + 1)
        state = isArray && rest == text.count ? .ended : .malformed
    }

    private static func skipSpace(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var offset = start
        while offset < text.count {
            // Safety: below the count, as compared.
            switch unsafe text[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return offset
            }
        }
        return offset
    }
}
