// More work than the service can do: which requests are refused and when, which run first, and what
// keeps working.

import HTTPKit
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct OverloadTests {
    private static let second: UInt64 = 1_000_000_000

    private static func key(_ program: String) -> Int {
        var program = program
        // Safety: the bytes are hashed while the closure runs.
        return program.withUTF8 { unsafe ProgramKey.of(UnsafeRawBufferPointer($0), []) }
    }

    private static func envelope(_ program: String) -> String { #"{"program":"\#(program)"}"# }

    /// A service whose one worker is busy with an endless program, which its client waits for.
    private static func busy(
        _ change: @escaping (inout Configuration) -> Void = { _ in },
        _ body: (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.with {
            $0.workerCount = 1
            $0.timeoutNanoseconds = 60 * second
            change(&$0)
        } _: { running in
            let client = try RawClient(port: running.port)
            client.send(RunningService.request(DeadlineTests.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            try await body(running)
            client.close()
            #expect(await running.becomesIdle())
        }
    }

    /// A request that waits for the worker.
    private static func waiting(_ running: RunningService) async throws -> RawClient {
        let client = try RawClient(port: running.port)
        client.send(RunningService.request(DeadlineTests.endless))
        #expect(await running.wait { running.service.pool.queue.load.count == 1 })
        return client
    }

    // MARK: Refused

    @Test(
        arguments: ["Content-Length: 1000000", "Transfer-Encoding: chunked"],
        ["", "Expect: 100-continue\r\n"])
    func refusesBeforeTheBody(_ framing: String, _ expect: String) async throws {
        try await Self.busy {
            $0.queueCountMax = 1
        } _: { running in
            let client = try await Self.waiting(running)
            let reply = try await running.ask(
                "POST /transform HTTP/1.1\r\nHost: a\r\n\(expect)\(framing)\r\n\r\n")
            #expect(reply.status == 503)
            #expect(reply.problem == "temporary-reduced-capacity")
            #expect(reply.field("Retry-After") == "1")
            #expect(running.service.pool.queue.shed[.queueFull] == 1)
            client.close()
        }
    }

    /// A program that is known to take longer than the time that is left.
    @Test(arguments: [true, false])
    func refusesWhatWouldBeLate(_ isInQuery: Bool) async throws {
        try await Self.busy { running in
            let client = try await Self.waiting(running)
            running.service.admission.costs.learn(
                Self.key("7"), byteCount: 10, nanoseconds: 30 * Self.second, isComplete: true)
            let fields = "X-Request-Timeout-Ms: 10000\r\n"
            let reply =
                isInQuery
                ? try await running.ask(
                    "POST /transform?program=7 HTTP/1.1\r\nHost: a\r\n\(fields)"
                        + "Content-Length: 10\r\n\r\n")
                : try await running.post(Self.envelope("7"), fields: fields)
            #expect(reply.status == 503)
            #expect(reply.problem == "temporary-reduced-capacity")
            #expect(Int(reply.field("Retry-After") ?? "") ?? 0 >= 1)
            #expect(running.service.pool.queue.shed[.predictedLate] == 1)
            client.close()
        }
    }

    /// What was learned may be wrong: a worker that has nothing else to do tries it.
    @Test func triesAProgramThoughtTooLongWhenAWorkerIsFree() async throws {
        try await RunningService.with { running in
            running.service.admission.costs.learn(
                Self.key("7"), byteCount: 10, nanoseconds: 30 * Self.second, isComplete: true)
            let reply = try await running.post(Self.envelope("7"))
            #expect(reply.status == 200)
            #expect(running.service.pool.queue.shed == ShedCounts())
        }
    }

    @Test func dropsWaitingJobsWhoseClientLeft() async throws {
        try await Self.busy { running in
            let client = try await Self.waiting(running)
            client.close()
            #expect(await running.wait { running.service.pool.queue.load.count == 0 })
            #expect(running.service.pool.queue.shed[.cancelled] == 1)
            #expect(running.service.pool.busyCount == 1)
        }
    }

    @Test func countsWaitingJobsWhoseDeadlinePassed() async throws {
        try await Self.busy { running in
            let reply = try await running.post(
                DeadlineTests.endless, fields: "X-Request-Timeout-Ms: 100\r\n")
            #expect(reply.status == 504)
            #expect(await running.wait { running.service.pool.queue.shed[.expired] == 1 })
        }
    }

    // MARK: The event loop

    /// Whether a request was answered on its loop: it waited in no queue.
    private static func ranOnLoop(_ reply: Reply) -> Bool {
        reply.field("Server-Timing")?.hasPrefix("queue;dur=0.000,") == true
    }

    @Test func leavesLongProgramsToWorkers() async throws {
        try await RunningService.with { running in
            let bound = running.service.configuration.loopCostNanosecondsMax
            let content = Self.envelope("7")
            #expect(Self.ranOnLoop(try await running.post(content)) == false)
            var reply = try await running.post(content)
            for _ in 0..<200 where !Self.ranOnLoop(reply) {
                reply = try await running.post(content)
            }
            #expect(Self.ranOnLoop(reply))
            running.service.admission.costs.learn(
                Self.key("7"), byteCount: content.utf8.count, nanoseconds: 2 * bound,
                isComplete: false)
            reply = try await running.post(content)
            #expect(reply.status == 200)
            #expect(Self.ranOnLoop(reply) == false)
            // Workers see that it is short after all.
            for _ in 0..<200 where !Self.ranOnLoop(reply) {
                reply = try await running.post(content)
            }
            #expect(Self.ranOnLoop(reply))
        }
    }

    /// Many tiny bodies with endless programs: a loop tries a program once and remembers its cost.
    @Test func staysAliveUnderEndlessPrograms() async throws {
        try await RunningService.with {
            $0.workerCount = 1
            $0.timeoutNanoseconds = 60 * Self.second
        } _: { running in
            var clients: [RawClient] = []
            for i in 0..<40 {
                let client = try RawClient(port: running.port)
                client.send(RunningService.request(Self.envelope("last(range(1e15)) + \(i % 4)")))
                clients.append(client)
            }
            let queue = running.service.pool.queue
            #expect(await running.wait { queue.load.count >= 1 })
            let alive = try await running.ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(alive.status == 200)
            #expect(running.service.pool.busyCount >= 1)
            for client in clients { client.close() }
            #expect(await running.becomesIdle())
            let bound = running.service.configuration.loopCostNanosecondsMax
            let known = (0..<4).compactMap {
                running.service.admission.costs.known(
                    Self.key("last(range(1e15)) + \($0)"), byteCount: 40)
            }
            #expect(known.contains { $0 > bound })
        }
    }

    // MARK: Which run first

    /// The only worker has an endless program; a short one is served nevertheless.
    @Test func servesShortProgramsBesideLongOnes() async throws {
        try await RunningService.with {
            $0.workerCount = 1
            $0.loopBytesMax = 0
            $0.timeoutNanoseconds = 60 * Self.second
        } _: { running in
            for _ in 0..<20 { #expect(try await running.post(Self.envelope("7")).status == 200) }
            running.service.admission.costs.learn(
                Self.key("7"), byteCount: 1, nanoseconds: 1_000, isComplete: true)
            let client = try RawClient(port: running.port)
            client.send(RunningService.request(DeadlineTests.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            let reply = try await running.post(Self.envelope("7"))
            #expect(reply.status == 200)
            #expect(reply.content == "7")
            #expect(running.service.pool.busyCount >= 1)
            client.close()
            #expect(await running.becomesIdle())
        }
    }
}
