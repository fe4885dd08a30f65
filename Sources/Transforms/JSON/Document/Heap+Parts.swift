// Parts of arrays and strings that share the memory of the whole.
//
//     block     | header | a | b | c | d | e |         [a, b, c, d, e]
//                        ^           ^                 .[3:] of it points here
//                        |<-distance->|                and notes the distance to the block's start
//
// A part owns a reference to the block, as the whole does, and keeps all of it alive. So a part
// that is small compared with its block is copied instead, until as many bytes have been copied out
// of the block as it has. This bounds both the time, by what making the block took, and the memory,
// except for programs that take very many small parts.
//
// Where nobody else holds an array, the elements outside the part are released, and the block's
// header moves to the first one that is kept: the part then is the whole.
//
//     block     | - - - - - - | header | d | e |       .[3:] where nobody else holds it
//
// Benchmark: `[range(100000)] | until(length < 2; .[1:])`: 11.2 -> 0.012 s.
//
// Safety: addresses are those of the heap's blocks.

extension Heap {
    /// A part of at most this many bytes is always copied if its block is much larger.
    static let partByteCountMin = 256
    /// A part shares its block if the block is at most this many times as large.
    private static let partShareMin = 4
    /// Distances are counted in units of 16 bytes.
    private static let distanceMax: UInt = 1 << 19 - 1

    /// The payload of the block that a counted value is in.
    @inline(__always) static func block(_ value: Value) -> UInt {
        // Payloads are at multiples of 16 bytes; a string's part may begin at any byte.
        let distance = (value.word & Value.partMask) &>> Value.distanceShift
        return UInt(value.payload & ~15 &- distance &* 16)
    }

    /// The word of the whole that a value is, or is a part of.
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

    /// Whether nobody else holds this owned value, or the value that it is a part of.
    @inline(__always) func isSole(_ value: Value) -> Bool {
        value.isCounted && Heap.references(Heap.block(value)) == 1
    }

    /// The part of a borrowed, counted value that begins `offset` bytes after its start, owned; nil
    /// where a copy is better.
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

    /// The elements `from..<upto` of an owned array, in place where nobody else holds it.
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

    /// Releases the elements around a part of an array that nobody else holds.
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

    /// Makes an array that nobody else holds begin after its first elements, which have been
    /// released or moved.
    /// - Complexity: O(1), but for one in eight million elements.
    func dropFirst(_ array: inout Value, _ count: Int) throws(Stop) {
        let old = UInt(array.payload)
        let moved = Heap.moved(old) + count
        if moved > Heap.movedMax { return try moveBack(&array, dropping: count) }
        array = array.with(count: array.count - count)
        setStart(&array, moved: moved)
    }

    /// Notes where the values of an array that nobody else holds begin: this many units of 16 bytes
    /// after the block's own start. The array has its new count.
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

    /// Moves the elements after the first `count`, which have been released or moved, to where the
    /// block begins.
    private func moveBack(_ array: inout Value, dropping count: Int) throws(Stop) {
        let values = array.slots.advanced(by: count)
        let left = array.count - count
        array = array.with(count: 0)
        setStart(&array, moved: 0)
        try copy(values, left, to: array.slots)
        Heap.setUsed(UInt(array.payload), left)
        array = array.with(count: left)
    }

    /// Moves the elements of an array that nobody else holds to where its block begins, if there is
    /// much room before them.
    func useRoomBefore(_ array: inout Value) throws(Stop) {
        let moved = Heap.moved(UInt(array.payload))
        if moved > 0 && 2 * moved >= array.count { try moveBack(&array, dropping: 0) }
    }

    /// Gives back most of a block if its array, which nobody else holds, has become much smaller.
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

    // MARK: Removing and inserting elements

    /// Closes the gap of the elements `from..<upto` in an array that nobody else holds; they have
    /// been released or moved. The smaller of the two parts around it moves.
    private func close(_ array: inout Value, _ from: Int, _ upto: Int) throws(Stop) {
        let slots = array.slots
        let (count, gone) = (array.count, upto - from)
        // If a limit stops the move half-way, nothing in the array is released twice.
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

    /// Replaces the elements `from..<upto` of an owned array by those of another.
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
        // If a limit stops this half-way, nothing in the array is released twice.
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

    /// Inserts owned elements before those of an owned array, in place where nobody else holds it
    /// and there is room.
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
