// Content in pieces -> bytes of one coding, where the pieces are made on several threads:
//
//     gzip   | head | piece | piece | ... | tail |
//
// Each piece is RFC 1951's blocks of its own, flushed to a whole byte, so pieces stand behind each
// other in any number, and the check in the tail is put together from theirs.

import CZlib

import struct NIOCore.ByteBuffer

/// Pieces of content behind each other; plain where there is no coding.
struct CodedContent {
    let coding: ContentCoding?
    /// The pieces' bytes, without head and tail.
    private(set) var bytes = ByteBuffer()
    /// Bytes of content.
    private(set) var byteCount = 0
    /// CRC-32 or Adler-32 of the content.
    private var checksum: UInt

    init(_ coding: ContentCoding?) {
        self.coding = coding
        checksum = coding == .deflate ? 1 : 0
    }

    /// Appends a piece.
    mutating func append(_ content: UnsafeRawBufferPointer) {
        guard content.count > 0 else { return }
        byteCount += content.count
        guard let coding else {
            unsafe bytes.writeBytes(content)
            return
        }
        let base = unsafe content.baseAddress?.assumingMemoryBound(to: UInt8.self)
        // Safety: the count goes with the pointer.
        switch coding {
        case .gzip: checksum = unsafe crc32(checksum, base, UInt32(content.count))
        case .deflate: checksum = unsafe adler32(checksum, base, UInt32(content.count))
        }
        if content.count == 1 {
            // A block of one byte as it is: no last one, 1 byte, its complement.
            bytes.writeBytes([0, 1, 0, 0xFE, 0xFF, unsafe content[0]])
            return
        }
        var deflater = Deflater(.raw)
        unsafe deflater.deflate(content, into: &bytes, .sync)
    }

    /// Appends one byte.
    mutating func append(_ byte: UInt8) {
        // Safety: the byte stays while the closure runs.
        unsafe withUnsafeBytes(of: byte) { unsafe append($0) }
    }

    /// Appends pieces of the same coding.
    mutating func append(_ other: CodedContent) {
        if bytes.readableBytes == 0 {
            bytes = other.bytes
        } else {
            bytes.writeImmutableBuffer(other.bytes)
        }
        byteCount += other.byteCount
        switch coding {
        case .gzip?: checksum = crc32_combine(checksum, other.checksum, other.byteCount)
        case .deflate?: checksum = adler32_combine(checksum, other.checksum, other.byteCount)
        case nil: break
        }
    }

    /// Forgets the bytes, which were sent; the check goes on.
    mutating func takeBytes() -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &bytes)
        return taken
    }

    /// Takes all of it, where nothing was taken before.
    mutating func takeWhole() -> ByteBuffer {
        var whole = ByteBuffer(bytes: head)
        whole.writeImmutableBuffer(takeBytes())
        whole.writeBytes(tail)
        return whole
    }

    /// Stands in front of all pieces.
    var head: [UInt8] {
        switch coding {
        // RFC 1952 2.3: no name, no time, of an unknown system.
        case .gzip?: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        case .deflate?: [0x78, 0x01]
        case nil: []
        }
    }

    /// Stands behind all pieces: an empty last block, and the check.
    var tail: [UInt8] {
        let check = UInt32(truncatingIfNeeded: checksum)
        let length = UInt32(truncatingIfNeeded: byteCount)
        return switch coding {
        case .gzip?: [3, 0] + Self.octets(check.littleEndian) + Self.octets(length.littleEndian)
        case .deflate?: [3, 0] + Self.octets(check.bigEndian)
        case nil: []
        }
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        // Safety: the bytes are copied while the closure runs.
        unsafe withUnsafeBytes(of: number) { unsafe Array($0) }
    }
}
