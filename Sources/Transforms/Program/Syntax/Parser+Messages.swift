// An unexpected token -> a sentence and its offset:
//
//     (1, 2]          "(" is closed by no ")"                       at the "("
//     if . then 1     "if" has no "end" ...                         at the "if"
//     1 + * 2         unexpected "*", expected a term               at the "*"

extension Parser {
    /// Consumes a token of a kind, or reports what was expected instead.
    mutating func expect(_ kind: Token.Kind, _ expected: String) throws(SyntaxError) {
        guard token.kind == kind else { throw unexpected(expected) }
        advance()
    }

    /// Consumes the bracket that closes an opener.
    mutating func close(_ opener: Token, _ kind: Token.Kind) throws(SyntaxError) {
        guard token.kind == kind else {
            let closer = kind == .closeParen ? ")" : kind == .closeBracket ? "]" : "}"
            throw unclosed(opener, "\"\(closer)\"")
        }
        advance()
    }

    /// Something expected is missing inside brackets; if they are not closed, the opener is at
    /// fault.
    @inline(never)
    func unclosed(_ opener: Token, _ expected: String) -> SyntaxError {
        guard token.kind == .endOfText || token.kind.isCloser else { return unexpected(expected) }
        let closer: String
        switch opener.kind {
        case .openParen: closer = ")"
        case .openBracket: closer = "]"
        default: closer = "}"
        }
        return SyntaxError(
            message: "\"\(text(of: opener))\" is closed by no \"\(closer)\"", offset: opener.start)
    }

    /// Something that a keyword needs is missing; if nothing else follows either, the keyword is at
    /// fault.
    @inline(never)
    func unfinished(_ word: Token, _ expected: String) -> SyntaxError {
        guard token.kind == .endOfText || token.kind.isCloser else { return unexpected(expected) }
        return SyntaxError(
            message: "\"\(text(of: word))\" is not finished: expected \(expected), found \(found)",
            offset: word.start)
    }

    @inline(never)
    func unexpected(_ expected: String) -> SyntaxError {
        let message: String
        switch token.kind {
        case .def where expected == "a term", .label where expected == "a term":
            message = "\(found) is no operand; put it in parentheses"
        case .invalid: message = "unexpected character \(found), expected \(expected)"
        default: message = "unexpected \(found), expected \(expected)"
        }
        return SyntaxError(message: message, offset: token.start)
    }

    @inline(never)
    func notAssociative() -> SyntaxError {
        SyntaxError(
            message: "\(found) needs parentheses: it can't follow an operator of its own rank",
            offset: token.start)
    }

    @inline(never)
    func nestedTooDeep() -> SyntaxError {
        SyntaxError(
            message: "the program is nested more than \(Self.nestingMax) deep", offset: token.start)
    }

    /// The token that was found, as a message names it.
    private var found: String {
        switch token.kind {
        case .endOfText: return "the end of the program"
        case .quote: return "a string"
        default:
            let shown = text(of: token)
            return shown.count <= 40 ? "\"\(shown)\"" : "\"\(shown.prefix(37))...\""
        }
    }
}
