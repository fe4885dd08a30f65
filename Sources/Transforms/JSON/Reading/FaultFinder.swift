// A text that a reader refused -> what jq says is wrong with it, and the byte at which jq notices.
// It goes byte by byte and keeps the state of jq's two parsers: one for texts, one for the events
// of `--stream`. Their sentences differ.
//
//     [1 2]      seen at `]`, where the second number ends: two values without a separator
//     {"a":1,}   seen at `}`: a pair is expected
//     "ab\q"     seen at the quote that ends the string
//
// Only malformed texts come here, so speed does not matter.

struct FaultFinder: ~Copyable {
    enum Finding {
        /// What is wrong, and how many bytes have been read when that is noticed, the wrong byte
        /// included.
        case fault(StaticString, consumed: Int)
        /// The rest of a record was skipped, through the separator of the next.
        case dropped(consumed: Int)
        /// The bytes end within the text.
        case unfinished
        /// Nothing is wrong with the text.
        case none
    }

    /// What was found where a value is expected.
    private enum Next { case none, string, number, other }
    /// What came last, as the parser of events remembers it.
    private enum Last { case none, openArray, openObject, colon, comma, value }
    private enum Mode { case plain, string, escape }

    private struct Level {
        let isArray: Bool
        var hasChildren = false
        var hasKey = false
    }

    private let bytes: Bytes
    private let heap: Heap
    private let depthMax: Int
    private let isSequence: Bool
    private let isStream: Bool

    private var levels: [Level] = []
    /// The path so far, of events.
    private(set) var path: [EventReader.Key] = []
    private var next = Next.none
    private var last = Last.none
    private var mode = Mode.plain
    private var isAfterSpace = false
    /// Where the current token begins, or the string's first byte after its quote; -1 for none.
    private var tokenStart = -1
    /// The last string, without its quotes.
    private var string = 0..<0
    /// Whether the events' text has ended with its container.
    private var hasEnded = false

    /// A text that begins.
    init(_ bytes: Bytes, heap: Heap, depthMax: Int, isSequence: Bool) {
        self.bytes = bytes
        self.heap = heap
        self.depthMax = depthMax
        self.isSequence = isSequence
        isStream = false
    }

    /// A text whose events were read up to some path.
    init(
        _ bytes: Bytes, heap: Heap, isSequence: Bool, path: [EventReader.Key], isAfterValue: Bool
    ) {
        self.bytes = bytes
        self.heap = heap
        self.isSequence = isSequence
        depthMax = .max
        isStream = true
        self.path = path
        levels = path.map { key in
            if case .index = key { return Level(isArray: true) }
            return Level(isArray: false, hasKey: true)
        }
        last = isAfterValue ? .value : .none
    }

    /// Goes over the bytes from `start` on.
    /// - Parameter reader: reads the same bytes.
    mutating func find(from start: Int, _ reader: inout JSONReader) throws(Stop) -> Finding {
        for offset in start..<bytes.count {
            try heap.chargeElement(offset)
            if let finding = take(offset, &reader) { return finding }
        }
        return .unfinished
    }

    /// What is wrong when nothing follows.
    mutating func finish(_ reader: inout JSONReader) -> StaticString? {
        if mode != .plain { return "Unfinished string" }
        if let sentence = endToken(bytes.count, &reader) { return sentence }
        if !levels.isEmpty { return "Unfinished JSON term" }
        let isCut = isSequence && !isStream && next == .number
        return isCut ? "Potentially truncated top-level numeric value" : nil
    }

    private mutating func take(_ offset: Int, _ reader: inout JSONReader) -> Finding? {
        let byte = bytes[offset]
        if isSequence && byte == JSONReader.recordSeparator { return endRecord(offset, &reader) }
        isAfterSpace = false
        switch mode {
        case .escape: mode = .string
        case .string:
            if byte == UInt8(ascii: "\\") { mode = .escape }
            if byte != UInt8(ascii: "\"") { return nil }
            string = tokenStart..<offset
            tokenStart = -1
            mode = .plain
            if let sentence = fault(in: string) ?? take(.string) {
                return .fault(sentence, consumed: offset + 1)
            }
        case .plain:
            if !JSONReader.endsToken(byte) {
                if tokenStart < 0 { tokenStart = offset }
                return nil
            }
            if let sentence = endToken(offset, &reader) {
                return .fault(sentence, consumed: offset + 1)
            }
            let isDone = endText()
            if byte == UInt8(ascii: "\"") {
                mode = .string
                tokenStart = offset + 1
            } else if byte <= 0x20 {
                isAfterSpace = true
            } else if let sentence = isStream ? takeEvent(byte, &reader) : takeStructural(byte) {
                return .fault(sentence, consumed: offset + 1)
            }
            if isDone { return Finding.none }
        }
        return endText() ? Finding.none : nil
    }

