// JSON text -> the same text as the writer writes it, compact, without building its values: what
// the program `.` does to an input. Runs of bytes that need no change are copied whole. White space
// and everything that is written differently end a run:
//
//     {"a": [1, 2.50]}      runs: {"a":   [1,   2.50]}
//
// Runs are copied when all of the text has been read (see TextRuns.swift): nothing of a malformed
// text is written. Each open container has a frame on the stack; its names are compared with those
// of earlier objects of the same shape (see ObjectNames.swift), and kept on the reader's stack
// where there is no room for them there.
//
// Safety: a run is a part of the text that was read; `end` is checked before 8 bytes are loaded;
// `frames` has room for `frameCapacity`, which `open` compares with.
//
// Values must be built after all where a name is repeated in an object: the last value is then
// written at the first one's position.

@safe struct JSONTranscoder: ~Copyable {
    /// An open container.
    private struct Frame {
        var isObject = false
        /// Whether the names are on the reader's stack, since one of them has no token.
        var keepsNames = false
        /// Whether a name is repeated.
        var repeats = false
        /// The container's own shape among the names.
        var shape = 0
        // Of an object: the tokens of the name that was read last and of the one expected next, or
        // 0; and the bits of the tokens that it has had.
        var token = 0
        var expected = 0
        var matched: UInt64 = 0
        /// Where the names begin on the reader's stack.
        var names = 0
    }

    private var reader: JSONReader
    private let writer: JSONWriter
    private let heap: Heap
    private let names = ObjectNames()
    private var frames: UnsafeMutablePointer<Frame>
    /// Levels of nesting that there is room for; few texts have more than at the start.
    private var frameCapacity = 64
    private var frame = Frame()
    private var depth = 0
    // The text.
    private var base: UnsafeMutablePointer<UInt8>
    private var end = 0
    /// Where the text that is being read begins.
    private var start = 0
    /// Where the bytes that are still to be copied unchanged begin.
    private var runStart = 0
    private var runs: TextRuns
    /// Bytes between two looks at the budget.
    private static let lookByteCount = 1 << 16

