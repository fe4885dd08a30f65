// Content in pieces -> bytes of one coding; the pieces may be made on different threads:
//
//     gzip   | head | piece | piece | ... | tail |
//
// Each piece is a sequence of RFC 1951 blocks, flushed to a whole byte. So pieces can be
// concatenated in any number, and the tail's checksum is combined from theirs.

import CZlib

import struct NIOCore.ByteBuffer

/// Concatenated pieces of content; plain without a coding.
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
            // A stored block of one byte: not the last block, length 1, its complement.
            bytes.writeBytes([0, 1, 0, 0xFE, 0xFF, unsafe content[0]])
            return
        }
        var deflater = Deflater(.raw)
        unsafe deflater.deflate(content, into: &bytes, .sync)
    }

    /// Appends one byte.
    mutating func append(_ byte: UInt8) {
        // Safety: the byte lives while the closure runs.
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

    /// Removes the bytes, which are being sent; the checksum continues.
    mutating func takeBytes() -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &bytes)
        return taken
    }

    /// Takes the whole content; nothing may have been taken before.
    mutating func takeWhole() -> ByteBuffer {
        var whole = ByteBuffer(bytes: head)
        whole.writeImmutableBuffer(takeBytes())
        whole.writeBytes(tail)
        return whole
    }

    /// The bytes before all pieces.
    var head: [UInt8] {
        switch coding {
        // RFC 1952 2.3: no name, no time, unknown system.
        case .gzip?: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        case .deflate?: [0x78, 0x01]
        case nil: []
        }
    }

    /// The bytes after all pieces: an empty last block, and the checksum.
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
