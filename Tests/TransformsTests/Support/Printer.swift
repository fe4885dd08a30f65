// Syntax tree -> program text in one form, with parentheses only where the tree needs them:
//
//     binary(.multiply, binary(.add, 1, 2), index(identity, "a"))      (1 + 2) * .a
//
// Parsing the text gives an equal tree. It is one line, except for the line breaks before a
// `$__loc__` that put it on its line. The parser's tests read back what it prints.

@testable import Transforms

struct Printer {
    private(set) var output = ""
    private var line = 1

    static func text(of module: Module) -> String {
        var printer = Printer()
        printer.module(module)
        return printer.output
    }

    static func text(of term: Term) -> String {
        var printer = Printer()
        printer.query(term)
        return printer.output
    }

    /// The context of a term, which decides whether it needs parentheses. `operand(n)` takes
    /// operators that bind as tightly as `n` or more; `primary` is what `.a` may follow.
    private enum PrintContext {
        case query, memberValue, comma, operand(Int), primary

        static let expression = PrintContext.operand(2)
        static let term = PrintContext.operand(9)
    }

    private mutating func write(_ text: String) { output += text }
}

// MARK: - Modules, definitions, patterns
extension Printer {
    private mutating func module(_ module: Module) {
        if let metadata = module.metadata {
            write("module ")
            query(metadata)
            write("; ")
        }
        for item in module.imports { importation(item) }
        for item in module.definitions {
            definition(item)
            write(" ")
        }
        if let body = module.body {
            // A leading definition would be parsed as one of the module's own.
            if case .definition = body.kind { parenthesised(body) } else { query(body) }
        } else if output.hasSuffix(" ") {
            output.removeLast()
        }
    }

    private mutating func importation(_ item: Import) {
        write(item.kind == .include ? "include " : "import ")
        quoted(item.path)
        switch item.kind {
        case .include: break
        case .module(let name): write(" as " + name)
        case .data(let name): write(" as $" + name)
        }
        if let metadata = item.metadata {
            write(" ")
            query(metadata)
        }
        write("; ")
    }

    private mutating func definition(_ definition: Definition) {
        write("def " + definition.name)
        if !definition.parameters.isEmpty {
            write("(" + definition.parameters.joined(separator: "; ") + ")")
        }
        write(": ")
        query(definition.body)
        write(";")
    }

    private mutating func patterns(_ patterns: [Pattern]) {
        list(patterns, separator: " ?// ") { $0.pattern($1) }
    }

    private mutating func pattern(_ pattern: Pattern) {
        switch pattern {
        case .variable(let name): write("$" + name)
        case .array(let elements):
            write("[")
            list(elements, separator: ", ") { $0.pattern($1) }
            write("]")
        case .object(let members):
            write("{")
            list(members, separator: ", ") { $0.patternMember($1) }
            write("}")
        }
    }

    private mutating func patternMember(_ member: PatternMember) {
        if let name = member.binds { write("$" + name) } else { memberName(member.name) }
        guard let inner = member.pattern else { return }
        write(": ")
        pattern(inner)
    }

    private mutating func list<Item>(
        _ items: [Item], separator: String, _ print: (inout Printer, Item) -> Void
    ) {
        for (index, item) in items.enumerated() {
            if index > 0 { write(separator) }
            print(&self, item)
        }
    }
}

// MARK: - Terms
extension Printer {
    private mutating func query(_ term: Term) { print(term, .query, isLast: true) }

    private mutating func parenthesised(_ term: Term) {
        write("(")
        query(term)
        write(")")
    }

