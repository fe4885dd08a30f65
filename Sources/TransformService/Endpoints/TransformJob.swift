// A request that a worker is to run: its content as it arrives, its deadline, its end.
//
//     loop    content .. finish -> submit .............. answer
//     worker                             execute -> respond
//
// The deadline's timer runs on the loop from the start, so a job that waits, or whose content
// arrives slowly, is answered in time; a running job checks its deadline and its cancel flag
// itself.

import HTTPKit
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

/// `Sendable`, as the loop's variables are accessed on the exchange's event loop only; `content` is
/// written there before the job is submitted and read by the one worker that takes it, and the
/// queue's lock synchronizes the two.
final class TransformJob: PoolJob, ContentReceiver, @unchecked Sendable {
    private let service: Service
    private let request: TransformRequest
    private let exchange: Exchange
    private let cancel = CancelFlag()
    private let note = RunNote()
    private var content: ByteBuffer
    /// The count of the content's memory; it is released with the content.
    private var hold: MemoryHold?
    /// The key under which its cost is learned.
    private var costKey: Int?
    /// The predicted cost at the time of submission.
    private(set) var cost = PredictedCost(nanoseconds: 0, isKnown: false)
    private var submittedNanoseconds: UInt64 = 0
    /// When a worker started it; 0 before.
    private let startedNanoseconds = Atomic<UInt64>(0)
    // The loop's variables.
    private var timer: LoopTimer?
    private var ticket: UInt64?
    private var isOver = false

    var byteCount: Int { content.readableBytes }
    var deadlineNanoseconds: UInt64 { request.deadlineNanoseconds }

    init(
        _ service: Service, _ request: TransformRequest, _ exchange: Exchange,
        content: ByteBuffer = ByteBuffer(), hold: MemoryHold? = nil, costKey: Int? = nil
    ) {
        self.hold = hold
        self.service = service
        self.request = request
        self.exchange = exchange
        self.content = content
        self.costKey = costKey
    }

    /// Starts the deadline's timer while content arrives.
    func awaitContent() { startTimer() }

    private func startTimer() {
        guard timer == nil else { return }
        timer = exchange.eventLoop.schedule(atNanoseconds: request.deadlineNanoseconds) {
            self.deadlinePassed()
        }
        exchange.onCancel { self.clientLeft() }
    }

    // MARK: On the loop

    func finish(_ content: ByteBuffer, _ hold: MemoryHold?, _ exchange: Exchange) {
        guard !isOver else { return }
        self.content = content
        self.hold = hold
        submit()
    }

    /// Submits the job to the workers, or responds with 503.
    func submit() {
        guard !isOver else { return }
        if costKey == nil { costKey = CostKey.of(request) ?? CostKey.of(content) }
        cost = service.admission.predict(costKey, byteCount: content.readableBytes)
        if let hold {
            hold.move(to: .jobs)
        } else {
            hold = MemoryHold(counting: content.readableBytes, exchange.memory, .jobs)
        }
        submittedNanoseconds = MonotonicClock.nanoseconds()
        do throws(Problem) {
            ticket = try service.admission.submit(self, costKey, now: submittedNanoseconds)
        } catch {
            return end(error.response(requestID: request.requestID))
        }
        startTimer()
    }

    private func deadlinePassed() {
        guard !isOver else { return }
        let isWaiting = withdraw(.expired)
        let problem = Problem(
            .deadlineExceeded,
            isWaiting
                ? "The deadline passed while the request waited."
                : "The program was stopped at its deadline.")
        var response = request.response(of: problem)
        addTimes(to: &response)
        end(response)
    }

    /// Adds the timing known here: a run that has not ended counts as `run`.
    private func addTimes(to response: inout Response) {
        let now = MonotonicClock.nanoseconds()
        let started = startedNanoseconds.load(ordering: .relaxed)
        let submitted = ticket == nil ? now : submittedNanoseconds
        var timing = Timing()
        timing.run = started == 0 ? 0 : now &- started
        let queued = (started == 0 ? now : started) &- submitted
        RunResponse.addServerTiming(timing, queued: queued, to: &response.fields)
        if let transform = request.transform {
            response.fields.add("Transform-Digest", transform.digest)
        }
        response.measures.waitNanoseconds = queued
        response.measures.workNanoseconds = started == 0 ? nil : timing.run
        response.measures.tag = note.digest.load(ordering: .relaxed)
    }

