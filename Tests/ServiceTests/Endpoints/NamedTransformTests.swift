// POST /transform/{name} and GET /transforms over HTTP: names, arguments, forms of output, limits.

import HTTPKit
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct NamedTransformTests {
    static let files = [
        "double.jq": ". * 2",
        "shop/top.jq":
            "module {description: \"Top\", args: {n: 2, by: \"t\"}}; [.[:($n | tonumber)], $by]",
        "all.jq": "module {outputs: \"array\"}; .[]",
        "rows.jq": "module {outputs: \"csv\"}; .[] | @csv",
        "free.jq": "$ARGS.named",
        "known.jq": "module {args: {a: 1}}; $ARGS",
        "fails.jq": "import \"lib/deep\" as deep;\n.a | deep::check",
        "lib/deep.jq": "# A library.\ndef check: if . then . else error(\"no a\") end;",
        "slow.jq": "module {timeout_ms: 50}; def f: f; f",
        "large.jq": "module {memory_mib: 2}; [range(1e6)] | length",
    ]

    private func with(
        _ change: @escaping (inout Configuration) -> Void = { _ in },
        _ body: (RunningService) async throws -> Void
    ) async throws {
        let folder = TransformFolder(Self.files)
        try await RunningService.with {
            $0.transformsFolder = folder.path
            change(&$0)
        } _: { running in
            try #require(running.service.transforms.status.faults == [])
            try await body(running)
        }
    }

    struct Case: Sendable {
        let target: String
        var content = "null"
        var accept: String?
        var status = 200
        /// The whole content, or the problem's type.
        let expected: String
        var type = "application/json"
        /// A part of a problem.
        var part = ""
    }

    static let cases: [Case] = [
        Case(target: "/transform/double", content: "21", expected: "42"),
        Case(target: "/transform/shop/top", content: "[3,4,5]", expected: #"[[3,4],"t"]"#),
        Case(target: "/transform/shop%2Ftop?n=1", content: "[3,4]", expected: #"[[3],"t"]"#),
        Case(target: "/transform/shop/top?by=x%20y", content: "[]", expected: #"[[],"x y"]"#),
        Case(target: "/transform/all", content: "[1,[2]]", expected: "[1,[2]]"),
        Case(target: "/transform/all?outputs=one", content: "[7]", expected: "7"),
        Case(
            target: "/transform/all?outputs=one", content: "[7,8]", status: 422,
            expected: "output-count"),
        Case(
            target: "/transform/all", content: "[1,2]", accept: "application/jsonl",
            expected: "1\n2\n", type: "application/jsonl"),
        Case(
            target: "/transform/rows", content: #"[[1,"a"],[null,"b\"c"]]"#,
            expected: "1,\"a\"\n,\"b\"\"c\"\n", type: "text/csv; charset=utf-8"),
        Case(
            target: "/transform/rows", content: "[[1],[2]]", accept: "application/json",
            expected: #"["1","2"]"#),
        Case(
            target: "/transform/all", content: #"["a","b"]"#, accept: "text/tab-separated-values",
            expected: "a\nb\n", type: "text/tab-separated-values; charset=utf-8"),
        Case(
            target: "/transform/all", content: #"["a\u0000\n"]"#, accept: "text/plain",
            expected: "a\u{0}\n\n", type: "text/plain; charset=utf-8"),
        Case(
            target: "/transform/all", content: #"["a",{}]"#, accept: "text/csv", status: 422,
            expected: "output-not-text", part: "Output 2 is no string but object; text/csv"),
        Case(
            target: "/transform/double", content: "1", accept: "text/html, image/png;q=0.1",
            status: 406, expected: "not-acceptable", part: "application/x-ndjson"),
        Case(target: "/transform/free?x=1&y=2", expected: #"{"x":"1","y":"2"}"#),
        Case(target: "/transform/free?program=1", expected: #"{"program":"1"}"#),
        Case(target: "/transform/known", expected: #"{"positional":[],"named":{"a":1}}"#),
        Case(target: "/transform/known?a=2", expected: #"{"positional":[],"named":{"a":"2"}}"#),
        Case(
            target: "/transform/known?b=2", status: 400, expected: "unknown-argument",
            part: "it has `a`"),
        Case(
            target: "/transform/fails", content: #"{"a":null}"#, status: 422,
            expected: "program-error",
            part: #""line":2,"column":29,"excerpt":"def check: if . then . else error(\"no a\")"#),
        Case(
            target: "/transform/slow", status: 504, expected: "deadline-exceeded",
            part: #""limit_ms":50"#),
        Case(
            target: "/transform/large", status: 422, expected: "memory-limit", part: "its 2 MiB"),
        Case(target: "/transform/double", content: "{", status: 400, expected: "malformed-json"),
        Case(target: "/transform/nope", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/lib/deep", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/double.jq", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/../transform/double", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/%2e%2e/etc/passwd", status: 404, expected: "unknown-transform"),
        Case(
            target: "/transform/..%2F..%2Fetc%2Fhosts", status: 404,
            expected: "unknown-transform"),
        Case(target: "/transform//double", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/double/", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/double%00", status: 404, expected: "unknown-transform"),
        Case(target: "/transform/%ff", status: 404, expected: "unknown-transform"),
        Case(
            target: "/transform", content: #"{"transform":"double","input":4}"#, expected: "8"),
        Case(
            target: "/transform",
            content: #"{"transform":"shop/top","input":[1,2],"args":{"n":1,"by":{"c":[]}}}"#,
            expected: #"[[1],{"c":[]}]"#),
        Case(
            target: "/transform", content: #"{"transform":"all","input":[5],"outputs":"one"}"#,
            expected: "5"),
        Case(
            target: "/transform", content: #"{"transform":"known","args":{"c":1}}"#, status: 400,
            expected: "unknown-argument", part: "it has `a`"),
        Case(
            target: "/transform", content: #"{"transform":"../x"}"#, status: 404,
            expected: "unknown-transform"),
        Case(
            target: "/transform", content: #"{"transform":"slow"}"#, status: 504,
            expected: "deadline-exceeded", part: #""limit_ms":50"#),
    ]

    @Test func runsByName() async throws {
        try await with { running in
            for test in Self.cases {
                let accept = test.accept.map { "Accept: \($0)\r\n" } ?? ""
                let reply = try await running.post(
                    test.content, target: test.target, fields: accept)
                let name = "\(test.target) \(test.content): \(reply.content)"
                #expect(reply.status == test.status, "\(name)")
                if test.status == 200 {
                    #expect(reply.content == test.expected, "\(name)")
                    #expect(reply.field("Content-Type") == test.type, "\(name)")
                    let digest = try #require(reply.field("Transform-Digest"), "\(name)")
                    #expect(digest.utf8.count == 64)
                } else {
                    #expect(reply.problem == test.expected, "\(name)")
                    #expect(reply.content.contains(test.part), "\(name)")
                    let digest = reply.field("Transform-Digest")
                    if test.status == 422 { #expect(digest != nil, "\(name)") }
                    if test.status == 404 { #expect(digest == nil, "\(name)") }
                }
            }
        }
    }

    /// A request that is too large for the event loop runs on a worker.
    @Test func runsLargeInputsByName() async throws {
        try await with { running in
            let text = "[" + Array(repeating: "1", count: 20_000).joined(separator: ",") + "]"
            let reply = try await running.post(text, target: "/transform/all")
            #expect(reply.content == text)
            let missing = try await running.post(text, target: "/transform/nope")
            #expect(missing.status == 404)
            let top = try await running.post(text, target: "/transform/shop/top?n=3")
            #expect(top.content == #"[[1,1,1],"t"]"#)
        }
    }

    @Test func namesTheFileOfAnError() async throws {
        try await with { running in
            let reply = try await running.post("{}", target: "/transform/fails")
            #expect(reply.content.contains(#""file":"lib/deep.jq""#))
            let own = try await running.post("{}", target: "/transform/double")
            #expect(own.content.contains(#""file":"double.jq""#), "\(own.content)")
        }
    }

    @Test func lists() async throws {
        try await with { running in
            let all = try await running.ask("GET /transforms HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(all.status == 200)
            #expect(all.content.hasPrefix(#"{"transforms":[{"name":"all","outputs":"array""#))
            #expect(
                all.content.contains(
                    #"{"name":"shop/top","description":"Top","arguments":{"n":2,"by":"t"},"#))
            #expect(!all.content.contains("lib/deep"))
            let one = try await running.ask(
                "GET /transforms/shop/top HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(one.content.contains(#""source":"module {description: \"Top\""#))
            let tag = try #require(one.field("ETag"))
            let run = try await running.post("[]", target: "/transform/shop/top")
            #expect(tag == "\"\(run.field("Transform-Digest") ?? "")\"")
            for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await running.ask(
                    "GET /transforms/shop/top HTTP/1.1\r\nHost: a\r\n"
                        + "If-None-Match: \(field)\r\n\r\n"
                )
                #expect(again.status == 304)
                #expect(again.content == "")
                #expect(again.field("ETag") == tag)
            }
            let other = try await running.ask(
                "GET /transforms HTTP/1.1\r\nHost: a\r\nIf-None-Match: \(tag)\r\n\r\n")
            #expect(other.status == 200)
            let missing = try await running.ask(
                "GET /transforms/nope HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(missing.problem == "unknown-transform")
            let wrong = try await running.ask("GET /transform/double HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(wrong.status == 405)
        }
    }

    @Test func refusesInlinePrograms() async throws {
        try await with({ $0.servesInlinePrograms = false }) { running in
            for (content, target) in [
                (#"{"program":"."}"#, "/transform"), ("1", "/transform?program=."),
            ] {
                let reply = try await running.post(content, target: target)
                #expect(reply.status == 403)
                #expect(reply.problem == "inline-program-refused")
            }
            let served = try await running.post("2", target: "/transform/double")
            #expect(served.content == "4")
        }
    }
}