    /// Prints a term, in parentheses if its context needs them. A term whose body is all that
    /// follows it (`as`, `def`, `label`) must be the last of the query: `isLast`.
    private mutating func print(_ term: Term, _ context: PrintContext, isLast: Bool = false) {
        guard fits(term, context, isLast: isLast) else { return parenthesised(term) }
        switch term.kind {
        case .pipe(let left, let right):
            if case .memberValue = context {
                print(left, .expression)
                write(" | ")
                print(right, .memberValue)
            } else {
                print(left, .comma)
                write(" | ")
                print(right, .query, isLast: isLast)
            }
        case .comma(let terms):
            for (i, operand) in terms.enumerated() {
                if i > 0 { write(", ") }
                print(operand, .expression, isLast: isLast && i == terms.count - 1)
            }
        case .binary: chain(term)
        case .update(let name, let left, let right):
            print(left, .operand(4))
            write(" " + name.rawValue + " ")
            print(right, .operand(4))
        case .binding(let source, let patterns, let body):
            print(source, .expression)
            write(" as ")
            self.patterns(patterns)
            write(" | ")
            query(body)
        case .label(let name, let body):
            write("label $" + name + " | ")
            query(body)
        case .definition(let definition, let body):
            self.definition(definition)
            write(" ")
            query(body)
        case .negate(var operand):
            write("-")
            while case .negate(let inner) = operand.kind {
                write("-")
                operand = inner
            }
            print(operand, .term)
        case .attempt(let body, let handler): attempt(body, handler)
        default: primary(term)
        }
    }

    private func fits(_ term: Term, _ context: PrintContext, isLast: Bool) -> Bool {
        let precedence: Int
        switch term.kind {
        case .binding, .label, .definition:
            switch context {
            case .query, .comma: return isLast
            case .operand(let least): return isLast && least == 2
            case .memberValue, .primary: return false
            }
        case .pipe:
            switch context {
            case .query, .memberValue: return true
            default: return false
            }
        case .comma: precedence = 1
        case .binary(let name, _, _): precedence = Operator.binary(name).precedence
        case .update(let name, _, _): precedence = Operator.update(name).precedence
        case .negate, .attempt: precedence = 9
        default: return true
        }
        switch context {
        case .query, .comma: return true
        case .memberValue: return precedence >= 2
        case .operand(let least): return precedence >= least
        case .primary: return false
        }
    }

    /// `a + b + c`: down the left operands, then back up, without recursion.
    private mutating func chain(_ term: Term) {
        var links: [(name: BinaryOperator, right: Term)] = []
        var left = term
        var context = PrintContext.query
        while case .binary(let name, let operand, let right) = left.kind,
            links.isEmpty || fits(left, context, isLast: false)
        {
            let operation = Operator.binary(name)
            let own = operation.precedence
            links.append((name, right))
            left = operand
            context = .operand(operation.associativity == .left ? own : own + 1)
        }
        print(left, context)
        while let (name, right) = links.popLast() {
            let operation = Operator.binary(name)
            let own = operation.precedence
            write(" " + name.rawValue + " ")
            print(right, .operand(operation.associativity == .right ? own : own + 1))
        }
    }

    private mutating func attempt(_ body: Term, _ handler: Term?) {
        write("try ")
        guard let handler else { return print(body, .term) }
        if takesCatch(body) { parenthesised(body) } else { print(body, .term) }
        write(" catch ")
        print(handler, .term)
    }

    /// Whether a `catch` right after the term would be parsed as its own.
    private func takesCatch(_ term: Term) -> Bool {
        var rest = term
        while true {
            switch rest.kind {
            case .negate(let operand): rest = operand
            case .attempt(_, let handler?): rest = handler
            case .attempt(_, nil): return true
            default: return false
            }
        }
    }

    /// A term that needs no parentheses anywhere.
    private mutating func primary(_ term: Term) {
        switch term.kind {
        case .identity: write(".")
        case .recursion: write("..")
        case .number(let digits): write(digits)
        case .string(let format, let parts): string(format, parts)
        case .format(let name): write("@" + name)
        case .variable(let name): write("$" + name)
        case .breakLabel(let name): write("break $" + name)
        case .location(let line): location(line)
        case .call(let name, let arguments):
            write(name)
            if !arguments.isEmpty {
                write("(")
                list(arguments, separator: "; ") { $0.query($1) }
                write(")")
            }
        case .index(let base, let index): self.index(base, index)
        case .slice(let base, let from, let upto):
            print(base, .primary)
            write("[")
            if let from { query(from) }
            write(":")
            if let upto { query(upto) }
            write("]")
        case .iterate(let base):
            print(base, .primary)
            write("[]")
        case .optional(let base):
            print(base, .primary)
            write("?")
        case .array(let elements):
            write("[")
            if let elements { query(elements) }
            write("]")
        case .object(let members):
            write("{")
            list(members, separator: ", ") { $0.member($1) }
            write("}")
        default: controlStructure(term)
        }
    }

