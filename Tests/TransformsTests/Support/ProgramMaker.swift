// A seed -> programs, and inputs that suit them: builtins, operators, paths, updates, loops, nested
// at random. Most of them end soon, with outputs or an error.

import TestSupport

struct ProgramMaker {
    var numbers: SeededGenerator

    init(seed: UInt64) { numbers = SeededGenerator(state: seed) }

    static let inputs = [
        "null", "1", "-2.5", "\"abc\"", "\"aébc\"", "[1,2,3]", "[3,1,2,null,\"a\",[1],{\"a\":1}]",
        "{\"a\":1,\"b\":[1,2],\"c\":{\"d\":null}}", "[[1,2],[3,4]]", "{\"a\":{\"b\":{\"c\":1}}}",
        "[{\"a\":1,\"b\":2},{\"a\":3,\"b\":1},{\"a\":1,\"b\":0}]", "[]", "{}", "true",
        "[\"b\",\"a\",\"c\"]", "[0,1.5,-3]",
    ]

    private static let atoms = [
        ".", ".a", ".b", ".[0]", ".[]", ".[]?", ".a?", "1", "\"x\"", "null", "[.]", "{a: .}",
        "length", "keys", "add", "tostring", "tojson", "not", "type", ".[1:]", ".[:-1]", "..",
        "empty", "first", "last", "reverse", "sort", "unique", "min", "max", "flatten",
        "to_entries", "map(.)", "values", "numbers", "strings", "scalars", "any", "all",
        "range(3)", "tonumber", "ascii_upcase", "explode", "$x", "paths", "tostream", ".[-1]",
        "from_entries", "utf8bytelength", "abs", "floor", "-1", "2", "0", "@json", "@text",
        "@csv", "@sh", "@html", "@uri", "@base64", "test(\"a\")", "ltrimstr(\"a\")", "trim",
        "[match(\"a|b\"; \"g\").offset]", "join(\",\")", "implode", "has(\"a\")", "has(0)",
        "contains(\"a\")", "inside([1, 2, 3])", "infinite", "nan", "isnan", "gsub(\"a\"; \"b\")",
        "sub(\"(?<x>.)\"; \"<\\(.x)>\")", "limit(2; .[]?)", "until(true; .)", "[.[]?] | length",
        "walk(.)", "recurse", "isempty(.[]?)", "first(.[]?)", "nth(1)", "min_by(.a)?",
        "group_by(.a)?", "sort_by(.b)?", "unique_by(length)?", "with_entries(.)", "del(.[0])",
        "del(.a)", "map_values(.)", "map_values(empty)", "paths(type == \"number\")", "@tsv",
        "splits(\", \")?", "round", "pow(.; 2)?", "bsearch(1)", "toboolean?", "skip(1; .[]?)",
        ".[1.7]?", ".[2:1]", ".[null:2]?", "any(.[]?; . == 1)", "IN(1, 2)", "add(.[]?)",
        "range(0; 5; 2)", "fromjson?", "limit(0; 1)", "getpath([\"a\"])?", "error(null)?",
    ]

    private static let paths = [
        ".a", ".[]?", ".[0]?", ".[]", ".a.b", ".[1:]", ".[0:1]", ".[-1]", "..",
        ".[] | select(. != 1)", ".a, .b", "first(.[]?)", "getpath([0])", ".[]? | .a?", "last",
        "recurse",
    ]
    private static let updates = ["=", "|=", "+=", "//=", "-=", "*="]

    private mutating func pick(_ texts: [String]) -> String {
        texts[Int.random(in: 0..<texts.count, using: &numbers)]
    }

    /// A program, and an input for it.
    mutating func next() -> (program: String, input: String) {
        let depth = Int.random(in: 1...4, using: &numbers)
        return ("1 as $x | " + filter(depth), pick(Self.inputs))
    }

    private mutating func inner(_ depth: Int) -> String {
        "(" + filter(depth - 1 - Int.random(in: 0...1, using: &numbers)) + ")"
    }

    private mutating func filter(_ depth: Int) -> String {
        if depth <= 0 { return pick(Self.atoms) }
        func two(_ maker: inout ProgramMaker, _ sign: String) -> String {
            maker.inner(depth) + " " + sign + " " + maker.inner(depth)
        }
        switch Int.random(in: 0..<20, using: &numbers) {
        case 0: return two(&self, "|")
        case 1: return two(&self, ",")
        case 2: return two(&self, "+")
        case 3: return two(&self, "-")
        case 4: return "[" + inner(depth) + "]"
        case 5: return "if \(inner(depth)) then \(inner(depth)) else \(inner(depth)) end"
        case 6: return "try \(inner(depth)) catch ."
        case 7: return two(&self, "//")
        case 8: return inner(depth) + " as $x | " + inner(depth)
        case 9: return "reduce \(inner(depth)) as $x (0; \(inner(depth)))"
        case 10: return "[foreach \(inner(depth)) as $x (0; \(inner(depth)))]"
        case 11: return "map(\(inner(depth)))?"
        case 12: return "select(\(inner(depth)))"
        case 13: return two(&self, "==")
        case 14: return two(&self, "<")
        case 15: return "path(\(pick(Self.paths)))?"
        case 16: return "((\(pick(Self.paths))) \(pick(Self.updates)) \(inner(depth)))?"
        case 17: return "{a: \(inner(depth)), \"b\\(1)\": \(inner(depth))}"
        case 18: return "label $out | \(inner(depth)) | ., break $out"
        default: return "def f(g): \(inner(depth)) | g; f(\(inner(depth)))"
        }
    }
}
