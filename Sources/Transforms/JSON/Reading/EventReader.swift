// JSON texts -> the events of `--stream`, one at a time, without the document in memory:
//
//     [1,{"a":2}]      [[0],1]  [[1,"a"],2]  [[1,"a"]]  [[1]]
//
// A leaf (a scalar, or a container without children) comes with its path; the end of a container
// comes as the path of its last child alone.

@safe struct EventReader {
    let heap: Heap
    let depthMax: Int
    private var bytes = unsafe Bytes(UnsafeMutablePointer(bitPattern: 16).unsafelyUnwrapped, 0)
    /// The key of the current child of each open container. Names are kept outside the heap, which
    /// is emptied between events.
    private var keys: [Key] = []
    /// Whether a child has been read, so that a comma or the container's end follows.
    private var isBehindValue = false

    private enum Key {
        case index(Int)
        case name([UInt8])
    }

    init(heap: Heap, depthMax: Int) {
        self.heap = heap
        self.depthMax = depthMax
    }

    var isAtTop: Bool { keys.isEmpty }

    mutating func begin(_ bytes: Bytes) {
        self.bytes = bytes
        keys.removeAll()
        isBehindValue = false
    }

    /// The next event, owned, or nil at the end. `reader` is at the same text and copies values.
    mutating func next(_ reader: inout JSONReader, _ offset: inout Int) throws(ReadFailure)
        -> Value?
    {
        while true {
            offset = reader.skipSpace(offset)
            if offset >= bytes.count {
                if keys.isEmpty { return nil }
                throw ReadFailure(code: .unexpectedEnd, offset: offset)
            }
            if isBehindValue {
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
            if keys.isEmpty { try reader.checkEnd(of: leaf) }
            offset = reader.offset
            isBehindValue = !keys.isEmpty
            return try event(leaf, offset)
        }
    }

    /// `["message", path so far]`
    func errorEvent(_ message: String) throws(Stop) -> Value {
        var event = try heap.makeArray(capacity: 2)
        try heap.push(&event, try heap.string(message))
        try heap.push(&event, try path())
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
        offset = reader.skipSpace(offset)
        if offset >= bytes.count { throw ReadFailure(code: .unexpectedEnd, offset: offset) }
        if bytes[offset] != UInt8(ascii: "\"") {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        reader.offset = offset
        let name = try reader.readValue()
        offset = reader.skipSpace(reader.offset)
        if offset >= bytes.count { throw ReadFailure(code: .unexpectedEnd, offset: offset) }
        if bytes[offset] != UInt8(ascii: ":") {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        offset += 1
        defer { heap.release(name) }
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
        let close: UInt8
        switch keys[last] {
        case .index(let index):
            close = UInt8(ascii: "]")
            keys[last] = .index(byte == UInt8(ascii: ",") ? index + 1 : index)
        case .name:
            close = UInt8(ascii: "}")
        }
        if byte == UInt8(ascii: ",") {
            offset += 1
            if case .name = keys[last] { keys[last] = try name(&reader, &offset) }
            isBehindValue = false
            return nil
        }
        if byte != close {
            throw ReadFailure(code: .unexpectedByte, offset: offset)
        }
        offset += 1
        let ended = try event(.absent, offset)
        keys.removeLast()
        isBehindValue = !keys.isEmpty
        return ended
    }

    /// `[path, leaf]`, or `[path]` without a leaf.
    private func event(_ leaf: Value, _ offset: Int) throws(ReadFailure) -> Value {
        do throws(Stop) {
            var event = try heap.makeArray(capacity: 2)
            try heap.push(&event, try path())
            if leaf.isPresent { try heap.push(&event, leaf) }
            return event
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    private func path() throws(Stop) -> Value {
        var path = try heap.makeArray(capacity: keys.count)
        for key in keys {
            switch key {
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
