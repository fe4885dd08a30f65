// Sums of fields that are added as they are found, and orders by signs, against programs and sorts
// that do it step by step.

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
    private static func rows(_ random: inout Seeded, _ pool: [String], hasOdd: Bool) -> String {
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

    private struct Ending: Equatable {
        var outputs: [String]
        var error: String?
    }

    private func ending(_ program: String, _ input: String) -> Ending {
        let outcome = Harness.run(program, input: input)
        #expect(outcome.compileError == nil && (outcome.error != nil || outcome.liveBlocks == 0))
        return Ending(outputs: outcome.outputs, error: outcome.error)
    }

    /// Each with a twin whose values are collected before they are added.
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
        var random = Seeded(state: seed &* 7_919)
        for _ in 0..<150 {
            let pool = random.next() % 2 == 0 ? Self.parts : Self.parts + Self.others
            let input = Self.rows(&random, pool, hasOdd: random.next() % 3 == 0)
            for (program, twin) in Self.sums {
                #expect(ending(program, input) == ending(twin, input), "\(program) on \(input)")
            }
        }
        for input in ["[]", "{}", "null", "1", #"{"a":{"n":1},"b":{"n":2.5}}"#, #""x""#] {
            for (program, twin) in Self.sums {
                #expect(ending(program, input) == ending(twin, input), "\(program) on \(input)")
            }
        }
    }

    /// Members that come from memory that was another's before.
    @Test func namesThatAreMadeAndGo() {
        let program = """
            [range(200) | {("k\\(. % 7)"): ., ("n\\(. % 3)"): 1} | .k1, .n2, .k3]
            | map(. // 0) | add
            """
        let twin = """
            [range(200) | [., . % 7, . % 3] | (if .[1] == 1 then .[0] else 0 end),
            (if .[2] == 2 then 1 else 0 end), (if .[1] == 3 then .[0] else 0 end)] as $l | $l | add
            """
        #expect(ending(program, "null") == ending(twin, "null"))
    }

    // MARK: Orders

    private static let keys = [
        "null", "false", "true", "nan", "-1e999", "1e999", "-0", "0", "0.0", "1", "1.0", "1.5",
        "-1", "2",
        "10", "9007199254740992", "9007199254740993", "9007199254740993.0", "100000000000000000001",
        "100000000000000000002", "1e-320", "-1e-320", #""""#, #""a""#, #""a\u0000""#,
        #""a\u0000b""#, #""ab""#,
        #""abcdefg""#, #""abcdefgh""#, #""abcdefgi""#, #""abcdefghi""#, #""abcdefgh\u0000""#,
        #""Łódź""#,
        #""Łódź!""#, #""é""#, "[]", "[1]", "[1,2]", "{}", #"{"a":1}"#, #"{"a":2}"#,
    ]

    /// By insertion, with jq's own order.
    private static let insertion = """
        def insert($x): if length == 0 then [$x] elif .[-1] <= $x then . + [$x]
            else .[:-1] as $l | .[-1] as $z | ($l | insert($x)) + [$z] end;
        reduce .[] as $x ([]; insert($x))
        """

    @Test(arguments: 1...4) func sortsAsByInsertion(_ seed: UInt64) {
        var random = Seeded(state: seed &* 104_729)
        for _ in 0..<60 {
            let count = Int(random.next() % 40)
            // nan is smaller than itself, so that its order among its kind is not told.
            let list = (0..<count).map { _ in
                Self.keys.filter { $0 != "nan" }[Int(random.next() % UInt64(Self.keys.count - 1))]
            }
            let input = "[\(list.joined(separator: ","))]"
            #expect(ending("sort", input) == ending(Self.insertion, input), "\(input)")
            // Stable: elements with the same key stay in their order.
            let pairs = "[\(list.enumerated().map { "[\($1),\($0)]" }.joined(separator: ","))]"
            #expect(
                ending("sort_by(.[0]) == sort_by(.[0], .[1])", pairs) == ending("true", "null"),
                "\(pairs)")
            #expect(
                ending("[group_by(.[0])[] | map(.[1])] | map(. == sort) | all", pairs)
                    == ending("true", "null"), "\(pairs)")
        }
    }

    @Test func orderOfEachTwo() {
        for (i, a) in Self.keys.enumerated() where a != "nan" {
            for b in Self.keys[i...] where b != "nan" {
                for input in ["[\(a),\(b)]", "[\(b),\(a)]"] {
                    #expect(
                        ending("sort", input)
                            == ending("if .[0] <= .[1] then . else [.[1], .[0]] end", input),
                        "\(input)")
                }
            }
        }
        #expect(
            ending("[nan, 1, nan, -infinite] | sort", "null").outputs == [
                "[null,null,-1.7976931348623157e+308,1]"
            ])
    }
}