    private mutating func controlStructure(_ term: Term) {
        switch term.kind {
        case .conditional(let branches, let otherwise):
            for (index, branch) in branches.enumerated() {
                write(index == 0 ? "if " : "elif ")
                query(branch.condition)
                write(" then ")
                query(branch.body)
                write(" ")
            }
            if let otherwise {
                write("else ")
                query(otherwise)
                write(" ")
            }
            write("end")
        case .reduce(let source, let patterns, let initial, let update):
            write("reduce ")
            fold(source, patterns, [initial, update])
        case .foreach(let source, let patterns, let initial, let update, let extract):
            write("foreach ")
            fold(source, patterns, [initial, update] + (extract.map { [$0] } ?? []))
        default: preconditionFailure("`print` handles every other kind")
        }
    }

    private mutating func fold(_ source: Term, _ patterns: [Pattern], _ parts: [Term]) {
        print(source, .expression)
        write(" as ")
        self.patterns(patterns)
        write(" (")
        list(parts, separator: "; ") { $0.query($1) }
        write(")")
    }

    private mutating func location(_ wanted: Int) {
        while line < wanted {
            write("\n")
            line += 1
        }
        write("$__loc__")
    }
}

// MARK: - Names and strings
extension Printer {
    private mutating func index(_ base: Term, _ index: Term) {
        if case .string(nil, let parts) = index.kind {
            switch base.kind {
            // `1.a` and `...a` would be parsed differently, or not at all.
            case .number, .recursion: break
            case .identity: return field(parts)
            default:
                print(base, .primary)
                return field(parts)
            }
        }
        print(base, .primary)
        write("[")
        query(index)
        write("]")
    }

    private mutating func field(_ parts: [StringPart]) {
        write(".")
        if let name = name(of: parts) { write(name) } else { string(nil, parts) }
    }

    private mutating func member(_ member: ObjectMember) {
        guard let value = member.value else { return memberName(member.name) }
        if case .string(nil, let parts) = member.name.kind, let name = name(of: parts) {
            switch value.kind {
            case .variable(name): return write("$" + name)
            case .location(let line) where name == "__loc__": return location(line)
            case .index(let base, let index)
            where base.kind == .identity && index.kind == member.name.kind: return write(name)
            default: break
            }
        }
        memberName(member.name)
        write(": ")
        print(value, .memberValue)
    }

    private mutating func memberName(_ term: Term) {
        switch term.kind {
        case .string(let format, let parts):
            if format == nil, let name = name(of: parts) {
                write(name)
            } else {
                string(format, parts)
            }
        case .variable(let name): write("($" + name + ")")
        default: parenthesised(term)
        }
    }

    /// The text of a string that is a valid name: letters, digits and `_`.
    private func name(of parts: [StringPart]) -> String? {
        guard parts.count == 1, case .text(let text) = parts[0] else { return nil }
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                continue
            case UInt8(ascii: "0")...UInt8(ascii: "9") where index > 0: continue
            default: return nil
            }
        }
        return text
    }

    private mutating func string(_ format: String?, _ parts: [StringPart]) {
        if let format { write("@" + format + " ") }
        write("\"")
        for part in parts {
            switch part {
            case .text(let text): escaped(text)
            case .term(let term):
                write("\\(")
                query(term)
                write(")")
            }
        }
        write("\"")
    }

    private mutating func quoted(_ text: String) {
        write("\"")
        escaped(text)
        write("\"")
    }

    private mutating func escaped(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": write("\\\"")
            case "\\": write("\\\\")
            case "\n": write("\\n")
            case "\r": write("\\r")
            case "\t": write("\\t")
            case "\0"..<" ", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                write("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
            default: output.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Parser {
    static func parse(_ text: String) throws(SyntaxError) -> Module {
        try parse(Array(text.utf8))
    }
}
