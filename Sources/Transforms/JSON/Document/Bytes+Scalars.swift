// Code points of valid UTF-8, one at a time.

extension Bytes {
    /// The scalar that begins at `offset`, and its byte count.
    @inline(__always) func scalar(at offset: Int) -> (scalar: UInt32, byteCount: Int) {
        let first = UInt32(self[offset])
        if first < 0x80 { return (first, 1) }
        func next(_ i: Int) -> UInt32 { UInt32(self[offset + i]) & 0x3F }
        if first < 0xE0 { return ((first & 0x1F) << 6 | next(1), 2) }
        if first < 0xF0 { return ((first & 0x0F) << 12 | next(1) << 6 | next(2), 3) }
        return ((first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4)
    }

    /// Writes a scalar's UTF-8 at `offset`; returns its byte count, 1 to 4.
    @inline(__always) func put(_ scalar: UInt32, at offset: Int) -> Int {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3F) }
        if scalar < 0x80 {
            self[offset] = UInt8(scalar)
            return 1
        }
        if scalar < 0x800 {
            self[offset] = UInt8(0xC0 | scalar >> 6)
            self[offset + 1] = tail(0)
            return 2
        }
        if scalar < 0x10000 {
            self[offset] = UInt8(0xE0 | scalar >> 12)
            self[offset + 1] = tail(6)
            self[offset + 2] = tail(0)
            return 3
        }
        self[offset] = UInt8(0xF0 | scalar >> 18)
        self[offset + 1] = tail(12)
        self[offset + 2] = tail(6)
        self[offset + 3] = tail(0)
        return 4
    }
}
