// A request's head, as handlers see it: nothing is copied or decoded until it is asked for.

internal import Glibc

/// The head of the request in work. One value serves all requests of a connection: it is valid
/// inside the calls that receive it, on their event loop; take from it what is needed later.
@safe public final class Request {
    var head = RequestHead()
    /// The head's bytes, which the head's offsets point into: where they were read to, or `kept`.
    // Safety: whoever calls `begin` calls `keepHead` or `end` before the bytes go.
    private var bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// Memory for heads of requests that are answered later.
    private var kept = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// The endpoint that the router chose, and what the path held in place of its parameter. Like
    /// all that is found out about a head, it holds for the next request with the same one.
    var endpoint: (any HTTPHandler)?
    public internal(set) var pathParameter: String?
    /// Of the router's `templates`; nil for a path that it does not know.
    public internal(set) var routeIndex: Int?
    /// What the handler has made of the head. The connection's next request finds it there if its
    /// head has the same bytes, but for the digits of Content-Length.
    public var headValue: AnyObject?
    /// What the request is called in answers and logs; its handler may set it.
    public var name: RequestName?
    /// Monotonic time (CLOCK_MONOTONIC) of the request's first byte; for a
    /// pipelined one, of the moment when its turn came.
    public internal(set) var firstByteNanoseconds: UInt64 = 0
    /// Monotonic time when the last byte of content had been read.
    public internal(set) var contentReadNanoseconds: UInt64 = 0

    init() {}

    deinit { unsafe kept.deallocate() }

    public var method: Method { head.method }
    public var isHTTP10: Bool { head.minorVersion == 0 }
    public var contentLength: Int? { head.contentLength }
    /// The request has a body, be it empty: Content-Length above zero, or chunks.
    public var hasContent: Bool {
        switch head.framing {
        case .none, .length(0): false
        case .length, .chunked: true
        }
    }
    /// The target is `*`: the server as a whole.
    public var isAsterisk: Bool { head.isAsterisk }

    /// The path as sent, percent-escapes and all; `/` for an absolute-form target without one.
    public var rawPath: String {
        head.path.isEmpty ? "/" : withBytes { $0.string(head.path) }
    }

    /// The query as sent, without its question mark.
    public var rawQuery: String? {
        guard let query = head.query else { return nil }
        return withBytes { $0.string(query) }
    }

    public var hasQuery: Bool { head.query != nil }

    /// The path with its percent-escapes decoded.
    /// - Throws: `badPercentEscape`.
    public func path() throws(ProtocolError) -> String {
        guard !head.path.isEmpty else { return "/" }
        return try withBytes { (bytes) throws(ProtocolError) in
            String(
                decoding: try PercentDecoding.decode(bytes, head.path, plusIsSpace: false),
                as: UTF8.self)
        }
    }

    /// The parameters of the query, in order, decoded.
    /// - Throws: `badPercentEscape`.
    public func queryParameters() throws(ProtocolError) -> [QueryParameter] {
        guard let query = head.query else { return [] }
        return try withBytes { (bytes) throws(ProtocolError) in
            try PercentDecoding.parameters(bytes, query)
        }
    }

    /// The value of the first line of a known field: no search.
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

    /// Whether a known field is there and its value, up to a semicolon, is `text` in any case:
    /// compares a media type without its parameters and makes no String.
    /// - Parameter text: lower-case ASCII.
    public func field(_ field: KnownField, is text: StaticString) -> Bool {
        guard let line = head.line(field) else { return false }
        return withBytes { bytes in
            let value = line.value
            let end = bytes.firstOffset(of: 0x3B, from: value.lowerBound, to: value.upperBound)
            let token = bytes.trimmed(value.lowerBound..<(end ?? value.upperBound))
            return bytes.equals(token, ignoringCase: text)
        }
    }

    func withBytes<Result, Failure: Error>(
        _ body: (Bytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Safety: the bytes stay until `end`.
        try unsafe body(Bytes(bytes))
    }

    /// - Parameters:
    ///   - bytes: of the head. They stay until `keepHead` or `end` is called.
    ///   - isRepeated: the request before had the same head, but for the digits of Content-Length.
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

    /// - Parameter bytes: of the head.
    func begin(copying bytes: [UInt8], firstByteNanoseconds: UInt64) {
        // Safety: they are copied while the array lives.
        unsafe bytes.withUnsafeBytes {
            unsafe begin($0, firstByteNanoseconds: firstByteNanoseconds)
            keepHead()
        }
    }

    /// Copies the head's bytes, unless that was done: the request outlives them.
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

    /// Memory that is kept for a head's bytes.
    var keptByteCount: Int { unsafe kept.count }

    /// Heads up to this size keep their memory for the next one.
    private static var keptByteCountMax: Int { 4 * 1024 }

    /// Lets go of the head's bytes.
    func end() {
        if unsafe kept.count > Self.keptByteCountMax {
            unsafe kept.deallocate()
            unsafe kept = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
        unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        if name != nil { name = nil }
    }
}
