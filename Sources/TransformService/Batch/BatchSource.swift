// Where a batch's inputs come from: content -> parts of it. Lines become parts as they come.

import HTTPKit

import struct NIOCore.ByteBuffer

/// It belongs to the event loop of the batch that calls it.
protocol BatchSource: AnyObject {
    /// Bytes that are asked for before they come, so that reading need not wait.
    var windowByteCount: Int { get }
    /// Whether no more parts follow.
    var isEnded: Bool { get }

    /// Bytes of content that are held, in parts (`partByteCount`) and outside of them.
    func heldByteCount(partByteCount: Int) -> Int
    /// Takes a piece of content.
    func add(_ piece: ByteBuffer, _ batch: Batch) throws(Problem)
    /// The content has ended.
    func endContent(_ batch: Batch)
    /// Hands out parts that could wait; called whenever something has changed.
    func advance(_ batch: Batch)
    /// Fails the batch with what is to be answered where an input has this problem.
    func explain(_ problem: Problem, _ batch: Batch)
    /// Frees what is held.
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

    /// Few lines that come slowly do not wait for more.
    func advance(_ batch: Batch) {
        if batch.isIdle { splitter.flush { batch.add(.lines($0)) } }
    }

    func explain(_ problem: Problem, _ batch: Batch) {
        var problem = problem
        problem.statusInstead = .unprocessableContent
        batch.fail(problem)
    }

    func close() { splitter = LineSplitter(partBytes: 0, lineBytesMax: 0) }
}
