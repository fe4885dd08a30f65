// The settings of `serve`, each declared once: flag, environment variable, unit, bounds, default
// and help. The command line, the messages about invalid values and docs/settings.md are generated
// from this list.

import HTTPKit
import Logging

/// A setting, and the effect of its value.
struct Setting: Sendable {
    /// `timeout-ms`: `--timeout-ms` and `TRANSFORM_TIMEOUT_MS`.
    let name: String
    /// The name of a value in the help; nil for a switch, which has none on the command line.
    let valueName: String?
    /// A sentence.
    let help: String
    /// The default, for the help; nil where there is nothing to say.
    let defaultText: String?
    /// The bounds of a number.
    let range: ClosedRange<Int>?
    /// "a whole number from 1 to 5": for messages about invalid values.
    let accepted: String
    /// - Returns: whether the text is a valid value.
    let set: @Sendable (inout Configuration, String) -> Bool

    static func variable(_ name: String) -> String {
        "TRANSFORM_" + name.uppercased().split(separator: "-").joined(separator: "_")
    }

    /// The sentence with bounds and default: "... (1 to 100; default: 6)".
    var fullHelp: String {
        let bounds = range.map { "\($0.lowerBound) to \($0.upperBound)" }
        let facts = [bounds, defaultText.map { "default: \($0)" }].compactMap { $0 }
        return facts.isEmpty ? help : "\(help) (\(facts.joined(separator: "; ")))"
    }

    static let all: [Setting] = listening + threads + bounds + connections + queue + ending + rest

    // MARK: The list

    private static let listening = [
        text("host", \.host, "address", 1...255, "Address to listen on."),
        number("port", \.port, .port, 0...65_535, "Port; 0 lets the system choose."),
        text("unix", \.unixPath, "path", 1...107, "Listen on a Unix socket instead."),
    ]

    private static let threads = [
        number(
            "workers", \.workerCount, .count, 1...1_024, "Threads that run programs.",
            defaultText: "the container's CPU quota, else the cores"),
        number(
            "event-loops", \.loopCount, .count, 1...256,
            "Threads for connections and small requests.", defaultText: "as workers"),
    ]

    private static let bounds = [
        time(
            "timeout-ms", \.timeoutNanoseconds, 1...86_400_000,
            "Longest time for a request from its first byte."),
        time(
            "batch-timeout-ms", \.batchTimeoutNanoseconds, 1...86_400_000,
            "Longest time for a batch, where --timeout-ms holds for each input."),
        number(
            "batch-count", \.batchCountMax, .count, 0...1_024, "Batches in work at a time."),
        number(
            "spool-mib", \.spoolBytesMax, .mebibytes, 0...16_777_216,
            "Outputs of batches that are kept in files for clients that send all before they "
                + "read; 0: none."),
        text(
            "spool-folder", \.spoolFolder, "folder", 1...4_095,
            "Where those files, which have no names, are made.", defaultText: "TMPDIR, else /tmp"),
        number(
            "memory-mib", \.memoryBytesMax, .mebibytes, 1...1_048_576, "Memory of one run."),
        number(
            "memory-total-mib", \.memoryTotalBytesMax, .mebibytes, 32...16_777_216,
            "What all requests hold together; beyond, new work is refused with 503.",
            defaultText: "7/8 of the container's memory limit, else half of the machine's memory"),
        number("body-mib", \.bodyBytesMax, .mebibytes, 1...2_047, "Longest request body."),
        number("output-mib", \.outputBytesMax, .mebibytes, 1...2_047, "Longest output."),
        number("json-depth", \.depthMax, .count, 1...10_000, "Levels of nesting in JSON."),
        number(
            "program-kib", \.programTextBytesMax, .kibibytes, 1...1_024, "Longest program text."),
        number(
            "compress-kib", \.compressBytesMin, .kibibytes, 0...1_048_576,
            "Answers from this length are compressed where clients accept it; 0: none."),
    ]

    private static let connections = [
        number(
            "connections", \.connectionCountMax, .count, 1...1_000_000,
            "Open connections; further ones are answered 503 and closed."),
        number(
            "min-rate-bytes", \.http.bytesPerSecondMin, .bytes, 0...1_000_000,
            "The slowest that a client may send content or read answers, over 10 seconds, bytes "
                + "a second; 0: any."),
        number(
            "header-kib", \.http.fieldBytesMax, .kibibytes, 1...1_024,
            "Longest field section of a request's head."),
        number(
            "target-kib", \.http.targetBytesMax, .kibibytes, 1...1_024,
            "Longest request target."),
        time(
            "header-read-ms", \.http.headReadNanoseconds, 1...600_000,
            "Longest time for a head from its first byte."),
        time(
            "body-stall-ms", \.http.bodyStallNanoseconds, 1...600_000,
            "Longest silence within a body."),
        time(
            "idle-ms", \.http.idleNanoseconds, 1...86_400_000,
            "Idle connections are closed after this time."),
    ]

    private static let queue = [
        number(
            "queue-count", \.queueCountMax, .count, 1...1_000_000, "Requests that may wait."),
        number(
            "queue-mib", \.queueBytesMax, .mebibytes, 1...1_048_576,
            "Bodies of waiting requests."),
        number(
            "queue-wait-percent", \.queueWaitPercent, .percent, 1...100,
            "Longest wait for a worker, in percent of the time to the deadline; beyond, 503."),
        number(
            "loop-kib", \.loopBytesMax, .kibibytes, 0...64,
            "Bodies up to this size may run on an event loop."),
    ]

