// What holds for any program and any input: no trap, no block left behind, no limit exceeded; and
// the outputs are jq's, where the Python package `jq` (libjq 1.8) is installed.

import Foundation
import Testing

@testable import Transforms

@Suite struct PropertyTests {
    private static let limits: RunLimits = {
        var limits = RunLimits()
        limits.memoryBytesMax = 16 << 20
        limits.callDepthMax = 2000
        limits.stepsMax = 2_000_000
        return limits
    }()

    @Test(arguments: [1, 2, 3] as [UInt64]) func randomProgramsEndWithinLimits(_ seed: UInt64) {
        var maker = ProgramMaker(seed: seed)
        var endedCount = 0
        for _ in 0..<400 {
            let (program, input) = maker.next()
            let outcome = Harness.run(program, input: input, limits: Self.limits)
            #expect(outcome.compileError == nil, "\(program)")
            #expect(outcome.memoryBytesPeak <= Self.limits.memoryBytesMax, "\(program) < \(input)")
            if outcome.error != nil || outcome.limit != .none { continue }
            endedCount += 1
            #expect(outcome.liveBlocks == 0, "\(program) < \(input)")
        }
        #expect(endedCount > 50)
    }

    /// Programs printed and read again do the same.
    @Test func randomProgramsMeanTheSameWhenPrinted() throws {
        var maker = ProgramMaker(seed: 4)
        for _ in 0..<300 {
            let (program, input) = maker.next()
            let tree = try Parser.parse(program)
            let printed = Printer.text(of: tree)
            #expect(try Parser.parse(printed) == tree, "\(program)")
            let first = Harness.run(program, input: input, limits: Self.limits)
            let second = Harness.run(printed, input: input, limits: Self.limits)
            #expect(first.outputs == second.outputs, "\(program) < \(input)")
            #expect(first.error == second.error, "\(program) < \(input)")
        }
    }

    // MARK: Against libjq

    /// Runs each case in one process; for each its outputs, whether it raised an error, or nil for
    /// one with too many outputs.
    private static let script = """
        import json, sys, jq
        answers = []
        for program, text in json.load(sys.stdin):
            outputs, failed = [], False
            try:
                for value in jq.compile(program).input_text(text):
                    outputs.append(value)
                    if len(outputs) > 1000: break
            except Exception:
                failed = True
            answers.append([[json.dumps(o) for o in outputs], failed])
        json.dump(answers, sys.stdout)
        """

    private static func python(_ script: String, input: Data) -> Data? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        let (source, result) = (Pipe(), Pipe())
        process.standardInput = source
        process.standardOutput = result
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return nil }
        source.fileHandleForWriting.write(input)
        try? source.fileHandleForWriting.close()
        let output = result.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? output : nil
    }

    static let hasLibjq: Bool = {
        let script = "import jq; assert jq.compile('have_decnum').input_value(0).first()"
        return python(script, input: Data()) != nil
    }()

    @Test(.enabled(if: hasLibjq, "the Python package jq with libjq 1.8 is not installed"))
    func randomProgramsGiveJQsOutputs() throws {
        var maker = ProgramMaker(seed: 5)
        let cases = (0..<300).map { _ in maker.next() }
        let sent = try JSONSerialization.data(withJSONObject: cases.map { [$0.program, $0.input] })
        let answer = try #require(Self.python(Self.script, input: sent))
        let answers = try #require(try JSONSerialization.jsonObject(with: answer) as? [[Any]])
        #expect(answers.count == cases.count)
        for (one, answer) in zip(cases, answers) {
            let expected = try #require(answer[0] as? [String])
            if expected.count > 1000 { continue }
            let outcome = Harness.run(one.program, input: one.input)
            let shown = "\(one.program) < \(one.input)"
            #expect(
                outcome.outputs.map(Harness.canonical) == expected.map(Harness.canonical),
                "\(shown)")
            #expect((outcome.error != nil) == (answer[1] as? Bool), "\(shown)")
        }
    }
}
