// The syntax tree of a jq program: made by the parser, read by the compiler.
//
//     .users[] | select(.age > 18) | {name}
//
//     pipe(iterate(index(identity, "users")),
//          pipe(call("select", [binary(.greater, index(identity, "age"), 18)]),
//               object([name: index(identity, "name")])))
//
// Every term keeps the offset of its first byte in the program's text, from which line, column and
// the caret line of a message are derived. Names are kept as written: nothing is resolved here.

/// A term of the syntax tree, and its offset in the program's text.
struct Term: Equatable, Sendable {
    var kind: Kind
    /// The offset of the term's first byte in the program's UTF-8 text; for an operator between two
    /// terms, `|` and `,` too, of the operator (that is where a message about its operands points).
    var offset: Int

    /// Terms are equal when they mean the same program: offsets do not count.
    static func == (lhs: Term, rhs: Term) -> Bool { lhs.kind == rhs.kind }

    indirect enum Kind: Equatable, Sendable {
        /// `.`
        case identity
        /// `..`
        case recursion
        /// A number literal, as written: `1`, `1.50`, `1e1000`
        case number(String)
        /// `"text \(f) text"`, `@base64 "text \(f)"`; a plain string has at most one part, a text.
        case string(format: String?, parts: [StringPart])
        /// `@base64` alone; the name comes without its `@`.
        case format(String)
        /// `t[f]`; `.a`, `."a"` and `t.a` too, whose index is a string.
        case index(Term, Term)
        /// `t[from:upto]`; one of the bounds may be missing.
        case slice(Term, from: Term?, upto: Term?)
        /// `t[]`
        case iterate(Term)
        /// `t?`. In `.a?`, `t[f]?`, `t[f:g]?` and `t[]?` it suppresses errors of the access itself,
        /// not of `t`, `f` or `g`; after any other term it is `try t`. `(t.a)?` is `attempt`.
        case optional(Term)
        /// `[]`, `[f]`
        case array(Term?)
        /// `{...}`
        case object([ObjectMember])
        /// `-f`
        case negate(Term)
        /// `f | g`
        case pipe(Term, Term)
        /// `f, g, h`: two terms at least.
        case comma([Term])
        /// `f + g`, `f and g`, `f // g`, ...
        case binary(BinaryOperator, Term, Term)
        /// `p = f`, `p |= f`, `p += f`, ...
        case update(UpdateOperator, Term, Term)
        /// `if c then f elif c then f else f end`
        case conditional([Branch], otherwise: Term?)
        /// `try f`, `try f catch g`
        case attempt(Term, handler: Term?)
        /// `reduce f as p (initial; update)`; several patterns are `p ?// p`.
        case reduce(Term, [Pattern], initial: Term, update: Term)
        /// `foreach f as p (initial; update)`, `foreach f as p (initial; update; extract)`
        case foreach(Term, [Pattern], initial: Term, update: Term, extract: Term?)
        /// `f as p | body`, `f as p ?// p | body`
        case binding(Term, [Pattern], body: Term)
        /// `label $name | body`; the name comes without its `$`.
        case label(String, body: Term)
        /// `break $name`
        case breakLabel(String)
        /// `def name(parameters): f; body`
        case definition(Definition, body: Term)
        /// `name`, `name(f; g)`, `module::name`; `true`, `null`, `not`, `empty` are calls too.
        case call(String, [Term])
        /// `$name`, `$module::name`; the name comes without its `$`. `$__loc__` is `location`.
        case variable(String)
        /// `$__loc__`; the line counts from 1.
        case location(line: Int)
    }
}

/// A part of a string: `"text \(term)"`.
enum StringPart: Equatable, Sendable {
    /// The text after its escapes are read, never empty; a low surrogate alone is U+FFFD.
    case text(String)
    case term(Term)
}

/// A member of `{...}`. Shorthands are written out: `{a}` is `a: .a`, `{$x}` is `x: $x`,
/// `{@base64 "x"}` is `@base64 "x": .@base64 "x"`, `{$__loc__}` is `__loc__: $__loc__`; `{(f): g}`
/// and `{$x: g}` keep their term.
struct ObjectMember: Equatable, Sendable {
    var name: Term
    /// Nil for `{"a\(f)"}` alone: its value is `.[name]`, where the name is not evaluated again.
    var value: Term?
}

/// `if condition then body`, `elif condition then body`
struct Branch: Equatable, Sendable {
    var condition: Term
    var body: Term
}

/// What follows `as`.
indirect enum Pattern: Equatable, Sendable {
    /// `$name`
    case variable(String)
    /// `[p, q]`
    case array([Pattern])
    /// `{name: p, $name, $name: p, "text": p, (f): p}`
    case object([PatternMember])
}

/// A member of an object pattern. `$name` binds the name and looks it up; `binds` holds it then.
struct PatternMember: Equatable, Sendable {
    /// The term that gives the member's name: a string for `name:`, `"text":` and `$name`.
    var name: Term
    /// The variable bound to the member's value itself: `{$name}`, `{$name: p}`.
    var binds: String?
    var pattern: Pattern?
}

/// `def name(f; $value): body;`
final class Definition: Equatable, Sendable {
    let name: String
    /// The parameters in order; `$value` parameters keep their `$`.
    let parameters: [String]
    let body: Term

    init(name: String, parameters: [String], body: Term) {
        self.name = name
        self.parameters = parameters
        self.body = body
    }

    static func == (lhs: Definition, rhs: Definition) -> Bool {
        lhs.name == rhs.name && lhs.parameters == rhs.parameters && lhs.body == rhs.body
    }
}

/// `import "path" as name {metadata};`, `import "path" as $name;`, `include "path" {metadata};`
struct Import: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case include
        /// `as name`: its functions are called `name::f`.
        case module(String)
        /// `as $name`: its data is `$name::name` and `$name`; the name comes without its `$`.
        case data(String)
    }
    var kind: Kind
    var path: String
    /// The metadata object, a constant term, if one is given.
    var metadata: Term?
    var offset: Int

    static func == (lhs: Import, rhs: Import) -> Bool {
        lhs.kind == rhs.kind && lhs.path == rhs.path && lhs.metadata == rhs.metadata
    }
}

/// A whole text: a program, whose `body` is there, or a module of definitions.
struct Module: Equatable, Sendable {
    /// `module {...};`
    var metadata: Term?
    var imports: [Import]
    /// Definitions before the body, in order. A program's own leading `def`s are here too.
    var definitions: [Definition]
    /// Nil when the text ends after its imports and definitions.
    var body: Term?
}

enum BinaryOperator: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case and
    case or
    case alternative = "//"
}

enum UpdateOperator: String, Sendable, CaseIterable {
    case assign = "="
    case modify = "|="
    case add = "+="
    case subtract = "-="
    case multiply = "*="
    case divide = "/="
    case remainder = "%="
    case alternative = "//="
}

/// Why a program's text can't be read, and where.
struct SyntaxError: Error, Equatable, Sendable {
    /// The sentence, without its location: `unexpected ")"`.
    var message: String
    /// The offset in the program's UTF-8 bytes.
    var offset: Int
}
