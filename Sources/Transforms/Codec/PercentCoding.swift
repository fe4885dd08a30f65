// Bytes <-> percent-encoded text (RFC 3986 section 2), as jq's @uri and @urid do it.
//
//     "a é/"  <->  "a%20%C3%A9%2F"       letters, digits and - _ . ~ stand for themselves

enum PercentCoding {
    /// The most bytes written for `byteCount` bytes.
    static func capacity(for byteCount: Int) -> Int { byteCount * 3 }

    static func encode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var o = 0
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, and at most three bytes are written for each one read.
            let byte = unsafe input[i]
            if isUnreserved(byte) {
                unsafe out[o] = byte
                o += 1
            } else {
                unsafe out[o] = UInt8(ascii: "%")
                unsafe out[o + 1] = upperHexDigit(byte >> 4)
                unsafe out[o + 2] = upperHexDigit(byte & 15)
                o += 3
            }
        }
        return o
    }

    /// Writes at most `byteCount` bytes, which need not be UTF-8. Nil where a "%" is not followed
    /// by two hexadecimal digits.
    static func decode(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        var i = 0
        var o = 0
        while i < byteCount {
            // Safety: `i < byteCount` here and `i + 2 < byteCount` below; a byte written for each
            // one or three read.
            let byte = unsafe input[i]
            if byte != UInt8(ascii: "%") {
                unsafe out[o] = byte
                i += 1
            } else {
                guard i + 2 < byteCount, let high = unsafe HexDigit.value(of: input[i + 1]),
                    let low = unsafe HexDigit.value(of: input[i + 2])
                else { return nil }
                unsafe out[o] = high << 4 | low
                i += 3
            }
            o += 1
        }
        return o
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    private static func upperHexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x41 + value - 10
    }
}