    private func clientLeft() {
        guard !isOver else { return }
        isOver = true
        withdraw(.cancelled)
        timer?.cancel()
        timer = nil
    }

    /// Cancels the work.
    /// - Returns: whether it had not started.
    @discardableResult
    private func withdraw(_ reason: ShedReason) -> Bool {
        cancel.cancel()
        let isWithdrawn = ticket.map { service.admission.withdraw($0, reason) } ?? true
        if isWithdrawn { dropContent() }
        return isWithdrawn
    }

    private func dropContent() {
        content = ByteBuffer()
        hold = nil
    }

    private func end(_ response: consuming Response) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timer = nil
        exchange.respond(response)
    }

    // MARK: On a worker

    func run(on executor: Executor) {
        // A finished job holds no content, even if references to it remain.
        defer { dropContent() }
        if cancel.isCancelled { return }
        let started = MonotonicClock.nanoseconds()
        startedNanoseconds.store(started, ordering: .relaxed)
        let queued = started &- submittedNanoseconds
        let bounds = RunBounds(
            deadlineNanoseconds: request.deadlineNanoseconds, stepsMax: nil, cancel: cancel,
            note: note)
        let outcome = outcome(on: executor, bounds)
        learn(executor, outcome, MonotonicClock.nanoseconds() &- started)
        var response: Response
        switch outcome {
        case .written:
            if let output = executor.takeOutput(exchange.memory) {
                guard let written = answer(output.content, executor, queued: queued) else { return }
                response = written
                response.hold = output.hold
            } else {
                response = RunResponse.problem(.noMemory, request, executor, queued: queued)
            }
        case .problem(let problem):
            response = RunResponse.problem(problem, request, executor, queued: queued)
        case .unfinished:
            let problem = Problem(.internalError, "The run was given up.")
            response = RunResponse.problem(problem, request, executor, queued: queued)
        case .cancelled:
            executor.end()
            return
        }
        executor.end()
        exchange.eventLoop.execute { [response] in self.end(response) }
    }

    private func learn(_ executor: Executor, _ outcome: Outcome, _ nanoseconds: UInt64) {
        // A program that does not come first in its envelope is identified only now.
        guard let key = executor.programKey ?? costKey else { return }
        let isComplete =
            switch outcome {
            case .written: true
            case .problem(let problem): problem.kind != .deadlineExceeded
            case .unfinished, .cancelled: false
            }
        service.admission.learn(
            key, byteCount: byteCount, nanoseconds: nanoseconds, isComplete: isComplete)
    }

    func drop(_ reason: ShedReason) {
        let problem = Rejection(reason: reason, retryAfterSeconds: 1).problem
        let response = problem.response(requestID: request.requestID)
        exchange.eventLoop.execute { self.end(response) }
    }

    private func outcome(on executor: Executor, _ bounds: RunBounds) -> Outcome {
        do throws(Problem) {
            if let coding = request.contentCoding {
                let inflated = try WholeContent.inflate(
                    content, coding, bytesMax: service.configuration.bodyBytesMax,
                    deadlineNanoseconds: request.deadlineNanoseconds, cancel: cancel)
                guard let inflated else { return .cancelled }
                content = inflated
                hold?.recount(inflated.readableBytes)
            }
        } catch {
            return .problem(error)
        }
        // Safety: the bytes outlive the closure; the documents in them do not.
        return unsafe content.withUnsafeReadableBytes {
            unsafe executor.execute(request, content: $0, bounds)
        }
    }

    /// The response, compressed if the client accepts that; nil if it left, or if the deadline's
    /// timer responds.
    private func answer(
        _ output: ByteBuffer, _ executor: Executor, queued: UInt64
    ) -> Response? {
        guard service.shouldCompress(request, byteCount: output.readableBytes),
            let coding = request.responseCoding
        else { return RunResponse.output(output, request, executor, queued: queued) }
        let compressed = WholeContent.deflate(
            output, coding, deadlineNanoseconds: request.deadlineNanoseconds, cancel: cancel)
        guard let compressed else { return nil }
        var response = RunResponse.output(compressed, request, executor, queued: queued)
        response.fields.add(coding)
        return response
    }
}
