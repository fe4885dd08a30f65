// Each request's end -> a line of the log, or none: successes may be sampled, and while requests
// are shed, only a few 503s a second are logged, with the count of suppressed ones.

import HTTPKit
import Logging
import Synchronization

final class AccessLog: Sendable {
    struct Settings: Sendable, Equatable {
        var format = LogFormat.text
        var level = Logger.Level.notice
        /// Log one in this many successes.
        var sampleEvery = 1
    }

    /// The most lines a second about requests that were answered with 503.
    static let shedLinesMax = 10

    private let settings: Settings
    private let sink: LogSink
    private let routes: [String]
    private let loops: [LoopLog]
    private let shedding = Mutex(Shedding())

    init(_ settings: Settings, _ sink: LogSink, routes: [String], loopCount: Int) {
        self.settings = settings
        self.sink = sink
        self.routes = routes
        loops = (0..<loopCount).map { _ in LoopLog(settings.format) }
    }

    /// The state of one loop. `Sendable`, as it belongs to its event loop's thread.
    private final class LoopLog: @unchecked Sendable {
        var line: LogLine
        var successCount = 0

        init(_ format: LogFormat) { line = LogLine(format) }
    }

    private struct Shedding {
        var second = 0
        var lineCount = 0
        var suppressedCount = 0

        /// - Returns: the lines suppressed since the last one; nil to suppress this one.
        mutating func next(_ now: Int) -> Int? {
            if second != now {
                second = now
                lineCount = 0
            }
            guard lineCount < AccessLog.shedLinesMax else {
                suppressedCount += 1
                return nil
            }
            lineCount += 1
            defer { suppressedCount = 0 }
            return suppressedCount
        }
    }

    static func level(of status: UInt16) -> Logger.Level {
        switch status {
        case 500: .error
        case 503: .warning
        default: .info
        }
    }

    /// Call it on the record's loop.
    func requestEnded(
        _ record: borrowing RequestRecord, _ request: Request?,
        now: @autoclosure () -> Timestamp = .now
    ) {
        let level = Self.level(of: record.status)
        guard level >= settings.level else { return }
        let loop = loops[record.loopIndex]
        if record.status < 400, settings.sampleEvery > 1 {
            loop.successCount += 1
            guard loop.successCount >= settings.sampleEvery else { return }
            loop.successCount = 0
        }
        let time = now()
        var suppressedCount = 0
        if record.status == 503 {
            let next = shedding.withLock { $0.next(time.unixSeconds) }
            guard let next else { return }
            suppressedCount = next
        }
        loop.line.begin(time, level, "request")
        write(record, request, to: &loop.line)
        if suppressedCount > 0 { loop.line.field("suppressed", suppressedCount) }
        loop.line.end()
        sink.append(loop.line.bytes)
    }

    private func write(
        _ record: borrowing RequestRecord, _ request: Request?, to line: inout LogLine
    ) {
        if let name = record.name { line.field("request_id", name.text) }
        if let parent = request?.field("traceparent"), TraceParent.isValid(parent) {
            line.field("trace_id", TraceParent.traceID(parent))
            line.field("traceparent", parent)
        }
        if request != nil { line.field("method", word: record.method.name) }
        line.field("route", record.routeIndex.map { routes[$0] } ?? "other")
        line.field("status", Int(record.status))
        line.field("duration_ms", milliseconds: record.durationNanoseconds)
        let measures = record.measures
        if let wait = measures.waitNanoseconds { line.field("queue_ms", milliseconds: wait) }
        if let work = measures.workNanoseconds { line.field("run_ms", milliseconds: work) }
        line.field("bytes_in", record.requestByteCount)
        line.field("bytes_out", record.responseByteCount)
        if measures.tag != 0 { line.field("program", digest: measures.tag) }
        if record.isCut { line.field("cut", 1) }
        if record.status < 400, settings.sampleEvery > 1 {
            line.field("sampled_one_of", settings.sampleEvery)
        }
    }
}

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. Source: W3C Trace Context, 3.2.
enum TraceParent {
    static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 55 else { return false }
        for (index, byte) in bytes.enumerated() {
            switch index {
            case 2, 35, 52: if byte != UInt8(ascii: "-") { return false }
            default:
                let isDigit = byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x66
                if !isDigit { return false }
            }
        }
        return true
    }

    /// - Parameter text: a valid one.
    static func traceID(_ text: String) -> String {
        String(decoding: Array(text.utf8)[3..<35], as: UTF8.self)
    }
}
