// JSON text -> the same text as the writer gives it, compact, without building its values: what the
// program `.` does to an input. Whole runs of bytes are copied that need no change; white space,
// and what is written otherwise than it came, end a run:
//
//     {"a": [1, 2.50]}      runs: {"a":   [1,   2.50]}
//
// Runs are copied when all of the text has been read (see TextRuns.swift): nothing is seen of one
// that is malformed. Of each open container a frame stands on the stack; its names are compared
// with those of earlier objects at the same place (see ObjectNames.swift), and kept on the reader's
// stack where that has no room for them.
//
// Safety: a run is a part of the text that was read; loads of 8 bytes are preceded by a comparison
// with the end; `frames` has room for `frameCapacity`, which `open` compares with.
//
// Values are needed after all where a name stands twice in an object, whose last value then stands
// in its first place.

@safe struct JSONTranscoder: ~Copyable {
    /// An open container.
    private struct Frame {
        var isObject = false
        /// Whether the names are on the reader's stack: one is no token.
        var keepsNames = false
        /// Whether a name stands twice.
        var repeats = false
        /// The container's own place among the names.
        var place = 0
        // Of an object: the name that was read last, the one expected next, as tokens or 0; and
        // which tokens it has had.
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
    private var frameCapacity = 64
    private var frame = Frame()
    private var depth = 0
    // The text.
    private var base: UnsafeMutablePointer<UInt8>
    private var end = 0
    /// Where the text begins that is being read.
    private var start = 0
    /// Where the bytes begin that are still to be copied as they stand.
    private var runStart = 0
    private var runs: TextRuns
    /// More names than this are compared by a table.
    private static let nameCountMax = 64
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

