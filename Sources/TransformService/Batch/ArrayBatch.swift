// A body that is an array, `?each` -> an array of its elements' outputs, or lines of them, or text:
//
//     content (read whole) -> splitter, in slices -> parts -> workers -> outputs -> one answer
//
// The answer is sent when all is known, so a failure has an answer of its own. When an element
// fails, the array is read once more as a whole: if it is malformed, that is the answer.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Its variables belong to the exchange's event loop, which is why it is `Sendable`.
final class ArrayBatch: BodyReceiver, PartReceiver, @unchecked Sendable {
    let eventLoop: EventLoop
    private let exchange: Exchange
    private let work: BatchWork
    private let settings: BatchSettings
    private let outputBytesMax: Int
    /// Counts the content and the outputs.
    private let hold: MemoryHold
    private let end: @Sendable () -> Void
    private var plan: InputPlan?
    private var inflation: Inflation?
    private var content = ByteBuffer()
    private var isContentEnded = false
    private var splitter = ElementSplitter(partBytes: BatchSettings.partBytes)
    private var isSplitting = false
    private var parts: [BatchPart] = []
    private var partCount = 0
    private var outputs: CodedContent
    private var isOver = false
    /// An element failed, and the array is read.
    private var isChecking = false
    private var timer: LoopTimer?

    /// - Parameter end: called once.
    init(
        _ exchange: Exchange, _ settings: BatchSettings, _ coding: ContentCoding?,
        _ queue: any SliceQueue, _ hold: MemoryHold, outputBytesMax: Int,
        end: @escaping @Sendable () -> Void
    ) {
        self.exchange = exchange
        self.settings = settings
        self.outputBytesMax = outputBytesMax
        self.hold = hold
        self.end = end
        eventLoop = exchange.eventLoop
        let work = BatchWork(settings, queue)
        self.work = work
        inflation = coding.map { Inflation($0, work, exchange.eventLoop) }
        outputs = CodedContent(settings.answerCoding)
        if settings.terminator == UInt8(ascii: ",") { outputs.append(UInt8(ascii: "[")) }
    }

    /// Begins to run what comes in.
    func start(_ program: BatchProgram, _ arguments: [QueryParameter]) {
        timer = eventLoop.schedule(atNanoseconds: settings.deadlineNanoseconds) {
            self.deadlinePassed()
        }
        exchange.onCancel { self.close() }
        let slice = PlanSlice(program, arguments, work, eventLoop) { self.planned($0) }
        work.queue.submit(slice, of: work.owner, isNext: false)
    }

    private func deadlinePassed() {
        fail(Problem(.deadlineExceeded, "The deadline has passed."))
    }

    private func planned(_ result: Result<InputPlan, Problem>) {
        guard !isOver else { return }
        switch result {
        case .success(let plan):
            self.plan = plan
            advance()
        case .failure(let problem): fail(problem)
        }
    }

    // MARK: Content in

    func receive(_ piece: ByteBuffer, _ exchange: Exchange) {
        guard !isOver else { return }
        guard let inflation else { return collect(piece) }
        inflation.add(piece)
        inflate(inflation)
    }

    private func collect(_ piece: ByteBuffer) {
        let byteCount = content.readableBytes + piece.readableBytes
        guard byteCount <= hold.byteCount || hold.resize(to: byteCount) else {
            return fail(Problem.noMemory)
        }
        content.writeImmutableBuffer(piece)
    }

    func finish(_ exchange: Exchange) {
        guard !isOver else { return }
        if let inflation {
            inflation.end()
            inflate(inflation)
        } else {
            isContentEnded = true
            advance()
        }
    }

    private func inflate(_ inflation: Inflation) {
        inflation.advance { self.inflated($0, inflation) }
        if inflation.isFull { exchange.pauseContent() } else { exchange.resumeContent() }
    }

