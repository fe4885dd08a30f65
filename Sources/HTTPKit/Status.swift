// A status code -> its reason phrase (RFC 9110 15).

/// The three-digit status code of a response.
public struct Status: Sendable, Equatable {
    public let code: UInt16

    /// - Parameter code: 100...599.
    public init(_ code: UInt16) {
        precondition(code >= 100 && code <= 599)
        self.code = code
    }

    public static var ok: Status { Status(200) }
    public static var noContent: Status { Status(204) }
    public static var badRequest: Status { Status(400) }
    public static var notFound: Status { Status(404) }
    public static var unprocessableContent: Status { Status(422) }
    public static var internalServerError: Status { Status(500) }
    public static var serviceUnavailable: Status { Status(503) }
    public static var gatewayTimeout: Status { Status(504) }

    /// Whether a response of this status has neither content nor Content-Length.
    var isContentless: Bool { code < 200 || code == 204 || code == 304 }

    /// The registered phrase; empty for an unknown code.
    public var reason: StaticString {
        switch code {
        case 100: "Continue"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
