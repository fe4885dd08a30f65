// Bytes <-> base32 text (RFC 4648 section 6): @base32 and @base32d of jq's manual.
//
//     5 bytes, 40 bits  <->  8 letters of 5 bits  A-Z 2-7, filled up with "="
//
// Decoding accepts upper case letters only, ends at the first "=", and does not require padding.

enum Base32 {
    /// How many bytes are written for `byteCount` bytes.
    static func capacity(for byteCount: Int) -> Int { (byteCount + 4) / 5 * 8 }

    /// The most bytes that `byteCount` bytes of text can decode to.
    static func decodedCapacity(for byteCount: Int) -> Int {
        byteCount / 8 * 5 + byteCount % 8 * 5 / 8
    }

    /// Writes `capacity(for: byteCount)` bytes at `out`, padding included.
    static func encode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        var o = 0
        // Safety: `i < byteCount`; a letter for each five bits and padding to a multiple of eight
        // are what `capacity` counts.
        for i in 0..<byteCount {
            bits = unsafe bits << 8 | UInt32(input[i])
            bitCount += 8
            while bitCount >= 5 {
                bitCount -= 5
                unsafe out[o] = letter(bits >> bitCount & 31)
                o += 1
            }
        }
        if bitCount > 0 {
            unsafe out[o] = letter(bits << (5 - bitCount) & 31)
            o += 1
        }
        while o % 8 != 0 {
            unsafe out[o] = UInt8(ascii: "=")
            o += 1
        }
        return o
    }

    /// Writes at most `decodedCapacity(for: byteCount)` bytes at `out`. Nil where a byte is not a
    /// letter, or the last letters do not make a whole byte.
    static func decode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        var o = 0
        // Safety: `i < byteCount`, and eight bits were read for each byte written.
        for i in 0..<byteCount {
            let byte = unsafe input[i]
            if byte == UInt8(ascii: "=") { break }
            guard let value = value(of: byte) else { return nil }
            bits = bits << 5 | value
            bitCount += 5
            if bitCount >= 8 {
                bitCount -= 8
                unsafe out[o] = UInt8(truncatingIfNeeded: bits >> bitCount)
                o += 1
            }
        }
        // 1, 3 or 6 letters leave at least five bits over: the last letter contributed to no byte.
        return bitCount < 5 ? o : nil
    }

    private static func letter(_ value: UInt32) -> UInt8 {
        UInt8(truncatingIfNeeded: value) + (value < 26 ? 0x41 : 0x32 - 26)
    }

    private static func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case 0x41...0x5A: UInt32(letter - 0x41)
        case 0x32...0x37: UInt32(letter - 0x32) + 26
        default: nil
        }
    }
}
