// An offset in a program's text -> line, column and the line with a caret under it:
//
//     .a | (1 + ]          line 1, column 11
//               ^

/// A location in a program's text: lines and columns from 1, columns in code points.
public struct ProgramLocation: Equatable, Sendable {
    public let line: Int
    public let column: Int
    /// The location's line, and below it a line with `^` under the location. Tabs and other control
    /// characters are shown as spaces, bytes that are not UTF-8 as U+FFFD; of a long line only the
    /// part around the location is shown.
    public let excerpt: String

    /// How many characters of the line are shown on either side of the location.
    private static let reach = 60

    /// The location of an offset; an offset past the end means the end.
    /// - Complexity: O(offset)
    public init(offset: Int, in utf8: [UInt8]) {
        let offset = min(max(offset, 0), utf8.count)
        var line = 1
        var start = 0
        for index in 0..<offset where utf8[index] == 0x0A {
            line += 1
            start = index + 1
        }
        var end = offset
        while end < utf8.count, utf8[end] != 0x0A { end += 1 }
        if end > offset, utf8[end - 1] == 0x0D { end -= 1 }
        let before = String(decoding: utf8[start..<offset], as: UTF8.self).unicodeScalars
        let after = String(decoding: utf8[offset..<end], as: UTF8.self).unicodeScalars
        column = before.count + 1
        let left = before.suffix(Self.reach)
        var excerpt = ""
        for scalar in left + after.prefix(Self.reach) {
            excerpt.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
        }
        excerpt += "\n" + String(repeating: " ", count: left.count) + "^"
        (self.line, self.excerpt) = (line, excerpt)
    }

    /// The column of an offset as jq counts it, in bytes.
    static func byteColumn(offset: Int, in utf8: [UInt8]) -> Int {
        let offset = min(max(offset, 0), utf8.count)
        return offset - (utf8[..<offset].lastIndex(of: 0x0A) ?? -1)
    }
}
