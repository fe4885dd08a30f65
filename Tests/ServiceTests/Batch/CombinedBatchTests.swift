// Batches that end in one answer: `combine`.

import HTTPKit
import TestSupport
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(3)))
struct CombinedBatchTests {
    private static func escaped(_ text: String) -> String {
        text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    struct Case: Sendable {
        var lines = "1\n2\n3\n"
        var program = "."
        let combine: String
        var query = ""
        var fields = ""
        var status = 200
        let expected: String
    }

    static let cases: [Case] = [
        Case(combine: "reduce inputs as $x (0; . + $x)", expected: "6"),
        Case(combine: "[inputs]", expected: "[1,2,3]"),
        Case(combine: ".", expected: "null"),
        Case(combine: "first(inputs)", expected: "1"),
        Case(combine: "input, 0 | select(. > 0)", expected: "1"),
        Case(combine: "[inputs, (try input catch .)]", expected: "[1,2,3,\"break\"]"),
        Case(program: "empty", combine: "[inputs]", expected: "[]"),
        Case(program: "., .", combine: "[inputs] | length", expected: "6"),
        Case(lines: "", combine: "[inputs] | length", expected: "0"),
        Case(lines: "\n1\r\n \n2", combine: "[inputs]", expected: "[1,2]"),
        Case(combine: "[inputs + $n]", query: "&n=x", status: 422, expected: "program-error"),
        Case(
            lines: "1\n", program: "$n", combine: "[inputs, $n]", query: "&n=x",
            expected: "[\"x\",\"x\"]"),
        Case(combine: "inputs", query: "&outputs=array", expected: "[1,2,3]"),
        Case(combine: "inputs", status: 422, expected: "output-count"),
        Case(
            combine: "inputs", fields: "Accept: application/x-ndjson\r\n", expected: "1\n2\n3\n"),
        Case(
            combine: "[inputs] | @csv", fields: "Accept: text/csv\r\n", expected: "1,2,3\n"),
        Case(combine: "1 +", status: 422, expected: "compile-error"),
        Case(combine: "def f: f; f", status: 504, expected: "deadline-exceeded"),
        Case(combine: "inputs | def f: f; f", status: 504, expected: "deadline-exceeded"),
        Case(
            combine: "def f: (try input catch null) | f; f", status: 504,
            expected: "deadline-exceeded"),
        Case(
            program: "range(300)",
            combine: "reduce inputs as $x (0; . + reduce range(1000) as $i (0; . + 1))",
            expected: "900000"),
        Case(combine: "[range(1e9)]", status: 422, expected: "memory-limit"),
        Case(combine: "def f: [f]; f", status: 422, expected: "-limit"),
        Case(combine: "halt_error", status: 422, expected: "halt_error"),
        Case(combine: "error", status: 422, expected: "The combining program: "),
        Case(program: "error", combine: "[inputs]", status: 422, expected: "\"line\":1"),
        Case(lines: "1\n{\n", combine: "first(inputs)", status: 422, expected: "\"line\":2"),
        Case(
            lines: "1\n{\n", combine: "[inputs | type]", query: "&errors=inline",
            expected: "[\"number\",\"object\"]"),
        Case(
            lines: "1\n{\n", combine: "[inputs | type] | @csv", query: "&errors=inline",
            fields: "Accept: text/csv\r\n", expected: "\"number\",\"object\"\n"),
    ]

    @Test(arguments: cases.indices) func answers(_ index: Int) async throws {
        let test = Self.cases[index]
        try await RunningService.with {
            $0.timeoutNanoseconds = 500_000_000
            $0.memoryBytesMax = 8 << 20
        } _: { running in
            let reply = try await running.lines(
                test.lines, Self.escaped(test.program),
                query: "&combine=" + Self.escaped(test.combine) + test.query, fields: test.fields)
            #expect(reply.status == test.status, "\(reply.text)")
            if test.status == 200 {
                #expect(reply.text == test.expected)
            } else {
                #expect(reply.text.contains(test.expected), "\(reply.text)")
            }
            #expect(reply.isWhole)
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    /// An error says where in the combining program it was raised.
    @Test func errorsHaveALocation() async throws {
        try await RunningService.with { running in
            let reply = try await running.lines(
                "1\n", query: "&combine=" + Self.escaped("[inputs] |\n  . + 1"))
            #expect(reply.text.contains("\"line\":2,\"column\":5"), "\(reply.text)")
        }
    }

    @Test func onlyBatchesAreCombined() async throws {
        try await RunningService.with { running in
            let reply = try await running.batch(
                Array(
                    ("POST /transform?program=.&combine=. HTTP/1.1\r\nHost: a\r\n"
                        + "Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1").utf8))
            #expect(reply.status == 400 && reply.text.contains("`combine`"))
            let array = try await running.batch(
                Array(
                    ("POST /transform?program=.&each&combine=%5Binputs%5D HTTP/1.1\r\nHost: a\r\n"
                        + "Content-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]").utf8))
            #expect(array.text == "[1,2]")
        }
    }

    /// It is the answer's length that counts.
    @Test func longAnswersAreCompressed() async throws {
        try await RunningService.with { running in
            for (combine, isCoded) in [("[inputs] | length", false), ("\"a\" * 100000", true)] {
                let reply = try await running.lines(
                    String(repeating: "1\n", count: isCoded ? 1 : 3_000),
                    query: "&combine=" + Self.escaped(combine),
                    fields: "Accept-Encoding: gzip\r\n")
                #expect(reply.status == 200 && reply.has("Content-Encoding: gzip") == isCoded)
                #expect(reply.content.starts(with: [0x1F, 0x8B]) == isCoded)
            }
        }
    }

    /// An array that is malformed anywhere is refused, whatever the combining program says.
    @Test func arraysAreReadToTheirEnd() async throws {
        try await RunningService.with { running in
            for _ in 0..<5 {
                let text = "[" + String(repeating: "1,", count: 50_000) + "{]"
                let reply = try await running.batch(
                    Array(
                        ("POST /transform?program=.&each&combine=error HTTP/1.1\r\nHost: a\r\n"
                            + "Content-Type: application/json\r\n"
                            + "Content-Length: \(text.utf8.count)\r\n\r\n\(text)").utf8))
                #expect(reply.status == 400 && reply.text.contains("malformed-json"))
            }
        }
    }

    @Test func namedTransformsHaveTheirOwn() async throws {
        let folder = TransformFolder([
            "sum.jq": """
            module {args: {by: 2}, combine: "reduce inputs as $x (0; . + $x * $by)"};
            .a
            """
        ])
        try await RunningService.with {
            $0.transformsFolder = folder.path
        } _: { running in
            func post(_ query: String, _ type: String, _ content: String) async throws -> String {
                try await running.batch(
                    Array(
                        ("POST /transform/sum\(query) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)"
                            + "\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)").utf8)
                ).text
            }
            let lines = "{\"a\":1}\n{\"a\":5}\n"
            let sum = try await post("", "application/x-ndjson", lines)
            #expect(sum == "12")
            // A single request has one answer by itself.
            let single = try await post("", "application/json", "{\"a\":5}")
            #expect(single == "5")
            let other = "?combine=" + Self.escaped("[inputs, $by]")
            let all = try await post(other, "application/x-ndjson", lines)
            #expect(all == "[1,5,2]")
            let shown = try await running.batch(
                Array("GET /transforms/sum HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            #expect(shown.text.contains("\"combine\":\"reduce inputs as $x (0; . + $x * $by)\""))
        }
    }

    @Test(arguments: [
        ("\"1 +\"", "`combine`: "), ("1", "`combine` is a string"), ("\"$x\"", "$x is not defined"),
    ])
    func wrongOnesDoNotLoad(_ combine: String, _ message: String) {
        let folder = TransformFolder(["a.jq": "module {args: {}, combine: \(combine)};\n."])
        let result = Command.run(
            [Command.binary ?? "", "check", folder.path], input: [])
        #expect(result.status != 0)
        #expect((result.output + result.message).contains(message))
    }

    /// The answer is that of the sequential command, whatever the number of workers.
    @Test(arguments: 1...6) func agreesWithTheCommand(_ seed: UInt64) async throws {
        let binary = try #require(Command.binary, "the executable was not built")
        var random = SeededGenerator(state: seed)
        var lines = ""
        for i in 0..<(1 + random.below(20_000)) {
            let city = ["a", "b", "ü", "d e"][random.below(4)]
            lines += "{\"id\":\(i),\"city\":\"\(city)\",\"total\":\(random.below(1_000))}\n"
        }
        let program = random.pick([".", "{city, total}", "select(.total > 500)", "., .id"])
        let combine = random.pick([
            "reduce (inputs | objects) as $x ({}; .[$x.city] += $x.total)",
            "[inputs] | length", "[inputs | objects | .total] | add",
            "reduce inputs as $x (null; [., $x] | tojson | length)",
            "[limit(3; inputs)]",
        ])
        let mapped = Command.run([binary, "run", "-c", program], input: Array(lines.utf8))
        let expected = Command.run(
            [binary, "run", "-nc", combine], input: Array(mapped.output.utf8))
        try await RunningService.with { running in
            let reply = try await running.lines(
                lines, Self.escaped(program), query: "&combine=" + Self.escaped(combine))
            #expect(reply.text + "\n" == expected.output, "\(program), \(combine)")
        }
    }

    /// A client that leaves ends the combining program, too.
    @Test func aClientMayLeave() async throws {
        try await RunningService.with { running in
            for _ in 0..<3 {
                do {
                    let client = try RawClient(port: running.port)
                    let request = RunningService.linesRequest(
                        Array("1\n2\n".utf8), ".",
                        query: "&combine=" + Self.escaped("[inputs] | def f: f; f"))
                    client.send(Array(request.dropLast(1)))
                    #expect(await running.wait { running.service.batches.count == 1 })
                }
                #expect(await running.wait { running.service.batches.count == 0 })
            }
        }
    }
}
