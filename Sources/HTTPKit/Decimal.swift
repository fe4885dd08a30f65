// Whole numbers -> their decimal digits.

public enum Decimal {
    /// How many digits a number has; 1 for 0.
    public static func digitCount(_ number: UInt64) -> Int {
        var count = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    /// Appends the last `digitCount` digits of a number.
    public static func append(_ number: UInt64, digitCount: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: repeatElement(0x30, count: digitCount))
        var rest = number
        for offset in 1...digitCount {
            bytes[bytes.count - offset] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Writes the last `digitCount` digits of a number.
    /// - Parameter out: room for `digitCount` bytes.
    @unsafe public static func write(
        _ number: UInt64, digitCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) {
        var rest = number
        var offset = digitCount
        while offset > 0 {
            offset -= 1
            // Safety: the offset is below the count.
            unsafe out[offset] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}
