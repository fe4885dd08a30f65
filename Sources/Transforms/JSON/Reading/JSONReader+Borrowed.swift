// The usual reading of a document, whose strings and numbers borrow from its text. Names that came
// before at the same place are taken over with one comparison (ObjectShapes.swift); what is not
// plain goes to the reader's other parts, which also say what is wrong.
//
// What the loop works on is a local `Cursor`, whose words stay in registers: only functions that
// are inlined take it `inout`. The slow steps leave the place behind them in `offset`.
//
// Safety: bytes are read below `end`, which the place is compared with first; `top` stays below
// `limit`, and `frame` at or below `lastFrame`, of memory that `growStack` and `growFrames` grow.

extension JSONReader {
    /// An open container.
    struct Frame {
        /// Bytes of the stack below the container's own values.
        var start = 0
        /// The tokens of an object's names so far, a bit for each.
        var seen: UInt64 = 0
        /// Not 0 if names may be the same: a token came again, or a name has none.
        var repeated: UInt64 = 0
        /// The container's place among the shapes.
        var place = ObjectShapes.root
        /// Of an object: the token of the member being read, if it has one.
        var token = ObjectShapes.noToken
        /// The byte that ends the container; 0 around the text's value.
        var closing: UInt8 = 0
    }

    /// Where the reading is.
    @safe private struct Cursor {
        /// In the text.
        var place: Int
        /// The container around the place.
        var frame: UnsafeMutablePointer<Frame>
        /// With no room for another one above it.
        var lastFrame: UnsafeMutablePointer<Frame>
        /// The first free value of the stack, and its end.
        var top: UnsafeMutablePointer<Value>
        var limit: UnsafeMutablePointer<Value>
        /// Where records' members may begin at the latest: until the next look at the budget.
        var lastPlace: Int
    }

    /// Bytes between two looks at the budget.
    static var lookByteCount: Int { 1 << 16 }

