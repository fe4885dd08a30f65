// A request's head for handlers: nothing is copied or decoded until it is used.

internal import Glibc

/// The head of the current request. One object serves all requests of a connection: it is valid
/// inside the calls that receive it, on their event loop; copy from it what is needed later.
@safe public final class Request {
    var head = RequestHead()
    /// The head's bytes, which the head's offsets refer to: in the read buffer, or in `kept`.
    // Safety: the caller of `begin` calls `keepHead` or `end` before the bytes become invalid.
    private var bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// Memory for heads of requests that are answered later.
    private var kept = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// The endpoint that the router chose, and the value of the path's parameter. Like everything
    /// derived from a head, they are reused for the next request with the same head.
    var endpoint: (any HTTPHandler)?
    public internal(set) var pathParameter: String?
    /// Index in the router's `templates`; nil for an unknown path.
    public internal(set) var routeIndex: Int?
    /// A value that the handler derived from the head. It is still set for the connection's next
    /// request if its head has the same bytes, except the digits of Content-Length.
    public var headValue: AnyObject?
    /// The request's name in responses and logs; its handler may set it.
    public var name: RequestName?
    /// Monotonic time (CLOCK_MONOTONIC) of the request's first byte; for a pipelined request, when
    /// its processing began.
    public internal(set) var firstByteNanoseconds: UInt64 = 0
    /// Monotonic time when the last byte of content had been read.
    public internal(set) var contentReadNanoseconds: UInt64 = 0

    init() {}

    deinit { unsafe kept.deallocate() }

    public var method: Method { head.method }
    public var isHTTP10: Bool { head.minorVersion == 0 }
    public var contentLength: Int? { head.contentLength }
    /// Whether the request has content: a Content-Length above zero, or chunks, even if empty.
    public var hasContent: Bool {
        switch head.framing {
        case .none, .length(0): false
        case .length, .chunked: true
        }
    }
    /// The target is `*`: the server as a whole.
    public var isAsterisk: Bool { head.isAsterisk }

    /// The path as sent, with its percent-escapes; `/` for an absolute-form target without one.
    public var rawPath: String {
        head.path.isEmpty ? "/" : withBytes { $0.string(head.path) }
    }

    /// The query as sent, without its question mark.
    public var rawQuery: String? {
        guard let query = head.query else { return nil }
        return withBytes { $0.string(query) }
    }

    public var hasQuery: Bool { head.query != nil }

    /// The parameters of the query, in order, decoded.
    /// - Throws: `badPercentEscape`.
    public func queryParameters() throws(ProtocolError) -> [QueryParameter] {
        guard let query = head.query else { return [] }
        return try withBytes { (bytes) throws(ProtocolError) in
            try PercentDecoding.parameters(bytes, query)
        }
    }

    /// The value of the first line of a known field; needs no search.
    public func field(_ field: KnownField) -> String? {
        guard let line = head.line(field) else { return nil }
        return withBytes { $0.string(line.value) }
    }

    /// The value of the first line with this name.
    /// - Parameter name: lower-case ASCII.
    public func field(_ name: StaticString) -> String? {
        guard head.mayHave(nameByteCount: name.utf8CodeUnitCount) else { return nil }
        return withBytes { bytes in
            for line in head.fields where bytes.equals(line.name, ignoringCase: name) {
                return bytes.string(line.value)
            }
            return nil
        }
    }

    /// The values of all lines with this name, joined by `, ` (RFC 9110 5.3).
    /// - Parameter name: lower-case ASCII.
    public func joinedFields(_ name: StaticString) -> String? {
        guard head.mayHave(nameByteCount: name.utf8CodeUnitCount) else { return nil }
        return withBytes { bytes in
            var joined: String?
            for line in head.fields where bytes.equals(line.name, ignoringCase: name) {
                let value = bytes.string(line.value)
                joined = joined.map { $0 + ", " + value } ?? value
            }
            return joined
        }
    }

    /// Whether a known field is present and its value, up to a semicolon, equals `text`, ignoring
    /// case: compares a media type without its parameters and makes no String.
    /// - Parameter text: lower-case ASCII.
    public func field(_ field: KnownField, is text: StaticString) -> Bool {
        guard let line = head.line(field) else { return false }
        return withBytes { bytes in
            let value = line.value
            let end = bytes.firstOffset(
                of: UInt8(ascii: ";"), from: value.lowerBound, to: value.upperBound)
            let token = bytes.trimmed(value.lowerBound..<(end ?? value.upperBound))
            return bytes.equals(token, ignoringCase: text)
        }
    }

    func withBytes<Result, Failure: Error>(
        _ body: (BorrowedBytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Safety: the bytes are valid until `end`.
        try unsafe body(BorrowedBytes(bytes))
    }

    /// - Parameters:
    ///   - bytes: of the head. They are valid until `keepHead` or `end` is called.
    ///   - isRepeated: the previous request had the same head, except the digits of Content-Length.
    @unsafe func begin(
        _ bytes: UnsafeRawBufferPointer, firstByteNanoseconds: UInt64, isRepeated: Bool = false
    ) {
        unsafe self.bytes = bytes
        self.firstByteNanoseconds = firstByteNanoseconds
        if isRepeated { return }
        endpoint = nil
        pathParameter = nil
        routeIndex = nil
        headValue = nil
    }

    /// Copies the head's bytes, unless that is done: the request outlives the read buffer.
    func keepHead() {
        guard let start = unsafe bytes.baseAddress,
            unsafe start != UnsafeRawPointer(kept.baseAddress)
        else { return }
        if unsafe kept.count < bytes.count {
            unsafe kept.deallocate()
            unsafe kept = .allocate(byteCount: bytes.count, alignment: 8)
        }
        // Safety: there is room for all bytes.
        unsafe kept.copyMemory(from: bytes)
        unsafe bytes = UnsafeRawBufferPointer(rebasing: kept[..<bytes.count])
    }

    /// Bytes of memory allocated for heads.
    var keptByteCount: Int { unsafe kept.count }

    /// Memory up to this size is kept for the next head.
    private static var keptByteCountMax: Int { 4 * 1024 }

    /// Releases the head's bytes.
    func end() {
        if unsafe kept.count > Self.keptByteCountMax {
            unsafe kept.deallocate()
            unsafe kept = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
        unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        if name != nil { name = nil }
    }
}
