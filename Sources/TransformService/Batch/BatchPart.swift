// A part of a batch's inputs -> their outputs, in slices on any worker:
//
//     loop     submit .............................. stopped: send outputs; more inputs? submit
//     worker          slice, slice, ... slice
//
// A part stops when all its inputs have run, when one has failed, or when it holds many outputs.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// `Sendable`, as its variables belong to the loop and, from its submission until it stops, to the
/// one worker that runs it; the locks of the queue and of the loop synchronize the two.
final class BatchPart: Slice, @unchecked Sendable {
    /// The inputs it consists of.
    enum Inputs {
        case lines(LineSplitter.Part)
        case elements(ElementSplitter.Part, of: ByteBuffer)
    }

    enum End {
        case complete
        case failed(Problem)
        case dropped
    }

    let index: Int
    private let work: BatchWork
    /// It is told on its loop when the part stops.
    private let batch: Batch
    private let text: ByteBuffer
    /// Of an array's elements: the end offset of each; nil for lines.
    private let ends: [UInt32]?
    private var offset = 0
    /// Number of the next input: a line's is counted from 1, an element's from 0.
    private var number: Int
    /// Without the final terminator if terminators separate elements.
    private var output: CodedContent
    /// Nil while inputs are left to run.
    private(set) var end: End?
    /// Index of the first element.
    private var firstElement = 0
    /// Used by the loop: whether the part is with a worker or in the queue.
    private(set) var isSubmitted = false
    private var plan: InputPlan?

    init(_ inputs: Inputs, index: Int, _ work: BatchWork, _ batch: Batch) {
        self.index = index
        self.work = work
        self.batch = batch
        output = CodedContent(work.settings.responseCoding)
        switch inputs {
        case .lines(let part):
            text = part.text
            ends = nil
            number = part.lineNumber
        case .elements(let part, let array):
            let start = array.readerIndex + part.offset
            text = array.getSlice(at: start, length: part.byteCount) ?? array
            ends = part.ends
            firstElement = part.index
            number = 0
        }
    }

    /// The deadline of a slice that begins now, in which one input may use all its time.
    var deadlineNanoseconds: UInt64 {
        min(
            MonotonicClock.nanoseconds() &+ work.settings.inputNanosecondsMax,
            work.settings.deadlineNanoseconds)
    }
    var inputByteCount: Int { text.readableBytes }
    /// Whether it has begun and its outputs are waiting to be sent.
    var hasOutput: Bool { output.byteCount > 0 }
    var outputByteCount: Int { output.bytes.readableBytes }

    // MARK: On the loop

    func submit(_ plan: InputPlan) {
        self.plan = plan
        isSubmitted = true
        work.queue.submit(self, of: work.owner, isNext: false)
    }

    func takeOutput() -> CodedContent {
        var taken = CodedContent(work.settings.responseCoding)
        swap(&taken, &output)
        return taken
    }

    // MARK: On a worker

    func run(on executor: Executor) {
        guard let plan else { return }
        executor.beginInputs(plan, requestID: work.settings.requestID)
        defer { executor.endInputs() }
        unsafe text.withUnsafeReadableBytes { unsafe runInputs($0, plan, executor) }
        keepOutput(executor)
        if end == nil, output.byteCount < BatchSettings.outputBytesMax {
            work.queue.submit(self, of: work.owner, isNext: true)
        } else {
            batch.eventLoop.execute {
                self.isSubmitted = false
                self.batch.stopped(self)
            }
        }
    }

    private func keepOutput(_ executor: Executor) {
        let terminator = work.settings.terminator
        unsafe executor.output.withUnsafeBytes { memory in
            guard memory.count > 0 else { return }
            if terminator == UInt8(ascii: "\n") { return unsafe output.append(memory) }
            if output.byteCount > 0 { output.append(terminator) }
            // Safety: all but the last byte, which is the terminator.
            unsafe output.append(UnsafeRawBufferPointer(rebasing: memory.dropLast()))
        }
    }

