// JSON text -> the same text as the writer gives it, compact, without building its values: what the
// program `.` does to an input. Whole runs of bytes are copied that need no change; white space,
// and what is written otherwise than it came, end a run:
//
//     {"a": [1, 2.50]}      runs: {"a":   [1,   2.50]}
//
// The runs of a text that has few go to the drain from where they lie. Of each open container a
// frame stands on the stack; its names are compared with those of the object before at the
// same place (see ObjectShapes.swift), and kept on the reader's stack where they differ.
//
// Safety: a run is a part of the text that was read; loads of 8 bytes are preceded by a comparison
// with the end; `frames` has room for `frameCapacity`, which `open` compares with, and `runs` for
// `runCountMax`.
//
// Values are needed after all where a name stands twice in an object, whose last value then stands
// in its first place.

@safe struct JSONTranscoder: ~Copyable {
    /// An open container.
    private struct Frame {
        var isObject = false
        /// Whether the names are on the reader's stack: one was not found in the shape.
        var keepsNames = false
        /// The container's own place among the reader.shapes.
        var place = 0
        /// The place of its children: of an array's elements, or of the member being read.
        var childPlace = 0
        // Of an object that follows a shape: its tokens, the next of them, and which matched.
        var firstToken = 0
        var token = 0
        var tokenEnd = 0
        var matched: UInt64 = 0
        /// Where the names begin on the reader's stack.
        var names = 0
    }

    private var reader: JSONReader
    private let writer: JSONWriter
    private let heap: Heap
    private var frames: UnsafeMutablePointer<Frame>
    private var frameCapacity = 64
    private var frame = Frame()
    private var depth = 0
    // The text.
    private var base: UnsafeMutablePointer<UInt8>
    private var end = 0
    /// Where the bytes begin that are still to be copied as they stand.
    private var runStart = 0
    /// The first runs, which are not copied before there are many.
    private let runs: UnsafeMutablePointer<Bytes>
    private var runCount = 0
    private static let runCountMax = 256
    /// Whether runs go to the output as they end.
    private var copies = false
    /// More names than this are left to the hash index of a built object.
    private static let nameCountMax = 64
    /// Bytes between two looks at the budget.
    private static let lookByteCount = 1 << 16

