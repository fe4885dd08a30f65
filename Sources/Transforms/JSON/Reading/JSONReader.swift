// UTF-8 bytes -> values, in one pass and without recursion: RFC 8259, strictly.
//
// Children are pushed on a stack and copied to the heap when their container closes; a frame keeps
// the state of each open container.
//
//     {"a": [1, 2|         stack: "a", 1, 2          frames: the text, the object, the array
//     {"a": [1, 2]|        stack: "a", [1, 2]        frames: the text, the object
//
// Strings without escapes and numbers that are not small integers borrow their bytes from the text,
// which must outlive the values; with `counts` all is copied into counted blocks instead.

import Glibc

@safe struct JSONReader: ~Copyable {
    let heap: Heap
    let budget: Budget
    let depthMax: Int
    /// Whether values are counted blocks that own their bytes (`fromjson`), or live with the text.
    let counts: Bool
    /// Whether everything that jq reads is accepted, and not RFC 8259's texts alone: `nan`,
    /// `Infinity`, `.5`, `+1`, `007`; and U+FFFD in strings for bytes that are not UTF-8.
    let isLenient: Bool
    /// Whether objects may be indexed when they are first looked into: not where threads share
    /// them.
    let indexes: Bool
    /// Whether the text's containers are counted blocks, which may be changed in place. Their
    /// strings and numbers still borrow. Blocks left over by an error are freed when the run ends.
    private(set) var makesBlocks = false
    /// This and the next are written by `init` and in JSONReader+Stack.swift alone.
    var stack: Slots
    /// 0 before the first text, when nothing has been allocated.
    var stackCapacity = 0
    var stackCount = 0

    /// Whether names are remembered from text to text.
    let names: ObjectShapes.NameKeeping
    /// Whether no value of an earlier text is in use as the next one begins.
    var isAlone = true

    /// The shapes of the text's objects so far.
    private(set) var shapes = ObjectShapes.none
    var frames: UnsafeMutablePointer<Frame>
    var frameCapacity = 0

    // The text, and the offset of the next byte to read.
    var base: UnsafeMutablePointer<UInt8>
    var end: Int
    var offset = 0
    /// Where the memory ends that may be looked at: the text's end or after it.
    private(set) var readableEnd = 0

    init(
        heap: Heap, budget: Budget, depthMax: Int, counts: Bool, isLenient: Bool = false,
        indexes: Bool = true, names: ObjectShapes.NameKeeping = .none
    ) {
        self.heap = heap
        self.budget = budget
        self.depthMax = depthMax
        self.counts = counts
        self.isLenient = isLenient
        self.indexes = indexes
        self.names = names
        stack = Slots(address: 16)
        unsafe frames = UnsafeMutablePointer(bitPattern: 16).unsafelyUnwrapped
        unsafe base = UnsafeMutablePointer(bitPattern: 16).unsafelyUnwrapped
        end = 0
    }

    /// Levels of nesting that there is room for at the start: few texts have more.
    private static var frameCountMin: Int { 64 }

    /// Allocates memory at the first text: most runs use only one of their readers.
    @inline(never) private mutating func allocate() {
        allocateStack()
        frameCapacity = JSONReader.frameCountMin
        unsafe frames = .allocate(capacity: frameCapacity)
        shapes = ObjectShapes(names: names)
    }

    deinit {
        if stackCapacity == 0 { return }
        freeStack()
        unsafe frames.deallocate()
        shapes.destroy()
    }

    @inline(never) mutating func growFrames() {
        let moved = UnsafeMutablePointer<Frame>.allocate(capacity: 2 * frameCapacity)
        unsafe moved.moveInitialize(from: frames, count: frameCapacity)
        unsafe frames.deallocate()
        unsafe frames = unsafe moved
        frameCapacity *= 2
    }

    /// The byte order mark.
    static var byteOrderMark: [UInt8] { [0xEF, 0xBB, 0xBF] }

    /// The text to read from; the values may borrow from it.
    /// - Parameters:
    ///   - projection: which parts of each value are used; ignored with `counts`.
    ///   - readableAfter: how many bytes of memory that may be looked at follow the text.
    ///   - skipsMark: whether a byte order mark may precede the text.
    mutating func begin(
        _ text: Bytes, _ projection: Projection = .whole, readableAfter: Int = 0,
        skipsMark: Bool = true
    ) {
        if stackCapacity == 0 { allocate() }
        trimStack()
        unsafe base = text.base
        end = text.count
        readableEnd = end + (end <= JSONReader.lookByteCount ? readableAfter : 0)
        offset = 0
        stackCount = 0
        makesBlocks = counts || projection.changes
        shapes.begin(projection, isAlone: isAlone, heap)
        isAlone = false
        // RFC 8259 section 8.1: a reader may ignore a byte order mark.
        if skipsMark, end >= 3, byte(0) == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF { offset = 3 }
    }