    private func runInputs(
        _ memory: UnsafeRawBufferPointer, _ plan: InputPlan, _ executor: Executor
    ) {
        let inputNanosecondsMax = min(
            work.settings.inputNanosecondsMax, plan.timeoutNanoseconds)
        let documents = plan.arguments.documents(plan.program.argumentNames)
        var outputBytesMax = BatchSettings.outputBytesMax - output.byteCount
        if output.coding != nil {
            outputBytesMax = min(outputBytesMax, BatchSettings.codedOutputBytesMax)
        }
        var now = MonotonicClock.nanoseconds()
        let sliceEnd = now &+ BatchSettings.sliceNanoseconds
        while hasInput, now < sliceEnd, executor.output.count < outputBytesMax {
            if work.isDropped(index) {
                end = .dropped
                return
            }
            let inputIndex = number
            guard let range = unsafe ends == nil ? nextLine(memory) : nextElement() else {
                continue
            }
            let bounds = RunBounds(
                deadlineNanoseconds: min(
                    now &+ inputNanosecondsMax, work.settings.deadlineNanoseconds),
                stepsMax: nil, cancel: work.cancel)
            let input = unsafe UnsafeRawBufferPointer(rebasing: memory[range])
            let after = memory.count - range.upperBound
            switch unsafe process(input, after, plan, documents, executor, bounds) {
            case .written: break
            case .cancelled: end = .dropped
            case .unfinished: end = .failed(Problem(.internalError, "The run was given up."))
            case .problem(let failure):
                let isOfBatch =
                    bounds.deadlineNanoseconds == work.settings.deadlineNanoseconds
                var problem = failure.naming(
                    timeoutNanoseconds: isOfBatch
                        ? work.settings.timeoutNanoseconds : inputNanosecondsMax)
                problem.input =
                    ends == nil ? .line(inputIndex) : .element(firstElement + inputIndex)
                fail(problem, executor)
            }
            if end != nil { return }
            now = MonotonicClock.nanoseconds()
        }
        if !hasInput { end = .complete }
    }

    /// The last element may be empty, as in `[1,]`, which the reader will reject.
    private var hasInput: Bool {
        ends.map { number < $0.count } ?? (offset < text.readableBytes)
    }

    private func process(
        _ input: UnsafeRawBufferPointer, _ readableAfter: Int, _ plan: InputPlan,
        _ documents: [Document], _ executor: Executor, _ bounds: RunBounds
    ) -> Outcome {
        let settings = work.settings
        if input.count > settings.lineBytesMax {
            let problem = Problem(
                .bodyTooLong, "The line is longer than \(settings.lineBytesMax) bytes.",
                limit: settings.lineBytesMax)
            return .problem(problem)
        }
        return unsafe executor.process(
            input, readableAfter: readableAfter, plan, documents, settings.choice,
            terminator: settings.terminator, bounds)
    }

    /// A failed input's problem replaces its outputs, or ends the part.
    private func fail(_ problem: Problem, _ executor: Executor) {
        // An array with a malformed element is not an array.
        let isInline = ends == nil || problem.kind != .malformedJSON
        if isInline, work.settings.errors == .inline {
            let text = problem.text(requestID: work.settings.requestID)
            if executor.append(text, terminator: work.settings.terminator) { return }
        }
        end = .failed(problem)
    }

    private func nextElement() -> Range<Int>? {
        guard let ends, number < ends.count else { return nil }
        let range = offset..<Int(ends[number])
        offset = range.upperBound + 1
        number += 1
        return range
    }

    /// The next line without its line end; nil for a blank one.
    private func nextLine(_ memory: UnsafeRawBufferPointer) -> Range<Int>? {
        var start = offset
        var end = unsafe LineEnd.next(memory, from: start)
        offset = end + 1
        number += 1
        if start == 0, number == 2, unsafe LineEnd.hasByteOrderMark(memory) { start = 3 }
        // Safety: every offset is at or above `start` and below `end`.
        while end > start, unsafe LineEnd.isSpace(memory[end - 1]) { end -= 1 }
        return start == end ? nil : start..<end
    }
}
