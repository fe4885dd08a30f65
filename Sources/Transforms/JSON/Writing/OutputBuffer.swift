// The bytes that a run writes: one growing buffer, owned, bounded, reused from run to run.

import Glibc

/// An owned, growing run of bytes with a bound.
@safe public struct OutputBuffer: ~Copyable {
    // Safety: `capacity` bytes of `SystemMemory`; writes are preceded by `reserve`.
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// The bytes written.
    public private(set) var count = 0
    /// The most bytes it may hold at once.
    public var bytesMax: Int
    /// Where bytes go when there are more than `drainCount` of them; nil keeps them all.
    private var drain: ((UnsafeRawBufferPointer) -> Bool)?
    private static let drainCount = 1 << 16
    /// How many bytes there may be before they are offered to the drain.
    private var drainedAbove = OutputBuffer.drainCount
    /// The memory that an output always has; runs request more.
    private static let ownCount = 256 << 10
    /// Whether its memory counts towards the heap that its methods are given.
    private let countsTowardsHeap: Bool

    /// - Parameter drain: receives the bytes as they are written, in parts of about 64 KiB; false
    ///   where it does not take them: then they are offered again along with the next 64 KiB.
    @safe public init(bytesMax: Int, drain: ((UnsafeRawBufferPointer) -> Bool)? = nil) {
        // With a drain the usual maximum is allocated at once: it never moves, and uses memory only
        // as it fills.
        capacity = unsafe drain == nil ? 1 << 12 : OutputBuffer.drainCount + 1 << 13
        unsafe base = OutputBuffer.allocate(capacity)
        self.bytesMax = bytesMax
        unsafe self.drain = unsafe drain
        countsTowardsHeap = false
    }

    /// A buffer for texts within a run, whose memory counts towards the bytes that its heap may
    /// hold.
    init(heap: Heap) {
        capacity = OutputBuffer.heapCapacityMin
        unsafe base = OutputBuffer.allocate(capacity)
        bytesMax = .max
        countsTowardsHeap = true
        heap.countExternal(capacity)
    }

    private static let heapCapacityMin = 1 << 12
    private static let heapCapacityMax = 1 << 20

    /// Drops what was written within a run, and gives back memory that few texts need.
    mutating func clear(_ heap: Heap) {
        count = 0
        if capacity > OutputBuffer.heapCapacityMax { shrink(heap) }
    }

    /// Gives back all but a little memory; the buffer must be empty.
    mutating func shrink(_ heap: Heap) {
        precondition(countsTowardsHeap && count == 0)
        let smaller = OutputBuffer.heapCapacityMin
        let larger = capacity
        if larger > smaller && resize(to: smaller) { heap.countExternal(smaller - larger) }
    }

    deinit { unsafe SystemMemory.free(UInt(bitPattern: base), capacity) }

    private static func allocate(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        guard let address = SystemMemory.allocate(byteCount) else {
            preconditionFailure("the system has no memory left")
        }
        return unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
    }

    /// - Returns: false where the system has no memory left.
    private mutating func resize(to room: Int) -> Bool {
        let old = unsafe UInt(bitPattern: base)
        guard let address = SystemMemory.resize(old, from: capacity, to: room) else { return false }
        unsafe base = UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
        capacity = room
        return true
    }

    /// Drops what was written; keeps at most `retaining` bytes of memory.
    public mutating func removeAll(retaining: Int = 1 << 20) {
        count = 0
        drainedAbove = OutputBuffer.drainCount
        if capacity > retaining { _ = resize(to: 1 << 12) }
    }

    public func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        unsafe try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Offers all bytes to the drain, if there is one.
    public mutating func flush() {
        guard let drain = unsafe drain, count > 0 else { return }
        if unsafe drain(UnsafeRawBufferPointer(start: base, count: count)) { count = 0 }
        drainedAbove = count + OutputBuffer.drainCount
    }

    @inline(__always) mutating func drainIfFull() {
        if count > drainedAbove { flush() }
    }

    var bytes: Bytes { unsafe Bytes(base, count) }

