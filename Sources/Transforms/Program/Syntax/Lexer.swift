// Bytes of a program's text -> tokens, one at a time. White space and comments are skipped. The
// inside of a string is not made of tokens: the parser reads it with `stringPiece`.
//
//     # a comment \
//       that continues, as its line ends in an odd number of backslashes
//     .a ?// 1e3         field, alternatives, number

/// Reads tokens from a program's UTF-8 text. It never fails: what is not a token is `invalid`.
struct Lexer {
    let utf8: [UInt8]
    /// The offset after the last token.
    private(set) var offset = 0

    init(_ utf8: [UInt8]) { self.utf8 = utf8 }

    /// The byte at an offset; 0, which begins no token, after the end.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 { offset < utf8.count ? utf8[offset] : 0 }

    mutating func next() -> Token {
        skipSpace()
        let start = offset
        guard start < utf8.count else { return Token(kind: .endOfText, start: start, end: start) }
        let kind: Token.Kind
        switch utf8[start] {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"):
            kind = word()
        case UInt8(ascii: "0")...UInt8(ascii: "9"): kind = number()
        case UInt8(ascii: "."): kind = dot()
        case UInt8(ascii: "$"): kind = variable()
        case UInt8(ascii: "@"):
            offset += 1
            skipName()
            kind = offset > start + 1 ? .format : .invalid
        default: kind = symbol(utf8[start])
        }
        return Token(kind: kind, start: start, end: offset)
    }

    private mutating func skipSpace() {
        while offset < utf8.count {
            switch utf8[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            case UInt8(ascii: "#"): skipComment()
            default: return
            }
        }
    }

    /// Skips a comment and its line's end. A backslash escapes the next backslash, or the line's
    /// end (LF or CRLF): the comment then continues.
    private mutating func skipComment() {
        while offset < utf8.count {
            let current = utf8[offset]
            offset += 1
            if current == 0x0A { return }
            guard current == UInt8(ascii: "\\") else { continue }
            let following = byte(at: offset)
            if following == UInt8(ascii: "\\") || following == 0x0A {
                offset += 1
            } else if following == 0x0D, byte(at: offset + 1) == 0x0A {
                offset += 2
            }
        }
    }

    /// Skips letters, digits and `_`.
    private mutating func skipName() {
        while isNameByte(byte(at: offset)) { offset += 1 }
    }

    /// Skips `name::name` from its first letter.
    private mutating func skipQualifiedName() {
        skipName()
        while byte(at: offset) == UInt8(ascii: ":"), byte(at: offset + 1) == UInt8(ascii: ":"),
            isNameStart(byte(at: offset + 2))
        {
            offset += 2
            skipName()
        }
    }

    private mutating func word() -> Token.Kind {
        let start = offset
        skipQualifiedName()
        // No keyword is longer than 7 bytes, and those end in a small letter.
        guard offset - start <= 7 else { return .identifier }
        var packed: UInt64 = 0
        for index in start..<offset { packed = packed << 8 | UInt64(utf8[index]) }
        return Token.Kind(word: packed)
    }

    /// `$name`, `$module::name`, `$__loc__`
    private mutating func variable() -> Token.Kind {
        let start = offset
        offset += 1
        guard isNameStart(byte(at: offset)) else { return .invalid }
        skipQualifiedName()
        let isLocation = offset - start == 8 && utf8[start..<offset].elementsEqual("$__loc__".utf8)
        return isLocation ? .location : .variable
    }

    /// `.`, `..`, `.name`, `.5`
    private mutating func dot() -> Token.Kind {
        let following = byte(at: offset + 1)
        if isNameStart(following) {
            offset += 1
            skipName()
            return .field
        }
        if isDigit(following) { return number() }
        offset += following == UInt8(ascii: ".") ? 2 : 1
        return following == UInt8(ascii: ".") ? .dots : .dot
    }

