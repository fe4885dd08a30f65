// A failure of a run -> the problem to answer, with its location in the content or the program.

import HTTPKit
import Transforms

extension Executor {
    /// - Parameter isLine: the text is one line of several; the reader of the problem knows which.
    func readFailure(
        _ error: ReadFailure, _ text: UnsafeRawBufferPointer, isLine: Bool = false
    ) -> Outcome {
        if error.code == .limit { return stopped(runner.limitMet) }
        let location = unsafe TextLocation(offset: error.offset, in: text)
        let line = isLine ? "" : "line \(location.line), "
        return .problem(
            Problem(
                .malformedJSON, "\(error.message) at \(line)column \(location.column)",
                location: Problem.Location(
                    offset: error.offset, line: location.line, column: location.column)))
    }

    func stopped(_ limit: Limit) -> Outcome {
        switch limit {
        case .cancelled: .cancelled
        case .deadline: .problem(limitProblem(limit))
        default: isTentative ? .unfinished : .problem(limitProblem(limit))
        }
    }

    func limitProblem(_ limit: Limit) -> Problem {
        switch limit {
        case .memory:
            Problem(
                .memoryLimit, "The run reached its \(runner.memoryBytesMax >> 20) MiB.",
                limit: runner.memoryBytesMax)
        case .sharedMemory: Problem.noMemory
        case .output:
            Problem(
                .outputLimit, "The output reached its \(outputBytesMax >> 20) MiB.",
                limit: outputBytesMax)
        case .depth:
            Problem(.depthLimit, "Calls or values nest more deeply than is allowed.")
        case .deadline, .cancelled, .steps:
            Problem(.deadlineExceeded, "The program was stopped at its deadline.")
        case .none: Problem(.internalError, "The run stopped for no known reason.")
        }
    }

    /// - Parameter location: where the program raised.
    func failure(_ failure: RunFailure, _ location: Problem.Location? = nil) -> Outcome {
        switch failure {
        case .limit(let limit): return stopped(limit)
        case .raised(let value, _):
            var problem = errorProblem(value, "The program raised")
            problem.location = location
            return .problem(problem)
        case .halted(let status, let message):
            return .problem(
                errorProblem(message ?? .null, "halt_error ended the program (\(status)) with"))
        case .broke: return .problem(Problem(.internalError, "A break left the program."))
        }
    }

    func location(
        _ offset: Int, _ program: Program, _ request: borrowing TransformRequest
    ) -> Problem.Location? {
        if let transform { return transform.location(of: offset) }
        guard let own = program.moduleOffset(of: offset) else { return nil }
        let text = request.program == nil ? programText?.utf8 ?? [] : request.query.programBytes
        return Problem.Location(offset: own.offset, in: text)
    }

    /// The error value as `value`; a string becomes the detail itself.
    func errorProblem(_ raised: Document, _ verb: String) -> Problem {
        let text = jsonText(raised)
        let shown = text.map { String(decoding: $0.prefix(200), as: UTF8.self) }
        var problem = Problem(
            .programError, raised.string ?? "\(verb) \(shown ?? "a value too large to show")")
        problem.value = text
        return problem
    }

    private func jsonText(_ document: Document) -> [UInt8]? {
        var buffer = OutputBuffer(bytesMax: Self.valueBytesMax)
        do throws(RunFailure) { try runner.write(document, .strict, to: &buffer) } catch {
            return nil
        }
        // Safety: the bytes are copied while the closure runs.
        return unsafe buffer.withUnsafeBytes { unsafe Array($0) }
    }
}