    /// One value from `offset` on, which is left behind it.
    mutating func readBorrowed() throws(ReadFailure) -> Value {
        let text = unsafe TextScan(base, end)
        let numbers = NumberReader(text: text)
        let records = RecordReader(
            text: text, shapes: shapes, heap: heap, makesBlocks: makesBlocks, indexes: indexes)
        var nextLook = offset &+ JSONReader.lookByteCount
        var at = unsafe Cursor(
            place: offset, frame: frames, lastFrame: lastFrame, top: stack.base,
            limit: stack.base + stackCapacity,
            lastPlace: min(nextLook, end &- RecordReader.margin))
        unsafe at.frame.pointee = Frame()
        while true {
            at.place = try text.passSpace(at.place)
            let first = text[at.place]
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
            } else if let end = text.wordEnd(at.place) {
                at.place = end
                value = first == UInt8(ascii: "n") ? .null : Value(first == UInt8(ascii: "t"))
            } else {
                offset = at.place
                value = try readScalarOrOpen()
                at.place = offset
            }
            var ends = unsafe at.frame.pointee.closing == 0
            while !ends {
                try push(value, &at)
                at.place = try text.passSpace(at.place)
                let next = text[at.place]
                at.place &+= 1
                let closing = unsafe at.frame.pointee.closing
                if next == UInt8(ascii: ",") {
                    if closing == UInt8(ascii: "]") { break }
                    let token = unsafe records.shapes.next(at.frame.pointee.token)
                    value = try pushMembers(token, records, &at, isFirst: false)
                    if value.isAbsent { break }
                } else if next == closing {
                    value = try close(&at)
                } else {
                    throw ReadFailure(code: .unexpectedByte, offset: at.place &- 1)
                }
                ends = unsafe at.frame.pointee.closing == 0
            }
            if ends {
                offset = at.place
                return value
            }
            if at.place >= nextLook {
                nextLook = at.place &+ JSONReader.lookByteCount
                at.lastPlace = min(nextLook, end &- RecordReader.margin)
                do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: at.place)
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

    // MARK: Room

    /// The stack's next place and its end, after it has grown.
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

    /// The frame, after there is room for one more.
    @inline(never) private mutating func makeRoom(
        above frame: UnsafeMutablePointer<Frame>, _ text: TextScan, _ place: Int
    ) throws(ReadFailure) -> UnsafeMutablePointer<Frame> {
        let depth = unsafe frame - frames
        if depth == depthMax {
            // Of an empty container the end is told.
            let next = try text.passSpace(place + 1)
            let isEmpty = text[next] == text[place] + 2
            throw ReadFailure(code: .tooDeep, offset: isEmpty ? next : next - 1)
        }
        growFrames()
        return unsafe frames + depth
    }

    // MARK: Scalars

    @inline(__always) private mutating func readString(
        _ text: TextScan, _ at: inout Cursor
    ) throws(ReadFailure) -> Value {
        let start = at.place &+ 1
        let stop = text.plainEnd(start)
        if stop < text.end && text[stop] == UInt8(ascii: "\"") {
            at.place = stop &+ 1
            return unsafe Value(
                .string, flags: Value.ascii | Value.plain, count: stop &- start,
                payload: UInt64(UInt(bitPattern: text.base + start)))
        }
        let value = try readOtherString(text, start, stop)
        at.place = offset
        return value
    }

    /// A string whose first byte that is no plain character is at `stop`.
    @inline(never) private mutating func readOtherString(
        _ text: TextScan, _ start: Int, _ stop: Int
    ) throws(ReadFailure) -> Value {
        // A longer one is read with looks at the budget.
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

    /// A plain number; of an array all that follow it are read, and the others pushed. nil leaves
    /// it to `readNumber`.
    @inline(always) private static func readNumber(
        _ first: UInt8, _ numbers: NumberReader, _ at: inout Cursor
    ) -> Value? {
        if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
            let (place, top) = unsafe numbers.read(at.place, at.lastPlace, at.top, at.limit)
            if unsafe top > at.top {
                at.place = place
                unsafe at.top = unsafe top - 1
                return unsafe at.top.pointee
            }
        }
        return readPlainNumber(numbers.text, &at.place, first)
    }

    // MARK: Names

    /// Reads members up to the value of the first that is kept and no plain scalar.
    /// - Parameter token: is foreseen; the place is behind the separator in front of it.
    /// - Returns: `absent` at such a value, or the object, which has ended; those in front of it in
    ///   its array are pushed.
    @inline(always) private mutating func pushMembers(
        _ token: Int32, _ records: borrowing RecordReader, _ at: inout Cursor, isFirst: Bool
    ) throws(ReadFailure) -> Value {
        var walk = unsafe RecordReader.Walk(
            place: at.place, token: token, isFirst: isFirst, top: at.top, room: at.limit - 2,
            frame: at.frame, lastFrame: at.lastFrame - 1, lastPlace: at.lastPlace,
            stack: stack.address)
        let end = records.read(&walk)
        at.place = walk.place
        unsafe at.top = unsafe walk.top
        unsafe at.frame = unsafe walk.frame
        switch end {
        case .value: return .absent
        case .separator:
            // White space behind a text is not its own: lines are counted up to its end.
            if unsafe at.frame.pointee.closing == 0 {
                while records.text[at.place &- 1] <= 0x20 { at.place &-= 1 }
            }
            unsafe at.top -= 1
            return unsafe at.top.pointee
        case .brace: return try close(&at)
        case .member:
            return try pushName(walk.token, records.text, &at, isFirst: walk.isFirst)
                ? .absent : close(&at)
        }
    }

    /// Reads members up to the value of the first that is kept: mostly the one that is foreseen.
    /// - Parameter token: is foreseen; the place is at the separator in front of it.
    /// - Returns: false where the object ends without one.
    @inline(always) private mutating func pushName(
        _ foreseen: Int32, _ text: TextScan, _ at: inout Cursor, isFirst: Bool
    ) throws(ReadFailure) -> Bool {
        var (token, isFirst) = (foreseen, isFirst)
        while true {
            let byteCount = unsafe shapes.match(
                token, text.base + at.place, text.end &- at.place)
            var name = Value.absent
            if byteCount > 0 {
                at.place &+= byteCount
                if shapes.keeps(token) {
                    try push(unsafe take(token, at.frame), &at)
                    return true
                }
                unsafe at.frame.pointee.token = token
            } else {
                if isFirst {
                    let next = try text.passSpace(at.place)
                    if text[next] == UInt8(ascii: "}") {
                        at.place = next &+ 1
                        return false
                    }
                }
                name = unsafe try readNewName(text, at.frame, at.place, isFirst: isFirst)
                at.place = offset
                token = unsafe at.frame.pointee.token
                if unsafe keeps(name, at.frame) {
                    try push(unsafe note(name, at.frame), &at)
                    return true
                }
            }
            let stop = unsafe try skip(text, at.place, in: at.frame)
            if stop == 0 {
                try push(unsafe note(name, at.frame), &at)
                return true
            }
            at.place = try text.passSpace(stop)
            let next = text[at.place]
            at.place &+= 1
            if next != UInt8(ascii: ",") {
                if next == UInt8(ascii: "}") { return false }
                throw ReadFailure(code: .unexpectedByte, offset: at.place &- 1)
            }
            token = shapes.next(token)
            isFirst = false
        }
    }

    /// Whether the value of the frame's member is kept.
    private func keeps(_ name: Value, _ frame: UnsafeMutablePointer<Frame>) -> Bool {
        let token = unsafe frame.pointee.token
        return token == ObjectShapes.noToken
            ? unsafe shapes.keeps(frame.pointee.place, name.bytes) : shapes.keeps(token)
    }

    /// The name of the frame's member, which is kept.
    /// - Parameter name: is used where the member has no token.
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

    /// A name that was not foreseen, from the separator before it on; `offset` is its value's, and
    /// the frame has its token.
    @inline(never) private mutating func readNewName(
        _ text: TextScan, _ frame: UnsafeMutablePointer<Frame>, _ place: Int, isFirst: Bool
    ) throws(ReadFailure) -> Value {
        let (behind, around) = unsafe (frame.pointee.token, frame.pointee.place)
        if let token = unsafe shapes.secondGuess(
            around, behind: behind, text.base + place, text.end &- place, isFirst: isFirst)
        {
            offset = place &+ shapes.byteCount(token)
            unsafe frame.pointee.token = token
            return shapes[token].name
        }
        offset = place
        let name = try readNameValue()
        offset = try text.passSpace(offset)
        var token = ObjectShapes.noToken
        let distance =
            unsafe Int(truncatingIfNeeded: name.payload) &- Int(bitPattern: text.base + place)
        // A name with escapes stands in memory of its own.
        if name.word & Value.plain != 0 && distance > 0 && distance < offset - place {
            token = unsafe shapes.learn(
                around, behind: behind, name, Bytes(text.base + place, offset - place),
                isFirst: isFirst)
        }
        unsafe frame.pointee.token = token
        return name
    }

    // MARK: Containers

    /// Enters the container at the place. `absent`: at a value in it; else it has ended, and is the
    /// result.
    @inline(always) private mutating func open(
        _ first: UInt8, _ records: borrowing RecordReader, _ numbers: NumberReader,
        _ at: inout Cursor
    ) throws(ReadFailure) -> Value {
        let text = records.text
        if unsafe at.frame == at.lastFrame {
            unsafe at.frame = try makeRoom(above: at.frame, text, at.place)
            unsafe at.lastFrame = lastFrame
        }
        let isObject = first == UInt8(ascii: "{")
        let shapes = records.shapes
        let place = unsafe JSONReader.place(in: at.frame, shapes)
        let isBare = shapes.isBare(place, isObject: isObject)
        // Arrays of numbers need no frame.
        if !isObject && !isBare {
            let inside = text.pastSpace(at.place &+ 1)
            if inside < at.lastPlace && NumberReader.begins(text[inside]),
                let array = try readNumberArrays(inside, numbers, records, &at)
            {
                return array
            }
        }
        let frame = unsafe at.frame + 1
        unsafe frame.pointee = Frame(
            start: Int(bitPattern: UInt(bitPattern: at.top) &- UInt(stack.address)), place: place,
            closing: first &+ 2)
        if isBare {
            let stop = unsafe try skipBare(text, at.place, frame)
            if stop > 0 {
                at.place = stop
                return Value(isObject ? .object : .array, payload: 16)
            }
        }
        at.place &+= 1
        if isObject {
            unsafe at.frame = unsafe frame
            let token = unsafe shapes.start(frame.pointee.place)
            return try pushMembers(token, records, &at, isFirst: true)
        }
        at.place = try text.passSpace(at.place)
        if text[at.place] == UInt8(ascii: "]") {
            at.place &+= 1
            return Value(.array, payload: 16)
        }
        unsafe at.frame = unsafe frame
        return .absent
    }

    /// An array of plain numbers; of an array all such that follow it are read, and the others
    /// pushed.
    /// - Parameter inside: of its first number.
    @inline(always) private mutating func readNumberArrays(
        _ inside: Int, _ numbers: NumberReader, _ records: borrowing RecordReader,
        _ at: inout Cursor
    ) throws(ReadFailure) -> Value? {
        if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
            let (place, top) = unsafe numbers.readArrays(
                at.place, at.lastPlace, at.top, at.limit, records)
            if unsafe top > at.top {
                at.place = place
                unsafe at.top = unsafe top - 1
                return unsafe at.top.pointee
            }
        }
        // A member's, or one for which there was no room at hand.
        let (place, top) = unsafe numbers.read(inside, at.lastPlace, at.top, at.limit)
        let byteCount = unsafe UnsafeRawPointer(top) - UnsafeRawPointer(at.top)
        if byteCount == 0 || numbers.text[place] != UInt8(ascii: "]") { return nil }
        at.place = place &+ 1
        return unsafe try makeArray(Slots(at.top), byteCount, at.place)
    }

