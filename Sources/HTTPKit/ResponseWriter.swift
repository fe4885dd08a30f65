// A response -> the bytes of its head, appended to memory (RFC 9112 4, 5).
//
//     HTTP/1.1 200 OK\r\n
//     Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n
//     Content-Type: application/json\r\n      if there is one
//     Name: value\r\n                         the handler's fields
//     Content-Length: 19\r\n                  or Transfer-Encoding: chunked
//     Connection: close\r\n                   on the last response of a connection
//     \r\n

internal import struct NIOCore.ByteBuffer

enum ResponseWriter {
    /// An upper bound on all lines that this layer writes itself, except the content type.
    private static var ownBytesMax: Int { 256 }

    /// Room that a head needs in addition to the handler's fields.
    static func byteCountMax(contentType: StaticString?) -> Int {
        ownBytesMax + (contentType?.utf8CodeUnitCount ?? 0)
    }

    /// Writes a head; `fields` appends the handler's.
    static func write(
        _ status: Status, contentType: StaticString?, contentByteCount: Int,
        plan: ConnectionState.ResponsePlan, date: borrowing DateClock, to cursor: inout HeadCursor,
        _ fields: (inout HeadCursor) -> Void
    ) {
        if status.code == 200 {
            cursor.append(date.okStart)
        } else {
            cursor.append("HTTP/1.1 ")
            cursor.append(decimal: Int(status.code))
            cursor.append(" ")
            cursor.append(status.reason)
            cursor.append("\r\nDate: ")
            cursor.append(date.bytes)
        }
        if let contentType {
            cursor.append("\r\nContent-Type: ")
            cursor.append(contentType)
        }
        cursor.append("\r\n")
        fields(&cursor)
        switch plan.framing {
        case .length where status.isContentless: break
        case .length:
            cursor.append("Content-Length: ")
            cursor.append(decimal: contentByteCount)
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

    static func write(_ content: Response.Content, to cursor: inout HeadCursor) {
        switch content {
        case .none: break
        case .bytes(let bytes): cursor.append(bytes)
        case .buffer(let buffer): cursor.append(buffer)
        }
    }

    /// Room that `writeChunkSize` needs.
    static var chunkSizeByteCountMax: Int { 18 }

    /// `size CR LF`, the size in hexadecimal: the line before a chunk.
    static func writeChunkSize(_ byteCount: Int, to cursor: inout HeadCursor) {
        var shift = (63 - byteCount.leadingZeroBitCount) / 4 * 4
        while shift >= 0 {
            let value = UInt8(truncatingIfNeeded: byteCount >> shift & 15)
            cursor.append(byte: HexDigit.digit(of: value))
            shift -= 4
        }
        cursor.append("\r\n")
    }
}
