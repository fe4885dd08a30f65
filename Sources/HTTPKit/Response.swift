// What a handler answers: a status, fields and content.

public import NIOCore

/// Field lines in wire form, `Name: value\r\n` one after the other.
public struct ResponseFields: Sendable {
    private(set) var bytes: [UInt8] = []

    /// Room for the fields of most answers.
    private static var usualByteCount: Int { 256 }

    public init() {}

    public var isEmpty: Bool { bytes.isEmpty }

    /// Appends a line. Control characters in `value` become spaces, so that no value can end its
    /// line: what a client sent may be echoed.
    public mutating func add(_ name: StaticString, _ value: some StringProtocol) {
        appendName(name)
        for byte in value.utf8 { bytes.append(byte < 0x20 || byte == 0x7F ? Byte.space : byte) }
        appendLineEnd()
    }

    public mutating func add(_ name: StaticString, _ value: StaticString) {
        appendName(name)
        // Safety: a StaticString of ASCII has a pointer to that many bytes for ever.
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
        appendLineEnd()
    }

    /// As above, for the usual type of text: a generic body would look at each byte through a
    /// witness, which took a tenth of a small request's time, and appending byte by byte 1,900 of
    /// its 32,500 instructions.
    public mutating func add(_ name: StaticString, _ value: String) {
        appendName(name)
        let start = bytes.count
        var value = value
        value.withUTF8 { unsafe bytes.append(contentsOf: $0) }
        unsafe bytes.withUnsafeMutableBufferPointer { all in
            for i in start..<all.count {
                // Safety: `i` is below the count.
                let byte = unsafe all[i]
                unsafe all[i] = byte < 0x20 || byte == 0x7F ? Byte.space : byte
            }
        }
        appendLineEnd()
    }

    /// Appends the lines of `other`.
    public mutating func append(_ other: ResponseFields) { bytes += other.bytes }

    private mutating func appendName(_ name: StaticString) {
        if bytes.isEmpty { bytes.reserveCapacity(Self.usualByteCount) }
        // Safety: a StaticString of ASCII has a pointer to that many bytes for ever.
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(0x3A)
        bytes.append(Byte.space)
    }

    private mutating func appendLineEnd() {
        bytes.append(Byte.carriageReturn)
        bytes.append(Byte.lineFeed)
    }
}

/// A complete answer, or the head of a streamed one. `Date`, `Content-Length`,
/// `Transfer-Encoding` and `Connection` are written by this layer.
public struct Response: Sendable {
    public enum Content: Sendable {
        case none
        case text(StaticString)
        case bytes([UInt8])
        case buffer(ByteBuffer)

        /// Bytes of the content.
        public var byteCount: Int {
            switch self {
            case .none: 0
            case .text(let text): text.utf8CodeUnitCount
            case .bytes(let bytes): bytes.count
            case .buffer(let buffer): buffer.readableBytes
            }
        }
    }

    public var status: Status
    public var contentType: StaticString?
    public var fields: ResponseFields
    public var content: Content
    /// For the observer; not sent.
    public var measures = Measures()

    public init(
        _ status: Status, contentType: StaticString? = nil,
        fields: ResponseFields = ResponseFields(), content: Content = .none
    ) {
        self.status = status
        self.contentType = contentType
        self.fields = fields
        self.content = content
    }
}
