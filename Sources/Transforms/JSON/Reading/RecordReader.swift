// Objects whose members are the predicted ones and whose values are plain scalars, such objects, or
// arrays of them: most of the bytes of most texts. The loop has little state, most of it in
// registers. Where it stops, it leaves everything as the reader needs it to continue.
//
//     [{"id":7,"at":{"x":1,"y":2},"rows":[{"n":1},{"n":2}]},{"id":8,"at":"here","rows":[1]}]
//       ^ ........................................................................... ^ stops here
//
// Values that are not used are skipped.
//
// Benchmark: twitter.json with all values built: 7.6 -> 4.9 instructions a byte.
//
// Safety: `margin` bytes remain after the offset where a member begins; no step before the next
// comparison reads beyond them; two values have room below `room`, and two frames up to
// `lastFrame`.

@safe struct RecordReader {
    let text: TextScan
    let shapes: ObjectShapes
    let heap: Heap
    /// Whether containers are counted blocks.
    let makesBlocks: Bool
    /// Whether these own their bytes.
    let owns: Bool
    /// Whether objects may be indexed when they are first looked into.
    let indexes: Bool

    /// The state between two steps.
    @safe struct State {
        /// The offset after the separator before a member.
        var offset: Int
        /// The token that is predicted for the member.
        var token: Int32
        /// Whether nothing of the object has been read yet.
        var isFirst: Bool
        /// The first free value of the stack, and the last one with room for two.
        var top: UnsafeMutablePointer<Value>
        var room: UnsafeMutablePointer<Value>
        /// The object's frame, and one with room for two above it.
        var frame: UnsafeMutablePointer<JSONReader.Frame>
        var lastFrame: UnsafeMutablePointer<JSONReader.Frame>
        /// The last offset at which a member may begin.
        var lastOffset: Int
        /// The address of the stack's first value.
        let stack: UInt64

        /// Bytes of the stack that are in use.
        @inline(__always) var stackByteCount: Int {
            unsafe Int(bitPattern: top) &- Int(truncatingIfNeeded: stack)
        }
    }

    /// Why the loop stopped.
    enum End {
        /// Before a member.
        case member
        /// At a value whose name is on the stack.
        case value
        /// After the brace of an object that is still to be closed.
        case brace
        /// After a value that is on the stack: the whole text's, or one in the frame's container,
        /// after the white space that follows it.
        case separator
    }

    /// The state of the current object: kept in its frame while an object inside it is read.
    private struct Object {
        /// Its first value on the stack.
        var values: Slots
        var seen: UInt64
        var repeated: UInt64
        /// The token of its last member.
        var last: Int32

