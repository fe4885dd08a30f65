// Modules, imports, definitions and patterns:
//
//     module {name: "m"};  import "a" as a;  include "b";  def f(g; $x): g + $x;  f(.; 1)
//     . as {a: $x, $y, $z: [$w]} ?// [$x, $y] | ...

extension Parser {
    mutating func module() throws(SyntaxError) -> Module {
        var module = Module(metadata: nil, imports: [], definitions: [], body: nil)
        if token.kind == .module {
            advance()
            module.metadata = try metadata()
        }
        while token.kind == .import || token.kind == .include {
            module.imports.append(try importation())
        }
        while token.kind == .def { module.definitions.append(try definition()) }
        guard token.kind != .endOfText else { return module }
        module.body = try query()
        guard token.kind == .endOfText else { throw unexpected("an operator or the end") }
        return module
    }

    /// A constant object, and its `;`.
    private mutating func metadata() throws(SyntaxError) -> Term {
        let start = token.start
        let result = try query()
        guard let kind = result.constantKind else {
            throw SyntaxError(message: "Module metadata must be constant", offset: start)
        }
        guard kind == .object else {
            throw SyntaxError(message: "Module metadata must be an object", offset: start)
        }
        try expect(.semicolon, "\";\"")
        return result
    }

    @inline(never)
    private mutating func importation() throws(SyntaxError) -> Import {
        let word = token
        advance()
        let pathStart = token.start
        let path = try stringTerm("the module's path, a string")
        guard case .string(_, let parts) = path.kind, isPlain(parts) else {
            throw SyntaxError(message: "Import path must be constant", offset: pathStart)
        }
        var result = Import(kind: .include, path: "", metadata: nil, offset: word.start)
        if case .text(let text)? = parts.first { result.path = text }
        if word.kind == .import {
            try expect(.as, "\"as\"")
            switch token.kind {
            case .identifier: result.kind = .module(text(of: token))
            case .variable: result.kind = .data(text(of: token, dropping: 1))
            default: throw unexpected("a name or \"$name\" after \"as\"")
            }
            advance()
        }
        if token.kind == .semicolon {
            advance()
        } else {
            result.metadata = try metadata()
        }
        return result
    }

    /// `def name(f; $value): body;`
    mutating func definition() throws(SyntaxError) -> Definition {
        nesting += 1
        guard nesting <= Self.nestingMax else { throw nestedTooDeep() }
        let word = token
        advance()
        guard token.kind == .identifier else { throw unexpected("a name after \"def\"") }
        let name = text(of: token)
        advance()
        let parameters = token.kind == .openParen ? try parameters() : []
        try expect(.colon, "\":\"")
        let body = try query()
        guard token.kind == .semicolon else {
            throw unfinished(word, "\";\" after the definition of \(name)")
        }
        advance()
        nesting -= 1
        return Definition(name: name, parameters: parameters, body: body)
    }

    /// `(f; $value)`
    @inline(never)
    private mutating func parameters() throws(SyntaxError) -> [String] {
        let opener = token
        var parameters: [String] = []
        repeat {
            advance()
            guard token.kind == .identifier || token.kind == .variable else {
                throw unexpected("a parameter's name")
            }
            parameters.append(text(of: token))
            advance()
        } while token.kind == .semicolon
        try close(opener, .closeParen)
        return parameters
    }

    /// `label $name |`
    mutating func labelName() throws(SyntaxError) -> String {
        advance()
        guard token.kind == .variable else { throw unexpected("\"$name\" after \"label\"") }
        let name = text(of: token, dropping: 1)
        advance()
        try expect(.pipe, "\"|\"")
        return name
    }
}

// MARK: - Patterns
extension Parser {
    /// `as p ?// p`; the height is that of the highest term in them.
    mutating func patterns() throws(SyntaxError) -> [Pattern] {
        var patterns: [Pattern] = []
        var below = 0
        repeat {
            advance()
            patterns.append(try pattern())
            below = max(below, height)
        } while token.kind == .alternatives
        height = below
        return patterns
    }

    private mutating func pattern() throws(SyntaxError) -> Pattern {
        nesting += 1
        guard nesting <= Self.nestingMax else { throw nestedTooDeep() }
        let opener = token
        var result: Pattern
        switch token.kind {
        case .variable:
            result = .variable(text(of: token, dropping: 1))
            height = 0
            advance()
        case .openBracket:
            result = .array(try elements())
            try close(opener, .closeBracket)
        case .openBrace:
            result = .object(try members())
            try close(opener, .closeBrace)
        default: throw unexpected("\"$name\", \"[\" or \"{\"")
        }
        nesting -= 1
        height += 1
        return result
    }

    @inline(never)
    private mutating func elements() throws(SyntaxError) -> [Pattern] {
        var elements: [Pattern] = []
        var below = 0
        repeat {
            advance()
            elements.append(try pattern())
            below = max(below, height)
        } while token.kind == .comma
        height = below
        return elements
    }

    @inline(never)
    private mutating func members() throws(SyntaxError) -> [PatternMember] {
        var members: [PatternMember] = []
        var below = 0
        repeat {
            advance()
            members.append(try patternMember())
            below = max(below, height)
        } while token.kind == .comma
        height = below
        return members
    }

    private mutating func patternMember() throws(SyntaxError) -> PatternMember {
        let start = token
        var member = PatternMember(
            name: Term(kind: .identity, offset: start.start), binds: nil, pattern: nil)
        height = 1
        switch token.kind {
        case .variable:
            let name = text(of: token, dropping: 1)
            member.binds = name
            member.name = string(name, at: start.start)
            advance()
            guard token.kind == .colon else { return member }
        case .quote, .format:
            member.name = try stringTerm("a string")
        case .openParen: member.name = try computedName()
        case let kind where kind == .identifier || kind.isKeyword:
            member.name = string(text(of: token), at: start.start)
            advance()
        default: throw unexpected("a member's name or \"$name\"")
        }
        let below = height
        try expect(.colon, "\":\"")
        member.pattern = try pattern()
        height = max(below, height)
        return member
    }
}
