// Compressed bytes as they arrive -> the content, in steps of a bounded size:
//
//     gzip      files of RFC 1952, concatenated
//     deflate   a stream of RFC 1950; some clients send a raw one (RFC 1951) without its header
//
// It detects truncated streams, bytes after the end, and content that expands beyond reason.

import CZlib

import struct NIOCore.ByteBuffer

/// Why compressed bytes could not be inflated.
enum CodingFailure: Error, Equatable {
    case malformed
    /// The bytes end before the stream does.
    case truncated
    /// The expansion is so large that the content must be an attack.
    case ratioTooLarge
    case noMemory
}

/// The inflater of one content. `Sendable`, as one thread at a time uses it; threads pass it on
/// through the lock of the queue or of the loop.
@safe final class Inflater: @unchecked Sendable {
    /// Content longer than `ratioFreeBytes` may be this many times as long as its compressed bytes.
    static let ratioMax = 200
    static let ratioFreeBytes = 8 << 20

    // Safety: allocated by `init`, freed by `deinit`; zlib's own state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let coding: ContentCoding
    private let ratioMax: Int?
    private var isOpen = false
    private var isAtEnd = false
    private var inputByteCount = 0
    private var outputByteCount = 0
    /// Whether there may be more content without further input.
    private(set) var hasMore = false
    /// A first byte that waits for the second, which determines the format.
    private var first = ByteBuffer()

    /// - Parameter ratioMax: nil for content that is trusted.
    init(_ coding: ContentCoding, ratioMax: Int? = Inflater.ratioMax) {
        self.coding = coding
        self.ratioMax = ratioMax
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
    }

    deinit {
        if isOpen { unsafe inflateEnd(stream) }
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// Consumes bytes from the front of `input` and appends content to `output`, until the input is
    /// used up or the content has grown by `byteCountMax` bytes.
    func inflate(
        _ input: inout ByteBuffer, into output: inout ByteBuffer, byteCountMax: Int
    ) throws(CodingFailure) {
        if !isOpen, !(try open(&input)) { return }
        var room = byteCountMax
        while room > 0, input.readableBytes > 0 || hasMore {
            if isAtEnd {
                guard coding == .gzip, unsafe inflateReset(stream) == Z_OK else {
                    throw .malformed
                }
                isAtEnd = false
            }
            room -= try step(&input, &output, min(room, 64 << 10))
            if let ratioMax, outputByteCount > Self.ratioFreeBytes,
                outputByteCount / ratioMax > inputByteCount
            {
                throw .ratioTooLarge
            }
        }
    }

    /// No more input follows.
    func finish() throws(CodingFailure) {
        if !isAtEnd { throw .truncated }
    }

    /// - Returns: false while the bytes do not determine the format.
    private func open(_ input: inout ByteBuffer) throws(CodingFailure) -> Bool {
        var windowBits: Int32 = 15 + 16
        if coding == .deflate {
            first.writeBuffer(&input)
            guard let pair = first.getInteger(at: first.readerIndex, as: UInt16.self) else {
                return false
            }
            swap(&first, &input)
            // RFC 1950 2.2: method 8, a window of at most 32 KiB, a multiple of 31.
            let isZlib = pair & 0x0F00 == 0x0800 && pair >> 12 <= 7 && pair % 31 == 0
            windowBits = isZlib ? 15 : -15
        }
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(stream, windowBits, ZLIB_VERSION, size) == Z_OK else {
            throw .noMemory
        }
        isOpen = true
        return true
    }

    /// - Returns: bytes of content that were appended.
    private func step(
        _ input: inout ByteBuffer, _ output: inout ByteBuffer, _ room: Int
    ) throws(CodingFailure) -> Int {
        var code = Z_OK
        var read = 0
        let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) {
            target in
            unsafe input.withUnsafeReadableBytes { source in
                // Safety: zlib stays within the counts that belong to the pointers.
                let given = min(source.count, 1 << 30)
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                unsafe stream.pointee.avail_in = UInt32(given)
                unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(
                    to: UInt8.self)
                unsafe stream.pointee.avail_out = UInt32(room)
                code = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
                read = unsafe given - Int(stream.pointee.avail_in)
                return unsafe room - Int(stream.pointee.avail_out)
            }
        }
        input.moveReaderIndex(forwardBy: read)
        inputByteCount += read
        outputByteCount += written
        hasMore = written == room && code == Z_OK
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        case Z_MEM_ERROR: throw .noMemory
        default: throw .malformed
        }
        return written
    }
}