    private static let ending = [
        time(
            "drain-ms", \.drainNanoseconds, 0...600_000,
            "After SIGTERM, serve on for this long while /readyz says 503."),
        time(
            "grace-ms", \.graceNanoseconds, 0...600_000,
            "Then wait at most this long for open requests."),
    ]

    private static let rest = [
        text(
            "transforms", \.transformsFolder, "folder", 1...4_095,
            "Folder of named transforms: NAME.jq is served as POST /transform/NAME."),
        toggle(
            "lenient", \.isLenient, true,
            "Start without the transforms that do not compile; else exit with status 78."),
        toggle(
            "no-inline-programs", \.servesInlinePrograms, false,
            "Refuse programs that a request brings along: only loaded transforms run."),
        text(
            "auth-token-file", \.tokenFile, "path", 1...4_095,
            "A file of bearer tokens, one a line, any of which opens all but health, metrics and "
                + "/openapi.json. Read again on SIGHUP."),
        choice(
            "log-level", \.logLevel, "level",
            "What is logged: at info a line a request, at notice requests only where the service "
                + "failed or shed them."),
        choice("log-format", \.logFormat, "format", "Form of the log's lines."),
        number(
            "log-sample", \.logSample, .count, 1...1_000_000,
            "Log one of so many successful requests."),
    ]

    // MARK: Kinds

    /// The unit of a number.
    private struct Unit {
        let valueName: String
        /// How many of the configuration's units one of these is.
        let factor: Int

        static let count = Unit(valueName: "count", factor: 1)
        static let port = Unit(valueName: "port", factor: 1)
        static let percent = Unit(valueName: "percent", factor: 1)
        static let bytes = Unit(valueName: "bytes", factor: 1)
        static let kibibytes = Unit(valueName: "KiB", factor: 1 << 10)
        static let mebibytes = Unit(valueName: "MiB", factor: 1 << 20)
    }

    private typealias Path<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    private static let defaults = Configuration()

    private static func number(
        _ name: String, _ path: Path<Int>, _ unit: Unit, _ range: ClosedRange<Int>,
        _ help: String, defaultText: String? = nil
    ) -> Setting {
        let factor = unit.factor
        return number(
            name, unit.valueName, range, help,
            defaultText: defaultText ?? "\(defaults[keyPath: path] / factor)"
        ) { $0[keyPath: path] = $1 * factor }
    }

    /// A setting in milliseconds.
    private static func time(
        _ name: String, _ path: Path<UInt64>, _ range: ClosedRange<Int>, _ help: String
    ) -> Setting {
        number(name, "ms", range, help, defaultText: "\(defaults[keyPath: path] / 1_000_000)") {
            $0[keyPath: path] = UInt64($1) * 1_000_000
        }
    }

    private static func number(
        _ name: String, _ valueName: String, _ range: ClosedRange<Int>, _ help: String,
        defaultText: String, set: @escaping @Sendable (inout Configuration, Int) -> Void
    ) -> Setting {
        Setting(
            name: name, valueName: valueName, help: help, defaultText: defaultText, range: range,
            accepted: "a whole number from \(range.lowerBound) to \(range.upperBound)"
        ) { configuration, text in
            guard let number = Int(text), range.contains(number) else { return false }
            set(&configuration, number)
            return true
        }
    }

    private static func text(
        _ name: String, _ path: Path<String>, _ valueName: String, _ lengths: ClosedRange<Int>,
        _ help: String, defaultText: String? = nil
    ) -> Setting {
        text(name, valueName, lengths, help, defaultText: defaultText ?? defaults[keyPath: path]) {
            $0[keyPath: path] = $1
        }
    }

    private static func text(
        _ name: String, _ path: Path<String?>, _ valueName: String, _ lengths: ClosedRange<Int>,
        _ help: String
    ) -> Setting {
        text(name, valueName, lengths, help, defaultText: nil) { $0[keyPath: path] = $1 }
    }

    private static func text(
        _ name: String, _ valueName: String, _ lengths: ClosedRange<Int>, _ help: String,
        defaultText: String?, set: @escaping @Sendable (inout Configuration, String) -> Void
    ) -> Setting {
        Setting(
            name: name, valueName: valueName, help: help, defaultText: defaultText, range: nil,
            accepted: "of \(lengths.lowerBound) to \(lengths.upperBound) bytes"
        ) { configuration, text in
            guard lengths.contains(text.utf8.count) else { return false }
            set(&configuration, text)
            return true
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Choice>, _ valueName: String, _ help: String
    ) -> Setting {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return Setting(
            name: name, valueName: valueName, help: "\(help) One of \(names).",
            defaultText: defaults[keyPath: path].rawValue, range: nil, accepted: "one of \(names)"
        ) { configuration, text in
            guard let choice = Choice(rawValue: text) else { return false }
            configuration[keyPath: path] = choice
            return true
        }
    }

    /// A switch; the environment can also turn it off.
    private static func toggle(
        _ name: String, _ path: Path<Bool>, _ valueWhenOn: Bool, _ help: String
    ) -> Setting {
        Setting(
            name: name, valueName: nil, help: help, defaultText: nil, range: nil,
            accepted: "one of true, 1, false, 0"
        ) { configuration, text in
            guard ["true", "1", "false", "0"].contains(text) else { return false }
            let isOn = text == "true" || text == "1"
            configuration[keyPath: path] = isOn == valueWhenOn
            return true
        }
    }
}
