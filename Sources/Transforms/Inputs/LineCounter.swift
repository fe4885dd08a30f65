// How many bytes of a file have been read -> how many of its lines jq has read by then. jq reads by
// lines, and long lines by 4,091 bytes:
//
//     {"a":1} {"a":2}\n        both are on line 1: it was read to its end with them
//
// Line numbers are the file's own. A location is where a byte is in all that the parser consumed:
// its lines are counted through all files, and skipped bytes do not count.
//
//     a: {}    b: [1}     the fault is at line 1, column 5
//
// It only goes forward: all calls together pass over the bytes once.

import Glibc

struct LineCounter {
    /// Line feeds before the current piece.
    private var lineCount = 0
    /// The start and end of the piece of a line that was read last, and the start of the line
    /// itself, which may be before the block.
    private var start = 0
    private var end = 0
    private var lineStart = 0
    /// Whether the piece ends with its line.
    private var endsLine = false
    /// What must be added to the lines before the piece to get a location's line.
    private var addedLineCount = 0
    /// The offset from which columns are counted in its line, and the columns before it.
    private var columnStart = 0
    private var columnsBefore = 0

    private static let pieceByteCountMax = 4_091

    /// Begins a file.
    /// - Parameters:
    ///   - start: where it begins in the bytes.
    ///   - markByteCount: bytes that count for no column.
    ///   - lineCount: lines before the bytes.
    ///   - lineByteCount: bytes before them of the line that they go on with.
    ///   - location: of the last byte before the bytes.
    mutating func begin(
        _ bytes: Bytes, at start: Int, lineRest: Int?, markByteCount: Int, lineCount: Int,
        lineByteCount: Int = 0, after location: InputLocation
    ) {
        self.lineCount = lineCount
        lineStart = start - lineByteCount
        self.start = lineStart + lineByteCount / Self.pieceByteCountMax * Self.pieceByteCountMax
        addedLineCount = location.line - 1 - lineCount
        columnStart = start + markByteCount
        columnsBefore = location.column
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

    /// How many lines have been read when `byteCount` bytes have been.
    mutating func lines(upto byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> Int {
        pass(byteCount - 1, bytes, lineRest)
        return lineCount + (endsLine ? 1 : 0)
    }

    /// The location of the byte that was read last, as jq counts.
    mutating func location(upto byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> InputLocation {
        pass(byteCount - 1, bytes, lineRest)
        let isAtEnd = endsLine && byteCount >= end
        let from = isAtEnd ? end : lineStart
        return InputLocation(
            line: lineCount + (isAtEnd ? 1 : 0) + addedLineCount + 1,
            column: from <= columnStart
                ? columnsBefore + max(byteCount - columnStart, 0) : byteCount - from)
    }

    /// Skips the rest of the piece that holds the byte read last; returns where the piece ends.
    mutating func passPiece(after byteCount: Int, _ bytes: Bytes, lineRest: Int?) -> Int {
        let location = location(upto: byteCount, bytes, lineRest: lineRest)
        addedLineCount = location.line - 1 - lineCount - (endsLine ? 1 : 0)
        columnStart = end
        columnsBefore = location.column
        return end
    }

    /// Goes on to the piece that holds the byte.
    private mutating func pass(_ offset: Int, _ bytes: Bytes, _ lineRest: Int?) {
        if offset < end { return }
        endPiece()
        let from = max(start, 0)
        // Safety: `from` <= `offset` <= the bytes' count.
        let feedCount = unsafe TextScan(bytes.base + from, offset - from).lineFeedCount()
        if feedCount > 0 {
            lineCount += feedCount
            lineStart = offset
            while bytes[lineStart - 1] != 0x0A { lineStart -= 1 }
            start = lineStart
        }
        start += (offset - start) / Self.pieceByteCountMax * Self.pieceByteCountMax
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

/// The location of the byte that was read last, of all inputs: lines from 1, columns in bytes.
public struct InputLocation: Sendable {
    public var line = 1
    public var column = 0

    public init() {}

    var isAfterBytes: Bool { line > 1 || column > 0 }

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

extension InputBlock.Before {
    /// Goes on to after these bytes of the file.
    /// - Parameter isAtStart: whether the file begins with them: a byte order mark before all texts
    ///   counts as no column.
    /// - Complexity: O(bytes), by 16.
    public mutating func pass(_ bytes: UnsafeRawBufferPointer, isAtStart: Bool) {
        let text = unsafe Bytes(bytes)
        let feedCount = unsafe bytes.lineFeedCount
        lineCount += feedCount
        location.line += feedCount
        if feedCount == 0 {
            lineByteCount += text.count
            let isFirst = isAtStart && !location.isAfterBytes
            let isMarked = unsafe isFirst && bytes.starts(with: JSONReader.byteOrderMark)
            location.column += text.count - (isMarked ? 3 : 0)
            return
        }
        var start = text.count
        while text[start - 1] != 0x0A { start -= 1 }
        location.column = text.count - start
        lineByteCount = text.count - start
    }
}

extension UnsafeRawBufferPointer {
    /// The number of line feeds.
    public var lineFeedCount: Int {
        let text = unsafe Bytes(self)
        return unsafe TextScan(text.base, text.count).lineFeedCount()
    }
}
