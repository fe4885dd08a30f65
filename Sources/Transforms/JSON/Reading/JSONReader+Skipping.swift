// Over values that no one looks at: they are checked as strictly as others, but nothing is made of
// them. What is not plainly right is left to the reading, which says what is wrong with it.
//
//     {"id":7,"tags":["a",{"b":[1,2]}],"total":3}
//             ^ skip ................. ^
//
// Safety: bytes are read below `end`, which the place is compared with first. The brackets that are
// still to come stand in the frames above the one in work, of which none is in use.

extension JSONReader {
    /// Bytes between two looks at the budget.
    private static var skipLookByteCount: Int { 1 << 16 }

    /// Over a container of which nothing is looked at but that it is there; `frame` was made for
    /// it.
    /// - Returns: behind it; 0 leaves it to the reading, all of it.
    @inline(never) mutating func skipBare(
        _ text: TextScan, _ start: Int, _ frame: UnsafeMutablePointer<Frame>
    ) throws(ReadFailure) -> Int {
        let stop = unsafe try skip(text, start, depth: frame - frames - 1, above: frame)
        if stop == 0 { unsafe frame.pointee.place = ObjectShapes.nowhere }
        return stop
    }

    /// Over the value at `start`, a member's in the object of `frame`.
    /// - Returns: behind it; 0 leaves it to the reading.
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

    /// - Parameter depth: of the containers around.
    @inline(never) private mutating func skip(
        _ text: TextScan, _ start: Int, depth: Int, above frame: UnsafeMutablePointer<Frame>
    ) throws(ReadFailure) -> Int {
        let room = unsafe UnsafeMutableRawPointer(frame + 1)
        let roomByteCount = unsafe UnsafeRawPointer(frames + frameCapacity) - UnsafeRawPointer(room)
        let levelsMax = min(roomByteCount, depthMax - depth)
        var level = 0
        // Of the container around; 0 for none.
        var closing: UInt8 = 0
        var place = start
        var nextLook = start &+ JSONReader.skipLookByteCount
        while true {
            place = text.pastSpace(place)
            if place >= text.end { return 0 }
            let first = text[place]
            if first == UInt8(ascii: "\"") {
                place = text.skippedString(place &+ 1)
            } else if first | 0x20 == UInt8(ascii: "{") {
                place = text.pastSpace(place &+ 1)
                if level >= levelsMax || place >= text.end { return 0 }
                if text[place] != first &+ 2 {
                    unsafe room.storeBytes(of: closing, toByteOffset: level, as: UInt8.self)
                    level &+= 1
                    closing = first &+ 2
                    if closing == UInt8(ascii: "]") { continue }
                    place = text.skippedName(place)
                    if place == 0 { return 0 }
                    continue
                }
                place &+= 1
            } else {
                place = text.skippedScalar(place, first)
            }
            if place == 0 { return 0 }
            while closing != 0 {
                place = text.pastSpace(place)
                if place >= text.end { return 0 }
                let next = text[place]
                place &+= 1
                if next == UInt8(ascii: ",") {
                    if closing == UInt8(ascii: "]") { break }
                    place = text.skippedName(place)
                    if place == 0 { return 0 }
                    break
                }
                if next != closing { return 0 }
                level &-= 1
                closing = unsafe room.load(fromByteOffset: level, as: UInt8.self)
            }
            if closing == 0 { return place }
            if place >= nextLook {
                nextLook = place &+ JSONReader.skipLookByteCount
                do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
                    throw ReadFailure(code: .limit, offset: place)
                }
            }
        }
    }
}

// Where one of these finds nothing that is plainly right it gives 0, which is behind no value.

extension TextScan {
    /// Behind a string whose first character is at `start`.
    @inline(__always) func skippedString(_ start: Int) -> Int {
        let stop = plainEnd(start)
        if stop < end && self[stop] == UInt8(ascii: "\"") { return stop &+ 1 }
        return skippedRest(stop)
    }

