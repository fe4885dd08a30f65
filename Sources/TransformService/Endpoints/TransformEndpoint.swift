// `POST /transform`. Small requests with a compiled program run here, on the event loop, with a
// hard bound of steps; all others, and those that reach the bound, go to the workers.

import HTTPKit
import Transforms

/// The endpoint of one event loop. `Sendable`, as only that loop's thread uses it.
final class TransformEndpoint: HTTPHandler, @unchecked Sendable {
    private let service: Service
    private let loopIndex: Int
    private lazy var state = service.makeLoopState(loopIndex: loopIndex)

    init(service: Service, loopIndex: Int) {
        self.service = service
        self.loopIndex = loopIndex
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        do throws(Problem) {
            let state = state
            let head = try service.head(of: request, state)
            if head.isBatch {
                return try receiveBatch(request, try service.read(request, state), exchange)
            }
            let settings = service.configuration
            let byteCount = request.contentLength
            if let byteCount, byteCount <= settings.loopBytesMax {
                if service.admission.isUnderPressure, request.hasQuery {
                    try service.admission.check(
                        try service.read(request, state), byteCount: byteCount)
                }
                return .collect(bytesMax: nil)
            }
            guard request.hasContent else {
                throw Problem(
                    .lengthRequired,
                    "POST \(request.rawPath.prefix(300)) needs a body; send Content-Length.")
            }
            let asked = try service.read(request, state)
            try service.admission.check(asked, byteCount: byteCount)
            let job = TransformJob(service, asked, exchange)
            job.awaitContent()
            return .gather(job, bytesMax: settings.bodyBytesMax)
        } catch {
            exchange.respond(error.response(requestID: RequestID.of(request)))
            return .drop
        }
    }

    private func receiveBatch(
        _ request: Request, _ asked: TransformRequest, _ exchange: Exchange
    ) throws(Problem) -> BodyPlan {
        let isLines = asked.head.isLines
        guard !isLines || !asked.query.isEach else {
            throw Problem(.malformedRequest, "`each` is for one array, not for lines.")
        }
        let program =
            asked.transform.map { .named($0) } ?? asked.program.map { BatchProgram.text($0) }
        guard let program else {
            throw Problem(
                .malformedRequest,
                "A batch has no envelope: its program is the query parameter `program`.")
        }
        guard request.hasContent || request.contentLength == 0 else {
            throw Problem(.lengthRequired, "A batch needs a body.")
        }
        return isLines
            ? try service.batches.beginLines(request, asked, exchange, program)
            : try service.batches.beginEach(request, asked, exchange, program)
    }

    func handle(
        _ request: Request, content: consuming RequestContent, _ exchange: Exchange
    ) {
        do throws(Problem) {
            let state = state
            let asked = try service.read(request, state)
            // Of several pipelined requests in one read, the earlier ones have taken time.
            let now = max(request.contentReadNanoseconds, state.executor.endNanoseconds)
            if now >= asked.deadlineNanoseconds {
                let problem = Problem(
                    .deadlineExceeded, "The deadline passed before the content was here.")
                throw problem.naming(timeoutNanoseconds: asked.head.timeoutNanoseconds)
            }
            switch runHere(asked, content, exchange, state, now) {
            case .answered: break
            case .left(let costKey):
                let hold = content.hold
                TransformJob(
                    service, asked, exchange, content: content.buffer(), hold: hold,
                    costKey: costKey
                ).submit()
            }
        } catch {
            exchange.respond(error.response(requestID: RequestID.of(request)))
        }
    }

    /// How an attempt on the loop ended.
    private enum Try {
        case answered
        /// It must run on a worker. The key is nil if no program was looked up.
        case left(costKey: Int?)
    }

    /// Runs the request on the loop.
    private func runHere(
        _ request: borrowing TransformRequest, _ content: borrowing RequestContent,
        _ exchange: Exchange,
        _ state: LoopState,
        _ now: UInt64
    ) -> Try {
        if request.contentCoding != nil { return .left(costKey: nil) }
        let iteration = exchange.eventLoop.iteration
        guard state.budget.hasTime(inIteration: iteration) else { return .left(costKey: nil) }
        let bounds = RunBounds(
            deadlineNanoseconds: request.deadlineNanoseconds,
            stepsMax: service.configuration.loopStepsMax, cancel: nil,
            costNanosecondsMax: service.admission.loopCostNanosecondsMax,
            triesUnknown: state.budget.mayTry(now: now), startNanoseconds: now)
        // Safety: the bytes outlive the closure; the documents in them do not.
        let outcome = unsafe content.withUnsafeBytes {
            unsafe state.executor.execute(request, content: $0, bounds)
        }
        defer { state.executor.end() }
        let timing = state.executor.timing
        state.budget.ran(
            nanoseconds: timing.read &+ timing.run &+ timing.write, inIteration: iteration)
        switch outcome {
        case .written:
            // Compression is too slow for the loop.
            if service.shouldCompress(request, byteCount: state.executor.output.count) {
                return .left(costKey: state.executor.programKey)
            }
            RunResponse.respondHere(exchange, request, state.executor)
        case .problem(let problem):
            exchange.respond(RunResponse.problem(problem, request, state.executor, queued: 0))
        case .unfinished, .cancelled:
            learnAbandoned(state, byteCount: content.byteCount)
            return .left(costKey: state.executor.programKey)
        }
        return .answered
    }

    /// A program whose run reached the loop's bound is left to workers.
    private func learnAbandoned(_ state: LoopState, byteCount: Int) {
        let run = state.executor.timing.run
        guard let key = state.executor.programKey, run > 0 else { return }
        state.budget.abandoned(nanoseconds: run)
        state.executor.forgetCost()
        service.admission.learnAbandoned(key, byteCount: byteCount, nanoseconds: run)
    }
}
