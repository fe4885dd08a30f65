// Limits of a run: each ends it with an error that no `try` catches, and the runner can be used
// again.

import Foundation
import Testing

@testable import Transforms

@Suite struct LimitTests {
    static func limits(memoryMiB: Int = 32) -> RunLimits {
        var limits = RunLimits()
        limits.memoryBytesMax = memoryMiB << 20
        limits.callDepthMax = 2000
        return limits
    }

    @Test(arguments: [
        "[range(1e12)]", "[limit(1e9; repeat(1))]", "reduce range(1e12) as $i (\"a\"; . + .)",
        "[range(1e7) | tostring]", "try [range(1e12)] catch 1",
        "reduce range(1e12) as $i ({}; .[$i | tostring] = [$i])",
        "[repeat({a: [1, 2, 3]})]", "\"x\" * 1e8 * 10",
        "reduce range(1e9) as $i ([]; [., .])|tojson",
    ]) func memory(_ program: String) {
        let outcome = Harness.run(program, limits: Self.limits())
        #expect(outcome.limit == .memory, "\(outcome)")
    }

    @Test(arguments: [
        "def f: [f]; f", "def f: 1 + f; f", "def f(g): f(g | g) | .; f(.)", "def f: f | f; f",
        "def a: b_; def b_: 1; def r: [r]; try r catch 1",
    ]) func depth(_ program: String) {
        let outcome = Harness.run(program, limits: Self.limits(memoryMiB: 256))
        if program.contains("b_") {
            #expect(outcome.compileError?.message == "b_/0 is not defined")
        } else {
            #expect(outcome.limit == .depth, "\(outcome)")
        }
    }

    @Test(arguments: [
        "last(range(1e15))", "def f: f; f", "until(false; . + 1)", "[limit(1; repeat(empty))]",
        "first(range(1e15) | select(. < 0))", "reduce range(1e15) as $i (0; $i)",
        "label $f | range(1e15) | select(. < 0) | break $f", "try last(range(1e15)) catch 1",
        "isempty(range(1e15) | empty)", "any(range(1e15); . < 0)",
        "[range(1e5)] | combinations(9) | select(false)",
    ]) func steps(_ program: String) throws {
        var limits = Self.limits(memoryMiB: 64)
        limits.stepsMax = 200_000
        let outcome = Harness.run(program, limits: limits)
        #expect(outcome.limit == .steps, "\(outcome)")
    }

    /// Operations that take time for each digit of a number or byte of a string are charged for
    /// them, and the limit is checked between two values.
    private static let ofAnyScalar = [
        "[range(1000) as $i | $x < $x] | length", "[range(1000) as $i | $x] | max",
        "[range(1000) as $i | $x] | sort | length",
        "[range(1000) as $i | {a: $x}] | group_by(.a) | length",
        "[range(1000) as $i | $x] as $l | $l == [$l[]]",
        "[range(1000) as $i | {a: $x}] as $l | $l == ($l | map({a}))",
        "[range(1000) as $i | $x] - [$x] | length", "[range(1000) as $i | $x] | unique | length",
        "[range(9000) as $i | $x] | tojson | length",
    ]

    private func expectSteps(_ program: String, _ input: String) {
        var limits = Self.limits(memoryMiB: 2000)
        limits.stepsMax = 200_000
        let outcome = Harness.run(". as $x | " + program, input: input, limits: limits)
        #expect(outcome.limit == .steps, "\(outcome)")
    }

    private static let digits = String(repeating: "7", count: 100_000)

    private static let ofNumbers =
        ofAnyScalar + [
            "[range(1000) as $i | $x + 1] | length", "[range(1000) as $i | $x | floor] | length",
            "[range(1000) as $i | $x] | add", "[range(1000) as $i | $x] | implode?",
            "[range(1000) as $i | [$i % 2, $x, -$i]] | sort | length",
            "[range(1000) as $i | if $i % 2 == 0 then $x else $i end] | sort | length",
            "[range(1000) as $i | [1, 2] | .[$x]?] | length",
            "[range(1000) as $i | pow($x; 2)] | length",
        ]

