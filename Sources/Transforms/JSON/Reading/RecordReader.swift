// Objects whose members are what was foreseen and whose values are plain scalars, one after the
// other: most of most texts. It is a function of its own, with little to remember, so that all of
// it stays in registers; where it stops, the reading goes on.
//
//     [{"id":7,"name":"Ada"},{"id":8,"name":"Bo"},{"id":9,"at":{"x":1},"name":"Cy"}]
//       ^ ................................................. ^ stops here
//
// What is not looked at is passed over.
//
// Safety: `margin` bytes remain behind the place where a member begins, which no step before the
// next comparison reads beyond; two values have room below `limit`.

@safe struct RecordReader {
    let text: TextScan
    let shapes: ObjectShapes
    let heap: Heap

    /// How far it came.
    @safe struct End {
        /// Behind the last object, at the value whose name was pushed, or behind the separator in
        /// front of the member that comes next.
        var place: Int
        /// `pushed`, `open`, `atValue`, or the token that is foreseen for the next member.
        var token: Int32
        /// The first free value of the stack.
        var top: UnsafeMutablePointer<Value>
        /// Nothing was read of the object that it is in.
        var isFirst: Bool

        /// The objects were pushed.
        static var pushed: Int32 { -1 }
        /// The last object has ended, and is to be closed.
        static var open: Int32 { -2 }
        static var atValue: Int32 { -3 }
    }

    /// A name of up to 16 bytes, a string's first 32 or a number, and what stands behind it.
    static var margin: Int { 80 }

    /// - Parameters:
    ///   - start: behind the separator in front of a member.
    ///   - foreseen: the member's token.
    ///   - isFirst: whether it is the object's first.
    ///   - first: the first free value of the stack.
    ///   - room: the last place of the stack with room for two values.
    ///   - stack: its first value.
    ///   - frame: the object's.
    ///   - lastPlace: the last one where a member may begin.
    @inline(never) func read(
        _ start: Int, _ foreseen: Int32, isFirst: Bool, _ first: UnsafeMutablePointer<Value>,
        _ room: UnsafeMutablePointer<Value>, _ stack: UInt64,
        _ frame: UnsafeMutablePointer<JSONReader.Frame>, _ lastPlace: Int
    ) -> End {
        var (place, token, previous) = unsafe (start, foreseen, frame.pointee.token)
        let base = unsafe Slots(address: stack).advanced(byBytes: frame.pointee.start).base
        var (top, values) = unsafe (first, base)
        var (seen, repeated) = unsafe (frame.pointee.seen, frame.pointee.repeated)
        var isFirst = isFirst
        while place <= lastPlace && (unsafe top <= room) {
            let known = unsafe shapes.tokens + Int(token)
            let count = unsafe known.pointee.byteCount
            if unsafe known.pointee.differs(UnsafeRawPointer(text.base + place)) || count > 16 {
                break
            }
            var stop = place &+ count
            let byte = text[stop]
            if unsafe known.pointee.child == ObjectShapes.unread {
                stop = text.skippedNear(stop, byte)
                if stop == 0 || text[stop] != UInt8(ascii: ",") && text[stop] != UInt8(ascii: "}") {
                    break
                }
            } else {
                let bit = unsafe known.pointee.bit
                repeated |= seen & bit
                seen |= bit
                unsafe top.pointee = known.pointee.name
                unsafe top += 1
                let value = text.scalarNear(&stop, byte)
                if value.isAbsent
                    || text[stop] != UInt8(ascii: ",") && text[stop] != UInt8(ascii: "}")
                {
                    // The reading takes the value, with all that may stand behind it.
                    (place, previous, token) = (place &+ count, token, End.atValue)
                    break
                }
                unsafe top.pointee = value
                unsafe top += 1
            }
            place = stop &+ 1
            previous = token
            isFirst = false
            if text[stop] == UInt8(ascii: ",") {
                token = unsafe known.pointee.next
                continue
            }
            guard repeated == 0, unsafe close(values, top) else {
                token = End.open
                break
            }
            unsafe values += 1
            unsafe top = unsafe values
            (seen, token) = (0, End.pushed)
            guard text[place] == UInt8(ascii: ","), text[place &+ 1] == UInt8(ascii: "{"),
                unsafe (frame - 1).pointee.closing == UInt8(ascii: "]")
            else { break }
            place &+= 2
            isFirst = true
            previous = ObjectShapes.noToken
            token = unsafe shapes.start(frame.pointee.place)
        }
        unsafe frame.pointee.token = previous
        unsafe frame.pointee.seen = seen
        unsafe frame.pointee.repeated = repeated
        unsafe frame.pointee.start &+= (values - base) &* MemoryLayout<Value>.stride
        return unsafe End(place: place, token: token, top: top, isFirst: isFirst)
    }

