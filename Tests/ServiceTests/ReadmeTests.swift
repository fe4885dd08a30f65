// README's examples -> run as they stand there, and compared with what README shows.
//
//     ```sh
//     $ echo '[1,2]' | transform-service run -c 'map(. + 1)'
//     [2,3]
//     ```

import Glibc
import Testing

struct ReadmeTests {
    private struct Example {
        var command: String
        var shown: String
    }

    private func examples() throws -> [Example] {
        let result = Command.run(["cat", Command.root + "/README.md"])
        try #require(result.status == 0)
        var examples: [Example] = []
        var isInside = false
        for line in result.output.split(separator: "\n", omittingEmptySubsequences: false) {
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

    @Test func examplesHold() throws {
        let binary = try #require(Command.binary)
        let folder = binary.dropLast("/transform-service".count)
        let examples = try examples()
        #expect(examples.count >= 8)
        for example in examples {
            let script = "cd \(Command.root)\nPATH=\"\(folder):$PATH\"\n\(example.command)"
            let result = Command.run(["sh", "-c", script])
            #expect(result.output + result.message == example.shown, "\(example.command)")
        }
    }

    /// The snippet of the design stands in README word for word.
    @Test func snippet() {
        let readme = Command.run(["cat", Command.root + "/README.md"]).output
        let snippet = """
            async with httpx.AsyncClient() as client:
                response = await client.post(\
            "http://localhost:8001/transform", json=payload, timeout=5.0)
                response.raise_for_status()
                return response.json()
            """
        #expect(readme.contains(snippet))
    }
}
