// What a handler answers: a status, fields and content.

public import struct NIOCore.ByteBuffer

/// Field lines in wire form, `Name: value\r\n` one after the other.
public struct ResponseFields: Sendable {
    private(set) var lines = ByteBuffer()

    /// Room for the fields of most answers.
    private static var usualByteCount: Int { 256 }

    public init() {}

    public var isEmpty: Bool { lines.readableBytes == 0 }

    /// Forgets all lines but keeps their memory, if no response holds it.
    public mutating func removeAll() { lines.clear() }

    /// Appends a line. Control characters in `value` become spaces, so that no value can end its
    /// line: what a client sent may be echoed.
    public mutating func add(_ name: StaticString, _ value: String) {
        var value = value
        value.withUTF8 { value in
            unsafe add(name, byteCountMax: value.count) { memory in
                // Safety: there is room for the value's bytes.
                guard let from = value.baseAddress, let to = memory.baseAddress else { return 0 }
                for i in 0..<value.count {
                    let byte = unsafe from[i]
                    unsafe to[i] = byte < 0x20 || byte == 0x7F ? Byte.space : byte
                }
                return value.count
            }
        }
    }

    public mutating func add(_ name: StaticString, _ value: StaticString) {
        unsafe add(name, byteCountMax: value.utf8CodeUnitCount) { memory in
            // Safety: a StaticString of ASCII has a pointer to that many bytes for ever.
            unsafe memory.baseAddress?.update(
                from: value.utf8Start, count: value.utf8CodeUnitCount)
            return value.utf8CodeUnitCount
        }
    }

    /// Appends a line whose value `write` makes in place.
    /// - Parameters:
    ///   - byteCountMax: how much room `write` is given.
    ///   - write: writes no control characters, and returns how many bytes it has written.
    @unsafe public mutating func add(
        _ name: StaticString, byteCountMax: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) {
        let ends = name.utf8CodeUnitCount + 4
        if lines.capacity == 0 {
            lines.reserveCapacity(max(Self.usualByteCount, byteCountMax + ends))
        }
        unsafe lines.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCountMax + ends) {
            memory in
            var cursor = unsafe HeadCursor(memory)
            cursor.append(name)
            cursor.append(": ")
            unsafe cursor.append(byteCountMax: byteCountMax, write)
            cursor.append("\r\n")
            return cursor.byteCount
        }
    }

    /// Appends the lines of `other`.
    public mutating func append(_ other: ResponseFields) { lines.writeImmutableBuffer(other.lines) }
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

extension Response.Content {
    var buffer: ByteBuffer {
        switch self {
        case .none: ByteBuffer()
        case .text(let text): ByteBuffer(staticString: text)
        case .bytes(let bytes): ByteBuffer(bytes: bytes)
        case .buffer(let buffer): buffer
        }
    }
}
