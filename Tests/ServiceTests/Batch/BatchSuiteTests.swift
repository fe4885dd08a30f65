// The malformed texts of JSONTestSuite, each as one line among good ones: each is refused with its
// number, whatever the program looks at.

import TestSupport
import Testing

struct BatchSuiteTests {
    /// Those that can be a line, and are not blank.
    private static let malformed: [[UInt8]] = {
        let folder = SharedFiles.jsonTestSuite
        return SharedFiles.names(in: folder).filter { $0.hasPrefix("n_") }
            .compactMap { SharedFiles.read(folder + "/" + $0) }
            .filter { text in
                !text.contains(0x0A) && text.contains { ![0x20, 0x0D, 0x09].contains($0) }
            }
    }()

    private static let programs = [".name", ".", "{id}", ".tags[0].x", "1", "select(.id > 5)"]

    @Test(
        .enabled(if: SharedFiles.hasJSONTestSuite, "JSONTestSuite is not beside the checkout"),
        arguments: programs)
    func malformedLines(_ program: String) async throws {
        #expect(Self.malformed.count > 150)
        var content: [UInt8] = []
        for text in Self.malformed {
            let good = "{\"id\":7,\"name\":\"x\",\"tags\":[{\"x\":1}]}\n"
            content += Array(good.utf8) + text + [0x0A]
        }
        let query = program.utf8.map { "%" + String($0, radix: 16) }.joined()
        try await RunningService.with { running in
            let reply = try await running.batch(
                RunningService.linesRequest(content, query, query: "&errors=inline", fields: ""))
            #expect(reply.status == 200)
            let lines = reply.text.split(separator: "\n")
            try #require(lines.count == 2 * Self.malformed.count)
            for i in Self.malformed.indices {
                #expect(!lines[2 * i].contains("malformed"), "\(lines[2 * i])")
                let refusal = lines[2 * i + 1]
                let isRefused =
                    refusal.contains("/problems/malformed-json")
                    || refusal.contains("/problems/depth-limit")
                #expect(isRefused && refusal.contains("\"line\":\(2 * i + 2),"), "\(refusal)")
            }
        }
    }
}
