// What a request is called in answers and logs.

/// The client's own name for its request, or a number that was given to it here.
public enum RequestName: Sendable, Equatable {
    /// Bytes of a name that a client gives.
    public static let byteCountMax = 128

    /// Visible ASCII characters.
    case given(String)
    case number(UInt64)

    /// A name of a client's; nil unless it is 1 to 128 visible ASCII characters.
    public init?(given text: String) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= Self.byteCountMax,
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self = .given(text)
    }

    /// A number's name: 13 letters and digits.
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
        // Safety: there is room for all bytes, as looked at just now.
        guard let base = room.baseAddress else { return 0 }
        switch self {
        case .given(var text):
            text.withUTF8 { unsafe _ = room.update(fromContentsOf: $0) }
        case .number(var number):
            for i in 0..<Self.digitCount {
                let digit = UInt8(truncatingIfNeeded: number & 31)
                unsafe base[i] = digit < 10 ? 0x30 + digit : 0x57 + digit
                number >>= 5
            }
        }
        return byteCount
    }
}

extension HeadCursor {
    /// Appends a line with the name of a request.
    public mutating func field(_ name: StaticString, _ value: RequestName) {
        unsafe field(name, byteCountMax: value.byteCount) { unsafe value.write(to: $0) }
    }
}
