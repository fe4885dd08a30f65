// The source of a batch's inputs: content -> parts of it. Lines become parts as they arrive.

import HTTPKit

import struct NIOCore.ByteBuffer

/// It belongs to the event loop of the batch that calls it.
protocol BatchSource: AnyObject {
    /// Bytes to reserve before they arrive, so that reading need not wait.
    var windowByteCount: Int { get }
    /// Whether no more parts follow.
    var isEnded: Bool { get }

    /// Bytes of content in memory, in parts (`partByteCount`) and outside of them.
    func heldByteCount(partByteCount: Int) -> Int
    /// Takes a piece of content.
    func add(_ piece: ByteBuffer, _ batch: Batch) throws(Problem)
    /// The content has ended.
    func endContent(_ batch: Batch)
    /// Emits parts that could wait; called on every change.
    func advance(_ batch: Batch)
    /// Fails the batch with the problem to answer, given that of an input.
    func explain(_ problem: Problem, _ batch: Batch)
    /// Frees its memory.
    func close()
}

/// Lines, each an input.
final class LineSource: BatchSource {
    private var splitter: LineSplitter
    private(set) var isEnded = false

    init(lineBytesMax: Int) {
        splitter = LineSplitter(partBytes: BatchSettings.partBytes, lineBytesMax: lineBytesMax)
    }

    var windowByteCount: Int { BatchSettings.windowBytesMin }

    func heldByteCount(partByteCount: Int) -> Int { partByteCount + splitter.byteCount }

    func add(_ piece: ByteBuffer, _ batch: Batch) {
        splitter.add(piece) { batch.add(.lines($0)) }
    }

    func endContent(_ batch: Batch) {
        isEnded = true
        splitter.finish { batch.add(.lines($0)) }
    }

    /// A few lines of slow content do not wait for more.
    func advance(_ batch: Batch) {
        if batch.isIdle { splitter.flush { batch.add(.lines($0)) } }
    }

    func explain(_ problem: Problem, _ batch: Batch) {
        var problem = problem
        problem.statusOverride = .unprocessableContent
        batch.fail(problem)
    }

    func close() { splitter = LineSplitter(partBytes: 0, lineBytesMax: 0) }
}