    /// Leaves the container, whose values are taken from the stack.
    @inline(__always) private mutating func close(_ at: inout Cursor) throws(ReadFailure) -> Value {
        let value = unsafe try leave(at.frame, at.place, UInt(bitPattern: at.top))
        unsafe at.top = stack.advanced(byBytes: at.frame.pointee.start).base
        unsafe at.frame -= 1
        return value
    }

    /// The place of a container that opens in another's.
    @inline(__always) private static func place(
        in outer: UnsafeMutablePointer<Frame>, _ shapes: ObjectShapes
    ) -> Int32 {
        if unsafe outer.pointee.token != ObjectShapes.noToken {
            return unsafe shapes.child(outer.pointee.token)
        }
        if unsafe outer.pointee.closing == 0 { return ObjectShapes.root }
        return unsafe shapes.element(
            outer.pointee.place, isMember: outer.pointee.closing == UInt8(ascii: "}"))
    }

    /// The container of the values from the frame's start to the top of the stack.
    @inline(__always) private mutating func leave(
        _ frame: UnsafeMutablePointer<Frame>, _ place: Int, _ top: UInt
    ) throws(ReadFailure) -> Value {
        let values = unsafe stack.advanced(byBytes: frame.pointee.start)
        let byteCount = Int(bitPattern: top &- UInt(values.address))
        if byteCount == 0 { return Value(.object, payload: 16) }
        let isObject = unsafe frame.pointee.closing == UInt8(ascii: "}")
        let memberCount = byteCount &>> 5
        if isObject && (memberCount > 64 || (unsafe frame.pointee.repeated != 0)) {
            return unsafe try leaveOther(frame.pointee.start, byteCount, place)
        }
        if !isObject { return try makeArray(values, byteCount, place) }
        let address: UInt
        let room = memberCount > 8 && indexes ? Heap.headerByteCount : 0
        do throws(Stop) {
            if makesBlocks {
                return try heap.container(.object, of: values, byteCount: byteCount)
            }
            address = try heap.bump(byteCount &+ room) &+ UInt(room)
        } catch { throw ReadFailure(code: .limit, offset: place) }
        if room > 0 { Heap.store(address &- 32, 0) }
        Slots(address: UInt64(address)).copyUncharged(values, byBytes: byteCount)
        return Value(
            .object, flags: room > 0 ? Heap.indexable : 0, count: memberCount,
            payload: UInt64(address))
    }

    /// An array of some bytes of values, of which there is one.
    @inline(__always) private func makeArray(
        _ values: Slots, _ byteCount: Int, _ place: Int
    ) throws(ReadFailure) -> Value {
        do throws(Stop) {
            if makesBlocks {
                return try heap.container(.array, of: values, byteCount: byteCount)
            }
            let address = UInt64(try heap.bump(byteCount))
            Slots(address: address).copyUncharged(values, byBytes: byteCount)
            return Value(.array, count: byteCount &>> 4, payload: address)
        } catch { throw ReadFailure(code: .limit, offset: place) }
    }

    /// An object with names that may be the same, or with many.
    @inline(never) private mutating func leaveOther(
        _ start: Int, _ byteCount: Int, _ place: Int
    ) throws(ReadFailure) -> Value {
        offset = place
        stackCount = (start + byteCount) >> 4
        defer { stackCount = 0 }
        return try closeObject(start >> 4)
    }
}
