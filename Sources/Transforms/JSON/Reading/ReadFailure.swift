// Why a JSON text was refused, and where. Line, column and sentence are derived when shown.
//
// Safety: reads stay below the counts that come with the pointers.

/// A JSON text's first error.
public struct ReadFailure: Error, Equatable, Sendable {
    public enum Code: UInt8, Sendable {
        case unexpectedEnd, unexpectedByte, badLiteral, badNumber, badEscape, badSurrogate
        case controlInString, badUTF8, tooDeep, trailingBytes
        /// A limit of the run was met while reading.
        case limit
    }

    public var code: Code
    /// Bytes from the start of the text.
    public var offset: Int

    /// One sentence, without the location.
    public var message: String {
        switch code {
        case .unexpectedEnd: "the text ends in the middle of a value"
        case .unexpectedByte: "unexpected byte"
        case .badLiteral: "not one of true, false, null"
        case .badNumber: "malformed number"
        case .badEscape: "malformed escape in a string"
        case .badSurrogate: "unpaired surrogate in a string"
        case .controlInString: "unescaped control character in a string"
        case .badUTF8: "the bytes are not UTF-8"
        case .tooDeep: "nested too deeply"
        case .trailingBytes: "more bytes after the value"
        case .limit: "a limit was met"
        }
    }
}

/// A location in a text, counted from 1; columns count code points.
public struct TextLocation: Equatable, Sendable {
    public var line: Int
    public var column: Int

    /// - Complexity: O(offset)
    public init(offset: Int, in text: UnsafeRawBufferPointer) {
        line = 1
        column = 1
        for i in 0..<min(offset, text.count) {
            let byte = unsafe text[i]
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }
}
