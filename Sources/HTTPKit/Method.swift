// The method token of a request line -> a case (RFC 9110 9, RFC 5789).

/// What a request asks to be done with its target. `other` is any token that is not listed.
public enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    /// The token on the wire; "OTHER" for `other`.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: "OTHER"
        }
    }

    /// Methods are case-sensitive: `get` is an `other`.
    init(_ bytes: BorrowedBytes, _ range: Range<Int>) {
        // Up to seven bytes fold into one word, the first one highest.
        var word: UInt64 = 0
        guard range.count <= 7 else {
            self = .other
            return
        }
        for offset in range { word = word << 8 | UInt64(bytes[offset]) }
        switch word {
        case 0x47_4554: self = .get
        case 0x4845_4144: self = .head
        case 0x504F_5354: self = .post
        case 0x50_5554: self = .put
        case 0x4445_4C45_5445: self = .delete
        case 0x43_4F4E_4E45_4354: self = .connect
        case 0x4F_5054_494F_4E53: self = .options
        case 0x54_5241_4345: self = .trace
        case 0x50_4154_4348: self = .patch
        default: self = .other
        }
    }
}
