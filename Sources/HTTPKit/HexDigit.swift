// Values below 16 <-> hexadecimal digits.

public enum HexDigit {
    /// The lower-case digit of a value below 16.
    public static func digit(of value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// The value of a digit of either case.
    static func value(of digit: UInt8) -> UInt8? {
        if digit &- 0x30 < 10 { return digit &- 0x30 }
        let lower = digit | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x61 + 10 : nil
    }
}
