// Malformed inputs of `run`: the messages, their locations, and what is read nevertheless; how
// lines are counted; several files; modules and colours.

import Glibc
import TestSupport
import Testing

struct RunFaultTests {
    private func run(_ words: [String], _ input: [UInt8]) throws -> Command.Result {
        let binary = try #require(Command.binary, "the executable was not built")
        return Command.run([binary, "run"] + words, input: input)
    }

    private func shell(_ script: String) throws -> Command.Result {
        try #require(Command.shell(script), "the executable was not built")
    }

    /// Texts, the message about each, and the message of `--stream` where it is another.
    private static let faults: [(String, String, String?)] = [
        ("[1 2]", "Expected separator between values at line 1, column 5", nil),
        ("[1,]", "Expected another array element at line 1, column 4", nil),
        (
            "{\"a\":1,}", "Expected another key-value pair at line 1, column 8",
            "Expected another key:value pair at line 1, column 8"
        ),
        (
            "{\"a\":}", "Unmatched '}' at line 1, column 6",
            "Missing value in key:value pair at line 1, column 6"
        ),
        ("{\"a\":1,\"b\",", "Objects must consist of key:value pairs at line 1, column 11", nil),
        ("{,}", "Expected value before ',' at line 1, column 2", nil),
        (
            "{{\"a\":1}}", "Objects must consist of key:value pairs at line 1, column 9",
            "Expected string key after '{', not '{' at line 1, column 2"
        ),
        (
            "{[1]:2}", "Object keys must be strings at line 1, column 5",
            "Expected string key after '{', not '[' at line 1, column 2"
        ),
        ("{1:2}", "Object keys must be strings at line 1, column 3", nil),
        ("{\"a\" 1}", "Expected separator between values at line 1, column 7", nil),
        ("[1:2]", "':' not as part of an object at line 1, column 3", nil),
        (
            "[1}", "Objects must consist of key:value pairs at line 1, column 3",
            "Unmatched '}' in the middle of an array at line 1, column 3"
        ),
        (
            "{\"a\":1]", "Unmatched ']' at line 1, column 7",
            "Unmatched ']' in the middle of an object at line 1, column 7"
        ),
        (
            "]", "Unmatched ']' at line 1, column 1",
            "Unmatched ']' at the top-level at line 1, column 1"
        ),
        ("1,", "Expected value before ',' at line 1, column 2", nil),
        (
            "1}", "Unmatched '}' at line 1, column 2",
            "Unmatched '}' at the top-level at line 1, column 2"
        ),
        ("[\"a", "Unfinished string at EOF at line 1, column 3", nil),
        (
            "\"a\u{1}\\q\"",
            "Invalid string: control characters from U+0000 through U+001F must be "
                + "escaped at line 1, column 6", nil
        ),
        ("[\"\\u12\"]", "Invalid \\uXXXX escape at line 1, column 7", nil),
        ("[\"\\u12xy\"]", "Invalid characters in \\uXXXX escape at line 1, column 9", nil),
        ("\"é\" x ", "Invalid numeric literal at line 1, column 7", nil),
        ("[1,\n2", "Unfinished JSON term at EOF at line 2, column 1", nil),
        ("\u{FEFF}x", "Invalid numeric literal at EOF at line 1, column 1", nil),
    ]

    @Test(arguments: faults)
    func isReported(_ text: String, _ sentence: String, _ streamSentence: String?) throws {
        for (words, sentence) in [
            (["-c", "."], sentence), (["-c", "if . then 1 else 2 end"], sentence),
            (["-c", "--stream", "."], streamSentence ?? sentence),
        ] {
            let result = try run(words, Array(text.utf8))
            #expect(result.message == "jq: parse error: \(sentence)\n", "\(words)")
            #expect(result.status == 5)
        }
    }

    /// `fromjson` says the same.
    @Test(arguments: faults)
    func isReportedByFromjson(_ text: String, _ sentence: String, _: String?) throws {
        if text.hasPrefix("\u{FEFF}") || text.hasPrefix("\"é") { return }
        let result = try run(["-Rs", "try fromjson catch ., empty"], Array(text.utf8))
        #expect(result.status == 0)
        #expect(result.output.hasPrefix("\"" + sentence.replacing("\\", with: "\\\\")))
    }

