// Bytes as they arrive -> parts of whole lines, of about one size:
//
//     add  {"a":1}\n{"a"          pending  {"a":1}\n{"a"
//                                          ^start   ^boundary
//     add  :2}\n                  a part of both lines, once they are long enough or on `flush`
//
// A line that is too long is cut one byte after the bound, so that a later check still finds it too
// long; thus memory is bounded whatever the content.

import Transforms

import struct NIOCore.ByteBuffer

struct LineSplitter {
    /// Whole lines; the last may lack its newline.
    struct Part: Equatable {
        var text: ByteBuffer
        /// Number of its first line, counted from 1.
        var lineNumber: Int
    }

    private let partBytes: Int
    private let lineBytesMax: Int
    private var pending = ByteBuffer()
    /// Bytes of `pending` that are whole lines.
    private var boundary = 0
    private var lineNumber = 1
    /// The rest of the line is being dropped.
    private var isDropping = false

    init(partBytes: Int, lineBytesMax: Int) {
        self.partBytes = partBytes
        self.lineBytesMax = lineBytesMax
    }

    /// Bytes held.
    var byteCount: Int { pending.readableBytes }

    /// Adds a piece, and emits a part if it is long enough.
    mutating func add(_ piece: ByteBuffer, _ emit: (Part) -> Void) {
        var piece = piece
        while piece.readableBytes > 0 {
            if isDropping {
                guard let end = Self.firstNewline(piece) else { return }
                piece.moveReaderIndex(forwardBy: end)
                pending.writeInteger(UInt8(0x0A))
                boundary = pending.readableBytes
                isDropping = false
                if boundary >= partBytes { flush(emit) }
            }
            let room = boundary + lineBytesMax + 1 - pending.readableBytes
            // The line or its rest fits, or the rest is examined again.
            let taken = min(piece.readableBytes, max(room, 0))
            guard let slice = piece.readSlice(length: taken) else { return }
            let before = pending.readableBytes
            if pending.capacity == 0 {
                pending.reserveCapacity(partBytes + max(slice.readableBytes, 4_096))
            }
            pending.writeImmutableBuffer(slice)
            if let last = Self.lastNewline(slice) { boundary = before + last }
            if boundary >= partBytes { flush(emit) }
            if pending.readableBytes - boundary > lineBytesMax { isDropping = true }
        }
    }

    /// Emits the whole lines there are.
    mutating func flush(_ emit: (Part) -> Void) {
        guard boundary > 0, let text = pending.readSlice(length: boundary) else { return }
        let rest = pending
        pending = ByteBuffer()
        if rest.readableBytes > 0 {
            pending.reserveCapacity(partBytes + rest.readableBytes)
            pending.writeImmutableBuffer(rest)
        }
        boundary = 0
        emit(Part(text: text, lineNumber: lineNumber))
        lineNumber += unsafe text.withUnsafeReadableBytes { unsafe $0.lineFeedCount }
    }

    /// Emits everything: no more content follows.
    mutating func finish(_ emit: (Part) -> Void) {
        boundary = pending.readableBytes
        flush(emit)
    }

    /// The offset after the first newline.
    private static func firstNewline(_ bytes: ByteBuffer) -> Int? {
        unsafe bytes.withUnsafeReadableBytes { memory in
            let end = unsafe LineEnd.next(memory, from: 0)
            return end < memory.count ? end + 1 : nil
        }
    }

    /// The offset after the last newline.
    private static func lastNewline(_ bytes: ByteBuffer) -> Int? {
        unsafe bytes.withUnsafeReadableBytes { memory in
            var i = memory.count
            while i > 0 {
                // Safety: `i - 1` is below the count.
                if unsafe memory[i - 1] == 0x0A { return i }
                i -= 1
            }
            return nil
        }
    }
}
