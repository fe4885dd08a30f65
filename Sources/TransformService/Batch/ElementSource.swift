// An array, read whole -> parts of its elements, which a worker splits a mebibyte at a time.
//
// When an element fails, the array is read once more as a whole: if it is malformed, that is the
// response, regardless of the element's problem.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// `Sendable`, as it belongs to the event loop of its batch.
final class ElementSource: BatchSource, @unchecked Sendable {
    /// The bytes that one split examines.
    private static var sliceBytes: Int { 1 << 20 }

    private let bytesMax: Int
    private let expectedByteCount: Int
    private var content = ByteBuffer()
    private var isContentEnded = false
    private var splitter = ElementSplitter(partBytes: BatchSettings.partBytes)
    private var isSplitting = false

    /// - Parameters:
    ///   - bytesMax: of the content, once inflated.
    ///   - expectedByteCount: of the content as sent, if known; else 0.
    init(bytesMax: Int, expectedByteCount: Int) {
        self.bytesMax = bytesMax
        self.expectedByteCount = expectedByteCount
    }

    var windowByteCount: Int { 0 }
    var isEnded: Bool { splitter.state == .ended && !isSplitting }

    /// Parts are slices of the content, so they hold no memory of their own.
    func heldByteCount(partByteCount: Int) -> Int { max(content.readableBytes, expectedByteCount) }

    func add(_ piece: ByteBuffer, _ batch: Batch) throws(Problem) {
        guard content.readableBytes + piece.readableBytes <= bytesMax else {
            throw Problem.inflatedTooLong(bytesMax)
        }
        content.writeImmutableBuffer(piece)
    }

    func endContent(_ batch: Batch) { isContentEnded = true }

    func advance(_ batch: Batch) {
        guard isContentEnded, !isSplitting else { return }
        switch splitter.state {
        case .ended: break
        case .malformed:
            batch.inputFailed(
                Problem(.malformedRequest, "`each` needs content that is an array."))
        case .before, .inside: if !batch.hasEnoughParts { split(batch) }
        }
    }

    private func split(_ batch: Batch) {
        isSplitting = true
        let (content, start) = (content, splitter)
        batch.work.perform(isNext: true, batch.eventLoop) { _ in
            var splitter = start
            // Safety: the bytes live while the closure runs.
            let parts = unsafe content.withUnsafeReadableBytes {
                unsafe splitter.next($0, byteCountMax: Self.sliceBytes)
            }
            return (splitter, parts)
        } done: { (splitter, parts) in
            self.isSplitting = false
            self.splitter = splitter
            for part in parts { batch.add(.elements(part, of: content)) }
            batch.advance()
        }
    }

    func explain(_ problem: Problem, _ batch: Batch) {
        let (content, work) = (content, batch.work)
        work.perform(isNext: true, batch.eventLoop) { executor in
            let bounds = RunBounds(
                deadlineNanoseconds: work.settings.deadlineNanoseconds, stepsMax: nil,
                cancel: work.cancel)
            // Safety: the bytes live while the closure runs.
            return unsafe content.withUnsafeReadableBytes {
                unsafe executor.readProblem(of: $0, bounds)
            }
        } done: {
            batch.fail($0 ?? problem)
        }
    }

    func close() { content = ByteBuffer() }
}
