// The code points of long strings: how many there are, and the offset at which each begins.
//
//     offsets   0             256            512            768     of the bytes covered
//     bytes     |--------------|--------------|--------------|------|
//     table     0             171            298            554     code points that began before
//
// A loop over a string's characters needs this again and again. So the last few long strings for
// which it was needed keep a table, which serves all of their parts too, since those share the
// memory. The table grows with a string that is appended to, is cut where bytes are overwritten,
// and is freed with the string's block. Strings that are fixed for the run need no such care.
//
// Safety: offsets stay below the byte counts that the tables cover.

/// The table of one string's bytes.
@safe struct CodePointTable {
    /// The address of the first byte, and how many bytes the table covers.
    var start: UInt
    var byteCount: Int
    /// The payload of the block with the entries, 4 bytes each.
    var entries: UInt

    func has(_ address: UInt, _ count: Int) -> Bool {
        address >= start && address + UInt(count) <= start + UInt(byteCount)
    }

    /// A table's entry.
    subscript(piece: Int) -> Int {
        unsafe Int(UnsafePointer<UInt32>(bitPattern: entries).unsafelyUnwrapped[piece])
    }

    func set(_ piece: Int, _ count: Int) {
        unsafe UnsafeMutablePointer<UInt32>(bitPattern: entries).unsafelyUnwrapped[piece] =
            UInt32(truncatingIfNeeded: count)
    }

    /// The bytes between two offsets.
    func bytes(_ from: Int, _ upto: Int) -> Bytes {
        unsafe Bytes(
            UnsafeMutablePointer(bitPattern: start + UInt(from)).unsafelyUnwrapped, upto - from)
    }

    /// How many code points begin before an offset.
    func codePointsUncharged(before offset: Int) -> Int {
        let piece = offset / Heap.codePointPieceByteCount
        let rest = bytes(piece * Heap.codePointPieceByteCount, offset)
        return self[piece] + (unsafe UTF8Text.codePointCount(rest.base, rest.count))
    }

    /// The offset at which the code point `index` begins; it exists.
    func offsetUncharged(ofCodePoint index: Int) -> Int {
        var low = 0
        var high = byteCount / Heap.codePointPieceByteCount
        while low < high {
            let middle = (low + high + 1) / 2
            if self[middle] <= index { low = middle } else { high = middle - 1 }
        }
        let from = low * Heap.codePointPieceByteCount
        let rest = bytes(from, min(byteCount, from + Heap.codePointPieceByteCount))
        return from
            + (unsafe UTF8Text.byteOffset(ofCodePoint: index - self[low], rest.base, rest.count))
    }
}

extension Heap {
    static let codePointPieceByteCount = 256
    static let codePointTableCountMax = 4
    /// Shorter strings are counted each time.
    private static let longStringByteCountMin = 1 << 10
    /// Code points below this index are counted from the front.
    private static let nearCount = 32

    /// The number of a string's code points.
    func codePointCount(of string: Value) throws(Stop) -> Int {
        if string.count < Heap.longStringByteCountMin { return try codePointCount(string.bytes) }
        let table = try codePointTable(string)
        let offset = Int(UInt(string.payload) - table.start)
        return table.codePointsUncharged(before: offset + string.count)
            - table.codePointsUncharged(before: offset)
    }

    /// The offsets at which two code points begin, the first one not after the second, in a string
    /// of `count` code points.
    func byteOffsets(ofCodePoints from: Int, _ upto: Int, of count: Int, in string: Value)
        throws(Stop) -> (Int, Int)
    {
        let bytes = string.bytes
        if bytes.count < Heap.longStringByteCountMin {
            let first = try byteOffset(ofCodePoint: from, bytes)
            if upto == count { return (first, bytes.count) }
            let rest = bytes.slice(first, bytes.count)
            return (first, first + (try byteOffset(ofCodePoint: upto - from, rest)))
        }
        let table = try codePointTable(string)
        let offset = Int(UInt(string.payload) - table.start)
        let before = table.codePointsUncharged(before: offset)
        func start(of index: Int) -> Int {
            if index == count { return bytes.count }
            if index < Heap.nearCount {
                return unsafe UTF8Text.byteOffset(ofCodePoint: index, bytes.base, bytes.count)
            }
            return table.offsetUncharged(ofCodePoint: before + index) - offset
        }
        return (start(of: from), start(of: upto))
    }

