// Objects whose members are what was foreseen, whose values are plain scalars, such objects, or
// arrays of them: most of most texts. It is a loop with little to remember, most of it in
// registers; where it stops, all is left as the reading has it, which goes on.
//
//     [{"id":7,"at":{"x":1,"y":2},"rows":[{"n":1},{"n":2}]},{"id":8,"at":"here","rows":[1]}]
//       ^ ........................................................................... ^ stops here
//
// What is not looked at is passed over.
//
// Safety: `margin` bytes remain behind the place where a member begins, which no step before the
// next comparison reads beyond; two values have room below `room`, and two frames up to
// `lastFrame`.

@safe struct RecordReader {
    let text: TextScan
    let shapes: ObjectShapes
    let heap: Heap
    /// Whether containers are counted blocks.
    let makesBlocks: Bool
    /// Whether objects may be indexed as they are looked into.
    let indexes: Bool

    /// Where the reading is, between two steps.
    @safe struct Walk {
        /// Behind the separator in front of a member.
        var place: Int
        /// The token that is foreseen for the member.
        var token: Int32
        /// Nothing was read of the object yet.
        var isFirst: Bool
        /// The first free value of the stack, and the last place with room for two.
        var top: UnsafeMutablePointer<Value>
        var room: UnsafeMutablePointer<Value>
        /// The object's frame, and one with room for two above it.
        var frame: UnsafeMutablePointer<JSONReader.Frame>
        var lastFrame: UnsafeMutablePointer<JSONReader.Frame>
        /// Where a member may begin at the latest.
        var lastPlace: Int
        /// The address of the stack's first value.
        let stack: UInt64

        /// Bytes of the stack that are in use.
        @inline(__always) var offset: Int {
            unsafe Int(bitPattern: top) &- Int(truncatingIfNeeded: stack)
        }
    }

    /// Where it stopped.
    enum End {
        /// In front of a member.
        case member
        /// At a value whose name is on the stack.
        case value
        /// Behind the brace of an object that is still to be closed.
        case brace
        /// Behind a value that is on the stack, in the frame's container, or the whole text's, and
        /// the white space that follows it.
        case separator
    }

    /// What is known of the object in work: kept in its frame while another is in work.
    private struct Object {
        /// Its first value on the stack.
        var values: Slots
        var seen: UInt64
        var repeated: UInt64
        /// The token of its last member.
        var last: Int32

        /// The one that the frame remembers.
        @inline(__always) init(at walk: Walk) {
            let frame = unsafe walk.frame
            unsafe values = Slots(address: walk.stack).advanced(byBytes: frame.pointee.start)
            unsafe (seen, repeated) = (frame.pointee.seen, frame.pointee.repeated)
            unsafe last = frame.pointee.token
        }

        @inline(__always) init(new values: UnsafeMutablePointer<Value>) {
            unsafe self.values = Slots(values)
            (seen, repeated, last) = (0, 0, ObjectShapes.noToken)
        }

        @inline(__always) func note(in frame: UnsafeMutablePointer<JSONReader.Frame>) {
            unsafe (frame.pointee.seen, frame.pointee.repeated) = (seen, repeated)
            unsafe frame.pointee.token = last
        }
    }

    /// A name of up to 16 bytes, a string's first 32 or a number, and what stands behind it.
    static var margin: Int { 80 }