    @Test(arguments: ofNumbers) func longNumbers(_ program: String) {
        expectSteps(program, Self.digits)
    }

    /// Equal bytes in different memory: the same memory is known to be equal at once.
    private static let ofStrings = [
        "[range(1000) as $i | $x < $y] | length", "[range(1000) as $i | $x, $y] | max",
        "[range(1000) as $i | $x, $y] | sort | length",
        "[range(1000) as $i | {a: $x}] | group_by(.a) | length",
        "[range(1000) as $i | $x] as $l | [range(1000) as $i | $y] as $m | $l == $m",
        "[range(1000) as $i | {a: $x}] as $l | [range(1000) | {a: $y}] as $m | $l == $m",
        "[range(1000) as $i | $x] - [$y] | length",
        "[range(1000) as $i | $x, $y] | unique | length",
        "[range(9000) as $i | $x] | tojson | length",
    ]

    @Test(arguments: ofStrings) func longStrings(_ program: String) {
        expectSteps("($x[:-1] + \"7\") as $y | " + program, "\"\(Self.digits)\"")
    }

    @Test func deadlineAndCancel() throws {
        let program = try Program.compile("last(range(1e15))")
        let runner = Runner()
        runner.begin(deadlineNanoseconds: MonotonicClock.nanoseconds() + 20_000_000)
        #expect(throws: RunFailure.self) { try runner.evaluate(program, .null) { _ in true } }
        #expect(runner.limitMet == .deadline)
        let flag = CancelFlag()
        flag.cancel()
        runner.begin(cancel: flag)
        #expect(throws: RunFailure.self) { try runner.evaluate(program, .null) { _ in true } }
        #expect(runner.limitMet == .cancelled)
        // The runner can be used again.
        runner.begin()
        var count = 0
        try runner.evaluate(try Program.compile("range(5)"), .null) { _ in
            count += 1
            return true
        }
        #expect(count == 5)
    }

    @Test(arguments: [9_999, 10_000, 10_001]) func jsonDepth(_ depth: Int) {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let outcome = Harness.run("1", input: text)
        #expect((outcome.error == "input is not JSON") == (depth > 10_000))
    }

    @Test func programNesting() {
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        #expect(Harness.run(deep).compileError != nil)
        #expect(Harness.run(String(repeating: "1+", count: 3000) + "1").outputs == ["3001"])
        #expect(Harness.run(String(repeating: ".|", count: 3000) + "1").outputs == ["1"])
    }

    /// The memory of a loop does not grow with its iterations.
    @Test(arguments: [
        "last(range(1e5) | {a: .})", "reduce range(1e5) as $i (null; {n: $i})",
        "last(range(1e5) | [.] | tojson | fromjson)",
        "def f: if . >= 1e5 then . else {a: .} | .a + 1 | f end; 0 | f",
        "0 | until(. >= 1e5; [. + 1] | .[0])",
        "last(range(1e5) | try error({a: .}) catch .)", "last(limit(1e5; repeat([1, [2]])))",
        "reduce range(1e5) as $i ({}; .[$i % 10 | tostring] += 1) | length",
        "last(range(1e5) | \"\\(.)x\" | sub(\"x\"; \"y\"))",
        "last(foreach range(1e5) as $i ({}; {a: $i}; [.]))", "last(label $f | range(1e5) | [.])",
        "last(range(1e5) | . as [$a] ?// $a | [$a])",
        "last(range(1e5) | [., 1] | sort | group_by(.) | map(add))",
    ]) func constantMemory(_ program: String) {
        let outcome = Harness.run(program, limits: Self.limits(memoryMiB: 1))
        #expect(outcome.outputs.count == 1, "\(outcome)")
        #expect(outcome.liveBlocks == 0)
    }
}
