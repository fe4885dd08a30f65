// The fast path for documents: strings and numbers borrow their bytes from the text. A name that
// was met before in an object of the same shape is recognised by one comparison
// (ObjectShapes.swift). Whatever is not plain is left to the reader's other methods, which also
// report the errors.
//
// The loop's state is a local `Cursor`, whose words stay in registers: only functions that are
// inlined take it `inout`. The slow steps return the offset after what they read in `offset`.
//
// Safety: every offset is compared with `end` before its byte is read; `top` stays below `limit`,
// and `frame` at or below `lastFrame`, in memory that `growStack` and `growFrames` grow.

extension JSONReader {
    /// An open container.
    struct Frame {
        /// Bytes of the stack below the container's own values.
        var start = 0
        /// The tokens of an object's names so far, a bit for each.
        var seen: UInt64 = 0
        /// Not 0 if two names may be equal: a token was met twice, or a name has no token.
        var repeated: UInt64 = 0
        /// The container's shape: an index into `ObjectShapes`.
        var shape = ObjectShapes.root
        /// For an object: the token of the member being read, if it has one.
        var token = ObjectShapes.noToken
        /// The byte that ends the container; 0 around the text's value.
        var closing: UInt8 = 0
    }

    /// The state of the loop.
    @safe private struct Cursor {
        /// In the text.
        var offset: Int
        /// The innermost open container.
        var frame: UnsafeMutablePointer<Frame>
        /// The last frame that has room for another one above it.
        var lastFrame: UnsafeMutablePointer<Frame>
        /// The first free value of the stack, and its end.
        var top: UnsafeMutablePointer<Value>
        var limit: UnsafeMutablePointer<Value>
        /// The last offset at which a record's member may begin: up to the next look at the budget.
        var lastOffset: Int
    }

    /// Bytes between two looks at the budget.
    static var lookByteCount: Int { 1 << 16 }

