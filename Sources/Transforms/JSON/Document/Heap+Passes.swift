// All passes over bytes and elements: comparing, searching, copying, counting and hashing. A short
// pass is a part of the step that needs it; a longer one is made in pieces, each charged before it
// begins, so that the clock is checked some ten times a millisecond whatever a value's size:
//
//     |- 32 KiB -|- 32 KiB -|- 32 KiB -|- rest -|        512 steps, 512 steps, ...
//     ^ charge   ^ charge   ^ charge   ^ charge
//
// Functions that do such work without a charge have `Uncharged` in their names and are here as
// well, except for the readers of texts, which charge what they read (TidyTests).
//
// Safety: reads and writes stay below the counts that go with the pointers.

import Glibc

extension Heap {
    /// Bytes between two charges.
    static let pieceByteCount = 1 << 15
    /// How many bytes one step passes over.
    static let stepByteCount = 64
    /// Values between two charges, where they are moved, counted or compared.
    static let pieceValueCount = 1 << 10
    /// A pass over at most this many bytes is not charged.
    private static let shortByteCountMax = 256

    /// Charges a loop over elements, 1,024 at a time; the loop calls this with each index.
    @inline(__always) func chargeElement(_ index: Int) throws(Stop) {
        if index & (Heap.pieceValueCount &- 1) == Heap.pieceValueCount &- 1 {
            try charge(Heap.pieceValueCount)
        }
    }

    /// The pieces of a pass over `byteCount` bytes, each charged before it is given to `body`.
    /// - Parameter unit: the size of all pieces but the last is a multiple of it.
    @inline(__always) func inPieces(
        _ byteCount: Int, unit: Int = 1, perStep: Int = stepByteCount,
        _ body: (_ from: Int, _ upto: Int) throws(Stop) -> Void
    ) throws(Stop) {
        let piece = Heap.pieceByteCount / unit * unit
        var from = 0
        while from < byteCount {
            let upto = min(from &+ piece, byteCount)
            try charge((upto &- from) / perStep)
            try body(from, upto)
            from = upto
        }
    }

    // MARK: Comparing

    /// Whether both are the same bytes.
    @inline(__always) func isSame(_ lhs: Bytes, _ rhs: Bytes) throws(Stop) -> Bool {
        lhs.count == rhs.count ? try begins(lhs, rhs) : false
    }

    /// Whether the first `lhs.count` bytes of both are the same; `rhs` has at least as many.
    @inline(__always) func begins(_ lhs: Bytes, _ rhs: Bytes) throws(Stop) -> Bool {
        lhs.count <= Heap.shortByteCountMax
            ? lhs.hasSameBytesUncharged(rhs) : try beginsLong(lhs, rhs)
    }

    @inline(never) private func beginsLong(_ lhs: Bytes, _ rhs: Bytes) throws(Stop) -> Bool {
        if unsafe lhs.base == rhs.base { return true }
        var offset = 0
        while offset < lhs.count {
            let count = min(Heap.pieceByteCount, lhs.count - offset)
            try charge(count / Heap.stepByteCount)
            if unsafe memcmp(lhs.base + offset, rhs.base + offset, count) != 0 { return false }
            offset += count
        }
        return true
    }

    /// Order by bytes, which for UTF-8 is the order by code points. Most strings differ in their
    /// first 8 bytes, which are compared as one big-endian number.
    @inline(__always) func order(_ lhs: Bytes, _ rhs: Bytes) throws(Stop) -> Int {
        let (left, right) = (lhs.prefix, rhs.prefix)
        if left != right { return left < right ? -1 : 1 }
        if lhs.count <= 8 && rhs.count <= 8 { return (lhs.count &- rhs.count).signum() }
        return try orderLong(lhs, rhs)
    }

    @inline(never) private func orderLong(_ lhs: Bytes, _ rhs: Bytes) throws(Stop) -> Int {
        let common = min(lhs.count, rhs.count)
        var offset = unsafe lhs.base == rhs.base ? common : 0
        while offset < common {
            let count = min(Heap.pieceByteCount, common - offset)
            try charge(count / Heap.stepByteCount)
            let order = unsafe Int(memcmp(lhs.base + offset, rhs.base + offset, count))
            if order != 0 { return order.signum() }
            offset += count
        }
        return (lhs.count - rhs.count).signum()
    }

