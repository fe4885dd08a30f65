// The work on an array as a whole, on any worker: where its elements are, a mebibyte at a time; and
// whether it is JSON at all.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// Some steps of a splitter.
final class SplitSlice: Slice {
    private static var sliceBytes: Int { 1 << 20 }

    private let splitter: ElementSplitter
    private let array: ByteBuffer
    private let work: BatchWork
    private let eventLoop: EventLoop
    private let done: @Sendable (ElementSplitter, [ElementSplitter.Part]) -> Void

    /// - Parameter done: called on the loop.
    init(
        _ splitter: ElementSplitter, _ array: ByteBuffer, _ work: BatchWork,
        _ eventLoop: EventLoop,
        done: @escaping @Sendable (ElementSplitter, [ElementSplitter.Part]) -> Void
    ) {
        self.splitter = splitter
        self.array = array
        self.work = work
        self.eventLoop = eventLoop
        self.done = done
    }

    var deadlineNanoseconds: UInt64 { work.settings.deadlineNanoseconds }

    func run(on executor: Executor) {
        if work.cancel.isCancelled { return }
        var splitter = splitter
        // Safety: the bytes stay while the closure runs.
        let parts = unsafe array.withUnsafeReadableBytes {
            unsafe splitter.next($0, byteCountMax: Self.sliceBytes)
        }
        let (done, end) = (done, splitter)
        eventLoop.execute { done(end, parts) }
    }
}

/// Reads the array as one text.
final class CheckSlice: Slice {
    private let array: ByteBuffer
    private let work: BatchWork
    private let eventLoop: EventLoop
    private let done: @Sendable (Problem?) -> Void

    /// - Parameter done: called on the loop, with nil for JSON.
    init(
        _ array: ByteBuffer, _ work: BatchWork, _ eventLoop: EventLoop,
        done: @escaping @Sendable (Problem?) -> Void
    ) {
        self.array = array
        self.work = work
        self.eventLoop = eventLoop
        self.done = done
    }

    var deadlineNanoseconds: UInt64 { work.settings.deadlineNanoseconds }

    func run(on executor: Executor) {
        if work.cancel.isCancelled { return }
        let bounds = RunBounds(
            deadlineNanoseconds: deadlineNanoseconds, stepsMax: nil, cancel: work.cancel)
        // Safety: the bytes stay while the closure runs.
        let problem = unsafe array.withUnsafeReadableBytes {
            unsafe executor.readProblem(of: $0, bounds)
        }
        let done = done
        eventLoop.execute { done(problem) }
    }
}