    /// Reads one value at `offset` and leaves `offset` after it.
    mutating func readBorrowed() throws(ReadFailure) -> Value {
        let text = unsafe TextScan(base, end)
        // What these read may end after the text (see `readNearEnd`).
        let readable = unsafe TextScan(base, readableEnd)
        let numbers = NumberReader(text: readable)
        let records = RecordReader(
            text: readable, shapes: shapes, heap: heap, makesBlocks: makesBlocks, owns: counts,
            indexes: indexes)
        var nextLook = offset &+ JSONReader.lookByteCount
        var at = unsafe Cursor(
            offset: offset, frame: frames, lastFrame: lastFrame, top: stack.base,
            limit: stack.base + stackCapacity,
            lastOffset: min(nextLook, lastOffset))
        unsafe at.frame.pointee = Frame()
        defer { stackCount = unsafe at.top - stack.base }
        while true {
            at.offset = try text.passSpace(at.offset)
            let first = text[at.offset]
            var value: Value
            if first == UInt8(ascii: "\"") {
                value = try readString(text, &at)
            } else if first | 0x20 == UInt8(ascii: "{") {
                value = try open(first, records, numbers, &at)
                if value.isAbsent { continue }
            } else if NumberReader.begins(first),
                let number = JSONReader.readNumber(first, numbers, &at)
            {
                value = number
            } else if let end = text.wordEnd(at.offset) {
                at.offset = end
                value = first == UInt8(ascii: "n") ? .null : Value(first == UInt8(ascii: "t"))
            } else {
                offset = at.offset
                value = try readScalar()
                at.offset = offset
            }
            var ends = unsafe at.frame.pointee.closing == 0
            while !ends {
                try push(value, &at)
                at.offset = try text.passSpace(at.offset)
                let next = text[at.offset]
                at.offset &+= 1
                let closing = unsafe at.frame.pointee.closing
                if next == UInt8(ascii: ",") {
                    if closing == UInt8(ascii: "]") { break }
                    let token = unsafe records.shapes.next(at.frame.pointee.token)
                    value = try pushMembers(token, records, &at, isFirst: false)
                    if value.isAbsent { break }
                } else if next == closing {
                    value = try close(&at)
                } else {
                    throw ReadFailure(code: .unexpectedByte, offset: at.offset &- 1)
                }
                ends = unsafe at.frame.pointee.closing == 0
            }
            if ends {
                offset = at.offset
                return value
            }
            if at.offset >= nextLook {
                nextLook = at.offset &+ JSONReader.lookByteCount
                at.lastOffset = min(nextLook, lastOffset)
                do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: at.offset)
                }
            }
        }
    }

    @inline(__always) private mutating func push(
        _ value: Value, _ at: inout Cursor
    ) throws(ReadFailure) {
        if unsafe at.top == at.limit { unsafe (at.top, at.limit) = try grownStack(at.top) }
        unsafe at.top.pointee = value
        unsafe at.top += 1
    }

    /// The last offset at which a record's member may begin.
    private var lastOffset: Int { min(end &- 1, readableEnd &- RecordReader.margin) }

    // MARK: Room

    /// The stack's first free slot and its end, after the stack has grown.
    @inline(never) private mutating func grownStack(
        _ top: UnsafeMutablePointer<Value>
    ) throws(ReadFailure) -> (UnsafeMutablePointer<Value>, UnsafeMutablePointer<Value>) {
        let count = unsafe top - stack.base
        try growStack()
        return unsafe (stack.base + count, stack.base + stackCapacity)
    }

    private var lastFrame: UnsafeMutablePointer<Frame> {
        unsafe frames + min(depthMax, frameCapacity - 1)
    }

    /// The frame, after making room for one more.
    @inline(never) private mutating func makeRoom(
        above frame: UnsafeMutablePointer<Frame>, _ text: TextScan, _ cursor: Int
    ) throws(ReadFailure) -> UnsafeMutablePointer<Frame> {
        let depth = unsafe frame - frames
        if depth == depthMax {
            // For an empty container the offset of its end is reported.
            let next = try text.passSpace(cursor + 1)
            let isEmpty = text[next] == text[cursor] + 2
            throw ReadFailure(code: .tooDeep, offset: isEmpty ? next : next - 1)
        }
        growFrames()
        return unsafe frames + depth
    }

    // MARK: Scalars

    @inline(__always) private mutating func readString(
        _ text: TextScan, _ at: inout Cursor
    ) throws(ReadFailure) -> Value {
        let start = at.offset &+ 1
        let stop = text.plainEnd(start)
        if stop < text.end && text[stop] == UInt8(ascii: "\"") {
            at.offset = stop &+ 1
            return unsafe Value(
                .string, flags: Value.ascii | Value.plain, count: stop &- start,
                payload: UInt64(UInt(bitPattern: text.base + start)))
        }
        let value = try readOtherString(text, start, stop)
        at.offset = offset
        return value
    }

    /// A string whose first byte that is not a plain character is at `stop`.
    @inline(never) private mutating func readOtherString(
        _ text: TextScan, _ start: Int, _ stop: Int
    ) throws(ReadFailure) -> Value {
        // A longer string is read by the method that looks at the budget on the way.
        let near = unsafe TextScan(text.base, min(text.end, stop &+ JSONReader.lookByteCount))
        guard let (close, hasEscapes) = near.wideClose(stop) else {
            offset = start
            return try readString()
        }
        if hasEscapes { return try decodeString(start, close) }
        offset = close + 1
        return unsafe Value(
            .string, flags: Value.plain, count: close - start,
            payload: UInt64(UInt(bitPattern: text.base + start)))
    }

    /// A plain number. In an array all plain numbers that follow are read as well; all but the last
    /// are pushed. nil leaves the number to `readNumber`.
    @inline(always) private static func readNumber(
        _ first: UInt8, _ numbers: NumberReader, _ at: inout Cursor
    ) -> Value? {
        if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
            let (cursor, top) = unsafe numbers.read(at.offset, at.lastOffset, at.top, at.limit)
            if unsafe top > at.top {
                at.offset = cursor
                unsafe at.top = unsafe top - 1
                return unsafe at.top.pointee
            }
        }
        return readPlainNumber(numbers.text, &at.offset, first)
    }

    // MARK: Names

    /// Reads members up to the value of the first one that is kept and is not a plain scalar.
    /// - Parameter token: the predicted token; the cursor is after the separator that precedes it.
    /// - Returns: `absent` at such a value; else the object, which has ended. Objects before it in
    ///   its array have been pushed.
    @inline(always) private mutating func pushMembers(
        _ token: Int32, _ records: borrowing RecordReader, _ at: inout Cursor, isFirst: Bool
    ) throws(ReadFailure) -> Value {
        var state = unsafe RecordReader.State(
            offset: at.offset, token: token, isFirst: isFirst, top: at.top, room: at.limit - 2,
            frame: at.frame, lastFrame: at.lastFrame - 1, lastOffset: at.lastOffset,
            stack: stack.address)
        let end = records.read(&state)
        at.offset = state.offset
        unsafe at.top = unsafe state.top
        unsafe at.frame = unsafe state.frame
        switch end {
        case .value: return .absent
        case .separator:
            unsafe at.top -= 1
            return unsafe at.top.pointee
        case .brace: return try close(&at)
        case .member:
            let text = unsafe TextScan(base, self.end)
            return try pushName(state.token, text, &at, isFirst: state.isFirst)
                ? .absent : close(&at)
        }
    }

    /// Reads members up to the value of the first one that is kept, which is usually the predicted
    /// member.
    /// - Parameter token: the predicted token; the cursor is after the separator that precedes it.
    /// - Returns: false where the object ends without one.
    @inline(always) private mutating func pushName(
        _ predicted: Int32, _ text: TextScan, _ at: inout Cursor, isFirst: Bool
    ) throws(ReadFailure) -> Bool {
        var (token, isFirst) = (predicted, isFirst)
        while true {
            let byteCount = unsafe shapes.match(
                token, text.base + at.offset, text.end &- at.offset)
            var name = Value.absent
            if byteCount > 0 {
                at.offset &+= byteCount
                if shapes.keeps(token) {
                    try push(unsafe take(token, at.frame), &at)
                    return true
                }
                unsafe at.frame.pointee.token = token
            } else {
                if isFirst {
                    let next = try text.passSpace(at.offset)
                    if text[next] == UInt8(ascii: "}") {
                        at.offset = next &+ 1
                        return false
                    }
                }
                name = unsafe try readNewName(at.frame, at.offset, isFirst: isFirst)
                at.offset = offset
                token = unsafe at.frame.pointee.token
                if unsafe keeps(name, at.frame) {
                    try push(unsafe note(name, at.frame), &at)
                    return true
                }
            }
            let stop = unsafe try skip(text, at.offset, in: at.frame)
            if stop == 0 {
                try push(unsafe note(name, at.frame), &at)
                return true
            }
            at.offset = try text.passSpace(stop)
            let next = text[at.offset]
            at.offset &+= 1
            if next != UInt8(ascii: ",") {
                if next == UInt8(ascii: "}") { return false }
                throw ReadFailure(code: .unexpectedByte, offset: at.offset &- 1)
            }
            token = shapes.next(token)
            isFirst = false
        }
    }

    /// Whether the value of the frame's member is kept.
    private func keeps(_ name: Value, _ frame: UnsafeMutablePointer<Frame>) -> Bool {
        let token = unsafe frame.pointee.token
        return token == ObjectShapes.noToken
            ? unsafe shapes.keeps(frame.pointee.shape, name.bytes) : shapes.keeps(token)
    }

    /// The name of the frame's member, which is kept.
    /// - Parameter name: used when the member has no token.
    private func note(_ name: Value, _ frame: UnsafeMutablePointer<Frame>) -> Value {
        let token = unsafe frame.pointee.token
        if token != ObjectShapes.noToken { return unsafe take(token, frame) }
        unsafe frame.pointee.repeated = 1
        return name
    }

    /// The name of a token whose bytes come next.
    @inline(__always) private func take(
        _ token: Int32, _ frame: UnsafeMutablePointer<Frame>
    ) -> Value {
        let bit = shapes[token].bit
        unsafe frame.pointee.repeated |= frame.pointee.seen & bit
        unsafe frame.pointee.seen |= bit
        unsafe frame.pointee.token = token
        return shapes[token].name
    }

    /// A name that was not predicted, read from after the separator. Leaves `offset` at its
    /// value and the token in the frame.
    @inline(never) private mutating func readNewName(
        _ frame: UnsafeMutablePointer<Frame>, _ cursor: Int, isFirst: Bool
    ) throws(ReadFailure) -> Value {
        let (previous, shape) = unsafe (frame.pointee.token, frame.pointee.shape)
        if let token = unsafe shapes.matchOtherPrediction(
            shape, after: previous, base + cursor, end &- cursor, isFirst: isFirst)
        {
            offset = cursor &+ shapes.byteCount(token)
            unsafe frame.pointee.token = token
            return shapes[token].name
        }
        offset = cursor
        let name = try readNameValue()
        offset = skipSpace(offset)
        if offset >= end { throw failureAfter(name) }
        var token = ObjectShapes.noToken
        let distance =
            unsafe Int(truncatingIfNeeded: name.payload) &- Int(bitPattern: base + cursor)
        // A decoded name has memory of its own.
        if name.word & Value.plain != 0 && distance > 0 && distance < offset - cursor {
            token = unsafe shapes.learn(
                shape, after: previous, name, Bytes(base + cursor, offset - cursor),
                isFirst: isFirst)
        }
        unsafe frame.pointee.token = token
        return name
    }

    // MARK: Containers

    /// Enters the container at the cursor. Returns `absent` at a value inside it, or the container,
    /// if it has ended.
    @inline(always) private mutating func open(
        _ first: UInt8, _ records: borrowing RecordReader, _ numbers: NumberReader,
        _ at: inout Cursor
    ) throws(ReadFailure) -> Value {
        let text = unsafe TextScan(base, end)
        if unsafe at.frame == at.lastFrame {
            unsafe at.frame = try makeRoom(above: at.frame, text, at.offset)
            unsafe at.lastFrame = lastFrame
        }
        let isObject = first == UInt8(ascii: "{")
        let shapes = records.shapes
        let shape = unsafe JSONReader.shape(in: at.frame, shapes)
        let isShallow = shapes.isShallow(shape, isObject: isObject)
        // Arrays of numbers need no frame.
        if !isObject && !isShallow {
            let inside = text.pastSpace(at.offset &+ 1)
            if inside < at.lastOffset && NumberReader.begins(text[inside]),
                let array = try readNumberArrays(inside, numbers, records, &at)
            {
                return array
            }
        }
        let frame = unsafe at.frame + 1
        unsafe frame.pointee = Frame(
            start: Int(bitPattern: UInt(bitPattern: at.top) &- UInt(stack.address)), shape: shape,
            closing: first &+ 2)
        if isShallow {
            let stop = unsafe try skipContents(text, at.offset, frame)
            if stop > 0 {
                at.offset = stop
                return isObject ? .emptyObject : .emptyArray
            }
        }
        at.offset &+= 1
        if isObject {
            unsafe at.frame = unsafe frame
            let token = unsafe shapes.start(frame.pointee.shape)
            return try pushMembers(token, records, &at, isFirst: true)
        }
        at.offset = try text.passSpace(at.offset)
        if text[at.offset] == UInt8(ascii: "]") {
            at.offset &+= 1
            return Value.emptyArray
        }
        unsafe at.frame = unsafe frame
        return .absent
    }

    /// An array of plain numbers. In an array of such arrays all that follow are read as well; all
    /// but the last are pushed.
    /// - Parameter inside: the offset of its first number.
    @inline(always) private mutating func readNumberArrays(
        _ inside: Int, _ numbers: NumberReader, _ records: borrowing RecordReader,
        _ at: inout Cursor
    ) throws(ReadFailure) -> Value? {
        if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
            let (cursor, top) = unsafe numbers.readArrays(
                at.offset, at.lastOffset, at.top, at.limit, records)
            if unsafe top > at.top {
                at.offset = cursor
                unsafe at.top = unsafe top - 1
                return unsafe at.top.pointee
            }
        }
        // A member's value, or an array for which there was no room at hand.
        let (cursor, top) = unsafe numbers.read(inside, at.lastOffset, at.top, at.limit)
        let byteCount = unsafe UnsafeRawPointer(top) - UnsafeRawPointer(at.top)
        if byteCount == 0 || numbers.text[cursor] != UInt8(ascii: "]") { return nil }
        at.offset = cursor &+ 1
        if counts { try own(unsafe Slots(at.top), byteCount &>> 4) }
        return unsafe try makeArray(Slots(at.top), byteCount, at.offset)
    }

    /// Leaves the container, whose values are taken from the stack.
    @inline(__always) private mutating func close(_ at: inout Cursor) throws(ReadFailure) -> Value {
        let value = unsafe try leave(at.frame, at.offset, UInt(bitPattern: at.top))
        unsafe at.top = stack.advanced(byBytes: at.frame.pointee.start).base
        unsafe at.frame -= 1
        return value
    }

    /// The shape of a container that opens inside another one.
    @inline(__always) private static func shape(
        in outer: UnsafeMutablePointer<Frame>, _ shapes: ObjectShapes
    ) -> Int32 {
        if unsafe outer.pointee.token != ObjectShapes.noToken {
            return unsafe shapes.child(outer.pointee.token)
        }
        if unsafe outer.pointee.closing == 0 { return ObjectShapes.root }
        return unsafe shapes.element(
            outer.pointee.shape, isMember: outer.pointee.closing == UInt8(ascii: "}"))
    }

    /// The container of the values from the frame's start to the top of the stack.
    @inline(__always) private mutating func leave(
        _ frame: UnsafeMutablePointer<Frame>, _ cursor: Int, _ top: UInt
    ) throws(ReadFailure) -> Value {
        let values = unsafe stack.advanced(byBytes: frame.pointee.start)
        let byteCount = Int(bitPattern: top &- UInt(values.address))
        if byteCount == 0 { return Value.emptyObject }
        if counts { try own(values, byteCount &>> 4) }
        let isObject = unsafe frame.pointee.closing == UInt8(ascii: "}")
        let memberCount = byteCount &>> 5
        if isObject
            && (memberCount > JSONReader.recordCountMax || (unsafe frame.pointee.repeated != 0))
        {
            return unsafe try leaveOther(frame.pointee.start, byteCount, cursor)
        }
        if !isObject { return try makeArray(values, byteCount, cursor) }
        let address: UInt
        let room = memberCount > Heap.scanCountMax && indexes ? Heap.headerByteCount : 0
        do throws(Stop) {
            if makesBlocks {
                return try heap.container(.object, of: values, byteCount: byteCount)
            }
            address = try heap.bump(byteCount &+ room) &+ UInt(room)
        } catch { throw ReadFailure(code: .limit, offset: cursor) }
        if room > 0 { Heap.store(address &- 32, 0) }
        Slots(address: UInt64(address)).copyUncharged(values, byBytes: byteCount)
        return Value(
            .object, flags: room > 0 ? Heap.indexable : 0, count: memberCount,
            payload: UInt64(address))
    }

    /// An array of the values in these bytes; there is at least one.
    @inline(__always) private func makeArray(
        _ values: Slots, _ byteCount: Int, _ cursor: Int
    ) throws(ReadFailure) -> Value {
        do throws(Stop) {
            if makesBlocks {
                return try heap.container(.array, of: values, byteCount: byteCount)
            }
            let address = UInt64(try heap.bump(byteCount))
            Slots(address: address).copyUncharged(values, byBytes: byteCount)
            return Value(.array, count: byteCount &>> 4, payload: address)
        } catch { throw ReadFailure(code: .limit, offset: cursor) }
    }

    /// An object that may have equal names, or has many members.
    @inline(never) private mutating func leaveOther(
        _ start: Int, _ byteCount: Int, _ cursor: Int
    ) throws(ReadFailure) -> Value {
        offset = cursor
        stackCount = (start + byteCount) >> 4
        return try closeObject(start >> 4)
    }
}
