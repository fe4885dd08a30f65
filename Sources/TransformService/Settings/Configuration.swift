// What `serve` may be told, with units, bounds and defaults; each setting is a flag and a variable
// of the environment, the flag first.

import HTTPKit
import Logging
import Transforms

/// A wrong setting: one line for people.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// All settings of `serve`.
struct Configuration: Sendable, Equatable {
    var address = HTTPServer.Address.tcp(host: "127.0.0.1", port: 8001)
    var workerCount = 1
    var loopCount = 1
    var timeoutNanoseconds: UInt64 = 4_500_000_000
    /// Of a batch, from its first byte; a client may ask for less.
    var batchTimeoutNanoseconds: UInt64 = 600_000_000_000
    /// Batches in work.
    var batchCountMax = 16
    /// Outputs of batches that are kept for clients that send all before they read; 0 for none.
    var spoolBytesMax = 1_024 << 20
    /// Where they are kept.
    var spoolFolder = "/tmp"
    var memoryBytesMax = 256 << 20
    /// What all requests hold together; beyond, new work is refused.
    var memoryTotalBytesMax = MemoryQuota.byteCount()
    var bodyBytesMax = 64 << 20
    var outputBytesMax = 256 << 20
    /// Answers from this length are compressed for clients that accept it; 0 for none.
    var compressBytesMin = 1 << 10
    var queueCountMax = 1_024
    var queueBytesMax = 256 << 20
    var queueWaitPercent = 6
    var drainNanoseconds: UInt64 = 1_000_000_000
    var graceNanoseconds: UInt64 = 10_000_000_000
    var logLevel = "notice"
    /// The folder of named transforms.
    var transformsFolder: String?
    /// Serve without the transforms that do not compile.
    var isLenient = false
    /// Run programs that a request brings along.
    var servesInlinePrograms = true
    /// How often the transforms folder is looked at.
    var transformsPollMilliseconds: Int32 = 1_000
    var logFormat = LogFormat.text
    /// One of so many successes is logged.
    var logSample = 1

    /// The bounds of connections and requests; `bodyBytesMax` is added to them.
    var http = HTTPKit.Limits()
    /// Connections beyond are answered 503 and closed.
    var connectionCountMax = 10_000
    var depthMax = 10_000
    /// Program text; longer ones are refused.
    var programTextBytesMax = 64 << 10
    /// A file with the tokens that open the service.
    var tokenFile: String?

    /// Compiled programs that are kept.
    var programCountMax = 1_024
    var programBytesMax = 64 << 20
    /// Content up to this size may run on an event loop. With 11 kB a request took 113-123 us of
    /// CPU there, 138-144 us by way of a worker.
    var loopBytesMax = 16 << 10
    /// Steps of a run on an event loop, of some 10 ns each.
    var loopStepsMax = 20_000
}

extension Configuration {
    /// One express worker for each two workers.
    var queuePolicy: QueuePolicy {
        QueuePolicy(
            countMax: queueCountMax, bytesMax: queueBytesMax, workerCount: workerCount,
            expressCount: (workerCount + 1) / 2, waitPercent: queueWaitPercent)
    }

    /// What counts the memory of requests, the process's own share being taken.
    func makeMemoryAccount() -> MemoryAccount {
        let executorCount = workerCount + queuePolicy.expressCount + loopCount
        let ownBytes =
            Self.processBytes + executorCount * Self.executorBytes + programCacheBytesMax
        // A bound below what the process needs by itself would refuse everything.
        let account = MemoryAccount(
            bytesMax: max(memoryTotalBytesMax, 2 * ownBytes),
            runBytesMin: workerCount * (memoryBytesMax + outputBytesMax))
        account.add(ownBytes, .process)
        return account
    }

    /// Code, tables, stacks and buffers of an idle process.
    private static var processBytes: Int { 12 << 20 }
    /// What each thread that runs programs keeps from run to run.
    private static var executorBytes: Int {
        Transforms.Limits().retainedBytesMax + Executor.outputBytesKept
    }

    /// Compiled programs that are kept, where memory is small no more than a part of it.
    var programCacheBytesMax: Int { min(programBytesMax, memoryTotalBytesMax / 16) }

    /// A program that is predicted to take longer is not tried on an event loop.
    var loopCostNanosecondsMax: UInt64 { UInt64(loopStepsMax) * 10 }
}

/// A setting that is a number.
struct Setting: Sendable {
    /// `timeout-ms`: as in `--timeout-ms` and `TRANSFORM_TIMEOUT_MS`.
    let name: String
    let range: ClosedRange<Int>
    let set: @Sendable (inout Configuration, Int) -> Void

    var variable: String { Setting.variable(name) }

    static func variable(_ name: String) -> String {
        "TRANSFORM_" + name.uppercased().split(separator: "-").joined(separator: "_")
    }