    /// `1`, `1.`, `1.5`, `.5`, each with an exponent or without
    private mutating func number() -> Token.Kind {
        while isDigit(byte(at: offset)) { offset += 1 }
        if byte(at: offset) == UInt8(ascii: ".") {
            offset += 1
            while isDigit(byte(at: offset)) { offset += 1 }
        }
        if byte(at: offset) | 0x20 == UInt8(ascii: "e") {
            let sign = byte(at: offset + 1)
            var end = offset + (sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") ? 2 : 1)
            if isDigit(byte(at: end)) {
                while isDigit(byte(at: end)) { end += 1 }
                offset = end
            }
        }
        return .number
    }

    private mutating func symbol(_ first: UInt8) -> Token.Kind {
        offset += 1
        switch first {
        case UInt8(ascii: "("): return .openParen
        case UInt8(ascii: ")"): return .closeParen
        case UInt8(ascii: "["): return .openBracket
        case UInt8(ascii: "]"): return .closeBracket
        case UInt8(ascii: "{"): return .openBrace
        case UInt8(ascii: "}"): return .closeBrace
        case UInt8(ascii: "\""): return .quote
        case UInt8(ascii: ";"): return .semicolon
        case UInt8(ascii: ":"): return .colon
        case UInt8(ascii: ","): return .comma
        case UInt8(ascii: "|"): return takes("=") ? .pipeEqual : .pipe
        case UInt8(ascii: "+"): return takes("=") ? .plusEqual : .plus
        case UInt8(ascii: "-"): return takes("=") ? .minusEqual : .minus
        case UInt8(ascii: "*"): return takes("=") ? .starEqual : .star
        case UInt8(ascii: "%"): return takes("=") ? .percentEqual : .percent
        case UInt8(ascii: "="): return takes("=") ? .equalEqual : .equal
        case UInt8(ascii: "<"): return takes("=") ? .lessEqual : .less
        case UInt8(ascii: ">"): return takes("=") ? .greaterEqual : .greater
        case UInt8(ascii: "!"): return takes("=") ? .bangEqual : .invalid
        case UInt8(ascii: "/"):
            if takes("=") { return .slashEqual }
            guard takes("/") else { return .slash }
            return takes("=") ? .slashSlashEqual : .slashSlash
        case UInt8(ascii: "?"):
            guard byte(at: offset) == UInt8(ascii: "/"), byte(at: offset + 1) == UInt8(ascii: "/")
            else { return .question }
            offset += 2
            return .alternatives
        default:
            // The rest of a character that begins no token belongs to it.
            if first >= 0xC0 { while byte(at: offset) & 0xC0 == 0x80 { offset += 1 } }
            return .invalid
        }
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard byte(at: offset) == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }
}

// MARK: - The inside of a string
extension Lexer {
    /// What ends a piece of a string's text: its closing quote, or the `\(` of a term.
    enum StringPause { case quote, interpolation }

    /// Reads a string's text through its closing `"` or the next `\(`, and adds its bytes, with
    /// escapes resolved, to `text`. Bytes that are not UTF-8 are left to the caller.
    mutating func stringPiece(
        into text: inout [UInt8], opening: Int
    ) throws(SyntaxError) -> StringPause {
        while true {
            let start = offset
            while offset < utf8.count, utf8[offset] != UInt8(ascii: "\""),
                utf8[offset] != UInt8(ascii: "\\")
            { offset += 1 }
            text.append(contentsOf: utf8[start..<offset])
            guard offset < utf8.count else {
                throw unterminated(opening)
            }
            if takes("\"") { return .quote }
            if byte(at: offset + 1) == UInt8(ascii: "(") {
                offset += 2
                return .interpolation
            }
            try escape(into: &text, opening: opening)
        }
    }

    private mutating func escape(
        into text: inout [UInt8], opening: Int
    ) throws(SyntaxError) {
        switch byte(at: offset + 1) {
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            try unicodeEscape(into: &text)
            return
        default:
            guard offset + 1 < utf8.count else {
                throw unterminated(opening)
            }
            throw SyntaxError(
                message: "a string has no such escape; a backslash itself is \\\\", offset: offset)
        }
        offset += 2
    }

    /// `\u00E9`, `\uD83D\uDE00`. As in jq, the first half of a pair alone is an error, the second
    /// half alone U+FFFD.
    private mutating func unicodeEscape(into text: inout [UInt8]) throws(SyntaxError) {
        guard let first = hexadecimal(at: offset + 2) else {
            throw SyntaxError(message: "\\u needs four hexadecimal digits", offset: offset)
        }
        var code = first
        var end = offset + 6
        if first & 0xFC00 == 0xD800 {
            guard byte(at: end) == UInt8(ascii: "\\"), byte(at: end + 1) == UInt8(ascii: "u"),
                let second = hexadecimal(at: end + 2), second & 0xFC00 == 0xDC00
            else {
                throw SyntaxError(
                    message: "half a surrogate pair: its second half must follow",
                    offset: offset)
            }
            code = 0x1_0000 + ((first & 0x3FF) << 10 | (second & 0x3FF))
            end += 6
        }
        text.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
        offset = end
    }

    private func unterminated(_ opening: Int) -> SyntaxError {
        SyntaxError(message: "the string that begins here has no end", offset: opening)
    }

    private func hexadecimal(at start: Int) -> UInt32? {
        var value: UInt32 = 0
        for index in start..<start + 4 {
            guard let digit = HexDigit.value(of: byte(at: index)) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

@inline(__always)
private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

@inline(__always)
private func isNameStart(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_")
}

@inline(__always)
private func isNameByte(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }
