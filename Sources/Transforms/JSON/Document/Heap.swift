// The memory of a run: one capped, reusable arena for documents and for what the program builds.
//
// A document's containers are bump-allocated from chunks and live until the run ends. What a
// program builds is put in blocks that count their references; a freed block goes to the free list
// of its size and is used again, so a loop runs in constant memory. Large blocks come from the
// system one by one; the largest grow without a copy (see SystemMemory.swift).
//
//     block     | index 8 | size 8 | references 4, capacity 4, used 8 | payload ...
//                                                                     ^ a value points here
//
// `size` is the block's size in bytes, `capacity` and `used` count elements, members or bytes;
// `index` is the address of an object's hash index (see ObjectIndex.swift), or the number of bytes
// of an array or string that were copied into others (see Heap+Parts.swift). At the end of a run
// everything is dropped at once: a value that an error left behind costs nothing.

import Glibc

@safe struct Heap {
    // Safety: allocated by `init`, freed by `destroy`; used by one thread at a time.
    let state: UnsafeMutablePointer<State>

    @safe struct State {
        var bump: UInt
        var bumpEnd: UInt
        var freeLists: UnsafeMutablePointer<UInt>
        /// Whether a list may have a block.
        var hasFreeBlocks = false
        /// The chunks: each starts with the address of the previous one and its size.
        var chunk: UInt
        /// Chunks of earlier runs that this one has not needed yet.
        var spareChunk: UInt
        var largeList: UInt
        var bytesHeld: Int
        /// The part of it that is external memory, such as a reader's stack: it outlives a reset.
        var bytesExternal: Int
        /// What the heap may hold without a request, and what it may hold at all.
        var bytesMax: Int
        var bytesLimit: Int
        /// The source of more memory, what it granted and what is to be given back.
        var source: (any MemorySource)?
        var granted: Int
        var grantedOutput: Int
        var bytesPeak: Int
        /// Counted blocks in use: zero after a run that released everything that it built.
        var liveBlocks: Int
        var limit: Limit
        /// The sentence of an error raised below the evaluator, which makes a value of it when it
        /// is caught.
        var sentence: StaticString?
        var indexSeed: UInt64
        /// Where a reader keeps names from text to text; another number whenever these names are
        /// dropped.
        var keptNames: Range<UInt64> = 0..<0
        var keptNamesVersion = 0
        /// Steps left in this slice of the run's budget, which is consulted when they are used up.
        var fuel: Int
        /// The run's budget, if there is one.
        var budget: UnsafeMutablePointer<Budget.State>?
        /// How many bytes of texts the program's values may still borrow from.
        var borrowable: Int
        /// Tables of the code points of long strings: how many there are, and the slot that is
        /// reused next.
        var codePointTables: UnsafeMutablePointer<CodePointTable>
        var codePointTableCount: Int
        var nextCodePointTable: Int
    }

    static let headerByteCount = 32
    private static let chunkHeaderByteCount = 32
    private static let chunkByteCountMin = 1 << 18
    private static let chunkByteCountMax = 1 << 23
    static let smallByteCountMax = 1 << 16
    /// 64 lists in steps of 16 bytes, then 4 lists for each doubling.
    private static let freeListCount = 64 + 24 + 1

    init(bytesMax: Int) {
        unsafe state = .allocate(capacity: 1)
        let lists = UnsafeMutablePointer<UInt>.allocate(capacity: Heap.freeListCount)
        unsafe lists.initialize(repeating: 0, count: Heap.freeListCount)
        unsafe state.initialize(
            to: State(
                bump: 0, bumpEnd: 0, freeLists: lists, chunk: 0, spareChunk: 0, largeList: 0,
                bytesHeld: 0, bytesExternal: 0, bytesMax: bytesMax,
                bytesLimit: bytesMax, source: nil, granted: 0, grantedOutput: 0,
                bytesPeak: 0, liveBlocks: 0,
                limit: .none, sentence: nil,
                indexSeed: UInt64.random(in: 1...UInt64.max), fuel: 0, budget: nil,
                borrowable: 0, codePointTables: .allocate(capacity: Heap.codePointTableCountMax),
                codePointTableCount: 0, nextCodePointTable: 0))
    }

    func destroy() {
        assert(unsafe state.pointee.budget == nil, "the budget is destroyed first")
        reset(retaining: 0)
        giveBack(output: true)
        unsafe state.pointee.freeLists.deallocate()
        unsafe state.pointee.codePointTables.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    var bytesMax: Int {
        get { unsafe state.pointee.bytesMax }
        nonmutating set { unsafe state.pointee.bytesMax = newValue }
    }
    var bytesLimit: Int {
        get { unsafe state.pointee.bytesLimit }
        nonmutating set { unsafe state.pointee.bytesLimit = newValue }
    }
    var bytesHeld: Int { unsafe state.pointee.bytesHeld }
    /// The most bytes that were held since the last reset.
    var bytesPeak: Int { unsafe max(state.pointee.bytesPeak, state.pointee.bytesHeld) }
    var liveBlocks: Int { unsafe state.pointee.liveBlocks }
    var limit: Limit {
        get { unsafe state.pointee.limit }
        nonmutating set { unsafe state.pointee.limit = newValue }
    }
    /// Bytes of chunks of earlier runs that this one has not needed yet.
    var bytesSpare: Int {
        var sum = 0
        var chunk = unsafe state.pointee.spareChunk
        while chunk != 0 {
            sum += Int(Heap.load(chunk + 8))
            chunk = Heap.load(chunk)
        }
        return sum
    }
    var indexSeed: UInt64 { unsafe state.pointee.indexSeed }

    /// How many bytes of texts the values that the program builds may still borrow from; these
    /// texts then live as long as the run. Bounded by the size of its documents.
    var borrowable: Int {
        get { unsafe state.pointee.borrowable }
        nonmutating set { unsafe state.pointee.borrowable = newValue }
    }

    /// Charges work that cannot stop half-way; the next charge checks the clock for it.
    @inline(__always) func spend(_ steps: Int) { unsafe state.pointee.fuel &-= steps }

    /// The value of a number in any form. A literal may have a million digits, so this is charged.
    @inline(__always) func double(_ value: Value) -> Double {
        if value.tag == .literal { spend(Heap.digitSteps(value)) }
        return value.double
    }

    /// The steps that reading a number's digits costs.
    @inline(__always) static func digitSteps(_ value: Value) -> Int {
        value.tag == .literal ? value.count &>> 4 : 0
    }

    /// Records the limit and gives the error to throw.
    @inline(never) func stop(_ limit: Limit) -> Stop {
        self.limit = limit
        return .limit
    }

    /// Raises an error with this sentence.
    @inline(never) func tooDeep(_ sentence: StaticString) -> Stop {
        unsafe state.pointee.sentence = sentence
        return .raised
    }

    /// The sentence of the error that was raised last, if it has one.
    func takeSentence() -> StaticString? {
        let sentence = unsafe state.pointee.sentence
        unsafe state.pointee.sentence = nil
        return sentence
    }

    /// Frees everything that was allocated, keeping at most `retaining` bytes of chunks for the
    /// next run.
    @inline(__always) func reset(retaining: Int) {
        if unsafe state.pointee.largeList != 0 || state.pointee.hasFreeBlocks { freeBlocks() }
        if !reopenChunk(retaining) { freeChunks(retaining) }
        unsafe state.pointee.bytesPeak = 0
        unsafe state.pointee.liveBlocks = 0
        unsafe state.pointee.borrowable = 0
        unsafe state.pointee.codePointTableCount = 0
        unsafe state.pointee.limit = .none
    }

    @inline(never) private func freeBlocks() {
        var large = unsafe state.pointee.largeList
        while large != 0 {
            let next = Heap.load(large)
            SystemMemory.free(large, Heap.largeByteCount(large))
            large = next
        }
        unsafe state.pointee.largeList = 0
        unsafe state.pointee.freeLists.update(repeating: 0, count: Heap.freeListCount)
        unsafe state.pointee.hasFreeBlocks = false
    }

    @inline(never) private func freeChunks(_ retaining: Int) {
        let spare = retain(retaining)
        unsafe state.pointee.chunk = 0
        unsafe state.pointee.spareChunk = spare
        unsafe state.pointee.bump = 0
        unsafe state.pointee.bumpEnd = 0
        unsafe state.pointee.bytesHeld = state.pointee.bytesExternal
    }

    /// Empties the only chunk of a short run, as most are, for the next one: taking it back and
    /// handing it out again is 5 % of what a line of 60 bytes costs.
    /// - Returns: false where there are other chunks, or it is large.
    @inline(__always) private func reopenChunk(_ byteCountMax: Int) -> Bool {
        let chunk = unsafe state.pointee.chunk
        guard chunk != 0, unsafe state.pointee.spareChunk == 0, Heap.load(chunk) == 0 else {
            return false
        }
        let size = Int(Heap.load(chunk + 8))
        if size > min(byteCountMax, 2 * Heap.chunkByteCountMin) { return false }
        unsafe state.pointee.bump = chunk + UInt(Heap.chunkHeaderByteCount)
        unsafe state.pointee.bumpEnd = chunk + UInt(size)
        unsafe state.pointee.bytesHeld = state.pointee.bytesExternal + size
        return true
    }

    /// Keeps chunks of up to this many bytes in total and gives the rest back: a page that is
    /// touched again costs much less than a new one.
    /// - Returns: the list of the kept chunks; 0 for none.
    private func retain(_ byteCountMax: Int) -> UInt {
        var kept: UInt = 0
        var left = byteCountMax
        for list in unsafe [state.pointee.spareChunk, state.pointee.chunk] {
            var chunk = list
            while chunk != 0 {
                let next = Heap.load(chunk)
                let size = Int(Heap.load(chunk + 8))
                if size > left {
                    SystemMemory.unmap(chunk, size)
                } else {
                    left -= size
                    Heap.store(chunk, kept)
                    kept = chunk
                }
                chunk = next
            }
        }
        return kept
    }

    // MARK: Bumped memory

    /// Memory that lives until the run ends, in multiples of 16 bytes.
    @inline(__always) func bump(_ byteCount: Int) throws(Stop) -> UInt {
        let size = UInt(byteCount + 15) & ~15
        let start = unsafe state.pointee.bump
        if start &+ size > (unsafe state.pointee.bumpEnd) || start == 0 {
            return try bumpSlow(Int(size))
        }
        unsafe state.pointee.bump = start &+ size
        return start
    }

    /// The same if the open chunk has room; else nil.
    @inline(__always) func bumpQuickly(_ size: Int) -> UInt? {
        let start = unsafe state.pointee.bump
        let end = start &+ UInt(bitPattern: size)
        if start == 0 || end > (unsafe state.pointee.bumpEnd) { return nil }
        unsafe state.pointee.bump = end
        return start
    }

    @inline(never) private func bumpSlow(_ size: Int) throws(Stop) -> UInt {
        let (address, chunkSize) = try chunk(of: size + Heap.chunkHeaderByteCount)
        Heap.store(address, unsafe state.pointee.chunk)
        Heap.store(address + 8, UInt(chunkSize))
        unsafe state.pointee.chunk = address
        unsafe state.pointee.bytesHeld += chunkSize
        let start = address + UInt(Heap.chunkHeaderByteCount)
        // After a big request its chunk stays open only if its rest is larger than that of the open
        // one.
        let rest = address + UInt(chunkSize) - start - UInt(size)
        if rest > (unsafe state.pointee.bumpEnd) - (unsafe state.pointee.bump) {
            unsafe state.pointee.bump = start + UInt(size)
            unsafe state.pointee.bumpEnd = address + UInt(chunkSize)
        }
        return start
    }

    /// A chunk of at least this many bytes, a spare one if that is large enough.
    private func chunk(of byteCountMin: Int) throws(Stop) -> (address: UInt, byteCount: Int) {
        let held = bytesHeld
        let spare = unsafe state.pointee.spareChunk
        if spare != 0 {
            let size = Int(Heap.load(spare + 8))
            if size >= byteCountMin && held + size <= bytesLimit {
                try admit(size)
                unsafe state.pointee.spareChunk = Heap.load(spare)
                return (spare, size)
            }
        }
        var size = max(Heap.chunkByteCountMin, min(held / 4, Heap.chunkByteCountMax))
        size = (max(size, byteCountMin) + 0xFFFF) & ~0xFFFF
        let unit = SystemMemory.hugePageByteCount
        let huge = (size + unit - 1) & ~(unit - 1)
        if held >= 2 * unit, held + huge <= bytesLimit {
            try admit(huge)
            if let chunk = SystemMemory.mapHuge(huge) { return (chunk, huge) }
        }
        try admit(size)
        guard let chunk = SystemMemory.map(size) else { throw stop(.memory) }
        return (chunk, size)
    }

    // MARK: Counted blocks

    /// A block with one reference and room for `payloadByteCount` bytes; its payload's address.
    @inline(__always) func allocate(_ payloadByteCount: Int, unit: Int) throws(Stop) -> UInt {
        let size = payloadByteCount + Heap.headerByteCount
        if size > Heap.smallByteCountMax { return try allocateLarge(size, unit: unit) }
        let list = Heap.listIndex(size)
        let listSize = Heap.listByteCount(list)
        var block = unsafe state.pointee.freeLists[list]
        if block != 0 {
            unsafe state.pointee.freeLists[list] = Heap.load(block)
        } else {
            block = try bump(listSize)
        }
        unsafe state.pointee.liveBlocks &+= 1
        let payload = block + UInt(Heap.headerByteCount)
        Heap.store(block, 0)
        Heap.store(block + 8, UInt(listSize))
        Heap.setHeader(payload, capacity: (listSize - Heap.headerByteCount) / unit)
        return payload
    }

    /// The same for a multiple of 16 bytes that is available at once from a free list or the open
    /// chunk; else nil. The block holds as many elements as its bytes shifted by `countShift`.
    @inline(__always) func allocateQuickly(_ payloadByteCount: Int, countShift: UInt64) -> UInt? {
        let size = payloadByteCount &+ Heap.headerByteCount
        if size > 1024 { return nil }
        let list = size &>> 4
        var block = unsafe state.pointee.freeLists[list]
        if block != 0 {
            unsafe state.pointee.freeLists[list] = Heap.load(block)
        } else {
            guard let bumped = bumpQuickly(size) else { return nil }
            block = bumped
        }
        unsafe state.pointee.liveBlocks &+= 1
        let payload = block &+ UInt(Heap.headerByteCount)
        Heap.store(block, 0)
        Heap.store(block &+ 8, UInt(bitPattern: size))
        Heap.setHeader(
            payload,
            capacity: Int(truncatingIfNeeded: UInt64(payloadByteCount) &>> countShift))
        return payload
    }

    @inline(never) private func allocateLarge(_ size: Int, unit: Int) throws(Stop) -> UInt {
        // Before a large block's header: next and previous in the list of large blocks.
        let total = (size + 16 + 4095) & ~4095
        if size > 1 << 39 { throw stop(.memory) }
        try admit(total)
        guard let address = SystemMemory.allocate(total) else { throw stop(.memory) }
        // Such a block is usually filled, and the kernel clears it first.
        spend(total / 128)
        unsafe state.pointee.bytesHeld += total
        unsafe state.pointee.liveBlocks &+= 1
        linkLarge(address)
        Heap.store(address + 16, 0)
        Heap.setLargeByteCount(address, total)
        let payload = address + 16 + UInt(Heap.headerByteCount)
        Heap.setHeader(payload, capacity: (total - 16 - Heap.headerByteCount) / unit)
        return payload
    }

    /// Gives back the block's memory; what its payload holds has been released.
    @inline(__always) func free(block payload: UInt) {
        let block = payload - UInt(Heap.headerByteCount)
        let size = Int(bitPattern: Heap.load(block + 8))
        unsafe state.pointee.liveBlocks &-= 1
        if UInt(bitPattern: size) > UInt(Heap.smallByteCountMax) { return freeOther(payload) }
        putBack(block, size, payload)
    }

    /// Puts a small block on the free list of its size.
    @inline(__always) private func putBack(_ block: UInt, _ size: Int, _ payload: UInt) {
        let list = Heap.listIndex(size)
        #if DEBUG
            // Use after free is noticed: counts of 2^32 - 1 trap in `retain` and `release`.
            Heap.setHeader(payload, capacity: 0)
            Heap.setReferences(payload, UInt32.max)
        #endif
        Heap.store(block, unsafe state.pointee.freeLists[list])
        unsafe state.pointee.freeLists[list] = block
        unsafe state.pointee.hasFreeBlocks = true
    }

    /// Gives back a large block, one whose start moved, or one with a table of code points.
    @inline(never) private func freeOther(_ payload: UInt) {
        dropCodePointTables(payload)
        let size = Heap.blockByteCount(payload)
        let block = payload - UInt(Heap.headerByteCount + 16 * Heap.moved(payload))
        if size > Heap.smallByteCountMax { return freeLarge(block - 16, size + 16) }
        putBack(block, size, payload)
    }

    @inline(never) private func freeLarge(_ address: UInt, _ total: Int) {
        unlinkLarge(address)
        unsafe state.pointee.bytesPeak = max(state.pointee.bytesPeak, state.pointee.bytesHeld)
        unsafe state.pointee.bytesHeld -= total
        SystemMemory.free(address, total)
    }

    /// Makes room for `payloadByteCount` bytes in a block with one reference; returns its new
    /// payload. A moved start keeps its distance from the block's start.
    @inline(never) func grow(
        _ payload: UInt, used byteCount: Int, to payloadByteCount: Int, unit: Int
    )
        throws(Stop) -> UInt
    {
        let size = Heap.blockByteCount(payload)
        let moved = Heap.moved(payload)
        let inFront = 16 * moved
        if payloadByteCount > 1 << 38 { throw stop(.memory) }
        if size > Heap.smallByteCountMax {
            let headers = inFront + Heap.headerByteCount + 16
            let total = (payloadByteCount + headers + 4095) & ~4095
            try admitGrowth(from: size + 16, to: total)
            dropCodePointTables(payload)
            let old = payload - UInt(headers)
            unlinkLarge(old)
            guard let address = SystemMemory.resize(old, from: size + 16, to: total) else {
                linkLarge(old)
                throw stop(.memory)
            }
            spend((total - size) / 128)
            unsafe state.pointee.bytesHeld += total - size - 16
            linkLarge(address)
            let grown = address + UInt(headers)
            Heap.setLargeByteCount(address, total)
            Heap.setSize(grown, total - 16, moved: moved)
            Heap.setCapacity(grown, (total - headers) / unit)
            return grown
        }
        let start = try allocate(payloadByteCount + inFront, unit: unit)
        let grown = start + UInt(inFront)
        let (grownSize, capacity) = (Heap.blockByteCount(start), Heap.capacity(start))
        unsafe memcpy(
            UnsafeMutableRawPointer(bitPattern: grown).unsafelyUnwrapped,
            UnsafeRawPointer(bitPattern: payload).unsafelyUnwrapped, byteCount)
        if moved > 0 {
            Heap.setSize(grown, grownSize, moved: moved)
            Heap.setHeader(grown, capacity: capacity - inFront / unit)
        }
        Heap.store(grown - 32, Heap.load(payload - 32))
        Heap.setUsed(grown, Heap.used(payload))
        free(block: payload)
        return grown
    }

    private func linkLarge(_ address: UInt) {
        let next = unsafe state.pointee.largeList
        Heap.store(address, next)
        Heap.store(address + 8, 0)
        if next != 0 { Heap.store(next + 8, address) }
        unsafe state.pointee.largeList = address
    }

    private func unlinkLarge(_ address: UInt) {
        let next = Heap.load(address)
        let previous = Heap.load(address + 8)
        if next != 0 { Heap.store(next + 8, previous) }
        if previous != 0 {
            Heap.store(previous, next)
        } else {
            unsafe state.pointee.largeList = next
        }
    }
}
