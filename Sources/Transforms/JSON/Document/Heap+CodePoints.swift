// The code points of long strings: how many there are, and the offset at which each begins.
//
//     offsets   0             256            512            768     of the bytes that are measured
//     bytes     |--------------|--------------|--------------|------|
//     table     0             171            298            554     code points that began before
//
// A loop over a string's characters needs this again and again. So the last few long strings for
// which it was needed keep a table, which serves all of their parts too, since those share the
// memory. The table grows with a string that is appended to, is cut where bytes are overwritten,
// and is freed with the string's block. Strings that are fixed for the run need no such care.
//
// Safety: offsets stay below the byte counts that were measured.

/// The table of one string's bytes.
@safe struct Measure {
    /// The address of the first byte, and how many bytes have been measured.
    var start: UInt
    var byteCount: Int
    /// The payload of a block with 4 bytes for each entry.
    var table: UInt

    func has(_ address: UInt, _ count: Int) -> Bool {
        address >= start && address + UInt(count) <= start + UInt(byteCount)
    }

    /// A table's entry.
    subscript(piece: Int) -> Int {
        unsafe Int(UnsafePointer<UInt32>(bitPattern: table).unsafelyUnwrapped[piece])
    }

    func set(_ piece: Int, _ count: Int) {
        unsafe UnsafeMutablePointer<UInt32>(bitPattern: table).unsafelyUnwrapped[piece] =
            UInt32(truncatingIfNeeded: count)
    }

    /// The bytes between two offsets.
    func bytes(_ from: Int, _ upto: Int) -> Bytes {
        unsafe Bytes(
            UnsafeMutablePointer(bitPattern: start + UInt(from)).unsafelyUnwrapped, upto - from)
    }

    /// How many code points begin before an offset.
    func codePointsUncharged(before offset: Int) -> Int {
        let piece = offset / Heap.measurePieceByteCount
        let rest = bytes(piece * Heap.measurePieceByteCount, offset)
        return self[piece] + (unsafe UTF8Text.codePointCount(rest.base, rest.count))
    }

    /// The offset at which the code point `index` begins; it exists.
    func offsetUncharged(ofCodePoint index: Int) -> Int {
        var low = 0
        var high = byteCount / Heap.measurePieceByteCount
        while low < high {
            let middle = (low + high + 1) / 2
            if self[middle] <= index { low = middle } else { high = middle - 1 }
        }
        let from = low * Heap.measurePieceByteCount
        let rest = bytes(from, min(byteCount, from + Heap.measurePieceByteCount))
        return from
            + (unsafe UTF8Text.byteOffset(ofCodePoint: index - self[low], rest.base, rest.count))
    }
}

extension Heap {
    static let measurePieceByteCount = 256
    static let measureCountMax = 4
    /// Shorter strings are counted each time.
    private static let measuredByteCountMin = 1 << 10
    /// Code points below this index are counted from the front.
    private static let nearCount = 32

    /// The number of a string's code points.
    func codePointCount(of string: Value) throws(Stop) -> Int {
        if string.count < Heap.measuredByteCountMin { return try codePointCount(string.bytes) }
        let measure = try measured(string)
        let offset = Int(UInt(string.payload) - measure.start)
        return measure.codePointsUncharged(before: offset + string.count)
            - measure.codePointsUncharged(before: offset)
    }

    /// The offsets at which two code points begin, the first one not after the second, in a string
    /// of `count` code points.
    func byteOffsets(ofCodePoints from: Int, _ upto: Int, of count: Int, in string: Value)
        throws(Stop) -> (Int, Int)
    {
        let bytes = string.bytes
        if bytes.count < Heap.measuredByteCountMin {
            let first = try byteOffset(ofCodePoint: from, bytes)
            if upto == count { return (first, bytes.count) }
            let rest = bytes.slice(first, bytes.count)
            return (first, first + (try byteOffset(ofCodePoint: upto - from, rest)))
        }
        let measure = try measured(string)
        let offset = Int(UInt(string.payload) - measure.start)
        let before = measure.codePointsUncharged(before: offset)
        func start(of index: Int) -> Int {
            if index == count { return bytes.count }
            if index < Heap.nearCount {
                return unsafe UTF8Text.byteOffset(ofCodePoint: index, bytes.base, bytes.count)
            }
            return measure.offsetUncharged(ofCodePoint: before + index) - offset
        }
        return (start(of: from), start(of: upto))
    }

