// A field line -> its meaning for framing, connection and expectation.
// Source: RFC 9112 6 and 9, RFC 9110 7.2 and 10.1.1.

extension RequestHead {
    /// Interprets the fields that this layer acts on; others are only recorded.
    mutating func interpretField(
        _ bytes: BorrowedBytes, name: Range<Int>, value: Range<Int>
    ) throws(ProtocolError) {
        switch name.count {
        case 4 where bytes.equals(name, ignoringCase: "host"):
            guard note(.host) else { throw ProtocolError(.repeatedHost, at: name.lowerBound) }
            try HostRule.check(bytes, value)
        case 6 where bytes.equals(name, ignoringCase: "accept"):
            _ = note(.accept)
        case 6 where bytes.equals(name, ignoringCase: "expect"):
            guard minorVersion == 0 || bytes.equals(value, ignoringCase: "100-continue") else {
                throw ProtocolError(.expectationFailed, at: value.lowerBound)
            }
            expectsContinue = true
        case 10 where bytes.equals(name, ignoringCase: "connection"):
            interpretConnection(bytes, value)
        case 12 where bytes.equals(name, ignoringCase: "content-type"):
            _ = note(.contentType)
        case 14 where bytes.equals(name, ignoringCase: "content-length"):
            guard contentLength == nil else {
                throw ProtocolError(.repeatedContentLength, at: name.lowerBound)
            }
            contentLength = try parseLength(bytes, value)
            contentLengthValue = value
        case 15 where bytes.equals(name, ignoringCase: "accept-encoding"):
            _ = note(.acceptEncoding)
        case 16 where bytes.equals(name, ignoringCase: "content-encoding"):
            _ = note(.contentEncoding)
        case 17 where bytes.equals(name, ignoringCase: "transfer-encoding"):
            hasTransferEncoding = true
            try interpretCodings(bytes, value)
        default:
            break
        }
    }

    /// 1*DIGIT below 2^63: no sign, no list, no white space inside.
    private func parseLength(_ bytes: BorrowedBytes, _ value: Range<Int>) throws(ProtocolError)
        -> Int
    {
        var length = 0
        for offset in value {
            guard Byte.isDigit(bytes[offset]) else {
                throw ProtocolError(.badContentLength, at: offset)
            }
            let (product, isTooLarge) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = product.addingReportingOverflow(
                Int(bytes[offset] &- UInt8(ascii: "0")))
            if isTooLarge || overflows { throw ProtocolError(.badContentLength, at: offset) }
            length = sum
        }
        if value.isEmpty { throw ProtocolError(.badContentLength, at: value.lowerBound) }
        return length
    }

    /// The codings of all Transfer-Encoding lines, in order, are one list. `chunked` must be its
    /// last element; an element after it, an empty one or one with parameters makes it ambiguous.
    private mutating func interpretCodings(
        _ bytes: BorrowedBytes, _ value: Range<Int>
    ) throws(ProtocolError) {
        var start = value.lowerBound
        while true {
            let comma = bytes.firstOffset(of: UInt8(ascii: ","), from: start, to: value.upperBound)
            let coding = bytes.trimmed(start..<(comma ?? value.upperBound))
            if endsInChunked || coding.isEmpty {
                throw ProtocolError(.badTransferEncoding, at: coding.lowerBound)
            }
            if bytes.equals(coding, ignoringCase: "chunked") {
                endsInChunked = true
            } else if bytes.endOfToken(from: coding.lowerBound, to: coding.upperBound)
                == coding.upperBound
            {
                hasForeignCoding = true
            } else {
                throw ProtocolError(.badTransferEncoding, at: coding.lowerBound)
            }
            guard let comma else { return }
            start = comma + 1
        }
    }

