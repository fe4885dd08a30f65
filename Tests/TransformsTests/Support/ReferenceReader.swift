// JSON text -> values, by recursive descent, one byte at a time: what JSONReader is compared with.
// It shares nothing with it but the heap's way to make values; errors are JSONReader's, with their
// offsets.

@testable import Transforms

struct ReferenceReader {
    private let bytes: [UInt8]
    private let heap: Heap
    private let depthMax: Int
    private(set) var offset = 0

    init(_ bytes: [UInt8], heap: Heap, depthMax: Int) {
        self.bytes = bytes
        self.heap = heap
        self.depthMax = depthMax
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    /// The next of several texts; nil at the end.
    mutating func next() throws(ReadFailure) -> Value? {
        skipSpace()
        if offset == bytes.count { return nil }
        let value = try value(depth: 0)
        if offset < bytes.count, !value.isString, !value.isContainer,
            !Array(" \n\r\t\",:[]{}".utf8).contains(bytes[offset])
        {
            throw ReadFailure(code: value.isNumber ? .badNumber : .badLiteral, offset: offset)
        }
        return value
    }

    /// A whole text.
    mutating func text() throws(ReadFailure) -> Value {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        if offset < bytes.count { throw ReadFailure(code: .trailingBytes, offset: offset) }
        return value
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(ReadFailure) -> Value {
        skipSpace()
        switch try byte() {
        case UInt8(ascii: "\""): return try make(try string())
        case UInt8(ascii: "["): return try array(depth + 1)
        case UInt8(ascii: "{"): return try object(depth + 1)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try word("true", .yes)
        case UInt8(ascii: "f"): return try word("false", .no)
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
    }

    private mutating func array(_ depth: Int) throws(ReadFailure) -> Value {
        if try open(depth, UInt8(ascii: "]")) { return .emptyArray }
        var array = try made { (heap) throws(Stop) in try heap.makeArray(capacity: 1) }
        repeat {
            let element = try value(depth: depth)
            _ = try made { (heap) throws(Stop) in
                try heap.push(&array, element)
                return array
            }
        } while try goesOn(UInt8(ascii: "]"))
        return array
    }

    private mutating func object(_ depth: Int) throws(ReadFailure) -> Value {
        if try open(depth, UInt8(ascii: "}")) { return .emptyObject }
        var object = try made { (heap) throws(Stop) in try heap.makeObject(capacity: 1) }
        repeat {
            skipSpace()
            if try byte() != UInt8(ascii: "\"") {
                throw ReadFailure(code: .unexpectedByte, offset: offset)
            }
            let name = try make(try string())
            skipSpace()
            if try byte() != UInt8(ascii: ":") {
                throw ReadFailure(code: .unexpectedByte, offset: offset)
            }
            offset += 1
            let member = try value(depth: depth)
            _ = try made { (heap) throws(Stop) in
                try heap.set(&object, name, member)
                return object
            }
        } while try goesOn(UInt8(ascii: "}"))
        return object
    }

    /// After an opening bracket: whether the container is empty.
    private mutating func open(_ depth: Int, _ closing: UInt8) throws(ReadFailure) -> Bool {
        offset += 1
        skipSpace()
        let isEmpty = try byte() == closing
        if depth > depthMax {
            throw ReadFailure(code: .tooDeep, offset: isEmpty ? offset : offset - 1)
        }
        if isEmpty { offset += 1 }
        return isEmpty
    }

    /// After a value in a container: whether another one follows.
    private mutating func goesOn(_ closing: UInt8) throws(ReadFailure) -> Bool {
        skipSpace()
        let next = try byte()
        if next != UInt8(ascii: ",") && next != closing {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        offset += 1
        return next != closing
    }

    private mutating func word(_ word: String, _ value: Value) throws(ReadFailure) -> Value {
        let start = offset
        for expected in word.utf8 {
            if try byte() != expected { throw ReadFailure(code: .badLiteral, offset: start) }
            offset += 1
        }
        return value
    }

    private mutating func number() throws(ReadFailure) -> Value {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let integer = offset
        try digits()
        if offset > integer + 1 && bytes[integer] == UInt8(ascii: "0") {
            throw ReadFailure(code: .badNumber, offset: integer)
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, [0x2B, 0x2D].contains(bytes[offset]) { offset += 1 }
            try digits()
        }
        let text = Array(bytes[start..<offset])
        if text.count > LiteralText.byteCountMax {
            throw ReadFailure(code: .badNumber, offset: start)
        }
        let spelling = String(decoding: text, as: UTF8.self)
        if text.count < 18, spelling != "-0", let integer = Int(spelling) {
            return Value(integer: integer)
        }
        let string = try make(text)
        defer { heap.release(string) }
        return try made { (heap) throws(Stop) in try heap.literal(string.bytes) }
    }

    private mutating func digits() throws(ReadFailure) {
        let start = offset
        while offset < bytes.count, bytes[offset] &- 0x30 <= 9 { offset += 1 }
        if offset > start { return }
        throw ReadFailure(
            code: offset < bytes.count ? .badNumber : .unexpectedEnd, offset: offset)
    }

    // MARK: Strings

    /// A string's bytes. Its end is found before what is in it is checked.
    private mutating func string() throws(ReadFailure) -> [UInt8] {
        offset += 1
        let start = offset
        var isEscaped = false
        while true {
            let next = try byte()
            if next == UInt8(ascii: "\"") && !isEscaped { break }
            if next < 0x20 && !isEscaped {
                throw ReadFailure(code: .controlInString, offset: offset)
            }
            isEscaped = !isEscaped && next == UInt8(ascii: "\\")
            offset += 1
        }
        let end = offset
        offset += 1
        if let bad = invalid(start, end) { throw ReadFailure(code: .badUTF8, offset: bad) }
        var decoded: [UInt8] = []
        var cursor = start
        while cursor < end {
            let byte = bytes[cursor]
            if byte == UInt8(ascii: "\\") {
                decoded += try escape(&cursor, end)
            } else {
                decoded.append(byte)
                cursor += 1
            }
        }
        return decoded
    }

    /// The offset of the first byte that begins no character, by the standard library's reading.
    private func invalid(_ start: Int, _ end: Int) -> Int? {
        var cursor = start
        while cursor < end {
            let last = min(cursor + 4, end)
            let length = (cursor + 1...last).first { stop in
                String(validating: bytes[cursor..<stop], as: UTF8.self) != nil
            }
            guard let length else { return cursor }
            cursor = length
        }
        return nil
    }

    private func escape(_ cursor: inout Int, _ end: Int) throws(ReadFailure) -> [UInt8] {
        let start = cursor
        let kind = bytes[cursor + 1]
        cursor += 2
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"): break
        default: throw ReadFailure(code: .badEscape, offset: start)
        }
        guard var scalar = unit(cursor, end) else {
            throw ReadFailure(code: .badEscape, offset: start)
        }
        cursor += 4
        if 0xD800..<0xDC00 ~= scalar, cursor + 1 < end, bytes[cursor] == UInt8(ascii: "\\"),
            bytes[cursor + 1] == UInt8(ascii: "u"), let low = unit(cursor + 2, end),
            0xDC00..<0xE000 ~= low
        {
            scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
            cursor += 6
        }
        guard let character = Unicode.Scalar(scalar) else {
            throw ReadFailure(code: .badSurrogate, offset: start)
        }
        return Array(String(Character(character)).utf8)
    }

    private func unit(_ start: Int, _ end: Int) -> UInt32? {
        guard start + 4 <= end else { return nil }
        let digits = bytes[start..<start + 4]
        let text = String(decoding: digits, as: UTF8.self)
        return text.allSatisfy(\.isHexDigit) && text.utf8.count == 4
            ? UInt32(text, radix: 16) : nil
    }

    // MARK: Bytes

    private mutating func skipSpace() {
        while offset < bytes.count, Array(" \n\r\t".utf8).contains(bytes[offset]) { offset += 1 }
    }

    private func byte() throws(ReadFailure) -> UInt8 {
        if offset >= bytes.count { throw ReadFailure(code: .unexpectedEnd, offset: bytes.count) }
        return bytes[offset]
    }

    private func make(_ string: [UInt8]) throws(ReadFailure) -> Value {
        let value = try made { (heap) throws(Stop) in try heap.makeString(string.count) }
        for (i, byte) in string.enumerated() { value.bytes[i] = byte }
        return value
    }

    private func made(_ body: (Heap) throws(Stop) -> Value) throws(ReadFailure) -> Value {
        do throws(Stop) { return try body(heap) } catch {
            throw ReadFailure(code: .limit, offset: offset)
        }
    }
}
