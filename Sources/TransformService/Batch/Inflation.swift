// A batch's compressed content -> the content, piece by piece on any worker, and only on request.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// `Sendable`, as its variables belong to the loop, except those of a running slice, which belong
/// to one worker; the locks of the queue and of the loop synchronize the two.
final class Inflation: Slice, @unchecked Sendable {
    enum Result: Sendable {
        case content(ByteBuffer)
        /// The last piece.
        case end(ByteBuffer)
        case failed(Problem)
    }

    /// Bound on the compressed bytes in memory; one more piece may arrive.
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
    // Variables of the slice.
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

    /// No more content follows.
    func end() { isEnding = true }

    /// Inflates some of the bytes in memory, if there are any.
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
