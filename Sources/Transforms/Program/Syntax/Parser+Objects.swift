// Object construction:
//
//     {a: 1, b, "c d": 2, "e\(1)": 3, @base64 "f": 4, (g): 5, $x, $y: 6, $__loc__}

extension Parser {
    @inline(never)
    mutating func object() throws(SyntaxError) -> Term {
        let opener = token
        var members: [ObjectMember] = []
        var below = 0
        advance()
        while token.kind != .closeBrace {
            members.append(try member())
            below = max(below, height)
            guard token.kind == .comma else { break }
            advance()
        }
        try close(opener, .closeBrace)
        return try term(.object(members), at: opener.start, over: below)
    }

    private mutating func member() throws(SyntaxError) -> ObjectMember {
        let start = token.start
        var name: Term
        var value: Term?
        height = 1
        switch token.kind {
        case .variable:
            let variable = text(of: token, dropping: 1)
            value = Term(kind: .variable(variable), offset: start)
            advance()
            name =
                token.kind == .colon
                ? Term(kind: .variable(variable), offset: start) : string(variable, at: start)
        case .location:
            value = try term(.location(line: line(of: start)), at: start, over: 0)
            advance()
            return ObjectMember(name: string("__loc__", at: start), value: value)
        case .quote, .format:
            name = try stringTerm("a member's name")
            if case .string(_, let parts) = name.kind, isPlain(parts) {
                value = try member(named: name)
            }
        case .openParen:
            name = try computedName()
            guard token.kind == .colon else { throw unexpected("\":\" and the member's value") }
        case let kind where kind == .identifier || kind.isKeyword:
            name = string(text(of: token), at: start)
            advance()
            value = try member(named: name)
        case .number:
            throw SyntaxError(
                message: "a member's name must be a string: put it in quotes", offset: start)
        default: throw unexpected("a member's name or \"}\"")
        }
        guard token.kind == .colon else { return ObjectMember(name: name, value: value) }
        let below = height
        advance()
        value = try memberValue()
        height = max(below, height)
        return ObjectMember(name: name, value: value)
    }

    /// `.name`, the value of the shorthand `{name}`.
    private mutating func member(named name: Term) throws(SyntaxError) -> Term {
        let identity = Term(kind: .identity, offset: name.offset)
        return try term(.index(identity, name), at: name.offset, over: 1)
    }

    /// `(f)` as a member's name; a constant other than a string is refused.
    mutating func computedName() throws(SyntaxError) -> Term {
        let opener = token
        advance()
        let start = token.start
        let name = try query()
        try close(opener, .closeParen)
        if let kind = name.constantKind, kind != .string {
            var shown = name.constantText
            if shown.utf8.count > 14 { shown = String(shown.prefix(11)) + "..." }
            throw SyntaxError(
                message: "Cannot use \(kind.rawValue) (\(shown)) as object key", offset: start)
        }
        return name
    }
}