    init(heap: Heap, budget: Budget, depthMax: Int, isLenient: Bool = false) {
        reader = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false, isLenient: isLenient)
        writer = JSONWriter(heap: heap, budget: budget, options: .compact)
        self.heap = heap
        unsafe frames = .allocate(capacity: frameCapacity)
        runs = TextRuns(heap: heap)
        unsafe base = reader.base
    }

    deinit {
        unsafe frames.deallocate()
        names.destroy()
    }

    /// Whether the text can be copied, and if so whether its value is true and where it ends.
    enum Result {
        case readable(isTrue: Bool, end: Int)
        case needsValues
    }

    /// Appends the copy of the text that was read last, draining it as it comes.
    func copy(to out: inout OutputBuffer) throws(Stop) {
        unsafe try runs.copy(Bytes(base, end), from: start, to: &out)
    }

    /// Reads the text at `offset`, which is not at white space.
    mutating func read(_ text: Bytes, from offset: Int) throws(ReadFailure) -> Result {
        begin(text, offset)
        defer { reader.trimStack() }
        var isTrue = true
        var nextLook = offset &+ JSONTranscoder.lookByteCount
        var cursor = offset
        while true {
            cursor = try passSpace(cursor)
            let first = unsafe base[cursor]
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                let inside = try passSpaceAfter(cursor)
                if unsafe base[inside] != first &+ 2 {
                    cursor = try open(inside, isObject: first == UInt8(ascii: "{"))
                    if frame.isObject { cursor = try readName(cursor) }
                    continue
                }
                if depth >= reader.depthMax {
                    throw ReadFailure(code: .tooDeep, offset: inside)
                }
                cursor = inside &+ 1
            } else {
                let isScalarTrue = try readScalar(&cursor, first)
                if depth == 0 { isTrue = isScalarTrue }
            }
            while depth > 0 {
                cursor = try passSpace(cursor)
                let next = unsafe base[cursor]
                if next == UInt8(ascii: ",") {
                    cursor &+= 1
                    if frame.isObject { cursor = try readName(cursor) }
                    break
                }
                if next != (frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    throw ReadFailure(code: .unexpectedByte, offset: cursor)
                }
                cursor &+= 1
                if try !close() { return .needsValues }
            }
            if cursor >= nextLook {
                nextLook = cursor &+ JSONTranscoder.lookByteCount
                do throws(Stop) { try reader.budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: cursor)
                }
            }
            if depth == 0 {
                try endRun(cursor, next: cursor)
                return .readable(isTrue: isTrue, end: cursor)
            }
        }
    }

    private mutating func begin(_ text: Bytes, _ offset: Int) {
        reader.begin(text)
        unsafe base = text.base
        end = text.count
        depth = 0
        frame = Frame()
        names.begin()
        runs.begin(end - offset)
        start = offset
        runStart = offset
    }

    // MARK: Runs

    /// Ends the run of the bytes since `runStart`, which are copied unchanged; the next run begins
    /// at `next`.
    @inline(__always) private mutating func endRun(_ upto: Int, next: Int) throws(ReadFailure) {
        do throws(Stop) { try runs.add(kept: upto &- runStart, dropped: next &- upto) } catch {
            throw ReadFailure(code: .limit, offset: upto)
        }
        runStart = next
    }

    /// What was appended to `runs.written` replaces the text up to `next`.
    private mutating func addWritten(next: Int) throws(ReadFailure) {
        do throws(Stop) { try runs.addWritten() } catch {
            throw ReadFailure(code: .limit, offset: next)
        }
    }

    /// The offset of the first byte from `offset` on that is not white space. White space ends a
    /// run; the next begins after it.
    @inline(__always) private mutating func passSpace(_ offset: Int) throws(ReadFailure) -> Int {
        if offset < end && (unsafe base[offset] > 0x20) { return offset }
        // One space, as after a colon.
        if offset &+ 1 < end, unsafe base[offset] == 0x20 && base[offset &+ 1] > 0x20 {
            try endRun(offset, next: offset &+ 1)
            return offset &+ 1
        }
        return try dropSpace(offset)
    }

    /// The same after the byte at `offset`.
    @inline(__always) private mutating func passSpaceAfter(_ offset: Int) throws(ReadFailure)
        -> Int
    {
        try passSpace(offset &+ 1)
    }

    @inline(never) private mutating func dropSpace(_ offset: Int) throws(ReadFailure) -> Int {
        let next = unsafe try TextScan(base, end).spaceEnd(offset)
        try endRun(offset, next: next)
        return next
    }

    // MARK: Containers

    /// Goes into a container whose first child, or name, is at `inside`.
    private mutating func open(_ inside: Int, isObject: Bool) throws(ReadFailure) -> Int {
        if depth >= reader.depthMax { throw ReadFailure(code: .tooDeep, offset: inside - 1) }
        if depth == frameCapacity {
            let moved = UnsafeMutablePointer<Frame>.allocate(capacity: 2 * frameCapacity)
            unsafe moved.moveInitialize(from: frames, count: frameCapacity)
            unsafe frames.deallocate()
            unsafe frames = unsafe moved
            frameCapacity *= 2
        }
        unsafe frames[depth] = frame
        depth &+= 1
        let shape =
            depth == 1
            ? ObjectNames.root
            : frame.token != 0 ? names.memberShape(frame.token) : names.elementShape(frame.shape)
        frame = Frame(isObject: isObject, shape: shape, names: reader.stackCount)
        if isObject { frame.expected = names.first(shape) }
        return inside
    }

    /// Leaves a container.
    /// - Returns: false if two of its names are equal.
    @inline(__always) private mutating func close() throws(ReadFailure) -> Bool {
        if frame.repeats { return false }
        if frame.keepsNames {
            do throws(Stop) { if try hasRepeatedNames() { return false } } catch {
                throw ReadFailure(code: .limit, offset: reader.offset)
            }
        }
        depth &-= 1
        frame = unsafe frames[depth]
        return true
    }

    @inline(never) private mutating func hasRepeatedNames() throws(Stop) -> Bool {
        let kept = reader.stack.advanced(by: frame.names)
        let count = reader.stackCount - frame.names
        reader.stackCount = frame.names
        if count <= JSONReader.recordCountMax {
            return try reader.mayRepeat(kept, count, stride: 1)
        }
        var size = 256
        while size < 2 * count { size *= 2 }
        let table = UnsafeMutablePointer<UInt32>.allocate(capacity: size)
        unsafe table.initialize(repeating: 0, count: size)
        defer { unsafe table.deallocate() }
        for i in 0..<count {
            let name = kept[i].bytes
            try heap.charge(1)
            var probe = Int(truncatingIfNeeded: try heap.hash(name)) & (size - 1)
            while case let known = unsafe Int(table[probe]), known != 0 {
                if try heap.isSame(kept[known - 1].bytes, name) { return true }
                probe = (probe + 1) & (size - 1)
            }
            unsafe table[probe] = UInt32(truncatingIfNeeded: i + 1)
        }
        return false
    }

    // MARK: Names

    /// Reads a name and its colon; returns the offset after them.
    @inline(__always) private mutating func readName(_ start: Int) throws(ReadFailure) -> Int {
        let offset = try passSpace(start)
        let index = frame.expected
        if index != 0, unsafe names.matches(index, base + offset, end &- offset) {
            let token = names.token(index)
            if frame.matched & token.bit == 0 {
                frame.matched |= token.bit
                frame.token = index
                frame.expected = Int(token.next)
                return offset &+ token.byteCount
            }
        }
        return try readOtherName(offset)
    }

    @inline(never) private mutating func readOtherName(_ offset: Int) throws(ReadFailure) -> Int {
        if !frame.keepsNames {
            let known = unsafe names.find(
                frame.shape, expected: frame.expected, base + offset, end - offset)
            if known != 0 { return take(known, offset) }
        }
        var next = plainNameEnd(offset)
        var name = Value.absent
        if next == 0 || frame.keepsNames {
            reader.offset = offset
            name = try reader.readNameValue()
            next = reader.offset
            // A token has its quotes and colon next to it.
            if name.word & Value.plain == 0 || next != offset + name.count + 3 {
                return try writeName(name, offset)
            }
        }
        if !frame.keepsNames {
            let made = unsafe names.add(
                frame.shape, expected: frame.expected, base + offset, next - offset)
            if made != 0 { return take(made, offset) }
            try keepNames()
            if name.isAbsent {
                reader.offset = offset
                name = try reader.readNameValue()
            }
        }
        try keep(name)
        return next
    }

    /// The offset after the colon of a name without escapes whose colon is next to it; 0 for all
    /// else.
    private func plainNameEnd(_ offset: Int) -> Int {
        if offset >= end || (unsafe base[offset] != UInt8(ascii: "\"")) { return 0 }
        let close = unsafe TextScan(base, end).plainEnd(offset + 1)
        guard close + 1 < end,
            unsafe base[close] == UInt8(ascii: "\"") && base[close + 1] == UInt8(ascii: ":")
        else { return 0 }
        return close + 2
    }

    private mutating func take(_ index: Int, _ offset: Int) -> Int {
        let token = names.token(index)
        if frame.matched & token.bit != 0 { frame.repeats = true }
        if index != frame.token { names.follow(frame.token, index) }
        frame.matched |= token.bit
        frame.token = index
        frame.expected = Int(token.next)
        return offset + token.byteCount
    }

    /// A name that is written differently than it was read, or has white space around its colon.
    private mutating func writeName(_ name: Value, _ offset: Int) throws(ReadFailure) -> Int {
        if !frame.keepsNames { try keepNames() }
        try keep(name)
        let next = reader.offset
        try endRun(offset, next: next)
        do throws(Stop) {
            try writer.writeString(name, &runs.written)
            try runs.written.append(UInt8(ascii: ":"), heap)
        } catch { throw ReadFailure(code: .limit, offset: offset) }
        try addWritten(next: next)
        return next
    }

    private mutating func keep(_ name: Value) throws(ReadFailure) {
        try reader.push(name)
        frame.token = 0
    }

    /// From here on the object's names are kept, beginning with those that are tokens.
    private mutating func keepNames() throws(ReadFailure) {
        frame.keepsNames = true
        frame.expected = 0
        let names = names
        try names.each(frame.shape, frame.matched) { (token) throws(ReadFailure) in
            try reader.push(token.name)
        }
    }

    // MARK: Scalars

    /// Reads a scalar at `offset` and moves `offset` after it; returns whether a scalar that is the
    /// whole text is neither null nor false.
    @inline(__always) private mutating func readScalar(
        _ offset: inout Int, _ first: UInt8
    ) throws(ReadFailure) -> Bool {
        let text = unsafe TextScan(base, end)
        if first == UInt8(ascii: "\"") {
            let close = text.plainEnd(offset &+ 1)
            if close < end && (unsafe base[close] == UInt8(ascii: "\"")) {
                offset = close &+ 1
                return true
            }
            if let upto = text.stringEnd(close) {
                offset = upto
                return true
            }
        } else if depth > 0 {
            if first &- 0x30 <= 9 || first == UInt8(ascii: "-") {
                if let upto = text.numberEnd(offset) {
                    offset = upto
                    return true
                }
            } else if let upto = text.wordEnd(offset) {
                offset = upto
                return true
            }
        }
        return try readOther(&offset)
    }

    /// A scalar that may be written differently than it was read, or something that is not a
    /// scalar.
    @inline(never) private mutating func readOther(_ offset: inout Int) throws(ReadFailure) -> Bool
    {
        let first = offset
        reader.offset = offset
        let value = try reader.readScalarOrOpen()
        offset = reader.offset
        if depth == 0 { try reader.checkEnd(of: value) }
        if !isVerbatim(value, first) {
            try endRun(first, next: offset)
            do throws(Stop) { try writer.writeScalar(value, &runs.written) } catch {
                throw ReadFailure(code: .limit, offset: first)
            }
            try addWritten(next: offset)
        }
        return value.isTrue
    }

    /// Whether the value just read is written as it is in the text from `first` on.
    private func isVerbatim(_ value: Value, _ first: Int) -> Bool {
        switch value.tag {
        case .string: value.word & Value.plain != 0
        case .literal: unsafe value.payload == UInt64(UInt(bitPattern: base + first))
        // `nan`, `Infinity`
        case .double: false
        default: true
        }
    }
}
