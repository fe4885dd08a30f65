// Compressed bytes as they come -> the content, in steps of a bounded size:
//
//     gzip      files of RFC 1952, one behind the other
//     deflate   a stream of RFC 1950; some clients send RFC 1951's without the two bytes in front
//
// It tells a stream that breaks off, bytes behind the end, and content that grows beyond reason.

import CZlib

import struct NIOCore.ByteBuffer

/// Why there is no content in compressed bytes.
enum CodingFailure: Error, Equatable {
    case malformed
    /// The bytes end before the stream does.
    case truncated
    /// The content is so much longer than its compressed bytes that it was made for this.
    case ratioTooLarge
    case noMemory
}

/// One content's. It is used by one thread at a time, which hand it over through the queue's lock
/// or the loop's: that is why it may be `Sendable`.
@safe final class Inflater: @unchecked Sendable {
    /// Content longer than `ratioFreeBytes` may be this many times as long as its compressed bytes.
    static let ratioMax = 200
    static let ratioFreeBytes = 8 << 20

    // Safety: allocated by `init`, freed by `deinit`; zlib's own state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let coding: ContentCoding
    private var isOpen = false
    private var isAtEnd = false
    private var inputByteCount = 0
    private var outputByteCount = 0
    /// Whether there may be more content without more bytes.
    private(set) var hasMore = false
    /// A first byte that waits for the second one, which tells the format.
    private var first = ByteBuffer()

    init(_ coding: ContentCoding) {
        self.coding = coding
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
    }

    deinit {
        if isOpen { unsafe inflateEnd(stream) }
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// Takes bytes from the front of `input` and appends content to `output`, until the bytes are
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
            if outputByteCount > Self.ratioFreeBytes,
                outputByteCount / Self.ratioMax > inputByteCount
            {
                throw .ratioTooLarge
            }
        }
    }

    /// Nothing more comes.
    func finish() throws(CodingFailure) {
        if !isAtEnd { throw .truncated }
    }

    /// - Returns: false while the bytes do not tell the format.
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

    /// - Returns: bytes of content.
    private func step(
        _ input: inout ByteBuffer, _ output: inout ByteBuffer, _ room: Int
    ) throws(CodingFailure) -> Int {
        var code = Z_OK
        var read = 0
        let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) {
            target in
            unsafe input.withUnsafeReadableBytes { source in
                // Safety: zlib stays within the counts that go with the pointers.
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
