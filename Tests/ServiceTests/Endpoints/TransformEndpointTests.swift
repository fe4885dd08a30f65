// POST /transform over HTTP: envelopes, programs in the query, forms of output, fields.

import HTTPKit
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct TransformEndpointTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let content: String
        var target = "/transform"
        var fields = ""
        var status = 200
        /// The whole content, or the problem's type.
        let expected: String

        var testDescription: String { "\(target) \(content.prefix(80))" }
    }

    static let envelopes: [Case] = [
        Case(content: #"{"program":".","input":{"a":[1,2.50]}}"#, expected: #"{"a":[1,2.50]}"#),
        Case(content: #"{"program":"."}"#, expected: "null"),
        Case(
            content: #"{"input":12345678901234567890,"program":"."}"#,
            expected: "12345678901234567890"),
        Case(content: #"{"program":"$a + $b","args":{"a":1,"b":2}}"#, expected: "3"),
        Case(
            content: #"{"program":"$ARGS","args":{"a":[1]}}"#,
            expected: #"{"positional":[],"named":{"a":[1]}}"#),
        Case(content: #"{"program":"$ARGS.named"}"#, expected: "{}"),
        Case(content: #"{"program":"1,2","outputs":"array"}"#, expected: "[1,2]"),
        Case(content: #"{"program":"empty","outputs":"array"}"#, expected: "[]"),
        Case(content: #"{"program":"1,2"}"#, target: "/transform?outputs=array", expected: "[1,2]"),
        Case(
            content: #"{"program":"1,2","outputs":"one"}"#, target: "/transform?outputs=array",
            status: 422, expected: "output-count"),
        Case(
            content: #"{"program":"1,[2]"}"#, fields: "Accept: application/x-ndjson\r\n",
            expected: "1\n[2]\n"),
        Case(
            content: #"{"program":"empty"}"#, fields: "Accept: application/x-ndjson\r\n",
            expected: ""),
        Case(
            content: #"{"program":"1"}"#, fields: "Accept: text/html, */*;q=0.8\r\n",
            expected: "1"),
        Case(content: #"{"program":"1, halt, 2"}"#, expected: "1"),
        Case(
            content: #"{"program":"1","args":null,"outputs":null,"transform":null}"#,
            expected: "1"),
        Case(content: #"{"program":"env, $ENV","outputs":"array"}"#, expected: "[{},{}]"),
        Case(content: #"{"program":"1","program":"2"}"#, expected: "2"),
    ]

    static let queries: [Case] = [
        Case(content: #"{"a":1}"#, target: "/transform?program=.a", expected: "1"),
        Case(content: "[1,2]", target: "/transform?program=.[]&outputs=array", expected: "[1,2]"),
        Case(content: "1", target: "/transform?program=.%2B1", expected: "2"),
        Case(content: "null", target: "/transform?program=$x&x=1%202", expected: #""1 2""#),
        Case(
            content: "null", target: "/transform?program=$ARGS.named&x=1&y=z",
            expected: #"{"x":"1","y":"z"}"#),
        Case(
            content: "1", target: "/transform?program=.", fields: "Content-Type: text/plain\r\n",
            expected: "1"),
        Case(
            content: "1", target: "/transform?program=.&x=1&x=2", status: 400,
            expected: "malformed-request"),
        Case(
            content: "1", target: "/transform?program=.&outputs=all", status: 400,
            expected: "malformed-request"),
        Case(
            content: "1", target: "/transform?program=%zz", status: 400,
            expected: "malformed-request"),
        Case(
            content: #"{"program":"1"}"#, target: "/transform?prog=1", status: 400,
            expected: "malformed-request"),
        Case(content: "", target: "/transform?program=.", status: 400, expected: "malformed-json"),
    ]

    static let refusals: [Case] = [
        Case(content: "[]", status: 400, expected: "malformed-envelope"),
        Case(content: "{}", status: 400, expected: "malformed-envelope"),
        Case(content: #"{"program":1}"#, status: 400, expected: "malformed-envelope"),
        Case(content: #"{"program":"1","x":1}"#, status: 400, expected: "malformed-envelope"),
        Case(content: #"{"program":"1","args":[]}"#, status: 400, expected: "malformed-envelope"),
        Case(
            content: #"{"program":"1","outputs":"all"}"#, status: 400,
            expected: "malformed-envelope"),
        Case(
            content: #"{"program":"1","transform":"a"}"#, status: 400,
            expected: "malformed-envelope"),
        Case(content: #"{"transform":"a"}"#, status: 404, expected: "unknown-transform"),
        Case(content: "{", status: 400, expected: "malformed-json"),
        Case(
            content: "<a/>", fields: "Content-Type: text/xml\r\n", status: 415,
            expected: "unsupported-media-type"),
        Case(
            content: "1", fields: "Content-Type: application/x-ndjson\r\n", status: 400,
            expected: "malformed-request"),
        Case(
            content: "1", fields: "Content-Encoding: br\r\n", status: 415,
            expected: "unsupported-content-coding"),
    ]

    @Test func answersEveryCase() async throws {
        try await RunningService.with { running in
            for test in Self.envelopes + Self.queries + Self.refusals {
                // The second time the program is compiled, and the loop may run it.
                for round in 1...2 {
                    let reply = try await running.post(
                        test.content, target: test.target, fields: test.fields)
                    #expect(reply.status == test.status, "\(test) \(reply.content)")
                    let got = test.status == 200 ? reply.content : reply.problem
                    #expect(got == test.expected, "\(test), round \(round): \(reply.content)")
                }
            }
        }
    }

    @Test(arguments: [
        "application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json",
        "application/octet-stream", "application/x-www-form-urlencoded",
    ])
    func takesTypesThatMayBeJSON(_ type: String) async throws {
        try await RunningService.with { running in
            let reply = try await running.post(
                #"{"program":"1"}"#, fields: "Content-Type: \(type)\r\n")
            #expect(reply.status == 200)
        }
    }

    @Test func namesTheUnknownMember() async throws {
        try await RunningService.with { running in
            let reply = try await running.post(#"{"program":"1","inputs":1}"#)
            #expect(reply.content.contains("`inputs`"))
        }
    }

    @Test func wantsABody() async throws {
        try await RunningService.with { running in
            let reply = try await running.ask("POST /transform HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reply.status == 411)
            #expect(reply.problem == "length-required")
        }
    }

    @Test func takesChunkedContent() async throws {
        try await RunningService.with { running in
            let reply = try await running.ask(
                "POST /transform?program=. HTTP/1.1\r\nHost: a\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n")
            #expect(reply.content == "[1,2]")
        }
    }

    /// Content that is too long for the event loop runs on a worker, and is answered completely.
    @Test(arguments: [0, 16_350, 16_400, 200_000])
    func takesContentOfAnySize(_ count: Int) async throws {
        try await RunningService.with { running in
            let input = String(repeating: "x", count: count)
            let reply = try await running.post("{\"program\":\".\",\"input\":\"\(input)\"}")
            #expect(reply.status == 200)
            #expect(reply.content.utf8.count == count + 2)
        }
    }

    @Test func refusesLongContent() async throws {
        try await RunningService.with {
            $0.bodyBytesMax = 10_000
        } _: { running in
            let fits = "\"" + String(repeating: "x", count: 9_998) + "\""
            let served = try await running.post(fits, target: "/transform?program=.")
            #expect(served.status == 200)
            let reply = try await running.post(fits + " ", target: "/transform?program=.")
            #expect(reply.status == 413)
            #expect(reply.problem == "body-too-long")
            #expect(reply.content.contains(#""limit_bytes":10000"#))
        }
    }

    @Test func echoesOrMakesRequestIDs() async throws {
        try await RunningService.with { running in
            let content = #"{"program":"1"}"#
            let long = String(repeating: "x", count: RequestName.byteCountMax)
            for given in ["a-1", long] {
                let reply = try await running.post(content, fields: "X-Request-Id: \(given)\r\n")
                #expect(reply.field("X-Request-Id") == given)
            }
            for given in ["a b", long + "x", "\u{e4}"] {
                let reply = try await running.post(content, fields: "X-Request-Id: \(given)\r\n")
                #expect(reply.field("X-Request-Id")?.utf8.count == 13)
            }
            let problem = try await running.post("{", fields: "X-Request-Id: me\r\n")
            #expect(problem.content.contains(#""request_id":"me""#))
        }
    }

    @Test func timesEveryRun() async throws {
        try await RunningService.with { running in
            // The first time the program is compiled, then it is known.
            for expected in [
                ["queue", "read", "compile", "run", "write"], ["queue", "read", "run", "write"],
            ] {
                let reply = try await running.post(#"{"program":"1"}"#)
                let parts = (reply.field("Server-Timing") ?? "").split(separator: ", ")
                let names = parts.map { $0.split(separator: ";").first.map(String.init) ?? "" }
                #expect(names == expected)
                for part in parts {
                    let digits = part.split(separator: "=").last?.split(separator: ".")
                    #expect(digits?.count == 2 && digits?[1].count == 3, "\(part)")
                }
            }
        }
    }

    /// A program that meets the loop's bound of steps runs on a worker instead.
    @Test func leavesLongWorkToTheWorkers() async throws {
        try await RunningService.with { running in
            let programs = [
                ("reduce range(200000) as $i (0; . + $i)", "19999900000"),
                ("def f: if . == 0 then 0 else 1 + (. - 1 | f) end; 1500 | f", "1500"),
                ("[range(1e5)] | length", "100000"),
            ]
            for (program, expected) in programs {
                for _ in 0..<2 {
                    let reply = try await running.post("{\"program\":\"\(program)\"}")
                    #expect(reply.content == expected)
                }
            }
        }
    }

    @Test func keepsTheConnection() async throws {
        try await RunningService.with { running in
            let client = try RawClient(port: running.port)
            for _ in 0..<3 {
                client.send(RunningService.request(#"{"program":"7"}"#))
                #expect(Reply(client).content == "7")
                client.send(RunningService.request("{"))
                #expect(Reply(client).status == 400)
            }
        }
    }
}
