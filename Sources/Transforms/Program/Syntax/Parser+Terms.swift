// Terms: literals, brackets, control structures, calls, and what may follow each of them:
//
//     -.a."b"[0][1:][]?        if . then 1 else 2 end.a        try error("x") catch .

extension Parser {
    /// A postfix term under any number of `-`. Each nesting of a program passes through here.
    mutating func term() throws(SyntaxError) -> Term {
        nesting += 1
        guard nesting <= Self.nestingMax else { throw nestedTooDeep() }
        let result = token.kind == .minus ? try negation() : try postfixTerm()
        nesting -= 1
        return result
    }

    @inline(never)
    private mutating func negation() throws(SyntaxError) -> Term {
        var offsets: [Int] = []
        while token.kind == .minus {
            offsets.append(token.start)
            advance()
        }
        var result = try postfixTerm()
        for offset in offsets.reversed() {
            result = try term(.negate(result), at: offset, over: height)
        }
        return result
    }

    private mutating func postfixTerm() throws(SyntaxError) -> Term {
        let start = token.start
        // `(.a)?` is `try .a`, which catches all of the term's errors, unlike `.a?`.
        var isGroup = token.kind == .openParen
        var result = try primary()
        while true {
            switch token.kind {
            case .field:
                let name = fieldName()
                result = try term(.index(result, name), at: start, over: height)
            case .dot:
                advance()
                result = try dotSuffix(of: result, start: start)
            case .openBracket:
                result = try bracketSuffix(of: result, start: start)
            case .question:
                advance()
                let isTry = isGroup && result.isAccess
                result = try term(
                    isTry ? .attempt(result, handler: nil) : .optional(result),
                    at: start, over: height)
            default: return result
            }
            isGroup = false
        }
    }

    /// `.name`: the name as a string term; its height does not count.
    private mutating func fieldName() -> Term {
        let name = string(text(of: token, dropping: 1), at: token.start)
        advance()
        return name
    }

    func string(_ text: String, at offset: Int) -> Term {
        Term(kind: .string(format: nil, parts: text.isEmpty ? [] : [.text(text)]), offset: offset)
    }

    /// What follows a term's `.`: `"name"`, `[f]`.
    @inline(never)
    private mutating func dotSuffix(of base: Term, start: Int) throws(SyntaxError) -> Term {
        if token.kind == .openBracket {
            let suffix = try bracketSuffix(of: base, start: start)
            guard case .slice = suffix.kind else { return suffix }
            throw SyntaxError(message: "a slice takes no \".\" before its \"[\"", offset: start)
        }
        let below = height
        let name = try stringTerm("a string or \"[\" after the \".\"")
        return try term(.index(base, name), at: start, over: max(below, height))
    }

    /// `[]`, `[f]`, `[f:g]`, `[f:]`, `[:g]`
    @inline(never)
    private mutating func bracketSuffix(of base: Term, start: Int) throws(SyntaxError) -> Term {
        let opener = token
        var below = height
        advance()
        if token.kind == .closeBracket {
            advance()
            return try term(.iterate(base), at: start, over: below)
        }
        var from: Term?
        if token.kind != .colon {
            let index = try query()
            below = max(below, height)
            if token.kind != .colon {
                try close(opener, .closeBracket)
                return try term(.index(base, index), at: start, over: below)
            }
            from = index
        }
        advance()
        var upto: Term?
        if from == nil || token.kind != .closeBracket {
            upto = try query()
            below = max(below, height)
        }
        try close(opener, .closeBracket)
        return try term(.slice(base, from: from, upto: upto), at: start, over: below)
    }

    private mutating func primary() throws(SyntaxError) -> Term {
        let start = token.start
        switch token.kind {
        case .field:
            let name = fieldName()
            let identity = Term(kind: .identity, offset: start)
            return try term(.index(identity, name), at: start, over: 1)
        case .identifier: return try call()
        case .dot:
            advance()
            height = 1
            let identity = Term(kind: .identity, offset: start)
            guard token.kind == .quote || token.kind == .format else { return identity }
            return try dotSuffix(of: identity, start: start)
        case .quote, .format: return try stringOrFormat()
        case .openParen:
            let opener = token
            advance()
            let inner = try query()
            try close(opener, .closeParen)
            return inner
        case .openBracket: return try array()
        case .openBrace: return try object()
        case .if: return try conditional()
        case .try: return try attempt()
        case .reduce, .foreach: return try fold()
        default: return try leaf()
        }
    }

    /// A term of a token or two.
    @inline(never)
    private mutating func leaf() throws(SyntaxError) -> Term {
        let kind: Term.Kind
        switch token.kind {
        case .number: kind = .number(text(of: token))
        case .variable: kind = .variable(text(of: token, dropping: 1))
        case .dots: kind = .recursion
        case .location: kind = .location(line: line(of: token.start))
        case .break:
            let start = token.start
            advance()
            guard token.kind == .variable else {
                throw unexpected("the label's \"$name\" after \"break\"")
            }
            let name = text(of: token, dropping: 1)
            advance()
            return try term(.breakLabel(name), at: start, over: 0)
        default: throw unexpected("a term")
        }
        let start = token.start
        advance()
        return try term(kind, at: start, over: 0)
    }

