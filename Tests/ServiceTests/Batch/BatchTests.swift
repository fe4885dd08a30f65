// Batches over HTTP: lines in, outputs in the same order out; failures, limits, deadlines.

import Dispatch
import HTTPKit
import Testing

@testable import TransformService

/// A response, parsed as bytes; its content is chunked, has a length or ends the connection.
struct BatchReply: Sendable {
    var head = ""
    var content: [UInt8] = []
    /// Whether the content ended as its framing says.
    var isWhole = false

    init(_ client: RawClient) {
        var bytes: [UInt8] = []
        let end = Array("0\r\n\r\n".utf8)
        while !isWhole {
            guard let more = client.receive() else { break }
            bytes += more
            // Otherwise a long answer would be parsed again for each piece that arrives.
            let isLong = bytes.count > 1 << 20 && has("Transfer-Encoding: chunked")
            if !isLong || bytes.suffix(end.count).elementsEqual(end) { parse(bytes) }
        }
        if !isWhole { parse(bytes) }
    }

    var text: String { String(decoding: content, as: UTF8.self) }
    var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    func has(_ field: String) -> Bool { head.contains(field) }

    private mutating func parse(_ bytes: [UInt8]) {
        let end = Array("\r\n\r\n".utf8)
        var start = 0
        while start + 4 <= bytes.count, Array(bytes[start..<start + 4]) != end { start += 1 }
        guard start + 4 <= bytes.count else { return }
        head = String(decoding: bytes[..<start], as: UTF8.self)
        let rest = bytes[(start + 4)...]
        if head.contains("Transfer-Encoding: chunked") { return parseChunks(rest) }
        content = Array(rest)
        for line in head.split(separator: "\r\n") where line.hasPrefix("Content-Length: ") {
            isWhole = content.count == Int(line.dropFirst("Content-Length: ".count))
        }
    }

    private mutating func parseChunks(_ bytes: ArraySlice<UInt8>) {
        content = []
        var rest = bytes
        while let lineEnd = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<lineEnd].dropLast(), as: UTF8.self)
            guard let size = Int(line, radix: 16), rest.endIndex - lineEnd > size + 2 else {
                return
            }
            content += rest[(lineEnd + 1)...].prefix(size)
            rest = rest[(lineEnd + 1 + size + 2)...]
            if size == 0 { isWhole = true }
        }
    }
}

extension RunningService {
    /// Sends bytes on a connection of its own and reads what comes back meanwhile.
    func batch(_ request: [UInt8]) async throws -> BatchReply {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let client = try RawClient(port: port)
                        let sender = DispatchQueue(label: "sender")
                        sender.async { client.send(request) }
                        let reply = BatchReply(client)
                        sender.sync {}
                        return reply
                    })
            }
        }
    }

    /// Posts lines to a program.
    func lines(
        _ text: String, _ program: String = ".", query: String = "", fields: String = ""
    ) async throws -> BatchReply {
        try await batch(Self.linesRequest(Array(text.utf8), program, query: query, fields: fields))
    }

    static func linesRequest(
        _ content: [UInt8], _ program: String, query: String = "", fields: String = ""
    ) -> [UInt8] {
        let head =
            "POST /transform?program=\(program)\(query) HTTP/1.1\r\nHost: a\r\n"
            + "Content-Type: application/x-ndjson\r\nContent-Length: \(content.count)\r\n"
            + fields + "\r\n"
        return Array(head.utf8) + content
    }
}

@Suite(.timeLimit(.minutes(3)))
struct LineBatchTests {
    struct Case: Sendable {
        let lines: String
        var program = "."
        var query = ""
        let expected: String
    }

    static let cases: [Case] = [
        Case(lines: "1\n2\n3\n", program: ".*2", expected: "2\n4\n6\n"),
        Case(lines: "1\n2", expected: "1\n2\n"),
        Case(lines: "", expected: ""),
        Case(lines: "\n\n \t\n", expected: ""),
        Case(lines: "1\r\n\r\n2\r\n", expected: "1\n2\n"),
        Case(lines: "\u{FEFF}{\"a\":1}\n2\n", expected: "{\"a\":1}\n2\n"),
        Case(lines: "[1,2]\n[]\n[3]\n", program: ".[]", expected: "1\n2\n3\n"),
        Case(
            lines: "[1,2]\n[]\n", program: ".[]", query: "&outputs=array", expected: "[1,2]\n[]\n"),
        Case(lines: "1\n2\n", query: "&outputs=one", expected: "1\n2\n"),
        Case(lines: "1\n", program: "[.,$x]", query: "&x=y", expected: "[1,\"y\"]\n"),
        Case(lines: "1\n", program: "$ARGS.named", query: "&x=y", expected: "{\"x\":\"y\"}\n"),
        Case(lines: "1\n2\n", program: "if%20.==1%20then%20halt%20else%20.%20end", expected: "2\n"),
        Case(lines: "12345678901234567890123\n", expected: "12345678901234567890123\n"),
    ]

