// Content of a request -> output bytes or a problem. One executor belongs to one thread: it owns
// the runner, whose memory all its runs share, and the buffer that they write to.
//
//     content -> document -> envelope -> program (cached or compiled) -> outputs -> bytes

import HTTPKit
import NIOCore
import Transforms

/// Nanoseconds of a run's parts, for `Server-Timing`.
struct Timing: Sendable {
    var queue: UInt64 = 0
    var read: UInt64 = 0
    var run: UInt64 = 0
    var write: UInt64 = 0
}

/// How a run ended.
enum Outcome {
    /// The executor's output holds the content.
    case written
    case problem(Problem)
    /// This thread may not finish it: the program is not compiled, or a bound of the event loop's
    /// runs was met. It is to run on a worker from the start; programs have no effects.
    case unfinished
    /// Nobody waits for it.
    case cancelled
}

/// What bounds a run besides its executor's limits.
struct RunBounds {
    var deadlineNanoseconds: UInt64
    var stepsMax: Int?
    var cancel: CancelFlag?
}

@safe final class Executor {
    /// Program text; longer ones are refused.
    static let programBytesMax = 64 * 1024
    /// Outputs are counted up to here when there should be one.
    static let countedMax = 1_000
    /// JSON text of a raised value that is put into the answer.
    static let valueBytesMax = 64 * 1024
    /// Memory of the output that is kept between runs.
    private static let outputBytesKept = 256 * 1024

    private let runner: Runner
    private let cache: ProgramCache
    /// On the event loop nothing is compiled, and a bound that is met is not the program's fault.
    private let isTentative: Bool
    private let outputBytesMax: Int
    private(set) var output: OutputBuffer
    private(set) var form = OutputForm.one
    private(set) var timing = Timing()
    /// The envelope's program.
    private var programText: Document?

    init(
        limits: Transforms.Limits, outputBytesMax: Int, cache: ProgramCache, isTentative: Bool
    ) {
        runner = Runner(limits: limits)
        self.cache = cache
        self.isTentative = isTentative
        self.outputBytesMax = outputBytesMax
        output = OutputBuffer(bytesMax: outputBytesMax)
    }

    /// Appends the run's output.
    func copyOutput(to buffer: inout ByteBuffer) {
        // Safety: the bytes are copied while the closure runs.
        unsafe output.withUnsafeBytes { bytes in
            buffer.reserveCapacity(minimumWritableBytes: bytes.count)
            unsafe buffer.writeBytes(bytes)
        }
    }

    /// What a run stands on once the content is read.
    private struct Plan {
        var program: Program
        var input: Document
        var arguments: [Document]
    }

    /// Runs a request. Its output is valid until the next run.
    func execute(
        _ request: borrowing TransformRequest, content: UnsafeRawBufferPointer, _ bounds: RunBounds
    ) -> Outcome {
        timing = Timing()
        output.removeAll(retaining: Self.outputBytesKept)
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        let start = MonotonicClock.nanoseconds()
        let document: Document
        do throws(ReadFailure) { document = unsafe try runner.read(content) } catch {
            return unsafe readProblem(error, content)
        }
        let afterRead = MonotonicClock.nanoseconds()
        timing.read = afterRead &- start
        do throws(Problem) {
            guard let plan = try plan(request, document) else { return .unfinished }
            let outcome = try run(plan, request)
            timing.run = MonotonicClock.nanoseconds() &- afterRead &- timing.write
            return outcome
        } catch {
            return .problem(error)
        }
    }

    // MARK: What is to run

