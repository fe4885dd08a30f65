// The access log: its lines, what is left out of it, and that a reader that stops reading blocks
// nobody.

import Dispatch
import Glibc
import HTTPKit
import Logging
import Synchronization
import Testing
import Transforms

@testable import TransformService

/// A pipe whose lines are read on demand.
private final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        _ = unsafe pipe(&ends)
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// Reads until `count` lines have come or nothing does for ten seconds.
    func lines(_ count: Int) -> [String] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while bytes.count(where: { $0 == 0x0A }) < count {
            var request = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&request, 1, 10_000) > 0 else { break }
            let got = unsafe read(reader, &part, part.count)
            if got <= 0 { break }
            bytes += part[..<got]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

@Suite(.serialized, .timeLimit(.minutes(2)))
struct AccessLogTests {
    private func withService(
        _ change: (inout Configuration) -> Void,
        _ body: (RunningService, Pipe) async throws -> Void
    ) async throws {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writer)
        let running = try await RunningService(change, sink: sink)
        do { try await body(running, pipe) } catch {
            await running.stop()
            sink.close()
            throw error
        }
        await running.stop()
        sink.close()
    }

    /// The members of a line that is a JSON object.
    private func members(_ line: String) throws -> [String: String] {
        let runner = Runner()
        runner.begin()
        let program = try Program.compile("to_entries[] | .key, (.value | tostring)")
        var words: [String] = []
        try unsafe Array(line.utf8).withUnsafeBytes { text in
            let document = try unsafe runner.read(text)
            try runner.evaluate(program, document) { output in
                words.append(output.string ?? "")
                return true
            }
        }
        var members: [String: String] = [:]
        for i in stride(from: 0, to: words.count, by: 2) { members[words[i]] = words[i + 1] }
        return members
    }

    @Test func writesOneObjectForEachRequest() async throws {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        try await withService({
            $0.logLevel = .info
            $0.logFormat = .json
        }) { running, pipe in
            _ = try await running.post(
                #"{"program":"1+1"}"#,
                fields: "X-Request-Id: a\"b\\c\r\ntraceparent: \(parent)\r\n")
            let first = try members(try #require(pipe.lines(1).first))
            let expected = [
                "level": "info", "message": "request", "request_id": #"a"b\c"#,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "traceparent": parent,
                "method": "POST", "route": "/transform", "status": "200", "bytes_in": "17",
                "bytes_out": "1",
            ]
            for (name, value) in expected { #expect(first[name] == value, "\(name)") }
            for name in ["duration_ms", "run_ms", "time"] { #expect(first[name] != nil, "\(name)") }
            #expect(first["program"]?.count == 16)
            #expect(first["time"]?.count == 24 && first["time"]?.hasSuffix("Z") == true)

            let bad = try await running.ask("GET /x%0Ay HTTP/1.1\r\nHost: a\r\n\r\n")
            let second = try members(try #require(pipe.lines(1).first))
            #expect(second["route"] == "other" && second["status"] == "404")
            #expect(second["request_id"] == bad.field("X-Request-Id"))

            let refused = try await running.ask("GET / HTTP/1.1\r\nBad Name: 1\r\n\r\n")
            let third = try members(try #require(pipe.lines(1).first))
            #expect(third["status"] == "400")
            #expect(third["request_id"] == refused.field("X-Request-Id"))
        }
    }

    @Test func clientsThatLeaveAre499() async throws {
        try await withService({ $0.logLevel = .info }) { running, pipe in
            let client = try RawClient(port: running.port)
            client.send(RunningService.request(DeadlineTests.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            client.close()
            let line = try #require(pipe.lines(1).first)
            #expect(line.contains(" info request ") && line.contains(" status=499 "))
        }
    }

    /// By default only requests that the service could not serve are logged, not clients' errors.
    @Test func isQuietByDefault() async throws {
        try await withService({
            $0.workerCount = 1
            $0.queueCountMax = 1
            $0.queueWaitPercent = 100
            $0.timeoutNanoseconds = 60_000_000_000
        }) { running, pipe in
            _ = try await running.post(#"{"program":"1"}"#)
            _ = try await running.post(#"{"program":"}"}"#)
            // The worker may not be idle yet, and would be taken for one that runs a program.
            #expect(await running.becomesIdle())
            // More requests than the worker and the queue have room for. The queue holds one, which
            // the worker must have taken before the next one comes.
            let clients = try (0..<8).map { _ in try RawClient(port: running.port) }
            let request = RunningService.request(DeadlineTests.endless)
            clients[0].send(request)
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            for client in clients[1...] { client.send(request) }
            let queue = running.service.pool.queue
            #expect(await running.wait { queue.shed[.queueFull] > 0 && queue.load.count == 1 })
            // More refusals in a second than are logged.
            for _ in 0..<15 { _ = try await running.post(DeadlineTests.endless) }
            let lines = pipe.lines(1)
            #expect(!lines.isEmpty && lines.count <= 20)
            for line in lines {
                #expect(line.contains(" warning request ") && line.contains(" status=503 "))
            }
            for client in clients { client.close() }
        }
    }

    private func record(_ status: UInt16) -> RequestRecord {
        RequestRecord(loopIndex: 0, status: status)
    }

    @Test func samplesSuccessesOnly() {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writer)
        let settings = AccessLog.Settings(format: .text, level: .info, sampleEvery: 5)
        let log = AccessLog(settings, sink, routes: [], loopCount: 1)
        for _ in 0..<20 { log.requestEnded(record(200), nil) }
        for _ in 0..<3 { log.requestEnded(record(422), nil) }
        sink.close()
        let lines = pipe.lines(7)
        #expect(lines.count { $0.contains("status=200") && $0.contains("sampled_one_of=5") } == 4)
        #expect(lines.count { $0.contains("status=422") } == 3)
        #expect(lines.count == 7)
    }

    @Test func shedRequestsAreLoggedAFewASecond() {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writer)
        let log = AccessLog(AccessLog.Settings(), sink, routes: [], loopCount: 1)
        let first = Timestamp(unixSeconds: 100, milliseconds: 999)
        let next = Timestamp(unixSeconds: 101, milliseconds: 0)
        for _ in 0..<1_000 { log.requestEnded(record(503), nil, now: first) }
        // The next second's first line says how many were left out.
        log.requestEnded(record(503), nil, now: next)
        sink.close()
        let lines = pipe.lines(AccessLog.shedLinesMax + 1)
        let suppressed = lines.compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("suppressed=") }
                .flatMap { Int($0.dropFirst(11)) }
        }
        #expect(lines.count == AccessLog.shedLinesMax + 1)
        #expect(suppressed == [1_000 - AccessLog.shedLinesMax])
    }

    /// While nobody reads, appending does not wait, and lines that find no room are counted.
    @Test func neverWaitsForItsReader() {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writer, bytesMax: 100_000)
        let line = [UInt8](repeating: 0x61, count: 99) + [0x0A]
        for _ in 0..<20_000 { sink.append(line) }
        let dropped = Int(sink.droppedCount)
        #expect(dropped > 10_000 && dropped < 20_000)
        let lines = pipe.lines(20_000 - dropped)
        sink.close()
        #expect(lines.count == 20_000 - dropped)
        #expect(lines.allSatisfy { $0.utf8.count == 99 })
    }

    @Test func countsLinesThatCannotBeWritten() {
        let sink = LogSink(descriptor: -1)
        sink.append(Array("a\n".utf8))
        sink.append(Array("b\n".utf8))
        sink.close()
        #expect(sink.droppedCount == 2)
        sink.append(Array("c\n".utf8))
        #expect(sink.droppedCount == 3)
    }
}

struct LogLineTests {
    /// A client's value cannot end the line, add a field or move a terminal's cursor.
    @Test(arguments: [
        ("plain", "plain", #""plain""#),
        ("", "\"\"", "\"\""),
        ("a b", #""a b""#, #""a b""#),
        ("a=b", #""a=b""#, #""a=b""#),
        ("a\nlevel=error", #""a\u000alevel=error""#, #""a\u000alevel=error""#),
        ("a\"b\\", #""a\"b\\""#, #""a\"b\\""#),
        ("\u{1B}[2J\u{7F}", #""\u001b[2J\u007f""#, #""\u001b[2J\u007f""#),
        ("\u{85}\u{9B}\u{2028}", #""\u0085\u009b\u2028""#, #""\u0085\u009b\u2028""#),
        ("é😀", #""é😀""#, #""é😀""#),
    ])
    func escapes(_ value: String, _ text: String, _ json: String) {
        for (format, shown) in [(LogFormat.text, " name=" + text), (.json, ",\"name\":" + json)] {
            var line = LogLine(format)
            line.field("name", value)
            #expect(String(decoding: line.bytes, as: UTF8.self) == shown)
        }
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
        (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
        (4_102_444_799, 42, "2099-12-31T23:59:59.042Z"),
    ])
    func timestamps(_ seconds: Int, _ milliseconds: Int, _ shown: String) {
        var bytes: [UInt8] = []
        Timestamp(unixSeconds: seconds, milliseconds: milliseconds).append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == shown)
    }

    @Test func numbers() {
        var line = LogLine(.json)
        line.field("a", 0)
        line.field("b", 1_234_567)
        line.field("c", milliseconds: 1_234_499)
        line.field("d", digest: 0x0123_4567_89AB_CDEF)
        #expect(
            String(decoding: line.bytes, as: UTF8.self)
                == #","a":0,"b":1234567,"c":1.234,"d":"0123456789abcdef""#)
    }

    @Test(arguments: [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", false),
        ("00x4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false), ("", false),
    ])
    func traceParents(_ text: String, _ isValid: Bool) {
        #expect(TraceParent.isValid(text) == isValid)
    }
}
