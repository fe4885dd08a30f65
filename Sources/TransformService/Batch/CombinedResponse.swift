// The outputs of a batch -> a combining program, which reads them as they come -> one response:
//
//     parts in order: append ... append, end -> queue -> the program's thread -> answer
//
// All outputs are awaited, even if the program reads only some: whether an input failed does not
// depend on which thread is faster. A program that fails ends a batch of lines at once, whose rest
// may be long; of an array, which is malformed if its last element is, all is read first.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Its variables belong to the exchange's event loop.
final class CombinedResponse: BatchSink, @unchecked Sendable {
    private let exchange: Exchange
    private let work: BatchWork
    private let combination: Combination
    private let combiner: Combiner
    private let failsAtOnce: Bool
    private var queue: OutputQueue?
    private var result: Result<Combiner.Answer, Problem>?
    private var advance: (@Sendable () -> Void)?
    private var failed: (@Sendable (Problem) -> Void)?

    /// - Parameter failsAtOnce: whether a failure need not wait for the end of the inputs.
    init(
        _ exchange: Exchange, _ work: BatchWork, _ combination: Combination, _ combiner: Combiner,
        failsAtOnce: Bool
    ) {
        self.failsAtOnce = failsAtOnce
        self.exchange = exchange
        self.work = work
        self.combination = combination
        self.combiner = combiner
    }

    func start(
        advance: @escaping @Sendable () -> Void, failed: @escaping @Sendable (Problem) -> Void
    ) {
        self.advance = advance
        self.failed = failed
        let eventLoop = exchange.eventLoop
        let queue = OutputQueue { eventLoop.execute { self.advance?() } }
        self.queue = queue
        let isStarted = combiner.start(combination, work, queue) { result in
            eventLoop.execute { self.ended(result) }
        }
        if !isStarted { failed(.noMemory) }
    }

    private func ended(_ result: Result<Combiner.Answer, Problem>) {
        queue?.close()
        self.result = result
        if failsAtOnce, case .failure(let problem) = result { return failed?(problem) ?? () }
        advance?()
    }

    var hasRoom: Bool { queue?.isFull == false }
    var hasBegun: Bool { false }
    var isSent: Bool { queue?.isEmpty != false }
    var byteCount: Int { queue?.byteCount ?? 0 }
    var maySpool: Bool { false }

    func append(_ outputs: CodedContent, isLast: Bool) {
        // Safety: the queue copies the bytes.
        unsafe outputs.bytes.withUnsafeReadableBytes { unsafe queue?.append($0) }
    }

    func end() -> Bool {
        queue?.end()
        switch result {
        case .success(let answer)?:
            var response = work.settings.response(
                answer.content, combination.choice.media, answer.coding)
            response.hold = answer.hold
            exchange.respond(response)
            return true
        case .failure(let problem)?:
            failed?(problem)
            return false
        case nil: return false
        }
    }

    func beginSpooling() {}

    func close() {
        queue?.close()
        queue = nil
        advance = nil
        failed = nil
    }
}
