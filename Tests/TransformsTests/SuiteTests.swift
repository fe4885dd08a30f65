// jq's own cases, where they lie beside the checkout: each must hold, and leave no block behind.

import Foundation
import Testing

@testable import Transforms

@Suite struct SuiteTests {
    static let folder: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let shared =
            ProcessInfo.processInfo.environment["SHARED_DIR"]
            ?? root.deletingLastPathComponent().appendingPathComponent("shared").path
        return FileManager.default.fileExists(atPath: shared + "/suites/jq")
            ? shared + "/suites/jq" : nil
    }()

    static let files = ["jq.test", "onig.test", "base64.test", "uri.test", "optional.test"]

    @Test(.enabled(if: folder != nil, "jq's suite is not beside the checkout"), arguments: files)
    func holds(_ file: String) throws {
        let text = try String(contentsOfFile: (Self.folder ?? "") + "/" + file, encoding: .utf8)
        for one in SuiteCase.parse(text) {
            if one.program.contains("import ") || one.program.contains("include ")
                || one.program.contains("modulemeta")
            {
                continue
            }
            let outcome = Harness.run(one.program, input: one.input ?? "null")
            if one.input == nil {
                #expect(outcome.compileError != nil, "\(file):\(one.line): \(one.program) compiled")
                continue
            }
            #expect(
                outcome.outputs.map(Harness.canonical) == one.outputs.map(Harness.canonical),
                "\(file):\(one.line): \(one.program) \(outcome.error ?? "")")
            #expect(outcome.liveBlocks == 0, "\(file):\(one.line): \(one.program) left blocks")
        }
    }
}