    /// `name`, `name(f; g)`
    @inline(never)
    private mutating func call() throws(SyntaxError) -> Term {
        let start = token.start
        let name = text(of: token)
        advance()
        guard token.kind == .openParen else { return try term(.call(name, []), at: start, over: 0) }
        let opener = token
        var arguments: [Term] = []
        var below = 0
        repeat {
            advance()
            arguments.append(try query())
            below = max(below, height)
        } while token.kind == .semicolon
        try close(opener, .closeParen)
        return try term(.call(name, arguments), at: start, over: below)
    }

    @inline(never)
    private mutating func array() throws(SyntaxError) -> Term {
        let opener = token
        advance()
        if token.kind == .closeBracket {
            advance()
            return try term(.array(nil), at: opener.start, over: 0)
        }
        let inner = try query()
        try close(opener, .closeBracket)
        return try term(.array(inner), at: opener.start, over: height)
    }

    /// `if c then f elif c then f else f end`
    @inline(never)
    private mutating func conditional() throws(SyntaxError) -> Term {
        let opener = token
        var branches: [Branch] = []
        var otherwise: Term?
        var below = 0
        repeat {
            advance()
            let condition = try query()
            below = max(below, height)
            guard token.kind == .then else { throw unfinished(opener, "\"then\"") }
            advance()
            branches.append(Branch(condition: condition, body: try query()))
            below = max(below, height)
        } while token.kind == .elif
        if token.kind == .else {
            advance()
            otherwise = try query()
            below = max(below, height)
            guard token.kind == .end else { throw unfinished(opener, "\"end\"") }
        }
        guard token.kind == .end else {
            throw unfinished(opener, "\"elif\", \"else\" or \"end\"")
        }
        advance()
        return try term(
            .conditional(branches, otherwise: otherwise), at: opener.start, over: below)
    }

    /// `try f`, `try f catch g`; both bodies are a postfix term, without operators.
    @inline(never)
    private mutating func attempt() throws(SyntaxError) -> Term {
        let start = token.start
        advance()
        let body = try term()
        guard token.kind == .catch else {
            return try term(.attempt(body, handler: nil), at: start, over: height)
        }
        let below = height
        advance()
        let handler = try term()
        return try term(
            .attempt(body, handler: handler), at: start, over: max(below, height))
    }

    /// `reduce f as p (g; h)`, `foreach f as p (g; h)`, `foreach f as p (g; h; i)`
    @inline(never)
    private mutating func fold() throws(SyntaxError) -> Term {
        let word = token
        advance()
        let source = try expression()
        var below = height
        guard token.kind == .as else { throw unexpected("\"as\"") }
        let patterns = try patterns()
        below = max(below, height)
        let opener = token
        try expect(.openParen, "\"(\"")
        let initial = try query()
        below = max(below, height)
        guard token.kind == .semicolon else { throw unclosed(opener, "\";\" and the update") }
        advance()
        let update = try query()
        below = max(below, height)
        var extract: Term?
        if word.kind == .foreach, token.kind == .semicolon {
            advance()
            extract = try query()
            below = max(below, height)
        }
        try close(opener, .closeParen)
        let kind: Term.Kind =
            word.kind == .reduce
            ? .reduce(source, patterns, initial: initial, update: update)
            : .foreach(source, patterns, initial: initial, update: update, extract: extract)
        return try term(kind, at: word.start, over: below)
    }
}

// MARK: - Strings
extension Parser {
    /// `"text"`, `@base64 "text"`; a format alone is not a string.
    mutating func stringTerm(_ expected: String) throws(SyntaxError) -> Term {
        guard token.kind == .quote || token.kind == .format else { throw unexpected(expected) }
        let start = token.start
        let result = try stringOrFormat()
        if case .format = result.kind {
            throw SyntaxError(message: "a format's string is missing here", offset: start)
        }
        return result
    }

    /// Whether a string has no `\(f)`.
    func isPlain(_ parts: [StringPart]) -> Bool {
        parts.allSatisfy { if case .text = $0 { true } else { false } }
    }

    @inline(never)
    mutating func stringOrFormat() throws(SyntaxError) -> Term {
        let start = token.start
        var format: String?
        if token.kind == .format {
            let name = text(of: token, dropping: 1)
            advance()
            guard token.kind == .quote else {
                return try term(.format(name), at: start, over: 0)
            }
            format = name
        }
        let opening = token.start
        var parts: [StringPart] = []
        var below = 0
        while true {
            let pause = try lexer.stringPiece(into: &text, opening: opening)
            if !text.isEmpty {
                parts.append(.text(String(decoding: text, as: UTF8.self)))
                text.removeAll(keepingCapacity: true)
            }
            if pause == .quote { break }
            let opener = Token(kind: .openParen, start: lexer.offset - 2, end: lexer.offset)
            advance()
            parts.append(.term(try query()))
            below = max(below, height)
            // The string continues right after this token: no token is read past it.
            guard token.kind == .closeParen else { throw unclosed(opener, "\")\"") }
        }
        advance()
        return try term(.string(format: format, parts: parts), at: start, over: below)
    }
}

extension Term {
    /// Whether the term ends in `.name`, `[f]`, `[f:g]` or `[]`.
    fileprivate var isAccess: Bool {
        switch kind {
        case .index, .slice, .iterate: true
        default: false
        }
    }
}
