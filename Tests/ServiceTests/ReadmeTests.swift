// README's examples -> run as they are, and compared with what README shows; the pages of builtins
// and settings -> compared with the comments and the help that they are made from.
//
//     ```sh
//     $ echo '[1,2]' | transform-service run -c 'map(. + 1)'
//     [2,3]
//     ```
//
// Requests to localhost:8001 go to a service with the transforms of deploy/transforms.

import TestSupport
import Testing

@testable import TransformService

struct ReadmeTests {
    private struct Example {
        var command: String
        var shown: String
    }

    /// A file of the package.
    private func text(_ path: String) throws -> String {
        try #require(SharedFiles.text(SharedFiles.root + path))
    }

    private func examples() throws -> [Example] {
        let readme = try text("/README.md")
        var examples: [Example] = []
        var isInside = false
        for line in readme.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                isInside = line == "```sh"
            } else if isInside && line.hasPrefix("$ ") {
                examples.append(Example(command: String(line.dropFirst(2)), shown: ""))
            } else if isInside && !examples.isEmpty {
                examples[examples.count - 1].shown += line + "\n"
            }
        }
        return examples
    }

    @Test(.timeLimit(.minutes(2))) func examplesHold() async throws {
        let binary = try #require(Command.binary)
        let folder = binary.dropLast("/transform-service".count)
        let examples = try examples()
        #expect(examples.count >= 16)
        try await RunningService.with {
            $0.transformsFolder = SharedFiles.root + "/deploy/transforms"
        } _: { running in
            for example in examples {
                let command = example.command.split(separator: "localhost:8001")
                    .joined(separator: "127.0.0.1:\(running.port)")
                let script = "cd \(SharedFiles.root)\nPATH=\"\(folder):$PATH\"\n\(command)"
                let result = Command.run(["sh", "-c", script])
                // An answer that does not end in a newline is shown with one.
                let hasEnd = result.output.isEmpty || result.output.hasSuffix("\n")
                #expect(
                    result.output + (hasEnd ? "" : "\n") + result.message == example.shown,
                    "\(example.command)")
            }
        }
    }

    /// README contains this snippet word for word.
    @Test func snippet() throws {
        let readme = try text("/README.md")
        let snippet = """
            async with httpx.AsyncClient() as client:
                response = await client.post(\
            "http://localhost:8001/transform", json=payload, timeout=5.0)
                response.raise_for_status()
                return response.json()
            """
        #expect(readme.contains(snippet))
    }

    /// docs/builtins.md is what `make docs` makes of the manual's comments.
    @Test func builtinsPage() throws {
        let binary = try #require(Command.binary)
        let made = Command.run([
            "sh", "-c",
            """
            cd \(SharedFiles.root)
            \(binary) run -Rnr -f docs/builtins.jq Sources/Transforms/Builtins/Manual/*.swift
            """,
        ])
        #expect(made.status == 0, "\(made.message)")
        let page = try text("/docs/builtins.md")
        #expect(page == made.output, "out of date: run `make docs`")
    }

    /// docs/settings.md is what `make docs` makes of the command's own help.
    @Test func settingsPage() throws {
        let binary = try #require(Command.binary)
        let made = Command.run([
            "sh", "-c",
            """
            cd \(SharedFiles.root)
            \(binary) serve --experimental-dump-help | \(binary) run -r -f docs/settings.jq
            """,
        ])
        #expect(made.status == 0, "\(made.message)")
        for setting in Setting.all {
            let variable = Setting.variable(setting.name)
            #expect(made.output.contains("| `--\(setting.name)` | `\(variable)` |"))
            #expect(made.output.contains("| \(setting.help) |"), "\(setting.name)")
        }
        let page = try text("/docs/settings.md")
        #expect(page == made.output, "out of date: run `make docs`")
    }
}
