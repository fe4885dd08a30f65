// Over white space: a text that ends there is none.
//
// Safety: no byte is read at or behind `end`, but whole words of them are where as many remain.

extension TextScan {
    /// The first byte from `place` on that is no white space.
    @inline(__always) func passSpace(_ place: Int) throws(ReadFailure) -> Int {
        place < end && self[place] > 0x20 ? place : try spaceEnd(place)
    }

    /// The same, for a byte that is mostly white space.
    @inline(__always) func spaceEnd(_ start: Int) throws(ReadFailure) -> Int {
        let place = pastSpaces(start)
        if place < end { return place }
        throw ReadFailure(code: .unexpectedEnd, offset: end)
    }

    /// The first byte from `place` on that is no white space, or the end.
    @inline(__always) func pastSpace(_ place: Int) -> Int {
        place < end && self[place] > 0x20 ? place : pastSpaces(place)
    }

    /// The same, for a byte that is mostly white space: an indent goes by 16.
    @inline(never) private func pastSpaces(_ start: Int) -> Int {
        var place = start
        while place &+ 16 <= end {
            let others = unsafe ByteBlock(base + place).nonSpaces
            if others != 0 { return place &+ others.trailingZeroBitCount }
            place &+= 16
        }
        while place < end {
            let byte = self[place]
            if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return place }
            place &+= 1
        }
        return end
    }
}
