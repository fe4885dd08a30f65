// The steps of runs that follow one another, each with the deadline of the run before.

import Testing

@testable import Transforms

@Suite struct BudgetTests {
    private static let escapes = Array(("\"" + String(repeating: "\\n", count: 32) + "\"").utf8)

    /// Reads a text, runs `.` and writes the output.
    private func run(
        _ runner: Runner, _ program: Program, _ text: [UInt8], deadlineNanoseconds: UInt64 = .max,
        stepsMax: Int? = nil
    ) -> Limit? {
        runner.begin(deadlineNanoseconds: deadlineNanoseconds, stepsMax: stepsMax)
        var out = OutputBuffer(bytesMax: 1 << 20)
        return unsafe text.withUnsafeBytes { bytes in
            guard let input = unsafe try? runner.read(bytes) else { return runner.limitMet }
            do throws(RunFailure) {
                try runner.evaluate(program, input) { (output) throws(RunFailure) in
                    try runner.write(output, .compact, endedBy: 0x0A, to: &out)
                    return true
                }
                return nil
            } catch {
                if case .limit(let limit) = error { return limit }
                return nil
            }
        }
    }

    /// The last step of a run may take more than its slice had left, as escapes do.
    @Test func runsMayEndInDebt() throws {
        let runner = Runner()
        for text in [".", "try error catch .", ".a?"] {
            let program = try Program.compile(text)
            for _ in 0..<2_000 { #expect(run(runner, program, Self.escapes) == nil) }
        }
    }

    @Test(arguments: [".", ".a?", "empty", "{a: 1}"])
    func shortRunsMeetTheirDeadline(_ text: String) throws {
        let (runner, program) = (Runner(), try Program.compile(text))
        let now = MonotonicClock.nanoseconds()
        var count = 0
        while run(runner, program, [0x31], deadlineNanoseconds: now) == nil, count < 10_000 {
            count += 1
        }
        #expect(count <= Budget.sliceStepCount / Budget.runStepCount)
        // The next run of that deadline meets it too, and one of another does not.
        #expect(run(runner, program, [0x31], deadlineNanoseconds: now) == .deadline)
        #expect(run(runner, program, [0x31]) == nil)
    }

    /// A bound on steps is each run's own.
    @Test func stepsAreNotShared() throws {
        let (runner, program) = (Runner(), try Program.compile("."))
        for _ in 0..<1_000 {
            #expect(run(runner, program, [0x31], stepsMax: Budget.runStepCount) == nil)
            #expect(run(runner, program, [0x31], stepsMax: Budget.runStepCount - 1) == .steps)
        }
    }
}
