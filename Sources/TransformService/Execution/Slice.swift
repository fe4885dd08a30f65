// Long work, such as a batch, in parts that workers run while no job waits (SliceLane.swift).

/// A part of long work, short enough that a job can wait for its end.
protocol Slice: AnyObject, Sendable {
    /// Its deadline, on `MonotonicClock`.
    var deadlineNanoseconds: UInt64 { get }

    func run(on executor: Executor)
}

/// A queue of slices; `WorkQueue` is one.
protocol SliceQueue: AnyObject, Sendable {
    /// - Parameter isNext: before all waiting slices of its owner.
    func submit(_ slice: any Slice, of owner: SliceOwner<any Slice>, isNext: Bool)
    /// Drops all waiting slices.
    func withdrawSlices(of owner: SliceOwner<any Slice>)
}

extension WorkQueue: SliceQueue where Part == any Slice {}