    /// Options, input, output, messages: after a fault, reading resumes at the next record of a
    /// sequence (RFC 7464).
    private static let sequences: [([String], String, String, [String])] = [
        (
            [], "\u{1E}{\"n\":1}\n\u{1E}{\"n\":2,\"s\":\"tru\u{1E}{\"n\":3}\n\u{1E}{\"n\":4}\n",
            "{\"n\":1}\n{\"n\":3}\n{\"n\":4}\n", ["Truncated value at line 2, column 17"]
        ),
        (
            ["-s"], "\u{1E}1\n\u{1E}[2\u{1E}3\n", "[1,3]\n",
            ["Truncated value at line 2, column 4"]
        ),
        (
            [], "\u{1E}1\u{1E}2\n", "2\n",
            ["Potentially truncated top-level numeric value at line 1, column 3"]
        ),
        (
            [], "\u{1E}1\n\u{1E}2", "1\n",
            ["Potentially truncated top-level numeric value at EOF at line 2, column 2"]
        ),
        ([], "\u{1E}[1,2 \u{1E}3\n", "3\n", []),
        ([], "1\n", "", ["Unfinished abandoned text at EOF at line 2, column 0"]),
        ([], "", "", ["Unfinished abandoned text at EOF at line 1, column 0"]),
        (
            [], "\u{1E}]1\n", "1\n", ["Unmatched ']' at line 1, column 2 (need RS to resync)"]
        ),
        (["--stream"], "[", "", ["Unfinished abandoned text at EOF at line 1, column 1"]),
        (["--stream"], "\u{1E}[", "", ["Unfinished JSON term at EOF at line 1, column 2"]),
        (["--stream"], "\u{1E}1\u{1E}[2]\n", "[[],1]\n[[0],2]\n[[0]]\n", []),
        (
            ["--stream"], "\u{1E}[1}2 \n", "[[],2]\n",
            [
                "Unmatched '}' in the middle of an array at line 1, column 4 (need RS to resync)"
            ]
        ),
    ]