    @Test func answersEveryCase() async throws {
        try await RunningService.with { running in
            for test in Self.cases {
                let reply = try await running.lines(test.lines, test.program, query: test.query)
                #expect(reply.status == 200, "\(test.lines)")
                #expect(reply.text == test.expected, "\(test.lines) \(test.program)")
                #expect(reply.isWhole)
                #expect(reply.has("Content-Type: application/x-ndjson"))
            }
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    struct Failure: Sendable {
        let lines: String
        var program = "."
        var query = ""
        var status = 422
        let problem: String
        var line: Int?
    }

    static let failures: [Failure] = [
        Failure(lines: "1\n\n{\n2\n", problem: "malformed-json", line: 3),
        Failure(lines: "1\n2 3\n", problem: "malformed-json", line: 2),
        // A byte order mark may precede the first line, and nothing else.
        Failure(lines: "1\n\u{FEFF}2\n", problem: "malformed-json", line: 2),
        Failure(lines: "\u{FEFF}\u{FEFF}1\n", problem: "malformed-json", line: 1),
        Failure(lines: "1\n2\n", program: "error", problem: "program-error", line: 1),
        Failure(
            lines: "1\n2\n", program: "empty", query: "&outputs=one", problem: "output-count",
            line: 1),
        Failure(lines: "1\n", program: "(", problem: "compile-error"),
        Failure(lines: "", program: "(", problem: "compile-error"),
        Failure(
            lines: "1\n2\n", program: "reduce%20range(20000)%20as%20$i(1;[.])",
            problem: "depth-limit", line: 1),
        Failure(
            lines: "1\n", query: "&errors=all", status: 400, problem: "malformed-request"),
        Failure(lines: "1\n", query: "&each", status: 400, problem: "malformed-request"),
        Failure(
            lines: "[" + String(repeating: "1", count: 1 << 20) + "]\n",
            problem: "body-too-long", line: 1),
    ]

    @Test func failsAtTheFirstFailingLine() async throws {
        try await RunningService.with {
            $0.bodyBytesMax = 1 << 20
        } _: { running in
            for test in Self.failures {
                let reply = try await running.lines(test.lines, test.program, query: test.query)
                #expect(reply.status == test.status, "\(test.problem): \(reply.text)")
                #expect(reply.text.contains("/problems/\(test.problem)\""), "\(reply.text)")
                let line = test.line.map { "\"line\":\($0)," } ?? "}"
                #expect(reply.text.contains(line) || reply.text.hasSuffix("\"line\":1}"))
            }
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    @Test func putsProblemsInTheirPlaces() async throws {
        try await RunningService.with { running in
            let reply = try await running.lines(
                "1\n{\n\n2\n3\n", "if%20.==2%20then%20(.,error(\"x\"))%20else%20.%20end",
                query: "&errors=inline")
            #expect(reply.status == 200)
            let lines = reply.text.split(separator: "\n")
            #expect(lines.count == 4)
            #expect(lines.first == "1")
            #expect(lines.last == "3")
            #expect(lines[1].contains(#""line":2,"offset":1,"column":2}"#), "\(lines[1])")
            #expect(lines[2].contains(#""line":4,"value":"x"}"#), "\(lines[2])")
        }
    }

    private static func numbers(_ count: Int) -> String {
        (1...count).map { "{\"n\":\($0)}\n" }.joined()
    }

    @Test func keepsTheOrderOfManyLines() async throws {
        try await RunningService.with { running in
            let count = 60_000
            // Some lines take much longer than others.
            let reply = try await running.lines(
                Self.numbers(count),
                "if%20.n%25997==0%20then%20.n%2B([range(9000)]|length*0)%20"
                    + "else%20.n%20end")
            #expect(reply.status == 200)
            #expect(reply.isWhole)
            #expect(reply.has("Transfer-Encoding: chunked"))
            #expect(!reply.has("Connection: close"))
            #expect(reply.text == (1...count).map { "\($0)\n" }.joined())
        }
    }

    @Test func cutsTheConnectionAfterSentOutputs() async throws {
        try await RunningService.with { running in
            let reply = try await running.lines(Self.numbers(100_000) + "{\n", ".n")
            #expect(reply.status == 200)
            #expect(!reply.isWhole)
            #expect("1\n2\n3\n4\n5\n".hasPrefix(reply.text.prefix(10)))
            #expect(await running.becomesIdle())
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    @Test func holdsLittleForAClientThatDoesNotRead() async throws {
        try await RunningService.with {
            $0.spoolBytesMax = 0
            // Otherwise such a client is disconnected after 10 seconds.
            $0.http.bytesPerSecondMin = 0
        } _: { running in
            let client = try RawClient(port: running.port, receiveBufferBytes: 4_096)
            let content = Array(Self.numbers(400_000).utf8)
            let request = RunningService.linesRequest(
                Array(repeating: content, count: 10).flatMap { $0 }, ".n")
            // The service stops reading long before the 60 MB are sent: for good, when it takes
            // nothing more after its workers are idle.
            var (sent, taken) = (0, 1)
            while taken > 0 {
                let rest = Array(request.dropFirst(sent))
                taken = await withCheckedContinuation { continuation in
                    DispatchQueue.global().async {
                        continuation.resume(returning: client.send(rest))
                    }
                }
                sent += taken
                #expect(await running.becomesIdle())
            }
            #expect(sent < 40 << 20)
            #expect(running.service.batches.count == 1)
            client.reset()
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    @Test func stopsWhenTheClientLeaves() async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            let client = try RawClient(port: running.port)
            client.send(RunningService.linesRequest(Array("1\n2\n".utf8), "last(repeat(1))"))
            #expect(await running.wait { running.service.pool.busyCount > 0 })
            client.reset()
            #expect(await running.becomesIdle())
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    @Test func hasDeadlines() async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 200_000_000
        } _: { running in
            let program = "if%20.==2%20then%20last(repeat(1))%20else%20.%20end"
            let line = try await running.lines("1\n2\n3\n", program, query: "&errors=inline")
            #expect(line.status == 200)
            #expect(line.text.contains("/problems/deadline-exceeded"))
            #expect(line.text.contains(#""limit_ms":200"#))
            #expect(line.text.hasPrefix("1\n"))
            #expect(line.text.hasSuffix("\n3\n"))
            let batch = try await running.lines(
                "2\n", program, query: "&errors=inline", fields: "X-Request-Timeout-Ms: 50\r\n")
            #expect(batch.status == 504)
            #expect(batch.text.contains(#""limit_ms":50"#))
        }
    }

    @Test func isBoundedInNumber() async throws {
        try await RunningService.with {
            $0.batchCountMax = 1
        } _: { running in
            let client = try RawClient(port: running.port)
            client.send(
                "POST /transform?program=. HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
                    + "Content-Type: application/jsonl\r\n\r\n1\n")
            #expect(await running.wait { running.service.batches.count == 1 })
            let second = try await running.lines("1\n")
            #expect(second.status == 503)
            client.close()
            #expect(await running.wait { running.service.batches.count == 0 })
            #expect(try await running.lines("1\n").status == 200)
        }
    }

    @Test func answersLinesAsTheyCome() async throws {
        try await RunningService.with { running in
            let client = try RawClient(port: running.port)
            client.send(
                "POST /transform?program=. HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                    + "Content-Type: application/x-ndjson\r\n\r\n2\r\n1\n\r\n")
            #expect(client.read { $0.hasSuffix("1\n\r\n") }.text.contains("200 OK"))
            client.send("2\r\n2\n\r\n")
            #expect(client.read { $0.hasSuffix("2\n\r\n") }.text == "2\r\n2\n\r\n")
            client.send("0\r\n\r\n")
            #expect(client.read { $0.hasSuffix("0\r\n\r\n") }.text == "0\r\n\r\n")
            // The connection stays open.
            client.send(RunningService.request(#"{"program":"7"}"#))
            #expect(client.read { $0.hasSuffix("7") }.text.contains("200 OK"))
        }
    }

    @Test func oldClientsReadToTheEnd() async throws {
        try await RunningService.with { running in
            let content = Self.numbers(100_000)
            let head =
                "POST /transform?program=.n HTTP/1.0\r\nContent-Type: application/x-ndjson\r\n"
            for (tail, isBroken) in [("", false), ("{\n", true)] {
                let body = content + tail
                let client = try RawClient(port: running.port)
                let request = head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
                let sender = DispatchQueue(label: "sender")
                sender.async { client.send(request) }
                let text = client.read().text
                sender.sync {}
                #expect(text.hasSuffix("\n100000\n") == !isBroken)
                #expect(text.hasPrefix("HTTP/1.1 \(isBroken ? 422 : 200) "))
            }
        }
    }

    /// nginx sends no more of a request whose answer has begun, and HTTP/1.0 knows no chunks.
    @Test(arguments: [1, 10, 200_000]) func oldClientsGetALength(
        _ count: Int
    ) async throws {
        try await RunningService.with { running in
            let content = Self.numbers(count)
            let client = try RawClient(port: running.port)
            let head =
                "POST /transform?program=.n HTTP/1.0\r\nContent-Type: application/x-ndjson\r\n"
                + "Content-Length: \(content.utf8.count + 8)\r\n\r\n"
            client.send(head + content)
            #expect(client.receive(milliseconds: 300) == nil)
            client.send("{\"n\":0}\n")
            let text = client.read().text
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            let expected = (1...count).map { "\($0)\n" }.joined() + "0\n"
            #expect(text.hasSuffix("\r\n\r\n" + expected))
            #expect(text.contains("Content-Length: \(expected.utf8.count)\r\n"))
        }
    }
}
