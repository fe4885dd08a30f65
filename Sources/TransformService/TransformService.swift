// The executable: its subcommands, and the response to invalid arguments. `run` has jq's command
// line, which follows other rules, so it is passed on before anything is parsed here.

import ArgumentParser
import Glibc

struct RootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transform-service",
        abstract: "Runs jq 1.8 programs on JSON, over HTTP or as a command.",
        usage: "transform-service serve | run | check | healthcheck",
        discussion: "`transform-service run` takes the arguments of jq.",
        version: "transform-service \(Build.version) (jq \(Build.jqVersion))",
        subcommands: [ServeCommand.self, CheckCommand.self, HealthcheckCommand.self])
}

@main enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "run" {
            // The process releases the run's memory; no output is left in buffers.
            _exit(RunCommand.main(arguments: Array(arguments.dropFirst())))
        }
        Signals.prepare()
        do {
            var command = try RootCommand.parseAsRoot(arguments)
            try command.run()
        } catch {
            end(error)
        }
    }

    /// Help goes to the standard output; an invalid value gives one line and status 64.
    private static func end(_ error: any Error) -> Never {
        let code = RootCommand.exitCode(for: error)
        if code == .success {
            Process.writeLine(RootCommand.fullMessage(for: error))
        } else if !(error is ExitCode) {
            Process.writeError(RootCommand.message(for: error))
        }
        exit(code.rawValue)
    }
}
