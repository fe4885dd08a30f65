// Values below 16 <-> hexadecimal digits.

public enum HexDigit {
    /// The lower-case digit of a value below 16.
    public static func digit(of value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// The value of a digit of either case.
    static func value(of digit: UInt8) -> UInt8? {
        if digit &- UInt8(ascii: "0") < 10 { return digit &- UInt8(ascii: "0") }
        let lower = digit | 0x20
        return lower &- UInt8(ascii: "a") < 6 ? lower &- UInt8(ascii: "a") + 10 : nil
    }
}
