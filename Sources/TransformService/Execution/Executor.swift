// Content of a request -> output bytes or a problem. Each thread has one executor, which owns the
// runner, whose memory all its runs share, and the output buffer.
//
//     content -> document -> plan: program, input, arguments -> outputs -> bytes
//
// ProgramResolver finds or compiles the program, Executor+Plan its input and arguments;
// Executor+Inputs runs the inputs of a batch.

import HTTPKit
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

@safe final class Executor {
    /// Bound on the JSON text of an error value in a response.
    static let valueBytesMax = 64 * 1024
    /// Memory of the output buffer that is retained between runs.
    static let outputBytesKept = 256 * 1024
    /// Stack of its thread beyond the bound of a run: for functions called at the greatest depth.
    static var stackReserveBytes: Int { 8 << 20 }
    /// Of its thread: event loops, and clients on the same machine, have priority over programs.
    /// With 50 endless programs on 2 cores a Python client waited 140-190 ms for /livez instead of
    /// 540-760.
    static var niceness: Int32 { 5 }

    let runner: Runner
    let resolver: ProgramResolver
    /// On an event loop: nothing is compiled, and reaching a bound is not the program's fault.
    let isTentative: Bool
    /// On an event loop: judges which programs to leave to a worker.
    private let loopCosts: LoopCosts?
    let outputBytesMax: Int
    let slot = CrashSlot()
    var output: OutputBuffer

    // MARK: The current or last run

    var choice = OutputChoice.one
    /// The named transform.
    var transform: NamedTransform?
    /// The program's text in the envelope.
    var programText: Document?
    /// The key for learning its cost; nil if no program was found in the request.
    var programKey: Int?
    /// Of its program; 0 if it reached none.
    private var digest: UInt64 = 0
    private var note: RunNote?
    /// Of its bounds, and the size of its content.
    private var costNanosecondsMax: UInt64 = .max
    private var triesUnknown = true
    private var contentByteCount = 0
    var timing = Timing()
    private var startNanoseconds: UInt64 = 0
    /// When the writing of the last output began; 0 before.
    private var lastWriteNanoseconds: UInt64 = 0
    /// When it ended.
    private(set) var endNanoseconds: UInt64 = 0
    private var memoryBytesPeak = 0

    init(
        limits: RunLimits, outputBytesMax: Int, cache: ProgramCache, isTentative: Bool,
        servesInlinePrograms: Bool = true,
        programTextBytesMax: Int = TransformQuery.programBytesMax,
        costs: CostTable? = nil, memory: (any MemorySource)? = nil
    ) {
        runner = Runner(limits: limits)
        runner.memorySource = memory
        resolver = ProgramResolver(
            cache: cache, compiles: !isTentative, servesInlinePrograms: servesInlinePrograms,
            textBytesMax: programTextBytesMax)
        self.isTentative = isTentative
        loopCosts = isTentative ? costs.map { LoopCosts($0) } : nil
        self.outputBytesMax = outputBytesMax
        output = OutputBuffer(bytesMax: outputBytesMax)
    }

    // MARK: A request

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
        let recent = resolver.findRecent(request, now: start)
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
                outcome = run(plan.program, plan.input, plan.arguments, request)
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

    // MARK: The program

    /// Whether this thread should run the program, judging by its learned cost.
    func mayRun(_ key: Int) -> Bool {
        guard let loopCosts else { return true }
        return loopCosts.mayRun(
            key, byteCount: contentByteCount, nanosecondsMax: costNanosecondsMax,
            triesUnknown: triesUnknown, now: startNanoseconds)
    }

    /// Makes the next run look up the program's cost anew.
    func forgetCost() { loopCosts?.forget() }

    func noteProgram(_ program: Program) {
        digest = program.digest
        slot.note(digest: digest)
        note?.digest.store(digest, ordering: .relaxed)
    }

    // MARK: The outputs

    /// Runs the most recent program, which has no arguments: a plan would count a reference to it.
    private func run(
        _ recent: ProgramResolver.Recent, _ input: Document, _ request: borrowing TransformRequest
    ) throws(Problem) -> Outcome {
        choice = OutputChoice(request.acceptance, requested: request.form, defaultChoice: .one)
        try resolver.use(recent)
        noteProgram(recent.program)
        return run(recent.program, input, [], request)
    }

    private func run(
        _ program: Program, _ input: Document, _ arguments: [Document],
        _ request: borrowing TransformRequest
    ) -> Outcome {
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
        return framer.outcome
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
