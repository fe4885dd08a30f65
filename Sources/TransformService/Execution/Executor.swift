// Content of a request -> output bytes or a problem. Each thread has one executor, which owns the
// runner, whose memory all its runs share, and the output buffer.
//
//     content -> document -> envelope -> program (cached or compiled) -> outputs -> bytes

import Glibc
import HTTPKit
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

/// Durations of a run's phases in nanoseconds, for `Server-Timing`.
struct Timing: Sendable {
    var read: UInt64 = 0
    /// 0 for a program that was already compiled.
    var compile: UInt64 = 0
    var run: UInt64 = 0
    var write: UInt64 = 0
}

/// How a run ended.
enum Outcome {
    /// The executor's output contains the content.
    case written
    case problem(Problem)
    /// This thread may not finish it: the program is not compiled, or a bound of runs on event
    /// loops was reached. It must run on a worker from the start, which is possible as programs
    /// have no effects.
    case unfinished
    /// The result is no longer needed.
    case cancelled
}

/// The bounds of a run, in addition to its executor's limits.
struct RunBounds {
    var deadlineNanoseconds: UInt64
    var stepsMax: Int?
    var cancel: CancelFlag?
    var note: RunNote?
    /// On an event loop: a program with a higher predicted cost is left to a worker.
    var costNanosecondsMax: UInt64 = .max
    /// On an event loop: whether to try a program without a known run.
    var triesUnknown = true
    /// The current time, if the caller has just read the clock.
    var startNanoseconds: UInt64?
}

/// What other threads may know about a run in progress.
final class RunNote: Sendable {
    /// Of its program; 0 until that is known.
    let digest = Atomic<UInt64>(0)
}

@safe final class Executor {
    /// Bound on the JSON text of an error value in a response.
    static let valueBytesMax = 64 * 1024
    /// Memory of the output buffer that is retained between runs.
    static let outputBytesKept = 256 * 1024

    let runner: Runner
    let cache: ProgramCache
    /// On an event loop: nothing is compiled, and reaching a bound is not the program's fault.
    let isTentative: Bool
    /// The costs of programs; used on event loops.
    let costs: CostTable?
    let outputBytesMax: Int
    let slot = CrashSlot()
    /// Bound on program text; longer ones are refused.
    private let programTextBytesMax: Int
    var output: OutputBuffer
    private(set) var choice = OutputChoice.one
    /// The named transform of the current or last run.
    private(set) var transform: NamedTransform?
    var timing = Timing()
    /// The key for learning the last run's cost; nil if no program was found in the request.
    private(set) var programKey: Int?
    /// The known cost of a program for content of one size, and until when it is used.
    var recentCost = (key: 0, byteCount: -1, nanoseconds: UInt64(0), until: UInt64(0))
    var startNanoseconds: UInt64 = 0
    /// The peak memory of the last run.
    private var memoryBytesPeak = 0
    /// When the last run ended.
    private(set) var endNanoseconds: UInt64 = 0
    /// When the writing of the last output began; 0 before.
    private var lastWriteNanoseconds: UInt64 = 0
    /// Of the current run's bounds, and the size of its content.
    private(set) var costNanosecondsMax: UInt64 = .max
    private(set) var triesUnknown = true
    private(set) var contentByteCount = 0
    private let servesInlinePrograms: Bool
    /// The program's text in the envelope of the current run.
    private(set) var programText: Document?
    let hits: HitCounter
    /// The most recent program of a query.
    var recent: Recent?
    /// Of the program of the last run; 0 if it reached none.
    var digest: UInt64 = 0
    var note: RunNote?