    @inline(never) func read(_ walk: inout Walk) -> End {
        var at = walk
        var object = Object(at: at)
        var end = End.member
        var (place, top, token) = unsafe (at.place, at.top, at.token)
        while place <= at.lastPlace && (unsafe top <= at.room) {
            let known = unsafe shapes.tokens + Int(token)
            let count = unsafe known.pointee.byteCount
            let raw = unsafe UnsafeRawPointer(text.base + place)
            if unsafe known.pointee.differs(raw) { break }
            if count > 16 {
                // What stands behind the name has the same room as behind a short one.
                guard place &+ count <= at.lastPlace &+ 16,
                    unsafe known.pointee.hasRest(raw)
                else { break }
            }
            var stop = place &+ count
            let byte = text[stop]
            let child = unsafe known.pointee.child
            if child == ObjectShapes.unread {
                stop = text.skippedNear(stop, byte)
                if stop == 0 || !text.endsMember(&stop) { break }
                object.last = token
            } else {
                let bit = unsafe known.pointee.bit
                object.repeated |= object.seen & bit
                object.seen |= bit
                object.last = token
                unsafe top.pointee = known.pointee.name
                unsafe top += 1
                var value = text.scalarNear(&stop, byte)
                if value.isAbsent {
                    if text.isEmptyNear(stop, byte), unsafe at.frame < at.lastFrame {
                        value = Value(byte == UInt8(ascii: "{") ? .object : .array, payload: 16)
                        stop &+= 2
                    } else {
                        unsafe at.top = unsafe top
                        if enter(byte, child, stop, &at, &object) {
                            unsafe (place, top, token) = unsafe (at.place, at.top, at.token)
                            continue
                        }
                        (place, end) = (stop, .value)
                        break
                    }
                }
                if !text.endsMember(&stop) {
                    // The reading takes the value, with all that may stand behind it.
                    (place, end) = (place &+ count, .value)
                    break
                }
                unsafe top.pointee = value
                unsafe top += 1
            }
            place = stop &+ 1
            at.isFirst = false
            if text[stop] == UInt8(ascii: ",") {
                token = unsafe known.pointee.next
                continue
            }
            unsafe (at.place, at.top) = unsafe (place, top)
            end = leave(&at, &object)
            unsafe (place, top, token) = unsafe (at.place, at.top, at.token)
            if end != .member { break }
        }
        unsafe object.note(in: at.frame)
        unsafe (at.place, at.top, at.token) = unsafe (place, top, token)
        walk = at
        return end
    }

    // MARK: Containers

    /// Enters an object that is a member's value, or the first of an array that is one.
    /// - Parameter child: the value's place, if it is known.
    @inline(always) private func enter(
        _ first: UInt8, _ child: Int32, _ start: Int, _ at: inout Walk, _ object: inout Object
    ) -> Bool {
        guard first | 0x20 == UInt8(ascii: "{"), child > 0, unsafe at.frame < at.lastFrame else {
            return false
        }
        var place = child
        var brace = start
        if first == UInt8(ascii: "[") {
            place = shapes.knownElement(child)
            brace = text.pastSpace(start &+ 1)
            if place == 0 || brace >= text.end || text[brace] != UInt8(ascii: "{") { return false }
            if shapes.isBare(child, isObject: false) { return false }
        }
        if shapes.isBare(place, isObject: true) { return false }
        unsafe object.note(in: at.frame)
        let offset = at.offset
        at.place = brace &+ 1
        if first == UInt8(ascii: "[") {
            unsafe at.frame += 1
            unsafe at.frame.pointee = JSONReader.Frame(
                start: offset, place: child, closing: UInt8(ascii: "]"))
        }
        unsafe at.frame += 1
        unsafe at.frame.pointee = JSONReader.Frame(
            start: offset, place: place, closing: UInt8(ascii: "}"))
        object = unsafe Object(new: at.top)
        at.token = shapes.start(place)
        at.isFirst = true
        return true
    }

