// Skips values that the program does not use. They are checked as strictly as others, but no values
// are built. What is not plainly right is left to the reader, which reports what is wrong.
//
//     {"id":7,"tags":["a",{"b":[1,2]}],"total":3}
//             ^ skip ................. ^
//
// Safety: every offset is compared with `end` before its byte is read. The closing brackets of the
// open containers are kept in the memory of the frames above the current one, which are not in use.

extension JSONReader {
    /// Skips the contents of a container of which only the existence matters; `frame` was made for
    /// it.
    /// - Returns: the offset after it; 0 leaves all of it to the reader.
    @inline(never) mutating func skipContents(
        _ text: TextScan, _ start: Int, _ frame: UnsafeMutablePointer<Frame>
    ) throws(ReadFailure) -> Int {
        let stop = unsafe try skip(text, start, depth: frame - frames - 1, above: frame)
        if stop == 0 { unsafe frame.pointee.shape = ObjectShapes.noShape }
        return stop
    }

    /// Skips the value at `start`, a member's value in the object of `frame`.
    /// - Returns: the offset after it; 0 leaves it to the reader.
    @inline(always) mutating func skip(
        _ text: TextScan, _ start: Int, in frame: UnsafeMutablePointer<Frame>
    ) throws(ReadFailure) -> Int {
        if start < text.end {
            let first = text[start]
            if first == UInt8(ascii: "\"") { return text.skippedString(start &+ 1) }
            if first | 0x20 != UInt8(ascii: "{") { return text.skippedOther(start, first) }
        }
        return unsafe try skip(text, start, depth: frame - frames, above: frame)
    }

    /// - Parameter depth: how many containers are open around the value.
    @inline(never) private mutating func skip(
        _ text: TextScan, _ start: Int, depth: Int, above frame: UnsafeMutablePointer<Frame>
    ) throws(ReadFailure) -> Int {
        let room = unsafe UnsafeMutableRawPointer(frame + 1)
        let roomByteCount = unsafe UnsafeRawPointer(frames + frameCapacity) - UnsafeRawPointer(room)
        let levelsMax = min(roomByteCount, depthMax - depth)
        var level = 0
        // The closing byte of the innermost open container; 0 for none.
        var closing: UInt8 = 0
        var cursor = start
        var nextLook = start &+ JSONReader.lookByteCount
        while true {
            cursor = text.pastSpace(cursor)
            if cursor >= text.end { return 0 }
            let first = text[cursor]
            if first == UInt8(ascii: "\"") {
                cursor = text.skippedString(cursor &+ 1)
            } else if first | 0x20 == UInt8(ascii: "{") {
                cursor = text.pastSpace(cursor &+ 1)
                if level >= levelsMax || cursor >= text.end { return 0 }
                if text[cursor] != first &+ 2 {
                    unsafe room.storeBytes(of: closing, toByteOffset: level, as: UInt8.self)
                    level &+= 1
                    closing = first &+ 2
                    if closing == UInt8(ascii: "]") { continue }
                    cursor = text.skippedName(cursor)
                    if cursor == 0 { return 0 }
                    continue
                }
                cursor &+= 1
            } else {
                cursor = text.skippedScalar(cursor, first)
            }
            if cursor == 0 { return 0 }
            while closing != 0 {
                cursor = text.pastSpace(cursor)
                if cursor >= text.end { return 0 }
                let next = text[cursor]
                cursor &+= 1
                if next == UInt8(ascii: ",") {
                    if closing == UInt8(ascii: "]") { break }
                    cursor = text.skippedName(cursor)
                    if cursor == 0 { return 0 }
                    break
                }
                if next != closing { return 0 }
                level &-= 1
                closing = unsafe room.load(fromByteOffset: level, as: UInt8.self)
            }
            if closing == 0 { return cursor }
            if cursor >= nextLook {
                nextLook = cursor &+ JSONReader.lookByteCount
                do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: cursor)
                }
            }
        }
    }
}

// Each of these returns the offset after what it skips, and 0 where that is not plainly right.

extension TextScan {
    /// The offset after a string whose first character is at `start`.
    @inline(__always) func skippedString(_ start: Int) -> Int {
        let stop = plainEnd(start)
        if stop < end && self[stop] == UInt8(ascii: "\"") { return stop &+ 1 }
        return skippedRest(stop)
    }

