// A batch's compressed content -> the content, piece by piece on any worker; what is not asked for
// is not inflated.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Its variables are the loop's, but those of the slice in work, which one worker has meanwhile;
/// the queue's lock and the loop's stand between. That is why it is `Sendable`.
final class Inflation: Slice, @unchecked Sendable {
    enum Result: Sendable {
        case content(ByteBuffer)
        /// The last of it.
        case end(ByteBuffer)
        case failed(Problem)
    }

    /// Compressed bytes that are held, of which one more piece may come.
    private static var heldBytesMax: Int { 256 << 10 }
    /// Content of one slice: a millisecond's work.
    private static var sliceBytes: Int { 256 << 10 }

    private let coding: ContentCoding
    private let work: BatchWork
    private let eventLoop: EventLoop
    private let inflater: Inflater
    private var held = ByteBuffer()
    private var isEnding = false
    private var isDone = false
    private var isRunning = false
    private var done: (@Sendable (Result) -> Void)?
    // The slice's.
    private var input = ByteBuffer()
    private var isLast = false

    init(_ coding: ContentCoding, _ work: BatchWork, _ eventLoop: EventLoop) {
        self.coding = coding
        self.work = work
        self.eventLoop = eventLoop
        inflater = Inflater(coding)
    }

    var deadlineNanoseconds: UInt64 { work.settings.deadlineNanoseconds }

    // MARK: On the loop

    var isFull: Bool { held.readableBytes >= Self.heldBytesMax }

    func add(_ piece: ByteBuffer) { held.writeImmutableBuffer(piece) }

    /// Nothing more comes.
    func end() { isEnding = true }

    /// Inflates some of what is here, if there is any.
    /// - Parameter done: called on the loop.
    func advance(_ done: @escaping @Sendable (Result) -> Void) {
        guard !isRunning, !isDone else { return }
        if input.readableBytes == 0 { swap(&input, &held) }
        guard input.readableBytes > 0 || inflater.hasMore || isEnding else { return }
        held.discardReadBytes()
        isRunning = true
        isLast = isEnding && held.readableBytes == 0
        self.done = done
        work.queue.submit(self, of: work.owner, isNext: false)
    }

    private func stopped(_ result: Result) {
        isRunning = false
        if case .content = result {} else { isDone = true }
        let done = done
        self.done = nil
        if !work.cancel.isCancelled { done?(result) }
    }

    // MARK: On a worker

    func run(on executor: Executor) {
        if work.cancel.isCancelled { return }
        let result = inflate()
        eventLoop.execute { self.stopped(result) }
    }

    private func inflate() -> Result {
        var content = ByteBuffer()
        do throws(CodingFailure) {
            try inflater.inflate(&input, into: &content, byteCountMax: Self.sliceBytes)
            guard isLast, input.readableBytes == 0, !inflater.hasMore else {
                return .content(content)
            }
            try inflater.finish()
            return .end(content)
        } catch {
            return .failed(Problem(error, coding))
        }
    }
}
