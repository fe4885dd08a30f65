// A body of lines -> lines, as they come and in their order, in bounded memory:
//
//     receive -> splitter -> parts  | 7 | 8 | 9 | 10 |       on the loop
//                                     |   ^   ^
//                                     |   workers run these
//                                     v head: run, so its outputs are sent
//
// Content is not read while enough parts are here, and a part is given up only when the answer has
// room for its outputs: so who sends faster than it reads waits for itself. Who takes nothing and
// waits for us to read has its outputs kept for it (BatchAnswer).

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Its variables belong to the exchange's event loop, which is why it is `Sendable`.
final class LineBatch: BodyReceiver, PartReceiver, @unchecked Sendable {
    let eventLoop: EventLoop
    private let exchange: Exchange
    private let work: BatchWork
    private let settings: BatchSettings
    private let answer: BatchAnswer
    private let end: @Sendable () -> Void
    /// Counts its window: the lines and outputs that are here.
    private let hold: MemoryHold
    private var retry: LoopTimer?
    private var plan: InputPlan?
    private var inflation: Inflation?
    private var splitter: LineSplitter
    /// In order; the first is the next to be sent.
    private var parts: [BatchPart] = []
    private var partCount = 0
    private var isContentEnded = false
    private var isPaused = false
    private var isSending = false
    private var isOver = false
    private var timer: LoopTimer?
    /// Looks whether the client reads.
    private var watch: LoopTimer?

    /// - Parameter end: called once.
    init(
        _ exchange: Exchange, _ settings: BatchSettings, _ coding: ContentCoding?,
        _ queue: any SliceQueue, _ hold: MemoryHold, _ folder: SpoolFolder,
        end: @escaping @Sendable () -> Void
    ) {
        self.exchange = exchange
        self.settings = settings
        self.hold = hold
        self.end = end
        eventLoop = exchange.eventLoop
        let work = BatchWork(settings, queue)
        self.work = work
        inflation = coding.map { Inflation($0, work, exchange.eventLoop) }
        answer = BatchAnswer(exchange, settings, folder)
        splitter = LineSplitter(
            partBytes: BatchSettings.partBytes, lineBytesMax: settings.lineBytesMax)
    }

    /// Begins to run what comes in.
    func start(_ program: BatchProgram, _ arguments: [QueryParameter]) {
        timer = eventLoop.schedule(atNanoseconds: settings.deadlineNanoseconds) {
            self.deadlinePassed()
        }
        exchange.onCancel { self.close() }
        answer.start {
            if !self.isOver, !self.isSending { self.advance() }
        } failed: {
            self.fail($0)
        }
        let slice = PlanSlice(program, arguments, work, eventLoop) { self.planned($0) }
        work.queue.submit(slice, of: work.owner, isNext: false)
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
        if let inflation { inflation.add(piece) } else { splitter.add(piece) { add($0) } }
        advance()
    }

    func finish(_ exchange: Exchange) {
        guard !isOver else { return }
        if let inflation { inflation.end() } else { endContent() }
        advance()
    }

    private func endContent() {
        isContentEnded = true
        splitter.finish { add($0) }
    }

    private func inflated(_ result: Inflation.Result) {
        guard !isOver else { return }
        switch result {
        case .content(let content): splitter.add(content) { add($0) }
        case .end(let content):
            splitter.add(content) { add($0) }
            endContent()
        case .failed(let problem):
            // The lines in front of it count; but it ends the batch whatever a failing line does.
            return fail(problem)
        }
        advance()
    }

    private func add(_ part: LineSplitter.Part) {
        parts.append(BatchPart(part, index: partCount, work, self))
        partCount += 1
    }

    // MARK: Parts

    func stopped(_ part: BatchPart) {
        guard !isOver else { return }
        // A line that met it fails because of it: whoever is first here, the answer is the same.
        if eventLoop.now >= settings.deadlineNanoseconds { return deadlinePassed() }
        if case .failed? = part.end { work.limit(to: part.index) }
        advance()
    }

    /// Sends what can be sent and hands out what may be run.
    private func advance() {
        send()
        guard !isOver else { return }
        // Few lines that come slowly do not wait for more.
        if parts.isEmpty { splitter.flush { add($0) } }
        submit()
        controlFlow()
    }

