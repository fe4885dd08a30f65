// The inputs of a body -> their outputs, in input order and in bounded memory:
//
//     content -> source -> parts  | 7 | 8 | 9 | 10 |       on the loop
//                                   |   ^   ^
//                                   |   workers run these
//                                   v the first has run: its outputs go to the sink -> response
//
// The inputs are lines (LineSource) or the elements of an array (ElementSource). Outputs are sent
// as they are produced (StreamedResponse) or once all of them are known (CollectedResponse).
//
// Back-pressure: content is not read while there are enough parts, and a part is removed only when
// the sink has room for its outputs. So a client that sends faster than it reads is slowed down.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// `Sendable`, as its variables belong to the exchange's event loop.
final class Batch: BodyReceiver, @unchecked Sendable {
    let eventLoop: EventLoop
    let work: BatchWork
    private let exchange: Exchange
    private let source: any BatchSource
    private let sink: any BatchSink
    /// Counts the inputs and outputs in memory, and the next content to be read.
    private let hold: MemoryHold
    private let inflation: Inflation?
    private let end: @Sendable () -> Void
    private var plan: InputPlan?
    /// In order; the first part's outputs are sent next.
    private var parts: [BatchPart] = []
    private var partCount = 0
    private var isContentEnded = false
    private var isPaused = false
    private var isSending = false
    /// An input failed, and its problem is being determined.
    private var isFailing = false
    private var isOver = false
    private var deadlineTimer: LoopTimer?
    /// Requests memory again.
    private var memoryTimer: LoopTimer?
    /// Checks whether the client reads.
    private var readerTimer: LoopTimer?

    /// - Parameter end: called once.
    init(
        _ exchange: Exchange, _ work: BatchWork, _ source: any BatchSource, _ sink: any BatchSink,
        _ coding: ContentCoding?, _ hold: MemoryHold, end: @escaping @Sendable () -> Void
    ) {
        eventLoop = exchange.eventLoop
        self.work = work
        self.exchange = exchange
        self.source = source
        self.sink = sink
        self.hold = hold
        self.end = end
        inflation = coding.map { Inflation($0, work, exchange.eventLoop) }
    }

    private var settings: BatchSettings { work.settings }

    /// Starts to run the content that arrives. A worker compiles the program.
    func start(_ program: BatchProgram, _ arguments: [QueryParameter]) {
        deadlineTimer = eventLoop.schedule(atNanoseconds: settings.deadlineNanoseconds) {
            self.deadlinePassed()
        }
        exchange.onCancel { self.close() }
        sink.start {
            if !self.isOver, !self.isSending { self.advance() }
        } failed: {
            self.fail($0)
        }
        work.perform(isNext: false, eventLoop) { executor in
            Result { () throws(Problem) in
                switch program {
                case .text(let text): try executor.inputPlan(text, arguments)
                case .named(let transform): try executor.inputPlan(transform, arguments)
                }
            }
        } done: {
            self.planned($0)
        }
    }

    private func deadlinePassed() {
        fail(Problem(.deadlineExceeded, "The batch's deadline has passed."))
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
        if let inflation { inflation.add(piece) } else { add(piece) }
        advance()
    }

    func finish(_ exchange: Exchange) {
        guard !isOver else { return }
        if let inflation { inflation.end() } else { endContent() }
        advance()
    }

    private func inflated(_ result: Inflation.Result) {
        guard !isOver else { return }
        switch result {
        case .content(let content): add(content)
        case .end(let content):
            add(content)
            endContent()
        // The rest cannot be inflated: this ends the batch in either error mode.
        case .failed(let problem): fail(problem)
        }
        advance()
    }

    private func add(_ content: ByteBuffer) {
        do throws(Problem) { try source.add(content, self) } catch { fail(error) }
    }

    private func endContent() {
        guard !isOver else { return }
        isContentEnded = true
        source.endContent(self)
    }

    // MARK: Parts

    /// Whether there are no inputs, neither running nor waiting.
    var isIdle: Bool { parts.isEmpty }
    /// Whether no further parts are wanted now.
    var hasEnoughParts: Bool { parts.count >= settings.partCountMax }

    /// Accepts the next part from the source.
    func add(_ part: BatchPart.Inputs) {
        parts.append(BatchPart(part, index: partCount, work, self))
        partCount += 1
    }

    func stopped(_ part: BatchPart) {
        guard !isOver else { return }
        // An input that met the deadline fails because of it: the response must not depend on which
        // is noticed first.
        if eventLoop.now >= settings.deadlineNanoseconds { return deadlinePassed() }
        if case .failed? = part.end { work.limit(to: part.index) }
        advance()
    }

    /// Sends outputs and submits parts, as far as possible.
    func advance() {
        send()
        guard !isOver, !isFailing else { return }
        if let plan {
            source.advance(self)
            guard !isOver, !isFailing else { return }
            submit(plan)
        }
        controlFlow()
    }

