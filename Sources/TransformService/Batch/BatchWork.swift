// The shared state of the slices of one batch, and a slice that is one closure.

import HTTPKit
import Synchronization
import Transforms

/// The shared state of a batch's slices.
final class BatchWork: Sendable {
    let settings: BatchSettings
    let queue: any SliceQueue
    let owner = SliceOwner<any Slice>()
    let cancel = CancelFlag()
    /// Parts with a higher index need not be run.
    private let lastIndex = Atomic<Int>(.max)

    init(_ settings: BatchSettings, _ queue: any SliceQueue) {
        self.settings = settings
        self.queue = queue
    }

    func isDropped(_ index: Int) -> Bool {
        cancel.isCancelled || index > lastIndex.load(ordering: .relaxed)
    }

    /// The part at `index` failed, so later parts are not needed.
    func limit(to index: Int) { lastIndex.min(index, ordering: .relaxed) }

    /// Runs `body` on any worker, then `done` with its result on the loop, unless the batch has
    /// ended by then.
    /// - Parameter isNext: before all waiting slices of the batch.
    func perform<Made: Sendable>(
        isNext: Bool, _ eventLoop: EventLoop, _ body: @escaping @Sendable (Executor) -> Made,
        done: @escaping @Sendable (Made) -> Void
    ) {
        let slice = ClosureSlice(deadlineNanoseconds: settings.deadlineNanoseconds) { executor in
            if self.cancel.isCancelled { return }
            let made = body(executor)
            eventLoop.execute { if !self.cancel.isCancelled { done(made) } }
        }
        queue.submit(slice, of: owner, isNext: isNext)
    }
}

/// A slice that runs a closure.
private final class ClosureSlice: Slice {
    let deadlineNanoseconds: UInt64
    private let body: @Sendable (Executor) -> Void

    init(deadlineNanoseconds: UInt64, _ body: @escaping @Sendable (Executor) -> Void) {
        self.deadlineNanoseconds = deadlineNanoseconds
        self.body = body
    }

    func run(on executor: Executor) { body(executor) }
}
