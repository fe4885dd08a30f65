// Deadlines and departed clients: the answer comes in time and the work stops.

import HTTPKit
import Testing
import Transforms

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct DeadlineTests {
    static let endless = #"{"program":"last(range(1e15))"}"#

    @Test(arguments: [
        "X-Request-Timeout-Ms: 100", "x-envoy-expected-rq-timeout-ms: 100", "grpc-timeout: 100m",
        "X-Request-Timeout-Ms: 100\r\ngrpc-timeout: 1H",
    ])
    func stopsAtTheClientsDeadline(_ field: String) async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 90_000_000_000
        } _: { running in
            for _ in 0..<2 {
                let start = MonotonicClock.nanoseconds()
                let reply = try await running.post(Self.endless, fields: field + "\r\n")
                let elapsed = MonotonicClock.nanoseconds() - start
                #expect(reply.status == 504)
                #expect(reply.problem == "deadline-exceeded")
                #expect(reply.content.contains(#""limit_ms":100"#))
                #expect(reply.field("Server-Timing")?.contains("run;dur=") == true)
                #expect(elapsed >= 100_000_000)
                #expect(elapsed < 80_000_000_000)
            }
            #expect(await running.becomesIdle())
        }
    }

    @Test func stopsAtTheServersDeadline() async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 100_000_000
        } _: { running in
            let reply = try await running.post(
                Self.endless, fields: "X-Request-Timeout-Ms: 100000\r\n")
            #expect(reply.status == 504)
        }
    }

    @Test func answersWhenTheDeadlineHasPassedAlready() async throws {
        try await RunningService.with { running in
            let reply = try await running.post(
                #"{"program":"1"}"#, fields: "X-Request-Timeout-Ms: 0\r\n")
            #expect(reply.status == 504)
        }
    }

    /// The only worker is busy until its job's deadline; a job that waits is answered at its own.
    @Test func answersJobsThatWait() async throws {
        try await RunningService.with {
            $0.workerCount = 1
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            let first = try RawClient(port: running.port)
            first.send(
                RunningService.request(Self.endless, fields: "X-Request-Timeout-Ms: 60000\r\n"))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            let reply = try await running.post(
                Self.endless + " ", fields: "X-Request-Timeout-Ms: 500\r\n")
            #expect(reply.status == 504)
            #expect(reply.content.contains("waited"))
            #expect(running.service.pool.busyCount == 1)
            #expect(running.service.pool.queue.load.count == 0)
            first.close()
            #expect(await running.becomesIdle())
        }
    }

    @Test func answersWhileContentComesSlowly() async throws {
        try await RunningService.with { running in
            let client = try RawClient(port: running.port)
            client.send(
                "POST /transform HTTP/1.1\r\nHost: a\r\nX-Request-Timeout-Ms: 50\r\n"
                    + "Content-Length: 100000\r\n\r\n{")
            let reply = Reply(client)
            #expect(reply.status == 504)
        }
    }

    @Test(arguments: [true, false])
    func stopsWhenTheClientLeaves(_ byReset: Bool) async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            let client = try RawClient(port: running.port)
            client.send(RunningService.request(Self.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            let start = MonotonicClock.nanoseconds()
            if byReset { client.reset() } else { client.close() }
            #expect(await running.becomesIdle())
            #expect(MonotonicClock.nanoseconds() - start < 30_000_000_000)
        }
    }

    @Test(arguments: ["", "1.5", "-1", "+1", "1s", "x", "1234567890123"])
    func refusesMalformedTimeouts(_ value: String) async throws {
        try await RunningService.with { running in
            for name in ["X-Request-Timeout-Ms", "x-envoy-expected-rq-timeout-ms"] {
                let reply = try await running.post(
                    #"{"program":"1"}"#, fields: "\(name): \(value)\r\n")
                #expect(reply.status == 400)
                #expect(reply.problem == "malformed-request")
                #expect(reply.content.contains(name))
            }
        }
    }

    @Test(
        arguments: [
            ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000),
            ("4m", 4_000_000), ("5u", 5_000), ("6n", 6), ("99999999H", UInt64.max),
        ] as [(String, UInt64)])
    func readsGRPCTimeouts(_ text: String, _ nanoseconds: UInt64) {
        #expect(Deadline.grpcTimeout(text) == nanoseconds)
    }

    @Test(arguments: ["", "m", "100", "100s", "123456789m", "1.5S", "-1S", " 1S"])
    func refusesMalformedGRPCTimeouts(_ text: String) {
        #expect(Deadline.grpcTimeout(text) == nil)
    }
}
