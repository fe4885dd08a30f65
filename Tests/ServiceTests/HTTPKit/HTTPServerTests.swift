// A real server on a loopback port, raw sockets as clients.

import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPKit

private func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

private func status(_ answer: String) -> String { String(answer.dropFirst(9).prefix(3)) }

@Suite(.serialized) struct HTTPServerTests {
    @Test func keepsConnectionsAliveAndAnswersInOrder() async throws {
        let server = try await TestServer()
        let client = try server.client()
        let first = client.ask(get("/echo"), until: "GET /echo ")
        #expect(first.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
        #expect(first.contains("\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n"))
        #expect(!first.contains("Connection"))
        // A slow answer before a fast one: the order holds.
        let body = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"
        let both = client.ask(get("/later") + body + get("/get"), until: "GET /get ")
        let later = try #require(both.firstRange(of: "later"), "\(both)")
        let posted = try #require(both.firstRange(of: "POST /echo xyz"), "\(both)")
        #expect(later.lowerBound < posted.lowerBound)
        #expect(both.hasSuffix("GET /get "))
        await server.stop()
    }

    @Test func manyPipelinedRequests() async throws {
        let server = try await TestServer { $0.limits.pipelinedBytesMax = 1_000 }
        let client = try server.client()
        let count = 3_000
        client.send(String(repeating: get("/later"), count: count / 2))
        client.send(String(repeating: get("/get"), count: count / 2))
        let answers = client.read {
            $0.hasSuffix("/get ") && $0.split(separator: "200 OK").count > count
        }
        #expect(answers.text.split(separator: "200 OK").count == count + 1)
        await server.stop()
    }

    @Test func largeBodiesInPieces() async throws {
        let server = try await TestServer()
        let client = try server.client()
        let content = String(repeating: "0123456789", count: 300_000)
        client.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        client.send(content)
        #expect(client.read { $0.hasSuffix("later") }.text.contains("X-Count: 3000000\r\n"))
        let chunk = "2dc6c0\r\n\(content)\r\n"
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(chunk + "0\r\n\r\n")
        let echo = client.read { $0.utf8.count > 3_000_010 && $0.hasSuffix("89") }.text
        let isWhole =
            echo.contains("Content-Length: 3000011\r\n")
            && echo.hasSuffix("POST /echo \(content)")
        #expect(isWhole)
        await server.stop()
    }

