// Slices of long work, run while no job waits. Their owners take turns, so a batch's share does not
// depend on how many slices it has queued:
//
//     turns   A  B  C            A: 3 4 5      B: 0      C: 7 8
//     taken   A3 B0 C7 A4 C8 A5

/// The common owner of one request's slices. `Sendable`, as its variables belong to the queue in
/// which it waits, and are accessed only under that queue's lock.
final class SliceOwner<Part>: @unchecked Sendable {
    fileprivate var waiting: [Part] = []
}

/// Round robin over the owners. It belongs to a queue and is accessed under that queue's lock.
struct SliceLane<Part> {
    /// Owners with waiting slices, the next one first.
    private var turns: [SliceOwner<Part>] = []

    var isEmpty: Bool { turns.isEmpty }

    mutating func add(_ slice: Part, of owner: SliceOwner<Part>, isNext: Bool) {
        if owner.waiting.isEmpty { turns.append(owner) }
        owner.waiting.insert(slice, at: isNext ? 0 : owner.waiting.count)
    }

    mutating func take() -> Part? {
        guard !turns.isEmpty else { return nil }
        let owner = turns.removeFirst()
        let slice = owner.waiting.removeFirst()
        if !owner.waiting.isEmpty { turns.append(owner) }
        return slice
    }

    mutating func remove(_ owner: SliceOwner<Part>) {
        owner.waiting = []
        turns.removeAll { $0 === owner }
    }
}
