// Bytes read of a file -> how many of its lines jq has read by then, which it does by the line, or
// by 4,091 bytes of a longer one:
//
//     {"a":1} {"a":2}\n        both are on line 1: its end had been read with them
//
// Lines have numbers of the file's own. A place is where the byte is in all that the parser took:
// its lines go on through all files, and what was passed over counts for nothing.
//
//     a: {}    b: [1}     the fault is at line 1, column 5
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
    /// What places have besides the lines in front of the piece.
    private var placeLineCount = 0
    /// From where on columns are counted in the line that it stands in, and the columns before.
    private var columnStart = 0
    private var columnsBefore = 0

    private static let pieceByteCountMax = 4_091

    /// Begins a file.
    /// - Parameters:
    ///   - start: where it begins in the bytes.
    ///   - markByteCount: bytes that count for no column.
    ///   - lineCount: lines in front of the bytes.
    ///   - place: where the byte in front of the bytes is.
    mutating func begin(
        _ bytes: Bytes, at start: Int, lineRest: Int?, markByteCount: Int, lineCount: Int,
        behind place: InputPlace
    ) {
        self.lineCount = lineCount
        self.start = start
        lineStart = start
        placeLineCount = place.line - 1 - lineCount
        columnStart = start + markByteCount
        columnsBefore = place.column
        findEnd(bytes, lineRest)
    }

    /// Goes on in bytes that begin where `offset` was, which has been passed.
    mutating func move(by offset: Int, to bytes: Bytes, lineRest: Int?) {
        start -= offset
        end -= offset
        lineStart -= offset
        columnStart -= offset
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

    /// Where the byte is that was read last, as jq counts.
    mutating func place(upto byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> InputPlace {
        pass(byteCount - 1, bytes, lineRest)
        let isAtEnd = endsLine && byteCount >= end
        let from = isAtEnd ? end : lineStart
        return InputPlace(
            line: lineCount + (isAtEnd ? 1 : 0) + placeLineCount + 1,
            column: from <= columnStart
                ? columnsBefore + max(byteCount - columnStart, 0) : byteCount - from)
    }

    /// Passes over the rest of the piece that holds a byte that has been read; where it ends.
    mutating func passPiece(behind byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> Int {
        let place = place(upto: byteCount, bytes, lineRest: lineRest)
        placeLineCount = place.line - 1 - lineCount - (endsLine ? 1 : 0)
        columnStart = end
        columnsBefore = place.column
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

/// Where the byte is that was read last of all inputs: lines from 1, columns in bytes.
public struct InputPlace: Sendable {
    public var line = 1
    public var column = 0

    public init() {}

    var isBehindBytes: Bool { line > 1 || column > 0 }

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}