        /// The object whose state is in the frame.
        @inline(__always) init(at state: State) {
            let frame = unsafe state.frame
            unsafe values = Slots(address: state.stack).advanced(byBytes: frame.pointee.start)
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

    /// A name of up to 16 bytes, a string's first 32 bytes or a number, and what follows it.
    static var margin: Int { 80 }

    @inline(never) func read(_ state: inout State) -> End {
        var at = state
        var object = Object(at: at)
        var end = End.member
        var (offset, top, token) = unsafe (at.offset, at.top, at.token)
        while offset <= at.lastOffset && (unsafe top <= at.room) {
            let known = unsafe shapes.tokens + Int(token)
            let count = unsafe known.pointee.byteCount
            let raw = unsafe UnsafeRawPointer(text.base + offset)
            if unsafe known.pointee.differs(raw) { break }
            if count > 16 {
                // What follows the name has the same room as after a short one.
                guard offset &+ count <= at.lastOffset &+ 16,
                    unsafe known.pointee.hasRest(raw)
                else { break }
            }
            var stop = offset &+ count
            let byte = text[stop]
            let child = unsafe known.pointee.child
            if child == ObjectShapes.unread {
                stop = text.skippedShortValue(stop, byte)
                if stop == 0 || !text.endsMember(&stop) { break }
                object.last = token
            } else {
                let bit = unsafe known.pointee.bit
                object.repeated |= object.seen & bit
                object.seen |= bit
                object.last = token
                unsafe top.pointee = known.pointee.name
                unsafe top += 1
                var value = text.shortScalar(&stop, byte)
                if value.isAbsent {
                    if text.isEmptyContainer(stop, byte), unsafe at.frame < at.lastFrame {
                        value = byte == UInt8(ascii: "{") ? .emptyObject : .emptyArray
                        stop &+= 2
                    } else {
                        unsafe at.top = unsafe top
                        if enter(byte, child, stop, &at, &object) {
                            unsafe (offset, top, token) = unsafe (at.offset, at.top, at.token)
                            continue
                        }
                        (offset, end) = (stop, .value)
                        break
                    }
                }
                if !text.endsMember(&stop) {
                    // The reader takes the value, with whatever may follow it.
                    (offset, end) = (offset &+ count, .value)
                    break
                }
                unsafe top.pointee = value
                unsafe top += 1
            }
            offset = stop &+ 1
            at.isFirst = false
            if text[stop] == UInt8(ascii: ",") {
                token = unsafe known.pointee.next
                continue
            }
            unsafe (at.offset, at.top) = unsafe (offset, top)
            end = leave(&at, &object)
            unsafe (offset, top, token) = unsafe (at.offset, at.top, at.token)
            if end != .member { break }
        }
        unsafe object.note(in: at.frame)
        unsafe (at.offset, at.top, at.token) = unsafe (offset, top, token)
        state = at
        return end
    }

    // MARK: Containers

    /// Enters an object that is a member's value, or the first element of an array that is one.
    /// - Parameter child: the value's shape, if it is known.
    @inline(always) private func enter(
        _ first: UInt8, _ child: Int32, _ start: Int, _ at: inout State, _ object: inout Object
    ) -> Bool {
        guard first | 0x20 == UInt8(ascii: "{"), child > 0, unsafe at.frame < at.lastFrame else {
            return false
        }
        var shape = child
        var brace = start
        if first == UInt8(ascii: "[") {
            shape = shapes.knownElement(child)
            brace = text.pastSpace(start &+ 1)
            if shape == 0 || brace >= text.end || text[brace] != UInt8(ascii: "{") { return false }
            if shapes.isShallow(child, isObject: false) { return false }
        }
        if shapes.isShallow(shape, isObject: true) { return false }
        unsafe object.note(in: at.frame)
        let stackByteCount = at.stackByteCount
        at.offset = brace &+ 1
        if first == UInt8(ascii: "[") {
            unsafe at.frame += 1
            unsafe at.frame.pointee = JSONReader.Frame(
                start: stackByteCount, shape: child, closing: UInt8(ascii: "]"))
        }
        unsafe at.frame += 1
        unsafe at.frame.pointee = JSONReader.Frame(
            start: stackByteCount, shape: shape, closing: UInt8(ascii: "}"))
        object = unsafe Object(new: at.top)
        at.token = shapes.start(shape)
        at.isFirst = true
        return true
    }

    /// Closes the object whose brace has just been read, and the containers that end with it.
    /// - Returns: `member` where another member follows, of whichever object.
    @inline(always) private func leave(_ at: inout State, _ object: inout Object) -> End {
        while true {
            let memberCount = unsafe (at.top - object.values.base) &>> 1
            guard object.repeated == 0, memberCount > 0, memberCount <= JSONReader.recordCountMax,
                at.offset <= text.end &- 4,
                unsafe close(.object, object.values, memberCount, 32, &at.top)
            else { return .brace }
            unsafe at.frame -= 1
            if unsafe at.frame.pointee.closing == 0 { return stopped(at, &object) }
            at.offset = text.pastSpace(at.offset)
            if at.offset > text.end &- 4 { return stopped(at, &object) }
            if unsafe at.frame.pointee.closing == UInt8(ascii: "]") {
                let next = text[at.offset]
                if next == UInt8(ascii: ",") {
                    let brace = text.pastSpace(at.offset &+ 1)
                    guard brace < text.end, text[brace] == UInt8(ascii: "{") else {
                        return stopped(at, &object)
                    }
                    unsafe at.frame += 1
                    unsafe at.frame.pointee.start = at.stackByteCount
                    object = unsafe Object(new: at.top)
                    at.offset = brace &+ 1
                    at.token = unsafe shapes.start(at.frame.pointee.shape)
                    at.isFirst = true
                    return .member
                }
                let elements = unsafe Slots(address: at.stack).advanced(
                    byBytes: at.frame.pointee.start)
                guard next == UInt8(ascii: "]"),
                    unsafe close(.array, elements, at.top - elements.base, 16, &at.top)
                else { return stopped(at, &object) }
                at.offset &+= 1
                unsafe at.frame -= 1
                if unsafe at.frame.pointee.closing == 0 { return stopped(at, &object) }
                at.offset = text.pastSpace(at.offset)
            }
            if unsafe at.frame.pointee.closing != UInt8(ascii: "}") || at.offset >= text.end {
                return stopped(at, &object)
            }
            object = Object(at: at)
            let next = text[at.offset]
            if next == UInt8(ascii: ",") {
                at.offset &+= 1
                at.token = shapes.next(object.last)
                at.isFirst = false
                return .member
            }
            if next != UInt8(ascii: "}") { return .separator }
            at.offset &+= 1
        }
    }

    /// After a value in a container that is not an object: there is nothing to note in its frame.
    @inline(__always) private func stopped(_ at: State, _ object: inout Object) -> End {
        object = Object(at: at)
        return .separator
    }

    /// Replaces the values on the stack by their container, if there is room.
    @inline(always) func close(
        _ tag: Value.Tag, _ values: Slots, _ count: Int, _ unit: Int,
        _ top: inout UnsafeMutablePointer<Value>
    ) -> Bool {
        if makesBlocks {
            if owns && !own(values, count &* unit) { return false }
            guard let made = try? heap.container(tag, of: values, byteCount: count &* unit) else {
                return false
            }
            values[0] = made
            unsafe top = unsafe values.base + 1
            return true
        }
        var flags: UInt64 = 0
        var room = 0
        if tag == .object && count > Heap.scanCountMax && indexes {
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

    /// Copies what the values borrow from the text, if there is room.
    @inline(never) private func own(_ values: Slots, _ byteCount: Int) -> Bool {
        do throws(Stop) {
            try unsafe heap.own(values, byteCount &>> 4, from: Bytes(text.base, text.end))
        } catch { return false }
        return true
    }
}

extension TextScan {
    /// Whether a member ends at `offset`, before another one or with its object, whose brace may
    /// follow white space.
    @inline(__always) func endsMember(_ offset: inout Int) -> Bool {
        if self[offset] == UInt8(ascii: ",") || self[offset] == UInt8(ascii: "}") { return true }
        if self[offset] > 0x20 { return false }
        offset = pastSpace(offset)
        return offset < end && self[offset] == UInt8(ascii: "}")
    }

    /// Whether a container begins and ends here, with nothing in it.
    @inline(__always) func isEmptyContainer(_ offset: Int, _ first: UInt8) -> Bool {
        first | 0x20 == UInt8(ascii: "{") && self[offset &+ 1] == first &+ 2
    }

    /// The offset after a value that is not used, if it is a plain scalar or an empty container;
    /// else 0.
    @inline(__always) func skippedShortValue(_ start: Int, _ first: UInt8) -> Int {
        if first == UInt8(ascii: "\"") {
            let stop = shortStringEnd(start &+ 1)
            return stop > 0 ? stop : skippedLongString(~stop)
        }
        if first &- 0x30 <= 9 { return shortNumberEnd(start) }
        if first | 0x20 == UInt8(ascii: "{") {
            return isEmptyContainer(start, first) ? start &+ 2 : 0
        }
        return wordEnd(start) ?? 0
    }

    /// Reads a plain scalar at `offset` and moves `offset` after it; else returns `absent`.
    @inline(always) func shortScalar(_ offset: inout Int, _ first: UInt8) -> Value {
        if first == UInt8(ascii: "\"") {
            let start = offset &+ 1
            let stop = shortStringEnd(start)
            if stop < 0 { return longString(&offset, ~stop) }
            offset = stop
            return unsafe Value(
                .string, flags: Value.ascii | Value.plain, count: stop &- start &- 1,
                payload: UInt64(UInt(bitPattern: base + start)))
        }
        // Letters and braces are greater than any byte that a number begins with.
        if first < UInt8(ascii: "[") {
            return JSONReader.readPlainNumber(self, &offset, first) ?? .absent
        }
        if first | 0x20 == UInt8(ascii: "{") { return .absent }
        let word = unsafe UInt32(
            littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt32.self))
        switch word {
        case 0x6C6C_756E:
            offset &+= 4
            return .null
        case 0x6575_7274:
            offset &+= 4
            return .yes
        case 0x736C_6166 where self[offset &+ 4] == UInt8(ascii: "e"):
            offset &+= 5
            return .no
        default: return .absent
        }
    }

    /// The offset after any well-formed string, from some character of it on, if something follows
    /// it; else 0.
    @inline(never) private func skippedLongString(_ start: Int) -> Int {
        let stop = skippedString(start)
        return stop &+ 1 < end ? stop : 0
    }

    /// Reads a string of more than 32 bytes or with UTF-8, but without escapes, at `offset`, and
    /// moves `offset` after it; else returns `absent`.
    /// - Parameter plain: its characters are plain up to this offset.
    @inline(never) private func longString(_ offset: inout Int, _ plain: Int) -> Value {
        let start = offset &+ 1
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
        offset = close &+ 1
        return unsafe Value(
            .string, flags: flags, count: close &- start,
            payload: UInt64(UInt(bitPattern: base + start)))
    }

    /// The offset after the closing quote of a plain string from `start` on, if the quote is among
    /// the next 32 bytes, which remain; else the inverse of where its plain characters end or the
    /// 32 bytes do.
    @inline(__always) func shortStringEnd(_ start: Int) -> Int {
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

    /// The offset after a number without a sign or an exponent from `start` on, where 16 bytes
    /// remain; else 0.
    @inline(__always) func shortNumberEnd(_ start: Int) -> Int {
        var others = unsafe ByteBlock(base + start).nonDigits | 1 << 16
        var count = others.trailingZeroBitCount
        if count == 16 || count > 1 && self[start] == UInt8(ascii: "0") {
            return longNumberEnd(start)
        }
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
