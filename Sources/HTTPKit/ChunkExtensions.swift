// The rest of a chunk's size line -> checked and skipped (RFC 9112 7.1.1).
//
//   5 ; name = "a \" b";other CR LF
//    ^ from here on

/// The position of a decoder in a chunk's extensions.
struct ChunkExtensions {
    private enum Phase: UInt8 {
        /// Only a semicolon may follow: white space after a size or a value.
        case space
        case nameStart, name, nameSpace, valueStart, token, quoted, escape, quotedEnd
    }

    private var phase: Phase

    /// - Parameter byte: the first one after the size.
    /// - Returns: nil if it does not begin an extension.
    init?(after byte: UInt8) {
        switch byte {
        case UInt8(ascii: ";"): phase = .nameStart
        case Byte.space, Byte.tab: phase = .space
        default: return nil
        }
    }

    /// Reads the next byte.
    /// - Returns: whether it is the CR that ends the line.
    mutating func take(_ byte: UInt8) throws(ProtocolError.Code) -> Bool {
        if phase == .quoted || phase == .escape {
            try quotedByte(byte)
        } else if ASCIISet.token.contains(byte) {
            switch phase {
            case .nameStart, .name: phase = .name
            case .valueStart, .token: phase = .token
            default: throw .badChunkLine
            }
        } else {
            switch (byte, phase) {
            case (Byte.carriageReturn, .name), (Byte.carriageReturn, .token),
                (Byte.carriageReturn, .quotedEnd):
                return true
            case (UInt8(ascii: ";"), .space), (UInt8(ascii: ";"), .name),
                (UInt8(ascii: ";"), .nameSpace), (UInt8(ascii: ";"), .token),
                (UInt8(ascii: ";"), .quotedEnd):
                phase = .nameStart
            case (UInt8(ascii: "="), .name), (UInt8(ascii: "="), .nameSpace): phase = .valueStart
            case (UInt8(ascii: "\""), .valueStart): phase = .quoted
            case (Byte.space, _), (Byte.tab, _): space()
            default: throw .badChunkLine
            }
        }
        return false
    }

    private mutating func space() {
        switch phase {
        case .name: phase = .nameSpace
        case .token, .quotedEnd: phase = .space
        default: break
        }
    }

    /// A byte of a quoted-string (RFC 9110 5.6.4), which must not be a control character.
    private mutating func quotedByte(_ byte: UInt8) throws(ProtocolError.Code) {
        if byte < 0x20 && byte != Byte.tab || byte == 0x7F { throw .badChunkLine }
        switch (phase, byte) {
        case (.quoted, UInt8(ascii: "\"")): phase = .quotedEnd
        case (.quoted, UInt8(ascii: "\\")): phase = .escape
        default: phase = .quoted
        }
    }
}
