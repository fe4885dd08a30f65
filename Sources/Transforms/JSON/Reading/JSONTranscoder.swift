// JSON text -> the same text as the writer gives it, compact, without building its values: what the
// program `.` does to an input. Each scalar is read and written at once.
//
// Values are needed after all where a name stands twice in an object, whose last value then stands
// in its first place. Names are kept on a stack until their object closes, and looked through.

@safe struct JSONTranscoder: ~Copyable {
    private var reader: JSONReader
    private let writer: JSONWriter
    private let heap: Heap
    /// For each open container where its names begin, and whether it is an object.
    private var open: [(start: Int, isObject: Bool)] = []
    private var names: [Value] = []
    /// More names than this are left to the hash index of a built object.
    private static let nameCountMax = 64

    init(heap: Heap, budget: Budget, depthMax: Int) {
        reader = JSONReader(heap: heap, budget: budget, depthMax: depthMax, counts: false)
        writer = JSONWriter(heap: heap, budget: budget, options: .compact)
        self.heap = heap
    }

    /// Whether the text was copied, and if so whether its value is true and where it ends.
    enum Result {
        case copied(isTrue: Bool, end: Int)
        case needsValues
    }

    /// Copies the text at `offset`. What was written of one that fails stays for the caller to drop.
    mutating func copy(_ text: Bytes, from offset: Int, to out: inout OutputBuffer)
        throws(ReadFailure) -> Result
    {
        reader.begin(text)
        reader.offset = offset
        failure = nil
        open.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        do throws(Stop) {
            var isTrue = true
            var nextLook = offset + 65536
            while true {
                let value = try read { (reader) throws(ReadFailure) in try reader.readScalarOrOpen() }
                if value.tag == .closure {
                    try enter(isObject: value.payload != 0, &out)
                    continue
                }
                if value.isContainer && open.count >= reader.depthMax {
                    failure = ReadFailure(code: .tooDeep, offset: reader.offset - 1)
                    throw .limit
                }
                if open.isEmpty { isTrue = value.isTrue }
                try writer.write(value, to: &out)
                if try !close(&out) { return .needsValues }
                if open.isEmpty { return .copied(isTrue: isTrue, end: reader.offset) }
                if reader.offset >= nextLook {
                    nextLook = reader.offset + 65536
                    try reader.budget.charge(Budget.sliceStepCount)
                }
            }
        } catch {
            throw failure ?? ReadFailure(code: .limit, offset: reader.offset)
        }
    }

    /// What the reader refused.
    private var failure: ReadFailure?

    private mutating func read<T>(_ body: (inout JSONReader) throws(ReadFailure) -> T) throws(Stop) -> T {
        do throws(ReadFailure) { return try body(&reader) } catch {
            failure = error.code == .limit ? nil : error
            throw .limit
        }
    }

    private mutating func enter(isObject: Bool, _ out: inout OutputBuffer) throws(Stop) {
        if open.count >= reader.depthMax {
            failure = ReadFailure(code: .tooDeep, offset: reader.offset - 1)
            throw .limit
        }
        open.append((names.count, isObject))
        try out.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["), heap)
        if isObject { try readName(&out) }
    }

    private mutating func readName(_ out: inout OutputBuffer) throws(Stop) {
        let name = try read { (reader) throws(ReadFailure) in try reader.readNameValue() }
        names.append(name)
        try writer.writeString(name, &out)
        try out.append(UInt8(ascii: ":"), heap)
    }

    /// What follows a value: the next one of its container, or the containers' ends. False where an
    /// object may have a name twice.
    private mutating func close(_ out: inout OutputBuffer) throws(Stop) -> Bool {
        while let (start, isObject) = open.last {
            let next = try read { (reader) throws(ReadFailure) in
                try reader.readDelimiter(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            }
            try out.append(next, heap)
            if next == UInt8(ascii: ",") {
                if isObject { try readName(&out) }
                return true
            }
            if isObject && mayRepeat(start) { return false }
            names.removeSubrange(start...)
            open.removeLast()
        }
        return true
    }

    private func mayRepeat(_ start: Int) -> Bool {
        let count = names.count - start
        if count > JSONTranscoder.nameCountMax { return true }
        var seen: UInt64 = 0
        for i in start..<names.count {
            let bytes = names[i].bytes
            let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: JSONReader.print(bytes))
            if seen & bit != 0 {
                for j in start..<i where names[j].bytes.isEqual(to: bytes) { return true }
            }
            seen |= bit
        }
        return false
    }
}
