// Command lines of `transform-service run` and their input -> their output, messages and exit
// status.

import Glibc
import Testing

struct RunCommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var words: [String]
        var input = ""
        var output = ""
        var message = ""
        var status: Int32 = 0

        var testDescription: String { words.joined(separator: " ") }
    }

    private func check(_ row: Case) {
        guard let binary = Command.binary else {
            Issue.record("the executable was not built")
            return
        }
        let result = Command.run([binary, "run"] + row.words, input: Array(row.input.utf8))
        #expect(result.output == row.output)
        #expect(result.message == row.message)
        #expect(result.status == row.status)
    }

    private static let outputs: [Case] = [
        Case(
            words: ["."], input: "{\"a\":[1,{}]}", output: "{\n  \"a\": [\n    1,\n    {}\n  ]\n}\n"
        ),
        Case(words: ["-c", "."], input: "{\"a\": [1, 2]}", output: "{\"a\":[1,2]}\n"),
        Case(words: ["--tab", "."], input: "[1]", output: "[\n\t1\n]\n"),
        Case(words: ["--indent", "1", "."], input: "[1]", output: "[\n 1\n]\n"),
        Case(words: ["--indent", "0", "."], input: "[1]", output: "[\n1\n]\n"),
        Case(words: ["--indent", "-1", "."], input: "[1]", output: "[\n\t1\n]\n"),
        Case(words: ["--indent", "0", "-c", "."], input: "[1]", output: "[1]\n"),
        Case(words: ["-c", "--tab", "."], input: "[1]", output: "[\n\t1\n]\n"),
        Case(words: ["-r", "."], input: "\"a\" [\"a\"]", output: "a\n[\n  \"a\"\n]\n"),
        Case(words: ["-nr", "\"a\\tb\""], output: "a\tb\n"),
        Case(words: ["-j", "."], input: "1 \"a\" 2", output: "1a2"),
        Case(words: ["--raw-output0", "."], input: "\"a\" 2", output: "a\u{0}2\u{0}"),
        Case(words: ["--raw-output0", "-j", "."], input: "\"a\" 2", output: "a\u{0}2\u{0}"),
        Case(words: ["-cr", "."], input: "\"a\" [\"a\"]", output: "a\n[\"a\"]\n"),
        Case(words: ["-cj", "."], input: "\"a\" [\"a\"]", output: "a[\"a\"]"),
        Case(words: ["-ac", "."], input: "\"é😀\"", output: "\"\\u00e9\\ud83d\\ude00\"\n"),
        Case(words: ["-ar", "."], input: "\"é\"", output: "\"\\u00e9\"\n"),
        Case(
            words: ["-Sc", "."], input: "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}",
            output: "{\"a\":{\"c\":3,\"d\":2},\"b\":1}\n"),
        Case(
            words: ["-Cc", "."], input: "[null,{\"a\":\"b\"}]",
            output: "\u{1B}[1;39m[\u{1B}[0m\u{1B}[0;90mnull\u{1B}[0m\u{1B}[1;39m,\u{1B}[0m"
                + "\u{1B}[1;39m{\u{1B}[0m\u{1B}[1;34m\"a\"\u{1B}[0m\u{1B}[1;39m:\u{1B}[0m"
                + "\u{1B}[0;32m\"b\"\u{1B}[0m\u{1B}[1;39m}\u{1B}[0m\u{1B}[1;39m]\u{1B}[0m\n"),
        Case(words: ["-c", "--seq", "."], input: "\u{1E}[1]\n", output: "\u{1E}[1]\n"),
        Case(words: ["."], input: "100000000000000000000", output: "100000000000000000000\n"),
        Case(words: ["-1"], input: "null", output: "-1\n"),
        Case(words: ["--", "-1"], input: "null", output: "-1\n"),
        Case(words: ["--unbuffered", "."], input: "1 2", output: "1\n2\n"),
    ]

    @Test(arguments: outputs) func output(_ row: Case) { check(row) }

    /// The line number is that of a text's end, whichever reader reads the text: the spaces after
    /// the last one are room that the fast readers need.
    @Test(arguments: [
        "input_line_number", "walk(.) | input_line_number", "length as $n | input_line_number",
    ])
    func linesOfRecords(_ program: String) {
        for text in [
            "{\"aa\":1,\"bb\":2}", "[{\"aa\":1},{\"aa\":2}]", "[{\"aa\":1},{\"aa\":[]}]", "[1,2.5]",
            "{}",
            "{\"aa\":{\"bb\":[{\"aa\":1}]}}", "[[1,2],[3,4]]", "\"a\"", "7", "null",
            "{\"aa\":[1,2],\"bb\":{}}", "[{\"aa\":[{\"aa\":{}}]}]",
        ] {
            let lines = String(repeating: text + "\n", count: 4) + "\n  \n" + text + "\n"
            check(
                Case(
                    words: ["-c", program], input: lines + String(repeating: " ", count: 200),
                    output: "1\n2\n3\n4\n7\n"))
        }
    }

    private static let inputs: [Case] = [
        Case(words: ["-n", "1+1"], output: "2\n"),
        Case(words: ["-nc", "[inputs]"], input: "1 2\n3", output: "[1,2,3]\n"),
        Case(words: ["-c", "[., input]"], input: "1 2 3 4", output: "[1,2]\n[3,4]\n"),
        Case(words: ["-sc", "."], input: "1 [2]", output: "[1,[2]]\n"),
        Case(words: ["-sc", "."], output: "[]\n"),
        Case(words: ["-R", "."], input: "a\nb", output: "\"a\"\n\"b\"\n"),
        Case(words: ["-Rs", "."], input: "a\nb\n", output: "\"a\\nb\\n\"\n"),
        Case(words: ["-nRr", "input"], input: "a\nb", output: "a\n"),
        Case(
            words: ["-c", "--stream", "."], input: "[1,{\"a\":[]}]",
            output: "[[0],1]\n[[1,\"a\"],[]]\n[[1,\"a\"]]\n[[1]]\n"),
        Case(words: ["-c", "--stream", "."], input: "3 []", output: "[[],3]\n[[],[]]\n"),
        Case(
            words: ["-c", "--stream-errors", "."], input: "[1,[2",
            output: "[[0],1]\n"
                + "[\"Unfinished JSON term at EOF at line 1, column 5\",[1,0]]\n"),
        Case(words: ["-c", "[input_line_number]"], input: "1\n\n2\n", output: "[1]\n[3]\n"),
        Case(words: ["input_filename"], input: "1", output: "\"<stdin>\"\n"),
        Case(words: ["."], input: "\u{FEFF}1", output: "1\n"),
        Case(words: ["."], input: " \n", output: ""),
    ]

    @Test(arguments: inputs) func input(_ row: Case) { check(row) }

    private static let arguments: [Case] = [
        Case(
            words: ["-nc", "--arg", "a", "1", "--argjson", "b", "[2]", "[$a, $b]"],
            output: "[\"1\",[2]]\n"),
        Case(words: ["-nc", "--arg", "a", "1", "--arg", "a", "2", "$a"], output: "\"1\"\n"),
        Case(
            words: ["-nc", "--arg", "a", "1", "--slurpfile", "a", "/nowhere", "$a"],
            output: "\"1\"\n"),
        Case(
            words: ["-nc", "$ARGS", "--args", "x", "y"],
            output: "{\"positional\":[\"x\",\"y\"],\"named\":{}}\n"),
        Case(
            words: ["-nc", "$ARGS.positional", "--jsonargs", "1", "{\"a\":2}"],
            output: "[1,{\"a\":2}]\n"),
        Case(words: ["-nc", "$__loc__"], output: "{\"file\":\"<top-level>\",\"line\":1}\n"),
        Case(
            words: ["-n", "--argjson", "a", "{", "$a"],
            message: "jq: invalid JSON text passed to --argjson\nUse run --help for the options.\n",
            status: 2),
        Case(
            words: ["-n", "--slurpfile", "a", "/dev/stdin", "$a"], input: "[1]\n[2,x]",
            message: "jq: Bad JSON in --slurpfile a /dev/stdin: malformed number at line 2, "
                + "column 4, offset 7\nUse run --help for the options.\n", status: 2),
        Case(
            words: ["-n", "--arg", "a"],
            message: "jq: --arg takes two parameters (e.g. --arg varname value)\n"
                + "Use run --help for the options.\n", status: 2),
    ]

    @Test(arguments: arguments) func argument(_ row: Case) { check(row) }

    private static let failures: [Case] = [
        Case(
            words: [".a"], input: "1\n{\"a\":2}\n", output: "2\n",
            message: "jq: error (at <stdin>:1): Cannot index number with string (\"a\")\n"),
        Case(
            words: ["error"], input: "{\"a\":1}",
            message: "jq: error (at <stdin>:0) (not a string): {\"a\":1}\n", status: 5),
        Case(words: ["-n", "error(\"x\")"], message: "jq: error (at <unknown>): x\n", status: 5),
        Case(
            words: ["."], input: "1 [2", output: "1\n",
            message: "jq: parse error: Unfinished JSON term at EOF at line 1, column 4\n", status: 5
        ),
        Case(
            words: ["."], input: "1 ]", output: "1\n",
            message: "jq: parse error: Unmatched ']' at line 1, column 3\n", status: 5),
        Case(
            words: ["-n", "foo"],
            message: "jq: error: foo/0 is not defined at <top-level>, line 1, column 1:\n"
                + "    foo\n    ^\njq: 1 compile error\n", status: 3),
        Case(
            words: ["-n", "foo | $a, bar(1)"],
            message: "jq: error: foo/0 is not defined at <top-level>, line 1, column 1:\n"
                + "    foo | $a, bar(1)\n    ^\n"
                + "jq: error: $a is not defined at <top-level>, line 1, column 7:\n"
                + "    foo | $a, bar(1)\n          ^\n"
                + "jq: error: bar/1 is not defined at <top-level>, line 1, column 11:\n"
                + "    foo | $a, bar(1)\n              ^\njq: 3 compile errors\n", status: 3),
        Case(
            words: [".", "/no/such/file"],
            message: "jq: error: Could not open file /no/such/file: No such file or directory\n",
            status: 2),
        Case(
            words: ["--foo"],
            message: "jq: Unknown option --foo\nUse run --help for the options.\n", status: 2),
        Case(
            words: ["--indent", "8", "."],
            message:
                "jq: --indent takes a number between -1 and 7\nUse run --help for the options.\n",
            status: 2),
        Case(words: ["-n", "\"bye\\n\" | halt_error"], message: "bye\n", status: 5),
        Case(words: ["-n", "{a:1} | halt_error(3)"], message: "{\"a\":1}\n", status: 3),
        Case(words: ["-n", "{a:1} | halt_error(-1)"], message: "{\"a\":1}\n", status: 0),
        Case(words: ["halt"], input: "1 2", status: 0),
        Case(words: ["-n", "1 | debug | stderr"], output: "1\n", message: "[\"DEBUG:\",1]\n1"),
        Case(
            words: ["--raw-output0", "."], input: "\"a\\u0000\"",
            message: "jq: error (at <stdin>:0): Cannot dump a string containing NUL with "
                + "--raw-output0 option\n", status: 5),
    ]

    @Test(arguments: failures) func failure(_ row: Case) { check(row) }

    private static let statuses: [Case] = [
        Case(words: ["-e", "."], input: "1", output: "1\n", status: 0),
        Case(words: ["-e", "."], input: "1 null", output: "1\nnull\n", status: 1),
        Case(words: ["-e", "."], input: "false", output: "false\n", status: 1),
        Case(words: ["-e", "empty"], input: "1", status: 4),
        Case(words: ["empty"], input: "1", status: 0),
        Case(words: ["-e", "if . == 1 then . else empty end"], input: "1 2", output: "1\n"),
    ]

    @Test(arguments: statuses) func status(_ row: Case) { check(row) }

    private static let limits: [Case] = [
        Case(
            words: ["--memory", "8", "-n", "[range(1e7)] | length"],
            message: "jq: error: memory limit of 8 MiB exceeded\n", status: 5),
        Case(
            words: ["--timeout", "50", "-n", "def f: f; f"],
            message: "jq: error: time limit of 50 ms exceeded\n", status: 5),
        Case(
            words: ["--parallel", "0", "."],
            message: "jq: --parallel takes a number between 1 and 256\n"
                + "Use run --help for the options.\n", status: 2),
    ]

    @Test(arguments: limits) func limit(_ row: Case) { check(row) }

    @Test func nestingHasALimit() {
        check(
            Case(
                words: ["-n", "def f: 1 + f; f"], message: "jq: error: nested too deeply\n",
                status: 5))
    }

    /// Several threads write what one writes.
    @Test(arguments: [2, 3]) func parallel(_ threadCount: Int) {
        let lines = (0..<200_000).map { "{\"id\":\($0),\"tags\":[\($0 % 7)]}\n" }.joined()
        var row = Case(words: ["-c", "[.id, .tags[0]]"], input: lines)
        row.output = (0..<200_000).map { "[\($0),\($0 % 7)]\n" }.joined()
        check(row)
        row.words = ["--parallel", "\(threadCount)"] + row.words
        check(row)
    }

    /// The lines before a malformed one are answered, those long after it are not.
    @Test func parallelEndsAtTheFirstError() throws {
        let lines = (1...400_000).map { $0 == 70_000 ? "}\n" : "\($0)\n" }.joined()
        let binary = try #require(Command.binary)
        let result = Command.run(
            [binary, "run", "--parallel", "2", "."], input: Array(lines.utf8))
        #expect(result.status == 5)
        #expect(result.message == "jq: parse error: Unmatched '}' at line 70000, column 1\n")
        #expect(result.output == (1..<70_000).map { "\($0)\n" }.joined())
    }
}
