// The tokens of a program's text. A token is a kind and a range of bytes; no text is copied:
//
//     .a | select(. > 1)      field 0..<2, pipe 3..<4, identifier 5..<11, openParen 11..<12, ...

/// A token: its kind, and the range of its bytes in the program's text.
struct Token {
    var kind: Kind
    var start: Int
    var end: Int

    enum Kind: UInt8 {
        case endOfText, invalid
        /// `name`, `module::name`
        case identifier
        /// `.name`, `$name`, `$__loc__`, `@name`, `12.5`; `quote` is the `"` that opens a string.
        case field, variable, location, format, number, quote
        case openParen, closeParen, openBracket, closeBracket, openBrace, closeBrace
        case dot, dots, question, alternatives, semicolon, colon, comma, pipe
        case plus, minus, star, slash, percent, slashSlash
        case equal, equalEqual, bangEqual, less, lessEqual, greater, greaterEqual
        case pipeEqual, plusEqual, minusEqual, starEqual, slashEqual, percentEqual, slashSlashEqual
        case and, `as`, `break`, `catch`, def, elif, `else`, end, foreach, `if`, `import`
        case include, label, module, or, reduce, then, `try`

        /// Whether the token is a word that no function can be called.
        var isKeyword: Bool { rawValue >= Kind.and.rawValue }
        /// Whether it is `)`, `]` or `}`.
        var isCloser: Bool { self == .closeParen || self == .closeBracket || self == .closeBrace }
    }
}

extension Token.Kind {
    /// The keyword whose bytes, the first one highest, are packed in a word; else `identifier`.
    init(word: UInt64) {
        switch word {
        case 0x61_6E64: self = .and
        case 0x6173: self = .as
        case 0x62_7265_616B: self = .break
        case 0x63_6174_6368: self = .catch
        case 0x64_6566: self = .def
        case 0x656C_6966: self = .elif
        case 0x656C_7365: self = .else
        case 0x65_6E64: self = .end
        case 0x66_6F72_6561_6368: self = .foreach
        case 0x6966: self = .if
        case 0x696D_706F_7274: self = .import
        case 0x69_6E63_6C75_6465: self = .include
        case 0x6C_6162_656C: self = .label
        case 0x6D6F_6475_6C65: self = .module
        case 0x6F72: self = .or
        case 0x7265_6475_6365: self = .reduce
        case 0x7468_656E: self = .then
        case 0x74_7279: self = .try
        default: self = .identifier
        }
    }
}
