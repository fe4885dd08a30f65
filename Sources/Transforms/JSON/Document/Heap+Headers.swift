// The headers before a block's payload: see the picture in `Heap`.
//
//     size 8    | size in bytes 40 | units of 16 bytes that its start moved 23 | has table 1 |
//
// A block's start moves when the only holder of an array drops its first elements (see
// Heap+Parts.swift); a block has a table if the offsets of its code points are kept
// (Heap+CodePoints.swift). Both are rare, and make the word larger than any small block's size, so
// `free` needs only one comparison.
//
// Safety: addresses are those of blocks and chunks that the heap made.

extension Heap {
    static let sizeMask: UInt = 1 << 40 - 1
    static let movedMax = 1 << 23 - 1
    static let hasTable: UInt = 1 << 63

    /// The byte count of a payload's block, including its header and what precedes a moved start.
    @inline(__always) static func blockByteCount(_ payload: UInt) -> Int {
        Int(load(payload - 24) & sizeMask)
    }

    /// By how many units of 16 bytes a payload's start moved.
    @inline(__always) static func moved(_ payload: UInt) -> Int {
        Int(load(payload - 24) & ~hasTable) >> 40
    }

    @inline(__always) static func setSize(_ payload: UInt, _ byteCount: Int, moved: Int) {
        store(payload - 24, UInt(byteCount) | UInt(moved) << 40)
    }

    /// The byte count of a large block, with its links; `address` is that of the links. The block's
    /// first header keeps it where the start has moved.
    static func largeByteCount(_ address: UInt) -> Int { Int(load(address + 24) & sizeMask) + 16 }

    static func setLargeByteCount(_ address: UInt, _ byteCount: Int) {
        store(address + 24, UInt(byteCount - 16))
    }

    @inline(__always) static func listIndex(_ size: Int) -> Int {
        if size <= 1024 { return (size + 15) >> 4 }
        // 4 sizes for each doubling: 1280, 1536, 1792, 2048, ...
        let doubling = 63 - (size - 1).leadingZeroBitCount
        return 64 + (doubling - 10) * 4 + ((size - 1) >> (doubling - 2) & 3) + 1
    }

    @inline(__always) static func listByteCount(_ list: Int) -> Int {
        if list <= 64 { return list << 4 }
        let step = list - 65
        let doubling = 10 + step >> 2
        return (1 << doubling) + (step & 3 + 1) << (doubling - 2)
    }

    @inline(__always) static func load(_ address: UInt) -> UInt {
        unsafe UnsafePointer<UInt>(bitPattern: address).unsafelyUnwrapped.pointee
    }

    @inline(__always) static func store(_ address: UInt, _ value: UInt) {
        unsafe UnsafeMutablePointer<UInt>(bitPattern: address).unsafelyUnwrapped.pointee = value
    }

    @inline(__always) private static func half(_ address: UInt) -> UnsafeMutablePointer<UInt32> {
        unsafe UnsafeMutablePointer<UInt32>(bitPattern: address).unsafelyUnwrapped
    }

    @inline(__always) static func setHeader(_ payload: UInt, capacity: Int) {
        setReferences(payload, 1)
        setCapacity(payload, capacity)
        setUsed(payload, 0)
    }

    @inline(__always) static func references(_ payload: UInt) -> UInt32 {
        unsafe half(payload - 16).pointee
    }

    @inline(__always) static func setReferences(_ payload: UInt, _ count: UInt32) {
        unsafe half(payload - 16).pointee = count
    }

    /// At most 2^32 - 1: counts have 32 bits.
    @inline(__always) static func capacity(_ payload: UInt) -> Int {
        unsafe Int(half(payload - 12).pointee)
    }

    @inline(__always) static func setCapacity(_ payload: UInt, _ count: Int) {
        unsafe half(payload - 12).pointee = UInt32(clamping: count)
    }

    @inline(__always) static func used(_ payload: UInt) -> Int { Int(load(payload - 8)) }

    @inline(__always) static func setUsed(_ payload: UInt, _ count: Int) {
        store(payload - 8, UInt(bitPattern: count))
    }
}
