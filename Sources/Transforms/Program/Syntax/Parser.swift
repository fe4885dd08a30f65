// Bytes of a program's text -> syntax tree, by recursive descent over jq 1.8's grammar:
//
//     query       what is allowed between brackets: def f: 1; .a as $x | f, 2 | 3
//     expression  operators, no `|`, `,`, `as`, `def`, `label`: the operand of those
//     term        a postfix term, under any number of `-`: the operand of the operators
//
// Only nesting recurses: a chain of operators, however long, is a loop over the stacks below.

/// Parses programs; `parse` is the entry point.
struct Parser {
    /// How deeply brackets, `if`, `reduce`, `try`, strings in strings, ... may be nested. A level
    /// takes up to 1 KiB of stack in a release build, and as much again to compile: a thread of 16
    /// MiB has room.
    static let nestingMax = 4000
    /// How many terms there may be on the path from the tree's root to its deepest leaf, which also
    /// bounds chains of operators other than `,`. Compiling, running and freeing a tree recurse
    /// that deep.
    static let heightMax = 10_000

    var lexer: Lexer
    /// The next token.
    var token: Token
    var nesting = 0
    /// The height of the tree that was read last.
    var height = 0
    /// The text of the string that is being read.
    var text: [UInt8] = []

    /// The operators of all open expressions whose right operand is being read.
    private var operations: [PendingOperator] = []
    /// What precedes the operand that is being read, in all open queries.
    private var pending: [PendingQuery] = []
    /// The operands before the last `,`, of all open lists.
    private var listed: [Term] = []
    private var lineStart = 0
    private var line = 1

    private struct PendingOperator {
        var left: Term
        var height: Int
        var operation: Operator
        var offset: Int
    }

    private struct PendingQuery {
        enum Kind {
            case pipe(Term)
            /// Its operands begin here among those of all open lists.
            case comma(Int)
            case binding(Term, [Pattern])
            case label(String)
            case definition(Definition)
        }
        var kind: Kind
        var height: Int
        var offset: Int
    }

    private init(_ utf8: [UInt8]) {
        lexer = Lexer(utf8)
        token = lexer.next()
    }

    /// The syntax tree of a program's or module's UTF-8 text.
    static func parse(_ utf8: [UInt8]) throws(SyntaxError) -> Module {
        var parser = Parser(utf8)
        return try parser.module()
    }
}

// MARK: - Tokens
extension Parser {
    mutating func advance() {
        token = lexer.next()
    }

    /// The text of a token without its first bytes: `$` of a variable, `.` of a field.
    func text(of token: Token, dropping count: Int = 0) -> String {
        String(decoding: lexer.utf8[token.start + count..<token.end], as: UTF8.self)
    }

    /// The line of an offset, from 1; offsets only grow.
    mutating func line(of offset: Int) -> Int {
        for index in lineStart..<offset where lexer.utf8[index] == 0x0A { line += 1 }
        lineStart = offset
        return line
    }

    /// A term that is one higher than the highest term in it.
    mutating func term(
        _ kind: Term.Kind, at offset: Int, over below: Int
    ) throws(SyntaxError) -> Term {
        height = below + 1
        guard height <= Self.heightMax else {
            throw SyntaxError(
                message: "the program's terms stand in each other more than \(Self.heightMax) deep",
                offset: offset)
        }
        return Term(kind: kind, offset: offset)
    }
}

// MARK: - Queries and expressions
extension Parser {
    // What few queries need is in separate functions, which keeps the stack frames of the recursion
    // small.
    mutating func query() throws(SyntaxError) -> Term {
        let base = pending.count
        while true {
            let start = token.start
            if token.kind == .def || token.kind == .label {
                try openDefinition()
                continue
            }
            let operand = try expression()
            switch token.kind {
            case .as: try openBinding(of: operand, start: start)
            case .comma, .pipe: try openOperator(after: operand, base: base)
            default: return pending.count == base ? operand : try closePending(operand, base: base)
            }
        }
    }

