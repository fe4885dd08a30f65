// Answers that many clients get: made once, compressed where that is accepted, no older than
// promised.

import Synchronization
import Testing

import struct NIOCore.ByteBuffer

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct PreparedResponseTests {
    private func get(
        _ running: RunningService, _ path: String, _ fields: String = ""
    ) async throws -> BatchReply {
        try await running.batch(Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8))
    }

    @Test func longAnswersAreCompressed() async throws {
        let names = (0..<40).map { "some-transform-\($0)" }
        var files: [String: String] = [:]
        for name in names { files["\(name).jq"] = "# \(names.joined())\(names.joined())\n." }
        let folder = TransformFolder(files)
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            // A count for each of the metrics' histograms, so that the text is long.
            _ = try await running.post(#"{"program":"1"}"#)
            for path in ["/openapi.json", "/transforms", "/transforms/\(names[7])", "/metrics"] {
                let plain = try await get(running, path)
                #expect(plain.status == 200 && !plain.has("Content-Encoding"))
                #expect(plain.has("Vary: Accept-Encoding") && plain.content.count > 1_024)
                for coding in ["gzip", "deflate", "gzip"] {
                    let reply = try await get(running, path, "Accept-Encoding: \(coding)\r\n")
                    #expect(reply.status == 200 && reply.has("Content-Encoding: \(coding)"))
                    #expect(reply.has("Vary: Accept-Encoding"))
                    #expect(reply.content.count < plain.content.count / 2, "\(path)")
                    let content = try ArrayBatchTests.inflated(
                        reply.content, coding == "gzip" ? .gzip : .deflate)
                    // Each scrape counts the one before.
                    #expect(path == "/metrics" || content == plain.content)
                    #expect(content.count > 1_024)
                }
                let refused = try await get(running, path, "Accept-Encoding: gzip;q=0\r\n")
                #expect(!refused.has("Content-Encoding"))
            }
        }
    }

    @Test func whatIsShortOrNotToBeCompressedIsPlain() async throws {
        try await RunningService.with { running in
            let short = try await get(running, "/transforms", "Accept-Encoding: gzip\r\n")
            #expect(short.text == #"{"transforms":[]}"#)
            #expect(!short.has("Content-Encoding") && !short.has("Vary"))
        }
        try await RunningService.with({ $0.compressBytesMin = 0 }) { running in
            let long = try await get(running, "/openapi.json", "Accept-Encoding: gzip\r\n")
            #expect(long.text == OpenAPI.text && !long.has("Content-Encoding"))
        }
    }

    @Test func codedAnswersHaveWeakTags() async throws {
        let text = "# " + String(repeating: "long ", count: 400) + "\n."
        let folder = TransformFolder(["a.jq": text])
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            let reply = try await get(running, "/transforms/a", "Accept-Encoding: gzip\r\n")
            let digest = SHA256.hex(Array(text.utf8))
            #expect(reply.has("ETag: W/\"\(digest)\""))
            let again = try await get(
                running, "/transforms/a",
                "Accept-Encoding: gzip\r\nIf-None-Match: W/\"\(digest)\"\r\nConnection: close\r\n")
            #expect(again.status == 304 && again.has("Vary: Accept-Encoding"))
            #expect(again.has("ETag: W/\"\(digest)\""))
        }
    }

    /// The list and each transform show the folder's current files.
    @Test func aChangedFolderHasNewAnswers() async throws {
        let folder = TransformFolder(["a.jq": "1"])
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            let one = try await get(running, "/transforms/a")
            #expect(one.text.contains(#""source":"1""#))
            let list = try await get(running, "/transforms")
            #expect(!list.text.contains(#""name":"b""#))
            folder.write("a.jq", "2")
            folder.write("b.jq", "3")
            running.service.transforms.reload(always: true)
            for (path, text) in [("/a", "2"), ("/b", "3"), ("/a", "2")] {
                let reply = try await get(running, "/transforms\(path)")
                #expect(reply.text.contains("\"source\":\"\(text)\""))
            }
            let changed = try await get(running, "/transforms")
            #expect(changed.text.contains(#""name":"b""#))
        }
    }

    private func madeCount(_ page: MetricsCache, at times: [UInt64]) -> [Int] {
        var made: [PreparedResponse] = []
        return times.map { now in
            let answer = page.response(now: now) {
                let new = PreparedResponse(
                    ByteBuffer(), contentType: "text/plain", compressBytesMin: 0)
                made.append(new)
                return new
            }
            return made.firstIndex { $0 === answer } ?? -1
        }
    }

    @Test func metricsAreMadeForEachScrapeWhileThoseAreFew() {
        let (period, saved) = (MetricsCache.periodNanoseconds, Int(MetricsCache.savedCountMax))
        let start: UInt64 = 1_000 * period
        // All at once: as many are made as were saved up.
        let burst = madeCount(MetricsCache(), at: Array(repeating: start, count: 100))
        #expect(burst == (0..<100).map { min($0, saved - 1) })
        // Ten requests a period, after the burst: one is made a period, and none is older than
        // that.
        let times = (0..<100).map { start + UInt64($0) * (period / 10) }
        let steady = madeCount(MetricsCache(), at: times)
        #expect(steady.last.map { $0 + 1 } == saved + 9)
        for (now, index) in zip(times, steady) {
            let madeAt = times[steady.firstIndex(of: index) ?? 0]
            #expect(now - madeAt < period)
        }
        // One request a period, as often as a scraper asks at most: one is made for each.
        let few = madeCount(MetricsCache(), at: (0..<50).map { start + UInt64($0) * period })
        #expect(few == Array(0..<50))
        // When the clock starts nothing is saved up, but the first is made.
        #expect(madeCount(MetricsCache(), at: [0, 0, period, period]) == [0, 0, 1, 1])
    }
}
