// Bytes <-> base64 text (RFC 4648 section 4), as jq's @base64 and @base64d do it.
//
//     3 bytes  |aaaaaabb|bbbbcccc|ccdddddd|  <->  4 letters  A-Z a-z 0-9 + /
//
// Decoding is jq's: it ends at the first "=", whatever follows; padding may be missing; one letter
// left over is an error. The decoded bytes need not be UTF-8: `UTF8Text.repair` makes text of them.

enum Base64 {
    /// Why a text is not base64; jq has a sentence for each.
    enum Failure: Error, Equatable {
        /// "... is not valid base64 data": a byte outside the alphabet.
        case invalidByte(offset: Int)
        /// "... trailing base64 byte found": one letter, six bits, is left over.
        case trailingByte
    }

    /// How many bytes are written for `byteCount` bytes.
    static func capacity(for byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// The most bytes that `byteCount` bytes of text can decode to.
    static func decodedCapacity(for byteCount: Int) -> Int {
        byteCount / 4 * 3 + (byteCount % 4 * 3) / 4
    }

    /// Writes `capacity(for: byteCount)` bytes at `out`, padding included.
    static func encode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let alphabet: StaticString =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        // Safety: an index of six bits is below the alphabet's 64 letters; `i + 2 < byteCount`
        // and the tail's tests bound the reads; each step of 3 bytes writes 4, as `capacity`
        // counts.
        let letters = unsafe alphabet.utf8Start
        var i = 0
        var o = 0
        while i + 2 < byteCount {
            let bits = unsafe Int(input[i]) << 16 | Int(input[i + 1]) << 8 | Int(input[i + 2])
            unsafe out[o] = letters[bits >> 18]
            unsafe out[o + 1] = letters[bits >> 12 & 63]
            unsafe out[o + 2] = letters[bits >> 6 & 63]
            unsafe out[o + 3] = letters[bits & 63]
            i += 3
            o += 4
        }
        guard i < byteCount else { return o }
        let hasTwo = i + 1 < byteCount
        let bits = unsafe Int(input[i]) << 16 | (hasTwo ? Int(input[i + 1]) << 8 : 0)
        unsafe out[o] = letters[bits >> 18]
        unsafe out[o + 1] = letters[bits >> 12 & 63]
        unsafe out[o + 2] = hasTwo ? letters[bits >> 6 & 63] : UInt8(ascii: "=")
        unsafe out[o + 3] = UInt8(ascii: "=")
        return o + 4
    }

    /// Writes at most `decodedCapacity(for: byteCount)` bytes at `out`.
    static func decode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) throws(Failure) -> Int {
        let values = unsafe Base64.values
        var i = 0
        var o = 0
        // Safety: four bytes at `i` end by `byteCount`; a UInt8 indexes a table of 256; three
        // bytes are written for each four read.
        while byteCount - i >= 4 {
            let first = unsafe UInt32(values[Int(input[i])])
            let second = unsafe UInt32(values[Int(input[i + 1])])
            let third = unsafe UInt32(values[Int(input[i + 2])])
            let fourth = unsafe UInt32(values[Int(input[i + 3])])
            if first | second | third | fourth >= 64 { break }
            let bits = first << 18 | second << 12 | third << 6 | fourth
            unsafe out[o] = UInt8(truncatingIfNeeded: bits >> 16)
            unsafe out[o + 1] = UInt8(truncatingIfNeeded: bits >> 8)
            unsafe out[o + 2] = UInt8(truncatingIfNeeded: bits)
            i += 4
            o += 3
        }
        // Here fewer than four letters are left before the end, the "=" or the bad byte.
        var bits: UInt32 = 0
        while i < byteCount {
            let value = unsafe values[Int(input[i])]
            if value == padding { break }
            if value > padding { throw .invalidByte(offset: i) }
            bits = bits << 6 | UInt32(value)
            i += 1
        }
        switch i & 3 {
        case 1: throw .trailingByte
        case 2:
            unsafe out[o] = UInt8(truncatingIfNeeded: bits >> 4)
            return o + 1
        case 3:
            unsafe out[o] = UInt8(truncatingIfNeeded: bits >> 10)
            unsafe out[o + 1] = UInt8(truncatingIfNeeded: bits >> 2)
            return o + 2
        default: return o
        }
    }

    private static let padding: UInt8 = 64

    /// A letter's six bits, `padding` for "=", 255 for the rest.
    // Safety: filled before it is published, never changed, never freed.
    nonisolated(unsafe) private static let values: UnsafePointer<UInt8> = {
        let values = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        unsafe values.initialize(repeating: 255, count: 256)
        for i in 0..<26 {
            unsafe values[0x41 + i] = UInt8(i)
            unsafe values[0x61 + i] = UInt8(26 + i)
        }
        for i in 0..<10 { unsafe values[0x30 + i] = UInt8(52 + i) }
        unsafe values[0x2B] = 62
        unsafe values[0x2F] = 63
        unsafe values[0x3D] = padding
        return unsafe UnsafePointer(values)
    }()
}
