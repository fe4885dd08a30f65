// The hash index of an object with many members: open addressing over the members' indices.
//
//     before the members (payload - 32): 0...8 look-ups so far, or the index's address
//     index     | mask 8 | member + 1, 4 each ...
//
// Names are hashed with a seed of the heap's own, so that no client can prepare names that collide.

extension Heap {
    private static let lookupCountMin: UInt = 8

    @inline(__always) func hasIndex(_ payload: UInt) -> Bool {
        Heap.load(payload - 32) > Heap.lookupCountMin
    }

    @inline(__always) func dropIndex(_ payload: UInt) {
        if hasIndex(payload) { dropMade(payload) }
    }

    @inline(never) private func dropMade(_ payload: UInt) {
        let index = Heap.load(payload - 32)
        // For an array the word is odd, and not an address.
        if index & 1 == 0 { free(block: index) }
        Heap.store(payload - 32, 0)
    }

    @inline(never) func findIndexed(_ object: Value, _ name: Bytes) throws(Stop) -> Int {
        let payload = UInt(object.payload)
        var index = Heap.load(payload - 32)
        if index <= Heap.lookupCountMin {
            // Members count towards the number of look-ups, so that large objects are indexed
            // sooner.
            let lookups = index + 1 + UInt(object.count) / 64
            if lookups <= Heap.lookupCountMin {
                Heap.store(payload - 32, lookups)
                return try scan(object, name)
            }
            guard let made = try makeIndex(object) else { return try scan(object, name) }
            index = made
        }
        let slots = object.slots
        let mask = Heap.load(index)
        var probe = UInt(truncatingIfNeeded: try hash(name)) & mask
        while true {
            let member = Int(Heap.entry(index, probe)) - 1
            if member < 0 { return -1 }
            if try isSame(slots[2 * member].bytes, name) { return member }
            probe = (probe &+ 1) & mask
        }
    }

    /// Makes the index; nil where there is no room for it.
    private func makeIndex(_ object: Value) throws(Stop) -> UInt? {
        let count = object.count
        var size = 32
        while size < 2 * count + 2 { size *= 2 }
        let byteCount = 8 + size * 4
        // A document's index lives as long as the document.
        guard
            let index = object.isCounted
                ? try? allocate(byteCount, unit: 1) : try? bump(byteCount)
        else { return nil }
        try clearIndex(index, size)
        for member in 0..<count {
            try charge(2)
            try insert(object, index, member)
        }
        Heap.store(UInt(object.payload) - 32, index)
        return index
    }

    private func clearIndex(_ index: UInt, _ size: Int) throws(Stop) {
        Heap.store(index, UInt(size - 1))
        for i in 0..<size {
            Heap.setEntry(index, UInt(i), 0)
            try chargeElement(i)
        }
    }

    private func insert(_ object: Value, _ index: UInt, _ member: Int) throws(Stop) {
        let mask = Heap.load(index)
        var probe = UInt(truncatingIfNeeded: try hash(object.slots[2 * member].bytes)) & mask
        while Heap.entry(index, probe) != 0 { probe = (probe &+ 1) & mask }
        Heap.setEntry(index, probe, UInt32(truncatingIfNeeded: member + 1))
    }

    /// Called after a member was appended to an object with an index.
    func indexAppended(_ object: inout Value) throws(Stop) {
        let payload = UInt(object.payload)
        let index = Heap.load(payload - 32)
        if Int(Heap.load(index)) + 1 < 2 * object.count {
            dropIndex(payload)
            Heap.store(payload - 32, Heap.lookupCountMin)
        } else {
            try insert(object, index, object.count - 1)
        }
    }

    /// Called before a member is removed: removes its entry and decrements those of the members
    /// after it. One pass over the index is far cheaper than hashing all names again.
    func indexRemoved(_ object: Value, at member: Int) throws(Stop) {
        let payload = UInt(object.payload)
        let index = Heap.load(payload - 32)
        let mask = Heap.load(index)
        // Many members were removed: the next look-up makes a smaller index.
        if Int(mask) > 16 * object.count { return dropIndex(payload) }
        let slots = object.slots
        func home(_ entry: UInt32) throws(Stop) -> UInt {
            UInt(truncatingIfNeeded: try hash(slots[2 * Int(entry - 1)].bytes)) & mask
        }
        let gone = UInt32(member + 1)
        var hole = try home(gone)
        while Heap.entry(index, hole) != gone { hole = (hole &+ 1) & mask }
        // Entries that follow without a gap move up, unless that would put one before its home.
        var probe = (hole &+ 1) & mask
        while true {
            let entry = Heap.entry(index, probe)
            if entry == 0 { break }
            if try (probe &- home(entry)) & mask >= (probe &- hole) & mask {
                Heap.setEntry(index, hole, entry)
                hole = probe
            }
            probe = (probe &+ 1) & mask
        }
        Heap.setEntry(index, hole, 0)
        for probe in 0...mask {
            try chargeElement(Int(probe))
            let entry = Heap.entry(index, probe)
            Heap.setEntry(index, probe, entry &- (entry > gone ? 1 : 0))
        }
    }

    // Safety: probes are masked by the index's size.
    @inline(__always) fileprivate static func entry(_ index: UInt, _ probe: UInt) -> UInt32 {
        unsafe UnsafePointer<UInt32>(bitPattern: index + 8).unsafelyUnwrapped[Int(probe)]
    }

    @inline(__always) fileprivate static func setEntry(
        _ index: UInt, _ probe: UInt, _ entry: UInt32
    ) {
        unsafe UnsafeMutablePointer<UInt32>(bitPattern: index + 8).unsafelyUnwrapped[Int(probe)] =
            entry
    }
}

extension Heap {
    /// Copies a document's members to `slots` and indexes them on the way. A repeated name keeps
    /// its first index and gets its last value. Returns how many members are left.
    func fillIndexed(_ slots: Slots, _ members: Slots, _ count: Int) throws(Stop) -> Int {
        var size = 32
        while size < 2 * count + 2 { size *= 2 }
        let index = try bump(8 + size * 4)
        try clearIndex(index, size)
        var kept = 0
        for i in 0..<count {
            try charge(1)
            let name = members[2 * i]
            var probe = UInt(truncatingIfNeeded: try hash(name.bytes)) & UInt(size - 1)
            while true {
                let member = Int(Heap.entry(index, probe)) - 1
                if member < 0 {
                    slots[2 * kept] = name
                    slots[2 * kept + 1] = members[2 * i + 1]
                    kept += 1
                    Heap.setEntry(index, probe, UInt32(kept))
                    break
                }
                if try isSame(slots[2 * member].bytes, name.bytes) {
                    slots[2 * member + 1] = members[2 * i + 1]
                    break
                }
                probe = (probe &+ 1) & UInt(size - 1)
            }
        }
        Heap.store(UInt(slots.address) - 32, index)
        return kept
    }
}
