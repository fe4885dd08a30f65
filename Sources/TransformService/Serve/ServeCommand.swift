// The `serve` command: flags and environment -> a running service, until a signal stops it.

import ArgumentParser
import Glibc
import HTTPKit
import Logging

/// `EX_UNAVAILABLE` of sysexits.h: the address cannot be listened on.
private let unavailableStatus: Int32 = 69
/// `EX_CONFIG` of sysexits.h: a file named in the settings is invalid.
private let configurationStatus: Int32 = 78

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve transforms over HTTP.",
        discussion: """
            Each flag may also stand in the environment: --timeout-ms as TRANSFORM_TIMEOUT_MS. \
            SIGTERM and SIGINT end the service once it has answered what it accepted; a second \
            signal ends it at once. SIGHUP reads files again that the flags name.
            """)

    @OptionGroup var flags: SettingFlags

    func run() throws {
        let settings: Configuration
        do throws(ConfigurationError) {
            settings = try Configuration(
                flags: flags.values, environment: Process.environment, cpuCount: CPUQuota.count())
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

    /// The tokens of the file, if one is configured.
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

    /// The transforms. One that does not compile aborts the start, unless that is allowed.
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

    /// Serves on until load balancers have noticed, then lets open requests finish. Ctrl-C does not
    /// wait for load balancers.
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
            service.batches.close()
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
        case .notASocket: "the file at the path is not a socket"
        case .badSocketPath: "the path is not a socket address"
        case .unknownHost: "the host has no address"
        case .noThread: "there is no thread for an event loop"
        case .system(let error): Process.message(ofSystemError: error.errorNumber)
        }
    }
}
