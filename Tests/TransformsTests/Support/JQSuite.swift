// jq's `.test` format, read and run in process: a program, its input, its outputs, a blank line.

import Foundation
import Testing

@testable import Transforms

/// One case of a `.test` file.
struct SuiteCase: CustomTestStringConvertible {
    var file: String
    var line: Int
    var program: String
    /// Nil for a program that must not compile.
    var input: String?
    var outputs: [String]

    var testDescription: String { "\(file):\(line): \(program)" }

    /// The cases of a file's text.
    static func parse(_ text: String, file: String) -> [SuiteCase] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var cases: [SuiteCase] = []
        var i = 0
        func isBlank(_ line: String) -> Bool { line.allSatisfy { $0 == " " || $0 == "\t" } }
        while i < lines.count {
            let line = lines[i]
            if isBlank(line) || line.hasPrefix("#") {
                i += 1
                continue
            }
            let fails = line.hasPrefix("%%FAIL")
            if fails { i += 1 }
            var one = SuiteCase(
                file: file, line: i + 1, program: lines[i], input: nil, outputs: [])
            i += 1
            if !fails {
                one.input = lines[i]
                i += 1
            }
            while i < lines.count, !isBlank(lines[i]) {
                if !lines[i].hasPrefix("#") { one.outputs.append(lines[i]) }
                i += 1
            }
            cases.append(one)
        }
        return cases
    }
}

/// The result of running a program on an input.
struct Outcome {
    var outputs: [String] = []
    var error: String?
    var compileError: CompileError?
    /// Blocks of the heap still in use at the end.
    var liveBlocks = 0
    /// Bytes of the heap that were in use at most.
    var memoryBytesPeak = 0
    var limit = Limit.none
}

/// The parts of an outcome by which two runs are compared.
struct Ending: Equatable {
    var outputs: [String]
    var error: String?
}

/// Runs a program that compiles, and that leaves nothing behind.
func ending(_ program: String, _ input: String) -> Ending {
    let outcome = Harness.run(program, input: input)
    #expect(outcome.compileError == nil && (outcome.error != nil || outcome.liveBlocks == 0))
    return Ending(outputs: outcome.outputs, error: outcome.error)
}

/// Runs programs in process.
enum Harness {
    /// Runs on a thread with a large stack: evaluation recurses as deep as its limits allow.
    static func run(
        _ program: String, input: String = "null", limits: RunLimits = RunLimits(),
        modules: (any ModuleSource)? = nil
    ) -> Outcome {
        nonisolated(unsafe) var outcome = Outcome()
        onLargeStack { unsafe outcome = evaluate(program, input, limits, modules) }
        return unsafe outcome
    }

    /// Runs `body` on a thread whose stack has room for the frames of a debug build, and waits.
    static func onLargeStack(_ body: @escaping () -> Void) {
        nonisolated(unsafe) let body = body
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            unsafe body()
            done.signal()
        }
        thread.stackSize = 512 << 20
        thread.start()
        done.wait()
    }

    private static func evaluate(
        _ program: String, _ input: String, _ limits: RunLimits, _ modules: (any ModuleSource)?
    ) -> Outcome {
        var outcome = Outcome()
        let compiled: Program
        do throws(CompileError) { compiled = try Program.compile(program, modules: modules) } catch
        {
            outcome.compileError = error
            return outcome
        }
        let runner = Runner(limits: limits)
        runner.releasesAll = true
        runner.begin()
        // Safety: the array outlives the run, which ends in the closure.
        unsafe Array(input.utf8).withUnsafeBytes { raw in
            var document = Document.null
            do throws(ReadFailure) {
                document = unsafe try runner.readLenient(raw, for: compiled)
            } catch {
                outcome.error = "input is not JSON"
                return
            }
            do throws(RunFailure) {
                try runner.evaluate(compiled, document) { (output) throws(RunFailure) in
                    var text = OutputBuffer(bytesMax: 1 << 28)
                    try runner.write(output, to: &text)
                    outcome.outputs.append(text.text)
                    return true
                }
                outcome.liveBlocks = runner.liveBlocks
            } catch {
                switch error {
                case .raised(let value, _): outcome.error = text(value, runner)
                case .limit(let limit): outcome.limit = limit
                default: outcome.error = "\(error)"
                }
            }
        }
        outcome.memoryBytesPeak = runner.memoryBytesPeak
        return outcome
    }

    private static func text(_ document: Document, _ runner: Runner) -> String {
        if let string = document.string { return string }
        var text = OutputBuffer(bytesMax: 1 << 28)
        try? runner.write(document, to: &text)
        return text.text
    }

    /// A JSON text as the engine writes it, so that texts can be compared.
    static func canonical(_ text: String) -> String {
        let sorted = run(
            """
            def s:
              if type == "object" then to_entries | sort_by(.key) | map(.value |= s) | from_entries
              elif type == "array" then map(s) elif type == "number" then . + 0 else . end; s
            """,
            input: text)
        return sorted.outputs.first ?? "not JSON: \(text)"
    }
}

extension Runner {
    /// Like `read`, but also reads what jq reads beyond RFC 8259.
    func readLenient(
        _ text: UnsafeRawBufferPointer, for program: Program? = nil
    ) throws(ReadFailure) -> Document {
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: limits.depthMax, counts: false,
            isLenient: true)
        let projection = program?.projection ?? .whole
        return unsafe Document(
            value: try reader.readText(Bytes(text), projection), isOwned: projection.changes)
    }
}

extension OutputBuffer {
    /// What was written, as text.
    var text: String { bytes.text }
}
