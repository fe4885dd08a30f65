// Health checks, draining, and the end on a signal.

import Glibc
import HTTPKit
import Testing
import Transforms

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct LifecycleTests {
    @Test(arguments: ["/livez", "/readyz", "/healthz"])
    func answersHealth(_ path: String) async throws {
        try await RunningService.with { running in
            let reply = try await running.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reply.status == 200)
            #expect(reply.content == #"{"status":"pass"}"#)
            let verbose = try await running.ask("GET \(path)?verbose HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(verbose.content.contains(#""workers":2"#))
            let old = try await running.ask("GET \(path) HTTP/1.0\r\n\r\n")
            #expect(old.status == 200)
            let head = try RawClient(port: running.port)
            let text = head.ask("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n", until: "\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 200"))
            let options = try await running.ask("OPTIONS \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(options.status == 204)
            #expect(options.field("Allow") == "GET, HEAD, OPTIONS")
        }
    }

    @Test func listsNoTransforms() async throws {
        try await RunningService.with { running in
            let reply = try await running.ask("GET /transforms HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reply.content == #"{"transforms":[]}"#)
        }
    }

    /// While the service drains it says so, goes on serving, and finishes what it accepted.
    @Test func drains() async throws {
        let running = try await RunningService()
        let client = try RawClient(port: running.port)
        client.send(
            RunningService.request(
                DeadlineTests.endless, fields: "X-Request-Timeout-Ms: 3000\r\n"))
        #expect(await running.wait { running.service.pool.busyCount == 1 })
        running.service.beginDrain()
        running.server.beginDrain()
        let ready = try await running.ask("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(ready.status == 503)
        #expect(ready.content == #"{"status":"fail","reason":"draining"}"#)
        #expect(ready.field("Connection") == "close")
        let alive = try await running.ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(alive.status == 200)
        let served = try await running.post(#"{"program":"1"}"#)
        #expect(served.content == "1")
        async let isComplete = running.server.shutdown(graceNanoseconds: 10_000_000_000)
        #expect(Reply(client).status == 504)
        #expect(await isComplete)
        running.service.pool.close()
    }

    /// Requests that still run at the end of the grace time are cancelled.
    @Test func cancelsRequestsAtTheEndOfTheGraceTime() throws {
        let process = try ServiceProcess(["--grace-ms", "100"])
        let clients = try (0..<4).map { _ in
            let client = try process.client()
            client.send(
                RunningService.request(
                    DeadlineTests.endless, fields: "X-Request-Timeout-Ms: 30000\r\n"))
            return client
        }
        #expect(
            process.wait {
                let text = try? process.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").content
                return text?.contains("transform_workers_busy 2\n") == true
            })
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        #expect(process.message.contains("requests were cut at the end of the grace time"))
        for client in clients { client.close() }
    }

    @Test func probesHealth() async throws {
        try await RunningService.with { running in
            let address = HTTPServer.Address.tcp(host: "127.0.0.1", port: running.port)
            let ready = try HealthProbe.status(of: "/readyz", at: address)
            #expect(ready == 200)
            let missing = try HealthProbe.status(of: "/nope", at: address)
            #expect(missing == 404)
            running.service.beginDrain()
            let draining = try HealthProbe.status(of: "/readyz", at: address)
            #expect(draining == 503)
        }
        #expect(throws: HealthProbe.Failure.self) {
            try HealthProbe.status(of: "/readyz", at: .unix(path: "/tmp/nobody-listens.sock"))
        }
    }

    @Test(arguments: [
        ("http://a:80", "a", 80), ("http://a/b", "a", 80), ("http://[::1]:8001/", "::1", 8001),
        ("http://127.0.0.1:9", "127.0.0.1", 9),
    ])
    func readsProbeURLs(_ url: String, _ host: String, _ port: Int) throws {
        let address = try HealthcheckCommand.address(url: url)
        #expect(address == .tcp(host: host, port: port))
    }

    @Test(arguments: ["", "a:80", "https://a", "http://", "http://a:x", "http://a:0"])
    func refusesProbeURLs(_ url: String) {
        #expect(throws: ConfigurationError.self) { try HealthcheckCommand.address(url: url) }
    }
}
