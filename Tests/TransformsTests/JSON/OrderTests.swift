// Sorting by signs (see KeySign.swift), against sorts that compare keys one by one.

import TestSupport
import Testing

@testable import Transforms

@Suite struct OrderTests {
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
        var random = SeededGenerator(state: seed &* 104_729)
        for _ in 0..<60 {
            let count = Int(random.next() % 40)
            // nan is less than itself, so the order of several of them is undefined.
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

    @Test func orderOfEachPair() {
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

    // MARK: Keys of many parts

    /// Keys that differ only in their last parts: strings after the same bytes, arrays of few
    /// elements, or of more than signs are made of.
    private static func key(_ random: inout SeededGenerator, _ depth: Int = 0) -> String {
        func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
        switch pick(depth == 2 ? 5 : 9) {
        case 0, 1: return keys[pick(keys.count)].replacing("nan", with: "2.5")
        case 2, 3:
            let shared = [0, 1, 6, 7, 8, 13, 14, 15, 60, 447, 448, 449, 500][pick(13)]
            let tails = ["", "a", "b", "\\u0000", "\\u0000a", "é", "12345678", "1234567"]
            return "\"\(String(repeating: "a", count: shared) + tails[pick(tails.count)])\""
        case 4: return "\(pick(3))"
        case 5:
            let same = Array(repeating: "1", count: [0, 1, 63, 64, 65, 70][pick(6)])
            return "[\((same + [key(&random, 2)]).joined(separator: ","))]"
        case 6: return "{\"a\":\(key(&random, depth + 1))}"
        default:
            let parts = (0..<pick(4)).map { _ in key(&random, depth + 1) }
            return "[\(parts.joined(separator: ","))]"
        }
    }

    /// Whether a sorted list of {k, i} is in the order of k, and of i where k is the same.
    private static let isOrdered = """
        . as $l | all(range(1; length);
            $l[. - 1] as $a | $l[.] as $b
            | $a.k < $b.k or ($a.k == $b.k and $a.i < $b.i))
        """

    @Test(arguments: 1...6) func keysOfManyParts(_ seed: UInt64) {
        var random = SeededGenerator(state: seed &* 15_485_863)
        for _ in 0..<25 {
            // Few different keys, or many.
            let pool = (0..<(1 + random.next() % 40)).map { _ in Self.key(&random) }
            let list = (0..<Int(random.next() % 300)).map { i in
                let key = pool[Int(random.next() % UInt64(pool.count))]
                return "{\"k\":\(key),\"i\":\(i)}"
            }
            let input = "[\(list.joined(separator: ","))]"
            for program in [
                "sort_by(.k) | (\(Self.isOrdered)), (map(.i) | sort == [range(length)])",
                "(map({k: [.k, .k], i}) | sort_by(.k[0], .k[1]) | \(Self.isOrdered)), true",
                "(map({k: [1, .k], i}) | sort_by(1, .k) | \(Self.isOrdered)), true",
                "map([.k, .i]) | (sort == sort_by(.[0])), (unique == sort)",
            ] {
                let outputs = ending(program, input).outputs
                #expect(outputs == ["true", "true"], "\(program) on \(input)")
            }
        }
    }

    /// A Double can equal two literals that differ from each other: keys are compared with their
    /// neighbours, however many have the same Double.
    @Test func doublesAmongLiterals() {
        let big = "[100000000000000000002,100000000000000000001]"
        let (a, b) = ("100000000000000000001", "100000000000000000002")
        for (list, sorted) in [
            ("1e20 + 0, $b, $a, $a, 0, 0, 0, 0, 0", "0,0,0,0,0,1e+20,\(a),\(a),\(b)"),
            (
                "[1e20 + 0, 5], [$b, 1], [$a, 2], [$a, 2], 0, 0, 0, 0, 0",
                "0,0,0,0,0,[\(a),2],[\(a),2],[\(b),1],[1e+20,5]"
            ),
        ] {
            let program = ". as [$b, $a] | [\(list)] | sort"
            #expect(ending(program, big).outputs == ["[\(sorted)]"], "\(list)")
        }
        let tiny = "[1e-400,2e-400,1.00000000000000000000e-400,2e-400,9,9,9,9,9]"
        let ordered = "[1E-400,1.00000000000000000000E-400,2E-400,2E-400,9,9,9,9,9]"
        #expect(ending("sort", tiny).outputs == [ordered])
    }

    /// nan is less than itself: what follows it in an array is never compared.
    @Test func keysAfterNan() {
        let program = "[range(20) | [nan, 20 - .]] | sort | map(.[1]) == [range(20) | 20 - .]"
        #expect(ending(program, "null").outputs == ["true"])
    }

    /// The first signs of all keys are the same.
    @Test func manySameKeys() {
        let program = """
            [range(3000) | ("a" * 400) + "\\(. * 7 % 3000 + 1000)"] | sort
            | map(.[400:] | tonumber) == [range(1000; 4000)]
            """
        #expect(ending(program, "null").outputs == ["true"])
    }
}
