// Control flow over accesses, run for its outputs and for its paths: the paths must lead to the
// outputs. Both versions are generated from one source text (see Tracking.swift).

import TestSupport
import Testing

@testable import Transforms

/// A seed -> filters that only access parts of their input and select among them.
private struct FilterMaker {
    var numbers: SeededGenerator

    private static let accesses = [
        ".", ".a", ".b", ".[0]", ".[-1]", ".[1:]", ".[]", ".[]?", ".a?", "..", "empty",
        ".[(0, 1)]?",
        "getpath([\"a\", \"b\"])?",
        "recurse(.[]?)", "error(\"x\")", ".[:1][0]",
        "until(type != \"array\"; .[0])", "until(type != \"object\"; .a)",
    ]
    private static let conditions = [
        "true", ". == null", "type == \"object\"", ".a?", "(true, false)", "empty",
        "error(\"y\")", "any(.[]?; . == 1)",
    ]
    private static let step = "(\"a\", 0, \"b\") as $key ("

    private mutating func pick(_ texts: [String]) -> String {
        texts[Int.random(in: 0..<texts.count, using: &numbers)]
    }

    mutating func input() -> String {
        pick([
            "null", "1", "[]", "{}", "[1,[2,[3]],{\"a\":4}]", "{\"a\":{\"b\":[1,2]},\"b\":null}",
            "[[[5]],null,false]", "{\"a\":[{\"a\":1},{\"b\":2}],\"b\":{\"a\":null}}",
        ])
    }

    mutating func filter(_ depth: Int) -> String {
        if depth == 0 { return pick(Self.accesses) }
        let a = "(" + filter(depth - 1) + ")"
        let b = "(" + filter(Int.random(in: 0..<depth, using: &numbers)) + ")"
        let condition = pick(Self.conditions)
        let count = pick(["0", "1", "2", "1.5"])
        return pick([
            "\(a) | \(b)", "\(a) | \(b)", "\(a), \(b)", "\(a) // \(b)",
            "if \(condition) then \(a) else \(b) end", "\(a) | select(\(condition))",
            "try \(a)", "try \(a) catch empty", "select(. == null) | try error(null) catch \(a)",
            "label $out | \(a) | ., break $out", "label $out | \(a), break $out, \(b)",
            "\(condition) as $x | \(a)", ". as [$x, {a: $y}] | \(a)", ". as [$x] ?// $x | \(a)",
            "limit(\(count); \(a))", "skip(\(count); \(a))", "first(\(a))", "last(\(a))",
            "reduce \(Self.step)\(a); .[$key]? // .)", "foreach \(Self.step)\(a); .[$key]? // .)",
            "foreach \(Self.step)\(a); .[$key]? // .; \(b))", "limit(3; repeat(\(a) // .))",
            "def f(g): \(a) | g; f(\(b))",
            "def f: if type == \"array\" then .[] | f else \(a) end; f",
            "def f(g): if type == \"object\" then .a | f(g) else g end; f(\(a))",
        ])
    }
}

@Suite struct TrackingTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func pathsLeadToTheOutputs(_ seed: UInt64) {
        var maker = FilterMaker(numbers: SeededGenerator(state: seed))
        for _ in 0..<1000 {
            let filter = maker.filter(Int.random(in: 1...4, using: &maker.numbers))
            let input = maker.input()
            let outputs = "[limit(30; \(filter))]"
            let parts = "[limit(30; path(\(filter))) as $path | getpath($path)]"
            let values = Harness.run("try \(outputs) catch [\"error\", .]", input: input)
            let paths = Harness.run("try \(parts) catch [\"error\", .]", input: input)
            #expect(values.outputs.count == 1, "\(filter) < \(input)")
            #expect(paths.outputs == values.outputs, "\(filter) < \(input)")
            #expect(paths.limit == values.limit, "\(filter) < \(input)")
        }
    }
}
