// Each limit that a flag sets -> served at the bound, refused one past it.

import Glibc
import HTTPKit
import Testing

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(2)))
struct LimitFlagTests {
    /// Runs `body` with a service that has these flags of the command line.
    private func with(
        _ flags: [String: String], _ body: (RunningService) async throws -> Void
    ) async throws {
        let given = try Configuration(flags: flags, environment: [:], cpuCount: 1)
        try await RunningService.with(
            {
                $0 = given
                $0.port = 0
            }, body)
    }

    /// Whether nothing comes for twice as long as the short time that the tests below set; the next
    /// request on the connection shows that it is open.
    private static func staysSilent(_ client: RawClient) -> Bool {
        client.receive(milliseconds: 100) == nil
    }

    @Test(arguments: [(1_024, 404), (1_025, 414)])
    func target(_ byteCount: Int, _ status: Int) async throws {
        try await with(["target-kib": "1"]) { running in
            let target = "/" + String(repeating: "a", count: byteCount - 1)
            let reply = try await running.ask("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reply.status == status)
        }
    }

    @Test(arguments: [(1_024, 200), (1_025, 431)])
    func header(_ byteCount: Int, _ status: Int) async throws {
        try await with(["header-kib": "1"]) { running in
            // The limit counts the field lines with their line ends, and the empty line.
            let known = "Host: a\r\nX: \r\n\r\n".utf8.count
            let value = String(repeating: "a", count: byteCount - known)
            let reply = try await running.ask(
                "GET /livez HTTP/1.1\r\nHost: a\r\nX: \(value)\r\n\r\n")
            #expect(reply.status == status)
        }
    }

    @Test(arguments: [(1 << 20, 200), (1 << 20 + 1, 413)])
    func body(_ byteCount: Int, _ status: Int) async throws {
        try await with(["body-mib": "1"]) { running in
            let content = #""\#(String(repeating: "a", count: byteCount - 2))""#
            let reply = try await running.post(content, target: "/transform?program=length")
            #expect(reply.status == status)
            let chunked =
                "POST /transform?program=length HTTP/1.1\r\nHost: a\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n\(String(byteCount, radix: 16))\r\n"
                + content + "\r\n0\r\n\r\n"
            let other = try await running.ask(chunked)
            #expect(other.status == status)
        }
    }

    @Test(arguments: [(100, 200), (101, 400)])
    func depth(_ count: Int, _ status: Int) async throws {
        try await with(["json-depth": "100"]) { running in
            let text =
                String(repeating: "[", count: count) + String(repeating: "]", count: count)
            let reply = try await running.post(text, target: "/transform?program=length")
            #expect(reply.status == status)
            #expect(status == 200 || reply.problem == "malformed-json")
        }
    }

    @Test(arguments: [(1_024, 200), (1_025, 422)])
    func program(_ byteCount: Int, _ status: Int) async throws {
        try await with(["program-kib": "1"]) { running in
            let program = "1" + String(repeating: " ", count: byteCount - 1)
            let reply = try await running.post(#"{"program":"\#(program)"}"#)
            #expect(reply.status == status)
            #expect(status == 200 || reply.problem == "program-too-long")
        }
    }

    @Test func timeToReadAHead() async throws {
        try await with(["header-read-ms": "50"]) { running in
            let reply = try await running.ask("GET /livez HTTP/1.1\r\nHost: a\r\n")
            #expect(reply.status == 408)
        }
        try await with(["header-read-ms": "600000"]) { running in
            let client = try RawClient(port: running.port)
            client.send("GET /livez HTTP/1.1\r\nHost: a\r\n")
            #expect(Self.staysSilent(client))
            client.send("\r\n")
            #expect(Reply(client).status == 200)
        }
    }

    @Test func silenceInABody() async throws {
        let head = "POST /transform?program=. HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1"
        try await with(["body-stall-ms": "50"]) { running in
            let status = try await running.ask(head).status
            #expect(status == 408)
        }
        try await with(["body-stall-ms": "600000"]) { running in
            let client = try RawClient(port: running.port)
            client.send(head)
            #expect(Self.staysSilent(client))
            client.send("2")
            #expect(Reply(client).content == "12")
        }
    }

    @Test func idleTime() async throws {
        try await with(["idle-ms": "50"]) { running in
            let client = try RawClient(port: running.port)
            client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(Reply(client).status == 200)
            let rest = client.read()
            #expect(rest.isClosed && rest.text.isEmpty)
        }
        try await with(["idle-ms": "600000"]) { running in
            let client = try RawClient(port: running.port)
            for _ in 0..<2 {
                client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(Reply(client).status == 200)
                #expect(Self.staysSilent(client))
            }
        }
    }

    @Test func connections() async throws {
        try await with(["connections": "2"]) { running in
            let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
            let clients = try (0..<2).map { _ in try RawClient(port: running.port) }
            for client in clients {
                client.send(livez)
                #expect(Reply(client).status == 200)
            }
            let third = try await running.ask("")
            #expect(third.status == 503 && third.field("Retry-After") == "1")
            #expect(running.service.metrics.connectionsRejected == 1)
            clients[0].close()
            #expect(await running.wait { running.server.connectionCount < 2 })
            let fourth = try await running.ask(livez)
            #expect(fourth.status == 200)
        }
    }

    /// Each setting is a flag of the command line, too.
    @Test func flagsAreKnown() throws {
        let binary = try #require(Command.binary)
        let help = Command.run([binary, "serve", "--help"]).output
        for setting in Setting.all {
            let flag = "--\(setting.name)" + (setting.valueName.map { " <\($0)>" } ?? "")
            #expect(help.contains("  \(flag) ") || help.contains("  \(flag)\n"), "\(flag)")
        }
    }
}
