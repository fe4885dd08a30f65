// Which bytes of a text are kept and which are dropped, in words of 16 bits -> its copy. A copy
// must not be seen before its text is known to be well-formed: these words take a fraction of the
// memory of its bytes, and the copy is made in small parts, each drained before the next.
//
//     kept 8, dropped 8            bytes of the text that are kept, then bytes that are dropped
//     long 8, dropped 8, count 64  the same, with more bytes that are kept
//     inserted 8, count 8          bytes of `written`, instead of what was dropped
//
// Benchmark: twitter.json: 327 -> 184 page faults.
//
// Safety: `words` holds `capacity` words, and every method that adds makes room; kept and dropped
// bytes are parts of the text, in its order, so all offsets are inside it.

import Glibc

@safe struct TextRuns: ~Copyable {
    private let heap: Heap
    private var words: UnsafeMutablePointer<UInt16>
    private var capacity = 1_024
    private(set) var count = 0
    /// Bytes of the copy that are not in the text.
    var written: OutputBuffer
    private var writtenCount = 0

    private static let long = 0xFE
    private static let inserted = 0xFF
    private static let droppedMax = 0xFF
    private static let capacityKept = 1 << 17
    /// Bytes that are copied without a call.
    private static let shortMax = 32

    init(heap: Heap) {
        self.heap = heap
        unsafe words = .allocate(capacity: capacity)
        written = OutputBuffer(bytesMax: .max)
    }

    deinit { unsafe free(words) }

    /// Begins a text of at most `byteCount` bytes.
    mutating func begin(_ byteCount: Int) {
        count = 0
        writtenCount = 0
        written.removeAll()
        if capacity > TextRuns.capacityKept {
            unsafe free(words)
            capacity = 0
        }
        // Pages that are never written take no memory, and a block that need not grow is not moved.
        let wanted = min(max(byteCount / 8, 1_024), TextRuns.capacityKept)
        if capacity < wanted {
            if capacity > 0 { unsafe free(words) }
            capacity = wanted
            unsafe words = .allocate(capacity: capacity)
        }
    }

    /// Records that the next `kept` bytes are kept and the `dropped` bytes after them are dropped.
    @inline(__always) mutating func add(kept: Int, dropped: Int) throws(Stop) {
        if kept >= TextRuns.long || dropped > TextRuns.droppedMax || count == capacity {
            return try addLong(kept, dropped)
        }
        unsafe words[count] = UInt16(truncatingIfNeeded: kept | dropped << 8)
        count &+= 1
    }

    @inline(never) private mutating func addLong(_ kept: Int, _ dropped: Int) throws(Stop) {
        var rest = dropped
        try add(TextRuns.long, takePart(&rest))
        for shift in [0, 16, 32, 48] {
            try reserve()
            unsafe words[count] = UInt16(truncatingIfNeeded: kept >> shift)
            count += 1
        }
        while rest > 0 { try add(0, takePart(&rest)) }
    }

    private func takePart(_ rest: inout Int) -> Int {
        let part = min(rest, TextRuns.droppedMax)
        rest -= part
        return part
    }

    private mutating func add(_ low: Int, _ high: Int) throws(Stop) {
        try reserve()
        unsafe words[count] = UInt16(low | high << 8)
        count += 1
    }

    /// Inserts here what was appended to `written` since the last call.
    mutating func addWritten() throws(Stop) {
        var rest = written.count - writtenCount
        while rest > 0 { try add(TextRuns.inserted, takePart(&rest)) }
        writtenCount = written.count
    }

    /// Makes room for a word.
    private mutating func reserve() throws(Stop) {
        if count < capacity { return }
        let byteCount = capacity * 2 * MemoryLayout<UInt16>.stride
        try heap.admit(byteCount + written.count)
        guard let moved = unsafe realloc(words, byteCount) else { throw heap.stop(.memory) }
        unsafe words = moved.assumingMemoryBound(to: UInt16.self)
        capacity *= 2
    }

    /// Appends the copy of the text from `start` on, draining it as it comes.
    borrowing func copy(_ text: Bytes, from start: Int, to out: inout OutputBuffer) throws(Stop) {
        var offset = start
        var insertedUpto = 0
        var i = 0
        while i < count {
            let word = unsafe Int(words[i])
            i &+= 1
            var kept = word & 0xFF
            let dropped = word >> 8
            if kept <= TextRuns.shortMax && offset &+ TextRuns.shortMax <= text.count {
                try out.reserve(TextRuns.shortMax, heap)
                // Safety: 32 bytes remain in the text and, reserved just now, in the output.
                unsafe UnsafeMutableRawPointer(out.tail).copyMemory(
                    from: text.base + offset, byteCount: TextRuns.shortMax)
                out.advance(kept)
                offset &+= kept &+ dropped
                out.drainIfFull()
                continue
            }
            if kept == TextRuns.inserted {
                try out.append(written.bytes.slice(insertedUpto, insertedUpto + dropped), heap)
                insertedUpto += dropped
                continue
            }
            if kept == TextRuns.long {
                kept = 0
                for shift in 0..<4 { kept |= unsafe Int(words[i + shift]) << (16 * shift) }
                i += 4
            }
            unsafe try out.pass(Bytes(text.base + offset, kept), heap)
            offset &+= kept &+ dropped
            out.drainIfFull()
        }
    }
}
