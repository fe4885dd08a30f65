// Bytes as they arrive -> how many of them form whole inputs. It delimits JSON texts by quotes and
// brackets alone; malformed ones are left to the reader.
//
//     {"a":1}\n{"b":      the boundary is after the first `}` and its newline
//     12                  none: the number may continue
//     [1,2                of events: after the comma

import Glibc

struct BoundaryScanner {
    /// Where bytes may be split. `textsOrLines`: at the ends of lines if the first one consists of
    /// whole texts, which is found faster; a text that goes on in the next line is then joined.
    /// `whole` like `texts`.
    enum Boundaries { case texts, textsOrLines, records, events, lines, whole }

    /// `textsOrLines` is decided by the first line.
    private var boundaries: Boundaries
    private let kind: Boundaries
    /// The bytes scanned so far, and those of them that form whole inputs; and those that did so
    /// before the last scan.
    private(set) var scanned = 0
    private(set) var boundary = 0
    private(set) var earlierBoundary = 0
    private var brackets = BracketScan()

    init(_ boundaries: Boundaries) { (self.boundaries, kind) = (boundaries, boundaries) }

    /// The longest part of a line to wait for.
    static let lineByteCountMax = 4_096
    /// A line of this length is scanned for texts: there may be many in it.
    private static let longLineByteCount = 1 << 18

    /// Scans the bytes after those of the last call.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        earlierBoundary = boundary
        if boundaries == .textsOrLines {
            if let isLine = unsafe BoundaryScanner.beginsWithLine(bytes) {
                boundaries = isLine ? .lines : .texts
            } else if bytes.count > Self.lineByteCountMax {
                boundaries = .texts
            } else {
                return
            }
        }
        // Safety: every offset is below the buffer's count, which subscripts check in debug builds.
        if boundaries == .lines {
            var end = bytes.count
            while end > scanned, unsafe bytes[end - 1] != 0x0A { end -= 1 }
            if end > scanned { boundary = end }
            scanned = bytes.count
            let isLong = scanned - boundary > BoundaryScanner.longLineByteCount
            if !isLong || kind == .lines { return }
            boundaries = .texts
            scanned = boundary
        }
        let separator: UInt8? = boundaries == .records ? 0x1E : nil
        for offset in scanned..<bytes.count {
            let byte = unsafe bytes[offset]
            if byte == separator {
                // A separator always begins a record.
                brackets = BracketScan()
                boundary = offset
                continue
            }
            switch brackets.take(byte) {
            case .content, .opening: break
            case .stringEnd: if brackets.depth == 0 { boundary = offset + 1 }
            case .closing:
                if brackets.depth < 0 { brackets = BracketScan() }
                if brackets.depth == 0 { boundary = offset + 1 }
            case .between:
                let isComma = byte == UInt8(ascii: ",")
                let isBoundary =
                    isComma
                    ? boundaries == .events : brackets.depth == 0 && byte != UInt8(ascii: ":")
                if isBoundary { boundary = offset + 1 }
            }
        }
        scanned = bytes.count
    }

    /// Whether the first line consists of whole texts, as those of newline-delimited JSON do; nil
    /// where its end is not among the bytes.
    static func beginsWithLine(_ bytes: UnsafeRawBufferPointer) -> Bool? {
        guard let start = bytes.baseAddress,
            let feed = unsafe memchr(start, 0x0A, bytes.count)
        else { return nil }
        var scanner = BoundaryScanner(.texts)
        let end = unsafe UnsafeRawPointer(feed) - start + 1
        unsafe scanner.scan(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        return scanner.boundary == end
    }

    /// The first bytes, up to a boundary, have been removed.
    mutating func take(_ byteCount: Int) {
        scanned -= byteCount
        boundary -= byteCount
        earlierBoundary = 0
    }
}