    /// Whether the text's value is complete.
    private mutating func endText() -> Bool {
        if !levels.isEmpty || next == .none { return hasEnded }
        next = .none
        return true
    }

    /// A record separator; jq accepts it anywhere.
    private mutating func endRecord(_ offset: Int, _ reader: inout JSONReader) -> Finding {
        let isCut: Bool
        if isStream {
            isCut = !levels.isEmpty || next == .number || next == .other
        } else {
            let isWithin = !levels.isEmpty || 0..<offset ~= tokenStart || next == .number
            isCut = !isAfterSpace && isWithin
        }
        let sentence = endToken(offset, &reader)
        if isCut {
            let isNumber = sentence == nil && levels.isEmpty && next == .number
            return .fault(
                isNumber ? "Potentially truncated top-level numeric value" : "Truncated value",
                consumed: offset + 1)
        }
        if let sentence { return .fault(sentence, consumed: offset + 1) }
        return mode == .plain && endText() ? .none : .dropped(consumed: offset + 1)
    }

    // MARK: Tokens

    private mutating func take(_ value: Next) -> StaticString? {
        if next != .none || isStream && last == .value {
            return "Expected separator between values"
        }
        if isStream { last = levels.isEmpty ? .none : .value }
        next = value
        return nil
    }

    /// The token up to `end`, if there is one.
    private mutating func endToken(_ end: Int, _ reader: inout JSONReader) -> StaticString? {
        let start = tokenStart
        guard 0..<end ~= start else { return nil }
        if mode == .plain { tokenStart = -1 }
        let word: StaticString
        switch bytes[start] {
        case UInt8(ascii: "t"): word = "true"
        case UInt8(ascii: "f"): word = "false"
        case UInt8(ascii: "n") where start + 1 < end && bytes[start + 1] == UInt8(ascii: "u"):
            word = "null"
        case UInt8(ascii: "'"): return "Invalid string literal; expected \", but got '"
        default:
            return reader.isLenientNumber(start, end) ? take(.number) : "Invalid numeric literal"
        }
        guard end - start == word.utf8CodeUnitCount else { return "Invalid literal" }
        for i in start..<end {
            // Safety: `i - start` is below the word's count.
            if unsafe bytes[i] != word.utf8Start[i - start] { return "Invalid literal" }
        }
        return take(.other)
    }