    @Test func routesAnswerWithTheirStatus() async throws {
        let server = try await TestServer()
        let cases: [(String, String, [String])] = [
            (get("/nothing"), "404", ["Content-Length: "]),
            (get("/named/"), "404", []),
            ("POST /named/a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", "200", ["POST /named/a%2Fb "]),
            ("BREW /get HTTP/1.1\r\nHost: a\r\n\r\n", "501", []),
            ("get /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "501", []),
            ("POST /get HTTP/1.1\r\nHost: a\r\n\r\n", "405", ["Allow: GET, HEAD, OPTIONS\r\n"]),
            (
                "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", "204",
                ["Allow: GET, HEAD, POST, OPTIONS\r\n"]
            ),
            (
                "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "204",
                ["Allow: GET, HEAD, POST, OPTIONS\r\n"]
            ),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400", []),
            ("GET /%65cho HTTP/1.1\r\nHost: a\r\n\r\n", "200", []),
            ("GET http://a/echo?q HTTP/1.1\r\nHost: a\r\n\r\n", "200", ["GET /echo "]),
        ]
        for (request, expected, parts) in cases {
            let client = try server.client()
            client.send(request)
            let answer = client.read { $0.contains("\r\n\r\n") }.text
            #expect(status(answer) == expected, "\(request)")
            for part in parts { #expect(answer.contains(part), "\(answer)") }
            if expected == "204" { #expect(!answer.contains("Content-Length")) }
        }
        await server.stop()
    }

    @Test func headHasNoContentAndOldVersionsClose() async throws {
        let server = try await TestServer()
        let client = try server.client()
        let head = client.ask("HEAD /get HTTP/1.1\r\nHost: a\r\n\r\n", until: "\r\n\r\n")
        #expect(head.contains("Content-Length: 10\r\n"))
        #expect(client.ask(get("/get"), until: "GET /get ").hasPrefix("HTTP/1.1 200"))
        let old = try server.client()
        old.send("GET /get HTTP/1.0\r\n\r\n")
        let answer = old.read()
        #expect(answer.isClosed && answer.text.hasSuffix("Connection: close\r\n\r\nGET /get "))
        let kept = try server.client()
        let first = kept.ask(
            "GET /get HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", until: "GET /get ")
        #expect(first.contains("Connection: keep-alive\r\n"))
        // Streamed to HTTP/1.0: no chunks, and the close ends the content.
        kept.send("POST /stream HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
        let streamed = kept.read()
        #expect(streamed.isClosed && streamed.text.hasSuffix("close\r\n\r\nhello"))
        await server.stop()
    }

    @Test func continueIsSentWhenTheContentIsWanted() async throws {
        let server = try await TestServer()
        let client = try server.client()
        let expecting = "HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        let first = client.ask("POST /echo \(expecting)", until: "\r\n\r\n")
        #expect(first == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(client.ask("hi", until: "POST /echo hi").hasPrefix("HTTP/1.1 200"))
        client.send("POST /nothing \(expecting)")
        let refused = client.read()
        #expect(refused.isClosed && refused.text.hasPrefix("HTTP/1.1 404"))
        let other = try server.client()
        other.send(get("/echo", "Expect: else\r\n"))
        #expect(status(other.read().text) == "417")
        await server.stop()
    }

    @Test func refusalsCanBeReadByClientsThatAreStillSending() async throws {
        let server = try await TestServer {
            $0.limits.bodyBytesMax = 1_000
            $0.errorContent = { error, request in
                ErrorContent(
                    contentType: "application/problem+json",
                    bytes: Array("{\"status\":\(error.status.code)}".utf8))
            }
        }
        let client = try server.client()
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        #expect(client.send([UInt8](repeating: 0x61, count: 3_000_000)) == 3_000_000)
        let answer = client.read()
        #expect(answer.isClosed && status(answer.text) == "413")
        #expect(answer.text.contains("Content-Type: application/problem+json\r\n"))
        #expect(answer.text.hasSuffix("Connection: close\r\n\r\n{\"status\":413}"))
        let other = try server.client()
        other.send("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + get("/echo"))
        let refusal = other.read()
        #expect(refusal.isClosed && refusal.text.hasSuffix("{\"status\":400}"))
        await server.stop()
    }

    @Test func timeoutsAreKept() async throws {
        let server = try await TestServer {
            $0.limits.headReadNanoseconds = 60_000_000
            $0.limits.bodyStallNanoseconds = 60_000_000
            $0.limits.idleNanoseconds = 500_000_000
            $0.limits.lingerNanoseconds = 50_000_000
        }
        let head = try server.client()
        let body = try server.client()
        let idle = try server.client()
        head.send("GET / HT")
        body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx")
        #expect(idle.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        for client in [head, body] {
            let answer = client.read()
            #expect(answer.isClosed && status(answer.text) == "408")
        }
        let rest = idle.read()
        #expect(rest.isClosed && rest.text.isEmpty)
        await server.stop()
    }

    @Test(arguments: [false, true])
    func workIsCancelledWhenTheClientGoes(_ isReset: Bool) async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send(get("/silent"))
        #expect(await server.events.waitUntilHandled())
        #expect(server.events.cancelled.load(ordering: .acquiring) == 0)
        if isReset { client.reset() } else { client.close() }
        #expect(await server.events.waitUntilCancelled())
        await server.stop()
    }

    @Test func clientsThatShutTheirSendingSideAreAnswered() async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send(get("/held"))
        client.closeWrite()
        #expect(await server.events.waitUntilHandled())
        server.events.answerHeld()
        let answer = client.read()
        #expect(answer.isClosed && answer.text.hasSuffix("held"))
        await server.stop()
    }

    @Test func contentIsStreamedBothWaysWithBackpressure() async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(client.read { $0.hasSuffix("\r\n\r\n") }.text.contains("chunked\r\n"))
        #expect(client.ask("3\r\nabc\r\n", until: "abc\r\n") == "3\r\nabc\r\n")
        #expect(client.ask("0\r\n\r\n", until: "0\r\n\r\n") == "0\r\n\r\n")
        // The server reads no more from a client that does not read: it holds a bounded part.
        client.send("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        let sent = client.send([UInt8](repeating: 0x61, count: 40_000_000))
        #expect(sent < 40_000_000)
        await server.stop()
    }

    @Test func abortedAnswersAreNeverComplete() async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send(get("/abort"))
        let half = client.read()
        #expect(half.isClosed && !half.text.contains("0\r\n\r\n"))
        // The content breaks a rule while the answer is being streamed.
        let other = try server.client()
        other.send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(other.ask("3\r\nabc\r\n", until: "abc\r\n").hasSuffix("\r\n3\r\nabc\r\n"))
        other.send("x\r\n")
        let rest = other.read()
        #expect(rest.isClosed && rest.text.isEmpty)
        await server.stop()
    }

    @Test func clientsThatNeverReadAreDisconnected() async throws {
        let server = try await TestServer {
            $0.limits.rateWindowNanoseconds = 50_000_000
            $0.limits.bytesPerSecondMin = 1_000_000
        }
        let client = try server.client(receiveBufferBytes: 4_096)
        client.send(get("/endless"))
        #expect(await server.events.waitUntilCancelled())
        let rest = client.read()
        #expect(rest.isClosed && !rest.text.hasSuffix("0\r\n\r\n"))
        await server.stop()
    }

    @Test func connectionsBeyondTheLimitAreAnswered503() async throws {
        let server = try await TestServer { $0.connectionsMax = 1 }
        let first = try server.client()
        #expect(first.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        let second = try server.client()
        let answer = second.read()
        #expect(answer.isClosed && status(answer.text) == "503")
        #expect(first.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        await server.stop()
    }

    @Test func drainingAnswersRequestsInProgress() async throws {
        let server = try await TestServer { $0.limits.drainIdleNanoseconds = 400_000_000 }
        let working = try server.client()
        let idle = try server.client()
        working.send(get("/held"))
        #expect(idle.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        #expect(await server.events.waitUntilHandled())
        server.server.beginDrain()
        let fresh = try server.client()
        fresh.send(get("/get"))
        let last = fresh.read()
        #expect(last.isClosed && last.text.contains("Connection: close\r\n"))
        #expect(idle.read().isClosed)
        let ending = Task { await server.server.shutdown(graceNanoseconds: 10_000_000_000) }
        #expect(await refusesConnections(server))
        server.events.answerHeld()
        let answer = working.read()
        #expect(answer.isClosed && answer.text.hasSuffix("Connection: close\r\n\r\nheld"))
        working.close()
        #expect(await ending.value)
    }

    /// The loops still run while other threads hand them their last results.
    @Test(.timeLimit(.minutes(1))) func loopsEndAfterTheOthersHaveSettled() async throws {
        let server = try await TestServer { _ in }
        let loops = server.server.eventLoops
        let events = server.events
        await server.server.shutdown(graceNanoseconds: 0) {
            for loop in loops {
                loop.execute { events.handled.add(1, ordering: .releasing) }
            }
            while events.handled.load(ordering: .acquiring) < loops.count {
                guard (try? await Task.sleep(nanoseconds: 1_000_000)) != nil else { return }
            }
        }
        #expect(events.handled.load(ordering: .acquiring) == loops.count && loops.count > 0)
    }

    /// A client that has a connection when the server ends may send a request, or the rest of one.
    @Test func connectionsWithoutAnAnswerYetAreServedAtTheEnd() async throws {
        let server = try await TestServer { $0.limits.drainIdleNanoseconds = 30_000_000_000 }
        let clients = try (0..<40).map { _ in try server.client() }
        clients[0].send("GET /get HT")
        let ending = Task { await server.server.shutdown(graceNanoseconds: 60_000_000_000) }
        #expect(await refusesConnections(server))
        clients[0].send("TP/1.1\r\nHost: a\r\n\r\n")
        for client in clients.dropFirst() { client.send(get("/get")) }
        for client in clients {
            let answer = client.read()
            #expect(answer.isClosed && answer.text.contains("Connection: close\r\n"))
            #expect(answer.text.hasPrefix("HTTP/1.1 200"))
            client.close()
        }
        #expect(await ending.value)
    }

    private func refusesConnections(_ server: TestServer) async -> Bool {
        guard let port = server.server.port else { return false }
        for _ in 0..<400 {
            do { _ = try RawClient(port: port) } catch { return true }
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        return false
    }

    @Test func unixSockets() async throws {
        let path = "/tmp/httpkit-test-\(getpid()).sock"
        let server = try await TestServer { $0.address = .unix(path: path) }
        let client = try RawClient(path: path)
        #expect(client.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        await #expect(throws: ListenError.socketInUse(path: path)) {
            _ = try await TestServer { $0.address = .unix(path: path) }
        }
        await server.stop()
        #expect(throws: (any Error).self) { try RawClient(path: path) }
        // The socket that a dead server left behind is replaced; other files are not.
        try leaveStaleSocket(path)
        let second = try await TestServer { $0.address = .unix(path: path) }
        let other = try RawClient(path: path)
        #expect(other.ask(get("/get"), until: "/get ").hasPrefix("HTTP/1.1 200"))
        await second.stop()
        await #expect(throws: ListenError.notASocket(path: "/tmp")) {
            _ = try await TestServer { $0.address = .unix(path: "/tmp") }
        }
    }

    private func leaveStaleSocket(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Safety: the path is short, and a sockaddr_un may be passed as a sockaddr of its size.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: Array(path.utf8))
        }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(descriptor)
        try #require(result == 0)
    }
}
