// What is remembered of a connection's last head is used for the next request with the same head,
// and for no other: answers are those that a fresh connection gets.

import HTTPKit
import TestSupport
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct RepeatedHeadTests {
    /// Asks on a connection that has served other requests.
    private static func ask(_ request: String, _ client: RawClient) -> Reply {
        client.send(request)
        return Reply(client)
    }

    /// The parts of an answer that are the same each time.
    private static func lasting(_ reply: Reply) -> String {
        let fields = [
            "Content-Type", "Content-Encoding", "Transform-Digest", "Allow", "Connection",
            "Retry-After",
        ].map { "\($0): \(reply.field($0) ?? "")" }
        let id = reply.field("X-Request-Id").map { $0.hasPrefix("given") ? $0 : "made" } ?? ""
        let content =
            reply.field("Content-Type") == "application/problem+json"
            ? reply.problem ?? "" : reply.content
        return "\(reply.status) \(fields) \(id) \(content)"
    }

    private static let requests: [String] = {
        func post(_ target: String, _ fields: String, _ content: String) -> String {
            RunningService.request(content, target: target, fields: fields)
        }
        let json = "Content-Type: application/json\r\n"
        return [
            post("/transform?program=.a", json, #"{"a":1}"#),
            post("/transform?program=.a", json, #"{"a":2}"#),
            post("/transform?program=.a", json, "[1,2,3]"),
            post("/transform?program=.a", json, #"{"a":"0123456789"}"#),
            post("/transform?program=.b", json, #"{"a":1}"#),
            post("/transform?program=.[]", json + "Accept: application/x-ndjson\r\n", "[1,2]"),
            post("/transform?program=.[]", json + "Accept: application/json\r\n", "[1,2]"),
            post("/transform?program=.[]", json + "Accept: image/png\r\n", "[1,2]"),
            post("/transform?program=.", "Content-Type: image/png\r\n", "1"),
            post("/transform", "Content-Type: application/jsonl\r\n", "1\n2\n"),
            post("/transform?program=.&each=no", json, "[1,2]"),
            post("/transform?program=.&each", "Content-Type: application/jsonl\r\n", "1"),
            post("/transform?program=.&program=.", json, "1"),
            post("/transform?program=.%2B$x&x=1", json, #""y""#),
            post("/transform?program=.", json + "X-Request-Id: given1\r\n", "1"),
            post("/transform?program=.", json + "X-Request-Id: given2\r\n", "1"),
            post("/transform?program=.", json + "X-Request-Timeout-Ms: x\r\n", "1"),
            post("/transform?program=.", json + "Content-Encoding: br\r\n", "1"),
            post("/transform", json, #"{"program":".","input":7}"#),
            post("/transform", json, #"{"program":".","input":8}"#),
            post("/transform/a", json, "null"), post("/transform/b?x=1", json, "null"),
            post("/transform/c", json, "null"), post("/transform?program=1,2", json, "0"),
            "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
            "DELETE /transform HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS /transform HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /transforms/a HTTP/1.1\r\nHost: a\r\n\r\n",
            post("/transform?program=.", json, String(repeating: " ", count: 90_000) + "1"),
        ]
    }()

    @Test(arguments: 1...4)
    func answersAreThoseOfAFreshConnection(_ seed: UInt64) async throws {
        let folder = TransformFolder(["a.jq": "1", "b.jq": "$x"])
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            var expected: [String] = []
            for request in Self.requests {
                expected.append(Self.lasting(try await running.ask(request)))
            }
            var random = SeededGenerator(state: seed)
            var client = try RawClient(port: running.port)
            var index = 0
            for _ in 0..<400 {
                if Bool.random(using: &random) {
                    index = Int.random(in: Self.requests.indices, using: &random)
                }
                let reply = Self.ask(Self.requests[index], client)
                #expect(Self.lasting(reply) == expected[index], "\(Self.requests[index])")
                if reply.field("Connection") == "close" {
                    client = try RawClient(port: running.port)
                }
            }
        }
    }

    /// The head is the same, but the transform that it names has changed.
    @Test func reloadsAreSeenOnOpenConnections() async throws {
        let folder = TransformFolder(["a.jq": "0"])
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            let client = try RawClient(port: running.port)
            let request = RunningService.request("null", target: "/transform/a")
            let envelope = RunningService.request(#"{"transform":"a","input":null}"#)
            for version in 1...5 {
                folder.write("a.jq", "\(version)")
                running.service.transforms.reload(always: true)
                for _ in 0..<2 {
                    #expect(Self.ask(request, client).content == "\(version)")
                    #expect(Self.ask(envelope, client).content == "\(version)")
                }
            }
            folder.remove("a.jq")
            running.service.transforms.reload(always: true)
            #expect(Self.ask(request, client).status == 404)
            #expect(Self.ask(envelope, client).status == 404)
        }
    }
}