    private func fault(in string: Range<Int>) -> StaticString? {
        let text = unsafe TextScan(bytes.base, string.upperBound)
        var offset = string.lowerBound
        while offset < string.upperBound {
            let byte = bytes[offset]
            if byte < 0x20 {
                return
                    "Invalid string: control characters from U+0000 through U+001F must be escaped"
            }
            offset += 1
            if byte != UInt8(ascii: "\\") { continue }
            switch bytes[offset] {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "b"),
                UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                offset += 1
            case UInt8(ascii: "u"):
                if offset + 5 > string.upperBound { return "Invalid \\uXXXX escape" }
                guard let first = text.escapedUnit(offset - 1) else {
                    return "Invalid characters in \\uXXXX escape"
                }
                offset += 5
                if first & 0xFC00 != 0xD800 { continue }
                guard text.escapedSecondHalf(offset, after: first) != nil else {
                    return "Invalid \\uXXXX\\uXXXX surrogate pair escape"
                }
                offset += 6
            default: return "Invalid escape"
            }
        }
        return nil
    }

    // MARK: Structural characters

    /// A bracket, brace, comma or colon of a text.
    private mutating func takeStructural(_ byte: UInt8) -> StaticString? {
        let top = levels.count - 1
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            if levels.count >= depthMax { return "Exceeds depth limit for parsing" }
            if next != .none { return "Expected separator between values" }
            levels.append(Level(isArray: byte == UInt8(ascii: "[")))
        case UInt8(ascii: ":"):
            if next == .none { return "Expected string key before ':'" }
            if top < 0 || levels[top].isArray || levels[top].hasKey {
                return "':' not as part of an object"
            }
            if next != .string { return "Object keys must be strings" }
            levels[top].hasKey = true
            next = .none
        case UInt8(ascii: ","):
            if next == .none { return "Expected value before ','" }
            if top < 0 { return "',' not as part of an object or array" }
            if !levels[top].isArray && !levels[top].hasKey {
                return "Objects must consist of key:value pairs"
            }
            endChild(top)
        case UInt8(ascii: "]"):
            if top < 0 || !levels[top].isArray { return "Unmatched ']'" }
            if next == .none && levels[top].hasChildren {
                return "Expected another array element"
            }
            close()
        default:
            if top < 0 { return "Unmatched '}'" }
            if next != .none {
                if !levels[top].hasKey { return "Objects must consist of key:value pairs" }
            } else if levels[top].isArray || levels[top].hasKey {
                return "Unmatched '}'"
            } else if levels[top].hasChildren {
                return "Expected another key-value pair"
            }
            close()
        }
        return nil
    }

    private mutating func endChild(_ top: Int) {
        levels[top].hasChildren = true
        levels[top].hasKey = false
        next = .none
    }

    private mutating func close() {
        levels.removeLast()
        next = .other
    }

    /// The same where events are read.
    private mutating func takeEvent(
        _ byte: UInt8, _ reader: inout JSONReader
    ) -> StaticString? {
        let top = levels.count - 1
        let isArray = top >= 0 && levels[top].isArray
        let hasKey = top >= 0 && levels[top].hasKey
        switch byte {
        case UInt8(ascii: "["):
            if next != .none { return "Expected a separator between values" }
            if last == .openObject { return "Expected string key after '{', not '['" }
            if last == .comma && !isArray {
                return "Expected string key after ',' in object, not '['"
            }
            open(isArray: true)
        case UInt8(ascii: "{"):
            if last == .value { return "Expected a separator between values" }
            if last == .openObject { return "Expected string key after '{', not '{'" }
            if last == .comma && !isArray {
                return "Expected string key after ',' in object, not '{'"
            }
            open(isArray: false)
        case UInt8(ascii: ":"):
            if top < 0 || isArray { return "':' not as part of an object" }
            if next == .none { return "Expected string key before ':'" }
            if next != .string { return "Object keys must be strings" }
            if last != .value { return "':' should follow a key" }
            last = .colon
            next = .none
            levels[top].hasKey = true
            path[top] = .name(reader.text(ofString: string))
        case UInt8(ascii: ","):
            if last != .value { return "Expected value before ','" }
            if top < 0 { return "',' not as part of an object or array" }
            if case .index(let index) = path[top] {
                path[top] = .index(index + 1)
            } else if hasKey {
                path[top] = .unknown
            } else {
                return "Objects must consist of key:value pairs"
            }
            levels[top].hasKey = false
            last = .comma
            next = .none
        case UInt8(ascii: "]"):
            if top < 0 { return "Unmatched ']' at the top-level" }
            if last == .comma { return "Expected another array element" }
            if !isArray { return "Unmatched ']' in the middle of an object" }
            closeEvent()
        default:
            if top < 0 { return "Unmatched '}' at the top-level" }
            if last == .comma { return "Expected another key:value pair" }
            if isArray { return "Unmatched '}' in the middle of an array" }
            if next != .none && !hasKey { return "Objects must consist of key:value pairs" }
            if next == .none && last == .colon { return "Missing value in key:value pair" }
            closeEvent()
        }
        return nil
    }

    private mutating func open(isArray: Bool) {
        levels.append(Level(isArray: isArray))
        path.append(isArray ? .index(0) : .unknown)
        last = isArray ? .openArray : .openObject
    }

    private mutating func closeEvent() {
        levels.removeLast()
        path.removeLast()
        next = .none
        last = levels.isEmpty ? .none : .value
        hasEnded = levels.isEmpty
    }
}

extension JSONReader {
    /// The byte before each text of a sequence. Source: RFC 7464.
    static var recordSeparator: UInt8 { 0x1E }

    /// Whether the bytes are a number to jq.
    mutating func isLenientNumber(_ start: Int, _ end: Int) -> Bool {
        let whole = self.end
        self.end = end
        defer { self.end = whole }
        guard let number = try? readLenientNumber(start) else { return false }
        heap.release(number)
        return offset == end
    }

    /// The decoded content of the string whose bytes between its quotes are these.
    mutating func text(ofString range: Range<Int>) -> [UInt8] {
        offset = range.lowerBound
        guard let string = try? readString() else { return [] }
        defer { heap.release(string) }
        let bytes = string.bytes
        // Safety: the string is held until it has been copied.
        return unsafe Array(UnsafeBufferPointer(start: bytes.base, count: bytes.count))
    }
}
