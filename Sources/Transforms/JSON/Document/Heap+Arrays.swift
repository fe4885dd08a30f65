// Building arrays in the heap.

extension Heap {
    /// A new, empty array with room for `capacity` elements.
    @inline(__always) func makeArray(capacity: Int) throws(Stop) -> Value {
        if capacity > 1 << 36 { throw stop(.memory) }
        let payload = try allocate(capacity &* 16, unit: 16)
        return Value(.array, flags: Value.counted, payload: UInt64(payload))
    }

    /// Appends an owned element to an owned array, in place when nobody else holds it.
    @inline(__always) func push(_ array: inout Value, _ element: Value) throws(Stop) {
        let count = array.count
        let payload = UInt(array.payload)
        if isUnique(array) && count < Heap.capacity(payload) && Heap.used(payload) == count {
            array.slots[count] = element
            Heap.setUsed(UInt(array.payload), count &+ 1)
            array = array.with(count: count &+ 1)
        } else {
            try pushSlow(&array, element)
        }
    }

    @inline(never) private func pushSlow(_ array: inout Value, _ element: Value) throws(Stop) {
        try reserve(&array, 1)
        let count = array.count
        array.slots[count] = element
        Heap.setUsed(UInt(array.payload), count + 1)
        array = array.with(count: count + 1)
    }

    /// Makes sure that nobody else holds an owned array, by a copy if needed.
    @inline(__always) func makeUniqueArray(_ array: inout Value) throws(Stop) {
        if isUnique(array) && Heap.used(UInt(array.payload)) == array.count { return }
        try reserve(&array, 0)
    }

    /// Makes sure that nobody else holds an owned array, and that it has room for `more` elements.
    func reserve(_ array: inout Value, _ more: Int) throws(Stop) {
        let count = array.count
        if count + more > Int(UInt32.max) { throw stop(.memory) }
        if array.isPart && isSole(array) { try makeWhole(&array) }
        if isUnique(array) {
            // The elements after the array's count are released once nobody else holds the array.
            if Heap.used(UInt(array.payload)) > count { truncate(&array, to: count) }
            if Heap.capacity(UInt(array.payload)) >= count + more { return }
            if Heap.moved(UInt(array.payload)) > 0 {
                try useRoomBefore(&array)
                if Heap.capacity(UInt(array.payload)) >= count + more { return }
            }
            let room = max(count + more, count + count / 2, 4)
            let grown = try grow(
                UInt(array.payload), used: count &* 16, to: room &* 16, unit: 16)
            array.payload = UInt64(grown)
            return
        }
        let room = more == 0 ? count : max(count + more, count + count / 4)
        let copy = try makeArray(capacity: room).with(count: count)
        try self.copy(array.slots, count, to: copy.slots)
        Heap.setUsed(UInt(copy.payload), count)
        try retainAll(copy.slots, count)
        release(array)
        array = copy
    }

    /// The elements `from..<upto` of a borrowed array, in its memory where sharing is worth it (see
    /// `part`).
    func subarray(_ array: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        let count = upto - from
        if count == 0 { return Value.emptyArray }
        if count == array.count { return retain(array) }
        let slots = array.slots.advanced(by: from)
        if !array.isCounted {
            return Value(word: array.with(count: count).word, payload: slots.address)
        }
        if let part = part(array, at: 16 * from, byteCount: 16 * count, count: count) {
            return part
        }
        let copy = try makeArray(capacity: count).with(count: count)
        try self.copy(slots, count, to: copy.slots)
        Heap.setUsed(UInt(copy.payload), count)
        try retainAll(copy.slots, count)
        return copy
    }

    /// Appends all elements of a borrowed array to an owned one.
    func append(_ array: inout Value, contentsOf other: Value) throws(Stop) {
        let more = other.count
        if more == 0 { return }
        try reserve(&array, more)
        let count = array.count
        try copy(other.slots, more, to: array.slots.advanced(by: count))
        try retainAll(other.slots, more)
        Heap.setUsed(UInt(array.payload), count + more)
        array = array.with(count: count + more)
    }

    /// Releases the elements from `count` on of an array that nobody else holds.
    func truncate(_ array: inout Value, to count: Int) {
        assert(isUnique(array))
        releaseAll(array.slots.advanced(by: count), Heap.used(UInt(array.payload)) - count)
        Heap.setUsed(UInt(array.payload), count)
        array = array.with(count: count)
    }
}
