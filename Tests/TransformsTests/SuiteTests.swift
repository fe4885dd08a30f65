// jq's own cases, where they are beside the checkout: each must hold, and leave no block behind.

import TestSupport
import Testing

@testable import Transforms

@Suite struct SuiteTests {
    private static let files = ["jq.test", "onig.test", "base64.test", "uri.test", "optional.test"]

    /// All but those of modules, which `deploy/tests/test_command.py` runs.
    static let cases = files.flatMap { file in
        SuiteCase.parse(
            SharedFiles.text(SharedFiles.folder + "/suites/jq/" + file) ?? "", file: file
        )
        .filter { one in
            !["import ", "include ", "modulemeta"].contains { one.program.contains($0) }
        }
    }

    @Test(.enabled(if: !cases.isEmpty, "jq's suite is not beside the checkout"), arguments: cases)
    func holds(_ one: SuiteCase) {
        let outcome = Harness.run(one.program, input: one.input ?? "null")
        guard one.input != nil else {
            #expect(outcome.compileError != nil, "it compiles")
            return
        }
        #expect(
            outcome.outputs.map(Harness.canonical) == one.outputs.map(Harness.canonical),
            "\(outcome.error ?? "")")
        #expect(outcome.liveBlocks == 0)
    }
}
