// Sums of fields that are added as they are found, against programs that do it step by step.

import TestSupport
import Testing

@testable import Transforms

@Suite struct ColumnTests {
    private static let parts = [
        "1", "2", "-3", "9007199254740992", "9007199254740993", "-9007199254740992", "1.50",
        "-0.25", "1e308",
        "100000000000000000000", "null", "0", "-0", "1e400",
    ]
    private static let others = [#""x""#, "[1]", "{}", "true", #"{"n":1}"#, #""""#]

    /// Rows of which `n` is something, or missing, or that are no objects.
    private static func rows(_ random: inout SeededGenerator, _ pool: [String], hasOdd: Bool)
        -> String
    {
        let rows = (0..<Int(random.next() % 7)).map { _ in
            let part = pool[Int(random.next() % UInt64(pool.count))]
            switch random.next() % (hasOdd ? 14 : 10) {
            case 0: return #"{"m":1}"#
            case 1: return #"{"m":1,"n":\#(part)}"#
            case 12: return "null"
            case 13: return "7"
            default: return #"{"n":\#(part),"m":2}"#
            }
        }
        return "[\(rows.joined(separator: ","))]"
    }

    /// Each with a reference: a program that collects the values before it adds them.
    private static let sums = [
        ("[.[].n] | add", "[.[].n] as $l | $l | add"),
        ("map(.n) | add", "map(.n) as $l | $l | add"),
        ("[.[].n] | add | [., 1]", "[.[].n] as $l | $l | add | [., 1]"),
        (". | map(.n) | add", ". | map(.n) as $l | $l | add"),
        ("{s: (map(.n) | add)}", "{s: (map(.n) as $l | $l | add)}"),
        ("try ([.[].n] | add) catch [.]", "try ([.[].n] as $l | $l | add) catch [.]"),
        ("[.] | map([.[].n] | add)", "[.] | map([.[].n] as $l | $l | add)"),
    ]

    @Test(arguments: 1...6) func sumsAreThoseOfCollectedValues(_ seed: UInt64) {
        var random = SeededGenerator(state: seed &* 7_919)
        for _ in 0..<150 {
            let pool = random.next() % 2 == 0 ? Self.parts : Self.parts + Self.others
            let input = Self.rows(&random, pool, hasOdd: random.next() % 3 == 0)
            for (program, reference) in Self.sums {
                #expect(
                    ending(program, input) == ending(reference, input), "\(program) on \(input)")
            }
        }
        for input in ["[]", "{}", "null", "1", #"{"a":{"n":1},"b":{"n":2.5}}"#, #""x""#] {
            for (program, reference) in Self.sums {
                #expect(
                    ending(program, input) == ending(reference, input), "\(program) on \(input)")
            }
        }
    }

    /// Members in memory that was freed and is used again.
    @Test func namesInReusedMemory() {
        let program = """
            [range(200) | {("k\\(. % 7)"): ., ("n\\(. % 3)"): 1} | .k1, .n2, .k3]
            | map(. // 0) | add
            """
        let reference = """
            [range(200) | [., . % 7, . % 3] | (if .[1] == 1 then .[0] else 0 end),
            (if .[2] == 2 then 1 else 0 end), (if .[1] == 3 then .[0] else 0 end)] as $l | $l | add
            """
        #expect(ending(program, "null") == ending(reference, "null"))
    }
}