    /// Closes the object behind whose brace the place is, and what ends with it.
    /// - Returns: `member` where another one comes, of whatever object.
    @inline(always) private func leave(_ at: inout Walk, _ object: inout Object) -> End {
        while true {
            let memberCount = unsafe (at.top - object.values.base) &>> 1
            guard object.repeated == 0, memberCount > 0, memberCount <= 64,
                at.place <= text.end &- 4,
                unsafe close(.object, object.values, memberCount, 32, &at.top)
            else { return .brace }
            unsafe at.frame -= 1
            at.place = text.pastSpace(at.place)
            if at.place > text.end &- 4 { return stopped(at, &object) }
            if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
                let next = text[at.place]
                if next == UInt8(ascii: ",") {
                    let brace = text.pastSpace(at.place &+ 1)
                    guard brace < text.end, text[brace] == UInt8(ascii: "{") else {
                        return stopped(at, &object)
                    }
                    unsafe at.frame += 1
                    unsafe at.frame.pointee.start = at.offset
                    object = unsafe Object(new: at.top)
                    at.place = brace &+ 1
                    at.token = unsafe shapes.start(at.frame.pointee.place)
                    at.isFirst = true
                    return .member
                }
                let elements = unsafe Slots(address: at.stack).advanced(
                    byBytes: at.frame.pointee.start)
                guard next == UInt8(ascii: "]"),
                    unsafe close(.array, elements, at.top - elements.base, 16, &at.top)
                else { return stopped(at, &object) }
                at.place = text.pastSpace(at.place &+ 1)
                unsafe at.frame -= 1
            }
            if unsafe at.frame.pointee.closing != UInt8(ascii: "}") || at.place >= text.end {
                return stopped(at, &object)
            }
            object = Object(at: at)
            let next = text[at.place]
            if next == UInt8(ascii: ",") {
                at.place &+= 1
                at.token = shapes.next(object.last)
                at.isFirst = false
                return .member
            }
            if next != UInt8(ascii: "}") { return .separator }
            at.place &+= 1
        }
    }

    /// Behind a value in a container that is no object: nothing is noted in its frame.
    @inline(__always) private func stopped(_ at: Walk, _ object: inout Object) -> End {
        object = Object(at: at)
        return .separator
    }

    /// Puts a container in the place of its values, if there is room.
    @inline(always) func close(
        _ tag: Value.Tag, _ values: Slots, _ count: Int, _ unit: Int,
        _ top: inout UnsafeMutablePointer<Value>
    ) -> Bool {
        if makesBlocks {
            guard let made = try? heap.container(tag, of: values, byteCount: count &* unit) else {
                return false
            }
            values[0] = made
            unsafe top = unsafe values.base + 1
            return true
        }
        var flags: UInt64 = 0
        var room = 0
        if tag == .object && count > 8 && indexes {
            (flags, room) = (Heap.indexable, Heap.headerByteCount)
        }
        guard let block = heap.bumpQuickly(count &* unit &+ room) else { return false }
        if room > 0 { Heap.store(block, 0) }
        let slots = Slots(address: UInt64(block &+ UInt(bitPattern: room)))
        slots.copyUncharged(values, byBytes: count &* unit)
        values[0] = Value(tag, flags: flags, count: count, payload: slots.address)
        unsafe top = unsafe values.base + 1
        return true
    }
}

extension TextScan {
    /// Whether a member ends at the place, before another one or with its object, which may have
    /// white space before it.
    @inline(__always) func endsMember(_ place: inout Int) -> Bool {
        if self[place] == UInt8(ascii: ",") || self[place] == UInt8(ascii: "}") { return true }
        if self[place] > 0x20 { return false }
        place = pastSpace(place)
        return place < end && self[place] == UInt8(ascii: "}")
    }

    /// Whether a container begins and ends here, with nothing in it.
    @inline(__always) func isEmptyNear(_ place: Int, _ first: UInt8) -> Bool {
        first | 0x20 == UInt8(ascii: "{") && self[place &+ 1] == first &+ 2
    }

    /// Behind a value that nothing looks at, if it is a plain scalar or an empty container; else 0.
    @inline(__always) func skippedNear(_ start: Int, _ first: UInt8) -> Int {
        if first == UInt8(ascii: "\"") {
            let stop = closeNear(start &+ 1)
            return stop > 0 ? stop : skippedFar(~stop)
        }
        if first &- 0x30 <= 9 { return numberNear(start) }
        if first | 0x20 == UInt8(ascii: "{") { return isEmptyNear(start, first) ? start &+ 2 : 0 }
        return wordEnd(start) ?? 0
    }