    // Safety: every read is below `end`, which the callers check.
    @inline(__always) func byte(_ offset: Int) -> UInt8 {
        assert(offset < end)
        return unsafe base[offset]
    }

    /// A whole text: one value, followed by nothing but white space.
    mutating func readText(
        _ text: Bytes, _ projection: Projection = .whole, readableAfter: Int = 0,
        skipsMark: Bool = true
    ) throws(ReadFailure) -> Value {
        begin(text, projection, readableAfter: readableAfter, skipsMark: skipsMark)
        let value = try readValue()
        offset = skipSpace(offset)
        if offset < end {
            heap.release(value)
            throw ReadFailure(code: .trailingBytes, offset: offset)
        }
        return value
    }

    /// The next of several texts, or nil at the end.
    mutating func readNext() throws(ReadFailure) -> Value? {
        offset = skipSpace(offset)
        if offset >= end { return nil }
        let value = try readValue()
        do throws(ReadFailure) { try checkEnd(of: value) } catch {
            heap.release(value)
            throw error
        }
        return value
    }

    /// A number or word that is a whole text must end its token: `1true` is malformed. jq refuses
    /// the `1` of `1,` as well.
    @inline(__always) func checkEnd(of value: Value) throws(ReadFailure) {
        if offset < end && !value.isString && !value.isContainer { try checkToken(value) }
    }

