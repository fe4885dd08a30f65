// A program's demand -> the table that readers of its inputs use.

internal import Synchronization

/// Owns the memory of a projection.
@safe final class ProjectionTable: @unchecked Sendable {
    let projection: Projection
    /// How many tables have been made.
    private static let count = Atomic<UInt64>(0)
    // Safety: written by `init` only, freed by `deinit`.
    private let entries: UnsafeMutablePointer<Projection.Entry>
    private let names: UnsafeMutablePointer<Projection.Name>
    private let bytes: UnsafeMutablePointer<UInt8>

    init(_ demand: Demand) {
        var lists = Lists()
        let root = lists.add(demand)
        unsafe entries = .allocate(capacity: lists.entries.count)
        unsafe names = .allocate(capacity: max(lists.names.count, 1))
        unsafe bytes = .allocate(capacity: max(lists.bytes.count, 1))
        unsafe entries.initialize(from: lists.entries, count: lists.entries.count)
        unsafe bytes.initialize(from: lists.bytes, count: lists.bytes.count)
        for (i, name) in lists.names.enumerated() {
            var name = name
            unsafe name.address += UInt(bitPattern: bytes)
            unsafe (names + i).initialize(to: name)
        }
        unsafe projection = Projection(
            id: ProjectionTable.count.add(1, ordering: .relaxed).newValue, root: root,
            entries: entries, names: names)
    }

    deinit {
        unsafe entries.deallocate()
        unsafe names.deallocate()
        unsafe bytes.deallocate()
    }

    /// The parts of the table; addresses of names count from the first byte.
    private struct Lists {
        // `Projection.all` uses index 0, which has no real entry.
        var entries = [Projection.Entry(firstName: 0, nameCount: 0, others: 0, elements: 0)]
        var names: [Projection.Name] = []
        var bytes: [UInt8] = []

        mutating func add(_ demand: Demand?) -> Projection.Want {
            guard let demand else { return Projection.nothing }
            guard case .parts(let members, let others, let elements, _) = demand else {
                return Projection.all
            }
            let index = entries.count
            entries.append(
                Projection.Entry(
                    firstName: Int32(names.count), nameCount: Int32(members.count),
                    others: Projection.nothing, elements: Projection.nothing))
            for (name, _) in members {
                names.append(
                    Projection.Name(
                        address: UInt(bytes.count), byteCount: Int32(name.count),
                        want: Projection.all))
                bytes += name
            }
            for (i, (_, demand)) in members.enumerated() {
                names[Int(entries[index].firstName) + i].want = add(demand)
            }
            entries[index].others = add(others)
            entries[index].elements = add(elements)
            return Projection.Want(index)
        }
    }
}
