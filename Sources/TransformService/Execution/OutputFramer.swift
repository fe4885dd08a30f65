// A program's outputs -> the bytes of the response, in the chosen form:
//
//     one      {"a":1}
//     array    [{"a":1},{"a":2}]
//     lines    {"a":1}\n{"a":2}\n
//     text     a,b\n1,2\n           strings, unquoted
//
// In a batch, the terminator follows the outputs of each input.

import Transforms

/// The state of one run's output, and whether it fits the form.
struct OutputFramer {
    /// Where there should be one output, further ones are counted up to this number.
    static let countedMax = 1_000

    private let choice: OutputChoice
    /// Follows each output, or the array of them; nil for none.
    private let terminator: UInt8?
    private var count = 0
    /// The kind of an output that should have been a string.
    private var nonText: Document.Kind?

    /// For the response to one input.
    init(_ choice: OutputChoice) {
        self.choice = choice
        terminator = choice.form == .lines || choice.form == .text ? UInt8(ascii: "\n") : nil
    }

    /// For the part of a response that belongs to one of several inputs.
    init(_ choice: OutputChoice, terminator: UInt8) {
        self.choice = choice
        self.terminator = terminator
    }

    func begin(_ runner: Runner, _ out: inout OutputBuffer) throws(RunFailure) {
        if choice.form == .array { try runner.write(UInt8(ascii: "["), to: &out) }
    }

    /// - Returns: false if no more outputs are wanted.
    mutating func add(
        _ document: Document, _ runner: Runner, _ out: inout OutputBuffer
    ) throws(RunFailure) -> Bool {
        count += 1
        switch choice.form {
        case .one where count > 1: return count < Self.countedMax
        case .one, .lines:
            try runner.write(document, .strict, endedBy: terminator, to: &out)
        case .array:
            if count > 1 { try runner.write(UInt8(ascii: ","), to: &out) }
            try runner.write(document, .strict, to: &out)
        case .text:
            guard document.kind == .string else {
                nonText = document.kind
                return false
            }
            try runner.writeRaw(document, endedBy: terminator, to: &out)
        }
        return true
    }

    func end(_ runner: Runner, _ out: inout OutputBuffer) throws(RunFailure) {
        guard choice.form == .array else { return }
        try runner.write(UInt8(ascii: "]"), to: &out)
        if let terminator { try runner.write(terminator, to: &out) }
    }

    /// The outcome of a run that was not stopped: whether its outputs fit the form.
    var outcome: Outcome {
        let isRight = nonText == nil && (choice.form != .one || count == 1)
        return isRight ? .written : .problem(problem)
    }

    /// What is wrong with outputs that do not fit.
    private var problem: Problem {
        if let nonText {
            return Problem(
                .outputNotText,
                "Output \(count) is no string but \(nonText); \(choice.media.essence) needs "
                    + "strings, as @csv and @tsv make them. Else ask for application/json.")
        }
        let detail =
            switch count {
            case 0:
                "The program yielded no output. Give it a value to yield, as in `... // null`, or "
                    + "ask for outputs=array."
            case Self.countedMax...:
                "The program yields \(count) outputs or more. Collect them with `[...]`, take one "
                    + "with `first(...)`, or ask for outputs=array or application/x-ndjson."
            default:
                "The program yielded \(count) outputs. Collect them with `[...]`, take one with "
                    + "`first(...)`, or ask for outputs=array or application/x-ndjson."
            }
        var problem = Problem(.outputCount, detail)
        problem.count = count
        return problem
    }
}
