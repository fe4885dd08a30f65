// The name of a request in responses and logs.

/// The client's own name for its request, or a number that the service assigned.
public enum RequestName: Sendable, Equatable {
    /// The longest name that a client may give, in bytes.
    public static let byteCountMax = 128

    /// Visible ASCII characters.
    case given(String)
    case number(UInt64)

    /// A name given by a client; nil unless it is 1 to 128 visible ASCII characters.
    public init?(given text: String) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= Self.byteCountMax,
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self = .given(text)
    }

    /// Length of a number's name: 13 letters and digits.
    private static var digitCount: Int { 13 }

    public var byteCount: Int {
        switch self {
        case .given(let text): text.utf8.count
        case .number: Self.digitCount
        }
    }

    public var text: String {
        unsafe String(unsafeUninitializedCapacity: byteCount) { unsafe write(to: $0) }
    }

    /// Writes the name.
    /// - Parameter room: for at least `byteCount` bytes.
    /// - Returns: `byteCount`.
    @unsafe public func write(to room: UnsafeMutableBufferPointer<UInt8>) -> Int {
        precondition(room.count >= byteCount)
        // Safety: there is room for all bytes, as the precondition checks.
        guard let base = room.baseAddress else { return 0 }
        switch self {
        case .given(var text):
            text.withUTF8 { unsafe _ = room.update(fromContentsOf: $0) }
        case .number(let number):
            // Eight digits from each end; the two words share three.
            let raw = UnsafeMutableRawPointer(base)
            unsafe raw.storeBytes(
                of: Self.digits(number).littleEndian, as: UInt64.self)
            unsafe raw.storeBytes(
                of: Self.digits(number >> 25).littleEndian, toByteOffset: Self.digitCount - 8,
                as: UInt64.self)
        }
        return byteCount
    }

    /// The digits of a number's 40 low bits, 5 bits each, the lowest first: 0...9, a...v.
    private static func digits(_ number: UInt64) -> UInt64 {
        // Spread over the word's halves, then over their halves, then over its bytes.
        var word = number & 0xF_FFFF | (number & 0xFF_FFF0_0000) << 12
        word = word & 0x3FF_0000_03FF | (word & 0xF_FC00_000F_FC00) << 6
        word = word & 0x1F_001F_001F_001F | (word & 0x3E0_03E0_03E0_03E0) << 3
        let letters = (word &+ 0x7676_7676_7676_7676) >> 7 & 0x0101_0101_0101_0101
        return word &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}

extension HeadCursor {
    /// Appends a line with the name of a request.
    public mutating func field(_ name: StaticString, _ value: RequestName) {
        unsafe field(name, byteCountMax: value.byteCount) { unsafe value.write(to: $0) }
    }
}
