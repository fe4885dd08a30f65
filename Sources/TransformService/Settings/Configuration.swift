// The settings of `serve` and their defaults. `Setting` lists those that can be set externally.

import HTTPKit
import Logging
import Transforms

/// An invalid setting: one line for people.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// All settings of `serve`.
struct Configuration: Sendable, Equatable {
    var host = "127.0.0.1"
    var port = 8_001
    /// A socket in the file system, in place of host and port.
    var unixPath: String?
    var workerCount = 1
    var loopCount = 1
    var timeoutNanoseconds: UInt64 = 4_500_000_000
    /// The time allowed for a batch, from its first byte; a client may ask for less.
    var batchTimeoutNanoseconds: UInt64 = 600_000_000_000
    /// The most open batches.
    var batchCountMax = 16
    /// Outputs kept for clients that send all their content before they read; 0 for none.
    var spoolBytesMax = 1_024 << 20
    /// The folder for them.
    var spoolFolder = "/tmp"
    var memoryBytesMax = 256 << 20
    /// Bound on the memory of all requests together; beyond, new work is refused.
    var memoryTotalBytesMax = MemoryQuota.byteCount()
    var bodyBytesMax = 64 << 20
    var outputBytesMax = 256 << 20
    /// Responses of at least this length are compressed for clients that accept it; 0 for none.
    var compressBytesMin = 1 << 10
    var queueCountMax = 1_024
    var queueBytesMax = 256 << 20
    var queueWaitPercent = 6
    var drainNanoseconds: UInt64 = 1_000_000_000
    var graceNanoseconds: UInt64 = 10_000_000_000
    var logLevel = Logger.Level.notice
    /// The folder of named transforms.
    var transformsFolder: String?
    /// Serve without the transforms that do not compile.
    var isLenient = false
    /// Whether to run programs that requests contain.
    var servesInlinePrograms = true
    /// The interval of polling the transforms folder.
    var transformsPollMilliseconds: Int32 = 1_000
    var logFormat = LogFormat.text
    /// Log one in this many successes.
    var logSample = 1

    /// The limits of connections and requests; `bodyBytesMax` is added to them.
    var http = ConnectionLimits()
    /// Further connections are answered with 503 and closed.
    var connectionCountMax = 10_000
    var depthMax = 10_000
    /// Program text; longer ones are refused.
    var programTextBytesMax = 64 << 10
    /// A file with the tokens that grant access.
    var tokenFile: String?

    /// Bounds on the cache of compiled programs.
    var programCountMax = 1_024
    var programBytesMax = 64 << 20
    /// Content up to this size may run on an event loop. For 11 kB, a request took 113-123 us of
    /// CPU there, and 138-144 us on a worker.
    var loopBytesMax = 16 << 10
    /// Steps of a run on an event loop, of about 10 ns each.
    var loopStepsMax = 20_000
}

extension Configuration {
    /// One express worker for every two workers.
    var queuePolicy: QueuePolicy {
        QueuePolicy(
            countMax: queueCountMax, bytesMax: queueBytesMax, workerCount: workerCount,
            expressCount: (workerCount + 1) / 2, waitPercent: queueWaitPercent)
    }

    /// The account of the requests' memory, with the process's own share already counted.
    func makeMemoryAccount() -> MemoryAccount {
        let executorCount = workerCount + queuePolicy.expressCount + loopCount
        let ownBytes =
            Self.processBytes + executorCount * Self.executorBytes + programCacheBytesMax
        // A bound below the process's own needs would refuse everything.
        let account = MemoryAccount(
            bytesMax: max(memoryTotalBytesMax, 2 * ownBytes),
            runBytesMin: workerCount * (memoryBytesMax + outputBytesMax))
        account.add(ownBytes, .process)
        return account
    }

    /// Code, tables, stacks and buffers of an idle process.
    private static var processBytes: Int { 12 << 20 }
    /// Memory that each thread that runs programs retains between runs.
    private static var executorBytes: Int {
        RunLimits().retainedBytesMax + Executor.outputBytesKept
    }

    /// Bound on the cache of compiled programs; if memory is small, no more than a part of it.
    var programCacheBytesMax: Int { min(programBytesMax, memoryTotalBytesMax / 16) }

    /// A program whose predicted cost is higher is not tried on an event loop.
    var loopCostNanosecondsMax: UInt64 { UInt64(loopStepsMax) * 10 }
}

extension Configuration {
    var address: HTTPServer.Address {
        unixPath.map { .unix(path: $0) } ?? .tcp(host: host, port: port)
    }

    var connectionLimits: ConnectionLimits {
        var limits = http
        limits.bodyBytesMax = bodyBytesMax
        return limits
    }

    var accessLog: AccessLog.Settings {
        AccessLog.Settings(
            format: logFormat, level: logLevel, sampleEvery: logSample)
    }

    /// - Parameters:
    ///   - flags: values of the command line by name (`timeout-ms`).
    ///   - environment: used for settings that the command line does not give; an empty variable
    ///     counts as unset.
    ///   - cpuCount: for defaults that depend on the machine.
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
        if let folder = environment["TMPDIR"], !folder.isEmpty { spoolFolder = folder }
        for setting in Setting.all {
            guard let (source, text) = given(setting.name) else { continue }
            guard setting.set(&self, text) else {
                throw ConfigurationError(
                    description: "\(source): `\(text)` is not \(setting.accepted)")
            }
        }
    }
}
