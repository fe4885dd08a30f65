// One input of a batch -> its outputs, behind those of the inputs before it, or a problem. All
// inputs of a batch share a compiled program and the values of its arguments.

import HTTPKit
import Transforms

/// What every input of a batch is run through.
struct InputPlan: Sendable {
    let program: Program
    let arguments: ArgumentValues
    /// A named transform's own bounds of one input.
    var timeoutNanoseconds = UInt64.max
    var memoryBytesMax = Int.max
}

extension Executor {
    /// How one input ended.
    enum InputEnd {
        case written
        /// None of its outputs is written.
        case failed(Problem)
        /// Nobody waits for it.
        case cancelled
    }

    /// The plan of a program's text and arguments that are strings.
    func inputPlan(_ text: String, _ arguments: [QueryParameter]) throws(Problem) -> InputPlan {
        let bytes = Array(text.utf8)
        try checkProgram(byteCount: bytes.count)
        let values = try values(arguments, defaults: [])
        // Safety: the bytes stay while the closure runs.
        return unsafe try bytes.withUnsafeBytesTyped { (text) throws(Problem) in
            var names = arguments.map(\.name)
            if unsafe mentionsArguments(text) { names.insert("ARGS", at: 0) }
            let hash = unsafe ProgramKey.of(text, names)
            guard let program = unsafe try program(text, hash, names) else {
                throw Problem(.internalError, "The program was not compiled.")
            }
            return InputPlan(program: program, arguments: values)
        }
    }

    /// The plan of a named transform, whose arguments were checked.
    func inputPlan(
        _ transform: NamedTransform, _ arguments: [QueryParameter]
    ) throws(Problem) -> InputPlan {
        let metadata = transform.metadata
        return InputPlan(
            program: transform.program,
            arguments: try values(arguments, defaults: metadata.arguments ?? []),
            timeoutNanoseconds: metadata.timeoutNanoseconds ?? .max,
            memoryBytesMax: metadata.memoryBytesMax ?? .max)
    }

    private func values(
        _ arguments: [QueryParameter], defaults: [TransformMetadata.Argument]
    ) throws(Problem) -> ArgumentValues {
        let values = ArgumentValues(limits: runner.limits)
        do throws(ReadFailure) {
            for argument in arguments {
                try values.bind(argument.name, string: Array(argument.value.utf8))
            }
            for argument in defaults where !values.contains(argument.name) {
                try values.bind(argument.name, json: argument.fallback)
            }
            try values.finish()
        } catch {
            throw Problem(.memoryLimit, "The arguments need more memory than allowed.")
        }
        return values
    }

    /// Forgets the outputs of earlier inputs, and names the batch for a crash report.
    func beginInputs(_ plan: InputPlan, requestID: RequestName) {
        slot.begin(requestID)
        slot.note(digest: plan.program.digest)
        output.removeAll(retaining: Self.outputBytesKept)
        runner.adopt(plan.arguments)
    }

    /// The outputs were taken away.
    func endInputs() {
        slot.end()
        end()
    }

    /// What is wrong with a JSON text; nil for nothing.
    func readProblem(of text: UnsafeRawBufferPointer, _ bounds: RunBounds) -> Problem? {
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        do throws(ReadFailure) { _ = unsafe try runner.read(text) } catch {
            if case .problem(let problem) = unsafe readProblem(error, text) { return problem }
        }
        return nil
    }

    /// Appends a text that stands for an input's outputs; false when there is no room for it.
    func append(_ text: [UInt8], terminator: UInt8) -> Bool {
        let before = output.count
        do throws(RunFailure) {
            for byte in text { try runner.write(byte, to: &output) }
            try runner.write(terminator, to: &output)
            return true
        } catch {
            output.truncate(to: before)
            return false
        }
    }

    /// Runs one input and appends its outputs, each or all in one array, with `terminator` behind.
    func process(
        _ text: UnsafeRawBufferPointer, _ plan: InputPlan, _ documents: [Document],
        _ choice: OutputChoice, terminator: UInt8, _ bounds: RunBounds
    ) -> InputEnd {
        let before = output.count
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        if plan.memoryBytesMax != .max {
            runner.tighten(
                deadlineNanoseconds: bounds.deadlineNanoseconds,
                memoryBytesMax: plan.memoryBytesMax)
        }
        let end = unsafe run(text, plan, documents, choice, terminator)
        if case .written = end { return end }
        output.truncate(to: before)
        return end
    }

    private func run(
        _ text: UnsafeRawBufferPointer, _ plan: InputPlan, _ documents: [Document],
        _ choice: OutputChoice, _ terminator: UInt8
    ) -> InputEnd {
        let form = choice.form
        let input: Document
        do throws(ReadFailure) {
            input = unsafe try runner.read(text, for: plan.program)
        } catch {
            return unsafe readEnd(error, text)
        }
        var count = 0
        var nonText: Document.Kind?
        do throws(RunFailure) {
            if form == .array { try runner.write(UInt8(ascii: "["), to: &output) }
            do throws(RunFailure) {
                try runner.evaluate(plan.program, input, arguments: documents) {
                    (document) throws(RunFailure) in
                    count += 1
                    if form == .one, count > 1 { return count < Self.countedMax }
                    if form == .array, count > 1 {
                        try runner.write(UInt8(ascii: ","), to: &output)
                    }
                    if form == .text {
                        guard document.kind == .string else {
                            nonText = document.kind
                            return false
                        }
                        try runner.writeRaw(document, to: &output)
                    } else {
                        try runner.write(document, to: &output)
                    }
                    if form != .array { try runner.write(terminator, to: &output) }
                    return true
                }
            } catch {
                // `halt` ends the input's outputs; `halt_error` is an error.
                guard case .halted(status: 0, message: .none) = error else { throw error }
            }
            if form == .array {
                try runner.write(UInt8(ascii: "]"), to: &output)
                try runner.write(terminator, to: &output)
            }
        } catch {
            return end(error)
        }
        if let nonText { return .failed(Self.nonTextProblem(count, nonText, choice.media)) }
        return form == .one && count != 1 ? .failed(Self.countProblem(count)) : .written
    }

    private func readEnd(_ error: ReadFailure, _ text: UnsafeRawBufferPointer) -> InputEnd {
        if error.code == .limit { return end(.limit(runner.limitMet)) }
        let place = unsafe TextLocation(offset: error.offset, in: text)
        return .failed(
            Problem(
                .malformedJSON, "\(error.message) at column \(place.column)",
                place: Problem.Place(
                    offset: error.offset, line: place.line, column: place.column)))
    }

    private func end(_ failure: RunFailure) -> InputEnd {
        switch failure {
        case .limit(let limit):
            switch stopped(limit) {
            case .problem(let problem): .failed(problem)
            default: .cancelled
            }
        case .raised(let value, _): .failed(errorProblem(value, "The program raised"))
        case .halted(let status, let message):
            .failed(errorProblem(message ?? .null, "halt_error ended the program (\(status)) with"))
        case .broke: .failed(Problem(.internalError, "A break left the program."))
        }
    }
}
