// Access tokens: requests with and without one, the file they are read from, and new tokens while
// the service runs.

import Glibc
import HTTPKit
import Logging
import Testing

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(2)))
struct AccessTests {
    private static let program = #"{"program":"1"}"#

    private func with(
        _ tokens: AccessTokens, _ body: (RunningService) async throws -> Void
    ) async throws {
        let running = try await RunningService(tokens: tokens)
        do { try await body(running) } catch {
            await running.stop()
            throw error
        }
        await running.stop()
    }

    @Test(arguments: [
        ("Bearer secret-1", 200), ("bearer secret-2", 200), ("BEARER   secret-1", 200),
        ("Bearer secret-1x", 401), ("Bearer secret-", 401), ("Bearer ", 401), ("Bearer", 401),
        ("Basic secret-1", 401), ("secret-1", 401), ("", 401), ("Bearer secret-1 secret-2", 401),
        ("Bearer \u{0}secret-1", 400),
    ])
    func asksForAToken(_ field: String, _ status: Int) async throws {
        let tokens = AccessTokens([Array("secret-1".utf8), Array("secret-2".utf8)])
        try await with(tokens) { running in
            let reply = try await running.post(
                Self.program, fields: "Authorization: \(field)\r\n")
            #expect(reply.status == status)
            if status == 401 {
                #expect(reply.field("WWW-Authenticate")?.hasPrefix("Bearer") == true)
                #expect(reply.problem == "unauthorized")
                #expect(!reply.content.contains("secret"))
            }
        }
    }

    @Test func guardsWhatRunsAndListsPrograms() async throws {
        try await with(AccessTokens([Array("t".utf8)])) { running in
            let open = ["/livez", "/readyz", "/healthz", "/metrics", "/openapi.json"]
            for path in open {
                let reply = try await running.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(reply.status == 200, "\(path)")
            }
            let list = try await running.ask("GET /transforms HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(list.status == 401)
            let none = try await running.post(Self.program)
            #expect(none.status == 401 && none.field("WWW-Authenticate") == "Bearer")
        }
    }

    @Test func tokensAreReplaced() {
        let tokens = AccessTokens([Array("old".utf8)])
        #expect(tokens.contains(Array("old".utf8)))
        tokens.replace(with: [Array("new".utf8)])
        #expect(!tokens.contains(Array("old".utf8)) && tokens.contains(Array("new".utf8)))
        #expect(!tokens.contains([]))
    }

    @Test(arguments: [
        ("a\n", ["a"]), ("a", ["a"]), (" a \r\n\n\tb\n", ["a", "b"]), ("a~+/=\n", ["a~+/="]),
    ])
    func readsTokenFiles(_ text: String, _ expected: [String]) throws {
        let tokens = try TokenFile.tokens(in: text, "f")
        #expect(tokens.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: [
        "", "\n \n", "a b\n", "é\n", "a\u{0}\n", String(repeating: "a", count: 4_097),
    ])
    func refusesTokenFiles(_ text: String) {
        #expect(throws: ConfigurationError.self) { try TokenFile.tokens(in: text, "f") }
    }

    @Test func longestToken() throws {
        let longest = String(repeating: "a", count: TokenFile.tokenBytesMax)
        #expect(try TokenFile.tokens(in: longest, "f").count == 1)
        let lines = String(repeating: "a\n", count: TokenFile.bytesMax / 2)
        let file = NamedFile(lines)
        #expect(throws: ConfigurationError.self) { try TokenFile.tokens(at: file.path) }
        file.write(String(lines.dropLast()))
        #expect(try TokenFile.tokens(at: file.path).count == TokenFile.bytesMax / 2)
    }

    @Test func startsOnlyWithTokens() throws {
        let binary = try #require(Command.binary)
        let empty = NamedFile("\n")
        for path in ["/nowhere/tokens", "/tmp", empty.path] {
            let result = Command.run([binary, "serve", "--port", "0", "--auth-token-file", path])
            #expect(result.status == 78, "\(path)")
            #expect(result.message.contains("token file \(path)"))
            #expect(result.message.split(separator: "\n").count == 1)
        }
    }

    @Test func hangupReadsTokensAgain() throws {
        let file = NamedFile("old\n")
        let process = try ServiceProcess(["--auth-token-file", file.path])
        func status(_ token: String) throws -> Int {
            try process.ask(
                RunningService.request(
                    Self.program, fields: "Authorization: Bearer \(token)\r\n")
            ).status
        }
        #expect(try status("old") == 200)
        #expect(try status("new") == 401)
        file.write("new\n")
        process.signal(SIGHUP)
        #expect(process.wait { process.message.contains("read again what=tokens") })
        #expect(try status("old") == 401)
        #expect(try status("new") == 200)
        // A broken file changes nothing, and the log says so.
        file.write("")
        process.signal(SIGHUP)
        #expect(process.wait { process.message.contains("not read: what was there before stays") })
        #expect(try status("new") == 200)
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
    }
}
