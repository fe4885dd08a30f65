// A violated rule of HTTP -> a status and a sentence.

/// Why a request is rejected before it reaches its handler, or instead of that.
public struct ProtocolError: Error, Sendable, Equatable {
    public enum Code: UInt8, Error, Sendable, CaseIterable {
        case badMethod, badTarget, badVersion, badLineEnd, badFieldName, badFieldValue
        case obsoleteFold, missingHost, repeatedHost, badHost
        case badContentLength, repeatedContentLength, conflictingFraming
        case badTransferEncoding, transferEncodingInOldVersion
        case badChunkSize, badChunkLine, chunkExtensionsTooLong, badTrailer
        case badPercentEscape
        case notFound, methodNotAllowed, headTimedOut, bodyTimedOut, bodyTooLong, targetTooLong
        case expectationFailed, fieldsTooLong, tooManyFields, trailersTooLong
        case unsupportedTransferCoding, unsupportedMethod, tooManyConnections, unsupportedVersion
        case noMemory
    }

    public let code: Code
    /// Bytes from the start of the head, of the encoded body or of the text that was decoded.
    public let offset: Int

    public init(_ code: Code, at offset: Int = 0) {
        self.code = code
        self.offset = offset
    }

    public var status: Status {
        switch code {
        case .notFound: Status(404)
        case .methodNotAllowed: Status(405)
        case .headTimedOut, .bodyTimedOut: Status(408)
        case .bodyTooLong: Status(413)
        case .targetTooLong: Status(414)
        case .expectationFailed: Status(417)
        case .fieldsTooLong, .tooManyFields, .trailersTooLong: Status(431)
        case .unsupportedTransferCoding, .unsupportedMethod: Status(501)
        case .tooManyConnections, .noMemory: Status(503)
        case .unsupportedVersion: Status(505)
        default: Status(400)
        }
    }

    /// One sentence for the client.
    public var detail: StaticString {
        switch code {
        case .badMethod: "The method is not a token."
        case .badTarget: "The request target has none of the forms of RFC 9112, section 3.2."
        case .badVersion: "The request line does not end in HTTP/1.1 or HTTP/1.0."
        case .badLineEnd: "A line does not end in CR LF."
        case .badFieldName: "A field name is not a token directly followed by a colon."
        case .badFieldValue: "A field value contains a control character."
        case .obsoleteFold: "A field line is folded."
        case .missingHost: "The request has no Host field."
        case .repeatedHost: "The request has more than one Host field."
        case .badHost: "The Host field is not a host with an optional port."
        case .badContentLength: "The Content-Length field is not a number of bytes."
        case .repeatedContentLength: "The request has more than one Content-Length field."
        case .conflictingFraming: "The request has both Content-Length and Transfer-Encoding."
        case .badTransferEncoding: "The last and only chunked coding must end Transfer-Encoding."
        case .transferEncodingInOldVersion: "An HTTP/1.0 request has Transfer-Encoding."
        case .badChunkSize: "A chunk size is not a hexadecimal number."
        case .badChunkLine: "A chunk does not end in CR LF, or its extension is malformed."
        case .chunkExtensionsTooLong: "The chunk extensions are too long."
        case .badTrailer: "A trailer field is malformed."
        case .badPercentEscape: "A percent sign is not followed by two hexadecimal digits."
        case .notFound: "Nothing is served at this path."
        case .methodNotAllowed: "This path does not serve this method; see the Allow field."
        case .headTimedOut: "The request's head did not arrive in time."
        case .bodyTimedOut: "The request's content stopped arriving."
        case .bodyTooLong: "The request's content is longer than allowed here."
        case .targetTooLong: "The request target is too long."
        case .expectationFailed: "The only expectation served is 100-continue."
        case .fieldsTooLong: "The request's fields are too long."
        case .tooManyFields: "The request has too many fields."
        case .trailersTooLong: "The request's trailer fields are too long."
        case .unsupportedTransferCoding: "The only transfer coding served is chunked."
        case .unsupportedMethod: "This server does not serve this method, whatever the path."
        case .tooManyConnections: "The server has no room for another connection."
        case .noMemory: "Other requests hold the memory that this one needs."
        case .unsupportedVersion: "The versions served are HTTP/1.1 and HTTP/1.0."
        }
    }
}