    private func submit(_ plan: InputPlan) {
        var runningCount = 0
        var outputByteCount = 0
        for part in parts {
            if part.isSubmitted {
                runningCount += 1
            } else {
                outputByteCount += part.outputByteCount
            }
        }
        for (index, part) in parts.enumerated() where !part.isSubmitted && part.end == nil {
            // However many outputs are held, the first part continues once its own are sent.
            let mayRun = index == 0 || outputByteCount < BatchSettings.heldOutputBytesMax
            if part.hasOutput { continue }
            if runningCount >= settings.runningCountMax || !mayRun { break }
            part.submit(plan)
            runningCount += 1
        }
    }

    /// Reads more content while there is room.
    private func controlFlow() {
        let byteCount = parts.reduce(0) { $0 + $1.inputByteCount }
        let isFull = hasEnoughParts || !isIdle && byteCount >= BatchSettings.inputBytesMax
        let hasFailed = parts.contains { if case .failed? = $0.end { true } else { false } }
        let isShort = !holdWindow(partByteCount: byteCount)
        // With nothing to run or to send, the batch itself frees no memory.
        if isShort, isIdle, sink.isSent, !isContentEnded { return fail(.noMemory) }
        if !isFull, !hasFailed { inflation?.advance { self.inflated($0) } }
        let shouldPause = isFull || isShort || hasFailed || inflation?.isFull == true
        if shouldPause, !isContentEnded, sink.maySpool { watchReader() }
        guard shouldPause != isPaused, !isContentEnded else { return }
        isPaused = shouldPause
        if shouldPause { exchange.pauseContent() } else { exchange.resumeContent() }
    }

    /// If a client takes no outputs while no content is read, it waits for us: from then on, its
    /// outputs are spooled.
    private func watchReader() {
        guard readerTimer == nil else { return }
        readerTimer = eventLoop.schedule(
            atNanoseconds: eventLoop.now &+ BatchSettings.unreadNanosecondsMax
        ) {
            self.readerTimer = nil
            guard !self.isOver, self.isPaused, self.sink.maySpool else { return }
            if self.exchange.unacknowledgedNanoseconds < BatchSettings.unreadNanosecondsMax {
                return self.watchReader()
            }
            self.sink.beginSpooling()
            self.advance()
        }
    }

    /// Counts the bytes in memory and the next ones to be read.
    /// - Returns: false if there is no room to read more.
    private func holdWindow(partByteCount: Int) -> Bool {
        var byteCount = source.heldByteCount(partByteCount: partByteCount) + sink.byteCount
        for part in parts where !part.isSubmitted { byteCount += part.outputByteCount }
        let needed = byteCount + source.windowByteCount
        if hold.byteCount >= needed || hold.resize(to: needed) {
            if hold.byteCount > 2 * needed { hold.recount(needed) }
            return true
        }
        hold.recount(max(byteCount, source.windowByteCount))
        if memoryTimer == nil {
            memoryTimer = eventLoop.schedule(
                atNanoseconds: eventLoop.now &+ BatchSettings.memoryRetryNanoseconds
            ) {
                self.memoryTimer = nil
                if !self.isOver { self.advance() }
            }
        }
        return false
    }

    // MARK: Outputs out

    private func send() {
        // A write may call this again; the loop below handles that case.
        if isSending { return }
        isSending = true
        defer { isSending = false }
        while !isOver, !isFailing, sink.hasRoom, let part = parts.first, !part.isSubmitted,
            sendFirst(part)
        {}
        guard !isOver, !isFailing, plan != nil, source.isEnded, parts.isEmpty, sink.end() else {
            return
        }
        close()
    }

    /// Sends the outputs of the first part.
    /// - Returns: false if there is nothing to send yet.
    private func sendFirst(_ part: BatchPart) -> Bool {
        switch part.end {
        case .failed(let problem)?:
            inputFailed(problem)
            return false
        case .complete?: parts.removeFirst()
        case nil where part.hasOutput: break
        case nil, .dropped?: return false
        }
        do throws(Problem) {
            try sink.append(part.takeOutput(), isLast: source.isEnded && parts.isEmpty)
        } catch { fail(error) }
        return true
    }

    // MARK: The end

    /// An input failed, and all outputs before it are sent: the source determines the response.
    func inputFailed(_ problem: Problem) {
        guard !isOver, !isFailing else { return }
        isFailing = true
        source.explain(problem, self)
    }

    /// Responds with the problem if nothing was sent; else cuts the connection.
    func fail(_ problem: Problem) {
        guard !isOver else { return }
        if sink.hasBegun {
            exchange.abort()
        } else {
            exchange.respond(settings.response(of: problem))
        }
        close()
    }

    private func close() {
        guard !isOver else { return }
        isOver = true
        work.cancel.cancel()
        work.queue.withdrawSlices(of: work.owner)
        for timer in [deadlineTimer, memoryTimer, readerTimer] { timer?.cancel() }
        (deadlineTimer, memoryTimer, readerTimer) = (nil, nil, nil)
        sink.close()
        parts = []
        source.close()
        hold.recount(0)
        end()
    }
}
