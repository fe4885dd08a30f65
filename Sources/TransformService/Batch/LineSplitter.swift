// Bytes as they come -> parts of whole lines, of about one size:
//
//     add  {"a":1}\n{"a"          pending  {"a":1}\n{"a"
//                                          ^start   ^boundary
//     add  :2}\n                  a part of both lines, once they are long enough or `flush` asks
//
// A line longer than allowed is cut one byte behind its bound, where whoever looks at it sees that
// it is too long; so what is held is bounded whatever comes.

import struct NIOCore.ByteBuffer

struct LineSplitter {
    /// Whole lines; the last may lack its newline.
    struct Part: Equatable {
        var text: ByteBuffer
        /// Of its first line, counted from 1.
        var lineNumber: Int
    }

    private let partBytes: Int
    private let lineBytesMax: Int
    private var pending = ByteBuffer()
    /// Bytes of `pending` that are whole lines.
    private var boundary = 0
    private var lineNumber = 1
    /// The rest of the line is dropped.
    private var isDropping = false

    init(partBytes: Int, lineBytesMax: Int) {
        self.partBytes = partBytes
        self.lineBytesMax = lineBytesMax
    }

    /// Bytes held.
    var byteCount: Int { pending.readableBytes }

    /// Takes a piece and hands out what is long enough.
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
            // What fits ends in this line or behind it; a longer rest is looked at again.
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

    /// Hands out the whole lines there are.
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
        lineNumber += Self.newlineCount(text)
    }

    /// Hands out all there is: nothing more comes.
    mutating func finish(_ emit: (Part) -> Void) {
        boundary = pending.readableBytes
        flush(emit)
    }

    /// The offset behind the first newline.
    private static func firstNewline(_ bytes: ByteBuffer) -> Int? {
        unsafe bytes.withUnsafeReadableBytes { memory in
            let end = unsafe LineEnd.next(memory, from: 0)
            return end < memory.count ? end + 1 : nil
        }
    }

    /// The offset behind the last newline.
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

    /// Eight bytes at a time: byte by byte it took half of the loop's time for a batch.
    private static func newlineCount(_ bytes: ByteBuffer) -> Int {
        unsafe bytes.withUnsafeReadableBytes { memory in
            let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
            var count = 0
            var i = 0
            // Safety: the bytes of the buffer, each once.
            while i &+ 8 <= memory.count {
                let word = unsafe memory.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                let other = word ^ 0x0A0A_0A0A_0A0A_0A0A
                // A byte's highest bit is set where it is no newline; no carry leaves a byte.
                let isOther = (other & low &+ low) | other | low
                count &+= (~isOther).nonzeroBitCount
                i &+= 8
            }
            while i < memory.count {
                if unsafe memory[i] == 0x0A { count &+= 1 }
                i &+= 1
            }
            return count
        }
    }
}
