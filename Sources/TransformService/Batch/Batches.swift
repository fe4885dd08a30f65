// Heads that ask for a batch -> open batches, up to a maximum number.

import HTTPKit
import Synchronization

final class Batches: Sendable {
    private let settings: Configuration
    private let queue: any SliceQueue
    private let combiner: Combiner
    let spool: SpoolFolder
    private let openCount = Atomic<Int>(0)

    init(
        _ settings: Configuration, _ queue: any SliceQueue, _ combiner: Combiner,
        _ spool: SpoolFolder
    ) {
        self.settings = settings
        self.queue = queue
        self.combiner = combiner
        self.spool = spool
    }

    /// Lets the threads of combining programs end.
    func close() { combiner.close() }

    /// Open batches.
    var count: Int { openCount.load(ordering: .relaxed) }

    /// Starts the batch of a body of lines.
    func beginLines(
        _ request: Request, _ interpreted: borrowing TransformRequest, _ exchange: Exchange,
        _ program: BatchProgram
    ) throws(Problem) -> BodyPlan {
        let batchSettings = try BatchSettings(lines: request, interpreted, settings)
        let source = LineSource(lineBytesMax: batchSettings.lineBytesMax)
        let (hold, end) = try open(exchange, source.windowByteCount)
        let work = BatchWork(batchSettings, queue)
        let sink =
            combined(exchange, work, failsAtOnce: true)
            ?? StreamedResponse(exchange, batchSettings, spool)
        let batch = Batch(
            exchange, work, source, sink, interpreted.contentCoding, hold, end: end)
        batch.start(program, interpreted.arguments)
        return .stream(batch, bytesMax: .max)
    }

    /// Starts the batch of a body that is an array, as `beginLines` does for lines.
    func beginEach(
        _ request: Request, _ interpreted: borrowing TransformRequest, _ exchange: Exchange,
        _ program: BatchProgram
    ) throws(Problem) -> BodyPlan {
        let batchSettings = try BatchSettings(each: request, interpreted, settings)
        let byteCount = request.contentLength ?? 0
        let (hold, end) = try open(exchange, byteCount)
        let work = BatchWork(batchSettings, queue)
        let sink =
            combined(exchange, work, failsAtOnce: false)
            ?? CollectedResponse(exchange, batchSettings, bytesMax: settings.outputBytesMax)
        let batch = Batch(
            exchange, work,
            ElementSource(bytesMax: settings.bodyBytesMax, expectedByteCount: byteCount), sink,
            interpreted.contentCoding, hold, end: end)
        batch.start(program, interpreted.arguments)
        return .stream(batch, bytesMax: settings.bodyBytesMax)
    }

    private func combined(
        _ exchange: Exchange, _ work: BatchWork, failsAtOnce: Bool
    ) -> (any BatchSink)? {
        work.settings.combination.map {
            CombinedResponse(exchange, work, $0, combiner, failsAtOnce: failsAtOnce)
        }
    }

    /// Counts a batch and its initial memory.
    /// - Returns: the count of its memory, and the action to call at its end.
    private func open(
        _ exchange: Exchange, _ byteCount: Int
    ) throws(Problem) -> (MemoryHold, @Sendable () -> Void) {
        guard let hold = MemoryHold(exchange.memory, byteCount, .batches) else {
            throw Problem.noMemory
        }
        let count = openCount.add(1, ordering: .relaxed).newValue
        if count > settings.batchCountMax {
            openCount.subtract(1, ordering: .relaxed)
            var problem = Problem(
                .reducedCapacity, "\(count - 1) batches are in work. Try again later.")
            problem.retryAfterSeconds = 1
            throw problem
        }
        return (hold, { self.openCount.subtract(1, ordering: .relaxed) })
    }
}
