// `fromjson` of long texts, which borrows, against that of short ones, which copies.

import Testing

@testable import Transforms

struct FromJSONTests {
    /// Some 100 kB of rows; the texts made of it are longer than those which are copied.
    private static let document: String = {
        let rows = (0..<1_000).map { i in
            #"{"id":\#(i),"at":\#(i).250,"name":"n\#(i)\nÉ","tags":["a",null,true,1e3,"\u00e9"],"#
                + #""o":{"a":{},"b":[]}}"#
        }
        return "[" + rows.joined(separator: ",") + "]"
    }()

    @Test(arguments: [
        ("tojson | fromjson", "."), ("[tojson, tojson] | map(fromjson) | .[1]", "."),
        ("(tojson | fromjson) == .", "true"),
        ("tojson | fromjson | .[0].name |= . + \"x\" | .[0].name", ".[0].name + \"x\""),
        ("tojson | fromjson | map(.tags[1] = 2) | .[7].tags", ".[7].tags | .[1] = 2"),
        ("tojson | fromjson | map(.name) | unique | length", "1000"),
        ("tojson | fromjson | group_by(.id % 3) | map(length)", "group_by(.id % 3) | map(length)"),
        ("tojson as $t | [$t | fromjson | .[5:8][] | .at]", "[.[5:8][] | .at]"),
        ("tojson as $t | [$t, $t, $t] | map(fromjson | length)", "[1000, 1000, 1000]"),
        ("reduce range(40) as $i (.; tojson | fromjson) | length", "length"),
        ("tojson | .[:-1] | try fromjson catch .", #"tojson | .[:-1] | try fromjson catch ."#),
    ])
    func agrees(_ borrowing: String, _ plain: String) {
        let got = Harness.run(borrowing, input: Self.document)
        let expected = Harness.run(plain, input: Self.document)
        #expect(got.outputs == expected.outputs, "\(borrowing)")
        #expect(got.error == nil && expected.error == nil, "\(borrowing): \(got.error ?? "")")
        #expect(got.liveBlocks == 0, "\(borrowing)")
    }

    /// The message about a text that is malformed near its end, after an object, is the same for
    /// long and short texts.
    @Test(arguments: ["x", "]", "\"", "{", "nul", "1 2", "'a'", "[1,]", "01x"])
    func errorsAreTheSame(_ end: String) {
        let long = Harness.run(
            "tojson[:-1] + $e + \"]\" | try fromjson catch .".replacing(
                "$e", with: "\"" + end.replacing("\"", with: "\\\"") + "\""), input: Self.document)
        let message = long.outputs.first ?? ""
        let short = Harness.run(
            "\"[{}\" + $e + \"]\" | try fromjson catch .".replacing(
                "$e", with: "\"" + end.replacing("\"", with: "\\\"") + "\""))
        func words(_ text: String) -> String { text.filter { !$0.isNumber } }
        #expect(words(message).prefix(12) == words(short.outputs.first ?? "").prefix(12), "\(end)")
        #expect(long.liveBlocks == 0)
    }

    @Test func halvesOfPairsAreReadAsJQDoes() {
        let program =
            #"["\"\\ud800\"", "[\"\\udc00\"]", "{\"a\":\"x\\ud800\\ud800\"}"]"#
            + "[] | try fromjson catch ."
        let sentence = #"Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column"#
        let expected = [
            #""\#(sentence) 8 (while parsing '\"\\ud800\"')""#, "[\"\u{FFFD}\"]",
            #""\#(sentence) 20 (while parsing '{\"a\":\"x\\ud800\\ud800\"}')""#,
        ]
        #expect(Harness.run(program).outputs == expected)
    }

    /// Texts beyond the size of the document are copied, and freed: the memory of a loop is
    /// bounded.
    @Test func loopsStayWithinTheirMemory() {
        var limits = RunLimits()
        limits.memoryBytesMax = 8 << 20
        let loop = "reduce range(60) as $i (null; $d | tojson | fromjson | length)"
        let outcome = Harness.run(". as $d | " + loop, input: Self.document, limits: limits)
        #expect(outcome.outputs == ["1000"], "\(outcome.error ?? "")")
        // For texts that the program made itself there is no document whose size counts.
        let own =
            "[range(20000)] | tojson as $t | reduce range(60) as $i (null; $t | fromjson | length)"
        let outcomeOfOwn = Harness.run(own, limits: limits)
        #expect(outcomeOfOwn.outputs == ["20000"], "\(outcomeOfOwn.error ?? "")")
    }
}