    /// A plain scalar at `place`, which is left behind it; else `absent`.
    @inline(always) func scalarNear(_ place: inout Int, _ first: UInt8) -> Value {
        if first == UInt8(ascii: "\"") {
            let start = place &+ 1
            let stop = closeNear(start)
            if stop < 0 { return stringFar(&place, ~stop) }
            place = stop
            return unsafe Value(
                .string, flags: Value.ascii | Value.plain, count: stop &- start &- 1,
                payload: UInt64(UInt(bitPattern: base + start)))
        }
        // Letters and braces are above all that a number begins with.
        if first < UInt8(ascii: "[") {
            return JSONReader.readPlainNumber(self, &place, first) ?? .absent
        }
        if first | 0x20 == UInt8(ascii: "{") { return .absent }
        let word = unsafe UInt32(
            littleEndian: UnsafeRawPointer(base + place).loadUnaligned(as: UInt32.self))
        switch word {
        case 0x6C6C_756E:
            place &+= 4
            return .null
        case 0x6575_7274:
            place &+= 4
            return .yes
        case 0x736C_6166 where self[place &+ 4] == UInt8(ascii: "e"):
            place &+= 5
            return .no
        default: return .absent
        }
    }

    /// Behind any string that is right, from some character of it on, if something follows it; else
    /// 0.
    @inline(never) private func skippedFar(_ start: Int) -> Int {
        let stop = skippedString(start)
        return stop &+ 1 < end ? stop : 0
    }

    /// A string of more than 32 bytes or with UTF-8, but without escapes, at `place`, which is left
    /// behind it; else `absent`.
    /// - Parameter plain: up to here its characters are plain.
    @inline(never) private func stringFar(_ place: inout Int, _ plain: Int) -> Value {
        let start = place &+ 1
        let stop = plainEnd(plain)
        if stop &+ 2 >= end || self[stop] == UInt8(ascii: "\\") { return .absent }
        var close = stop
        var flags = Value.ascii | Value.plain
        if self[stop] != UInt8(ascii: "\"") {
            guard let (wide, hasEscapes) = wideClose(stop), !hasEscapes, wide &+ 2 < end else {
                return .absent
            }
            (close, flags) = (wide, Value.plain)
        }
        place = close &+ 1
        return unsafe Value(
            .string, flags: flags, count: close &- start,
            payload: UInt64(UInt(bitPattern: base + start)))
    }

    /// Behind the closing quote of a plain string from `start` on, if it is among the next 32
    /// bytes, which remain; else the inverse of where its plain characters end or the 32 bytes do.
    @inline(__always) func closeNear(_ start: Int) -> Int {
        var stop = start
        var stops = unsafe ByteBlock(base + stop).stringStops
        if stops == 0 {
            stop &+= 16
            stops = unsafe ByteBlock(base + stop).stringStops
            if stops == 0 { return ~(stop &+ 16) }
        }
        stop &+= stops.trailingZeroBitCount
        return self[stop] == UInt8(ascii: "\"") ? stop &+ 1 : ~stop
    }

    /// Behind a number without a sign or an exponent from `start` on, where 16 bytes remain; else
    /// 0.
    @inline(__always) func numberNear(_ start: Int) -> Int {
        var others = unsafe ByteBlock(base + start).nonDigits | 1 << 16
        var count = others.trailingZeroBitCount
        if count == 16 || count > 1 && self[start] == 0x30 { return longNumberEnd(start) }
        var next = self[start &+ count]
        if next == UInt8(ascii: ".") {
            let point = count
            others &= others &- 1
            count = others.trailingZeroBitCount
            if count == 16 || count == point &+ 1 { return longNumberEnd(start) }
            next = self[start &+ count]
        }
        return next | 0x20 == UInt8(ascii: "e") ? 0 : start &+ count
    }

    @inline(never) private func longNumberEnd(_ start: Int) -> Int { numberEnd(start) ?? 0 }
}