    init(
        limits: Transforms.Limits, outputBytesMax: Int, cache: ProgramCache, isTentative: Bool,
        servesInlinePrograms: Bool = true,
        programTextBytesMax: Int = TransformQuery.programBytesMax,
        costs: CostTable? = nil, memory: (any MemorySource)? = nil
    ) {
        self.programTextBytesMax = programTextBytesMax
        self.servesInlinePrograms = servesInlinePrograms
        runner = Runner(limits: limits)
        runner.memorySource = memory
        self.cache = cache
        hits = cache.makeCounter()
        self.costs = costs
        self.isTentative = isTentative
        self.outputBytesMax = outputBytesMax
        output = OutputBuffer(bytesMax: outputBytesMax)
    }

    /// Ends the run and takes its output.
    /// - Returns: the output and the count of its memory; nil if there is no room for it.
    func takeOutput(_ memory: MemoryAccount) -> (content: ByteBuffer, hold: MemoryHold)? {
        // The documents are released before the copy, so that a run never exceeds its bounds.
        runner.releaseDocuments()
        guard let hold = MemoryHold(memory, output.count, .answers) else {
            end()
            return nil
        }
        var buffer = ByteBuffer()
        // Safety: the bytes are copied while the closure runs.
        unsafe output.withUnsafeBytes { bytes in
            buffer.reserveCapacity(minimumWritableBytes: bytes.count)
            unsafe buffer.writeBytes(bytes)
        }
        end()
        return (buffer, hold)
    }

    /// Ends the run, whose output is no longer needed, and releases its memory except the part that
    /// its thread always retains.
    func end() {
        output.removeAll(retaining: Self.outputBytesKept)
        runner.end()
    }

    /// The measures of the last run.
    /// - Parameter queued: its time in the queue; 0 if it was not queued.
    func measures(queued: UInt64) -> Measures {
        var measures = Measures()
        measures.waitNanoseconds = queued == 0 ? nil : queued
        measures.workNanoseconds = timing.read &+ timing.run &+ timing.write
        measures.memoryBytes = memoryBytesPeak
        measures.tag = digest
        return measures
    }

    /// Everything needed for a run, once the content is read.
    struct Plan {
        var program: Program
        var input: Document
        var arguments: [Document]
    }

    /// Runs a request. Its output is valid until the next run.
    func execute(
        _ request: borrowing TransformRequest, content: UnsafeRawBufferPointer, _ bounds: RunBounds
    ) -> Outcome {
        timing = Timing()
        transform = nil
        programText = nil
        digest = 0
        note = bounds.note
        slot.begin(request.requestID)
        defer { slot.end() }
        programKey = nil
        costNanosecondsMax = bounds.costNanosecondsMax
        triesUnknown = bounds.triesUnknown
        contentByteCount = content.count
        lastWriteNanoseconds = 0
        output.removeAll(retaining: Self.outputBytesKept)
        runner.begin(
            deadlineNanoseconds: bounds.deadlineNanoseconds, stepsMax: bounds.stepsMax,
            cancel: bounds.cancel)
        let start = bounds.startNanoseconds ?? MonotonicClock.nanoseconds()
        startNanoseconds = start
        let recent = findRecent(request, now: start)
        if !mayRunUnread(request, recent) { return .unfinished }
        let document: Document
        do throws(ReadFailure) {
            if let recent {
                document = unsafe try runner.read(content, for: recent.program)
            } else {
                document = unsafe try runner.read(content, for: request.transform?.program)
            }
        } catch {
            endNanoseconds = MonotonicClock.nanoseconds()
            memoryBytesPeak = runner.memoryBytesPeak
            timing.read = endNanoseconds &- start
            return unsafe readFailure(error, content)
        }
        let afterRead = MonotonicClock.nanoseconds()
        timing.read = afterRead &- start
        let outcome: Outcome
        do throws(Problem) {
            if let recent, recent.isBare {
                outcome = try run(recent, document, request)
            } else {
                guard let plan = try plan(request, document, recent) else { return .unfinished }
                outcome = try run(plan.program, plan.input, plan.arguments, request)
            }
        } catch {
            outcome = .problem(error)
        }
        endNanoseconds = MonotonicClock.nanoseconds()
        memoryBytesPeak = runner.memoryBytesPeak
        if lastWriteNanoseconds > 0 {
            timing.write &+= endNanoseconds &- lastWriteNanoseconds
        }
        timing.run = endNanoseconds &- afterRead &- timing.compile &- timing.write
        return outcome
    }

