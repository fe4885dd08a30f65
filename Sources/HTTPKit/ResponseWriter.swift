// A response -> the bytes of its head, appended to memory (RFC 9112 4, 5).
//
//     HTTP/1.1 200 OK\r\n
//     Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n
//     Content-Type: application/json\r\n      where there is one
//     Name: value\r\n                         the handler's fields
//     Content-Length: 19\r\n                  or Transfer-Encoding: chunked
//     Connection: close\r\n                   on the last response of a connection
//     \r\n

internal import struct NIOCore.ByteBuffer

/// Appends to memory that the caller reserved.
@safe
struct HeadCursor {
    private let start: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var byteCount = 0

    @unsafe
    init(_ buffer: UnsafeMutableRawBufferPointer) {
        // Safety: the buffer comes from a reservation above zero bytes.
        unsafe start = buffer.baseAddress!
        capacity = buffer.count
    }

    mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        precondition(count <= capacity - byteCount)
        // Safety: the precondition leaves room; a StaticString has a pointer to its bytes.
        unsafe start.advanced(by: byteCount).copyMemory(from: text.utf8Start, byteCount: count)
        byteCount += count
    }

    mutating func append(_ bytes: borrowing [UInt8]) {
        precondition(bytes.count <= capacity - byteCount)
        // Safety: the precondition leaves room for all bytes of the array.
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe start.advanced(by: byteCount).copyMemory(from: base, byteCount: source.count)
        }
        byteCount += bytes.count
    }

    mutating func append(byte: UInt8) {
        precondition(byteCount < capacity)
        // Safety: the precondition leaves room for one byte.
        unsafe start.storeBytes(of: byte, toByteOffset: byteCount, as: UInt8.self)
        byteCount += 1
    }

    /// Appends what `write` writes, which is given room for `byteCountMax` bytes.
    @unsafe mutating func append(
        byteCountMax: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) {
        precondition(byteCountMax >= 0 && byteCountMax <= capacity - byteCount)
        // Safety: the precondition leaves room.
        let room = unsafe UnsafeMutableBufferPointer(
            start: (start + byteCount).assumingMemoryBound(to: UInt8.self), count: byteCountMax)
        let written = unsafe write(room)
        precondition(written >= 0 && written <= byteCountMax)
        byteCount += written
    }

    mutating func append(decimal value: Int) {
        var divisor = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(byte: 0x30 + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}

enum ResponseWriter {
    /// More than all lines need that we write ourselves, the content type excepted.
    private static var ownBytesMax: Int { 256 }

    /// Room that the head of `response` needs, and its content if that is copied behind it.
    static func byteCountMax(
        _ response: borrowing Response, copiesContent: Bool
    ) -> Int {
        ownBytesMax + (response.contentType?.utf8CodeUnitCount ?? 0)
            + response.fields.lines.readableBytes
            + (copiesContent ? response.content.byteCount : 0)
    }

    /// Appends the head of `response`, then its content if that is to be copied.
    static func write(
        _ response: borrowing Response, plan: ConnectionState.ResponsePlan, date: [UInt8],
        copiesContent: Bool, to cursor: inout HeadCursor
    ) {
        writeHead(
            response, plan: plan, date: date, contentCount: response.content.byteCount,
            to: &cursor)
        if copiesContent { writeContent(response.content, to: &cursor) }
    }

    private static func writeHead(
        _ response: borrowing Response, plan: ConnectionState.ResponsePlan, date: [UInt8],
        contentCount: Int, to cursor: inout HeadCursor
    ) {
        let status = response.status
        if status.code == 200 {
            cursor.append("HTTP/1.1 200 OK\r\nDate: ")
        } else {
            cursor.append("HTTP/1.1 ")
            cursor.append(decimal: Int(status.code))
            cursor.append(" ")
            cursor.append(status.reason)
            cursor.append("\r\nDate: ")
        }
        cursor.append(date)
        if let type = response.contentType {
            cursor.append("\r\nContent-Type: ")
            cursor.append(type)
        }
        cursor.append("\r\n")
        if !response.fields.isEmpty { cursor.append(response.fields.lines) }
        switch plan.framing {
        case .length where status.isContentless: break
        case .length:
            cursor.append("Content-Length: ")
            cursor.append(decimal: contentCount)
            cursor.append("\r\n")
        case .chunked: cursor.append("Transfer-Encoding: chunked\r\n")
        case .untilClose: break
        }
        switch plan.connectionOption {
        case .none: cursor.append("\r\n")
        case .close: cursor.append("Connection: close\r\n\r\n")
        case .keepAlive: cursor.append("Connection: keep-alive\r\n\r\n")
        }
    }

    private static func writeContent(_ content: Response.Content, to cursor: inout HeadCursor) {
        switch content {
        case .none: break
        case .text(let text): cursor.append(text)
        case .bytes(let bytes): cursor.append(bytes)
        case .buffer(let buffer): cursor.append(buffer)
        }
    }

    /// Room that `writeChunkSize` needs.
    static var chunkSizeByteCountMax: Int { 18 }

    /// `size CR LF`, the size in hexadecimal: what stands before a chunk.
    static func writeChunkSize(_ byteCount: Int, to cursor: inout HeadCursor) {
        var shift = (63 - byteCount.leadingZeroBitCount) / 4 * 4
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: byteCount >> shift & 15)
            cursor.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
        cursor.append("\r\n")
    }
}

extension HeadCursor {
    mutating func append(_ buffer: ByteBuffer) {
        precondition(buffer.readableBytes <= capacity - byteCount)
        // Safety: the precondition leaves room for all readable bytes.
        unsafe buffer.withUnsafeReadableBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe start.advanced(by: byteCount).copyMemory(from: base, byteCount: source.count)
        }
        byteCount += buffer.readableBytes
    }
}
