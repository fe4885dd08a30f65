// The bytes after a head -> pieces of content (RFC 9112 6, 7.1).
//
//   5;ext\r\n        the size line; extensions are checked and skipped (ChunkExtensions)
//   hello\r\n
//   0\r\n
//   Name: value\r\n  trailer fields; checked and dropped
//   \r\n
//
// Every byte is consumed as it arrives and no state is kept but this value, so a body may be split
// anywhere.

/// Delimits one request's content.
struct BodyDecoder {
    enum Step: Equatable {
        /// `offset` bytes of coding, then `byteCount` bytes of content; both are consumed.
        case content(offset: Int, byteCount: Int)
        /// All bytes are consumed and more are needed.
        case more
        /// The body ends after `offset` bytes.
        case end(offset: Int)
    }

    private enum Phase: UInt8 {
        case content, end
        case sizeStart, size, extensions, sizeLineFeed, chunkContent, chunkReturn, chunkLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed
    }

    private static var sizeDigitsMax: Int { 16 }

    private var phase: Phase
    /// Bytes of content left in the body or in the chunk.
    private var remaining: Int
    private var sizeDigitCount = 0
    /// Extensions of the size line that is being read, after the size.
    private var extensions: ChunkExtensions?
    private var extensionBytesLeft: Int
    private var trailerBytesLeft: Int
    /// Bytes of the body that may still come.
    private var allowance: Int
    /// Bytes of coding and content consumed before the current call, for the offset of an error.
    private var consumedCount = 0

    /// The decoder of a body that has been read.
    static var ended: BodyDecoder { BodyDecoder() }

    private init() {
        phase = .end
        remaining = 0
        extensionBytesLeft = 0
        trailerBytesLeft = 0
        allowance = 0
    }

    /// - Throws: `bodyTooLong` when Content-Length already exceeds the bound.
    init(
        _ framing: RequestFraming, bytesMax: Int, limits: borrowing ConnectionLimits
    ) throws(ProtocolError) {
        extensionBytesLeft = limits.chunkExtensionBytesMax
        trailerBytesLeft = limits.trailerBytesMax
        allowance = bytesMax
        switch framing {
        case .none, .length(0):
            phase = .end
            remaining = 0
        case .length(let byteCount):
            if byteCount > bytesMax { throw ProtocolError(.bodyTooLong) }
            phase = .content
            remaining = byteCount
        case .chunked:
            phase = .sizeStart
            remaining = 0
        }
    }

    var isAtEnd: Bool { phase == .end }

    /// Bytes of content still to come, if the framing gives their number.
    var knownRemainingByteCount: Int? {
        switch phase {
        case .content: remaining
        case .end: 0
        default: nil
        }
    }

    /// Records that bytes of content were read without `next`: at most `knownRemainingByteCount`.
    mutating func skip(_ byteCount: Int) {
        precondition(phase == .content && byteCount <= remaining)
        remaining -= byteCount
        if remaining == 0 { phase = .end }
        consumedCount += byteCount
    }

    /// The next step in `bytes`, which follow those of the previous step.
    mutating func next(_ bytes: BorrowedBytes) throws(ProtocolError) -> Step {
        var cursor = 0
        while phase != .end {
            guard cursor < bytes.count else {
                consumedCount += cursor
                return .more
            }
            if phase == .content || phase == .chunkContent {
                let byteCount = min(remaining, bytes.count - cursor)
                remaining -= byteCount
                if remaining == 0 { phase = phase == .content ? .end : .chunkReturn }
                consumedCount += cursor + byteCount
                return .content(offset: cursor, byteCount: byteCount)
            }
            do {
                if phase.rawValue < Phase.trailerStart.rawValue {
                    try chunkByte(bytes[cursor])
                } else {
                    try trailerByte(bytes[cursor])
                }
            } catch {
                throw ProtocolError(error, at: consumedCount + cursor)
            }
            cursor += 1
        }
        consumedCount += cursor
        return .end(offset: cursor)
    }

    /// A byte of a size line or of the line end after a chunk.
    private mutating func chunkByte(_ byte: UInt8) throws(ProtocolError.Code) {
        switch phase {
        case .sizeStart, .size:
            if let digit = HexDigit.value(of: byte) {
                guard sizeDigitCount < Self.sizeDigitsMax, remaining >> 59 == 0 else {
                    throw .badChunkSize
                }
                remaining = remaining << 4 | Int(digit)
                sizeDigitCount += 1
                phase = .size
            } else if phase == .sizeStart {
                throw .badChunkSize
            } else if byte == Byte.carriageReturn {
                phase = .sizeLineFeed
            } else {
                extensions = ChunkExtensions(after: byte)
                if extensions == nil { throw .badChunkSize }
                phase = .extensions
            }
        case .extensions:
            if try extensions?.take(byte) == true {
                phase = .sizeLineFeed
            } else {
                extensionBytesLeft -= 1
                if extensionBytesLeft < 0 { throw .chunkExtensionsTooLong }
            }
        case .sizeLineFeed:
            guard byte == Byte.lineFeed else { throw .badChunkLine }
            if remaining > allowance { throw .bodyTooLong }
            allowance -= remaining
            phase = remaining == 0 ? .trailerStart : .chunkContent
        case .chunkReturn:
            guard byte == Byte.carriageReturn else { throw .badChunkLine }
            phase = .chunkLineFeed
        default:
            guard byte == Byte.lineFeed else { throw .badChunkLine }
            sizeDigitCount = 0
            phase = .sizeStart
        }
    }

    /// A byte of the trailer section or of the empty line that ends the body.
    private mutating func trailerByte(_ byte: UInt8) throws(ProtocolError.Code) {
        if phase != .endLineFeed {
            trailerBytesLeft -= 1
            if trailerBytesLeft < 0 { throw .trailersTooLong }
        }
        switch phase {
        case .trailerStart where byte == Byte.carriageReturn:
            phase = .endLineFeed
        case .trailerStart:
            guard ASCIISet.token.contains(byte) else { throw .badTrailer }
            phase = .trailerName
        case .trailerName:
            if byte == UInt8(ascii: ":") {
                phase = .trailerValue
            } else if !ASCIISet.token.contains(byte) {
                throw .badTrailer
            }
        case .trailerValue:
            if byte == Byte.carriageReturn {
                phase = .trailerLineFeed
            } else if byte < 0x20 && byte != Byte.tab || byte == 0x7F {
                throw .badTrailer
            }
        case .trailerLineFeed:
            guard byte == Byte.lineFeed else { throw .badTrailer }
            phase = .trailerStart
        default:
            guard byte == Byte.lineFeed else { throw .badTrailer }
            phase = .end
        }
    }
}