    // MARK: The plan

    /// Whether this thread should read the content; not if it is known not to run the program.
    private func mayRunUnread(
        _ request: borrowing TransformRequest, _ recent: Recent?
    ) -> Bool {
        if let transform = request.transform {
            programKey = CostKey.of(transform)
        } else if let recent, recent.isBare {
            programKey = recent.hash
        }
        return programKey.map(mayRun) ?? true
    }

    private func plan(
        _ request: borrowing TransformRequest, _ document: Document, _ recent: Recent?
    ) throws(Problem) -> Plan? {
        if let transform = request.transform {
            return try plan(transform, request, request.form, document) {
                names, documents throws(Problem) in
                for argument in request.arguments {
                    names.append(argument.name)
                    documents.append(try string(argument.value))
                }
            }
        }
        var names: [String] = []
        var arguments: [Document] = []
        if request.program != nil {
            choice = OutputChoice(request.acceptance, asked: request.form, usual: .one)
            for argument in request.arguments {
                names.append(argument.name)
                arguments.append(try string(argument.value))
            }
            let query = request.query
            return unsafe try query.programBytes.withUnsafeBytesTyped { (text) throws(Problem) in
                unsafe try finishPlan(
                    text, query.programKey, document, names, arguments, recent)
            }
        }
        let envelope = try Envelope(document)
        let asked = envelope.form ?? request.form
        if let name = envelope.transform {
            guard let transform = request.head.transforms[name] else {
                throw TransformRequest.unknown(name)
            }
            return try plan(transform, request, asked, envelope.input) {
                names, documents throws(Problem) in
                try envelope.readArguments(&names, &documents)
                for name in names { try transform.check(argument: name) }
            }
        }
        guard let program = envelope.program else { return nil }
        choice = OutputChoice(request.acceptance, asked: asked, usual: .one)
        programText = program
        try envelope.readArguments(&names, &arguments)
        let plan = unsafe program.withUTF8 { text in
            Result { () throws(Problem) in
                let key = unsafe ProgramKey.of(text, [])
                return unsafe try finishPlan(text, key, envelope.input, names, arguments, nil)
            }
        }
        return try plan?.get()
    }

    /// - Parameter key: `ProgramKey` of the text without names.
    private func finishPlan(
        _ text: UnsafeRawBufferPointer, _ key: Int, _ input: Document, _ names: [String],
        _ arguments: [Document], _ recent: Recent?
    ) throws(Problem) -> Plan? {
        try checkProgram(byteCount: text.count)
        programKey = key
        if !mayRun(key) { return nil }
        let allNames = unsafe ArgumentsObject.names(names, in: text)
        var arguments = arguments
        if allNames.count > names.count {
            arguments.insert(try argumentObject(names, arguments), at: 0)
        }
        let hash = unsafe allNames.isEmpty ? key : ProgramKey.of(text, allNames)
        guard let program = unsafe try program(text, hash, allNames, recent) else { return nil }
        return Plan(program: program, input: input, arguments: arguments)
    }

    /// Checks that a request's own program is allowed, and not too long.
    func checkProgram(byteCount: Int) throws(Problem) {
        guard servesInlinePrograms else {
            throw Problem(
                .inlineProgramRefused,
                "This service runs loaded transforms only; GET /transforms lists them.")
        }
        guard byteCount <= programTextBytesMax else {
            throw Problem(
                .programTooLong,
                "The program has \(byteCount) bytes; \(programTextBytesMax) are allowed.")
        }
    }

