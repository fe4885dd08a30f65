// `GET /metrics`: the form of its text, what is counted, and the bounds of its histograms.

import Glibc
import HTTPKit
import Testing
import Transforms

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(2)))
struct MetricsTests {
    static let scrape = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

    /// A sample's value by its name and labels as the text has them.
    static func value(_ sample: String, in text: String) -> Double? {
        for line in text.split(separator: "\n") where line.hasPrefix(sample + " ") {
            return Double(line.dropFirst(sample.count + 1))
        }
        return nil
    }

    private static func labels(_ route: String, _ status: String, _ method: String) -> String {
        "{http_request_method=\"\(method)\",http_response_status_code=\"\(status)\","
            + "http_route=\"\(route)\"}"
    }

    @Test func countsEachRequestByRouteMethodAndStatus() async throws {
        try await RunningService.with { running in
            for _ in 0..<3 { _ = try await running.post(#"{"program":"1"}"#) }
            _ = try await running.post(#"{"program":"}"}"#)
            _ = try await running.ask("GET /secret-path-17 HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await running.ask("PUT /transform HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await running.ask("BREW /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await running.ask("GET / HTTP/1.1\r\nBad Name: a\r\n\r\n")
            let reply = try await running.ask(Self.scrape)
            #expect(reply.status == 200)
            #expect(reply.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            let text = reply.content
            #expect(!text.contains("secret-path"))
            let name = "http_server_request_duration_seconds_count"
            let expected: [(String, Double)] = [
                (Self.labels("/transform", "200", "POST"), 3),
                (Self.labels("/transform", "422", "POST"), 1),
                (Self.labels("/transform", "405", "PUT"), 1),
                (Self.labels("other", "501", "_OTHER"), 1),
                (Self.labels("other", "404", "GET"), 1),
                (Self.labels("other", "400", "GET"), 1),
            ]
            for (labels, count) in expected {
                #expect(Self.value(name + labels, in: text) == count, "\(labels)")
            }
            #expect(Self.value("transform_run_duration_seconds_count", in: text) == 4)
            #expect(Self.value("transform_program_cache_misses_total", in: text) == 2)
            #expect(Self.value("transform_program_cache_hits_total", in: text) == 2)
            #expect(Self.value("transform_program_cache_entries", in: text) == 1)
            // The scrape itself is active while it is answered.
            #expect(Self.value("http_server_active_requests", in: text) == 1)
            #expect(
                Self.value(
                    #"http_server_request_body_size_bytes_sum{http_route="/transform"}"#, in: text)
                    == 60)
            #expect(Self.value("transform_workers", in: text) == 2)
            #expect(Self.value("process_open_fds", in: text) ?? 0 > 3)
            #expect(Self.value("process_resident_memory_bytes", in: text) ?? 0 > 1_048_576)
        }
    }

    /// What `promtool check metrics` checks, and that no label set is unbounded.
    @Test func textFollowsTheRules() async throws {
        try await RunningService.with { running in
            for status in ["GET /livez", "GET /transforms", "PUT /readyz", "GET /x", "GET /y"] {
                _ = try await running.ask("\(status) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            _ = try await running.post(#"{"program":"1"}"#)
            let text = try await running.ask(Self.scrape).content
            #expect(text.hasSuffix("\n"))
            try MetricsLint.check(text)
        }
    }

    @Test func countsWhatIsShed() async throws {
        try await RunningService.with({
            $0.workerCount = 1
            $0.queueCountMax = 1
            $0.timeoutNanoseconds = 60_000_000_000
            $0.queueWaitPercent = 100
        }) { running in
            // More than the workers and the queue have room for.
            let clients = try (0..<8).map { _ in try RawClient(port: running.port) }
            let queue = running.service.pool.queue
            clients[0].send(RunningService.request(DeadlineTests.endless))
            #expect(await running.wait { running.service.pool.busyCount == 1 })
            for client in clients[1...] {
                client.send(RunningService.request(DeadlineTests.endless))
            }
            #expect(await running.wait { queue.shed[.queueFull] > 0 && queue.load.count == 1 })
            let text = try await running.ask(Self.scrape).content
            let sample = #"transform_shed_requests_total{reason="queue_full"}"#
            #expect(Self.value(sample, in: text) == Double(queue.shed[.queueFull]))
            #expect(Self.value("transform_queue_jobs", in: text) == 1)
            #expect(Self.value("transform_workers_busy", in: text) ?? 0 >= 1)
            for client in clients { client.close() }
            #expect(await running.becomesIdle())
            // The clients whose requests waited or ran left before their answers.
            #expect(await running.wait { running.service.metrics.clientsGone >= 2 })
        }
    }

    @Test func loopsTick() async throws {
        try await RunningService.with { running in
            let metrics = running.service.metrics
            #expect(await running.wait { metrics.loops.allSatisfy { $0.tickNanoseconds > 0 } })
            let now = MonotonicClock.nanoseconds()
            #expect(metrics.silenceNanoseconds(now: now &+ 60_000_000_000) > 30_000_000_000)
        }
    }

    // MARK: The parts

    @Test func bucketsIncludeTheirBounds() {
        let histogram = Histogram.times
        for (index, bound) in histogram.bounds.enumerated() {
            for (value, bucket) in [(bound, index), (bound + 1, index + 1)] {
                let cells = CounterArray(count: histogram.counterCount)
                histogram.add(value, to: cells, at: 0)
                #expect(cells[bucket] == 1, "\(value)")
                #expect(cells[histogram.bounds.count + 1] == value)
            }
        }
        #expect(histogram.bounds.first == 100_000 && histogram.bounds.last == 10_000_000_000)
        #expect(Histogram.sizes.bounds.last == 256 << 20)
    }

    @Test func quotesLabels() {
        #expect(MetricsText.quoted("a\"b\\c\nd") == #""a\"b\\c\nd""#)
        #expect(MetricsText.number(3) == "3")
        #expect(MetricsText.number(0.0001) == "0.0001")
    }

    @Test(
        arguments: [
            (
                "nr_periods 10\nnr_throttled 3\nthrottled_usec 120\n",
                ProcessStatistics.Group(
                    periodCount: 10, throttledCount: 3, throttledNanoseconds: 120_000)
            ),
            (
                "nr_periods 10\nnr_throttled 3\nthrottled_time 120000\n",
                ProcessStatistics.Group(
                    periodCount: 10, throttledCount: 3, throttledNanoseconds: 120_000)
            ),
            (
                "nr_throttled 99999999999999999999\nnr_periods x\nthrottled_usec 1 2\n",
                nil
            ),
            ("", nil),
        ] as [(String, ProcessStatistics.Group?)])
    func readsThrottling(_ text: String, _ expected: ProcessStatistics.Group?) {
        #expect(ProcessStatistics.group(text) == expected)
    }
}

/// Rules of the exposition format and of metric names.
enum MetricsLint {
    private struct Family {
        var kind: Substring
        var sampleCount = 0
    }

    private static let units = ["seconds", "bytes"]
    /// Counts of things need no unit.
    private static let countNames: Set<Substring> = [
        "http_server_active_requests", "http_server_open_connections", "transform_queue_jobs",
        "transform_workers", "transform_workers_busy", "transform_draining",
        "transform_program_cache_entries", "process_open_fds", "process_max_fds",
        "transform_build_info",
    ]

    static func check(_ text: String) throws {
        var families: [Substring: Family] = [:]
        var helped: Set<Substring> = []
        var samples: Set<Substring> = []
        var current: Substring = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                #expect(helped.insert(words[2]).inserted, "\(words[2]) twice")
                #expect(words.count == 4 && words[3].hasSuffix("."), "\(line)")
                continue
            }
            if line.hasPrefix("# TYPE ") {
                current = words[2]
                #expect(helped.contains(current), "\(current) has no HELP")
                #expect(families[current] == nil)
                families[current] = Family(kind: words[3])
                checkName(current, words[3])
                continue
            }
            let space = try #require(line.lastIndex(of: " "))
            let series = line[..<space]
            #expect(samples.insert(series).inserted, "\(series) twice")
            let value = try #require(Double(line[line.index(after: space)...]), "\(line)")
            #expect(value >= 0 && value.isFinite, "\(line)")
            let name = series.prefix { $0 != "{" }
            #expect(belongs(name, to: current, families[current]?.kind ?? ""), "\(line)")
            #expect(series.filter { $0 == "=" }.count <= 4, "\(series) has too many labels")
            families[current]?.sampleCount += 1
        }
        #expect(families.count >= 25)
        #expect(samples.count < 2_000)
        for (name, family) in families { #expect(family.sampleCount > 0, "\(name) is empty") }
    }

    private static func checkName(_ name: Substring, _ kind: Substring) {
        #expect(name.utf8.allSatisfy { $0 == 0x5F || $0 >= 0x61 && $0 <= 0x7A }, "\(name)")
        switch kind {
        case "counter": #expect(name.hasSuffix("_total"), "\(name)")
        case "gauge", "histogram":
            #expect(!name.hasSuffix("_total"), "\(name)")
            let hasUnit = units.contains { name.hasSuffix("_" + $0) }
            #expect(hasUnit || countNames.contains(name), "\(name) has no unit")
        default: Issue.record("\(kind) is no type")
        }
    }

    private static func belongs(_ name: Substring, to family: Substring, _ kind: Substring) -> Bool
    {
        guard kind == "histogram" else { return name == family }
        return ["_bucket", "_sum", "_count"].contains { name == family + $0 }
    }
}

extension Metrics {
    /// Requests whose clients left before an answer.
    fileprivate var clientsGone: UInt64 {
        let status = LoopMetrics.statuses.firstIndex(of: RequestRecord.clientGone) ?? 0
        return loops.reduce(0) { $0 + $1.requestCount(status: status) }
    }
}