    private func plan(
        _ request: borrowing TransformRequest, _ document: Document
    ) throws(Problem) -> Plan? {
        var names: [String] = []
        var arguments: [Document] = []
        if let text = request.program {
            for argument in request.arguments {
                names.append(argument.name)
                arguments.append(try string(argument.value))
            }
            form = request.form ?? .one
            let bytes = Array(text.utf8)
            return unsafe try bytes.withUnsafeBytesTyped { (text) throws(Problem) in
                unsafe try finishPlan(text, document, names, arguments)
            }
        }
        let envelope = try Envelope(document)
        form = request.form == .lines ? .lines : envelope.form ?? request.form ?? .one
        guard let program = envelope.program else {
            throw Problem(
                .unknownTransform, "No transform `\(envelope.transform ?? "")` is loaded.")
        }
        programText = program
        if let given = envelope.arguments {
            guard given.count <= TransformRequest.argumentCountMax else {
                throw Problem(
                    .malformedEnvelope,
                    "More than \(TransformRequest.argumentCountMax) members of `args`.")
            }
            for index in 0..<given.count {
                names.append(given.memberName(at: index))
                arguments.append(given.member(at: index))
            }
        }
        let plan = unsafe program.withUTF8 { text in
            Result { () throws(Problem) in
                unsafe try finishPlan(text, envelope.input, names, arguments)
            }
        }
        return try plan?.get()
    }

    private func finishPlan(
        _ text: UnsafeRawBufferPointer, _ input: Document, _ names: [String],
        _ arguments: [Document]
    ) throws(Problem) -> Plan? {
        guard text.count <= Self.programBytesMax else {
            throw Problem(
                .programTooLong,
                "The program has \(text.count) bytes; \(Self.programBytesMax) are allowed.")
        }
        var names = names
        var arguments = arguments
        if unsafe mentionsArguments(text) {
            // In front, so that an argument named ARGS hides it, as in jq.
            arguments.insert(try argumentObject(names, arguments), at: 0)
            names.insert("ARGS", at: 0)
        }
        let hash = unsafe ProgramCache.hash(text, names)
        if let program = unsafe cache.find(hash, text, names) {
            return Plan(program: program, input: input, arguments: arguments)
        }
        if isTentative { return nil }
        let bytes = unsafe Array(text)
        do throws(CompileError) {
            let program = try Program.compile(bytes, argumentNames: names)
            cache.insert(hash, bytes, program)
            return Plan(program: program, input: input, arguments: arguments)
        } catch {
            throw compileProblem(error, bytes)
        }
    }

    /// Whether the text has `ARGS` in it.
    private func mentionsArguments(_ text: UnsafeRawBufferPointer) -> Bool {
        var window: UInt32 = 0
        for i in 0..<text.count {
            // Safety: `i` is below the count.
            window = window << 8 | UInt32(unsafe text[i])
            if window == 0x4152_4753 { return true }
        }
        return false
    }

    /// `{"positional": [], "named": {...}}`
    private func argumentObject(
        _ names: [String], _ arguments: [Document]
    ) throws(Problem) -> Document {
        do throws(RunFailure) {
            var members: [(name: String, value: Document)] = []
            for (name, argument) in zip(names, arguments) { members.append((name, argument)) }
            let named = try runner.object(members)
            return try runner.object([("positional", runner.emptyArray), ("named", named)])
        } catch {
            throw limitProblem(runner.limitMet)
        }
    }

    private func string(_ text: String) throws(Problem) -> Document {
        do throws(RunFailure) { return try runner.string(text) } catch {
            throw limitProblem(runner.limitMet)
        }
    }

    // MARK: The run

    private func run(
        _ plan: borrowing Plan, _ request: borrowing TransformRequest
    ) throws(Problem) -> Outcome {
        var count = 0
        do throws(RunFailure) {
            do throws(RunFailure) {
                if form == .array { try runner.write(UInt8(ascii: "["), to: &output) }
                try runner.evaluate(plan.program, plan.input, arguments: plan.arguments) {
                    (document) throws(RunFailure) in
                    count += 1
                    return try emit(document, count)
                }
            } catch {
                // `halt` ends the outputs; `halt_error` is an error.
                guard case .halted(status: 0, message: .none) = error else { throw error }
            }
            if form == .array { try runner.write(UInt8(ascii: "]"), to: &output) }
        } catch {
            return try failure(error, request)
        }
        if form == .one, count != 1 { throw Self.countProblem(count) }
        return .written
    }

