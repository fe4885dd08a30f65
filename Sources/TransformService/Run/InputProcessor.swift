// One input -> its outputs, and error messages in jq's words.

import Glibc
import Transforms

/// Processes the inputs of one thread.
@safe final class InputProcessor {
    let job: RunJob
    let runner: Runner
    let sink: OutputSink
    private let program: Program
    private let arguments: [Document]
    private let deadlineNanoseconds: UInt64
    // Safety: the bytes are used only while they are taken.
    private let takeMessage: (UnsafeRawBufferPointer) -> Void
    /// Whether no further input is to be processed: the program halted, or the deadline has passed.
    private(set) var hasEnded = false

    private let cancel: CancelFlag?

    /// - Parameters:
    ///   - cancel: ends the run.
    ///   - keptBytesMax: outputs that the drain may leave, besides those of one run.
    ///   - drain: takes the outputs' bytes, as that of `OutputBuffer`.
    ///   - takeMessage: takes bytes for the standard error.
    init(
        _ job: RunJob, _ limits: RunLimits, cancel: CancelFlag? = nil, keptBytesMax: Int = 0,
        drain: @escaping (UnsafeRawBufferPointer) -> Bool,
        takeMessage: @escaping (UnsafeRawBufferPointer) -> Void
    ) {
        self.job = job
        program = job.program
        self.cancel = cancel
        unsafe self.takeMessage = unsafe takeMessage
        deadlineNanoseconds = job.deadlineNanoseconds
        runner = Runner(limits: limits)
        runner.adopt(job.arguments)
        // Safety: the bytes are a message's, used only while it is taken.
        unsafe runner.connect(
            environment: RunJob.readEnvironment, searchList: { job.modules.searchList },
            modules: job.modules, debugOptions: job.options.debugWrite, debugColors: job.colors,
            message: takeMessage)
        sink = unsafe OutputSink(job, runner, keptBytesMax: keptBytesMax, drain: drain)
        arguments = job.arguments.documents(job.program.argumentNames)
    }

    /// Writes outputs to the job's destination, and messages to the standard error.
    convenience init(_ job: RunJob, _ limits: RunLimits) {
        // Safety: the bytes are used only during the calls.
        unsafe self.init(
            job, limits,
            drain: { bytes in
                unsafe job.destination.drain(bytes)
                return true
            },
            takeMessage: { bytes in _ = unsafe StandardStreams.write(bytes, to: STDERR_FILENO) })
    }

    /// Clears the runner for the next input.
    func begin() { runner.begin(deadlineNanoseconds: deadlineNanoseconds, cancel: cancel) }

    /// - Parameter inputs: knows the input's location, for messages.
    /// - Returns: the outcome.
    func process(_ input: Document, of inputs: InputReader) -> Int32 {
        sink.outcome = RunOutcome.noOutput
        var isWritten = true
        do throws(RunFailure) {
            try runner.evaluate(program, input, arguments: arguments) {
                (output) throws(RunFailure) in
                isWritten = try sink.write(output)
                return isWritten
            }
        } catch {
            return fail(error, inputs)
        }
        if isWritten { return sink.outcome }
        complain("jq: error (at \(inputs.location)): \(OutputSink.nulSentence)\n")
        return RunOutcome.failed
    }

    /// Reports the failure that ends the run before or during the reading of an input.
    func fail(_ failure: InputFailure) -> Int32 {
        switch failure {
        case .malformed(let sentence):
            complain("jq: parse error: \(sentence)\n")
            return job.options.isStrict ? ExitStatus.badInput : RunOutcome.failed
        case .limit(let limit):
            complain("jq: error: \(job.options.sentence(limit))\n")
            return RunOutcome.failed
        }
    }

    private func fail(_ failure: RunFailure, _ inputs: InputReader) -> Int32 {
        switch failure {
        case .raised(let value, _):
            let isString = value.kind == .string
            complain("jq: error (at \(inputs.location))\(isString ? "" : " (not a string)"): ")
            if isString {
                // Up to the first NUL, as C prints it.
                unsafe value.withUTF8 { text in
                    unsafe takeMessage(UnsafeRawBufferPointer(rebasing: text.prefix { $0 != 0 }))
                }
            } else {
                complain(value, isRaw: false)
            }
            complain("\n")
        case .halted(let status, let message):
            hasEnded = true
            if let message {
                complain(message, isRaw: message.kind == .string)
                if message.kind != .string { complain("\n") }
            }
            return Int32(truncatingIfNeeded: status)
        case .limit(let limit):
            if limit == .deadline || limit == .cancelled { hasEnded = true }
            complain("jq: error: \(job.options.sentence(limit))\n")
        case .broke: complain("jq: error: break\n")
        }
        return RunOutcome.failed
    }

    private func complain(_ text: String) {
        var text = text
        text.withUTF8 { unsafe takeMessage(UnsafeRawBufferPointer($0)) }
    }

    /// A value may be as large as memory: it is not copied once more.
    private func complain(_ value: Document, isRaw: Bool) {
        if isRaw {
            unsafe value.withUTF8 { unsafe takeMessage($0) }
            return
        }
        var text = OutputBuffer(bytesMax: runner.limits.memoryBytesMax)
        do throws(RunFailure) { try runner.write(value, to: &text) } catch {
            return complain("a value too large to show")
        }
        unsafe text.withUnsafeBytes { unsafe takeMessage($0) }
    }
}
