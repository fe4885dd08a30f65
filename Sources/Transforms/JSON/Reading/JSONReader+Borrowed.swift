// The usual reading of a document, whose strings and numbers borrow from its text. Names that the
// object before at the same place had too are taken over with one comparison (ObjectShapes.swift);
// what is not plain goes to the reader's other parts, which also say what is wrong.
//
// Safety: bytes are read below `end`, which the place is compared with first; `top` stays below
// `limit`, of memory that `makeRoom` grows; `frames` has room for `frameCapacity`.

extension JSONReader {
    /// An open container.
    struct Frame {
        /// Values on the stack below the container's own.
        var start = 0
        /// The container's place among the shapes.
        var place: Int32 = 0
        /// The place of its children: of an array's elements, or of the member being read.
        var childPlace: Int32 = 0
        // Of an object: the next token of its shape and their end.
        var token: Int32 = 0
        var tokenEnd: Int32 = 0
        var isObject = false
        /// Whether a name was not found in the shape.
        var hasNewName = false
    }

    /// Bytes between two looks at the budget.
    private static var lookByteCount: Int { 1 << 16 }

    /// One value from `offset` on, which is left behind it.
    mutating func readBorrowed() throws(ReadFailure) -> Value {
        let text = unsafe TextScan(base, end)
        var place = offset
        var nextLook = offset &+ JSONReader.lookByteCount
        var frame = Frame()
        frame.childPlace = Int32(truncatingIfNeeded: ObjectShapes.root)
        var depth = 0
        stackCount = 0
        while true {
            place = try text.passSpace(place)
            let first = text[place]
            var value: Value
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                place = try text.passSpace(place &+ 1)
                if depth >= depthMax {
                    throw ReadFailure(
                        code: .tooDeep,
                        offset: text[place] == first &+ 2 ? place : place &- 1)
                }
                if text[place] != first &+ 2 {
                    if depth == frameCapacity { growFrames() }
                    unsafe frames[depth] = frame
                    depth &+= 1
                    enter(&frame, isObject: first == UInt8(ascii: "{"))
                    if frame.isObject { place = try readName(&frame, text, place) }
                    continue
                }
                value = Value(first == UInt8(ascii: "{") ? .object : .array, payload: 16)
                place &+= 1
            } else {
                value = try readScalar(first, text, &place)
            }
            while depth > 0 {
                try push(value)
                place = try text.passSpace(place)
                let next = text[place]
                if next == UInt8(ascii: ",") {
                    place &+= 1
                    if frame.isObject { place = try readName(&frame, text, place) }
                    break
                }
                if next != (frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    throw ReadFailure(code: .unexpectedByte, offset: place)
                }
                place &+= 1
                offset = place
                value = try leave(frame)
                depth &-= 1
                frame = unsafe frames[depth]
            }
            if depth == 0 {
                offset = place
                return value
            }
            if place >= nextLook {
                nextLook = place &+ JSONReader.lookByteCount
                do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: place)
                }
            }
        }
    }

    // MARK: Scalars

    /// A scalar at `place`, which is left behind it.
    @inline(__always) private mutating func readScalar(
        _ first: UInt8, _ text: TextScan, _ place: inout Int
    ) throws(ReadFailure) -> Value {
        if first == UInt8(ascii: "\"") {
            let start = place &+ 1
            let close = text.plainEnd(start)
            if close < text.end && text[close] == UInt8(ascii: "\"") {
                place = close &+ 1
                return unsafe Value(
                    .string, flags: Value.ascii | Value.plain, count: close &- start,
                    payload: UInt64(UInt(bitPattern: text.base + start)))
            }
            if let close = text.wideClose(close) {
                place = close &+ 1
                return unsafe Value(
                    .string, flags: Value.plain, count: close &- start,
                    payload: UInt64(UInt(bitPattern: text.base + start)))
            }
        } else if first &- 0x30 <= 9 || first == UInt8(ascii: "-") {
            if let value = JSONReader.readPlainNumber(text, &place) { return value }
        }
        offset = place
        let value = try readScalarOrOpen()
        place = offset
        return value
    }

    /// A number without an exponent; nil leaves it to `readNumber`.
    @inline(__always) private static func readPlainNumber(
        _ text: TextScan, _ place: inout Int
    ) -> Value? {
        let start = place
        let isNegative = text[start] == UInt8(ascii: "-")
        let digits = isNegative ? start &+ 1 : start
        var stop = digits
        var integer = 0
        while stop < text.end {
            let digit = text[stop] &- 0x30
            if digit > 9 { break }
            integer = integer &* 10 &+ Int(digit)
            stop &+= 1
        }
        let count = stop &- digits
        if count == 0 || stop >= text.end || count > 1 && text[digits] == 0x30 { return nil }
        var next = text[stop]
        if next != UInt8(ascii: ".") {
            if next | 0x20 == UInt8(ascii: "e") { return nil }
            if count <= 18 && (integer != 0 || !isNegative) {
                place = stop
                return Value(integer: isNegative ? -integer : integer)
            }
        } else {
            let fraction = stop &+ 1
            stop = text.skipDigits(fraction)
            if stop == fraction || stop >= text.end { return nil }
            next = text[stop]
            if next | 0x20 == UInt8(ascii: "e") { return nil }
        }
        place = stop
        return unsafe Value(
            .literal, count: stop &- start, payload: UInt64(UInt(bitPattern: text.base + start)))
    }

    // MARK: Names

    /// A name and its colon; the place behind them.
    @inline(__always) private mutating func readName(
        _ frame: inout Frame, _ text: TextScan, _ start: Int
    ) throws(ReadFailure) -> Int {
        let place = try text.passSpace(start)
        if frame.token < frame.tokenEnd,
            unsafe shapes.matches(Int(frame.token), text.base + place, text.end &- place)
        {
            let token = shapes.token(Int(frame.token))
            frame.token &+= 1
            frame.childPlace = token.place
            try push(token.name)
            return place &+ token.byteCount
        }
        return try readOtherName(&frame, place)
    }

    @inline(never) private mutating func readOtherName(
        _ frame: inout Frame, _ place: Int
    ) throws(ReadFailure) -> Int {
        if !frame.hasNewName {
            if let index = unsafe shapes.find(
                Int(frame.token) + 1, Int(frame.tokenEnd), base + place, end - place)
            {
                let token = shapes.token(index)
                frame.token = Int32(truncatingIfNeeded: index + 1)
                frame.childPlace = token.place
                try push(token.name)
                return place + token.byteCount
            }
            frame.hasNewName = true
            frame.tokenEnd = 0
        }
        offset = place
        try push(try readNameValue())
        frame.childPlace = Int32(truncatingIfNeeded: ObjectShapes.nowhere)
        return offset
    }

    // MARK: Containers

    @inline(__always) private mutating func enter(_ frame: inout Frame, isObject: Bool) {
        let place = frame.childPlace
        frame = Frame()
        frame.start = stackCount
        frame.place = place
        frame.isObject = isObject
        if isObject {
            let shape = shapes.shape(Int(place))
            frame.token = Int32(truncatingIfNeeded: shape.first)
            frame.tokenEnd = Int32(truncatingIfNeeded: shape.first &+ shape.count)
        } else {
            frame.childPlace = Int32(truncatingIfNeeded: shapes.elementPlace(Int(place)))
        }
    }

    /// The container of the values on the stack, which are taken from it.
    @inline(__always) private mutating func leave(_ frame: Frame) throws(ReadFailure) -> Value {
        let start = frame.start
        let count = stackCount &- start
        if frame.hasNewName { return try leaveNew(frame) }
        let memberCount = count / 2
        let room = frame.isObject && memberCount > 8 && indexes ? Heap.headerByteCount : 0
        if memberCount > 64 && frame.isObject { return try leaveNew(frame) }
        let address: UInt
        do throws(Stop) { address = try heap.bump(count &* 16 &+ room) + UInt(room) } catch {
            throw ReadFailure(code: .limit, offset: offset)
        }
        if room > 0 { Heap.store(address - 32, 0) }
        let slots = Slots(address: UInt64(address))
        let values = stack.advanced(by: start)
        var i = 0
        while i < count {
            slots[i] = values[i]
            i &+= 1
        }
        stackCount = start
        return frame.isObject
            ? Value(
                .object, flags: room > 0 ? Heap.indexable : 0, count: memberCount,
                payload: UInt64(address))
            : Value(.array, count: count, payload: UInt64(address))
    }

    /// An object with names that its shape has not; the next one may have the same.
    @inline(never) private mutating func leaveNew(_ frame: Frame) throws(ReadFailure) -> Value {
        let count = (stackCount - frame.start) / 2
        let object = try closeObject(frame.start)
        stackCount = frame.start
        if object.count == count, object.payload != 16 {
            unsafe shapes.learn(
                Int(frame.place), object.slots, count, stride: 2,
                Bytes(base, end))
        }
        return object
    }
}