    /// Reads the text at `offset`, which is no white space.
    mutating func read(_ text: Bytes, from offset: Int) throws(ReadFailure) -> Result {
        begin(text, offset)
        defer { reader.settle() }
        var isTrue = true
        var nextLook = offset &+ JSONTranscoder.lookByteCount
        var place = offset
        while true {
            place = try passSpace(place)
            let first = unsafe base[place]
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                let inside = try passSpaceBehind(place)
                if unsafe base[inside] != first &+ 2 {
                    place = try open(inside, isObject: first == UInt8(ascii: "{"))
                    if frame.isObject { place = try readName(place) }
                    continue
                }
                if depth >= reader.depthMax {
                    throw ReadFailure(code: .tooDeep, offset: inside)
                }
                place = inside &+ 1
            } else {
                let isScalarTrue = try readScalar(&place, first)
                if depth == 0 { isTrue = isScalarTrue }
            }
            while depth > 0 {
                place = try passSpace(place)
                let next = unsafe base[place]
                if next == UInt8(ascii: ",") {
                    place &+= 1
                    if frame.isObject { place = try readName(place) }
                    break
                }
                if next != (frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    throw ReadFailure(code: .unexpectedByte, offset: place)
                }
                place &+= 1
                if try !close() { return .needsValues }
            }
            if place >= nextLook {
                nextLook = place &+ JSONTranscoder.lookByteCount
                do throws(Stop) { try reader.budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: place)
                }
            }
            if depth == 0 {
                try endRun(place, next: place)
                return .readable(isTrue: isTrue, end: place)
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

    /// Ends the run of the bytes since `runStart`, which stand in the copy as they do in the text;
    /// the next begins at `next`.
    @inline(__always) private mutating func endRun(_ upto: Int, next: Int) throws(ReadFailure) {
        do throws(Stop) { try runs.add(kept: upto &- runStart, dropped: next &- upto) } catch {
            throw ReadFailure(code: .limit, offset: upto)
        }
        runStart = next
    }

    /// What was appended to `runs.written` stands for the text up to `next`.
    private mutating func addWritten(next: Int) throws(ReadFailure) {
        do throws(Stop) { try runs.addWritten() } catch {
            throw ReadFailure(code: .limit, offset: next)
        }
    }

    /// The first byte from `place` on that is no white space. White space ends a run; the next
    /// begins behind it.
    @inline(__always) private mutating func passSpace(_ place: Int) throws(ReadFailure) -> Int {
        if place < end && (unsafe base[place] > 0x20) { return place }
        // One space, as behind a colon.
        if place &+ 1 < end, unsafe base[place] == 0x20 && base[place &+ 1] > 0x20 {
            try endRun(place, next: place &+ 1)
            return place &+ 1
        }
        return try dropSpace(place)
    }

    /// The same behind the byte at `place`.
    @inline(__always) private mutating func passSpaceBehind(_ place: Int) throws(ReadFailure)
        -> Int
    {
        try passSpace(place &+ 1)
    }

    @inline(never) private mutating func dropSpace(_ place: Int) throws(ReadFailure) -> Int {
        let next = unsafe try TextScan(base, end).spaceEnd(place)
        try endRun(place, next: next)
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
        let place =
            depth == 1
            ? ObjectNames.root
            : frame.token != 0 ? names.memberPlace(frame.token) : names.innerPlace(frame.place)
        frame = Frame(isObject: isObject, place: place, names: reader.stackCount)
        if isObject { frame.expected = names.first(place) }
        return inside
    }

    /// Leaves a container.
    /// - Returns: false if names of it are the same.
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
        if count <= JSONTranscoder.nameCountMax {
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

    /// A name and its colon; the place behind them.
    @inline(__always) private mutating func readName(_ start: Int) throws(ReadFailure) -> Int {
        let place = try passSpace(start)
        let index = frame.expected
        if index != 0, unsafe names.matches(index, base + place, end &- place) {
            let token = names.token(index)
            if frame.matched & token.bit == 0 {
                frame.matched |= token.bit
                frame.token = index
                frame.expected = Int(token.next)
                return place &+ token.byteCount
            }
        }
        return try readOtherName(place)
    }

    @inline(never) private mutating func readOtherName(_ place: Int) throws(ReadFailure) -> Int {
        if !frame.keepsNames {
            let known = unsafe names.find(
                frame.place, expected: frame.expected, base + place, end - place)
            if known != 0 { return take(known, place) }
        }
        var next = plainNameEnd(place)
        var name = Value.absent
        if next == 0 || frame.keepsNames {
            reader.offset = place
            name = try reader.readNameValue()
            next = reader.offset
            // A token's quotes and colon are next to it.
            if name.word & Value.plain == 0 || next != place + name.count + 3 {
                return try writeName(name, place)
            }
        }
        if !frame.keepsNames {
            let made = unsafe names.add(
                frame.place, expected: frame.expected, base + place, next - place)
            if made != 0 { return take(made, place) }
            try keepNames()
            if name.isAbsent {
                reader.offset = place
                name = try reader.readNameValue()
            }
        }
        try keep(name)
        return next
    }

    /// Behind the colon of a name without escapes, and a colon next to it; 0 for all else.
    private func plainNameEnd(_ place: Int) -> Int {
        if place >= end || (unsafe base[place] != UInt8(ascii: "\"")) { return 0 }
        let close = unsafe TextScan(base, end).plainEnd(place + 1)
        guard close + 1 < end,
            unsafe base[close] == UInt8(ascii: "\"") && base[close + 1] == UInt8(ascii: ":")
        else { return 0 }
        return close + 2
    }

    private mutating func take(_ index: Int, _ place: Int) -> Int {
        let token = names.token(index)
        if frame.matched & token.bit != 0 { frame.repeats = true }
        if index != frame.token { names.follow(frame.token, index) }
        frame.matched |= token.bit
        frame.token = index
        frame.expected = Int(token.next)
        return place + token.byteCount
    }

    /// A name that is written otherwise than it came, or has white space around its colon.
    private mutating func writeName(_ name: Value, _ place: Int) throws(ReadFailure) -> Int {
        if !frame.keepsNames { try keepNames() }
        try keep(name)
        let next = reader.offset
        try endRun(place, next: next)
        do throws(Stop) {
            try writer.writeString(name, &runs.written)
            try runs.written.append(UInt8(ascii: ":"), heap)
        } catch { throw ReadFailure(code: .limit, offset: place) }
        try addWritten(next: next)
        return next
    }

    private mutating func keep(_ name: Value) throws(ReadFailure) {
        try reader.push(name)
        frame.token = 0
    }

    /// From here on the object's names are kept; those that are tokens come first.
    private mutating func keepNames() throws(ReadFailure) {
        frame.keepsNames = true
        frame.expected = 0
        let names = names
        try names.each(frame.place, frame.matched) { (token) throws(ReadFailure) in
            try reader.push(token.name)
        }
    }

    // MARK: Scalars

    /// A scalar at `place`, which is left behind it; of one that is the whole text, whether it is
    /// neither null nor false.
    @inline(__always) private mutating func readScalar(
        _ place: inout Int, _ first: UInt8
    ) throws(ReadFailure) -> Bool {
        let text = unsafe TextScan(base, end)
        if first == UInt8(ascii: "\"") {
            let close = text.plainEnd(place &+ 1)
            if close < end && (unsafe base[close] == UInt8(ascii: "\"")) {
                place = close &+ 1
                return true
            }
            if let upto = text.stringEnd(place &+ 1, close) {
                place = upto
                return true
            }
        } else if depth > 0 {
            if first &- 0x30 <= 9 || first == UInt8(ascii: "-") {
                if let upto = text.numberEnd(place) {
                    place = upto
                    return true
                }
            } else if let upto = text.wordEnd(place) {
                place = upto
                return true
            }
        }
        return try readOther(&place)
    }

    /// A scalar that may be written otherwise than it came, or is none.
    @inline(never) private mutating func readOther(_ place: inout Int) throws(ReadFailure) -> Bool {
        let first = place
        reader.offset = place
        let value = try reader.readScalarOrOpen()
        place = reader.offset
        if depth == 0 { try reader.checkEnd(of: value) }
        if !isVerbatim(value, first) {
            try endRun(first, next: place)
            do throws(Stop) { try writer.writeScalar(value, &runs.written) } catch {
                throw ReadFailure(code: .limit, offset: first)
            }
            try addWritten(next: place)
        }
        return value.isTrue
    }

    /// Whether the value just read is written as it stood from `first` on.
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
