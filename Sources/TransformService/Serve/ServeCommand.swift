// The `serve` command: flags and environment -> a running service, until a signal ends it.

import ArgumentParser
import Glibc
import HTTPKit
import Logging

/// `EX_UNAVAILABLE` of sysexits.h: the address can't be listened on.
private let unavailableStatus: Int32 = 69
/// `EX_CONFIG` of sysexits.h: a file that the settings name is wrong.
private let configurationStatus: Int32 = 78

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve transforms over HTTP.",
        discussion: """
            Each flag may also stand in the environment: --timeout-ms as TRANSFORM_TIMEOUT_MS. \
            SIGTERM and SIGINT end the service once it has answered what it accepted; a second \
            signal ends it at once. SIGHUP reads files again that the flags name.
            """)

    @Option(help: ArgumentHelp("Address to listen on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?
    @Option(
        help: ArgumentHelp("Port; 0 lets the system choose. (default: 8001)", valueName: "port"))
    var port: String?
    @Option(help: ArgumentHelp("Listen on a Unix socket instead.", valueName: "path"))
    var unix: String?
    @Option(
        help: ArgumentHelp(
            "Threads that run programs. (default: the container's CPU quota, else the cores)",
            valueName: "count"))
    var workers: String?
    @Option(
        help: ArgumentHelp(
            "Threads for connections and small requests. (default: as workers)",
            valueName: "count"))
    var eventLoops: String?
    @Option(
        help: ArgumentHelp(
            "Longest time for a request from its first byte, milliseconds. (default: 4500)",
            valueName: "ms"))
    var timeoutMs: String?
    @Option(
        help: ArgumentHelp(
            "Longest time for a batch, where --timeout-ms holds for each input, milliseconds. "
                + "(default: 600000)", valueName: "ms"))
    var batchTimeoutMs: String?
    @Option(help: ArgumentHelp("Batches in work at a time. (default: 16)", valueName: "count"))
    var batchCount: String?
    @Option(
        help: ArgumentHelp(
            "Outputs of batches that are kept in files for clients that send all before they "
                + "read, MiB; 0: none. (default: 1024)", valueName: "MiB"))
    var spoolMib: String?
    @Option(
        help: ArgumentHelp(
            "Where those files, which have no names, are made. (default: TMPDIR, else /tmp)",
            valueName: "folder"))
    var spoolFolder: String?
    @Option(help: ArgumentHelp("Memory of one run, MiB. (default: 256)", valueName: "MiB"))
    var memoryMib: String?
    @Option(
        help: ArgumentHelp(
            "What all requests hold together, MiB; beyond, new work is refused with 503. "
                + "(default: 7/8 of the container's memory limit, else half of the machine's "
                + "memory)", valueName: "MiB"))
    var memoryTotalMib: String?
    @Option(
        help: ArgumentHelp(
            "The slowest that a client may send content or read answers, over 10 seconds, bytes "
                + "a second; 0: any. (default: 1000)", valueName: "bytes"))
    var minRateBytes: String?
    @Option(help: ArgumentHelp("Longest request body, MiB. (default: 64)", valueName: "MiB"))
    var bodyMib: String?
    @Option(help: ArgumentHelp("Longest output, MiB. (default: 256)", valueName: "MiB"))
    var outputMib: String?
    @Option(
        help: ArgumentHelp(
            "Longest field section of a request's head, KiB. (default: 32)", valueName: "KiB"))
    var headerKib: String?
    @Option(help: ArgumentHelp("Longest request target, KiB. (default: 16)", valueName: "KiB"))
    var targetKib: String?
    @Option(
        help: ArgumentHelp(
            "Longest time for a head from its first byte, milliseconds. (default: 10000)",
            valueName: "ms"))
    var headerReadMs: String?
    @Option(
        help: ArgumentHelp(
            "Longest silence within a body, milliseconds. (default: 10000)", valueName: "ms"))
    var bodyStallMs: String?
    @Option(
        help: ArgumentHelp(
            "Idle connections are closed after this time, milliseconds. (default: 75000)",
            valueName: "ms"))
    var idleMs: String?
    @Option(
        help: ArgumentHelp(
            "Open connections; further ones are answered 503 and closed. (default: 10000)",
            valueName: "count"))
    var connections: String?
    @Option(
        help: ArgumentHelp("Levels of nesting in JSON. (default: 10000)", valueName: "count"))
    var jsonDepth: String?
    @Option(help: ArgumentHelp("Longest program text, KiB. (default: 64)", valueName: "KiB"))
    var programKib: String?
    @Option(
        help: ArgumentHelp(
            "A file of bearer tokens, one a line, any of which opens all but health, metrics and "
                + "/openapi.json. Read again on SIGHUP.", valueName: "path"))
    var authTokenFile: String?
    @Option(
        help: ArgumentHelp(
            "Answers from this length are compressed where clients accept it, KiB; 0: none. "
                + "(default: 1)", valueName: "KiB"))
    var compressKib: String?
    @Option(help: ArgumentHelp("Requests that may wait. (default: 1024)", valueName: "count"))
    var queueCount: String?
    @Option(
        help: ArgumentHelp("Bodies of waiting requests, MiB. (default: 256)", valueName: "MiB"))
    var queueMib: String?
    @Option(
        help: ArgumentHelp(
            "Longest wait for a worker, percent of the time to the deadline; beyond, 503. "
                + "(default: 6)", valueName: "percent"))
    var queueWaitPercent: String?
    @Option(
        help: ArgumentHelp(
            "Bodies up to this size may run on an event loop, KiB. (default: 16)",
            valueName: "KiB"))
    var loopKib: String?
    @Option(
        help: ArgumentHelp(
            "After SIGTERM, serve on for this long while /readyz says 503, milliseconds. "
                + "(default: 1000)", valueName: "ms"))
    var drainMs: String?
    @Option(
        help: ArgumentHelp(
            "Then wait at most this long for open requests, milliseconds. (default: 10000)",
            valueName: "ms"))
    var graceMs: String?
    @Option(
        help: ArgumentHelp(
            "Folder of named transforms: NAME.jq is served as POST /transform/NAME.",
            valueName: "folder"))
    var transforms: String?
    @Flag(help: "Start without the transforms that do not compile; else exit with status 78.")
    var lenient = false
    @Flag(help: "Refuse programs that a request brings along: only loaded transforms run.")
    var noInlinePrograms = false
    @Option(
        help: ArgumentHelp(
            "trace, debug, info (a line a request), notice (requests only where the service "
                + "failed or shed them), warning, error or critical. (default: notice)",
            valueName: "level"))
    var logLevel: String?
    @Option(help: ArgumentHelp("text or json, a line each. (default: text)", valueName: "format"))
    var logFormat: String?
    @Option(
        help: ArgumentHelp(
            "Log one of so many successful requests. (default: 1)", valueName: "count"))
    var logSample: String?

    private var flags: [String: String] {
        let pairs: [(String, String?)] = [
            ("host", host), ("port", port), ("unix", unix), ("workers", workers),
            ("batch-timeout-ms", batchTimeoutMs), ("batch-count", batchCount),
            ("compress-kib", compressKib),
            ("event-loops", eventLoops), ("timeout-ms", timeoutMs), ("memory-mib", memoryMib),
            ("spool-mib", spoolMib), ("spool-folder", spoolFolder),
            ("memory-total-mib", memoryTotalMib), ("min-rate-bytes", minRateBytes),
            ("body-mib", bodyMib), ("output-mib", outputMib), ("queue-count", queueCount),
            ("queue-mib", queueMib),
            ("queue-wait-percent", queueWaitPercent), ("loop-kib", loopKib), ("drain-ms", drainMs),
            ("grace-ms", graceMs), ("log-level", logLevel), ("transforms", transforms),
            ("lenient", lenient ? "true" : nil),
            ("no-inline-programs", noInlinePrograms ? "true" : nil),
            ("header-kib", headerKib), ("target-kib", targetKib),
            ("header-read-ms", headerReadMs), ("body-stall-ms", bodyStallMs), ("idle-ms", idleMs),
            ("connections", connections), ("json-depth", jsonDepth), ("program-kib", programKib),
            ("auth-token-file", authTokenFile), ("log-format", logFormat),
            ("log-sample", logSample),
        ]
        var flags: [String: String] = [:]
        for (name, value) in pairs { flags[name] = value }
        return flags
    }

    func run() throws {
        let settings: Configuration
        do throws(ConfigurationError) {
            settings = try Configuration(
                flags: flags, environment: Process.environment, cpuCount: CPUQuota.count())
        } catch {
            throw ValidationError(error.description)
        }
        CrashReport.install()
        Process.returnLargeBlocks()
        var reloads = Reloads()
        let tokens = try Self.tokens(settings, &reloads)
        let sink = LogSink(descriptor: STDERR_FILENO)
        let logger = Logger(label: "transform-service") { _ in
            LineLogHandler(sink, settings.logFormat, level: settings.accessLog.level)
        }
        let library = try Self.load(settings, logger)
        reloads.add("transforms") { library.reload(always: true) }
        let service = Service(
            settings, logger: logger, sink: sink, tokens: tokens, transforms: library)
        if let fault = service.batches.spool.fault() {
            logger.warning(
                "no file can be made for batches whose clients send all before they read",
                metadata: [
                    "folder": "\(settings.spoolFolder)",
                    "error": "\(Process.message(ofSystemError: fault))",
                ])
        }
        let server: HTTPServer
        do throws(ListenError) { server = try service.start() } catch {
            Process.writeError(
                "cannot listen on \(Self.shown(settings.address, nil)): \(Self.reason(error))")
            throw ExitCode(unavailableStatus)
        }
        Process.writeLine("listening on \(Self.shown(settings.address, server.port))")
        library.watch(everyMilliseconds: settings.transformsPollMilliseconds)
        let signal = Signals.first { [reloads] in reloads.run(logger) }
        try Blocking.wait { await Self.end(server, service, after: signal) }
        sink.close()
    }

    /// The tokens of the file, if there is to be one.
    private static func tokens(
        _ settings: Configuration, _ reloads: inout Reloads
    ) throws -> AccessTokens? {
        guard let path = settings.tokenFile else { return nil }
        do throws(ConfigurationError) {
            let tokens = AccessTokens(try TokenFile.tokens(at: path))
            reloads.add("tokens") { tokens.replace(with: try TokenFile.tokens(at: path)) }
            return tokens
        } catch {
            Process.writeError(error.description)
            throw ExitCode(configurationStatus)
        }
    }

    /// The transforms. One that does not compile ends the start, unless that is allowed.
    private static func load(
        _ settings: Configuration, _ logger: Logger
    ) throws -> TransformLibrary {
        let library = TransformLibrary(settings.transformsFolder, logger: logger)
        guard let folder = library.folder else { return library }
        let status = library.status
        for fault in status.faults { Process.writeError(fault.shown(in: folder)) }
        guard status.faults.isEmpty || settings.isLenient else {
            throw ExitCode(configurationStatus)
        }
        logger.notice(
            "transforms loaded",
            metadata: [
                "folder": "\(folder)", "count": "\(status.set.count)",
                "faults": "\(status.faults.count)", "digest": "\(status.set.digest)",
            ])
        return library
    }

    private static var workersEndNanosecondsMax: UInt64 { 1_000_000_000 }

    /// Serves on while balancers notice, then lets open requests finish. Ctrl-C does not wait for
    /// balancers.
    private static func end(
        _ server: HTTPServer, _ service: Service, after signal: Signals.Kind
    ) async {
        let settings = service.configuration
        service.logger.notice("draining")
        service.beginDrain()
        server.beginDrain()
        if signal == .terminate {
            try? await Task.sleep(nanoseconds: settings.drainNanoseconds)
        }
        // Jobs whose requests were cut are cancelled: they end within milliseconds.
        let isComplete = await server.shutdown(graceNanoseconds: settings.graceNanoseconds) {
            await service.pool.end(withinNanoseconds: workersEndNanosecondsMax)
        }
        if !isComplete {
            service.logger.warning("requests were cut at the end of the grace time")
        }
    }

    private static func shown(_ address: HTTPServer.Address, _ boundPort: Int?) -> String {
        switch address {
        case .tcp(let host, let port):
            let host = host.contains(":") ? "[\(host)]" : host
            return "http://\(host):\(boundPort ?? port)"
        case .unix(let path): return "unix:\(path)"
        }
    }

    private static func reason(_ error: ListenError) -> String {
        switch error {
        case .socketInUse: "the socket is in use"
        case .notASocket: "what stands there is no socket"
        case .badSocketPath: "the path is no socket address"
        case .unknownHost: "the host has no address"
        case .system(let error): Process.message(ofSystemError: error.errorNumber)
        }
    }
}
