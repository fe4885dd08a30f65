// What `run` reads and reports where jq differs from RFC 8259: numbers that are not JSON, bytes
// that are not UTF-8, locations of malformed inputs; and `--strict-json`, which refuses them.

import TestSupport
import Testing

struct RunDropInTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var words: [String]
        var input: [UInt8]
        var output = ""
        var message = ""
        var status: Int32 = 0

        init(
            _ words: [String], _ input: String, _ output: String = "", _ message: String = "",
            status: Int32 = 0
        ) {
            self.words = words
            self.input = Array(input.utf8)
            self.output = output
            self.message = message
            self.status = status
        }

        var testDescription: String { "\(words) < \(String(decoding: input, as: UTF8.self))" }
    }

    private func check(_ row: Case) throws {
        let binary = try #require(Command.binary, "the executable was not built")
        let result = Command.run([binary, "run"] + row.words, input: row.input)
        #expect(result.output == row.output)
        #expect(result.message == row.message)
        #expect(result.status == row.status)
    }

    /// What jq 1.8 reads, once copied as text and once built as values.
    private static let texts: [(String, String)] = [
        ("nan", "null\n"),
        (
            "[NaN,-nan,Infinity,-Infinity]",
            "[null,null,1.7976931348623157e+308,"
                + "-1.7976931348623157e+308]\n"
        ),
        ("[+1,.5,1.,007,-.5]", "[1,0.5,1,7,-0.5]\n"), ("1\"a\"[2]true", "1\n\"a\"\n[2]\ntrue\n"),
        ("{\"a\": nan}", "{\"a\":null}\n"), ("-0 1.50 1E3", "-0\n1.50\n1E+3\n"),
    ]

    @Test(arguments: texts) func isRead(_ text: String, _ output: String) throws {
        try check(Case(["-c", "."], text, output))
        try check(Case(["-c", "if true then . else 1 end"], text, output))
        try check(Case(["-c", "--parallel", "2", "."], text, output))
    }

    @Test func argumentsAreReadAsInputs() throws {
        try check(Case(["-nc", "--argjson", "a", "[nan,+1]", "$a"], "", "[null,1]\n"))
        try check(
            Case(
                ["-nc", "--strict-json", "--argjson", "a", "nan", "$a"], "", "",
                "jq: invalid JSON text passed to --argjson\nUse run --help for the options.\n",
                status: 2))
    }

    @Test(arguments: [".", "[.][]"]) func repairsUTF8(_ program: String) throws {
        var row = Case(["-c", program], "", "[\"a\u{FFFD}b\u{FFFD}\"]\n")
        row.input = Array("[\"a".utf8) + [0xFF, 0x62, 0xE2, 0x82] + Array("\"]".utf8)
        try check(row)
        row.words.insert("--strict-json", at: 0)
        (row.output, row.status) = ("", 2)
        row.message = "jq: parse error: Bytes that are not UTF-8 at line 1, column 4, offset 3\n"
        try check(row)
    }

    /// Messages with the locations that jq gives.
    private static let refused: [(String, String)] = [
        ("nan1", "Invalid numeric literal at EOF at line 1, column 4"),
        ("1true ", "Invalid numeric literal at line 1, column 6"),
        ("[1, xyz]", "Invalid numeric literal at line 1, column 8"),
        ("xyz\n", "Invalid numeric literal at line 2, column 0"),
        ("trux", "Invalid literal at EOF at line 1, column 4"),
        (#""\ud800""#, #"Invalid \uXXXX\uXXXX surrogate pair escape at line 1, column 8"#),
        (#"{"\ud800":1}"#, #"Invalid \uXXXX\uXXXX surrogate pair escape at line 1, column 9"#),
        (
            "[1,\n\"e\\ud83d\\u0041\"]",
            #"Invalid \uXXXX\uXXXX surrogate pair escape at line 2, column 15"#
        ),
        (#"["\q"]"#, "Invalid escape at line 1, column 5"),
        ("'a'", "Invalid string literal; expected \", but got ' at EOF at line 1, column 3"),
    ]

    @Test(arguments: refused) func isRefused(_ text: String, _ sentence: String) throws {
        for program in [".", "[.][]"] {
            let row = Case(["-c", program], text, "", "jq: parse error: \(sentence)\n", status: 5)
            let binary = try #require(Command.binary, "the executable was not built")
            let result = Command.run([binary, "run"] + row.words, input: row.input)
            #expect(result.message == row.message)
            #expect(result.status == row.status)
        }
    }

    /// A file is one text: options, input, how the message ends; nil where it is read.
    private static let singles: [([String], String, String?)] = [
        ([], " [1] \n", nil), ([], "", "at EOF at line 1, column 0, offset 0"),
        ([], " \n ", "at EOF at line 2, column 1, offset 3"),
        ([], "[1] [2]", "more bytes after the value at line 1, column 5, offset 4"),
        ([], "[1]\n2\n", "more bytes after the value at line 2, column 1, offset 4"),
        ([], "1 2", "more bytes after the value at line 1, column 3, offset 2"),
        ([], "[1]]", "more bytes after the value at line 1, column 4, offset 3"),
        (["-s"], "[1]", nil), (["-s"], "1 2", "line 1, column 3, offset 2"),
        (["--parallel", "2"], "1\n2\n", "line 2, column 1, offset 2"),
        (
            [], #""\ud800""#,
            #"Invalid \uXXXX\uXXXX surrogate pair escape at line 1, column 2, offset 1"#
        ),
        ([], #"["\udc00"]"#, #"surrogate pair escape at line 1, column 3, offset 2"#),
        (["--stream"], "1", nil), (["--stream"], "1 2", "line 1, column 3, offset 2"),
        (["-n"], "1 2", nil), (["-R"], "1\n2\n", nil), (["--seq"], "\u{1E}1\n\u{1E}2\n", nil),
    ]

    @Test(arguments: singles)
    func strictTakesOneText(_ options: [String], _ input: String, _ ending: String?) throws {
        let binary = try #require(Command.binary, "the executable was not built")
        for program in [".", "[.]"] {
            let result = Command.run(
                [binary, "run", "--strict-json", "-c"] + options + [program],
                input: Array(input.utf8))
            guard let ending else {
                #expect(result.status == 0 && result.message.isEmpty, "\(result.message)")
                continue
            }
            #expect(result.status == 2)
            #expect(result.message.hasSuffix(ending + "\n"), "\(result.message)")
            if options != ["--stream"] { #expect(result.output.isEmpty) }
        }
    }

    @Test func strictTakesOneTextOfInputs() throws {
        try check(
            Case(
                ["-nc", "--strict-json", "[inputs]"], "1 2", "",
                "jq: error (at <stdin>:0): more bytes after the value at line 1, column 3, "
                    + "offset 2\n",
                status: 5))
    }

    @Test func strictTakesOneTextOfEachFile() throws {
        let binary = try #require(Command.binary, "the executable was not built")
        let script = """
            binary=$(realpath "\(binary)")
            d=$(mktemp -d); cd $d; printf '[1]\\n' > a; printf '2 ' > b; : > c; printf '3 4' > d
            "$binary" run --strict-json -c . a b a; echo $?
            "$binary" run --strict-json -c . a c a; echo $?
            "$binary" run --strict-json -c . d; echo $?
            rm -r $d
            """
        let result = Command.run(["sh", "-c", script])
        #expect(result.output == "[1]\n2\n[1]\n0\n[1]\n2\n2\n")
        #expect(
            result.message == """
                jq: parse error: Unfinished JSON term at EOF at line 1, column 0, offset 0
                jq: parse error: more bytes after the value at line 1, column 3, offset 2

                """)
    }

    @Test(.enabled(if: SharedFiles.hasJSONTestSuite, "JSONTestSuite is not beside the checkout"))
    func strictRefusesTheSuite() throws {
        let folder = SharedFiles.jsonTestSuite
        let binary = try #require(Command.binary, "the executable was not built")
        let names = SharedFiles.names(in: folder)
        #expect(names.count(where: { $0.hasPrefix("n_") }) > 180)
        for name in names where name.hasPrefix("n_") {
            for program in [".", "[.]"] {
                let result = Command.run(
                    [binary, "run", "--strict-json", "-c", program, folder + "/" + name])
                #expect(result.status == 2, "\(name) \(program): \(result.output)")
                #expect(result.message.contains(", offset "), "\(name): \(result.message)")
                #expect(result.output.isEmpty, "\(name) \(program)")
            }
        }
        for name in names where name.hasPrefix("y_") {
            let result = Command.run(
                [binary, "run", "--strict-json", "-c", ".", folder + "/" + name])
            #expect(result.status == 0, "\(name): \(result.message)")
        }
    }
}
