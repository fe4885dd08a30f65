// Percent-escaped bytes -> bytes; a query -> its parameters.

/// A parameter of a query, decoded: UTF-8, ill-formed sequences as U+FFFD.
public struct QueryParameter: Sendable, Equatable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

enum PercentDecoding {
    /// `%41` -> `A`. In a query `+` means a space, as forms and Python's clients write it.
    /// - Throws: `badPercentEscape` with the offset of the percent sign.
    static func decode(
        _ bytes: BorrowedBytes, _ range: Range<Int>, plusIsSpace: Bool
    ) throws(ProtocolError) -> [UInt8] {
        var fault: Int?
        // The decoded bytes are no longer than the encoded ones.
        let output = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { output, count in
            count = unsafe decode(bytes, range, plusIsSpace, to: output, &fault)
        }
        if let fault { throw ProtocolError(.badPercentEscape, at: fault) }
        return output
    }

    /// The same as text, with U+FFFD for ill-formed UTF-8; a short one is not allocated.
    private static func text(
        _ bytes: BorrowedBytes, _ range: Range<Int>
    ) throws(ProtocolError) -> String {
        var fault: Int?
        let text = unsafe String(unsafeUninitializedCapacity: range.count) { output in
            unsafe decode(bytes, range, true, to: output, &fault)
        }
        if let fault { throw ProtocolError(.badPercentEscape, at: fault) }
        return text
    }

    /// Returns the count of bytes written to `output`, which has room for as many as the range has;
    /// `fault` is the offset of an invalid escape.
    @inline(__always) private static func decode(
        _ bytes: BorrowedBytes, _ range: Range<Int>, _ plusIsSpace: Bool,
        to output: UnsafeMutableBufferPointer<UInt8>, _ fault: inout Int?
    ) -> Int {
        var count = 0
        var offset = range.lowerBound
        while offset < range.upperBound {
            var byte = bytes[offset]
            if byte == UInt8(ascii: "%") {
                guard offset + 2 < range.upperBound,
                    let high = HexDigit.value(of: bytes[offset + 1]),
                    let low = HexDigit.value(of: bytes[offset + 2])
                else {
                    fault = offset
                    return 0
                }
                byte = high << 4 | low
                offset += 2
            } else if plusIsSpace && byte == UInt8(ascii: "+") {
                byte = Byte.space
            }
            // Safety: at most one byte is written for each that is read.
            unsafe output[count] = byte
            count += 1
            offset += 1
        }
        return count
    }

    /// `a=1&b=%20&c` -> (a, 1), (b, " "), (c, ""). Empty parts between `&` are skipped.
    static func parameters(
        _ bytes: BorrowedBytes, _ query: Range<Int>
    ) throws(ProtocolError) -> [QueryParameter] {
        var parameters = [QueryParameter]()
        var rest = query
        while let (name, value) = takeParameter(bytes, &rest) {
            parameters.append(
                QueryParameter(name: try text(bytes, name), value: try text(bytes, value)))
        }
        return parameters
    }

    /// The ranges of the next parameter's name and value, which are removed from `rest`; nil after
    /// the last.
    private static func takeParameter(
        _ bytes: BorrowedBytes, _ rest: inout Range<Int>
    ) -> (name: Range<Int>, value: Range<Int>)? {
        while !rest.isEmpty {
            let ampersand = bytes.firstOffset(
                of: UInt8(ascii: "&"), from: rest.lowerBound, to: rest.upperBound)
            let part = rest.lowerBound..<(ampersand ?? rest.upperBound)
            rest = min(part.upperBound + 1, rest.upperBound)..<rest.upperBound
            if part.isEmpty { continue }
            let equals = bytes.firstOffset(
                of: UInt8(ascii: "="), from: part.lowerBound, to: part.upperBound)
            let end = equals ?? part.upperBound
            return (part.lowerBound..<end, min(end + 1, part.upperBound)..<part.upperBound)
        }
        return nil
    }
}