    private mutating func interpretConnection(_ bytes: BorrowedBytes, _ value: Range<Int>) {
        var start = value.lowerBound
        while start <= value.upperBound {
            let comma = bytes.firstOffset(of: UInt8(ascii: ","), from: start, to: value.upperBound)
            let option = bytes.trimmed(start..<(comma ?? value.upperBound))
            if bytes.equals(option, ignoringCase: "close") { hasConnectionClose = true }
            if bytes.equals(option, ignoringCase: "keep-alive") { hasConnectionKeepAlive = true }
            start = (comma ?? value.upperBound) + 1
        }
    }
}

/// `uri-host [":" port]` (RFC 9110 7.2, RFC 3986 3.2.2): a name, an IPv4 address, or an IP literal
/// in brackets, of IPv6 or of a future version. An empty value is legal: the target has no
/// authority.
enum HostRule {
    static func check(_ bytes: BorrowedBytes, _ value: Range<Int>) throws(ProtocolError) {
        guard !value.isEmpty else { return }
        var offset = value.lowerBound
        if bytes[offset] == UInt8(ascii: "[") {
            offset += 1
            let start = offset
            if offset < value.upperBound, bytes[offset] | 0x20 == UInt8(ascii: "v") {
                offset = try endOfFutureLiteral(bytes, offset + 1..<value.upperBound)
            } else {
                while offset < value.upperBound, isLiteralByte(bytes[offset]) { offset += 1 }
            }
            guard offset < value.upperBound, bytes[offset] == UInt8(ascii: "]"), offset - start >= 2
            else {
                throw ProtocolError(.badHost, at: offset)
            }
            offset += 1
        } else {
            while true {
                offset = bytes.endOfWord(from: offset, to: value.upperBound)
                if offset == value.upperBound || bytes[offset] == UInt8(ascii: ":") { break }
                if bytes[offset] == UInt8(ascii: "%") {
                    guard offset + 2 < value.upperBound,
                        HexDigit.value(of: bytes[offset + 1]) != nil,
                        HexDigit.value(of: bytes[offset + 2]) != nil
                    else { throw ProtocolError(.badHost, at: offset) }
                    offset += 3
                } else if ASCIISet.host.contains(bytes[offset]) {
                    offset += 1
                } else {
                    throw ProtocolError(.badHost, at: offset)
                }
            }
            if offset == value.lowerBound { throw ProtocolError(.badHost, at: offset) }
        }
        guard offset < value.upperBound else { return }
        guard bytes[offset] == UInt8(ascii: ":") else { throw ProtocolError(.badHost, at: offset) }
        try checkPort(bytes, offset + 1..<value.upperBound)
    }

    /// Hexadecimal digits, colons and dots: IPv6 with or without an IPv4 tail.
    private static func isLiteralByte(_ byte: UInt8) -> Bool {
        HexDigit.value(of: byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    /// IPvFuture after its `v`: hexadecimal digits, a dot, then the characters of a name, or
    /// colons.
    private static func endOfFutureLiteral(
        _ bytes: BorrowedBytes, _ range: Range<Int>
    ) throws(ProtocolError) -> Int {
        var offset = range.lowerBound
        while offset < range.upperBound, HexDigit.value(of: bytes[offset]) != nil { offset += 1 }
        guard offset > range.lowerBound, offset < range.upperBound,
            bytes[offset] == UInt8(ascii: ".")
        else {
            throw ProtocolError(.badHost, at: offset)
        }
        offset += 1
        let start = offset
        while offset < range.upperBound,
            ASCIISet.host.contains(bytes[offset]) || bytes[offset] == UInt8(ascii: ":")
        {
            offset += 1
        }
        if offset == start { throw ProtocolError(.badHost, at: offset) }
        return offset
    }

    private static func checkPort(_ bytes: BorrowedBytes, _ range: Range<Int>) throws(ProtocolError)
    {
        var port = 0
        for offset in range {
            guard Byte.isDigit(bytes[offset]) else { throw ProtocolError(.badHost, at: offset) }
            port = port * 10 + Int(bytes[offset] &- UInt8(ascii: "0"))
            if port > 65_535 { throw ProtocolError(.badHost, at: offset) }
        }
    }
}