    // MARK: Copying

    /// Copies all of `bytes` to `target` from `offset` on.
    @inline(__always) func copy(_ bytes: Bytes, to target: Bytes, at offset: Int) throws(Stop) {
        assert(offset + bytes.count <= target.count)
        unsafe try copy(bytes, to: target.base + offset)
    }

    /// Copies all of `bytes` to memory that has room for them.
    @inline(__always) func copy(_ bytes: Bytes, to target: UnsafeMutablePointer<UInt8>)
        throws(Stop)
    {
        if bytes.count <= 32 {
            unsafe bytes.copyFew(to: target)
        } else if bytes.count <= Heap.shortByteCountMax {
            unsafe memcpy(target, bytes.base, bytes.count)
        } else {
            unsafe try copyLong(bytes, to: target)
        }
    }

    @inline(never) private func copyLong(_ bytes: Bytes, to target: UnsafeMutablePointer<UInt8>)
        throws(Stop)
    {
        try inPieces(bytes.count) { from, upto throws(Stop) in
            unsafe memcpy(target + from, bytes.base + from, upto - from)
        }
    }

    /// Copies `count` values; where source and target overlap, the target comes first.
    @inline(__always) func copy(_ values: Slots, _ count: Int, to target: Slots) throws(Stop) {
        if count <= Heap.pieceValueCount {
            try charge(count &>> 2)
            target.copyUncharged(values, count)
        } else {
            try copyMany(values, count, to: target)
        }
    }

    @inline(never) private func copyMany(_ values: Slots, _ count: Int, to target: Slots)
        throws(Stop)
    {
        var i = 0
        while i < count {
            let piece = min(Heap.pieceValueCount, count - i)
            try charge(piece / 4)
            target.advanced(by: i).copyUncharged(values.advanced(by: i), piece)
            i += piece
        }
    }

    /// Copies `count` values; where source and target overlap, the source comes first.
    func copyBackwards(_ values: Slots, _ count: Int, to target: Slots) throws(Stop) {
        var left = count
        while left > 0 {
            let piece = min(Heap.pieceValueCount, left)
            try charge(piece / 4)
            left -= piece
            target.advanced(by: left).copyUncharged(values.advanced(by: left), piece)
        }
    }

    /// Retains each of these values.
    @inline(__always) func retainAll(_ slots: Slots, _ count: Int) throws(Stop) {
        for i in 0..<count {
            retain(slots[i])
            try chargeElement(i)
        }
    }

    /// Releases each of these values. If there are many and the run's time is over, the rest is
    /// left until the run ends.
    @inline(__always) func releaseAll(_ slots: Slots, _ count: Int) {
        for i in 0..<count {
            release(slots[i])
            if i & (Heap.pieceValueCount &- 1) == Heap.pieceValueCount &- 1,
                !mayGoOn(Heap.pieceValueCount)
            {
                return
            }
        }
    }

    /// Charges work that may be left undone when the run's time is over, such as freeing memory
    /// that is freed at the run's end anyway; returns false when it is over.
    @inline(__always) func mayGoOn(_ steps: Int) -> Bool {
        do throws(Stop) {
            try charge(steps)
            return true
        } catch { return false }
    }

    // MARK: Counting and searching

    /// The number of code points in valid UTF-8.
    func codePointCount(_ bytes: Bytes) throws(Stop) -> Int {
        var count = 0
        try inPieces(bytes.count) { from, upto throws(Stop) in
            count += unsafe UTF8Text.codePointCount(bytes.base + from, upto - from)
        }
        return count
    }

    /// The offset at which the code point `index` begins; the byte count where there are fewer code
    /// points.
    func byteOffset(ofCodePoint index: Int, _ bytes: Bytes) throws(Stop) -> Int {
        var left = index
        var offset = 0
        while offset < bytes.count {
            let count = min(Heap.pieceByteCount, bytes.count - offset)
            try charge(count / Heap.stepByteCount)
            let begun = unsafe UTF8Text.codePointCount(bytes.base + offset, count)
            if begun > left {
                return unsafe offset
                    + UTF8Text.byteOffset(ofCodePoint: left, bytes.base + offset, count)
            }
            left -= begun
            offset += count
        }
        return bytes.count
    }

