// The hash index of an object with many members: open addressing over the members' places.
//
//     in front of the members (payload - 32): 0...8 look-ups so far, or the index's address
//     index     | mask 8 | place + 1, 4 each ...
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
        // Of an array it is odd, and no address.
        if index & 1 == 0 { free(block: index) }
        Heap.store(payload - 32, 0)
    }

    @inline(never) func findIndexed(_ object: Value, _ name: Bytes) throws(Stop) -> Int {
        let payload = UInt(object.payload)
        var index = Heap.load(payload - 32)
        if index <= Heap.lookupCountMin {
            // Every member counts as a look-up's cost: large objects are indexed sooner.
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
            let place = Int(Heap.place(index, probe)) - 1
            if place < 0 { return -1 }
            if try isSame(slots[2 * place].bytes, name) { return place }
            probe = (probe &+ 1) & mask
        }
    }

    /// The new index; nil where there is no room for it.
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
        for place in 0..<count {
            try charge(2)
            try insert(object, index, place)
        }
        Heap.store(UInt(object.payload) - 32, index)
        return index
    }

    private func clearIndex(_ index: UInt, _ size: Int) throws(Stop) {
        Heap.store(index, UInt(size - 1))
        for i in 0..<size {
            Heap.setPlace(index, UInt(i), 0)
            try chargeElement(i)
        }
    }

    private func insert(_ object: Value, _ index: UInt, _ place: Int) throws(Stop) {
        let mask = Heap.load(index)
        var probe = UInt(truncatingIfNeeded: try hash(object.slots[2 * place].bytes)) & mask
        while Heap.place(index, probe) != 0 { probe = (probe &+ 1) & mask }
        Heap.setPlace(index, probe, UInt32(truncatingIfNeeded: place + 1))
    }

    /// The last member was just appended to an object with an index.
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

    /// The member at this place is about to go: its entry goes, and those of the members behind it
    /// count one less. One pass over the index is far cheaper than hashing all names again.
    func indexRemoved(_ object: Value, at place: Int) throws(Stop) {
        let payload = UInt(object.payload)
        let index = Heap.load(payload - 32)
        let mask = Heap.load(index)
        // Many members went: the next look-up makes a smaller one.
        if Int(mask) > 16 * object.count { return dropIndex(payload) }
        let slots = object.slots
        func home(_ place: UInt32) throws(Stop) -> UInt {
            UInt(truncatingIfNeeded: try hash(slots[2 * Int(place - 1)].bytes)) & mask
        }
        let gone = UInt32(place + 1)
        var hole = try home(gone)
        while Heap.place(index, hole) != gone { hole = (hole &+ 1) & mask }
        // What follows without a gap moves up, unless that is in front of where its name belongs.
        var probe = (hole &+ 1) & mask
        while true {
            let entry = Heap.place(index, probe)
            if entry == 0 { break }
            if try (probe &- home(entry)) & mask >= (probe &- hole) & mask {
                Heap.setPlace(index, hole, entry)
                hole = probe
            }
            probe = (probe &+ 1) & mask
        }
        Heap.setPlace(index, hole, 0)
        for probe in 0...mask {
            try chargeElement(Int(probe))
            let entry = Heap.place(index, probe)
            Heap.setPlace(index, probe, entry &- (entry > gone ? 1 : 0))
        }
    }

    // Safety: probes are masked by the index's size.
    @inline(__always) fileprivate static func place(_ index: UInt, _ probe: UInt) -> UInt32 {
        unsafe UnsafePointer<UInt32>(bitPattern: index + 8).unsafelyUnwrapped[Int(probe)]
    }

    @inline(__always) fileprivate static func setPlace(
        _ index: UInt, _ probe: UInt, _ place: UInt32
    ) {
        unsafe UnsafeMutablePointer<UInt32>(bitPattern: index + 8).unsafelyUnwrapped[Int(probe)] =
            place
    }
}

extension Heap {
    /// Copies a document's members to their place and indexes them on the way: the last value of a
    /// repeated name stands at its first place. Returns how many are left.
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
                let place = Int(Heap.place(index, probe)) - 1
                if place < 0 {
                    slots[2 * kept] = name
                    slots[2 * kept + 1] = members[2 * i + 1]
                    kept += 1
                    Heap.setPlace(index, probe, UInt32(kept))
                    break
                }
                if try isSame(slots[2 * place].bytes, name.bytes) {
                    slots[2 * place + 1] = members[2 * i + 1]
                    break
                }
                probe = (probe &+ 1) & UInt(size - 1)
            }
        }
        Heap.store(UInt(slots.address) - 32, index)
        return kept
    }
}
