// How much work a run may still do. Work is charged in steps of about 10 ns each; when a slice of
// them is used up, the deadline and the cancel flag are checked, so nothing overruns by more than
// about a millisecond.

import Glibc
import Synchronization

/// Set by any thread to stop a run, which checks it with each slice of its budget.
public final class CancelFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    public func cancel() { flag.store(true, ordering: .relaxed) }
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

@safe struct Budget {
    // Safety: allocated by `init`, freed by `destroy`; used by one thread at a time.
    let state: UnsafeMutablePointer<State>
    let heap: Heap

    struct State {
        /// Steps left after this slice.
        var stepsLeft: Int
        var deadlineNanoseconds: UInt64
        var cancel: CancelFlag?
    }

    /// What each run costs besides its program: it is begun, read and written.
    static let runStepCount = 16
    /// Steps between two looks at the clock.
    static let sliceStepCount = 8192

    init(heap: Heap) {
        self.heap = heap
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(stepsLeft: .max, deadlineNanoseconds: .max, cancel: nil))
        unsafe heap.state.pointee.budget = unsafe state
    }

    /// Before the heap is destroyed, which is left without a budget.
    func destroy() {
        unsafe heap.state.pointee.budget = nil
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Begins a run that may last until `deadlineNanoseconds` of the monotonic clock. It goes on
    /// with the slice of the run before: short runs would never look at the clock otherwise.
    func begin(deadlineNanoseconds: UInt64, stepsMax: Int, cancel: CancelFlag?) {
        // The last run may have used more than the slice had.
        let slice = unsafe min(stepsMax, max(heap.state.pointee.fuel, 0))
        unsafe heap.state.pointee.fuel = slice
        unsafe state.pointee.stepsLeft = stepsMax - slice
        unsafe state.pointee.deadlineNanoseconds = deadlineNanoseconds
        // Storing the same flag would count references all the same.
        if unsafe state.pointee.cancel !== cancel { unsafe state.pointee.cancel = cancel }
    }

    /// Lets the run end earlier.
    func tighten(deadlineNanoseconds: UInt64) {
        let deadline = unsafe state.pointee.deadlineNanoseconds
        unsafe state.pointee.deadlineNanoseconds = min(deadline, deadlineNanoseconds)
    }

    func move(deadlineNanoseconds: UInt64) {
        unsafe state.pointee.deadlineNanoseconds = deadlineNanoseconds
    }

    @inline(__always) func charge(_ steps: Int) throws(Stop) { try heap.charge(steps) }
}

extension Heap {
    @inline(__always) func charge(_ steps: Int) throws(Stop) {
        let fuel = unsafe state.pointee.fuel &- steps
        unsafe state.pointee.fuel = fuel
        if fuel < 0 { try refill() }
    }

    @inline(never) private func refill() throws(Stop) {
        guard let budget = unsafe state.pointee.budget else { return }
        // A charge larger than a slice takes its part of the steps left.
        let left = unsafe budget.pointee.stepsLeft + state.pointee.fuel
        // Work that is not stopped by this charge is stopped by the next one.
        unsafe state.pointee.fuel = -1
        unsafe budget.pointee.stepsLeft = left
        if left < 0 { throw stop(.steps) }
        if let cancel = unsafe budget.pointee.cancel, cancel.isCancelled {
            throw stop(.cancelled)
        }
        let deadline = unsafe budget.pointee.deadlineNanoseconds
        if deadline != .max && MonotonicClock.nanoseconds() >= deadline { throw stop(.deadline) }
        let slice = min(left, Budget.sliceStepCount)
        unsafe state.pointee.fuel = slice
        unsafe budget.pointee.stepsLeft = left - slice
    }
}

/// The clock that deadlines are read from.
public enum MonotonicClock {
    /// Nanoseconds since some fixed moment, as `CLOCK_MONOTONIC`.
    public static func nanoseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