    /// The rest of a string whose bytes up to `stop` are plain.
    @inline(never) private func skippedRest(_ stop: Int) -> Int {
        var offset = stop
        // A longer string is left to the reader, which looks at the budget on its way.
        while offset < end && offset &- stop < JSONReader.lookByteCount {
            let byte = self[offset]
            if byte == UInt8(ascii: "\"") { return offset &+ 1 }
            if byte == UInt8(ascii: "\\") {
                offset = skippedEscape(offset)
                if offset == 0 { return 0 }
            } else if byte == 0x7F {
                offset &+= 1
            } else {
                let next = unsafe UTF8Text.sequencesEnd(
                    base, offset, min(end, stop &+ JSONReader.lookByteCount))
                if next == offset { return 0 }
                offset = next
            }
            offset = plainEnd(offset)
        }
        return 0
    }

    private func skippedEscape(_ offset: Int) -> Int {
        if offset &+ 6 > end { return 0 }
        switch self[offset &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return offset &+ 2
        case UInt8(ascii: "u"):
            guard let first = escapedUnit(offset) else { return 0 }
            if first & 0xF800 != 0xD800 { return offset &+ 6 }
            return escapedSecondHalf(offset &+ 6, after: first) == nil ? 0 : offset &+ 12
        default: return 0
        }
    }

    /// The code unit of the `\uXXXX` at `offset`; nil where it is malformed.
    func escapedUnit(_ offset: Int) -> UInt32? {
        if offset &+ 6 > end { return nil }
        var unit: UInt32 = 0
        for i in 2..<6 {
            guard let digit = HexDigit.value(of: self[offset &+ i]) else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The second half of a surrogate pair if it follows, escaped, at `offset`.
    func escapedSecondHalf(_ offset: Int, after first: UInt32) -> UInt32? {
        guard first & 0xFC00 == 0xD800, offset &+ 6 <= end, self[offset] == UInt8(ascii: "\\"),
            self[offset &+ 1] == UInt8(ascii: "u"), let second = escapedUnit(offset),
            second & 0xFC00 == 0xDC00
        else { return nil }
        return second
    }

    /// The offset after a member's name, its colon, and a space.
    @inline(__always) func skippedName(_ start: Int) -> Int {
        let quote = pastSpace(start)
        if quote >= end || self[quote] != UInt8(ascii: "\"") { return 0 }
        let close = skippedString(quote &+ 1)
        if close == 0 { return 0 }
        let colon = pastSpace(close)
        if colon >= end || self[colon] != UInt8(ascii: ":") { return 0 }
        // Most writers put one space after the colon.
        let next = colon &+ 1
        return next < end && self[next] == 0x20 ? next &+ 1 : next
    }

    @inline(never) func skippedOther(_ start: Int, _ first: UInt8) -> Int {
        skippedScalar(start, first)
    }

    /// The offset after a number or word.
    @inline(__always) func skippedScalar(_ start: Int, _ first: UInt8) -> Int {
        if first &- 0x30 <= 9 || first == UInt8(ascii: "-") {
            return numberEnd(start) ?? skippedExponent(start)
        }
        return wordEnd(start) ?? 0
    }

    /// The offset after a number with an exponent.
    @inline(never) private func skippedExponent(_ start: Int) -> Int {
        var offset = start
        if self[offset] == UInt8(ascii: "-") { offset &+= 1 }
        let digits = offset
        offset = skipDigits(offset)
        if offset == digits { return 0 }
        if offset &- digits > 1 && self[digits] == UInt8(ascii: "0") { return 0 }
        if offset < end && self[offset] == UInt8(ascii: ".") {
            let fraction = offset &+ 1
            offset = skipDigits(fraction)
            if offset == fraction { return 0 }
        }
        if offset >= end || self[offset] | 0x20 != UInt8(ascii: "e") { return 0 }
        offset &+= 1
        if offset < end && (self[offset] == UInt8(ascii: "+") || self[offset] == UInt8(ascii: "-"))
        {
            offset &+= 1
        }
        let exponent = offset
        offset = skipDigits(offset)
        return offset == exponent || offset >= end ? 0 : offset
    }
}