    /// The offset of the next match.
    func next(_ matches: inout ByteMatches) throws(Stop) -> Int? {
        try matches.next { (byteCount) throws(Stop) in
            try charge(1 &+ byteCount / Heap.stepByteCount)
        }
    }

    /// The end of the piece of UTF-8 that begins at `offset`: not inside of a code point.
    func pieceEnd(_ bytes: Bytes, from offset: Int) -> Int {
        if bytes.count - offset <= Heap.pieceByteCount { return bytes.count }
        let end = offset + Heap.pieceByteCount
        // A code point has at most three bytes after its first one.
        for back in 0...3 where bytes[end - back] & 0xC0 != 0x80 { return end - back }
        return end
    }

    /// The first offset of a byte; the byte count where it does not occur.
    func firstOffset(of byte: UInt8, in bytes: Bytes) throws(Stop) -> Int {
        var offset = 0
        while offset < bytes.count {
            let count = min(Heap.pieceByteCount, bytes.count - offset)
            try charge(count / Heap.stepByteCount)
            if let found = unsafe memchr(bytes.base + offset, Int32(byte), count) {
                return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(bytes.base)
            }
            offset += count
        }
        return bytes.count
    }

    // MARK: Hashing

    /// A seeded hash of the bytes: 8 at a time, mixed by full multiplication.
    @inline(__always) func hash(_ bytes: Bytes) throws(Stop) -> UInt64 {
        var state = indexSeed ^ UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
        if bytes.count <= Heap.shortByteCountMax {
            state = hashUncharged(bytes, state)
        } else {
            state = try hashLong(bytes, state)
        }
        let product = state.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    @inline(never) private func hashLong(_ bytes: Bytes, _ start: UInt64) throws(Stop) -> UInt64 {
        var state = start
        try inPieces(bytes.count, perStep: 32) { from, upto throws(Stop) in
            state = hashUncharged(bytes.slice(from, upto), state)
        }
        return state
    }

    @inline(__always) private func hashUncharged(_ bytes: Bytes, _ start: UInt64) -> UInt64 {
        var state = start
        var offset = 0
        while offset < bytes.count {
            var word: UInt64 = 0
            if offset &+ 8 <= bytes.count {
                word = unsafe UnsafeRawPointer(bytes.base + offset).loadUnaligned(as: UInt64.self)
            } else {
                for i in offset..<bytes.count { word = word << 8 | UInt64(bytes[i]) }
            }
            let product = (state ^ word).multipliedFullWidth(by: indexSeed | 0xA076_1D64_78BD_642F)
            state = product.high ^ product.low &+ word.byteSwapped
            offset &+= 8
        }
        return state
    }
}

extension Bytes {
    /// Whether both are the same bytes; names are short, so no function is called for them.
    @inline(__always) func hasSameBytesUncharged(_ other: Bytes) -> Bool {
        let count = count
        unsafe assert(count <= other.count || base == other.base)
        if count >= 8 {
            var offset = 0
            while offset &+ 8 < count {
                if unsafe differ(other, offset, as: UInt64.self) { return false }
                offset &+= 8
            }
            return unsafe !differ(other, count &- 8, as: UInt64.self)
        }
        if count >= 4 {
            return unsafe !differ(other, 0, as: UInt32.self)
                && !differ(other, count &- 4, as: UInt32.self)
        }
        if count >= 2 {
            return unsafe !differ(other, 0, as: UInt16.self)
                && !differ(other, count &- 2, as: UInt16.self)
        }
        return count == 0 || self[0] == other[0]
    }

    /// Whether the words at an offset are different.
    @unsafe @inline(__always) private func differ<Word: FixedWidthInteger & BitwiseCopyable>(
        _ other: Bytes, _ offset: Int, as type: Word.Type
    ) -> Bool {
        unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: type)
            != UnsafeRawPointer(other.base + offset).loadUnaligned(as: type)
    }

