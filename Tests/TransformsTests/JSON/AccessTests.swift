// Optimised access to members and rows, against spellings of the same program that do not use it.

import Testing

@testable import Transforms

struct AccessTests {
    private static let inputs = [
        "null", "1", "[]", "{}", #"{"a":null}"#, #"{"a":1}"#, #"{"a":[]}"#, #"{"a":{}}"#,
        #"{"a":{"b":{"c":7}}}"#, #"{"a":{"b":[1,{"c":2}]}}"#, #"{"a":{"b":"x\ny"}}"#,
        #"{"a":[{"b":1},{"b":"two"},{"c":3},{"b":[4]}]}"#, #"{"a":[{"b":1},2]}"#,
        #"{"a":[null,{"b":{"c":1}}]}"#, #"{"a":{"x":{"b":1},"y":{"b":2}}}"#,
        #"{"b":2,"a":{"c":3,"b":{"d":4,"c":5}},"c":6}"#,
        #"[{"a":1,"b":2},{"b":3,"a":4},{"a":5}]"#,
    ]

    @Test(arguments: [
        (".a.b.c", ".a | .b | .c"), ("[.a[].b]", "[.a[] | .b]"),
        ("[.[].a]", "[.[] | .a]"), ("[.a.b[].c]", "[(.a | .b)[] | .c]"),
        (". as $x | $x.a.b", ". as $x | $x | .a | .b"),
        (". as $x | 1 | $x.a.b.c", ". as $x | 1 | $x | .a | .b | .c"),
        ("{a: .a, b: 1}", #"{("a" | .): .a} + {("b" | .): 1}"#),
        ("{a, b: .a.b}", #"{("a" | .): (.a), ("b" | .): (.a | .b)}"#),
        ("{a: 1, a: 2, b: 3}", #"{("a" | .): 2, ("b" | .): 3}"#),
        (#"{"a", "a\(1)": .a}"#, #"{("a" | .): (.a), ("a1" | .): (.a)}"#),
        ("{a: empty, b: 1}", "empty"), ("[{a: .a, b: (1, 2)}]", "[{a: .a} + {b: (1, 2)}]"),
        ("{a: 1, b: error(\"x\")}", "error(\"x\")"), ("[.a[].b] | add", "[.a[] | .b] | add"),
        ("{a: 1} | .b = 2 | .a = 3", "{a: 3, b: 2}"), ("{a: .} | del(.a)", "{}"),
    ])
    func spellingsAgree(_ quick: String, _ plain: String) {
        for input in Self.inputs {
            let got = Harness.run(quick, input: input)
            let expected = Harness.run(plain, input: input)
            #expect(got.outputs == expected.outputs, "\(quick) of \(input)")
            #expect(got.error == expected.error, "\(quick) of \(input)")
            #expect(got.liveBlocks == 0, "\(quick) of \(input)")
        }
    }

    /// Names are compared by overlapping words, with the result of a comparison byte by byte.
    @Test func namesCompareByAllTheirBytes() {
        for count in 0...40 {
            let name = String(repeating: "n", count: count)
            for index in 0..<max(count, 1) {
                var other = Array(name.utf8)
                if count > 0 { other[index] = UInt8(ascii: "m") }
                let wrong = String(decoding: other, as: UTF8.self)
                let input = "{\"\(wrong)\":1,\"\(name)\":2,\"\(name)n\":3}"
                let outcome = Harness.run(
                    "[.\"\(name)\", .\"\(name)n\", .\"\(wrong)\"]", input: input)
                #expect(outcome.outputs == [count > 0 ? "[2,3,1]" : "[2,3,2]"], "\(input)")
            }
        }
    }
}
