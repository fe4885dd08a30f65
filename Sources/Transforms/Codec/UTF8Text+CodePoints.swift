// Valid UTF-8 -> its code points: how many, at which byte offset, and which of them are white
// space.
//
//     offsets  0 1   3 4           a code point begins at each byte that is not 10xxxxxx
//     bytes    a C3A9 b E282AC     eight bytes are counted in one word
//     indices  0 1    2 3

extension UTF8Text {
    /// The number of code points in valid UTF-8. The index of the code point that begins at an
    /// offset is the count of those before it.
    static func codePointCount(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> Int {
        let raw = unsafe UnsafeRawPointer(bytes)
        var continuations = 0
        var i = 0
        while byteCount - i >= 8 {
            // Each of the sum's eight lanes grows by at most 1 per word, so 255 words fit.
            var lanes: UInt64 = 0
            let end = i + min((byteCount - i) / 8, 255) * 8
            while i < end {
                // Safety: `i + 8 <= end <= byteCount`.
                lanes &+= unsafe continuationLanes(
                    raw.loadUnaligned(fromByteOffset: i, as: UInt64.self))
                i += 8
            }
            // Widens bytes to 16-bit lanes, whose sum (at most 2040) the product gathers in the top
            // one.
            let even = lanes & 0x00FF_00FF_00FF_00FF
            let odd = lanes >> 8 & 0x00FF_00FF_00FF_00FF
            continuations += Int(
                truncatingIfNeeded: ((even &+ odd) &* 0x0001_0001_0001_0001) >> 48)
        }
        while i < byteCount {
            if unsafe bytes[i] & 0xC0 == 0x80 { continuations += 1 }
            i += 1
        }
        return byteCount - continuations
    }

    /// The offset at which the code point `index` begins; `byteCount` where there are fewer code
    /// points.
    static func byteOffset(
        ofCodePoint index: Int, _ bytes: UnsafePointer<UInt8>, _ byteCount: Int
    ) -> Int {
        precondition(index >= 0)
        let raw = unsafe UnsafeRawPointer(bytes)
        var left = index
        var i = 0
        while byteCount - i >= 8 {
            // Safety: `i + 8 <= byteCount`.
            let lanes = unsafe continuationLanes(
                raw.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            let begun = 8 - Int(truncatingIfNeeded: (lanes &* 0x0101_0101_0101_0101) >> 56)
            if begun > left { break }
            left -= begun
            i += 8
        }
        while i < byteCount {
            if unsafe bytes[i] & 0xC0 != 0x80 {
                if left == 0 { return i }
                left -= 1
            }
            i += 1
        }
        return byteCount
    }

    /// 1 in each lane whose byte is 10xxxxxx.
    private static func continuationLanes(_ word: UInt64) -> UInt64 {
        (word >> 7) & ~(word >> 6) & 0x0101_0101_0101_0101
    }

    // MARK: - White space

    /// The rest of valid UTF-8 after jq's white space is cut off its ends.
    static func trimmed(
        _ bytes: UnsafePointer<UInt8>, _ byteCount: Int, start: Bool, end: Bool
    ) -> Range<Int> {
        var low = 0
        var high = byteCount
        // Safety: both steps look only at bytes in `low..<high`.
        while start, low < high {
            let length = unsafe whiteSpaceLength(bytes + low, high - low)
            if length == 0 { break }
            low += length
        }
        while end, low < high {
            var first = high - 1
            while first > low, unsafe bytes[first] & 0xC0 == 0x80 { first -= 1 }
            guard unsafe whiteSpaceLength(bytes + first, high - first) == high - first else {
                break
            }
            high = first
        }
        return low..<high
    }

    /// The byte count of the white space code point at `bytes`, 0 where it is another:
    /// U+0009...000D, 0020, 0085, 00A0, 1680, 2000...200A, 2028, 2029, 202F, 205F, 3000.
    private static func whiteSpaceLength(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> Int {
        // Safety: the caller has at least one byte; more are read only if `byteCount` allows it.
        let lead = unsafe bytes[0]
        if lead < 0x80 { return lead == 0x20 || (0x09...0x0D).contains(lead) ? 1 : 0 }
        if lead == 0xC2, byteCount >= 2 {
            return unsafe bytes[1] == 0x85 || bytes[1] == 0xA0 ? 2 : 0
        }
        guard byteCount >= 3, lead == 0xE1 || lead == 0xE2 || lead == 0xE3 else { return 0 }
        let low12 = unsafe UInt16(bytes[1] & 0x3F) << 6 | UInt16(bytes[2] & 0x3F)
        switch UInt16(lead & 0x0F) << 12 | low12 {
        case 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return 3
        default: return 0
        }
    }
}
