// Our own cases in jq's format: each holds, and leaves no block of the heap behind.

import Foundation
import TestSupport
import Testing

@testable import Transforms

@Suite struct FixtureTests {
    static let cases = ["language.test", "corners.test"].flatMap {
        SuiteCase.parse(SharedFiles.fixture($0), file: $0)
    }

    @Test func areThere() { #expect(Self.cases.count > 150) }

    /// The frames of a debug build take more than a release build's; lists of long paths are large.
    private static let limits: RunLimits = {
        var limits = RunLimits()
        limits.stackBytesMax = 448 << 20
        limits.memoryBytesMax = 2 << 30
        return limits
    }()

    @Test(arguments: cases) func holds(_ one: SuiteCase) {
        let outcome = Harness.run(one.program, input: one.input ?? "null", limits: Self.limits)
        #expect(
            outcome.outputs.map(Harness.canonical) == one.outputs.map(Harness.canonical),
            "\(outcome.error ?? "") \(outcome.compileError?.message ?? "")")
        #expect(outcome.liveBlocks == 0)
    }

    /// A program that is printed and parsed again has the same outputs.
    @Test(arguments: cases) func holdsWhenPrinted(_ one: SuiteCase) throws {
        let printed = Printer.text(of: try Parser.parse(one.program))
        let outcome = Harness.run(printed, input: one.input ?? "null", limits: Self.limits)
        #expect(outcome.outputs.map(Harness.canonical) == one.outputs.map(Harness.canonical))
    }
}
