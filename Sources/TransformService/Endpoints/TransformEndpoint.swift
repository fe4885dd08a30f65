// `POST /transform`. Small requests whose program is compiled already run right here, on the event
// loop, with a hard bound of steps; all others, and those that meet the bound, go to the workers.

import HTTPKit
import Transforms

/// Of one event loop, whose thread alone uses it: that is why it may be `Sendable`.
final class TransformEndpoint: HTTPHandler, @unchecked Sendable {
    private let service: Service
    private let loopIndex: Int
    private lazy var desk = service.makeDesk(loopIndex: loopIndex)

    init(service: Service, loopIndex: Int) {
        self.service = service
        self.loopIndex = loopIndex
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        do throws(Problem) {
            let desk = desk
            let head = try service.head(of: request, desk)
            if head.isBatch {
                return try receiveBatch(request, try service.read(request, desk), exchange)
            }
            let settings = service.configuration
            let byteCount = request.contentLength
            if let byteCount, byteCount <= settings.loopBytesMax {
                if service.isUnderPressure, request.hasQuery {
                    try service.checkTime(
                        try service.read(request, desk), byteCount: byteCount)
                }
                return .collect(bytesMax: nil)
            }
            guard request.hasContent else {
                throw Problem(
                    .lengthRequired,
                    "POST \(request.rawPath.prefix(300)) needs a body; send Content-Length.")
            }
            let asked = try service.read(request, desk)
            try service.checkTime(asked, byteCount: byteCount)
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
            let desk = desk
            let asked = try service.read(request, desk)
            // Where one read brought several requests, those before took their time.
            let now = max(request.contentReadNanoseconds, desk.executor.endNanoseconds)
            if now >= asked.deadlineNanoseconds {
                let problem = Problem(
                    .deadlineExceeded, "The deadline passed before the content was here.")
                throw problem.naming(timeoutNanoseconds: asked.head.timeoutNanoseconds)
            }
            switch runHere(asked, content, exchange, desk, now) {
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

    /// How a try on the loop ended.
    private enum Try {
        case answered
        /// It is work for a worker. The key is nil if no program was looked for.
        case left(costKey: Int?)
    }

    /// Runs the request on the loop.
    private func runHere(
        _ request: borrowing TransformRequest, _ content: borrowing RequestContent,
        _ exchange: Exchange,
        _ desk: LoopDesk,
        _ now: UInt64
    ) -> Try {
        if request.contentCoding != nil { return .left(costKey: nil) }
        let turn = exchange.eventLoop.turn
        guard desk.budget.hasTime(inTurn: turn) else { return .left(costKey: nil) }
        let bounds = RunBounds(
            deadlineNanoseconds: request.deadlineNanoseconds,
            stepsMax: service.configuration.loopStepsMax, cancel: nil,
            costNanosecondsMax: service.configuration.loopCostNanosecondsMax,
            triesUnknown: desk.budget.mayTry(now: now), startNanoseconds: now)
        // Safety: the bytes stay while the closure runs, and the documents in them no longer.
        let outcome = unsafe content.withUnsafeBytes {
            unsafe desk.executor.execute(request, content: $0, bounds)
        }
        defer { desk.executor.end() }
        let timing = desk.executor.timing
        desk.budget.ran(nanoseconds: timing.read &+ timing.run &+ timing.write, inTurn: turn)
        switch outcome {
        case .written:
            // Compressing is no work for the loop.
            if service.codes(request, byteCount: desk.executor.output.count) {
                return .left(costKey: desk.executor.programKey)
            }
            Answer.respondHere(exchange, request, desk.executor)
        case .problem(let problem):
            exchange.respond(Answer.problem(problem, request, desk.executor, queued: 0))
        case .unfinished, .cancelled:
            learnAbandoned(desk, byteCount: content.byteCount)
            return .left(costKey: desk.executor.programKey)
        }
        return .answered
    }

    /// A run that met the loop's bound is not tried here again until workers have seen the program
    /// take less.
    private func learnAbandoned(_ desk: LoopDesk, byteCount: Int) {
        let run = desk.executor.timing.run
        guard let key = desk.executor.programKey, run > 0 else { return }
        desk.budget.abandoned(nanoseconds: run)
        desk.executor.forgetCost()
        let bound = service.configuration.loopCostNanosecondsMax
        // A run that the machine held up says no more than that it met the bound: a short program
        // that were taken for a long one would be refused, and nothing run to correct that.
        service.costs.learn(
            key, byteCount: byteCount, nanoseconds: 2 * min(max(run, bound), 2 * bound),
            isComplete: false)
    }
}

/// What runs on an event loop work with. It belongs to the loop's thread.
final class LoopDesk {
    let executor: Executor
    var budget = LoopBudget()
    /// `TransformQuery`s.
    let queries = QueryMemo()
    var ids: RequestID.Series
    private var transforms = TransformSet.none
    private var transformsVersion = UInt64.max

    init(_ executor: Executor, ids: RequestID.Series) {
        self.executor = executor
        self.ids = ids
    }

    /// `library.current`: all loops would wait for its lock.
    func currentTransforms(of library: TransformLibrary) -> TransformSet {
        let version = library.version
        if version != transformsVersion {
            transforms = library.current
            transformsVersion = version
        }
        return transforms
    }
}