    init(heap: Heap, budget: Budget, depthMax: Int, isLenient: Bool = false) {
        reader = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false, isLenient: isLenient)
        writer = JSONWriter(heap: heap, budget: budget, options: .compact)
        self.heap = heap
        unsafe frames = .allocate(capacity: frameCapacity)
        unsafe runs = .allocate(capacity: JSONTranscoder.runCountMax)
        unsafe base = reader.base
    }

    deinit {
        unsafe frames.deallocate()
        unsafe runs.deallocate()
    }

    /// Whether the text was copied, and if so whether its value is true and where it ends.
    enum Result {
        case copied(isTrue: Bool, end: Int)
        case needsValues
    }

    /// Copies the text at `offset`, which is no white space. What was written of one that fails is
    /// the caller's to drop.
    mutating func copy(_ text: Bytes, from offset: Int, to out: inout OutputBuffer)
        throws(ReadFailure) -> Result
    {
        begin(text, offset)
        var isTrue = true
        var nextLook = offset &+ JSONTranscoder.lookByteCount
        var place = offset
        while true {
            place = try passSpace(place, &out)
            let first = unsafe base[place]
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                let inside = try passSpaceBehind(place, &out)
                if unsafe base[inside] != first &+ 2 {
                    place = try open(inside, isObject: first == UInt8(ascii: "{"))
                    if frame.isObject { place = try copyName(place, &out) }
                    continue
                }
                if depth >= reader.depthMax {
                    throw ReadFailure(code: .tooDeep, offset: inside)
                }
                place = inside &+ 1
            } else {
                let isScalarTrue = try copyScalar(&place, first, &out)
                if depth == 0 { isTrue = isScalarTrue }
            }
            while depth > 0 {
                place = try passSpace(place, &out)
                let next = unsafe base[place]
                if next == UInt8(ascii: ",") {
                    place &+= 1
                    if frame.isObject { place = try copyName(place, &out) }
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
                try finish(place, &out)
                return .copied(isTrue: isTrue, end: place)
            }
        }
    }

    private mutating func begin(_ text: Bytes, _ offset: Int) {
        reader.begin(text)
        unsafe base = text.base
        end = text.count
        depth = 0
        frame = Frame()
        frame.childPlace = ObjectShapes.root
        runStart = offset
        runCount = 0
        copies = false
    }

    // MARK: Runs

    /// Ends the run of the bytes since `runStart`, which stand in the copy as they do in the text.
    private mutating func endRun(_ upto: Int, _ out: inout OutputBuffer) throws(ReadFailure) {
        let run = unsafe Bytes(base + runStart, upto - runStart)
        if !copies {
            if runCount < JSONTranscoder.runCountMax {
                unsafe runs[runCount] = run
                runCount &+= 1
                return
            }
            try startCopying(&out)
        }
        do throws(Stop) { try out.append(run, heap) } catch {
            throw ReadFailure(code: .limit, offset: upto)
        }
    }

    /// From here on runs go to the output as they end, those that have ended first.
    @inline(never) private mutating func startCopying(_ out: inout OutputBuffer)
        throws(ReadFailure)
    {
        if copies { return }
        copies = true
        do throws(Stop) {
            // Mostly the copy is no longer than the text: room for it at once is never moved.
            if end - runStart > 1 << 20 { try out.reserve(end - runStart, heap) }
            for i in 0..<runCount { unsafe try out.append(runs[i], heap) }
        } catch {
            throw ReadFailure(code: .limit, offset: runStart)
        }
    }

    /// The end of the text. Few runs go to the drain from where they lie.
    private mutating func finish(_ upto: Int, _ out: inout OutputBuffer) throws(ReadFailure) {
        if runCount == JSONTranscoder.runCountMax { try startCopying(&out) }
        try endRun(upto, &out)
        if copies { return }
        do throws(Stop) {
            for i in 0..<runCount { unsafe try out.pass(runs[i], heap) }
        } catch {
            throw ReadFailure(code: .limit, offset: upto)
        }
    }

    /// The first byte from `place` on that is no white space. White space ends a run; the next
    /// begins behind it.
    @inline(__always) private mutating func passSpace(
        _ place: Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Int {
        if place < end && (unsafe base[place] > 0x20) { return place }
        return try dropSpace(place, &out)
    }

    /// The same behind the byte at `place`.
    @inline(__always) private mutating func passSpaceBehind(
        _ place: Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Int { try passSpace(place &+ 1, &out) }

    @inline(never) private mutating func dropSpace(
        _ place: Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Int {
        let next = unsafe try TextScan(base, end).passSpaces(place)
        if next == place { return place }
        if place > runStart { try endRun(place, &out) }
        runStart = next
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
        let place = frame.childPlace
        frame = Frame(isObject: isObject, place: place, names: reader.stackCount)
        if isObject {
            let shape = reader.shapes.shape(place)
            frame.firstToken = shape.first
            frame.token = shape.first
            frame.tokenEnd = shape.first &+ shape.count
        } else {
            frame.childPlace = reader.shapes.elementPlace(place)
        }
        return inside
    }

    /// Leaves a container.
    /// - Returns: false if names of it are the same.
    @inline(__always) private mutating func close() throws(ReadFailure) -> Bool {
        if frame.keepsNames && !closeNames() { return false }
        depth &-= 1
        frame = unsafe frames[depth]
        return true
    }

    @inline(never) private mutating func closeNames() -> Bool {
        let names = reader.stack.advanced(by: frame.names)
        let count = reader.stackCount - frame.names
        if count > JSONTranscoder.nameCountMax { return false }
        if JSONReader.mayRepeat(names, count, stride: 1) { return false }
        unsafe reader.shapes.learn(frame.place, names, count, stride: 1, Bytes(base, end))
        reader.stackCount = frame.names
        return true
    }

    // MARK: Names

    /// A name and its colon; the place behind them.
    @inline(__always) private mutating func copyName(
        _ start: Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Int {
        let place = try passSpace(start, &out)
        let token = frame.token
        if token < frame.tokenEnd, unsafe reader.shapes.matches(token, base + place, end &- place) {
            return take(token, place)
        }
        return try copyOtherName(place, &out)
    }

    @inline(__always) private mutating func take(_ index: Int, _ place: Int) -> Int {
        let token = reader.shapes.token(index)
        frame.token = index &+ 1
        frame.matched |= 1 &<< UInt64(truncatingIfNeeded: index &- frame.firstToken)
        frame.childPlace = Int(token.place)
        return place &+ token.byteCount
    }

    @inline(never) private mutating func copyOtherName(
        _ place: Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Int {
        if !frame.keepsNames {
            if let index = unsafe reader.shapes.find(
                frame.token + 1, frame.tokenEnd, base + place, end - place)
            {
                return take(index, place)
            }
            try keepNames()
        }
        reader.offset = place
        let name = try reader.readNameValue()
        try reader.push(name)
        frame.childPlace = ObjectShapes.nowhere
        // The quotes and the colon are next to it.
        if name.word & Value.plain != 0 && reader.offset == place + name.count + 3 {
            return reader.offset
        }
        try endRun(place, &out)
        try startCopying(&out)
        do throws(Stop) {
            try writer.writeString(name, &out)
            try out.append(UInt8(ascii: ":"), heap)
        } catch { throw ReadFailure(code: .limit, offset: place) }
        runStart = reader.offset
        return reader.offset
    }

    /// From here on the object's names are kept; those that matched come first.
    private mutating func keepNames() throws(ReadFailure) {
        frame.keepsNames = true
        for i in 0..<ObjectShapes.namesMax where frame.matched & (1 << UInt64(i)) != 0 {
            try reader.push(reader.shapes.token(frame.firstToken + i).name)
        }
        frame.token = 0
        frame.tokenEnd = 0
    }

    // MARK: Scalars

    /// A scalar at `place`, which is left behind it; whether it is neither null nor false.
    @inline(__always) private mutating func copyScalar(
        _ place: inout Int, _ first: UInt8, _ out: inout OutputBuffer
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
        } else if depth > 0 && (first &- 0x30 <= 9 || first == UInt8(ascii: "-")) {
            if let upto = text.numberEnd(place) {
                place = upto
                return true
            }
        }
        return try copyOther(&place, &out)
    }

    /// A scalar that may be written otherwise than it came, or is none.
    @inline(never) private mutating func copyOther(
        _ place: inout Int, _ out: inout OutputBuffer
    ) throws(ReadFailure) -> Bool {
        let first = place
        reader.offset = place
        let value = try reader.readScalarOrOpen()
        place = reader.offset
        if depth == 0 { try reader.checkEnd(of: value) }
        if !isVerbatim(value, first) {
            try endRun(first, &out)
            try startCopying(&out)
            do throws(Stop) { try writer.writeScalar(value, &out) } catch {
                throw ReadFailure(code: .limit, offset: first)
            }
            runStart = place
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