    /// The table of a long string, which is made or extended where needed.
    private func codePointTable(_ string: Value) throws(Stop) -> CodePointTable {
        try charge(1)
        let (address, count) = (UInt(string.payload), string.count)
        let known = unsafe state.pointee.codePointTableCount
        for i in 0..<known {
            let table = unsafe state.pointee.codePointTables[i]
            if table.has(address, count) { return table }
            if table.has(address, 1) {
                return try extend(table: i, to: string)
            }
        }
        if string.isCounted {
            let block = Heap.block(string)
            Heap.store(block - 24, Heap.load(block - 24) | Heap.hasTable)
        }
        var slot = known
        if known < Heap.codePointTableCountMax {
            unsafe state.pointee.codePointTableCount = known + 1
        } else {
            slot = unsafe state.pointee.nextCodePointTable
            unsafe state.pointee.nextCodePointTable = (slot + 1) % Heap.codePointTableCountMax
            drop(table: slot)
        }
        unsafe state.pointee.codePointTables[slot] = CodePointTable(
            start: address, byteCount: 0, entries: 0)
        return try extend(table: slot, to: string)
    }

    /// Extends a table to the end of a string.
    private func extend(table slot: Int, to string: Value) throws(Stop) -> CodePointTable {
        var table = unsafe state.pointee.codePointTables[slot]
        let byteCount = Int(UInt(string.payload) - table.start) + string.count
        let unit = Heap.codePointPieceByteCount
        var piece = table.byteCount / unit
        let tableByteCount = (byteCount / unit + 1) * 4
        if table.entries == 0 {
            table.entries = try allocate(tableByteCount, unit: 4)
            // These blocks are not counted among those that a program left unreleased.
            unsafe state.pointee.liveBlocks &-= 1
            table.set(0, 0)
        } else if Heap.capacity(table.entries) * 4 < tableByteCount {
            table.entries = try grow(
                table.entries, used: (piece + 1) * 4, to: tableByteCount * 3 / 2, unit: 4)
        }
        // If a limit stops the loop, the table covers no more than before.
        unsafe state.pointee.codePointTables[slot] = table
        var count = table[piece]
        while (piece + 1) * unit <= byteCount {
            if piece % 64 == 0 { try charge(64 * unit / Heap.stepByteCount) }
            let bytes = table.bytes(piece * unit, (piece + 1) * unit)
            count += unsafe UTF8Text.codePointCount(bytes.base, bytes.count)
            piece += 1
            table.set(piece, count)
        }
        table.byteCount = byteCount
        unsafe state.pointee.codePointTables[slot] = table
        return table
    }

    private func drop(table slot: Int) {
        let entries = unsafe state.pointee.codePointTables[slot].entries
        if entries == 0 { return }
        free(block: entries)
        unsafe state.pointee.liveBlocks &+= 1
    }

    /// Called before bytes from an offset on in a string's block are overwritten.
    func cutCodePointTables(_ block: UInt, _ offset: Int) {
        if Heap.load(block - 24) & Heap.hasTable == 0 { return }
        for i in 0..<(unsafe state.pointee.codePointTableCount) {
            let table = unsafe state.pointee.codePointTables[i]
            let left = Int(bitPattern: block + UInt(offset) &- table.start)
            if table.start >= block && left < table.byteCount
                && table.start < block + UInt(Heap.blockByteCount(block))
            {
                unsafe state.pointee.codePointTables[i].byteCount = max(0, left)
            }
        }
    }

    /// Called before a block is freed or moved: drops the tables of its bytes.
    func dropCodePointTables(_ block: UInt) {
        if Heap.load(block - 24) & Heap.hasTable == 0 { return }
        Heap.store(block - 24, Heap.load(block - 24) & ~Heap.hasTable)
        var i = 0
        while unsafe i < state.pointee.codePointTableCount {
            let start = unsafe state.pointee.codePointTables[i].start
            if start >= block && start < block + UInt(Heap.blockByteCount(block)) {
                drop(table: i)
                let last = unsafe state.pointee.codePointTableCount - 1
                unsafe state.pointee.codePointTables[i] = state.pointee.codePointTables[last]
                unsafe state.pointee.codePointTableCount = last
            } else {
                i += 1
            }
        }
    }
}