    private func inflated(_ result: Inflation.Result, _ inflation: Inflation) {
        guard !isOver else { return }
        switch result {
        case .content(let piece), .end(let piece):
            guard content.readableBytes + piece.readableBytes <= settings.lineBytesMax else {
                return fail(Problem.inflatedTooLong(settings.lineBytesMax))
            }
            collect(piece)
            if isOver { return }
        case .failed(let problem): return fail(problem)
        }
        if case .end = result {
            isContentEnded = true
            advance()
        } else {
            inflate(inflation)
        }
    }

    // MARK: Parts

    private func advance() {
        guard let plan, isContentEnded, !isChecking else { return }
        collect()
        guard !isOver, !isChecking else { return }
        if splitter.state == .malformed { return check(nil) }
        if splitter.state != .ended, !isSplitting, parts.count < settings.partCountMax { split() }
        var runningCount = parts.count { $0.isSubmitted }
        for part in parts where !part.isSubmitted && part.end == nil && !part.hasOutput {
            if runningCount >= settings.runningCountMax { break }
            part.submit(plan)
            runningCount += 1
        }
        if parts.isEmpty, splitter.state == .ended, !isSplitting { answer() }
    }

    private func split() {
        isSplitting = true
        let slice = SplitSlice(splitter, content, work, eventLoop) { splitter, parts in
            guard !self.isOver else { return }
            self.isSplitting = false
            self.splitter = splitter
            for part in parts {
                self.parts.append(
                    BatchPart(part, of: self.content, index: self.partCount, self.work, self))
                self.partCount += 1
            }
            self.advance()
        }
        work.queue.submit(slice, of: work.owner, isNext: true)
    }

    func stopped(_ part: BatchPart) {
        guard !isOver else { return }
        // A line that met it fails because of it: whoever is first here, the answer is the same.
        if MonotonicClock.nanoseconds() >= settings.deadlineNanoseconds { return deadlinePassed() }
        if case .failed? = part.end { work.limit(to: part.index) }
        advance()
    }

    /// Takes the outputs of the parts in front.
    private func collect() {
        while let part = parts.first, !part.isSubmitted {
            if case .failed(let problem)? = part.end { return check(problem) }
            let isComplete = if case .complete? = part.end { true } else { false }
            guard isComplete || part.hasOutput else { return }
            append(part.takeOutput())
            hold.recount(content.readableBytes + outputs.bytes.readableBytes)
            if outputs.byteCount > outputBytesMax {
                return fail(
                    Problem(.outputLimit, "The output reached its \(outputBytesMax >> 20) MiB."))
            }
            if !isComplete { return }
            parts.removeFirst()
        }
    }

    private func append(_ piece: CodedContent) {
        guard piece.byteCount > 0 else { return }
        let isFirst = outputs.byteCount <= 1
        if settings.terminator == UInt8(ascii: ","), !isFirst { outputs.append(UInt8(ascii: ",")) }
        outputs.append(piece)
    }

    // MARK: The end

    /// Reads the array as a whole: if it is malformed, that goes before what an element did.
    private func check(_ problem: Problem?) {
        guard !isChecking else { return }
        isChecking = true
        let slice = CheckSlice(content, work, eventLoop) { found in
            self.fail(
                found ?? problem
                    ?? Problem(.malformedRequest, "`each` needs content that is an array."))
        }
        work.queue.submit(slice, of: work.owner, isNext: true)
    }

    private func answer() {
        if settings.terminator == UInt8(ascii: ",") { outputs.append(UInt8(ascii: "]")) }
        exchange.respond(settings.answer(outputs.takeWhole()))
        close()
    }

    private func fail(_ problem: Problem) {
        guard !isOver else { return }
        exchange.respond(settings.response(of: problem))
        close()
    }

    private func close() {
        guard !isOver else { return }
        isOver = true
        work.cancel.cancel()
        work.queue.withdrawSlices(of: work.owner)
        timer?.cancel()
        timer = nil
        parts = []
        content = ByteBuffer()
        hold.recount(0)
        end()
    }
}
