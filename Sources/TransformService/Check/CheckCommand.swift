// The `check` command: compiles every transform and module of a folder, for a CI of transforms.
//
//     deploy/transforms/top-n.jq:9:3: foo/0 is not defined
//         | foo
//           ^

import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compile every transform in a folder.",
        discussion: """
            Prints each error with its file, line and column. Exit status: 0 if there are none, \
            else 1.
            """)

    @Argument(help: ArgumentHelp("The transforms folder.", valueName: "folder"))
    var folder: String

    func run() throws {
        let set = TransformSet.load(folder)
        for fault in set.faults { Process.writeLine(Self.report(fault, folder)) }
        let libraries = set.libraryCount == 1 ? "1 module" : "\(set.libraryCount) modules"
        let transforms = set.count == 1 ? "1 transform" : "\(set.count) transforms"
        let errors = set.faults.count == 1 ? "1 error" : "\(set.faults.count) errors"
        Process.writeLine("\(transforms), \(libraries), \(errors)")
        if !set.faults.isEmpty { throw ExitCode(1) }
    }

    /// The line, and under it the excerpt of the text.
    static func report(_ fault: LoadFault, _ folder: String) -> String {
        let lines = fault.excerpt?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
        return fault.shown(in: folder) + lines.map { "\n    " + $0 }.joined()
    }
}
