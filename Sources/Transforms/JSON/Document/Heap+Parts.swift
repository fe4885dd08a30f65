// Parts of arrays and strings that share the memory of the whole.
//
//     block     | header | a | b | c | d | e |         [a, b, c, d, e]
//                        ^           ^                 .[3:] of it points here
//                        |<-distance->|                and notes how far the block's start is
//
// A part owns a reference to the block, as the whole does, and holds all of it: so what is small
// beside its block is copied instead, until as much has been copied out of the block as it is
// large. Both are bounded then: the time, by what making the block took, and the memory, but for
// programs that take very many small parts.
//
// Where nobody else holds an array the elements that are left out go, and the block's header moves
// to the first one that stays: the part is the whole from now on.
//
//     block     | - - - - - - | header | d | e |       .[3:] where nobody else has it
//
// Safety: addresses are those of the heap's blocks.

extension Heap {
    /// A part of so many bytes is copied rather than shared, if it is much smaller than its block.
    static let partByteCountMin = 256
    /// A part is worth its block if the block is no more times larger.
    private static let partShareMin = 4
    /// Distances are noted in places of 16 bytes.
    private static let distanceMax: UInt = 1 << 19 - 1

    /// The payload of the block that a counted value is in.
    @inline(__always) static func block(_ value: Value) -> UInt {
        // Payloads are at multiples of 16 bytes, a string's part is anywhere.
        let distance = (value.word & Value.partMask) &>> Value.distanceShift
        return UInt(value.payload & ~15 &- distance &* 16)
    }

    /// The word of the whole that a value is or is a part of.
    private static func wholeWord(_ value: Value) -> UInt64 {
        value.word & ~Value.partMask | Value.counted
    }

    @inline(never) func retainPart(_ value: Value) -> Value {
        let block = Heap.block(value)
        assert(Heap.references(block) != UInt32.max, "retained after it was freed")
        Heap.setReferences(block, Heap.references(block) &+ 1)
        return value
    }

    @inline(never) func releasePart(_ value: Value) {
        let block = Heap.block(value)
        let references = Heap.references(block)
        assert(references != UInt32.max && references > 0, "released after it was freed")
        if references > 1 {
            Heap.setReferences(block, references &- 1)
        } else {
            dispose(Value(word: Heap.wholeWord(value), payload: UInt64(block)))
        }
    }

    /// Whether nobody else holds this owned value or what it is a part of.
    @inline(__always) func isSole(_ value: Value) -> Bool {
        value.isCounted && Heap.references(Heap.block(value)) == 1
    }

    /// The part of a borrowed, counted value that begins `offset` bytes behind its start, owned;
    /// nil where a copy is better.
    func part(_ value: Value, at offset: Int, byteCount: Int, count: Int) -> Value? {
        let block = Heap.block(value)
        let size = Heap.blockByteCount(block)
        if byteCount < size / Heap.partShareMin {
            if byteCount <= Heap.partByteCountMin { return nil }
            let copied = Int(Heap.load(block - 32) >> 1) + byteCount
            if copied <= size {
                Heap.store(block - 32, UInt(copied) << 1 | 1)
                return nil
            }
        }
        let start = UInt(value.payload) + UInt(offset)
        let distance = (start - block) >> 4
        if distance > Heap.distanceMax { return nil }
        Heap.setReferences(block, Heap.references(block) &+ 1)
        var word = Heap.wholeWord(value)
        if start != block {
            word ^= Value.counted | Value.part | UInt64(distance) << Value.distanceShift
        }
        return Value(word: word, payload: UInt64(start)).with(count: count)
    }

    // MARK: Arrays that nobody else holds

    /// The elements `from..<upto` of an owned array; where nobody else holds it in its place.
    func slice(_ array: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        if from == 0 && upto == array.count { return array }
        if from == upto || !isSole(array) {
            defer { release(array) }
            return try subarray(array, from, upto)
        }
        var rest = array
        try makeWhole(&rest)
        if upto < Heap.used(UInt(rest.payload)) { truncate(&rest, to: upto) }
        if from > 0 {
            releaseAll(rest.slots, from)
            try dropFirst(&rest, from)
        }
        try fit(&rest)
        return rest
    }

    /// Lets go of what is around a part of an array that nobody else holds.
    func makeWhole(_ array: inout Value) throws(Stop) {
        if !array.isPart { return }
        let block = Heap.block(array)
        let first = Int(UInt(array.payload) - block) >> 4
        let end = first + array.count
        var whole = Value(word: Heap.wholeWord(array), payload: UInt64(block))
        if end < Heap.used(block) { truncate(&whole, to: end) }
        whole = whole.with(count: end)
        releaseAll(whole.slots, first)
        try dropFirst(&whole, first)
        array = whole
    }

    /// Begins an array that nobody else holds behind its first elements, which have been released
    /// or moved.
    /// - Complexity: O(1), but for one in eight million elements.
    func dropFirst(_ array: inout Value, _ count: Int) throws(Stop) {
        let old = UInt(array.payload)
        let moved = Heap.moved(old) + count
        if moved > Heap.movedMax { return try moveBack(&array, dropping: count) }
        array = array.with(count: array.count - count)
        setStart(&array, moved: moved)
    }

