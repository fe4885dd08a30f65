// What `serve` is told, and what it does by default. `Setting` lists what can be set from outside.

import HTTPKit
import Logging
import Transforms

/// A wrong setting: one line for people.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// All settings of `serve`.
struct Configuration: Sendable, Equatable {
    var host = "127.0.0.1"
    var port = 8_001
    /// A socket in the file system, instead of host and port.
    var unixPath: String?
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
    var logLevel = Logger.Level.notice
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

extension Configuration {
    var address: HTTPServer.Address {
        unixPath.map { .unix(path: $0) } ?? .tcp(host: host, port: port)
    }

    var connectionLimits: HTTPKit.Limits {
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
    ///   - environment: looked at for what the command line does not say; an empty variable says
    ///     nothing.
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
