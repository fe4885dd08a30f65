// A number token of any length -> its digits from the first that is not zero, one by one, and the
// power of ten that each stands for. Digits after the point and trailing zeros are included:
//
//     -0.0120e4     digits 1 2 0, the last one worth 10^0

@safe struct SignificantDigits {
    let isNegative: Bool
    /// How many digits there are in all; 0 if the number is zero.
    let count: Int
    /// The power of ten of the last digit, also that of zero: -2 for `0.00`.
    let lastExponent: Int
    /// Whether the token has an exponent part.
    let hasExponentPart: Bool
    /// How many of the digits were taken.
    private(set) var takenCount = 0

    private let text: UnsafePointer<UInt8>
    private var offset: Int
    private let pointOffset: Int

    /// - Precondition: `text` is `byteCount` bytes of a JSON number or a jq literal, and stays
    ///   readable for as long as the digits are taken.
    /// - Complexity: O(byteCount).
    init(_ text: UnsafePointer<UInt8>, _ byteCount: Int) {
        unsafe self.text = unsafe text
        var end = 0
        var point = -1
        var first = -1
        // Safety: the loop compares its offset with `byteCount` before it reads.
        while end < byteCount {
            let byte = unsafe text[end]
            if byte == UInt8(ascii: ".") {
                point = end
            } else if byte | 0x20 == UInt8(ascii: "e") {
                break
            } else if first < 0, byte != UInt8(ascii: "0"), byte != UInt8(ascii: "-") {
                first = end
            }
            end += 1
        }
        var cursor = unsafe DigitCursor(text, byteCount)
        isNegative = cursor.byte == UInt8(ascii: "-")
        hasExponentPart = end < byteCount
        cursor.offset = end
        if point < 0 { point = end }
        if first < 0 { first = end }
        // After the point, the point's own byte counts in a difference of offsets.
        lastExponent = cursor.takeExponent() + point - end + (point < end ? 1 : 0)
        count = end - first - (first < point && point < end ? 1 : 0)
        offset = first
        pointOffset = point
    }

    /// Takes the next digit, 0...9; nil after the last.
    @inline(__always)
    mutating func next() -> UInt8? {
        guard takenCount < count else { return nil }
        if offset == pointOffset { offset &+= 1 }
        // Safety: `count` digits and the point make up the bytes from the first digit to the last.
        let digit = unsafe text[offset] &- UInt8(ascii: "0")
        offset &+= 1
        takenCount &+= 1
        return digit
    }

    /// The power of ten of the digit that `next` gave last.
    var exponent: Int { lastExponent + count - takenCount }
}
