// What of a text stays and what goes, in words of 32 bits -> its copy. A copy that must not be seen
// before its text is known to be well-formed is kept so in a part of the memory of its bytes, and is
// made in small parts, each drained before the next.
//
//     kept 16, dropped 16         bytes of the text that stay, and behind them bytes that go
//     long 16, dropped 16, count 64    the same, with more bytes that stay
//     written 16, count 16        bytes that stand in `written` in place of what was dropped
//
// Safety: `words` holds `capacity` words, all adding makes room; what stays and goes are parts of the
// text, in its order, so all places are inside it.

import Glibc

@safe struct TextRuns: ~Copyable {
    private let heap: Heap
    private var words: UnsafeMutablePointer<UInt32>
    private var capacity = 1_024
    private(set) var count = 0
    /// Bytes that stand in the copy but not in the text.
    var written: OutputBuffer
    private var writtenCount = 0

    private static let long: UInt32 = 0xFFFE
    private static let inserted: UInt32 = 0xFFFF
    private static let capacityKept = 1 << 16
    /// Bytes that are copied without a call.
    private static let shortMax = 32

    init(heap: Heap) {
        self.heap = heap
        unsafe words = .allocate(capacity: capacity)
        written = OutputBuffer(bytesMax: .max)
    }

    deinit { unsafe free(words) }

    mutating func removeAll() {
        count = 0
        writtenCount = 0
        written.removeAll()
        if capacity > TextRuns.capacityKept {
            unsafe free(words)
            capacity = 1_024
            unsafe words = .allocate(capacity: capacity)
        }
    }

    /// `kept` bytes that stay, and behind them `dropped` that go.
    @inline(__always) mutating func add(kept: Int, dropped: Int) throws(Stop) {
        if kept >= Int(TextRuns.long) || dropped > 0xFFFF || count == capacity {
            return try addLong(kept, dropped)
        }
        unsafe words[count] = UInt32(truncatingIfNeeded: kept | dropped << 16)
        count &+= 1
    }

    @inline(never) private mutating func addLong(_ kept: Int, _ dropped: Int) throws(Stop) {
        try reserve(3)
        unsafe words[count] = TextRuns.long | UInt32(min(dropped, 0xFFFF)) << 16
        unsafe words[count + 1] = UInt32(truncatingIfNeeded: kept)
        unsafe words[count + 2] = UInt32(truncatingIfNeeded: kept >> 32)
        count += 3
        var rest = dropped - min(dropped, 0xFFFF)
        while rest > 0 {
            try reserve(1)
            unsafe words[count] = UInt32(min(rest, 0xFFFF)) << 16
            count += 1
            rest -= min(rest, 0xFFFF)
        }
    }

    /// What was appended to `written` since the last call stands here.
    mutating func addWritten() throws(Stop) {
        while writtenCount < written.count {
            let part = min(written.count - writtenCount, 0xFFFF)
            try reserve(1)
            unsafe words[count] = TextRuns.inserted | UInt32(part) << 16
            count += 1
            writtenCount += part
        }
    }

    private mutating func reserve(_ more: Int) throws(Stop) {
        if count + more <= capacity { return }
        let byteCount = capacity * 2 * 4
        if heap.bytesHeld + byteCount + written.count > heap.bytesMax {
            throw heap.stop(.memory)
        }
        guard let moved = unsafe realloc(words, byteCount) else { throw heap.stop(.memory) }
        unsafe words = moved.assumingMemoryBound(to: UInt32.self)
        capacity *= 2
    }

    /// Appends the copy of the text from `start` on, draining it as it comes.
    borrowing func copy(_ text: Bytes, from start: Int, to out: inout OutputBuffer) throws(Stop) {
        var place = start
        var insertedUpto = 0
        var i = 0
        while i < count {
            let word = unsafe words[i]
            i &+= 1
            var kept = Int(word & 0xFFFF)
            let dropped = Int(word >> 16)
            if kept <= TextRuns.shortMax && place &+ TextRuns.shortMax <= text.count {
                try out.reserve(TextRuns.shortMax, heap)
                // Safety: 32 bytes remain in the text and, reserved just now, in the output.
                unsafe UnsafeMutableRawPointer(out.tail).copyMemory(
                    from: text.base + place, byteCount: TextRuns.shortMax)
                out.advance(kept)
                place &+= kept &+ dropped
                out.drainIfFull()
                continue
            }
            if kept == TextRuns.inserted {
                try out.append(written.bytes.slice(insertedUpto, insertedUpto + dropped), heap)
                insertedUpto += dropped
                continue
            }
            if kept == TextRuns.long {
                kept = unsafe Int(words[i]) | Int(words[i + 1]) << 32
                i += 2
            }
            unsafe try out.pass(Bytes(text.base + place, kept), heap)
            place &+= kept &+ dropped
            out.drainIfFull()
        }
    }
}
