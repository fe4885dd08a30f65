// JSON texts, byte by byte -> how deep each byte is in brackets, by quotes and brackets alone:
//
//     {"a":[1,"]"],"b":2}
//     1    2      1     0     depth after the byte
//
// It takes malformed texts too, which are left to the reader.

struct BracketScan {
    /// What a byte is.
    enum Role {
        /// In a string or a token, or a string's first quote.
        case content
        case stringEnd
        case opening, closing
        /// Between values: a comma, a colon or white space.
        case between
    }

    /// Below 0 after more closing brackets than opening ones.
    private(set) var depth = 0
    private var isInString = false
    private var isEscaped = false

    @inline(__always) mutating func take(_ byte: UInt8) -> Role {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                return .stringEnd
            }
            return .content
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            depth += 1
            return .opening
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            depth -= 1
            return .closing
        case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ","), UInt8(ascii: ":"): return .between
        default: break
        }
        return .content
    }
}
