// Every builtin and every operator on large operands, in a loop that its deadline ends: the thread
// is free some milliseconds later, whatever the filter does. The cases are a file that
// Benchmarks/deadlines.py runs too, on tens of MB and a release build; here operands are of
// 2 MiB, as a debug build is some twenty times slower.
//
//     begin ---- filter, filter, filter ... ---- deadline -- return
//                                               |- the thread's own time: 20 ms at most,
//                                                  in a debug build 80 ms -|
//
// A second thread reads the first one's CPU clock at the deadline. The time of other processes does
// not count, and a late reading only makes the measured time shorter.

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Transforms

@Suite(.serialized) struct DeadlineTests {
    struct Case: Sendable {
        let name: String
        let operands: String
        let filter: String
    }

    #if DEBUG
        // The clock is checked after 8,192 steps, which take a debug build longer: up to 57 ms
        // were seen. With the charges of comparing taken out, 49 cases took 81 to 307 ms.
        private static let overrunNanosecondsMax: UInt64 = 80_000_000
    #else
        private static let overrunNanosecondsMax: UInt64 = 20_000_000
    #endif
    private static let runNanoseconds: UInt64 = 8_000_000
    /// Bytes of an operand.
    private static let byteCount = 1 << 21

    private static let lines: [Substring] = {
        SharedFiles.fixture("deadlines.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }
    }()

    /// The programs that make operands, by name.
    private static let operands: [(name: String, programs: [String])] = lines.compactMap { line in
        guard line.hasPrefix("value ") else { return nil }
        let parts = line.dropFirst(6).split(separator: ":", maxSplits: 1)
        let programs = String(parts[1]).components(separatedBy: " ;; ")
        return (String(parts[0]), programs)
    }

    private static let cases: [Case] = lines.compactMap { line in
        if line.hasPrefix("value ") { return nil }
        let parts = String(line).components(separatedBy: "  ")
        return Case(
            name: parts[0], operands: parts[1],
            filter: parts[2...].joined(separator: "  "))
    }

    @Test func everyBuiltinHasACase() {
        let names = Set(Self.cases.map(\.name))
        for builtin in Compiler.builtinNames {
            #expect(names.contains(builtin), "\(builtin) is in no line of deadlines.txt")
        }
        for operation in ["+", "-", "*", "/", "%", "==", "<", "=", "|=", "//", ".[f]", ".[a:b]"] {
            #expect(names.contains("\"\(operation)\""), "\(operation)")
        }
        let known = Set(Self.operands.map(\.name))
        #expect(Self.cases.allSatisfy { known.contains($0.operands) })
    }

    @Test(arguments: operands.map(\.name)) func threadIsFree(_ operands: String) throws {
        let programs = try #require(Self.operands.first { $0.name == operands }?.programs)
        let makers = try programs.map { try Program.compile("\(Self.byteCount) as $n | \($0)") }
        let cases = Self.cases.filter { $0.operands == operands }
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var failures: [String] = []
        let thread = Thread {
            unsafe failures = Self.failures(cases, makers)
            done.signal()
        }
        thread.stackSize = 64 << 20
        thread.start()
        done.wait()
        let found = unsafe failures
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    /// - Parameter makers: programs that make the operands; these refer to the programs' constants.
    private static func failures(_ cases: [Case], _ makers: [Program]) -> [String] {
        var limits = RunLimits()
        limits.memoryBytesMax = 1 << 30
        let runner = Runner(limits: limits)
        // The list is made once in a process, which takes a debug build most of a second.
        _ = Compiler.builtinNames
        var failures: [String] = []
        var made: [Document] = []
        for (index, item) in cases.enumerated() {
            do {
                // Blocks that stopped runs leave behind are freed now and then.
                if index % 24 == 0 {
                    runner.begin()
                    made = try makers.map { try value(of: $0, runner) }
                }
                let program = try Program.compile(
                    """
                    \(byteCount) as $n | reduce range(1000000000) as $i (0; \
                    $v | first((try (\(item.filter)) catch 1 | 1), 0))
                    """, argumentNames: ["v", "w"])
                // An overrun that is the filter's occurs each time.
                var overrun = UInt64.max
                for _ in 0..<3 where overrun > overrunNanosecondsMax {
                    overrun = try Self.overrun(program, made, runner)
                }
                if overrun > overrunNanosecondsMax {
                    failures.append("\(item): \(overrun / 1_000_000) ms after the deadline")
                }
            } catch { failures.append("\(item): \(error)") }
        }
        return failures
    }

    /// The only output of a program. It refers to the program's constants.
    private static func value(of program: Program, _ runner: Runner) throws -> Document {
        var output = Document.null
        try runner.evaluate(program, .null) { value in
            output = Document(value: runner.heap.retain(value.value))
            return true
        }
        return output
    }

    /// The CPU time that this thread spends after the deadline of a run.
    private static func overrun(
        _ program: Program, _ arguments: [Document], _ runner: Runner
    ) throws -> UInt64 {
        let start = MonotonicClock.nanoseconds()
        let deadline = start + runNanoseconds
        var clock = clockid_t()
        unsafe pthread_getcpuclockid(pthread_self(), &clock)
        let threadClock = clock
        let looked = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var atDeadline: UInt64 = 0
        let watcher = Thread {
            usleep(UInt32(runNanoseconds / 1000))
            unsafe atDeadline = nanoseconds(threadClock)
            looked.signal()
        }
        watcher.start()
        runner.budget.begin(deadlineNanoseconds: deadline, stepsMax: .max, cancel: nil)
        do throws(RunFailure) {
            try runner.evaluate(program, .null, arguments: arguments) { _ in true }
        } catch {
            // Ended by its deadline, as it should, or by the program itself.
        }
        let end = nanoseconds(threadClock)
        looked.wait()
        return unsafe end > atDeadline ? end - atDeadline : 0
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
