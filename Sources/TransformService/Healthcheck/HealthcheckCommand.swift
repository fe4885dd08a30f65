// The `healthcheck` command: probes a running service -> exit status 0 or 1, for images without a
// shell. It uses the address that `serve` would listen on in the same environment.

import ArgumentParser
import HTTPKit

struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a running service for its readiness; exit 0 if it is ready, else 1.")

    @Option(help: ArgumentHelp("Where to ask: http://host:port", valueName: "url"))
    var url: String?
    @Option(help: ArgumentHelp("Port on the loopback address. (default: 8001)", valueName: "port"))
    var port: String?
    @Option(help: ArgumentHelp("Ask on a Unix socket.", valueName: "path"))
    var unix: String?
    @Flag(help: "Ask whether it is alive instead.")
    var live = false

    func run() throws {
        let address: HTTPServer.Address
        do throws(ConfigurationError) { address = try resolve() } catch {
            throw ValidationError(error.description)
        }
        do throws(HealthProbe.Failure) {
            let status = try HealthProbe.status(of: live ? "/livez" : "/readyz", at: address)
            if status == 200 { return }
            Process.writeError("the service answered \(status)")
        } catch {
            Process.writeError("\(error.step): \(Process.message(ofSystemError: error.code))")
        }
        throw ExitCode(1)
    }

    private func resolve() throws(ConfigurationError) -> HTTPServer.Address {
        if let url { return try Self.address(url: url) }
        var flags: [String: String] = [:]
        flags["port"] = port
        flags["unix"] = unix
        let names = port == nil ? ["host", "port", "unix"] : ["host"]
        let variables = Set(names.map(Setting.variable))
        let environment = Process.environment.filter { variables.contains($0.key) }
        let address = try Configuration(flags: flags, environment: environment, cpuCount: 1).address
        guard case .tcp(let host, let port) = address else { return address }
        // For a wildcard address, the loopback address is probed.
        let wildcards = ["0.0.0.0": "127.0.0.1", "::": "::1"]
        return .tcp(host: wildcards[host] ?? host, port: port)
    }

    /// `http://[::1]:8001/` -> host `::1`, port 8001
    static func address(url: String) throws(ConfigurationError) -> HTTPServer.Address {
        let wrong = ConfigurationError(description: "--url: `\(url)` is not http://host:port")
        guard url.hasPrefix("http://") else { throw wrong }
        var authority = url.dropFirst(7).prefix { $0 != "/" }
        var port = 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]),
                (1...65_535).contains(number)
            else { throw wrong }
            port = number
            authority = authority[..<colon]
        }
        if authority.hasPrefix("["), authority.hasSuffix("]") {
            authority = authority.dropFirst().dropLast()
        }
        guard !authority.isEmpty else { throw wrong }
        return .tcp(host: String(authority), port: port)
    }
}
