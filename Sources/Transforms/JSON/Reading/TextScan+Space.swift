// Skips white space. A text that ends in white space before its value is incomplete.
//
// Safety: no byte is read at or after `end`; whole words are loaded only where as many bytes
// remain.

extension TextScan {
    /// The offset of the first byte from `offset` on that is not white space.
    @inline(__always) func passSpace(_ offset: Int) throws(ReadFailure) -> Int {
        offset < end && self[offset] > 0x20 ? offset : try spaceEnd(offset)
    }

    /// The same, for a byte that is usually white space.
    @inline(__always) func spaceEnd(_ start: Int) throws(ReadFailure) -> Int {
        let offset = pastSpaces(start)
        if offset < end { return offset }
        throw ReadFailure(code: .unexpectedEnd, offset: end)
    }

    /// The offset of the first byte from `offset` on that is not white space, or the end.
    @inline(__always) func pastSpace(_ offset: Int) -> Int {
        offset < end && self[offset] > 0x20 ? offset : pastSpaces(offset)
    }

    /// The same, for a byte that is usually white space: an indent is passed by 16 bytes.
    @inline(never) private func pastSpaces(_ start: Int) -> Int {
        var offset = start
        while offset &+ 16 <= end {
            let others = unsafe ByteBlock(base + offset).nonSpaces
            if others != 0 { return offset &+ others.trailingZeroBitCount }
            offset &+= 16
        }
        while offset < end {
            let byte = self[offset]
            if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return offset }
            offset &+= 1
        }
        return end
    }
}
