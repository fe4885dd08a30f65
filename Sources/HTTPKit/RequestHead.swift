// What the parser records about a request's head: offsets into the head's bytes, no copies of them.
//
//   POST /transform?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n
//        ^path     ^query           ^name ^value
//        0         FieldLine(nameOffset: 30, nameCount: 4, valueOffset: 36, valueCount: 9)

/// A field line as offsets from the head's first byte.
struct FieldLine {
    var nameOffset: UInt32
    var nameCount: UInt32
    var valueOffset: UInt32
    var valueCount: UInt32

    var name: Range<Int> { Int(nameOffset)..<Int(nameOffset) + Int(nameCount) }
    var value: Range<Int> { Int(valueOffset)..<Int(valueOffset) + Int(valueCount) }
}

/// Fields that the parser recognises during its scan, so that finding them costs nothing.
public enum KnownField: UInt8, Sendable, CaseIterable {
    case host, contentType, contentEncoding, accept, acceptEncoding
}

/// How the content of a request is delimited. Without either field there is no content, whatever
/// the method (RFC 9112 6.3): an endpoint that needs content responds with 411 itself.
enum RequestFraming: Equatable {
    case none
    case length(Int)
    case chunked
}

/// A parsed head. One value serves all requests of a connection, so its storage is reused.
struct RequestHead: ~Copyable {
    var method = Method.other
    var minorVersion: UInt8 = 1
    var target = 0..<0
    var path = 0..<0
    /// The part after the question mark; nil without one.
    var query: Range<Int>?
    /// The target is `*`.
    var isAsterisk = false
    var fields = ContiguousArray<FieldLine>()
    var framing = RequestFraming.none
    var expectsContinue = false
    /// Bytes of the head, including a tolerated leading line end and the final empty line.
    var byteCount = 0

    var hasConnectionClose = false
    var hasConnectionKeepAlive = false
    var hasTransferEncoding = false
    var endsInChunked = false
    var hasForeignCoding = false
    var contentLength: Int?
    /// The range of its digits.
    var contentLengthValue = 0..<0
    /// A bit for each length of a name, from 1 to 63 bytes; longer ones share the first.
    private var nameLengths: UInt64 = 0
    /// One above the index of each known field's first line; 0 where it is absent.
    private var known = SIMD8<UInt16>(repeating: 0)

    /// Whether the client allows the connection to persist after the response (RFC 9112 9.3).
    var wantsKeepAlive: Bool {
        if hasConnectionClose { return false }
        return minorVersion >= 1 || hasConnectionKeepAlive
    }

    /// Clears the previous request but keeps its storage.
    mutating func reset() {
        method = .other
        minorVersion = 1
        target = 0..<0
        path = 0..<0
        query = nil
        isAsterisk = false
        fields.removeAll(keepingCapacity: true)
        framing = .none
        expectsContinue = false
        byteCount = 0
        hasConnectionClose = false
        hasConnectionKeepAlive = false
        hasTransferEncoding = false
        endsInChunked = false
        hasForeignCoding = false
        contentLength = nil
        contentLengthValue = 0..<0
        nameLengths = 0
        known = SIMD8(repeating: 0)
    }

    /// Appends a line.
    mutating func append(_ line: FieldLine) {
        fields.append(line)
        nameLengths |= Self.lengthBit(Int(line.nameCount))
    }

    /// Whether any name has this length. In most heads, a field that is looked up is absent, and so
    /// is any name of its length.
    func mayHave(nameByteCount: Int) -> Bool {
        nameLengths & Self.lengthBit(nameByteCount) != 0
    }

    private static func lengthBit(_ byteCount: Int) -> UInt64 {
        1 << UInt64(byteCount < 64 ? byteCount : 0)
    }

    func line(_ field: KnownField) -> FieldLine? {
        let index = known[Int(field.rawValue)]
        return index == 0 ? nil : fields[Int(index) - 1]
    }

    /// Records that the last line is the first of its name.
    /// - Returns: whether it was the first.
    mutating func note(_ field: KnownField) -> Bool {
        if known[Int(field.rawValue)] != 0 { return false }
        // Safety: `ConnectionLimits.fieldCountMax` bounds the lines of a head.
        known[Int(field.rawValue)] = UInt16(truncatingIfNeeded: fields.count)
        return true
    }
}
