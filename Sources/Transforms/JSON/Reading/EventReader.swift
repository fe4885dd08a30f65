// JSON texts -> the events of `--stream`, one at a time, without the document in memory:
//
//     [1,{"a":2}]      [[0],1]  [[1,"a"],2]  [[1,"a"]]  [[1]]
//
// A leaf (a scalar, or a container without children) comes with its path; the end of a container
// comes as the path of its last child alone.

@safe struct EventReader {
    let heap: Heap
    let depthMax: Int
    /// Whether a record separator may follow a text.
    let isSequence: Bool
    private var bytes = unsafe Bytes(UnsafeMutablePointer(bitPattern: 16).unsafelyUnwrapped, 0)
    /// The key of the current child of each open container. Names are kept outside the heap, which
    /// is emptied between events.
    private(set) var keys: [Key] = []
    /// Whether a child has been read, so that a comma or the container's end follows.
    private(set) var isAfterValue = false

    enum Key {
        case index(Int)
        case name([UInt8])
        /// An object's, before its next name.
        case unknown
    }

    /// The state where an event begins.
    struct Checkpoint {
        fileprivate var depth: Int
        fileprivate var last: Key?
        fileprivate var isAfterValue: Bool
    }

    init(heap: Heap, depthMax: Int, isSequence: Bool) {
        self.heap = heap
        self.depthMax = depthMax
        self.isSequence = isSequence
    }

    var isAtTop: Bool { keys.isEmpty }

    /// Goes on in other bytes.
    mutating func move(to bytes: Bytes) { self.bytes = bytes }

    /// Begins a text.
    mutating func begin() {
        keys.removeAll()
        isAfterValue = false
    }

    var checkpoint: Checkpoint {
        Checkpoint(depth: keys.count, last: keys.last, isAfterValue: isAfterValue)
    }

    /// Goes back to the beginning of an event that could not be read.
    mutating func go(to checkpoint: Checkpoint) {
        keys.removeLast(keys.count - checkpoint.depth)
        if let last = checkpoint.last { keys[checkpoint.depth - 1] = last }
        isAfterValue = checkpoint.isAfterValue
    }

    /// The next event, owned, or nil at the end. `reader` is at the same text and copies values.
    /// A leaf in a container is given when what follows it is right.
    mutating func next(_ reader: inout JSONReader, _ offset: inout Int) throws(ReadFailure)
        -> Value?
    {
        while true {
            offset = reader.skipSpace(offset)
            if offset >= bytes.count {
                if keys.isEmpty { return nil }
                throw ReadFailure(code: .unexpectedEnd, offset: offset)
            }
            if isAfterValue {
                if let event = try passSeparator(&reader, &offset) { return event }
                continue
            }
            let first = bytes[offset]
            let isArray = first == UInt8(ascii: "[")
            if isArray || first == UInt8(ascii: "{") {
                let inside = reader.skipSpace(offset + 1)
                let close = isArray ? UInt8(ascii: "]") : UInt8(ascii: "}")
                if inside >= bytes.count || bytes[inside] != close {
                    offset = inside
                    try open(isArray, &reader, &offset)
                    continue
                }
            }
            reader.offset = offset
            let leaf = try reader.readValue()
            do throws(ReadFailure) { try checkEnd(of: leaf, &reader) } catch {
                heap.release(leaf)
                throw error
            }
            offset = reader.offset
            isAfterValue = !keys.isEmpty
            return try event(leaf, offset)
        }
    }

    /// Checks that what follows a leaf allows it to be an event; the offset is left there.
    private func checkEnd(of leaf: Value, _ reader: inout JSONReader) throws(ReadFailure) {
        guard let last = keys.last else {
            let isRecord = isSequence && reader.offset < bytes.count
            if isRecord && bytes[reader.offset] == JSONReader.recordSeparator { return }
            return try reader.checkEnd(of: leaf)
        }
        if leaf.isContainer { return }
        reader.offset = reader.skipSpace(reader.offset)
        if reader.offset >= bytes.count {
            throw ReadFailure(code: .unexpectedEnd, offset: reader.offset)
        }
        let byte = bytes[reader.offset]
        if byte != UInt8(ascii: ",") && byte != EventReader.closing(last) {
            throw ReadFailure(code: .unexpectedByte, offset: reader.offset)
        }
    }

    private static func closing(_ key: Key) -> UInt8 {
        if case .index = key { UInt8(ascii: "]") } else { UInt8(ascii: "}") }
    }

    /// `["message", path]`
    func errorEvent(_ message: String, _ path: [Key]) throws(Stop) -> Value {
        var event = try heap.makeArray(capacity: 2)
        try heap.push(&event, try heap.string(message))
        try heap.push(&event, try value(path))
        return event
    }

    private mutating func open(_ isArray: Bool, _ reader: inout JSONReader, _ offset: inout Int)
        throws(ReadFailure)
    {
        if keys.count >= depthMax { throw ReadFailure(code: .tooDeep, offset: offset - 1) }
        if isArray {
            keys.append(.index(0))
        } else {
            keys.append(try name(&reader, &offset))
        }
    }

    /// A member's name and its colon.
    private func name(_ reader: inout JSONReader, _ offset: inout Int) throws(ReadFailure) -> Key {
        reader.offset = offset
        let name = try reader.readNameValue()
        defer { heap.release(name) }
        offset = reader.offset
        let text = name.bytes
        // Safety: the name is held until it has been copied.
        return .name(unsafe Array(UnsafeBufferPointer(start: text.base, count: text.count)))
    }

    /// A comma, or the end of the innermost container, which is an event.
    private mutating func passSeparator(_ reader: inout JSONReader, _ offset: inout Int)
        throws(ReadFailure) -> Value?
    {
        let last = keys.count - 1
        let byte = bytes[offset]
        if byte == UInt8(ascii: ",") {
            offset += 1
            if case .index(let index) = keys[last] {
                keys[last] = .index(index + 1)
            } else {
                keys[last] = try name(&reader, &offset)
            }
            isAfterValue = false
            return nil
        }
        if byte != EventReader.closing(keys[last]) {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        offset += 1
        let ended = try event(.absent, offset)
        keys.removeLast()
        isAfterValue = !keys.isEmpty
        return ended
    }

    /// `[path, leaf]`, or `[path]` without a leaf.
    private func event(_ leaf: Value, _ offset: Int) throws(ReadFailure) -> Value {
        do throws(Stop) {
            var event = try heap.makeArray(capacity: 2)
            try heap.push(&event, try value(keys))
            if leaf.isPresent { try heap.push(&event, leaf) }
            return event
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    private func value(_ keys: [Key]) throws(Stop) -> Value {
        var path = try heap.makeArray(capacity: keys.count)
        for key in keys {
            switch key {
            case .unknown: try heap.push(&path, .null)
            case .index(let index): try heap.push(&path, Value(integer: index))
            case .name(let bytes):
                let name = try heap.makeString(bytes.count)
                for i in 0..<bytes.count { name.bytes[i] = bytes[i] }
                try heap.push(&path, name)
            }
        }
        return path
    }
}
