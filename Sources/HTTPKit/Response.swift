// A handler's response: a status, fields and content.

public import struct NIOCore.ByteBuffer

/// Field lines in wire form, a sequence of `Name: value\r\n`.
public struct ResponseFields: Sendable {
    private(set) var lines = ByteBuffer()

    /// Room for the fields of most responses.
    private static var usualByteCount: Int { 256 }

    public init() {}

    /// Appends a line. Control characters in `value` become spaces, so that no value can end its
    /// line: the value may come from a client.
    public mutating func add(_ name: StaticString, _ value: String) {
        add(byteCountMax: HeadCursor.fieldByteCount(name) + value.utf8.count) {
            $0.field(name, value)
        }
    }

    public mutating func add(_ name: StaticString, _ value: StaticString) {
        add(byteCountMax: HeadCursor.fieldByteCount(name) + value.utf8CodeUnitCount) {
            $0.field(name, value)
        }
    }

    /// Appends lines that `write` writes, in room for `byteCountMax` bytes.
    public mutating func add(byteCountMax: Int, _ write: (inout HeadCursor) -> Void) {
        if lines.capacity == 0 {
            lines.reserveCapacity(max(Self.usualByteCount, byteCountMax))
        }
        unsafe lines.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCountMax) { memory in
            // Safety: the cursor checks each append against the room.
            var cursor = unsafe HeadCursor(memory)
            write(&cursor)
            return cursor.byteCount
        }
    }

    /// Appends the lines of `other`.
    public mutating func append(_ other: ResponseFields) { lines.writeImmutableBuffer(other.lines) }
}

/// A complete response, or the head of a streamed one. This layer writes `Date`,
/// `Content-Length`, `Transfer-Encoding` and `Connection`.
public struct Response: Sendable {
    public enum Content: Sendable {
        case none
        case bytes([UInt8])
        case buffer(ByteBuffer)

        /// Bytes of the content.
        public var byteCount: Int {
            switch self {
            case .none: 0
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
    /// The count of its content's memory until the connection counts it.
    public var hold: MemoryHold?

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

extension Response.Content {
    var buffer: ByteBuffer {
        switch self {
        case .none: ByteBuffer()
        case .bytes(let bytes): ByteBuffer(bytes: bytes)
        case .buffer(let buffer): buffer
        }
    }
}

/// A complete response whose fields and content are written in place, without a copy.
public struct DirectResponse: Sendable {
    public var status: Status
    public var contentType: StaticString?
    /// Room that the field lines need.
    public var fieldsByteCountMax: Int
    public var measures: Measures
    /// Monotonic time.
    public var now: UInt64

    public init(
        _ status: Status, contentType: StaticString?, fieldsByteCountMax: Int, measures: Measures,
        now: UInt64
    ) {
        self.status = status
        self.contentType = contentType
        self.fieldsByteCountMax = fieldsByteCountMax
        self.measures = measures
        self.now = now
    }
}