    /// Writes an output; false when no more are wanted.
    private func emit(_ document: Document, _ count: Int) throws(RunFailure) -> Bool {
        if form == .one, count > 1 { return count < Self.countedMax }
        let start = MonotonicClock.nanoseconds()
        if form == .array, count > 1 { try runner.write(UInt8(ascii: ","), to: &output) }
        try runner.write(document, to: &output)
        if form == .lines { try runner.write(UInt8(ascii: "\n"), to: &output) }
        timing.write &+= MonotonicClock.nanoseconds() &- start
        return true
    }

    // MARK: Problems

    private func readProblem(_ error: ReadFailure, _ text: UnsafeRawBufferPointer) -> Outcome {
        if error.code == .limit { return stopped(runner.limitMet) }
        let place = unsafe TextPlace(offset: error.offset, in: text)
        return .problem(
            Problem(
                .malformedJSON, "\(error.message) at line \(place.line), column \(place.column)",
                place: Problem.Place(
                    offset: error.offset, line: place.line, column: place.column)))
    }

    private func stopped(_ limit: Limit) -> Outcome {
        switch limit {
        case .cancelled: .cancelled
        case .deadline: .problem(limitProblem(limit))
        default: isTentative ? .unfinished : .problem(limitProblem(limit))
        }
    }

    private func limitProblem(_ limit: Limit) -> Problem {
        switch limit {
        case .memory:
            Problem(
                .memoryLimit, "The run reached its \(runner.limits.memoryBytesMax >> 20) MiB.")
        case .output:
            Problem(.outputLimit, "The output reached its \(outputBytesMax >> 20) MiB.")
        case .depth:
            Problem(.depthLimit, "Calls or values nest more deeply than is allowed.")
        case .deadline, .cancelled, .steps:
            Problem(.deadlineExceeded, "The program was stopped at its deadline.")
        case .none: Problem(.internalError, "The run stopped for no known reason.")
        }
    }

    private func compileProblem(_ error: CompileError, _ text: [UInt8]) -> Problem {
        let place = Self.place(error.offset, text)
        return Problem(
            .compileError, "\(error.message) at line \(place.line), column \(place.column)",
            place: place)
    }

    private static func place(_ offset: Int, _ text: [UInt8]) -> Problem.Place {
        let place = ProgramLocation(offset: offset, in: text)
        return Problem.Place(
            offset: min(max(offset, 0), text.count), line: place.line, column: place.column,
            excerpt: place.excerpt)
    }

    static func countProblem(_ count: Int) -> Problem {
        let detail =
            switch count {
            case 0:
                "The program yielded no output. Give it a value to yield, as in `... // null`, or "
                    + "ask for outputs=array."
            case countedMax...:
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

    private func failure(
        _ failure: RunFailure, _ request: borrowing TransformRequest
    ) throws(Problem) -> Outcome {
        switch failure {
        case .limit(let limit): return stopped(limit)
        case .raised(let value, let offset):
            var problem = errorProblem(value, "The program raised")
            let text = request.program.map { Array($0.utf8) } ?? programText?.utf8 ?? []
            problem.place = Self.place(offset, text)
            throw problem
        case .halted(let status, let message):
            throw errorProblem(message ?? .null, "halt_error ended the program (\(status)) with")
        case .broke: throw Problem(.internalError, "A break left the program.")
        }
    }

    /// The raised value as `value`; a string is the detail itself.
    private func errorProblem(_ raised: Document, _ verb: String) -> Problem {
        let text = jsonText(raised)
        let shown = text.map { String(decoding: $0.prefix(200), as: UTF8.self) }
        var problem = Problem(
            .programError, raised.string ?? "\(verb) \(shown ?? "a value too large to show")")
        problem.value = text
        return problem
    }

    private func jsonText(_ document: Document) -> [UInt8]? {
        var buffer = OutputBuffer(bytesMax: Self.valueBytesMax)
        do throws(RunFailure) { try runner.write(document, to: &buffer) } catch { return nil }
        // Safety: the bytes are copied while the closure runs.
        return unsafe buffer.withUnsafeBytes { unsafe Array($0) }
    }
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` for bodies that throw one type.
    fileprivate func withUnsafeBytesTyped<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result = unsafe withUnsafeBytes { bytes in
            Swift.Result { () throws(Failure) in unsafe try body(bytes) }
        }
        return try result.get()
    }
}