    /// The plan of a named transform: its own bounds, and the arguments that `read` appends, which
    /// replace their defaults. One that the program does not declare is visible in `$ARGS` only.
    private func plan(
        _ transform: NamedTransform, _ request: borrowing TransformRequest, _ asked: OutputForm?,
        _ input: Document,
        _ read: (inout [String], inout [Document]) throws(Problem) -> Void
    ) throws(Problem) -> Plan? {
        self.transform = transform
        let key = CostKey.of(transform)
        programKey = key
        if !mayRun(key) { return nil }
        let metadata = transform.metadata
        choice = OutputChoice(request.acceptance, asked: asked, usual: metadata.outputs)
        runner.tighten(
            deadlineNanoseconds: request.firstByteNanoseconds
                &+ (metadata.timeoutNanoseconds ?? .max / 2),
            memoryBytesMax: metadata.memoryBytesMax ?? .max)
        var names: [String] = []
        var documents: [Document] = []
        try read(&names, &documents)
        // The arguments in the order of the program's slots.
        var ordered: [Document] = []
        if let fallbacks = transform.fallbacks {
            do throws(ReadFailure) {
                // Safety: the executor retains the transform, and so the text, until the next run.
                let object = unsafe try runner.read(fallbacks.bytes)
                for index in 0..<object.count {
                    let name = object.memberName(at: index)
                    if let given = names.lastIndex(of: name) {
                        ordered.append(documents[given])
                    } else {
                        ordered.append(object.member(at: index))
                        names.append(name)
                        documents.append(object.member(at: index))
                    }
                }
            } catch {
                throw limitProblem(runner.limitMet)
            }
        }
        if transform.program.argumentNames.first == ArgumentsObject.name {
            ordered.insert(try argumentObject(names, documents), at: 0)
        }
        noteProgram(transform.program)
        return Plan(program: transform.program, input: input, arguments: ordered)
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

    /// Runs the most recent program, which has no arguments.
    private func run(
        _ recent: Recent, _ input: Document, _ request: borrowing TransformRequest
    ) throws(Problem) -> Outcome {
        choice = OutputChoice(request.acceptance, asked: request.form, usual: .one)
        try checkProgram(byteCount: recent.query.programBytes.count)
        hits.add()
        noteProgram(recent.program)
        return try run(recent.program, input, [], request)
    }

    private func run(
        _ program: Program, _ input: Document, _ arguments: [Document],
        _ request: borrowing TransformRequest
    ) throws(Problem) -> Outcome {
        var framer = OutputFramer(choice)
        do throws(RunFailure) {
            try evaluate(program, input, arguments, &framer, isTimed: true)
        } catch {
            var location: Problem.Location?
            if case .raised(_, let offset) = error {
                location = self.location(offset, program, request)
            }
            return failure(error, location)
        }
        return framer.isRight ? .written : .problem(framer.problem)
    }

    /// Runs a program and appends its outputs.
    /// - Parameter isTimed: whether to measure the time of writing in `timing`.
    func evaluate(
        _ program: Program, _ input: Document, _ arguments: [Document],
        _ framer: inout OutputFramer, isTimed: Bool
    ) throws(RunFailure) {
        // No program code runs after a single output, so the time from there to the end is writing.
        let isLast = program.hasOneOutput
        try framer.begin(runner, &output)
        do throws(RunFailure) {
            try runner.evaluate(program, input, arguments: arguments) {
                (document) throws(RunFailure) in
                if !isTimed { return try framer.add(document, runner, &output) }
                let start = MonotonicClock.nanoseconds()
                if isLast { lastWriteNanoseconds = start }
                let isWanted = try framer.add(document, runner, &output)
                if !isLast { timing.write &+= MonotonicClock.nanoseconds() &- start }
                return isWanted
            }
        } catch {
            // `halt` ends the outputs; `halt_error` is an error.
            guard case .halted(status: 0, message: .none) = error else { throw error }
        }
        try framer.end(runner, &output)
    }
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` for closures with typed throws.
    func withUnsafeBytesTyped<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result = unsafe withUnsafeBytes { bytes in
            Swift.Result { () throws(Failure) in unsafe try body(bytes) }
        }
        return try result.get()
    }
}
