// A whole service on a loopback port, in this process, and requests to it over raw sockets.

import Dispatch
import HTTPKit
import Logging
import Testing

@testable import TransformService

/// A running service, and requests to it.
struct RunningService {
    let service: Service
    let server: HTTPServer

    init(
        _ change: (inout Configuration) -> Void = { _ in }, sink: LogSink? = nil,
        tokens: AccessTokens? = nil
    ) async throws {
        var configuration = Configuration()
        configuration.port = 0
        configuration.workerCount = 2
        configuration.drainNanoseconds = 0
        change(&configuration)
        service = Service(
            configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            sink: sink, tokens: tokens)
        server = try service.start()
    }

    var port: Int { server.port ?? 0 }

    func stop() async {
        await server.shutdown(graceNanoseconds: 5_000_000_000) { [service] in
            service.batches.close()
            await service.pool.end(withinNanoseconds: 1_000_000_000)
        }
    }

    /// Runs `body` with a service that is stopped after it.
    static func with(
        _ change: (inout Configuration) -> Void = { _ in },
        _ body: (RunningService) async throws -> Void
    ) async throws {
        let running = try await RunningService(change)
        do { try await body(running) } catch {
            await running.stop()
            throw error
        }
        await running.stop()
    }

    /// A request on a connection of its own, from a thread that may block: the tests' own threads
    /// are few and also run the tests that wait.
    func ask(_ request: String) async throws -> Reply {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let client = try RawClient(port: port)
                        client.send(request)
                        return Reply(client)
                    })
            }
        }
    }

    /// `POST` with content.
    func post(
        _ content: String, target: String = "/transform", fields: String = ""
    ) async throws -> Reply {
        try await ask(Self.request(content, target: target, fields: fields))
    }

    static func request(
        _ content: String, target: String = "/transform", fields: String = ""
    ) -> String {
        "POST \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(content.utf8.count)\r\n"
            + fields + "\r\n" + content
    }

    /// Waits up to a minute.
    func wait(until condition: () -> Bool) async -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        return false
    }

    /// Whether all workers wait for work, now or soon.
    func becomesIdle() async -> Bool {
        await wait { service.pool.busyCount == 0 && service.pool.queue.load.count == 0 }
    }
}

/// A response, parsed.
struct Reply: Sendable {
    let head: String
    let content: String

    /// Reads one response with a Content-Length; interim responses before it are skipped.
    init(_ client: RawClient) {
        let text = Self.final(client.read { Reply.isWhole(Self.final($0)) }.text)
        let end = text.range(of: "\r\n\r\n")
        head = end.map { String(text[..<$0.lowerBound]) } ?? text
        content = end.map { String(text[$0.upperBound...]) } ?? ""
    }

    /// The text after the interim responses (RFC 9110 15.2), which have no content.
    private static func final(_ text: String) -> String {
        guard text.hasPrefix("HTTP/1.1 1"), let end = text.range(of: "\r\n\r\n") else {
            return text
        }
        return final(String(text[end.upperBound...]))
    }

    private static func isWhole(_ text: String) -> Bool {
        guard let end = text.range(of: "\r\n\r\n") else { return false }
        let length = field("Content-Length", of: String(text[..<end.lowerBound]))
        return text[end.upperBound...].utf8.count >= length.flatMap { Int($0) } ?? 0
    }

    var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    func field(_ name: String) -> String? { Self.field(name, of: head) }

    private static func field(_ name: String, of head: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }

    /// The last part of a problem's type.
    var problem: String? {
        guard field("Content-Type") == "application/problem+json" else { return nil }
        return content.split(separator: "\"").first { $0.hasPrefix("/problems/") }
            .map { String($0.dropFirst("/problems/".count)) }
    }
}

extension String {
    /// The first occurrence of `text`.
    fileprivate func range(of text: String) -> Range<Index>? {
        let (bytes, wanted) = (Array(utf8), Array(text.utf8))
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count)
        where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            let lower = utf8.index(startIndex, offsetBy: start)
            return lower..<utf8.index(lower, offsetBy: wanted.count)
        }
        return nil
    }
}
