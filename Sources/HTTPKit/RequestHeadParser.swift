// A request's first bytes -> RequestHead, in one pass (RFC 9112 2-5).
//
// Each call passes all bytes from the head's first one on, including those that have arrived since.
// The parser keeps its phase and its cursor, so each byte is examined once and the verdict depends
// on the bytes alone, not on how they were split: each phase decides at the first offending byte.

/// Reads one head. Reset it for the next.
struct RequestHeadParser {
    private enum Phase: UInt8 {
        case start, startLineFeed, method, target, version, requestLineFeed
        case fieldStart, fieldName, valueStart, value, valueLineFeed, endLineFeed
    }

    private static var methodBytesMax: Int { 32 }

    private var phase = Phase.start
    private var cursor = 0
    /// The first byte of the token, target, version or field section at the cursor.
    private var tokenStart = 0
    private var sectionStart = 0
    private var nameStart = 0
    private var nameEnd = 0
    private var valueStart = 0

    /// Nothing but a line end before the request has arrived.
    var isBeforeRequestLine: Bool { phase == .start || phase == .startLineFeed }

    mutating func reset() { self = RequestHeadParser() }

    /// Continues in `bytes`, which begin with the head's first byte.
    /// - Returns: whether the head is complete.
    mutating func parse(
        _ bytes: BorrowedBytes, into head: inout RequestHead, limits: borrowing ConnectionLimits
    ) throws(ProtocolError) -> Bool {
        if phase.rawValue < Phase.fieldStart.rawValue {
            guard try requestLine(bytes, into: &head, targetBytesMax: limits.targetBytesMax) else {
                return false
            }
        }
        return try fieldSection(bytes, into: &head, limits: limits)
    }

    private mutating func requestLine(
        _ bytes: BorrowedBytes, into head: inout RequestHead, targetBytesMax: Int
    ) throws(ProtocolError) -> Bool {
        while cursor < bytes.count {
            switch phase {
            case .start:
                // One line end before the request line is tolerated (RFC 9112 2.2).
                if cursor == 0, bytes[0] == Byte.carriageReturn {
                    cursor = 1
                    phase = .startLineFeed
                } else {
                    tokenStart = cursor
                    phase = .method
                }
            case .startLineFeed:
                try expectLineFeed(bytes)
                phase = .start
            case .method:
                guard try method(bytes, into: &head) else { return false }
            case .target:
                let bound = min(bytes.count, tokenStart + targetBytesMax + 1)
                cursor = bytes.endOfTarget(from: cursor, to: bound)
                if cursor - tokenStart > targetBytesMax {
                    throw ProtocolError(.targetTooLong, at: cursor)
                }
                guard cursor < bytes.count else { return false }
                guard bytes[cursor] == Byte.space, cursor > tokenStart else {
                    throw ProtocolError(.badTarget, at: cursor)
                }
                try RequestTarget.parse(bytes, tokenStart..<cursor, into: &head)
                cursor += 1
                tokenStart = cursor
                phase = .version
            case .version:
                guard try version(bytes, into: &head) else { return false }
            default:
                try expectLineFeed(bytes)
                sectionStart = cursor
                phase = .fieldStart
                return true
            }
        }
        return false
    }

    private mutating func method(
        _ bytes: BorrowedBytes, into head: inout RequestHead
    ) throws(ProtocolError) -> Bool {
        let bound = min(bytes.count, tokenStart + Self.methodBytesMax + 1)
        cursor = bytes.endOfToken(from: cursor, to: bound)
        if cursor - tokenStart > Self.methodBytesMax { throw ProtocolError(.badMethod, at: cursor) }
        guard cursor < bytes.count else { return false }
        guard bytes[cursor] == Byte.space, cursor > tokenStart else {
            throw ProtocolError(.badMethod, at: cursor)
        }
        head.method = Method(bytes, tokenStart..<cursor)
        cursor += 1
        tokenStart = cursor
        phase = .target
        return true
    }

    /// `HTTP/` digit `.` digit CR, each byte checked as it arrives.
    private mutating func version(
        _ bytes: BorrowedBytes, into head: inout RequestHead
    ) throws(ProtocolError) -> Bool {
        // "HTTP/1.1" as one little-endian word: the usual case in one comparison.
        if cursor == tokenStart, cursor + 8 <= bytes.count,
            bytes.word(at: cursor) == 0x312E_312F_5054_5448
        {
            cursor += 8
        }
        let expected: UInt64 = 0x002E_002F_5054_5448
        while cursor < bytes.count {
            let byte = bytes[cursor]
            switch cursor - tokenStart {
            case 8:
                guard byte == Byte.carriageReturn else {
                    throw ProtocolError(
                        byte == Byte.lineFeed ? .badLineEnd : .badVersion, at: cursor)
                }
                let major = bytes[tokenStart + 5]
                let minor = bytes[tokenStart + 7]
                guard major == UInt8(ascii: "1") else {
                    throw ProtocolError(.unsupportedVersion, at: tokenStart)
                }
                // A higher minor version is treated as the highest supported one (RFC 9110 2.5).
                head.minorVersion = minor == UInt8(ascii: "0") ? 0 : 1
                cursor += 1
                phase = .requestLineFeed
                return true
            case 5, 7:
                guard Byte.isDigit(byte) else { throw ProtocolError(.badVersion, at: cursor) }
            case let index:
                guard byte == UInt8(truncatingIfNeeded: expected >> UInt64(index * 8)) else {
                    throw ProtocolError(.badVersion, at: cursor)
                }
            }
            cursor += 1
        }
        return false
    }