    @inline(never)
    private mutating func openDefinition() throws(SyntaxError) {
        let start = token.start
        if token.kind == .label {
            pending.append(PendingQuery(kind: .label(try labelName()), height: 0, offset: start))
        } else {
            let definition = try definition()
            pending.append(
                PendingQuery(kind: .definition(definition), height: height, offset: start))
        }
    }

    @inline(never)
    private mutating func openBinding(of source: Term, start: Int) throws(SyntaxError) {
        var below = height
        let patterns = try patterns()
        below = max(below, height)
        try expect(.pipe, "\"|\" and what the variables are for")
        pending.append(PendingQuery(kind: .binding(source, patterns), height: below, offset: start))
    }

    @inline(never)
    private mutating func openOperator(after operand: Term, base: Int) throws(SyntaxError) {
        var left = operand
        if pending.count > base, case .comma = pending[pending.count - 1].kind {
            if token.kind == .comma {
                pending[pending.count - 1].height = max(pending[pending.count - 1].height, height)
                listed.append(operand)
                return advance()
            }
            left = try close(pending.removeLast(), with: left)
        }
        var kind = PendingQuery.Kind.pipe(left)
        if token.kind == .comma {
            kind = .comma(listed.count)
            listed.append(left)
        }
        pending.append(PendingQuery(kind: kind, height: height, offset: token.start))
        advance()
    }

    @inline(never)
    private mutating func closePending(_ last: Term, base: Int) throws(SyntaxError) -> Term {
        var result = last
        while pending.count > base { result = try close(pending.removeLast(), with: result) }
        return result
    }

    /// A member's value: expressions joined by `|`.
    mutating func memberValue() throws(SyntaxError) -> Term {
        let base = pending.count
        while true {
            let operand = try expression()
            guard token.kind == .pipe else { return try closePending(operand, base: base) }
            try openOperator(after: operand, base: base)
        }
    }

    @inline(never)
    private mutating func close(
        _ query: PendingQuery, with right: Term
    ) throws(SyntaxError) -> Term {
        let kind: Term.Kind
        switch query.kind {
        case .pipe(let left): kind = .pipe(left, right)
        case .comma(let first):
            kind = .comma(Array(listed[first...]) + [right])
            listed.removeLast(listed.count - first)
        case .binding(let source, let patterns): kind = .binding(source, patterns, body: right)
        case .label(let name): kind = .label(name, body: right)
        case .definition(let definition): kind = .definition(definition, body: right)
        }
        return try term(kind, at: query.offset, over: max(query.height, height))
    }

    mutating func expression() throws(SyntaxError) -> Term {
        let base = operations.count
        while true {
            let right = try term()
            guard let next = Operator(token.kind) else {
                return operations.count == base ? right : try closeOperations(right, base: base)
            }
            try openOperation(next, after: right, base: base)
        }
    }

    /// Closes the operations that bind tighter than an operator, and opens its own.
    @inline(never)
    private mutating func openOperation(
        _ next: Operator, after operand: Term, base: Int
    ) throws(SyntaxError) {
        var left = operand
        while operations.count > base {
            let last = operations[operations.count - 1].operation
            let order = last.precedence - next.precedence
            guard order > 0 || (order == 0 && next.associativity != .right) else { break }
            guard order > 0 || next.associativity == .left else { throw notAssociative() }
            left = try apply(operations.removeLast(), to: left)
        }
        operations.append(
            PendingOperator(left: left, height: height, operation: next, offset: token.start))
        advance()
    }

    @inline(never)
    private mutating func closeOperations(
        _ last: Term, base: Int
    ) throws(SyntaxError) -> Term {
        var right = last
        while operations.count > base { right = try apply(operations.removeLast(), to: right) }
        return right
    }

    @inline(never)
    private mutating func apply(
        _ operation: PendingOperator, to right: Term
    ) throws(SyntaxError) -> Term {
        let kind: Term.Kind
        switch operation.operation {
        case .binary(let name): kind = .binary(name, operation.left, right)
        case .update(let name): kind = .update(name, operation.left, right)
        }
        return try term(kind, at: operation.offset, over: max(operation.height, height))
    }
}
