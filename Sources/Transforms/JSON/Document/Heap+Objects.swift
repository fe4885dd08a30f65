// Objects: members in insertion order, found by the bytes of their names. In an object of more than
// `scanCountMax` members a name that is looked up often enough is found through a hash index.

extension Heap {
    /// On objects: there are 32 bytes of room for an index before the members.
    static let indexable: UInt64 = 1 << 11
    /// The most members that are found without an index, by comparing all names.
    static let scanCountMax = 8

    /// A new, empty object with room for `capacity` members.
    @inline(__always) func makeObject(capacity: Int) throws(Stop) -> Value {
        if capacity > 1 << 35 { throw stop(.memory) }
        let payload = try allocate(capacity &* 32, unit: 32)
        return Value(.object, flags: Value.counted | Heap.indexable, payload: UInt64(payload))
    }

    /// A new array or object of the values in these bytes, which it then owns.
    @inline(never) func container(_ tag: Value.Tag, of values: Slots, byteCount: Int) throws(Stop)
        -> Value
    {
        let isObject = tag == .object
        let payload: UInt
        if let quick = allocateQuickly(byteCount, countShift: isObject ? 5 : 4) {
            payload = quick
        } else {
            payload = try allocateAny(byteCount, unit: isObject ? 32 : 16)
        }
        let slots = Slots(address: UInt64(payload))
        slots.copyUncharged(values, byBytes: byteCount)
        Heap.setUsed(payload, byteCount &>> 4)
        return Value(
            tag, flags: Value.counted | (isObject ? Heap.indexable : 0),
            count: byteCount &>> (isObject ? 5 : 4), payload: slots.address)
    }

    @inline(never) private func allocateAny(_ byteCount: Int, unit: Int) throws(Stop) -> UInt {
        try allocate(byteCount, unit: unit)
    }

    /// The member's index, or -1.
    @inline(__always) func find(_ object: Value, _ name: Bytes) throws(Stop) -> Int {
        if object.count > Heap.scanCountMax && object.word & Heap.indexable != 0 {
            return try findIndexed(object, name)
        }
        return try scan(object, name)
    }

    @inline(__always) func scan(_ object: Value, _ name: Bytes) throws(Stop) -> Int {
        let slots = object.slots
        let count = object.count
        var i = 0
        while i < count {
            let candidate = slots[2 &* i]
            if candidate.count == name.count, try begins(name, candidate.bytes) { return i }
            try chargeElement(i)
            i &+= 1
        }
        return -1
    }

    /// The member's value, borrowed, or `absent`.
    @inline(__always) func member(_ object: Value, _ name: Bytes) throws(Stop) -> Value {
        let i = try find(object, name)
        return i < 0 ? .absent : object.slots[2 &* i &+ 1]
    }

    /// The object after its first `count` members have been stored.
    @inline(__always) func filled(_ object: Value, _ count: Int) -> Value {
        assert(count <= Heap.capacity(UInt(object.payload)))
        Heap.setUsed(UInt(object.payload), 2 &* count)
        return object.with(count: count)
    }

    /// Appends a member whose owned name the object is known not to have; the object is unique.
    @inline(__always) func appendMember(_ object: inout Value, _ name: Value, _ value: Value)
        throws(Stop)
    {
        let count = object.count
        var payload = UInt(object.payload)
        if Heap.capacity(payload) <= count {
            let room = max(4, count + count / 2 + 1)
            payload = try grow(payload, used: count &* 32, to: room &* 32, unit: 32)
            object.payload = UInt64(payload)
        }
        let slots = object.slots
        slots[2 &* count] = name
        slots[2 &* count &+ 1] = value
        Heap.setUsed(payload, 2 &* count &+ 2)
        object = object.with(count: count &+ 1)
        if hasIndex(payload) { try indexAppended(&object) }
    }

    /// Sets a member of an owned object, in place when nobody else holds it. Name and value are
    /// owned.
    @inline(__always) func set(_ object: inout Value, _ name: Value, _ value: Value) throws(Stop) {
        try makeUnique(&object)
        let i = try find(object, name.bytes)
        if i < 0 { return try appendMember(&object, name, value) }
        let slots = object.slots
        release(slots[2 &* i &+ 1])
        slots[2 &* i &+ 1] = value
        release(name)
    }

    /// Makes sure that nobody else holds an owned object, by a copy if needed.
    @inline(__always) func makeUnique(_ object: inout Value) throws(Stop) {
        if !isUnique(object) { try copyObject(&object) }
    }

    @inline(never) private func copyObject(_ object: inout Value) throws(Stop) {
        let count = object.count
        let copy = try makeObject(capacity: count + count / 4 + 1).with(count: count)
        try self.copy(object.slots, 2 * count, to: copy.slots)
        Heap.setUsed(UInt(copy.payload), 2 * count)
        try retainAll(copy.slots, 2 * count)
        release(object)
        object = copy
    }

    /// Removes the member at `index` from an owned object.
    func removeMember(_ object: inout Value, at index: Int) throws(Stop) {
        try makeUnique(&object)
        let count = object.count
        let slots = object.slots
        if hasIndex(UInt(object.payload)) { try indexRemoved(object, at: index) }
        release(slots[2 * index])
        release(slots[2 * index + 1])
        // If a limit stops the move half-way, nothing in the object is released twice.
        Heap.setUsed(UInt(object.payload), 0)
        try copy(
            slots.advanced(by: 2 * index + 2), 2 * (count - index - 1),
            to: slots.advanced(by: 2 * index))
        Heap.setUsed(UInt(object.payload), 2 * count - 2)
        object = object.with(count: count - 1)
    }
}