    @Test(arguments: sequences)
    func sequence(
        _ options: [String], _ input: String, _ output: String, _ messages: [String]
    ) throws {
        let result = try run(["--seq", "-c"] + options + ["."], Array(input.utf8))
        #expect(result.output == output.split(separator: "\n").map { "\u{1E}\($0)\n" }.joined())
        #expect(
            result.message == messages.map { "jq: ignoring parse error: \($0)\n" }.joined())
        #expect(result.status == 0)
    }

    /// Random bytes are read to their end, within the time limit.
    @Test(arguments: 1...4) func sequencesOfAnyBytesEnd(_ seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        for options in [["--seq"], ["--seq", "--stream"], ["--stream-errors"]] {
            var bytes = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // It would begin a byte-order mark, which ends the input if it is broken.
            if bytes[0] == 0xEF { bytes[0] = 0x20 }
            let result = try run(["--timeout", "20000", "-c"] + options + ["."], bytes)
            #expect(!result.message.contains("time limit"), "\(options) \(bytes)")
            #expect(result.status == 0, "\(options) \(bytes)")
        }
    }

    @Test func brokenByteOrderMark() throws {
        let result = try run(["-c", "--stream-errors", "."], [0xEF, 0x3E, 0x31])
        #expect(result.message == "jq: parse error: Malformed BOM\n")
        #expect(result.status == 5)
    }

    /// Words, input, output: reading resumes after the line of a fault.
    private static let resumed: [([String], String, String)] = [
        (
            ["-c", "--stream-errors", "."], "b\n1\n",
            "[\"Invalid numeric literal at line 2, column 0\",[]]\n[[],1]\n"
        ),
        (
            ["-c", "--stream-errors", "."], "{\"a\":1 ]2\n[3]\n",
            "[\"Unmatched ']' in the middle of an object at line 1, column 8\",[\"a\"]]\n"
                + "[[0],3]\n[[0]]\n"
        ),
        (
            ["-c", "--stream-errors", "."], "{\"a\":1,\"b\"]",
            "[[\"a\"],1]\n"
                + "[\"Unmatched ']' in the middle of an object at line 1, column 11\",[null]]\n"
        ),
        (["-nc", "[range(4) | try input catch \"-\"]"], "1\n] 2\n3\n", "[1,\"-\",3,\"-\"]\n"),
        (["-nc", "[range(3) | try input catch \"-\"]"], "1 [\"a\n\"]\n2\n", "[1,\"-\",2]\n"),
        (["-nc", "[range(3) | try input catch \"-\"]"], "[1,", "[\"-\",\"-\",\"-\"]\n"),
    ]

    @Test(arguments: resumed)
    func resumes(_ words: [String], _ input: String, _ output: String) throws {
        let result = try run(words, Array(input.utf8))
        #expect(result.output == output)
        #expect(result.status == 0)
    }

    /// Texts that end too early or wrongly, and the events that are written before the fault.
    @Test(arguments: [
        ("[1,2", "[[0],1]\n"), ("{\"a\":1", ""), ("[1 2]", ""), ("[[],3}", "[[0],[]]\n"),
        ("[[1]", "[[0,0],1]\n[[0,0]]\n"), ("1 2,", "[[],1]\n"), ("\"a\",", "[[],\"a\"]\n"),
    ])
    func eventsBeforeFaults(_ text: String, _ output: String) throws {
        let result = try run(["-c", "--stream", "."], Array(text.utf8))
        #expect(result.output == output)
        #expect(result.status == 5)
    }

    /// Program options, input, lines of the inputs.
    private static let lines: [([String], String, String)] = [
        (["-R"], "a\nb\nc", "1\n2\n2\n"), (["-c"], "{} {\n", "1\n"),
        ([], "1\n2 3\n4", "1\n2\n2\n2\n"),
        (["--stream"], "[1,\n2]\n", "1\n2\n2\n"), (["-s"], "1\n2\n", "2\n"),
        ([], "[1] " + String(repeating: " ", count: 5000) + "[2]\n[3]\n", "0\n1\n2\n"),
    ]

    @Test(arguments: lines)
    func lineNumbers(_ options: [String], _ input: String, _ output: String) throws {
        let result = try run(options + ["input_line_number"], Array(input.utf8))
        #expect(result.output == output)
    }

    /// Through a pipe whose bytes come piece by piece.
    @Test func linesDoNotDependOnTiming() throws {
        let result = try shell(
            """
            slowly() { for i in 'id,n' '\\n1,' 'x\\n2,y' '\\n'; do printf "$i"; sleep 0.05; done; }
            slowly | $T -Rr 'select(input_line_number > 1)'
            for i in '{} ' '{}' '\\n[' ']'; do printf "$i"; sleep 0.05; done |
                $T -c '[., input_line_number]'
            for i in '{}x ' '\\n1'; do printf "$i"; sleep 0.05; done 2> /dev/null | $T -c '.[0]'
            """)
        #expect(result.output == "1,x\n2,y\n[{},1]\n[{},1]\n[[],1]\n")
        #expect(
            result.message == "jq: error (at <stdin>:1): Cannot index object with number (0)\n"
                + "jq: parse error: Invalid numeric literal at line 1, column 4\n")
    }

    /// Events are written while the text is still coming.
    @Test func eventsOfAPipeAreNotHeldBack() throws {
        let result = try shell("(printf '['; yes '1,2,3,') | $T -c --stream . | head -3")
        #expect(result.output == "[[0],1]\n[[1],2]\n[[2],3]\n")
    }

    @Test func filesFollowEachOther() throws {
        let result = try shell(
            """
            printf 1 > a; printf '2 [3,' > b; printf '4]"x' > c; printf 'y"' > e; : > f
            $T -c . a b c e f; $T -c --stream . b c e; cat a b c e | $T -c .
            $T -R . a b c; $T -c '[., input_filename, input_line_number]' a b c e
            printf '\\xef\\xbb\\xbfé' > g; printf '\\xef\\xbb\\xbf1\\n' > h; $T -R . g h; $T . h
            $T . h h 2> j; echo $?; cat j
            printf 'x\\xed\\xa0\\x80y\\xf0\\x80z' > i; $T -R . i; $T -n --rawfile i i '$i'
            """)
        let joined = "12\n[3,4]\n\"xy\"\n"
        #expect(
            result.output == joined + "[[],2]\n[[0],3]\n[[1],4]\n[[1]]\n[[],\"xy\"]\n" + joined
                + "\"12 [3,4]\\\"x\"\n[12,\"b\",0]\n[[3,4],\"c\",0]\n[\"xy\",\"e\",0]\n"
                + "\"\u{FEFF}é\u{FEFF}1\"\n1\n1\n5\n"
                + "jq: parse error: Invalid numeric literal at line 3, column 0\n"
                + String(repeating: "\"x\u{FFFD}y\u{FFFD}\"\n", count: 2)
        )
        #expect(result.message.isEmpty)
    }

    /// Many errors on one line take no longer than on lines of their own.
    @Test func errorsAreLinear() throws {
        let input = Array(String(repeating: "{\"a\":1} ", count: 200_000).utf8)
        for words in [["-n", "[inputs | input_line_number] | add"], [".[0]?"]] {
            let result = try run(["--timeout", "60000"] + words, input)
            #expect(result.status == 0)
        }
        let failing = try run(["--timeout", "60000", ".[0]"], Array(input.prefix(400_000)))
        #expect(failing.status == 5)
        #expect(!failing.message.contains("time limit"))
    }

    /// Inputs without end, each of which takes next to no time; bytes that are no input; and a pipe
    /// that gives nothing.
    @Test func theDeadlineIsThatOfAllInputs() throws {
        let result = try shell(
            """
            late() { timeout 60 $T --timeout 200 "$@" > /dev/null 2>> e; echo $?; }
            for p in . .a 'select(.a > 5)' empty '{a}' '.a |= 2'; do
              yes '{"a":1}' | late -c "$p"
            done
            for o in '--parallel 2 .a' '-s length' '-Rs length' '--seq .' '--stream .' '-n inputs' \
              '-n --seq input' '--strict-json .'; do
              yes '{"a":1}' | late $o
            done
            yes '[' | tr -d '\\n' | late .; yes '' | late .
            for o in . '-s .' '--parallel 2 .' '-n input'; do sleep 2 | late $o; done
            { echo 1; echo '[2'; sleep 2; } | late .
            sort -u e
            """)
        #expect(
            result.output
                == String(repeating: "5\n", count: 21)
                + "jq: error: time limit of 200 ms exceeded\n")
    }

    /// A file that is not opened, and outputs that nobody takes.
    @Test func theDeadlineHoldsForEveryWait() throws {
        let result = try shell(
            """
            mkfifo f; timeout 60 $T --timeout 100 . f 2>> e; echo $?
            timeout 60 $T --timeout 100 -n 'repeat(1)' 2>> e | sleep 2; echo ${PIPESTATUS[0]}
            cat e
            """)
        #expect(
            result.output
                == "5\n5\n"
                + String(repeating: "jq: error: time limit of 100 ms exceeded\n", count: 2))
    }

    /// Outputs of any form are written as they come, and what a pipe gives has a bound.
    @Test func memoryIsBounded() throws {
        let result = try shell(
            """
            for o in -j -r -c -C '-a -r' --raw-output0; do
              yes '"abcdefgh"' | head -200000 | $T --memory 1 $o . | wc -l -c | tr -s ' '
            done
            for o in . '-s .' '--parallel 2 .' '--strict-json .'; do
              head -c 5000000 /dev/zero | tr '\\0' '[' | $T --memory 1 $o > out 2>> e
              echo $?
            done
            sort -u e
            for n in '' '--parallel 1'; do
              { echo 0; yes '[[1]] ' | head -n 300000 | tr -d '\\n'; } > long
              cat long | $T $n --memory 1 -c . | tail -n 1
            done
            """)
        let counts = [
            (0, 8), (1, 9), (1, 11), (1, 22), (1, 11), (0, 9),
        ].map { " \($0.0 * 200_000) \($0.1 * 200_000)\n" }
        #expect(
            result.output
                == counts.joined()
                + "5\n5\n5\n5\njq: error: memory limit of 1 MiB exceeded\n[[1]]\n[[1]]\n")
    }

    // MARK: Modules and colours

    @Test func modules() throws {
        let result = try shell(
            """
            printf 'def h: "home"; def twice: 2;' > .jq; $T -n 'h'; $T -n 'def h: 1; h'
            mkdir -p lib/deep/jq sub; printf 'def where: $__loc__;' > lib/deep/jq/main.jq
            printf 'def here: "here";' > cwd.jq; printf '[1]' > data.json
            printf 'import "near" as n {search: "lib"}; def f: n::g;' > sub/far.jq
            mkdir sub/lib; printf 'def g: "near";' > sub/lib/near.jq
            printf 'import "turn" as t; def a: 1;' > turn.jq
            $T -nc -L lib 'import "deep" as d; d::where | .file |= sub(".*/lib/"; "")'
            $T -n 'import "cwd" as c; c::here'; $T -n 'include "sub/far"; f'
            $T -nc 'import "data" as $d; import "data" as $r {raw: true}; [$d, $r]'
            $T -n 'import "none" as n {optional: true}; 1'
            $T -nc -L lib get_search_list | sed "s|$(realpath .)||"; $T -nc get_search_list
            $T -n 'import "turn" as t; 1' 2>&1 | sed "s|$(realpath .)/||g" | head -1
            $T -n 'import "data\\u0000x" as $d; 1' 2> e || echo $?
            """)
        #expect(
            result.output
                == """
                "home"
                1
                {"file":"deep/jq/main.jq","line":1}
                "here"
                "near"
                [[[1]],"[1]"]
                1
                ["/lib"]
                ["~/.jq","$ORIGIN/../lib/jq","$ORIGIN/../lib"]
                jq: error: circular import of turn.jq at turn.jq, line 1, column 1:
                3

                """)
        #expect(result.message.isEmpty)
    }

    /// A colour for each kind of value, and texts that are no codes of colours.
    @Test func colours() throws {
        let result = try shell(
            """
            p='[{"a":true},"s",1,null,nan]'
            $T -Ccn "$p" | tr '\\033' '^'; $T -MCcn "$p"; NO_COLOR=1 $T -Cn 1 | tr '\\033' '^'
            for c in '38;2;255;173;173' ':' '0;31:' '::::::::' '::::::4:5:x'; do
                JQ_COLORS=$c $T -Ccn '[null,{"a":false}]' | tr '\\033' '^'
            done
            for c in / '[30' 30m '30:31m:32' '30:*'; do JQ_COLORS=$c $T -n null; done 2>&1
            $T -Ccn '1 | debug | empty' 2>&1 | tr '\\033' '^'
            $T -Scn '{b:1,a:2} | debug | empty' 2>&1
            """)
        func colored(_ pairs: [(String, String)]) -> String {
            pairs.map { "^[\($0.0)m\($0.1)^[0m" }.joined() + "\n"
        }
        func nested(_ null: String, _ no: String, _ array: String, _ object: String, _ name: String)
            -> String
        {
            colored([
                (array, "["), (null, "null"), (array, ","), (object, "{"), (name, "\"a\""),
                (object, ":"), (no, "false"), (object, "}"), (array, "]"),
            ])
        }
        #expect(
            result.output
                == colored([
                    ("1;39", "["), ("1;39", "{"), ("1;34", "\"a\""), ("1;39", ":"),
                    ("0;39", "true"),
                    ("1;39", "}"), ("1;39", ","), ("0;32", "\"s\""), ("1;39", ","), ("0;39", "1"),
                    ("1;39", ","), ("0;90", "null"), ("1;39", ","),
                    ("0;39", "^[0;90mnull^[0m"), ("1;39", "]"),
                ]) + "[{\"a\":true},\"s\",1,null,null]\n" + "^[0;39m1^[0m\n"
                + nested("38;2;255;173;173", "0;39", "1;39", "1;39", "1;34")
                + nested("", "0;39", "1;39", "1;39", "1;34")
                + nested("0;31", "0;39", "1;39", "1;39", "1;34") + nested("", "", "", "", "1;34")
                + nested("", "", "", "4", "5")
                + String(repeating: "Failed to set $JQ_COLORS\nnull\n", count: 5)
                + colored([
                    ("1;39", "["), ("0;32", "\"DEBUG:\""), ("1;39", ","), ("0;39", "1"),
                    ("1;39", "]"),
                ]) + "[\"DEBUG:\",{\"a\":2,\"b\":1}]\n")
    }

    /// On a terminal outputs are in colours, unless NO_COLOR says otherwise.
    @Test func coloursOfATerminal() throws {
        let result = try shell(
            """
            tty() { script -qec "$*" /dev/null < /dev/null | tr '\\033' '^' | tr -d '\\r'; }
            command -v script > /dev/null || exit 7
            tty "$T -n 1"; tty "NO_COLOR=1 $T -n 1"; tty "NO_COLOR= $T -n 1"; tty "$T -Mn 1"
            """)
        if result.status == 7 { return print("skipped: there is no `script` here") }
        #expect(result.output == "^[0;39m1^[0m\n1\n^[0;39m1^[0m\n1\n")
    }
}