    /// Puts the object of the members from `values` to `top` in their place, if there are few of
    /// them and there is room.
    @inline(__always) private func close(
        _ values: UnsafeMutablePointer<Value>, _ top: UnsafeMutablePointer<Value>
    ) -> Bool {
        let memberCount = unsafe (top - values) &>> 1
        if memberCount > 8 || memberCount == 0 { return false }
        guard let address = heap.bumpQuickly(memberCount &<< 5) else { return false }
        unsafe Slots(address: UInt64(address)).copy(Slots(values), byBytes: memberCount &<< 5)
        unsafe values.pointee = Value(.object, count: memberCount, payload: UInt64(address))
        return true
    }
}

extension TextScan {
    /// Behind a value that nothing looks at, if it is a plain scalar or an empty container; else 0.
    @inline(__always) func skippedNear(_ start: Int, _ first: UInt8) -> Int {
        if first == UInt8(ascii: "\"") {
            let stop = closeNear(start &+ 1)
            return stop != 0 ? stop : skippedFar(start &+ 1)
        }
        if first &- 0x30 <= 9 { return numberNear(start) }
        if first | 0x20 == UInt8(ascii: "{") {
            return self[start &+ 1] == first &+ 2 ? start &+ 2 : 0
        }
        return wordEnd(start) ?? 0
    }

    /// A plain scalar at `place`, which is left behind it; else `absent`.
    @inline(always) func scalarNear(_ place: inout Int, _ first: UInt8) -> Value {
        if first == UInt8(ascii: "\"") {
            let start = place &+ 1
            let stop = closeNear(start)
            if stop == 0 { return stringFar(&place) }
            place = stop
            return unsafe Value(
                .string, flags: Value.ascii | Value.plain, count: stop &- start &- 1,
                payload: UInt64(UInt(bitPattern: base + start)))
        }
        if let number = JSONReader.readPlainNumber(self, &place, first) { return number }
        guard let end = wordEnd(place) else { return .absent }
        place = end
        return first == UInt8(ascii: "n") ? .null : Value(first == UInt8(ascii: "t"))
    }

    /// Behind any string that is right, from `start` on, if something follows it; else 0.
    @inline(never) private func skippedFar(_ start: Int) -> Int {
        let stop = skippedString(start)
        return stop &+ 1 < end ? stop : 0
    }

    /// A string of more than 32 bytes or with UTF-8, but without escapes, at `place`, which is left
    /// behind it; else `absent`.
    @inline(never) private func stringFar(_ place: inout Int) -> Value {
        let start = place &+ 1
        let stop = plainEnd(start)
        guard let (close, hasEscapes) = wideClose(stop), !hasEscapes, close &+ 2 < end else {
            return .absent
        }
        place = close &+ 1
        let flags = close == stop ? Value.ascii | Value.plain : Value.plain
        return unsafe Value(
            .string, flags: flags, count: close &- start,
            payload: UInt64(UInt(bitPattern: base + start)))
    }

    /// Behind the closing quote of a plain string from `start` on, if it is among the next 32
    /// bytes, which remain; else 0.
    @inline(__always) func closeNear(_ start: Int) -> Int {
        var stop = start
        var stops = unsafe ByteBlock(base + stop).stringStops
        if stops == 0 {
            stop &+= 16
            stops = unsafe ByteBlock(base + stop).stringStops
            if stops == 0 { return 0 }
        }
        stop &+= stops.trailingZeroBitCount
        return self[stop] == UInt8(ascii: "\"") ? stop &+ 1 : 0
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
