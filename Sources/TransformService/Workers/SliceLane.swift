// Slices of long work, for moments in which no job waits. Their owners take turns, so that what a
// batch gets does not depend on how many slices it has here:
//
//     turns   A  B  C            A: 3 4 5      B: 0      C: 7 8
//     taken   A3 B0 C7 A4 C8 A5

/// A part of long work, short enough for a job to wait behind it.
protocol Slice: AnyObject, Sendable {
    /// Until when it may run; `MonotonicClock`.
    var deadlineNanoseconds: UInt64 { get }

    func run(on executor: Executor)
}

/// Where slices are handed in; `WorkQueue` is one.
protocol SliceQueue: AnyObject, Sendable {
    /// - Parameter isNext: before all of its owner's that wait.
    func submit(_ slice: any Slice, of owner: SliceOwner, isNext: Bool)
    /// Drops all that wait.
    func withdrawSlices(of owner: SliceOwner)
}

/// What the slices of one request have in common. Its variables belong to the queue that it waits
/// in, and are touched under that queue's lock only: that is why it is `Sendable`.
final class SliceOwner: @unchecked Sendable {
    fileprivate var waiting: [any Slice] = []
}

/// The owners' turns. Its owner is a queue, under whose lock it is touched.
struct SliceLane {
    /// Those with slices that wait, the next one first.
    private var turns: [SliceOwner] = []

    var isEmpty: Bool { turns.isEmpty }

    mutating func add(_ slice: any Slice, of owner: SliceOwner, isNext: Bool) {
        if owner.waiting.isEmpty { turns.append(owner) }
        owner.waiting.insert(slice, at: isNext ? 0 : owner.waiting.count)
    }

    mutating func take() -> (any Slice)? {
        guard !turns.isEmpty else { return nil }
        let owner = turns.removeFirst()
        let slice = owner.waiting.removeFirst()
        if !owner.waiting.isEmpty { turns.append(owner) }
        return slice
    }

    mutating func remove(_ owner: SliceOwner) {
        owner.waiting = []
        turns.removeAll { $0 === owner }
    }
}