    static let all: [Setting] = [
        Setting(name: "workers", range: 1...1_024) { $0.workerCount = $1 },
        Setting(name: "event-loops", range: 1...256) { $0.loopCount = $1 },
        Setting(name: "timeout-ms", range: 1...86_400_000) {
            $0.timeoutNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "batch-timeout-ms", range: 1...86_400_000) {
            $0.batchTimeoutNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "batch-count", range: 0...1_024) { $0.batchCountMax = $1 },
        Setting(name: "spool-mib", range: 0...16_777_216) { $0.spoolBytesMax = $1 << 20 },
        Setting(name: "memory-mib", range: 1...1_048_576) { $0.memoryBytesMax = $1 << 20 },
        Setting(name: "memory-total-mib", range: 32...16_777_216) {
            $0.memoryTotalBytesMax = $1 << 20
        },
        Setting(name: "min-rate-bytes", range: 0...1_000_000) { $0.http.bytesPerSecondMin = $1 },
        Setting(name: "body-mib", range: 1...2_047) { $0.bodyBytesMax = $1 << 20 },
        Setting(name: "output-mib", range: 1...2_047) { $0.outputBytesMax = $1 << 20 },
        Setting(name: "compress-kib", range: 0...1_048_576) { $0.compressBytesMin = $1 << 10 },
        Setting(name: "queue-count", range: 1...1_000_000) { $0.queueCountMax = $1 },
        Setting(name: "queue-mib", range: 1...1_048_576) { $0.queueBytesMax = $1 << 20 },
        Setting(name: "queue-wait-percent", range: 1...100) { $0.queueWaitPercent = $1 },
        Setting(name: "loop-kib", range: 0...64) { $0.loopBytesMax = $1 << 10 },
        Setting(name: "drain-ms", range: 0...600_000) {
            $0.drainNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "grace-ms", range: 0...600_000) {
            $0.graceNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "header-kib", range: 1...1_024) { $0.http.fieldBytesMax = $1 << 10 },
        Setting(name: "target-kib", range: 1...1_024) { $0.http.targetBytesMax = $1 << 10 },
        Setting(name: "header-read-ms", range: 1...600_000) {
            $0.http.headReadNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "body-stall-ms", range: 1...600_000) {
            $0.http.bodyStallNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "idle-ms", range: 1...86_400_000) {
            $0.http.idleNanoseconds = UInt64($1) * 1_000_000
        },
        Setting(name: "connections", range: 1...1_000_000) { $0.connectionCountMax = $1 },
        Setting(name: "json-depth", range: 1...10_000) { $0.depthMax = $1 },
        Setting(name: "program-kib", range: 1...1_024) { $0.programTextBytesMax = $1 << 10 },
        Setting(name: "log-sample", range: 1...1_000_000) { $0.logSample = $1 },
    ]

    static let logLevels = [
        "trace", "debug", "info", "notice", "warning", "error", "critical",
    ]
}

extension Configuration {
    var connectionLimits: HTTPKit.Limits {
        var limits = http
        limits.bodyBytesMax = bodyBytesMax
        return limits
    }

    var accessLog: AccessLog.Settings {
        AccessLog.Settings(
            format: logFormat, level: Logger.Level(rawValue: logLevel) ?? .notice,
            sampleEvery: logSample)
    }

    /// - Parameters:
    ///   - flags: values of the command line by name (`timeout-ms`).
    ///   - environment: looked at for what the command line does not say.
    ///   - cpuCount: for what depends on the machine.
    init(
        flags: [String: String], environment: [String: String], cpuCount: Int
    ) throws(ConfigurationError) {
        workerCount = cpuCount
        loopCount = cpuCount
        func given(_ name: String) -> (source: String, text: String)? {
            if let text = flags[name] { return ("--" + name, text) }
            let variable = Setting.variable(name)
            guard let text = environment[variable], !text.isEmpty else { return nil }
            return (variable, text)
        }
        for setting in Setting.all {
            guard let (source, text) = given(setting.name) else { continue }
            guard let number = Int(text), setting.range.contains(number) else {
                throw ConfigurationError(
                    description: "\(source): `\(text)` is not a whole number from "
                        + "\(setting.range.lowerBound) to \(setting.range.upperBound)")
            }
            setting.set(&self, number)
        }
        if let (source, text) = given("log-level") {
            guard Setting.logLevels.contains(text) else {
                throw ConfigurationError(
                    description: "\(source): `\(text)` is none of "
                        + Setting.logLevels.joined(separator: ", "))
            }
            logLevel = text
        }
        transformsFolder = given("transforms")?.text
        isLenient = try Self.flag(given("lenient")) ?? false
        servesInlinePrograms = try !(Self.flag(given("no-inline-programs")) ?? false)
        if let (source, text) = given("log-format") {
            guard let format = LogFormat(rawValue: text) else {
                throw ConfigurationError(
                    description: "\(source): `\(text)` is neither text nor json")
            }
            logFormat = format
        }
        if let folder = environment["TMPDIR"], !folder.isEmpty { spoolFolder = folder }
        if let (_, folder) = given("spool-folder") { spoolFolder = folder }
        if let (source, path) = given("auth-token-file") {
            guard !path.isEmpty else {
                throw ConfigurationError(description: "\(source): a path")
            }
            tokenFile = path
        }
        address = try Self.address(given)
    }

    private static func flag(
        _ given: (source: String, text: String)?
    ) throws(ConfigurationError) -> Bool? {
        switch given?.text {
        case nil: return nil
        case "true", "1": return true
        case "false", "0": return false
        case let text?:
            throw ConfigurationError(
                description: "\(given?.source ?? ""): `\(text)` is none of true, 1, false, 0")
        }
    }

    private static func address(
        _ given: (String) -> (source: String, text: String)?
    ) throws(ConfigurationError) -> HTTPServer.Address {
        if let (source, path) = given("unix") {
            guard !path.isEmpty, path.utf8.count < 108 else {
                throw ConfigurationError(description: "\(source): a path of 1 to 107 bytes")
            }
            return .unix(path: path)
        }
        var port = 8_001
        if let (source, text) = given("port") {
            guard let number = Int(text), (0...65_535).contains(number) else {
                throw ConfigurationError(
                    description: "\(source): `\(text)` is not a whole number from 0 to 65535")
            }
            port = number
        }
        return .tcp(host: given("host")?.text ?? "127.0.0.1", port: port)
    }
}