    /// Drops what was written after the first `count` bytes.
    public mutating func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    /// Makes room for `more` bytes.
    @inline(__always) mutating func reserve(_ more: Int, _ heap: Heap) throws(Stop) {
        if count &+ more > capacity { try grow(more, heap) }
    }

    @inline(never) private mutating func grow(_ more: Int, _ heap: Heap) throws(Stop) {
        let needed = count + more
        // Reserved bytes are an upper bound of those written, so the limit is met a little early.
        if needed > bytesMax { throw heap.stop(.output) }
        let room = min(max(needed, capacity * 2), max(needed, bytesMax))
        if countsTowardsHeap {
            try heap.resizeExternal(from: capacity, to: room)
        } else if room > OutputBuffer.ownCount {
            try heap.admitOutput(room - max(capacity, OutputBuffer.ownCount))
        }
        if !resize(to: room) {
            if countsTowardsHeap { heap.countExternal(capacity - room) }
            throw heap.stop(.memory)
        }
    }

    /// Where `reserve`d bytes are written; `advance` counts them.
    @inline(__always) var tail: UnsafeMutablePointer<UInt8> { unsafe base + count }

    @inline(__always) mutating func advance(_ byteCount: Int) {
        count &+= byteCount
        assert(count <= capacity)
    }

    /// Appends one byte, for which there is room.
    @inline(__always) mutating func put(_ byte: UInt8) {
        assert(count < capacity)
        unsafe base[count] = byte
        count &+= 1
    }

    @inline(__always) mutating func append(_ byte: UInt8, _ heap: Heap) throws(Stop) {
        try reserve(1, heap)
        put(byte)
    }

    /// Appends the lowest bytes of a word, the lowest first.
    @inline(__always) mutating func append(word: UInt64, _ byteCount: Int, _ heap: Heap)
        throws(Stop)
    {
        try reserve(8, heap)
        // Safety: reserved just now.
        unsafe UnsafeMutableRawPointer(tail).storeBytes(of: word.littleEndian, as: UInt64.self)
        count &+= byteCount
    }

    @inline(__always) mutating func append(_ bytes: Bytes, _ heap: Heap) throws(Stop) {
        try reserve(bytes.count, heap)
        // Safety: reserved just now.
        unsafe try heap.copy(bytes, to: tail)
        count &+= bytes.count
    }

    /// The room that `putLine` needs in addition to its width.
    static var lineRoom: Int { 18 }

    /// Appends a comma if wanted, a line feed and `width` bytes of `fill`. There is room for
    /// `lineRoom` bytes more than the width.
    @inline(__always) mutating func putLine(_ width: Int, _ fill: SIMD16<UInt8>, comma: Bool) {
        var offset = count
        assert(offset &+ width &+ OutputBuffer.lineRoom <= capacity)
        // Safety: reserved by the caller; the last word ends less than 16 bytes after the width.
        unsafe base[offset] = UInt8(ascii: ",")
        offset &+= comma ? 1 : 0
        unsafe base[offset] = 0x0A
        offset &+= 1
        let end = offset &+ width
        while offset < end {
            unsafe UnsafeMutableRawPointer(base + offset).storeBytes(
                of: fill, as: SIMD16<UInt8>.self)
            offset &+= 16
        }
        count = end
    }

    /// Appends a short string that needs no escapes, with its quotes; there is room for them.
    @inline(__always) mutating func putString(_ bytes: Bytes) {
        assert(count &+ bytes.count &+ 2 <= capacity)
        // Safety: reserved by the caller.
        let target = unsafe base + count
        unsafe target[0] = UInt8(ascii: "\"")
        unsafe bytes.copyUncharged(to: target + 1)
        unsafe target[bytes.count &+ 1] = UInt8(ascii: "\"")
        count &+= bytes.count &+ 2
    }

    mutating func append(_ text: StaticString, _ heap: Heap) throws(Stop) {
        unsafe try append(
            Bytes(UnsafeMutablePointer(mutating: text.utf8Start), text.utf8CodeUnitCount), heap)
    }
}
