// Values below 16 <-> hexadecimal digits.

enum HexDigit {
    /// The lower-case digit of a value below 16.
    @inline(__always) static func digit(of value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }

    /// The value of a digit of either case.
    @inline(__always) static func value(of digit: UInt8) -> UInt8? {
        if digit &- 0x30 < 10 { return digit &- 0x30 }
        let letter = (digit | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}