    /// Copies all bytes, usually few: up to 32 by words that overlap, without a call.
    @inline(__always) func copyUncharged(to target: UnsafeMutablePointer<UInt8>) {
        if count > 32 {
            unsafe memcpy(target, base, count)
        } else {
            unsafe copyFew(to: target)
        }
    }

    @inline(__always) fileprivate func copyFew(to target: UnsafeMutablePointer<UInt8>) {
        let (source, target) = unsafe (UnsafeRawPointer(base), UnsafeMutableRawPointer(target))
        // Safety: all offsets are between 0 and `count` less the word's size.
        if count >= 16 {
            unsafe Bytes.copyEnds(source, to: target, count, SIMD2<UInt64>.self)
        } else if count >= 8 {
            unsafe Bytes.copyEnds(source, to: target, count, UInt64.self)
        } else if count >= 4 {
            unsafe Bytes.copyEnds(source, to: target, count, UInt32.self)
        } else if count > 0 {
            let middle = count &>> 1
            let bytes = unsafe (base[0], base[middle], base[count &- 1])
            unsafe target.storeBytes(of: bytes.0, as: UInt8.self)
            unsafe target.storeBytes(of: bytes.1, toByteOffset: middle, as: UInt8.self)
            unsafe target.storeBytes(of: bytes.2, toByteOffset: count &- 1, as: UInt8.self)
        }
    }

    /// Copies the first and the last bytes, one word each.
    @inline(__always) private static func copyEnds<Word: BitwiseCopyable>(
        _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int,
        _ word: Word.Type
    ) {
        // Safety: `count` is at least the word's size.
        let last = count &- MemoryLayout<Word>.size
        let (head, tail) = unsafe (
            source.loadUnaligned(as: word), source.loadUnaligned(fromByteOffset: last, as: word)
        )
        unsafe target.storeBytes(of: head, as: word)
        unsafe target.storeBytes(of: tail, toByteOffset: last, as: word)
    }

    /// The first 8 bytes as a big-endian number, filled up with zeros.
    @inline(__always) var prefix: UInt64 {
        let raw = unsafe UnsafeRawPointer(base)
        // Safety: reads stay below `count`; words that overlap save the loop.
        if count >= 8 { return unsafe raw.loadUnaligned(as: UInt64.self).bigEndian }
        if count >= 4 {
            let last = count &- 4
            let high = unsafe raw.loadUnaligned(as: UInt32.self).bigEndian
            let low = unsafe raw.loadUnaligned(fromByteOffset: last, as: UInt32.self).bigEndian
            return UInt64(high) &<< 32
                | UInt64(truncatingIfNeeded: low &<< UInt32(truncatingIfNeeded: (4 &- last) &* 8))
                & (last == 0 ? 0 : 0xFFFF_FFFF)
        }
        var prefix: UInt64 = 0
        for offset in 0..<count {
            prefix |= UInt64(self[offset]) &<< UInt64(truncatingIfNeeded: 56 &- 8 &* offset)
        }
        return prefix
    }
}

extension Slots {
    /// Copies values, usually few, of this many bytes from `other`, which does not overlap.
    @inline(__always) func copyUncharged(_ other: Slots, byBytes byteCount: Int) {
        let (target, source) = unsafe (
            UnsafeMutableRawPointer(base), UnsafeRawPointer(other.base)
        )
        var offset = 0
        while offset &+ 64 <= byteCount {
            unsafe target.storeBytes(
                of: source.load(fromByteOffset: offset, as: SIMD8<UInt64>.self),
                toByteOffset: offset, as: SIMD8<UInt64>.self)
            offset &+= 64
        }
        while offset < byteCount {
            unsafe target.storeBytes(
                of: source.load(fromByteOffset: offset, as: SIMD2<UInt64>.self),
                toByteOffset: offset, as: SIMD2<UInt64>.self)
            offset &+= 16
        }
    }

    /// Copies `count` values from `other`, which may overlap.
    @inline(__always) func copyUncharged(_ other: Slots, _ count: Int) {
        unsafe base.update(from: other.base, count: count)
    }
}
