// One input of a batch -> its outputs, after those of earlier inputs, or a problem. All inputs of a
// batch share a compiled program and the values of its arguments.

import HTTPKit
import Transforms

extension Executor {
    /// The plan of a program's text and arguments that are strings.
    /// - Parameter defaults: of further arguments.
    func inputPlan(
        _ text: String, _ arguments: [QueryParameter],
        defaults: [TransformMetadata.Argument] = []
    ) throws(Problem) -> InputPlan {
        let bytes = Array(text.utf8)
        try resolver.check(byteCount: bytes.count)
        let values = try values(arguments, defaults: defaults)
        let given = arguments.map(\.name)
        let all = given + defaults.map(\.name).filter { !given.contains($0) }
        // Safety: the bytes live while the closure runs.
        return unsafe try bytes.withUnsafeBytesTyped { (text) throws(Problem) in
            let names = unsafe ArgumentsObject.names(all, in: text)
            let hash = unsafe ProgramKey.of(text, names)
            let program = unsafe try resolver.program(text, hash, names, nil, &timing.compile)
            guard let program else {
                throw Problem(.internalError, "The program was not compiled.")
            }
            noteProgram(program)
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

    /// The plan of its combining program, which has the same arguments and bounds.
    func combiningPlan(
        _ transform: NamedTransform, _ arguments: [QueryParameter]
    ) throws(Problem) -> InputPlan {
        guard let program = transform.combiningProgram else {
            throw Problem(.internalError, "The transform has no combining program.")
        }
        var plan = try inputPlan(transform, arguments)
        plan.program = program
        return plan
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
                try values.bind(argument.name, json: argument.defaultJSON)
            }
            try values.finish()
        } catch {
            throw Problem(.memoryLimit, "The arguments need more memory than allowed.")
        }
        return values
    }

    /// Discards the outputs of earlier inputs, and names the batch for a crash report.
    func beginInputs(_ plan: InputPlan, requestID: RequestName) {
        slot.begin(requestID)
        slot.note(digest: plan.program.digest)
        output.removeAll(retaining: Self.outputBytesKept)
        runner.adopt(plan.arguments)
    }

    /// Ends the inputs, whose outputs have been taken.
    func endInputs() {
        slot.end()
        end()
    }

    /// The error in a JSON text; nil for none.
    func readProblem(of text: UnsafeRawBufferPointer, _ bounds: RunBounds) -> Problem? {
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        do throws(ReadFailure) { _ = unsafe try runner.read(text) } catch {
            if case .problem(let problem) = unsafe readFailure(error, text) { return problem }
        }
        return nil
    }

    /// Appends a text in place of an input's outputs; returns false if there is no room for it.
    func append(_ text: [UInt8], terminator: UInt8) -> Bool {
        let before = output.count
        do throws(RunFailure) {
            unsafe try text.withUnsafeBytesTyped { (bytes) throws(RunFailure) in
                unsafe try runner.write(bytes, to: &output)
            }
            try runner.write(terminator, to: &output)
            return true
        } catch {
            output.truncate(to: before)
            return false
        }
    }

    /// Runs one input and appends its outputs, each or all in one array followed by `terminator`;
    /// none of them if it failed.
    /// - Parameter readableAfter: bytes of the same memory after the text (see `Runner.read`).
    func process(
        _ text: UnsafeRawBufferPointer, readableAfter: Int, _ plan: InputPlan,
        _ documents: [Document], _ choice: OutputChoice, terminator: UInt8, _ bounds: RunBounds
    ) -> Outcome {
        let before = output.count
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        if plan.memoryBytesMax != .max {
            runner.tighten(
                deadlineNanoseconds: bounds.deadlineNanoseconds,
                memoryBytesMax: plan.memoryBytesMax)
        }
        var framer = OutputFramer(choice, terminator: terminator)
        let outcome = unsafe run(text, readableAfter, plan, documents, &framer)
        if case .written = outcome { return outcome }
        output.truncate(to: before)
        return outcome
    }

    private func run(
        _ text: UnsafeRawBufferPointer, _ readableAfter: Int, _ plan: InputPlan,
        _ documents: [Document], _ framer: inout OutputFramer
    ) -> Outcome {
        let input: Document
        do throws(ReadFailure) {
            // A mark before the first line is no part of it.
            input = unsafe try runner.read(
                text, for: plan.program, readableAfter: readableAfter, skipsMark: false)
        } catch {
            return unsafe readFailure(error, text, isLine: true)
        }
        do throws(RunFailure) {
            try evaluate(plan.program, input, documents, &framer, isTimed: false)
        } catch {
            return failure(error)
        }
        return framer.outcome
    }
}