    /// Notes where the values of an array that nobody else holds begin, so many places behind the
    /// block's own start. The array has its new count.
    private func setStart(_ array: inout Value, moved: Int) {
        let old = UInt(array.payload)
        let more = moved - Heap.moved(old)
        let (size, capacity) = (Heap.blockByteCount(old), Heap.capacity(old))
        let new = UInt(bitPattern: Int(bitPattern: old) + 16 * more)
        // The two headers may overlap.
        Heap.store(new - 32, 0)
        Heap.setSize(new, size, moved: moved)
        Heap.setHeader(new, capacity: capacity - more)
        Heap.setUsed(new, array.count)
        array.payload = UInt64(new)
    }

    /// Moves the elements behind the first `count`, which have been released or moved, to where
    /// the block begins.
    private func moveBack(_ array: inout Value, dropping count: Int) throws(Stop) {
        let values = array.slots.advanced(by: count)
        let left = array.count - count
        array = array.with(count: 0)
        setStart(&array, moved: 0)
        try copy(values, left, to: array.slots)
        Heap.setUsed(UInt(array.payload), left)
        array = array.with(count: left)
    }

    /// Moves the elements of an array that nobody else holds to where its block begins, if there
    /// is much room in front of them.
    func useRoomInFront(_ array: inout Value) throws(Stop) {
        let moved = Heap.moved(UInt(array.payload))
        if moved > 0 && 2 * moved >= array.count { try moveBack(&array, dropping: 0) }
    }

    /// Gives most of a block back whose array, which nobody else holds, has become small beside it.
    private func fit(_ array: inout Value) throws(Stop) {
        let payload = UInt(array.payload)
        let size = Heap.blockByteCount(payload)
        let count = array.count
        if size <= 4 * Heap.partByteCountMin || count * 16 >= size / Heap.partShareMin { return }
        let fitted = try makeArray(capacity: count).with(count: count)
        try copy(array.slots, count, to: fitted.slots)
        Heap.setUsed(UInt(fitted.payload), count)
        free(block: payload)
        array = fitted
    }

    // MARK: Elements that go and come

    /// Takes the elements `from..<upto` out of an array that nobody else holds; they have been
    /// released or moved. The fewer of those around them move.
    private func close(_ array: inout Value, _ from: Int, _ upto: Int) throws(Stop) {
        let slots = array.slots
        let (count, gone) = (array.count, upto - from)
        // Where a limit ends the move half-way, nothing in it is released twice.
        Heap.setUsed(UInt(array.payload), 0)
        if from < count - upto {
            try copyBackwards(slots, from, to: slots.advanced(by: gone))
            Heap.setUsed(UInt(array.payload), count)
            return try dropFirst(&array, gone)
        }
        try copy(slots.advanced(by: upto), count - upto, to: slots.advanced(by: from))
        Heap.setUsed(UInt(array.payload), count - gone)
        array = array.with(count: count - gone)
    }

    /// Puts the elements of an owned array in the place of `from..<upto` of another.
    func replace(_ array: inout Value, _ from: Int, _ upto: Int, with part: Value) throws(Stop) {
        defer { release(part) }
        let count = part.count
        let (gone, left) = (upto - from, array.count - upto)
        if !isSole(array) {
            var result = try makeArray(capacity: from + count + left)
            try append(&result, contentsOf: array.with(count: from))
            try append(&result, contentsOf: part)
            let rest = Value(.array, count: left, payload: array.slots.advanced(by: upto).address)
            try append(&result, contentsOf: rest)
            release(array)
            array = result
            return
        }
        try reserve(&array, max(0, count - gone))
        releaseAll(array.slots.advanced(by: from), gone)
        if count < gone { try close(&array, from + count, upto) }
        let total = from + count + left
        // Where a limit ends this half-way, nothing in it is released twice.
        Heap.setUsed(UInt(array.payload), 0)
        let slots = array.slots
        if count > gone {
            try copyBackwards(
                slots.advanced(by: upto), left, to: slots.advanced(by: from + count))
        }
        try copy(part.slots, count, to: slots.advanced(by: from))
        try retainAll(part.slots, count)
        Heap.setUsed(UInt(array.payload), total)
        array = array.with(count: total)
    }

    /// Puts owned elements in front of an owned array, in place where nobody else holds it and
    /// there is room.
    func prepend(_ array: inout Value, _ first: Value) throws(Stop) {
        let count = first.count
        if count == 0 { return release(first) }
        if isUnique(array) && Heap.used(UInt(array.payload)) == array.count
            && Heap.moved(UInt(array.payload)) >= count
        {
            let total = array.count + count
            array = array.with(count: 0)
            setStart(&array, moved: Heap.moved(UInt(array.payload)) - count)
            try copy(first.slots, count, to: array.slots)
            try retainAll(first.slots, count)
            Heap.setUsed(UInt(array.payload), total)
            array = array.with(count: total)
            return release(first)
        }
        let rest = array
        array = first
        try append(&array, contentsOf: rest)
        release(rest)
    }
}
