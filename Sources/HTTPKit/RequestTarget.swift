// A request target -> path and query (RFC 9112 3.2).
//
//   /path?query                 origin-form
//   http://host:port/path?query absolute-form: its host replaces the Host field
//   *                           asterisk-form, OPTIONS only
//   host:port                   authority-form, CONNECT only; CONNECT is rejected later
//
// Any visible ASCII byte is accepted in a path or query: clients send quotes, bars and braces
// unescaped. A fragment is rejected: a client that sends one intends a meaning that would be lost.

enum RequestTarget {
    static func parse(
        _ bytes: BorrowedBytes, _ range: Range<Int>, into head: inout RequestHead
    ) throws(ProtocolError) {
        head.target = range
        if let hash = bytes.firstOffset(
            of: UInt8(ascii: "#"), from: range.lowerBound, to: range.upperBound)
        {
            throw ProtocolError(.badTarget, at: hash)
        }
        if bytes[range.lowerBound] == UInt8(ascii: "/") {
            split(bytes, range, into: &head)
        } else if head.method == .connect {
            return
        } else if range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "*") {
            guard head.method == .options else {
                throw ProtocolError(.badTarget, at: range.lowerBound)
            }
            head.isAsterisk = true
        } else {
            try parseAbsolute(bytes, range, into: &head)
        }
    }

    private static func split(
        _ bytes: BorrowedBytes, _ range: Range<Int>, into head: inout RequestHead
    ) {
        let mark = bytes.firstOffset(
            of: UInt8(ascii: "?"), from: range.lowerBound, to: range.upperBound)
        head.path = range.lowerBound..<(mark ?? range.upperBound)
        if let mark { head.query = mark + 1..<range.upperBound }
    }

    private static func parseAbsolute(
        _ bytes: BorrowedBytes, _ range: Range<Int>, into head: inout RequestHead
    ) throws(ProtocolError) {
        let schemes: (StaticString, StaticString) = ("http://", "https://")
        let start: Int
        if range.count > 7,
            bytes.equals(range.lowerBound..<range.lowerBound + 7, ignoringCase: schemes.0)
        {
            start = range.lowerBound + 7
        } else if range.count > 8,
            bytes.equals(range.lowerBound..<range.lowerBound + 8, ignoringCase: schemes.1)
        {
            start = range.lowerBound + 8
        } else {
            throw ProtocolError(.badTarget, at: range.lowerBound)
        }
        var end = start
        while end < range.upperBound, bytes[end] != UInt8(ascii: "/"),
            bytes[end] != UInt8(ascii: "?")
        { end += 1 }
        guard end > start else { throw ProtocolError(.badTarget, at: start) }
        // An `@` fails here too: user information in a target is rejected (RFC 9110 4.2.4).
        do {
            try HostRule.check(bytes, start..<end)
        } catch {
            throw ProtocolError(.badTarget, at: error.offset)
        }
        split(bytes, end..<range.upperBound, into: &head)
        // `OPTIONS http://host` concerns the server as a whole, like `OPTIONS *`.
        head.isAsterisk = head.method == .options && head.path.isEmpty && head.query == nil
    }
}
