// Program text -> tree -> text in canonical form, errors with their offsets, and what must hold of
// any text: reading what was printed gives the same tree, and no mutation of a program traps.

import TestSupport
import Testing

@testable import Transforms

/// Text, and the text of its tree.
private let canonical: [(String, String)] = [
    ("", ""), ("# only this", ""), (".", "."), ("..", ".."), ("( . )", "."),
    // Paths
    (".a .b", ".a.b"), (#"."a"."b c""#, #".a."b c""#), (#".["a"].and"#, ".a.and"),
    (#". "a\(1)b"?"#, #"."a\(1)b"?"#), (".a.[0]", ".a[0]"),
    (".[:1][1:][1:2][]", ".[:1][1:][1:2][]"),
    (".foo?.bar??", ".foo?.bar??"), ("..[0]?", "..[0]?"), ("...a", #"..["a"]"#),
    ("1 .a", #"1["a"]"#), ("1..a", #"1.["a"]"#), (#""abc"[1:]"#, #""abc"[1:]"#),
    ("$x.a[$y::z]", "$x.a[$y::z]"), ("f.a, a::b(1; .).c", "f.a, a::b(1; .).c"),
    ("(.a)?", "try .a"), ("(.a | .b)?", "(.a | .b)?"), ("((.a)?)?", "(try .a)?"),
    // Operators
    ("1|2,3//4", "1 | 2, 3 // 4"), ("(1|2)|3", "(1 | 2) | 3"), ("1|(2|3)", "1 | 2 | 3"),
    ("1,(2,3)", "1, (2, 3)"), ("(1//2)//3", "(1 // 2) // 3"), ("1//2//3", "1 // 2 // 3"),
    ("1-(2-3)-4", "1 - (2 - 3) - 4"), ("(1+2)*3%4", "(1 + 2) * 3 % 4"),
    ("(1==2)==3", "(1 == 2) == 3"), (".a=(.b=1)", ".a = (.b = 1)"), (".a|=.b//1", ".a |= .b // 1"),
    (".a//=1 or 2 and 3<=4+5*6", ".a //= 1 or 2 and 3 <= 4 + 5 * 6"),
    ("1- -1", "1 - -1"), ("- - .a[0]", "--.a[0]"), ("-(1+2)", "-(1 + 2)"), ("(-1).a", "(-1).a"),
    (".a? //1", ".a? // 1"),
    // Strings, numbers
    (#""\u00e9\ud83d\ude00\ude00\t\u0001""#, "\"é😀\u{FFFD}\\t\\u0001\""),
    (#""a\("b\(1,2)")c""#, #""a\("b\(1, 2)")c""#), (#"@json"x\(.)""#, #"@json "x\(.)""#),
    ("@base64.a", "@base64.a"), ("[.5,1.,1.e2,1E+3,0100]", "[.5, 1., 1.e2, 1E+3, 0100]"),
    // Objects
    (
        #"{a,"b":1,"c d","e\(1)",@text "f":2,(.g):3,$x,$y:4,$__loc__,if,and:5,}"#,
        #"{a, b: 1, "c d": ."c d", "e\(1)", @text "f": 2, (.g): 3, $x, ($y): 4, $__loc__, if, "#
            + "and: 5}"
    ),
    ("{a:1|2+3,b:.a=1}", "{a: 1 | 2 + 3, b: .a = 1}"),
    ("{a:(1|2),b:(1,2)}", "{a: 1 | 2, b: (1, 2)}"),
    ("{a:.a,b:.c,x:$x}", "{a, b: .c, $x}"),
    // Control structures
    ("if . then 1 elif 2 then 3 else 4 end.a", "if . then 1 elif 2 then 3 else 4 end.a"),
    ("try error(1) catch . + 1", "try error(1) catch . + 1"), ("try(1+2)", "try (1 + 2)"),
    ("try (try 1) catch 2", "try (try 1) catch 2"), ("try try 1 catch 2", "try try 1 catch 2"),
    ("reduce 1+2 as $x(0;.)[0]", "reduce 1 + 2 as $x (0; .)[0]"),
    ("foreach .[] as [$a]?//$a(0;1;2)", "foreach .[] as [$a] ?// $a (0; 1; 2)"),
    ("label $f|1,break $f", "label $f | 1, break $f"),
    ("1+2 as $x|-$x,3", "1 + 2 as $x | -$x, 3"), ("1,(2 as $x|3),4", "1, (2 as $x | 3), 4"),
    ("1,2 as $x|3", "1, 2 as $x | 3"), ("(1 as $x|2)|3", "(1 as $x | 2) | 3"),
    (
        #". as {a:$x,$y,$z:[$w],"k l":$v,(f):$u,"a\(1)":$t}|1"#,
        #". as {a: $x, $y, $z: [$w], "k l": $v, (f): $u, "a\(1)": $t} | 1"#
    ),
    ("def f:1;def g(a;$b):a;f|g(1;2)", "def f: 1; def g(a; $b): a; f | g(1; 2)"),
    ("(def f:1;f)", "(def f: 1; f)"), ("1|def f:2;f,3", "1 | def f: 2; f, 3"),
    (
        #"module{a:1};import"a"as b;import "c" as $d{};include "e";.x"#,
        #"module {a: 1}; import "a" as b; import "c" as $d {}; include "e"; .x"#
    ),
    // Comments and lines
    ("1 # a \\\n 2\n+3", "1 + 3"), ("1 # a \\\\\n+2", "1 + 2"), ("1 # a \\\r\n 2\r\n+3", "1 + 3"),
    ("1,\n$__loc__", "1, \n$__loc__"),
]

@Test func printsEachProgramInCanonicalForm() throws {
    for (text, printed) in canonical {
        let tree = try Parser.parse(text)
        #expect(Printer.text(of: tree) == printed)
        #expect(try Parser.parse(printed) == tree, "\(printed)")
    }
}

private let errors: [(String, Int, String)] = [
    ("1 +", 3, "unexpected the end of the program, expected a term"),
    ("1 + * 2", 4, #"unexpected "*", expected a term"#),
    ("1 2", 2, #"unexpected "2", expected an operator or the end"#),
    (".a?//1", 2, #"unexpected "?//", expected an operator or the end"#),
    ("1 & 2", 2, #"unexpected character "&", expected an operator or the end"#),
    ("é", 0, #"unexpected character "é", expected a term"#),
    ("(1, 2]", 0, #""(" is closed by no ")""#), ("f([1)", 2, #""[" is closed by no "]""#),
    ("{a: 1", 0, #""{" is closed by no "}""#), ("[1 2]", 3, #"unexpected "2", expected "]""#),
    (#"1 + "abc"#, 4, "the string that begins here has no end"),
    (#""a\(1"#, 2, #""\(" is closed by no ")""#),
    (#""a\x""#, 2, #"a string has no such escape; a backslash itself is \\"#),
    (#""\u12""#, 1, #"\u needs four hexadecimal digits"#),
    (#""\ud83d""#, 1, "half a surrogate pair: its second half must follow"),
    ("1 == 2 == 3", 7, #""==" needs parentheses: it can't follow an operator of its own rank"#),
    ("1 + def f: 2; f", 4, #""def" is no operand; put it in parentheses"#),
    (
        "(if . then 1)", 1,
        #""if" is not finished: expected "elif", "else" or "end", found ")""#
    ),
    ("if . else 1 end", 5, #"unexpected "else", expected "then""#),
    ("break x", 6, #"unexpected "x", expected the label's "$name" after "break""#),
    (
        "def f: 1", 0,
        #""def" is not finished: expected ";" after the definition of f, "#
            + "found the end of the program"
    ),
    ("{(1): 2}", 2, "Cannot use number (1) as object key"),
    ("{([1, {a: \"b\"}]): 2}", 2, "Cannot use array ([1,{\"a\":\"b\"}]) as object key"),
    ("{({a: [true, null]}): 2}", 2, "Cannot use object ({\"a\":[true,...) as object key"),
    ("{1: 2}", 1, "a member's name must be a string: put it in quotes"),
    (". as [] | 1", 6, #"unexpected "]", expected "$name", "[" or "{""#),
    ("module 1; .", 7, "Module metadata must be an object"),
    ("module {a: .}; .", 7, "Module metadata must be constant"),
    (#"import "\(1)" as a; ."#, 7, "Import path must be constant"),
    ("$ x", 0, #"unexpected character "$", expected a term"#),
    (".a.[1:]", 0, #"a slice takes no "." before its "[""#),
]

@Test func saysWhatIsWrongAndWhere() {
    for (text, offset, message) in errors {
        #expect(throws: SyntaxError(message: message, offset: offset), "\(text)") {
            try Parser.parse(text)
        }
    }
}

private func repeated(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
}

@Test func boundsNesting() {
    Harness.onLargeStack {
        let levels = Parser.nestingMax
        #expect(throws: Never.self) {
            try Parser.parse(repeated("[", levels - 1) + "1" + repeated("]", levels - 1))
        }
        for (open, close) in [
            ("[", "]"), ("(", ")"), ("{a:", "}"), ("if ", " then 1 end"), ("\"\\(", ")\""),
            ("f(", ")"), ("try ", ""), ("reduce ", " as $x (1; 1)"), ("def f: ", "; 1"),
            (".[", "]"),
        ] {
            #expect(throws: SyntaxError.self) {
                try Parser.parse(repeated(open, levels) + "1" + repeated(close, levels))
            }
        }
    }
}

@Test(arguments: ["1+", "1|", "1//", "-", "1 as $x|", "label $x|"])
func boundsHeight(_ link: String) {
    Harness.onLargeStack {
        #expect(throws: Never.self) {
            let tree = try Parser.parse(repeated(link, Parser.heightMax - 1) + "1")
            #expect(try Parser.parse(Printer.text(of: tree)) == tree)
        }
        #expect(throws: SyntaxError.self) {
            try Parser.parse(repeated(link, Parser.heightMax) + "1")
        }
    }
}

@Test func listsAreAsLongAsTheirText() throws {
    let tree = try Parser.parse(repeated("1,", 100_000) + "1")
    guard case .comma(let terms)? = tree.body?.kind else {
        Issue.record("no list")
        return
    }
    #expect(terms.count == 100_001)
    #expect(try Parser.parse(Printer.text(of: tree)) == tree)
}

/// Programs run that are far longer than those that generators make.
@Test(arguments: [
    ("1", "+1", 5000, "", "5001"), ("1", "|.", 5000, "", "1"), ("null", "//1", 5000, "", "1"),
    ("[1", ",1", 50_000, "] | length", "50001"), ("", ".a?", 4900, "", "null"),
    ("", ". as $x | ", 5000, "1", "1"), ("", "def f: 1; ", 5000, "f", "1"),
])
func runsLongPrograms(
    _ start: String, _ link: String, _ count: Int, _ end: String, _ output: String
) {
    let text = start + repeated(link, max(count, 1)) + end
    #expect(Harness.run(text).outputs == [output])
}

@Test(arguments: [("(", ")"), ("[", "][0]"), ("if . == null then ", " else 2 end")])
func runsNestedPrograms(_ open: String, _ close: String) {
    let text = repeated(open, 3000) + "1" + repeated(close, 3000)
    #expect(Harness.run(text).outputs == ["1"])
}

@Test func showsTheLocationOfAnOffset() {
    let text = Array(".a |\r\n  \"é\" ) x\n".utf8)
    let location = ProgramLocation(offset: 13, in: text)
    #expect(location == ProgramLocation(offset: 13, in: text))
    #expect(location.line == 2 && location.column == 7)
    #expect(location.excerpt == "  \"é\" ) x\n      ^")
    #expect(ProgramLocation(offset: 99, in: text).line == 3)
    #expect(ProgramLocation(offset: 0, in: []).excerpt == "\n^")
}

// MARK: - Random trees and texts

private struct TreeMaker {
    var random: SeededGenerator

    private mutating func pick<T>(_ items: [T]) -> T { items.randomElement(using: &random)! }
    private mutating func name() -> String { pick(["a", "b_1", "f", "m::g", "thenx"]) }
    private mutating func chance() -> Bool { Bool.random(using: &random) }

    private mutating func string(_ depth: Int) -> Term {
        var parts: [StringPart] = []
        if chance() { parts.append(.text(pick(["a", "if", "x y", "\"\\\n\u{1}é", "9"]))) }
        if depth > 0, Int.random(in: 0..<4, using: &random) == 0 {
            parts.append(.term(term(depth - 1)))
            if chance() { parts.append(.text("z")) }
        }
        let format = Int.random(in: 0..<5, using: &random) == 0 ? "text" : nil
        return Term(kind: .string(format: format, parts: parts), offset: 0)
    }

    private mutating func pattern(_ depth: Int) -> Pattern {
        switch depth > 0 ? Int.random(in: 0..<5, using: &random) : 0 {
        case 1: return .array([pattern(depth - 1), pattern(depth - 1)])
        case 2:
            let bound = Term(kind: .string(format: nil, parts: [.text("v")]), offset: 0)
            return .object([
                PatternMember(name: string(depth - 1), binds: nil, pattern: pattern(depth - 1)),
                PatternMember(name: bound, binds: "v", pattern: chance() ? .variable("w") : nil),
                PatternMember(
                    name: Term(kind: .call(name(), []), offset: 0), binds: nil,
                    pattern: pattern(depth - 1)),
            ])
        default: return .variable(pick(["x", "if", "m::y"]))
        }
    }

    private mutating func leaf() -> Term.Kind {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .identity
        case 1: .recursion
        case 2: .number(pick(["1", ".5", "1.", "1e3", "2.50"]))
        case 3: string(0).kind
        case 4: .format("json")
        case 5: .variable(pick(["x", "__prog_args", "m::y"]))
        case 6: .breakLabel("l")
        case 7: .location(line: 1)
        case 8: .array(nil)
        default: .call(name(), [])
        }
    }

    mutating func term(_ depth: Int) -> Term {
        guard depth > 0 else { return Term(kind: leaf(), offset: 0) }
        return Term(kind: kind(depth - 1), offset: 0)
    }

    private mutating func access(_ depth: Int) -> Term.Kind {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: .index(term(depth), term(depth))
        case 1: .index(term(depth), string(depth))
        case 2: .slice(term(depth), from: term(depth), upto: chance() ? term(depth) : nil)
        case 3: .slice(term(depth), from: nil, upto: term(depth))
        case 4: .iterate(term(depth))
        default: .optional(Term(kind: .index(term(depth), string(depth)), offset: 0))
        }
    }

    private mutating func kind(_ depth: Int) -> Term.Kind {
        switch Int.random(in: 0..<22, using: &random) {
        case 0...3: access(depth)
        case 4, 5: .pipe(term(depth), term(depth))
        case 6, 7: .comma([term(depth), term(depth)])
        case 8, 9: .binary(pick(BinaryOperator.allCases), term(depth), term(depth))
        case 10: .update(pick(UpdateOperator.allCases), term(depth), term(depth))
        case 11: .negate(term(depth))
        case 12: .attempt(term(depth), handler: chance() ? term(depth) : nil)
        case 13: .array(term(depth))
        case 14:
            .conditional(
                [
                    Branch(condition: term(depth), body: term(depth)),
                    Branch(condition: term(depth), body: term(depth)),
                ], otherwise: chance() ? term(depth) : nil)
        case 15: .reduce(term(depth), [pattern(2)], initial: term(depth), update: term(depth))
        case 16:
            .foreach(
                term(depth), [pattern(2), pattern(1)], initial: term(depth), update: term(depth),
                extract: chance() ? term(depth) : nil)
        case 17: .binding(term(depth), [pattern(2)], body: term(depth))
        case 18: .label("l", body: term(depth))
        case 19:
            .definition(
                Definition(name: name(), parameters: ["$p", "q"], body: term(depth)),
                body: term(depth))
        case 20: .call(name(), [term(depth), term(depth)])
        default:
            .object([
                ObjectMember(name: string(0), value: term(depth)),
                ObjectMember(name: Term(kind: .variable("x"), offset: 0), value: term(depth)),
                ObjectMember(
                    name: Term(kind: .pipe(term(depth), term(depth)), offset: 0),
                    value: term(depth)),
            ])
        }
    }
}

@Test func readsBackEveryPrintedTree() throws {
    var maker = TreeMaker(random: SeededGenerator(state: 20_260_724))
    for round in 0..<3000 {
        let tree = Module(
            metadata: nil, imports: [], definitions: [], body: maker.term(round % 6))
        let text = Printer.text(of: tree)
        if case .definition = tree.body?.kind { #expect(text.hasPrefix("(def ")) }
        #expect(try Parser.parse(text) == tree, "\(text)")
    }
}

@Test func neverTrapsOnBrokenPrograms() {
    var random = SeededGenerator(state: 7)
    let texts = canonical.map { Array($0.0.utf8) }
    let pieces = texts.joined() + [0, 0x80, 0xFF, 0xC3, 0x0D]
    var bytes = Array(pieces)
    for index in bytes.indices where bytes[index] == 0x0A { bytes[index] = 0x20 }
    for text in texts {
        for end in text.indices { _ = try? Parser.parse(Array(text[..<end])) }
    }
    var read = 0
    for _ in 0..<6000 {
        var text = texts.randomElement(using: &random)!
        for _ in 0...Int.random(in: 0..<3, using: &random) where !text.isEmpty {
            let index = text.indices.randomElement(using: &random)!
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text[index] = bytes.randomElement(using: &random)!
            case 1: text.insert(bytes.randomElement(using: &random)!, at: index)
            default: text.remove(at: index)
            }
        }
        do {
            let tree = try Parser.parse(text)
            let again = try? Parser.parse(Printer.text(of: tree))
            #expect(again == tree, "\(String(decoding: text, as: UTF8.self))")
            read += 1
        } catch {
            #expect((0...text.count).contains(error.offset))
            _ = ProgramLocation(offset: error.offset, in: text)
        }
    }
    #expect(read > 500)
}
