// An array of counters with its own memory. One thread at a time adds to them and any thread reads
// them, without a lock; a read may miss a concurrent addition.

import Synchronization

/// Counters that start at zero.
@safe final class CounterArray: Sendable {
    let count: Int
    // Safety: allocated and initialised by `init`, freed by `deinit`; the counters are atomics, so
    // all threads may read them.
    private nonisolated(unsafe) let base: UnsafeMutablePointer<Atomic<UInt64>>

    init(count: Int) {
        precondition(count > 0)
        self.count = count
        unsafe base = .allocate(capacity: count)
        for i in 0..<count { unsafe (base + i).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    subscript(index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        // Safety: the index is checked above.
        return unsafe base[index].load(ordering: .relaxed)
    }

    func add(_ amount: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        // Safety: the index is checked above.
        let cell = unsafe base + index
        unsafe cell.pointee.store(
            cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    func store(_ value: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        // Safety: the index is checked above.
        unsafe base[index].store(value, ordering: .relaxed)
    }

    /// Raises the counter to `value` if that is larger.
    func raise(to value: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        // Safety: the index is checked above.
        if unsafe value > base[index].load(ordering: .relaxed) { store(value, at: index) }
    }
}
