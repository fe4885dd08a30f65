// The executable: its subcommands and how wrong arguments are answered. `run` has jq's command
// line, which is no other program's, so it is handed over before anything is parsed here.

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
            // What the run holds goes with the process; nothing is buffered that is not written.
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

    /// Help goes to the standard output; a wrong value is one line and status 64.
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
