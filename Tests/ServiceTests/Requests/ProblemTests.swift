// Every type of problem, with the location that it names.

import HTTPKit
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct ProblemTests {
    struct Case: Sendable {
        let content: String
        let status: Int
        let problem: String
        /// Texts that the content must contain.
        let parts: [String]
    }

    static let cases: [Case] = [
        Case(
            content: "{\"program\":\n \"1\",}", status: 400, problem: "malformed-json",
            parts: [#""offset":17,"line":2,"column":6"#]),
        Case(
            content: "{\"program\":\"\u{e4}\",\"input\":01}", status: 400,
            problem: "malformed-json",
            parts: [#""offset":24,"line":1,"column":24"#]),
        Case(
            content: #"{"program":".","input":{"\ud800":1,"\ud801":2}}"#, status: 400,
            problem: "malformed-json", parts: [#""offset":25,"#, "unpaired surrogate"]),
        Case(
            content: #"{"program":"1","input":["\udc00"]}"#, status: 400,
            problem: "malformed-json", parts: [#""offset":25,"#]),
        Case(
            content: #"{"program":".a |\n  foo"}"#, status: 422, problem: "compile-error",
            parts: [#""offset":7,"line":2,"column":3"#, #""excerpt":"  foo\n  ^""#, "foo/0"]),
        Case(
            content: #"{"program":".a + "}"#, status: 422, problem: "compile-error",
            parts: [#""line":1"#]),
        Case(
            content: #"{"program":".[] | error({code: .})","input":[7]}"#, status: 422,
            problem: "program-error",
            parts: [#""value":{"code":7}"#, #""offset":6"#, #""line":1"#]),
        Case(
            content: #"{"program":"error(\"no\")"}"#, status: 422, problem: "program-error",
            parts: [#""detail":"no""#, #""value":"no""#]),
        Case(
            content: #"{"program":"\"bye\" | halt_error(3)"}"#, status: 422,
            problem: "program-error", parts: [#""value":"bye""#]),
        Case(
            content: #"{"program":".a","input":[]}"#, status: 422, problem: "program-error",
            parts: ["Cannot index array"]),
        Case(
            content: #"{"program":"1,2,3"}"#, status: 422, problem: "output-count",
            parts: [#""count":3"#, "outputs=array"]),
        Case(
            content: #"{"program":"empty"}"#, status: 422, problem: "output-count",
            parts: [#""count":0"#]),
        Case(
            content: #"{"program":"range(1e15)"}"#, status: 422, problem: "output-count",
            parts: [#""count":1000"#, "or more"]),
        Case(
            content: #"{"program":"[range(1e12)]"}"#, status: 422, problem: "memory-limit",
            parts: ["16 MiB", #""limit_bytes":16777216"#]),
        Case(
            content: #"{"program":"def f: [f]; f"}"#, status: 422, problem: "depth-limit", parts: []
        ),
        // Here jq writes a text that is not JSON.
        Case(
            content: #"{"program":"reduce range(10002) as $_ (1; [.])"}"#, status: 422,
            problem: "depth-limit", parts: []),
        Case(
            content: #"{"program":"[range(3e5) | \"0123456789\"] | ., ."}"#, status: 422,
            problem: "output-limit", parts: ["4 MiB", #""limit_bytes":4194304"#]),
        Case(
            content: #"{"program":"\#(String(repeating: " ", count: 65_536))1"}"#, status: 422,
            problem: "program-too-long", parts: ["65537"]),
    ]

    @Test func namesTheLocationOfEveryProblem() async throws {
        try await RunningService.with {
            $0.memoryBytesMax = 16 << 20
            $0.outputBytesMax = 4 << 20
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            for test in Self.cases {
                for round in 1...2 {
                    let form = test.problem == "output-limit" ? "?outputs=array" : ""
                    let reply = try await running.post(test.content, target: "/transform" + form)
                    #expect(reply.status == test.status, "\(test.content.prefix(80))")
                    #expect(
                        reply.problem == test.problem,
                        "\(test.content.prefix(80)), round \(round): \(reply.content)")
                    for part in test.parts {
                        #expect(reply.content.contains(part), "\(reply.content)")
                    }
                }
            }
            let served = try await running.post(#"{"program":"1"}"#)
            #expect(served.content == "1")
        }
    }

    @Test(arguments: [
        ("GET /nope HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not-found"),
        ("GET /transform HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method-not-allowed"),
        ("FOOBAR /livez HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unsupported-method"),
        ("GET /livez HTTP/1.1\r\n\r\n", 400, "missing-host"),
        ("GET /livez HTTP/3.0\r\nHost: a\r\n\r\n", 505, "unsupported-version"),
        ("GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400, "obsolete-fold"),
    ])
    func putsProtocolErrorsInTheSameForm(_ request: String, _ status: Int, _ problem: String)
        async throws
    {
        try await RunningService.with { running in
            let reply = try await running.ask(request)
            #expect(reply.status == status)
            #expect(reply.problem == problem)
            #expect(reply.field("X-Request-Id") != nil)
            #expect(reply.content.contains("\"status\":\(status)"))
            if status == 405 { #expect(reply.field("Allow") == "POST, OPTIONS") }
        }
    }

    @Test func escapesAndCutsDetails() {
        var problem = Problem(.programError, "a\"\\\n\u{1}" + String(repeating: "x", count: 5_000))
        problem.count = 3
        let response = problem.response(requestID: .given("id"))
        guard case .bytes(let bytes) = response.content else {
            Issue.record("no bytes")
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#""detail":"a\"\\\n\u0001xxx"#))
        #expect(text.contains("xxx...\""))
        #expect(bytes.count < 2_500)
        #expect(text.hasSuffix(#","count":3}"#))
    }

    @Test func givesEachKindItsOwnType() {
        let slugs = Problem.Kind.allCases.map { "\($0.slug)" }
        #expect(Set(slugs).count == slugs.count)
        #expect(Problem.slug("bodyTooLong") == "body-too-long")
    }
}
