// The outputs of a batch -> a combining program, which reads them as they come -> one response:
//
//     parts in order: append ... append, end -> queue -> the program's thread -> answer
//
// All outputs are awaited, even if the program reads only some: whether an input failed does not
// depend on which thread is faster.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Its variables belong to the exchange's event loop.
final class CombinedResponse: BatchSink, @unchecked Sendable {
    private let exchange: Exchange
    private let work: BatchWork
    private let combination: Combination
    private let combiner: Combiner
    private var queue: OutputQueue?
    private var answer: Combiner.Answer?
    private var advance: (@Sendable () -> Void)?
    private var failed: (@Sendable (Problem) -> Void)?

    init(
        _ exchange: Exchange, _ work: BatchWork, _ combination: Combination, _ combiner: Combiner
    ) {
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
        switch result {
        case .success(let answer):
            self.answer = answer
            advance?()
        case .failure(let problem): failed?(problem)
        }
    }

    var hasRoom: Bool { queue?.isFull == false }
    var hasBegun: Bool { false }
    var isSent: Bool { byteCount == 0 }
    var byteCount: Int { queue?.byteCount ?? 0 }
    var maySpool: Bool { false }

    func append(_ outputs: CodedContent, isLast: Bool) {
        // Safety: the queue copies the bytes.
        unsafe outputs.bytes.withUnsafeReadableBytes { unsafe queue?.append($0) }
    }

    func end() -> Bool {
        queue?.end()
        guard let answer else { return false }
        var response = work.settings.response(answer.content)
        response.hold = answer.hold
        exchange.respond(response)
        return true
    }

    func beginSpooling() {}

    func close() {
        queue?.close()
        queue = nil
        advance = nil
        failed = nil
    }
}