    /// The table of a long string, which is made or extended where needed.
    private func measured(_ string: Value) throws(Stop) -> Measure {
        try charge(1)
        let (address, count) = (UInt(string.payload), string.count)
        let known = unsafe state.pointee.measureCount
        for i in 0..<known {
            let measure = unsafe state.pointee.measures[i]
            if measure.has(address, count) { return measure }
            if measure.has(address, 1) {
                return try extend(measure: i, to: string)
            }
        }
        if string.isCounted {
            let block = Heap.block(string)
            Heap.store(block - 24, Heap.load(block - 24) | Heap.measured)
        }
        var slot = known
        if known < Heap.measureCountMax {
            unsafe state.pointee.measureCount = known + 1
        } else {
            slot = unsafe state.pointee.nextMeasure
            unsafe state.pointee.nextMeasure = (slot + 1) % Heap.measureCountMax
            drop(measure: slot)
        }
        unsafe state.pointee.measures[slot] = Measure(start: address, byteCount: 0, table: 0)
        return try extend(measure: slot, to: string)
    }

    /// Extends a table to the end of a string.
    private func extend(measure slot: Int, to string: Value) throws(Stop) -> Measure {
        var measure = unsafe state.pointee.measures[slot]
        let byteCount = Int(UInt(string.payload) - measure.start) + string.count
        let unit = Heap.measurePieceByteCount
        var piece = measure.byteCount / unit
        let tableByteCount = (byteCount / unit + 1) * 4
        if measure.table == 0 {
            measure.table = try allocate(tableByteCount, unit: 4)
            // These blocks are not counted among those that a program left unreleased.
            unsafe state.pointee.liveBlocks &-= 1
            measure.set(0, 0)
        } else if Heap.capacity(measure.table) * 4 < tableByteCount {
            measure.table = try grow(
                measure.table, used: (piece + 1) * 4, to: tableByteCount * 3 / 2, unit: 4)
        }
        // If a limit stops the loop, the table covers no more than before.
        unsafe state.pointee.measures[slot] = measure
        var count = measure[piece]
        while (piece + 1) * unit <= byteCount {
            if piece % 64 == 0 { try charge(64 * unit / Heap.stepByteCount) }
            let bytes = measure.bytes(piece * unit, (piece + 1) * unit)
            count += unsafe UTF8Text.codePointCount(bytes.base, bytes.count)
            piece += 1
            measure.set(piece, count)
        }
        measure.byteCount = byteCount
        unsafe state.pointee.measures[slot] = measure
        return measure
    }

    private func drop(measure slot: Int) {
        let table = unsafe state.pointee.measures[slot].table
        if table == 0 { return }
        free(block: table)
        unsafe state.pointee.liveBlocks &+= 1
    }

    /// Called before bytes from an offset on in a string's block are overwritten.
    func cutMeasures(_ block: UInt, _ offset: Int) {
        if Heap.load(block - 24) & Heap.measured == 0 { return }
        for i in 0..<(unsafe state.pointee.measureCount) {
            let measure = unsafe state.pointee.measures[i]
            let left = Int(bitPattern: block + UInt(offset) &- measure.start)
            if measure.start >= block && left < measure.byteCount
                && measure.start < block + UInt(Heap.blockByteCount(block))
            {
                unsafe state.pointee.measures[i].byteCount = max(0, left)
            }
        }
    }

    /// Called before a block is freed or moved: drops the tables of its bytes.
    func forgetMeasures(_ block: UInt) {
        if Heap.load(block - 24) & Heap.measured == 0 { return }
        Heap.store(block - 24, Heap.load(block - 24) & ~Heap.measured)
        var i = 0
        while unsafe i < state.pointee.measureCount {
            let start = unsafe state.pointee.measures[i].start
            if start >= block && start < block + UInt(Heap.blockByteCount(block)) {
                drop(measure: i)
                let last = unsafe state.pointee.measureCount - 1
                unsafe state.pointee.measures[i] = state.pointee.measures[last]
                unsafe state.pointee.measureCount = last
            } else {
                i += 1
            }
        }
    }
}