    /// The rest of a string whose bytes up to `stop` are plain.
    @inline(never) private func skippedRest(_ stop: Int) -> Int {
        var place = stop
        // A longer one is left to the reader, which looks at the clock on its way.
        while place < end && place &- stop < JSONReader.lookByteCount {
            let byte = self[place]
            if byte == UInt8(ascii: "\"") { return place &+ 1 }
            if byte == UInt8(ascii: "\\") {
                place = skippedEscape(place)
                if place == 0 { return 0 }
            } else if byte == 0x7F {
                place &+= 1
            } else {
                let next = unsafe UTF8Text.sequencesEnd(
                    base, place, min(end, stop &+ JSONReader.lookByteCount))
                if next == place { return 0 }
                place = next
            }
            place = plainEnd(place)
        }
        return 0
    }

    private func skippedEscape(_ place: Int) -> Int {
        if place &+ 6 > end { return 0 }
        switch self[place &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place &+ 2
        case UInt8(ascii: "u"):
            guard let first = escapedUnit(place) else { return 0 }
            if first & 0xF800 != 0xD800 { return place &+ 6 }
            return escapedSecondHalf(place &+ 6, behind: first) == nil ? 0 : place &+ 12
        default: return 0
        }
    }

    /// Of `\uXXXX`, whose `\u` stands at `place`; nil where it is malformed.
    func escapedUnit(_ place: Int) -> UInt32? {
        if place &+ 6 > end { return nil }
        var unit: UInt32 = 0
        for i in 2..<6 {
            let byte = self[place &+ i]
            let letter = (byte | 0x20) &- UInt8(ascii: "a")
            let digit = letter < 6 ? letter &+ 10 : byte &- UInt8(ascii: "0")
            if digit > (letter < 6 ? 15 : 9) { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The second half of a surrogate pair that may stand, escaped, at `place`.
    func escapedSecondHalf(_ place: Int, behind first: UInt32) -> UInt32? {
        guard first & 0xFC00 == 0xD800, place &+ 6 <= end, self[place] == UInt8(ascii: "\\"),
            self[place &+ 1] == UInt8(ascii: "u"), let second = escapedUnit(place),
            second & 0xFC00 == 0xDC00
        else { return nil }
        return second
    }

    /// Behind the colon of a member whose name comes next, and a space.
    @inline(__always) func skippedName(_ start: Int) -> Int {
        let quote = pastSpace(start)
        if quote >= end || self[quote] != UInt8(ascii: "\"") { return 0 }
        let behind = skippedString(quote &+ 1)
        if behind == 0 { return 0 }
        let colon = pastSpace(behind)
        if colon >= end || self[colon] != UInt8(ascii: ":") { return 0 }
        // One space is what most who write any put there.
        let next = colon &+ 1
        return next < end && self[next] == 0x20 ? next &+ 1 : next
    }

    @inline(never) func skippedOther(_ start: Int, _ first: UInt8) -> Int {
        skippedScalar(start, first)
    }

    /// Behind a number or word.
    @inline(__always) func skippedScalar(_ start: Int, _ first: UInt8) -> Int {
        if first &- 0x30 <= 9 || first == UInt8(ascii: "-") {
            return numberEnd(start) ?? skippedExponent(start)
        }
        return wordEnd(start) ?? 0
    }

    /// Behind a number with an exponent.
    @inline(never) private func skippedExponent(_ start: Int) -> Int {
        var place = start
        if self[place] == UInt8(ascii: "-") { place &+= 1 }
        let digits = place
        place = skipDigits(place)
        if place == digits || place &- digits > 1 && self[digits] == 0x30 { return 0 }
        if place < end && self[place] == UInt8(ascii: ".") {
            let fraction = place &+ 1
            place = skipDigits(fraction)
            if place == fraction { return 0 }
        }
        if place >= end || self[place] | 0x20 != UInt8(ascii: "e") { return 0 }
        place &+= 1
        if place < end && (self[place] == UInt8(ascii: "+") || self[place] == UInt8(ascii: "-")) {
            place &+= 1
        }
        let exponent = place
        place = skipDigits(place)
        return place == exponent || place >= end ? 0 : place
    }
}
