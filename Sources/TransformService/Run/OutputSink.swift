// Outputs -> bytes, in the form of the options; and the exit status that follows from the last one.

import Glibc
import Transforms

/// The result of processing an input, with jq's numbers.
enum RunOutcome {
    static let trueOutput: Int32 = 0
    static let falseOutput: Int32 = -1
    static let noOutput: Int32 = -4
    static let failed: Int32 = 5
}

/// The exit status of a run, from the outcome of each input in order.
struct RunStatus {
    /// Nil without inputs.
    private var last: Int32?
    /// Whether the last output of all was true; nil without outputs.
    private var lastOutput: Bool?

    mutating func add(_ outcome: Int32) {
        last = outcome
        if outcome == RunOutcome.trueOutput { lastOutput = true }
        if outcome == RunOutcome.falseOutput { lastOutput = false }
    }

    /// Adds the status of later inputs.
    mutating func add(_ later: RunStatus) {
        last = later.last ?? last
        lastOutput = later.lastOutput ?? lastOutput
    }

    /// - Parameter isExact: `--exit-status`.
    func exitStatus(isExact: Bool) -> Int32 {
        let last = last ?? RunOutcome.noOutput
        if !isExact { return max(last, 0) }
        if last != RunOutcome.noOutput { return abs(last) }
        switch lastOutput {
        case nil: return ExitStatus.noOutput
        case false?: return ExitStatus.falseOutput
        case true?: return 0
        }
    }
}

/// Writes one runner's outputs.
final class OutputSink {
    private let runner: Runner
    var buffer: OutputBuffer
    /// The outcome of the outputs since it was last reset.
    var outcome = RunOutcome.noOutput
    // Single values: a copy of all options for each output would count references, which threads
    // share.
    private let form: RunOptions.Output
    private let options: WriteOptions
    private let colors: WriteColors?
    private let isSequence: Bool
    private let isUnbuffered: Bool
    /// Follows each output.
    private let terminator: UInt8?
    /// Whether each output is its JSON text and a line feed, in these options.
    private let writesLines: Bool

    /// - Parameters:
    ///   - keptBytesMax: bytes that the drain may leave.
    ///   - drain: as that of `OutputBuffer`.
    init(
        _ job: RunJob, _ runner: Runner, keptBytesMax: Int,
        drain: @escaping (UnsafeRawBufferPointer) -> Bool
    ) {
        self.runner = runner
        buffer = OutputBuffer(
            bytesMax: runner.limits.memoryBytesMax + keptBytesMax, drain: drain)
        form = job.options.output
        options = job.options.write
        colors = job.colors
        isSequence = job.options.isSequence
        isUnbuffered = job.options.isUnbuffered
        terminator =
            switch form {
            case .json, .raw: 0x0A
            case .rawNUL: 0
            case .joined: nil
            }
        writesLines = form == .json && !isSequence && !isUnbuffered && colors == nil
    }

    /// Why an output cannot be written.
    static let nulSentence = "Cannot dump a string containing NUL with --raw-output0 option"

    /// - Returns: false if the output cannot be written as the options require.
    func write(_ document: Document) throws(RunFailure) -> Bool {
        if writesLines {
            outcome = document.isTrue ? RunOutcome.trueOutput : RunOutcome.falseOutput
            try runner.write(document, options, endedBy: terminator, to: &buffer)
            return true
        }
        if form != .json && document.kind == .string {
            if options.asciiOnly {
                let ascii = WriteOptions(asciiOnly: true)
                try runner.write(document, ascii, endedBy: terminator, to: &buffer)
            } else if form == .rawNUL && document.hasNUL {
                return false
            } else {
                try runner.writeRaw(document, endedBy: terminator, to: &buffer)
            }
            outcome = RunOutcome.trueOutput
        } else {
            outcome = document.isTrue ? RunOutcome.trueOutput : RunOutcome.falseOutput
            if isSequence { try runner.write(0x1E, to: &buffer) }
            if let colors {
                try runner.write(document, options, colors, endedBy: terminator, to: &buffer)
            } else {
                try runner.write(document, options, endedBy: terminator, to: &buffer)
            }
        }
        if isUnbuffered { buffer.flush() }
        return true
    }
}
