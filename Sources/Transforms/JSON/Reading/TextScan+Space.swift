// Over white space: a text that ends there is none.
//
// Safety: no byte is read at or behind `end`, but whole words of them are where as many remain.

extension TextScan {
    /// The first byte from `place` on that is no white space.
    @inline(__always) func passSpace(_ place: Int) throws(ReadFailure) -> Int {
        if place < end && self[place] > 0x20 { return place }
        return try passSpaces(place)
    }

    @inline(never) private func passSpaces(_ place: Int) throws(ReadFailure) -> Int {
        try spaceEnd(place)
    }

    /// The same, for a byte that is mostly white space: spaces of an indent go by 8.
    @inline(__always) func spaceEnd(_ start: Int) throws(ReadFailure) -> Int {
        var place = start
        while place < end {
            let byte = self[place]
            if byte > 0x20 || byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 {
                return place
            }
            place &+= 1
            while place &+ 8 <= end {
                let word = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
                let others = word ^ (TextScan.ones &* 0x20)
                if others != 0 {
                    place &+= others.trailingZeroBitCount >> 3
                    break
                }
                place &+= 8
            }
        }
        throw ReadFailure(code: .unexpectedEnd, offset: end)
    }
}
