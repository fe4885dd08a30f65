// Bytes read of a file -> how many of its lines jq has read by then, which it does by the line, or
// by 4,091 bytes of a longer one:
//
//     {"a":1} {"a":2}\n        both are on line 1: its end had been read with them
//
// It goes forward only: all its looks together go over the bytes once.

import Glibc

struct LineCounter {
    /// Line feeds in front of the piece.
    private var lineCount = 0
    /// Where the piece of a line begins and ends that was read last, and the line itself, in the
    /// block's bytes or in front of them.
    private var start = 0
    private var end = 0
    private var lineStart = 0
    /// Whether the piece ends with its line.
    private var endsLine = false

    private static let pieceByteCountMax = 4_091

    /// Begins a file.
    /// - Parameters:
    ///   - start: where it begins in the bytes.
    ///   - markByteCount: bytes that count for no column.
    ///   - lineCount: lines in front of the bytes.
    mutating func begin(
        _ bytes: Bytes, at start: Int, lineRest: Int?, markByteCount: Int, lineCount: Int
    ) {
        self.lineCount = lineCount
        self.start = start
        lineStart = start + markByteCount
        findEnd(bytes, lineRest)
    }

    /// Goes on in bytes that begin where `offset` was, which has been passed.
    mutating func move(by offset: Int, to bytes: Bytes, lineRest: Int?) {
        start -= offset
        end -= offset
        lineStart -= offset
        if end <= 0 { endPiece() }
        findEnd(bytes, lineRest)
    }

    private mutating func endPiece() {
        if endsLine {
            lineCount += 1
            lineStart = end
        }
        start = end
    }

    /// Lines read when so many bytes have been.
    mutating func lines(upto byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> Int {
        pass(byteCount - 1, bytes, lineRest)
        return lineCount + (endsLine ? 1 : 0)
    }

    /// Where the byte is that was read last, as jq counts: lines from 1, columns in bytes.
    mutating func place(
        upto byteCount: Int, _ bytes: Bytes, lineRest: Int?
    ) -> (line: Int, column: Int) {
        pass(byteCount - 1, bytes, lineRest)
        if endsLine && byteCount >= end { return (lineCount + 2, 0) }
        return (lineCount + 1, max(byteCount - lineStart, 0))
    }

    /// Behind the piece that holds a byte that has been read.
    mutating func pieceEnd(upto byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> Int {
        pass(byteCount - 1, bytes, lineRest)
        return end
    }

    /// Goes on to the piece that holds the byte.
    private mutating func pass(_ place: Int, _ bytes: Bytes, _ lineRest: Int?) {
        if place < end { return }
        endPiece()
        let from = max(start, 0)
        // Safety: `from` <= `place` <= the bytes' count.
        let feedCount = unsafe TextScan(bytes.base + from, place - from).lineFeedCount()
        if feedCount > 0 {
            lineCount += feedCount
            lineStart = place
            while bytes[lineStart - 1] != 0x0A { lineStart -= 1 }
            start = lineStart
        }
        start += (place - start) / Self.pieceByteCountMax * Self.pieceByteCountMax
        findEnd(bytes, lineRest)
    }

    private mutating func findEnd(_ bytes: Bytes, _ lineRest: Int?) {
        end = start + Self.pieceByteCountMax
        endsLine = false
        let from = max(start, 0)
        let upto = min(end, bytes.count)
        if from < upto, let feed = unsafe memchr(bytes.base + from, 0x0A, upto - from) {
            end = unsafe UnsafeRawPointer(feed) - UnsafeRawPointer(bytes.base) + 1
            endsLine = true
        } else if let lineRest, end > bytes.count, bytes.count + lineRest <= end {
            end = bytes.count + lineRest
            endsLine = true
        }
    }
}
