// JSON text -> the same text as the writer gives it, compact, without building its values: what the
// program `.` does to an input. Whole runs of bytes are copied that need no change; white space,
// and what is written otherwise than it came, end a run. Of each open container a marker stands on
// the stack, and of an object its names.
//
// Safety: a run is a part of the text that was read.
//
// Values are needed after all where a name stands twice in an object, whose last value then stands
// in its first place.

@safe struct JSONTranscoder: ~Copyable {
    private var reader: JSONReader
    private let writer: JSONWriter
    private let heap: Heap
    /// Where the bytes begin that are still to be copied as they stand.
    private var runStart = 0
    /// More names than this are left to the hash index of a built object.
    private static let nameCountMax = 64

    init(heap: Heap, budget: Budget, depthMax: Int, isLenient: Bool = false) {
        reader = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false, isLenient: isLenient)
        writer = JSONWriter(heap: heap, budget: budget, options: .compact)
        self.heap = heap
    }

    /// Whether the text was copied, and if so whether its value is true and where it ends.
    enum Result {
        case copied(isTrue: Bool, end: Int)
        case needsValues
    }

    /// Copies the text at `offset`. What was written of one that fails is the caller's to drop.
    mutating func copy(_ text: Bytes, from offset: Int, to out: inout OutputBuffer)
        throws(ReadFailure) -> Result
    {
        reader.begin(text)
        reader.offset = offset
        runStart = offset
        // Mostly the copy is no longer than the text: room for it at once is never moved.
        let rest = text.count - offset
        if rest > 1 << 20 {
            do throws(Stop) { try out.reserve(rest, heap) } catch { throw limit }
        }
        var start = 0
        var isObject = false
        var depth = 0
        var isTrue = true
        while true {
            try passSpace(&out)
            let first = reader.offset
            let value = try reader.readScalarOrOpen()
            if value.isContainer && depth >= reader.depthMax {
                throw ReadFailure(code: .tooDeep, offset: reader.offset - 1)
            }
            if value.tag == .closure {
                depth &+= 1
                if depth > reader.depthMax {
                    throw ReadFailure(code: .tooDeep, offset: reader.offset - 1)
                }
                try reader.push(Value(.closure, count: start, payload: isObject ? 1 : 0))
                start = reader.stackCount
                isObject = value.payload != 0
                if reader.offset != first &+ 1 {
                    try endRun(first &+ 1, &out)
                    runStart = reader.offset
                }
                if isObject { try copyName(&out) }
                continue
            }
            if depth == 0 {
                isTrue = value.isTrue
                try reader.checkEnd(of: value)
            }
            if !isVerbatim(value, first) {
                try endRun(first, &out)
                do throws(Stop) { try writer.writeScalar(value, &out) } catch { throw limit }
                runStart = reader.offset
            }
            while depth > 0 {
                try passSpace(&out)
                let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                if try reader.readDelimiter(closing) != closing {
                    if isObject { try copyName(&out) }
                    break
                }
                if isObject && mayRepeat(start) { return .needsValues }
                let marker = reader.stack[start &- 1]
                reader.stackCount = start &- 1
                start = marker.count
                isObject = marker.payload != 0
                depth &-= 1
                do throws(Stop) { try reader.budget.charge(1) } catch { throw limit }
            }
            if depth == 0 {
                try endRun(reader.offset, &out)
                return .copied(isTrue: isTrue, end: reader.offset)
            }
        }
    }

    private var limit: ReadFailure { ReadFailure(code: .limit, offset: reader.offset) }

    /// Appends the bytes since `runStart`, which stand in the copy as they do in the text.
    private func endRun(_ end: Int, _ out: inout OutputBuffer) throws(ReadFailure) {
        let run = unsafe Bytes(reader.base + runStart, end - runStart)
        do throws(Stop) { try out.append(run, heap) } catch { throw limit }
    }

    /// White space ends a run; the next begins behind it.
    @inline(__always) private mutating func passSpace(_ out: inout OutputBuffer) throws(ReadFailure)
    {
        if reader.offset < reader.end && reader.byte(reader.offset) <= 0x20 {
            try endRun(reader.offset, &out)
            reader.offset = reader.skipSpace(reader.offset)
            runStart = reader.offset
        }
    }

    /// Whether the value just read is written as it stood from `first` on.
    @inline(__always) private func isVerbatim(_ value: Value, _ first: Int) -> Bool {
        switch value.tag {
        case .string: value.word & Value.plain != 0
        case .literal: unsafe value.payload == UInt64(UInt(bitPattern: reader.base + first))
        case .array, .object: reader.offset == first &+ 2
        // `nan`, `Infinity`
        case .double: false
        default: true
        }
    }

    @inline(__always) private mutating func copyName(_ out: inout OutputBuffer) throws(ReadFailure)
    {
        try passSpace(&out)
        let first = reader.offset
        let name = try reader.readNameValue()
        try reader.push(name)
        // The quotes and the colon are next to it.
        if name.word & Value.plain != 0 && reader.offset == first &+ name.count &+ 3 { return }
        try endRun(first, &out)
        do throws(Stop) {
            try writer.writeString(name, &out)
            try out.append(UInt8(ascii: ":"), heap)
        } catch { throw limit }
        runStart = reader.offset
    }

    private func mayRepeat(_ start: Int) -> Bool {
        let count = reader.stackCount - start
        if count > JSONTranscoder.nameCountMax { return true }
        let names = reader.stack.advanced(by: start)
        var seen: UInt64 = 0
        for i in 0..<count {
            let bytes = names[i].bytes
            let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: JSONReader.print(bytes))
            if seen & bit != 0 {
                for j in 0..<i where names[j].bytes.isEqual(to: bytes) { return true }
            }
            seen |= bit
        }
        return false
    }
}
