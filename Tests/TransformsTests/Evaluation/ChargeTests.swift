// Work on large values is charged by their size, wherever it is done: a program that repeats it
// reaches the limit of steps long before its number of operations does.

import Testing

@testable import Transforms

@Suite struct ChargeTests {
    /// A megabyte at each round: at 128 bytes a step some 8,000 steps, of 1,000,000.
    private static func expectCharged(_ value: String, _ filter: String) {
        var limits = RunLimits()
        limits.stepsMax = 1_000_000
        let program = "\(value) as $v | [range(3000) | ($v | \(filter)) | 1] | length"
        let outcome = Harness.run(program, limits: limits)
        #expect(outcome.limit == .steps, "\(program): \(outcome)")
    }

    @Test(arguments: [
        ". == .+\"\"", ". < .+\"b\"", ".+\"x\"", "tojson", "@sh", "@base64",
        "ascii_downcase", "explode", "split(\"b\")", "test(\"b\")",
        "\"\\(.)b\"", "index(\"b\")", "contains(\"b\")",
    ]) func strings(_ filter: String) {
        Self.expectCharged("(\"a\" * 1e6)", filter)
        Self.expectCharged("(\"é\" * 5e5)", filter)
    }

    @Test(arguments: [
        ". == (.[0] = 0)", "reverse", "sort", "add", "index(-1)", ".[5:6] = []", "del(.[0])",
        "tojson", ".-[1]", "contains([-1])", "map(.)", "flatten", ".[0] = 1", "any(. < 0)",
    ]) func arrays(_ filter: String) {
        Self.expectCharged("[range(1e5)]", filter)
    }

    @Test(arguments: [
        "keys", "to_entries", "del(.[\"5\"])", ".[\"x\"] = 1", "map_values(.)",
        ". == (.a = 0)",
        "tojson",
    ]) func objects(_ filter: String) {
        Self.expectCharged("(reduce range(3e4) as $i ({}; .[$i | tostring] = $i))", filter)
    }

    /// Slices share memory, and the code points of a string are counted once.
    @Test(arguments: [".[1:]", ".[:-1]", ".[1:-1]", ".[200000:]", "length", ".[5:] | .[5:]"])
    func slicesCostNothing(_ filter: String) {
        for value in ["(\"a\" * 1e6)", "(\"é\" * 5e5)", "[range(4e5)]"] {
            var limits = RunLimits()
            limits.stepsMax = 1_000_000
            let program = "\(value) as $v | [range(3000) | ($v | \(filter)) | 1] | length"
            let outcome = Harness.run(program, limits: limits)
            #expect(outcome.outputs == ["3000"], "\(program): \(outcome)")
        }
    }

    /// Deleting members one by one does not build a new index each time.
    @Test func deletesManyMembers() {
        let program = """
            [range(3000) | tostring] as $names
            | reduce $names[] as $name ({}; .[$name] = 1)
            | reduce $names[range(0; 3000; 2)] as $name (.; del(.[$name]))
            | [length, .["1"], .["2"], .["2999"], (to_entries | map(.key | tonumber) | . == sort)]
            """
        let outcome = Harness.run(program)
        #expect(outcome.outputs == ["[1500,1,null,1,true]"])
        #expect(outcome.liveBlocks == 0)
    }
}