    private func submit() {
        guard let plan else { return }
        var runningCount = 0
        var outputByteCount = 0
        for part in parts {
            if part.isSubmitted {
                runningCount += 1
            } else {
                outputByteCount += part.outputByteCount
            }
        }
        for (place, part) in parts.enumerated() where !part.isSubmitted && part.end == nil {
            // Whatever outputs are held, the part in front goes on once its own are sent.
            let mayRun = place == 0 || outputByteCount < BatchSettings.heldOutputBytesMax
            if part.hasOutput { continue }
            if runningCount >= settings.runningCountMax || !mayRun { break }
            part.submit(plan)
            runningCount += 1
        }
    }

    /// Reads on while there is room.
    private func controlFlow() {
        let byteCount = parts.reduce(0) { $0 + $1.inputByteCount }
        let isFull =
            parts.count >= settings.partCountMax
            || !parts.isEmpty && byteCount >= BatchSettings.inputBytesMax
        let hasFailed = parts.contains { if case .failed? = $0.end { true } else { false } }
        let isShort = !holdWindow(byteCount)
        // With nothing to run or to send, no memory comes free by itself.
        if isShort, parts.isEmpty, answer.isSent, !isContentEnded { return fail(.noMemory) }
        if !isFull, !hasFailed { inflation?.advance { self.inflated($0) } }
        let shouldPause = isFull || isShort || hasFailed || inflation?.isFull == true
        if shouldPause, !isContentEnded, answer.maySpool { watchReader() }
        guard shouldPause != isPaused, !isContentEnded else { return }
        isPaused = shouldPause
        if shouldPause { exchange.pauseContent() } else { exchange.resumeContent() }
    }

    /// A client that takes nothing of its answer while we read nothing waits for us: from then on
    /// outputs are kept for it.
    private func watchReader() {
        guard watch == nil else { return }
        watch = eventLoop.schedule(
            atNanoseconds: eventLoop.now &+ BatchSettings.untakenNanoseconds
        ) {
            self.watch = nil
            guard !self.isOver, self.isPaused, self.answer.maySpool else { return }
            if self.exchange.untakenNanoseconds < BatchSettings.untakenNanoseconds {
                return self.watchReader()
            }
            self.answer.beginSpooling()
            self.advance()
        }
    }

    /// Counts what is here and what is read next.
    /// - Returns: false where there is no room to read on.
    private func holdWindow(_ inputByteCount: Int) -> Bool {
        var byteCount = inputByteCount + splitter.byteCount + answer.byteCount
        for part in parts where !part.isSubmitted { byteCount += part.outputByteCount }
        let needed = byteCount + BatchSettings.windowBytesMin
        if hold.byteCount >= needed || hold.resize(to: needed) {
            if hold.byteCount > 2 * needed { hold.recount(needed) }
            return true
        }
        hold.recount(max(byteCount, BatchSettings.windowBytesMin))
        if retry == nil {
            retry = eventLoop.schedule(
                atNanoseconds: eventLoop.now &+ BatchSettings.shortNanoseconds
            ) {
                self.retry = nil
                if !self.isOver { self.advance() }
            }
        }
        return false
    }

    // MARK: Outputs out

    private func send() {
        // What a write sets off may come back here; the loop below sees to it.
        if isSending { return }
        isSending = true
        while !isOver, answer.hasRoom, let part = parts.first, !part.isSubmitted, sendHead(part) {}
        defer { isSending = false }
        guard !isOver, isContentEnded, parts.isEmpty, answer.end() else { return }
        close()
    }

    /// Sends the outputs of the part in front.
    /// - Returns: false if there is nothing to be sent yet.
    private func sendHead(_ part: BatchPart) -> Bool {
        switch part.end {
        case .failed(var problem)?:
            problem.statusInstead = .unprocessableContent
            fail(problem)
            return false
        case .complete?: parts.removeFirst()
        case nil where part.hasOutput: break
        case nil, .dropped?: return false
        }
        answer.append(part.takeOutput(), isLast: isContentEnded && parts.isEmpty)
        return true
    }

    // MARK: The end

    /// Nothing was sent: the problem is the answer. Else the connection is cut.
    private func fail(_ problem: Problem) {
        guard !isOver else { return }
        if answer.hasBegun {
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
        timer?.cancel()
        timer = nil
        retry?.cancel()
        retry = nil
        watch?.cancel()
        watch = nil
        answer.close()
        parts = []
        splitter = LineSplitter(partBytes: 0, lineBytesMax: 0)
        hold.recount(0)
        end()
    }
}