    private mutating func expectLineFeed(_ bytes: BorrowedBytes) throws(ProtocolError) {
        guard bytes[cursor] == Byte.lineFeed else { throw ProtocolError(.badLineEnd, at: cursor) }
        cursor += 1
    }

    private mutating func fieldSection(
        _ bytes: BorrowedBytes, into head: inout RequestHead, limits: borrowing ConnectionLimits
    ) throws(ProtocolError) -> Bool {
        let bound = sectionStart + limits.fieldBytesMax
        let end = min(bytes.count, bound)
        while cursor < end {
            switch phase {
            case .fieldStart:
                if try wholeField(bytes, to: end, into: &head, limits) { continue }
                switch bytes[cursor] {
                case Byte.carriageReturn:
                    phase = .endLineFeed
                    cursor += 1
                case Byte.space, Byte.tab:
                    throw ProtocolError(.obsoleteFold, at: cursor)
                default:
                    if head.fields.count == limits.fieldCountMax {
                        throw ProtocolError(.tooManyFields, at: cursor)
                    }
                    nameStart = cursor
                    phase = .fieldName
                }
            case .fieldName:
                cursor = bytes.endOfToken(from: cursor, to: end)
                guard cursor < end else { break }
                guard bytes[cursor] == UInt8(ascii: ":"), cursor > nameStart else {
                    throw ProtocolError(.badFieldName, at: cursor)
                }
                nameEnd = cursor
                cursor += 1
                phase = .valueStart
            case .valueStart:
                while cursor < end, Byte.isBlank(bytes[cursor]) { cursor += 1 }
                guard cursor < end else { break }
                valueStart = cursor
                phase = .value
            case .value:
                cursor = bytes.endOfFieldValue(from: cursor, to: end)
                guard cursor < end else { break }
                guard bytes[cursor] == Byte.carriageReturn else {
                    let isLineFeed = bytes[cursor] == Byte.lineFeed
                    throw ProtocolError(isLineFeed ? .badLineEnd : .badFieldValue, at: cursor)
                }
                cursor += 1
                phase = .valueLineFeed
            case .valueLineFeed:
                try expectLineFeed(bytes)
                try appendField(bytes, into: &head)
                phase = .fieldStart
            default:
                try expectLineFeed(bytes)
                head.byteCount = cursor
                try finish(&head)
                return true
            }
        }
        if cursor == bound { throw ProtocolError(.fieldsTooLong, at: cursor) }
        return false
    }

    /// Parses a field line that is complete and of the usual form; others are left to the phases,
    /// byte by byte.
    @inline(__always) private mutating func wholeField(
        _ bytes: BorrowedBytes, to end: Int, into head: inout RequestHead,
        _ limits: borrowing ConnectionLimits
    ) throws(ProtocolError) -> Bool {
        let colon = bytes.endOfWord(from: cursor, to: end)
        // After the colon, at least a line end.
        guard colon > cursor, colon + 2 < end, bytes[colon] == UInt8(ascii: ":"),
            head.fields.count < limits.fieldCountMax
        else { return false }
        let start = bytes[colon + 1] == Byte.space ? colon + 2 : colon + 1
        let stop = bytes.endOfFieldValue(from: start, to: end)
        guard stop + 1 < end, bytes[stop] == Byte.carriageReturn,
            bytes[stop + 1] == Byte.lineFeed,
            stop == start || !Byte.isBlank(bytes[start]) && !Byte.isBlank(bytes[stop - 1])
        else { return false }
        (nameStart, nameEnd, valueStart) = (cursor, colon, start)
        cursor = stop + 2
        try appendField(bytes, into: &head)
        return true
    }

    /// Appends the line that ends two bytes before the cursor, and interprets it.
    private mutating func appendField(
        _ bytes: BorrowedBytes, into head: inout RequestHead
    ) throws(ProtocolError) {
        var valueEnd = cursor - 2
        while valueEnd > valueStart, Byte.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        // Safety: offsets are below the sum of the limits, which is far below a UInt32's range.
        head.append(
            FieldLine(
                nameOffset: UInt32(truncatingIfNeeded: nameStart),
                nameCount: UInt32(truncatingIfNeeded: nameEnd - nameStart),
                valueOffset: UInt32(truncatingIfNeeded: valueStart),
                valueCount: UInt32(truncatingIfNeeded: valueEnd - valueStart)))
        try head.interpretField(bytes, name: nameStart..<nameEnd, value: valueStart..<valueEnd)
    }

    /// The rules that need the whole head.
    private func finish(_ head: inout RequestHead) throws(ProtocolError) {
        if head.minorVersion >= 1, head.line(.host) == nil {
            throw ProtocolError(.missingHost, at: cursor)
        }
        if head.hasTransferEncoding {
            if head.contentLength != nil { throw ProtocolError(.conflictingFraming, at: cursor) }
            if head.minorVersion == 0 {
                throw ProtocolError(.transferEncodingInOldVersion, at: cursor)
            }
            if head.hasForeignCoding {
                throw ProtocolError(.unsupportedTransferCoding, at: cursor)
            }
            guard head.endsInChunked else { throw ProtocolError(.badTransferEncoding, at: cursor) }
            head.framing = .chunked
        } else if let length = head.contentLength {
            head.framing = .length(length)
        }
        if head.method == .connect { throw ProtocolError(.unsupportedMethod) }
        // RFC 9110 10.1.1: the expectation of an HTTP/1.0 client is ignored.
        if head.minorVersion == 0 { head.expectsContinue = false }
    }
}