    /// Whether a number or word ends before the byte.
    static func endsToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ":"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"):
            true
        default: false
        }
    }

    @inline(__always) func skipSpace(_ start: Int) -> Int {
        var cursor = start
        while cursor < end {
            let byte = unsafe base[cursor]
            if byte > 0x20 { break }
            if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { break }
            cursor &+= 1
        }
        return cursor
    }

    func limit(_ limit: Limit) -> ReadFailure {
        heap.limit = limit
        return ReadFailure(code: .limit, offset: offset)
    }

    func failure(_ code: ReadFailure.Code, _ offset: Int) -> ReadFailure {
        offset >= end
            ? ReadFailure(code: .unexpectedEnd, offset: end)
            : ReadFailure(code: code, offset: offset)
    }

    /// How many bytes may be borrowed for each byte read: what a program makes of them may be
    /// longer.
    private static var borrowablePerByte: Int { 2 }

    /// Reads one value at `offset` and leaves `offset` after it.
    mutating func readValue() throws(ReadFailure) -> Value {
        defer { trimStack() }
        if counts { return try readOwned() }
        let start = offset
        let value = readableEnd == end ? try readBorrowed() : try readNearEnd()
        heap.borrowable &+= JSONReader.borrowablePerByte &* (offset &- start)
        return value
    }

    /// A value in counted blocks, which own their bytes: it is read like any other, and what a
    /// container borrows is copied as the container closes.
    private mutating func readOwned() throws(ReadFailure) -> Value {
        do throws(ReadFailure) {
            var value = try readBorrowed()
            try unsafe own(Slots(&value), 1)
            return value
        } catch {
            // A program may catch the error and continue, so what was read is released. A limit
            // ends the run.
            if error.code != .limit { heap.releaseAll(stack, stackCount) }
            throw error
        }
    }

    /// Copies the strings and numbers among these values that borrow from the text.
    @inline(never) func own(_ values: Slots, _ count: Int) throws(ReadFailure) {
        do throws(Stop) {
            try unsafe heap.own(values, count, from: Bytes(base, end))
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    /// A value of a short text that memory follows. It is read like the middle of a long one; where
    /// what follows may have been taken for a part of it, it is malformed, and is read again.
    private mutating func readNearEnd() throws(ReadFailure) -> Value {
        let start = offset
        do throws(ReadFailure) {
            let value = try readBorrowed()
            if offset <= end { return value }
            heap.release(value)
        } catch {
            if error.offset < end || error.code == .limit { throw error }
        }
        readableEnd = end
        offset = start
        return try readBorrowed()
    }

    /// A string, number or word, whatever its form.
    @inline(__always) mutating func readScalar() throws(ReadFailure) -> Value {
        offset = skipSpace(offset)
        if offset >= end { throw ReadFailure(code: .unexpectedEnd, offset: end) }
        let first = byte(offset)
        switch first {
        case UInt8(ascii: "\""):
            offset &+= 1
            return try readString()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try readNumber()
        default:
            return try readLiteral(first)
        }
    }

    private mutating func readLiteral(_ first: UInt8) throws(ReadFailure) -> Value {
        if isLenient && first == UInt8(ascii: "n") && offset &+ 1 < end
            && byte(offset &+ 1) | 0x20 == UInt8(ascii: "a")
        {
            return try readLenientNumber(offset)
        }
        let (word, value): (StaticString, Value)
        switch first {
        case UInt8(ascii: "t"): (word, value) = ("true", .yes)
        case UInt8(ascii: "f"): (word, value) = ("false", .no)
        case UInt8(ascii: "n"): (word, value) = ("null", .null)
        default:
            if isLenient && !JSONReader.endsToken(first) { return try readLenientNumber(offset) }
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        let start = offset
        for i in 0..<word.utf8CodeUnitCount {
            if offset >= end { throw ReadFailure(code: .unexpectedEnd, offset: end) }
            if byte(offset) != (unsafe word.utf8Start[i]) {
                throw ReadFailure(code: .badLiteral, offset: start)
            }
            offset &+= 1
        }
        return value
    }

    /// A member's name; the colon is read too.
    @inline(__always) mutating func readNameValue() throws(ReadFailure) -> Value {
        offset = skipSpace(offset)
        if offset >= end { throw ReadFailure(code: .unexpectedEnd, offset: end) }
        if byte(offset) != UInt8(ascii: "\"") {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        offset &+= 1
        let name = try readString()
        offset = skipSpace(offset)
        if offset >= end || byte(offset) != UInt8(ascii: ":") {
            throw failureAfter(name)
        }
        offset &+= 1
        return name
    }

    /// A wrong byte, or none, after a name that is in no object yet.
    func failureAfter(_ name: Value) -> ReadFailure {
        heap.release(name)
        return failure(.unexpectedByte, offset)
    }

    /// The most members of an object whose names are compared through a set of 64 bits: with more
    /// than one a bit, the set tells too few apart, and the names are looked up in an index.
    static var recordCountMax: Int { 64 }

    /// A hash of a name, from 0 to 63, that differs between most different names.
    @inline(__always) static func fingerprint(_ name: Bytes) -> Int {
        let length = name.count
        if length == 0 { return 0 }
        return
            (length &* 7 &+ Int(name[0]) &+ Int(name[length &- 1]) &* 5
            &+ Int(name[length / 2]) &* 3) & 63
    }

    mutating func closeObject(_ start: Int) throws(ReadFailure) -> Value {
        let members = stack.advanced(by: start)
        var count = (stackCount - start) / 2
        do throws(Stop) {
            if count > JSONReader.recordCountMax { return try closeLargeObject(members, count) }
            let repeats = try mayRepeat(members, count, stride: 2)
            if makesBlocks {
                if repeats { return try closeLargeObject(members, count) }
                let object = try heap.makeObject(capacity: count).with(count: count)
                object.slots.copyUncharged(members, byBytes: count &* 32)
                Heap.setUsed(UInt(object.payload), 2 &* count)
                return object
            }
            if repeats { count = try dropRepeated(members, count) }
            // Too many members for a linear scan: leave room for an index before them.
            let room = count > Heap.scanCountMax && indexes ? Heap.headerByteCount : 0
            let address = try heap.bump(count &* 32 &+ room) + UInt(room)
            if room > 0 { Heap.store(address - 32, 0) }
            let slots = Slots(address: UInt64(address))
            try heap.copy(members, 2 &* count, to: slots)
            return Value(
                .object, flags: room > 0 ? Heap.indexable : 0, count: count, payload: slots.address)
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    /// Whether two of `count` names are equal: the strings at every `stride` slots. A set of 64
    /// bits, over the names' lengths and some of their bytes, tells most different names apart.
    @inline(__always) func mayRepeat(_ names: Slots, _ count: Int, stride: Int) throws(Stop)
        -> Bool
    {
        var seen: UInt64 = 0
        for i in 0..<count {
            let name = names[stride &* i]
            let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: JSONReader.fingerprint(name.bytes))
            if seen & bit != 0 {
                for j in 0..<i where names[stride &* j].count == name.count {
                    if try heap.begins(names[stride &* j].bytes, name.bytes) { return true }
                }
            }
            seen |= bit
        }
        return false
    }

    /// Keeps the first index and the last value of each name; returns how many members are left.
    private func dropRepeated(_ members: Slots, _ count: Int) throws(Stop) -> Int {
        var kept = 0
        for i in 0..<count {
            let name = members[2 * i]
            let known = try heap.scan(
                Value(.object, count: kept, payload: members.address), name.bytes)
            if known >= 0 {
                members[2 * known + 1] = members[2 * i + 1]
            } else {
                members[2 * kept] = name
                members[2 * kept + 1] = members[2 * i + 1]
                kept += 1
            }
        }
        return kept
    }

    /// Many members: repeated names are found through the heap's own hash index.
    private func closeLargeObject(_ members: Slots, _ count: Int) throws(Stop) -> Value {
        if makesBlocks {
            var object = try heap.makeObject(capacity: count)
            for i in 0..<count { try heap.set(&object, members[2 * i], members[2 * i + 1]) }
            return object
        }
        let address = try heap.bump(count * 32 + Heap.headerByteCount) + UInt(Heap.headerByteCount)
        Heap.store(address - 32, 0)
        let slots = Slots(address: UInt64(address))
        let kept = try heap.fillIndexed(slots, members, count)
        return Value(.object, flags: Heap.indexable, count: kept, payload: slots.address)
    }
}
