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
    /// `%41` -> `A`. In a query `+` stands for a space, as forms and Python's clients write it.
    /// - Throws: `badPercentEscape` with the offset of the percent sign.
    static func decode(
        _ bytes: Bytes, _ range: Range<Int>, plusIsSpace: Bool
    ) throws(ProtocolError) -> [UInt8] {
        var fault: Int?
        // What is decoded is no longer than what it is decoded from.
        let output = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { output, count in
            var offset = range.lowerBound
            while offset < range.upperBound {
                var byte = bytes[offset]
                if byte == 0x25 {
                    guard offset + 2 < range.upperBound,
                        let high = Byte.hexDigit(bytes[offset + 1]),
                        let low = Byte.hexDigit(bytes[offset + 2])
                    else {
                        fault = offset
                        return
                    }
                    byte = high << 4 | low
                    offset += 2
                } else if plusIsSpace && byte == 0x2B {
                    byte = Byte.space
                }
                // Safety: one byte for each that `offset` has passed.
                unsafe output[count] = byte
                count += 1
                offset += 1
            }
        }
        if let fault { throw ProtocolError(.badPercentEscape, at: fault) }
        return output
    }

    /// Whether a parameter of the query may be called `name`: one with escapes may be any.
    static func mayName(_ name: StaticString, _ bytes: Bytes, _ query: Range<Int>) -> Bool {
        var rest = query
        while let (found, _) = takeParameter(bytes, &rest) {
            if bytes.equals(found, ignoringCase: name) { return true }
            if bytes.firstOffset(of: 0x25, from: found.lowerBound, to: found.upperBound) != nil {
                return true
            }
        }
        return false
    }

    /// `a=1&b=%20&c` -> (a, 1), (b, " "), (c, ""). Empty parts between `&` are skipped.
    static func parameters(
        _ bytes: Bytes, _ query: Range<Int>
    ) throws(ProtocolError) -> [QueryParameter] {
        var parameters = [QueryParameter]()
        var rest = query
        while let (name, value) = takeParameter(bytes, &rest) {
            parameters.append(
                QueryParameter(
                    name: String(
                        decoding: try decode(bytes, name, plusIsSpace: true), as: UTF8.self),
                    value: String(
                        decoding: try decode(bytes, value, plusIsSpace: true), as: UTF8.self)))
        }
        return parameters
    }

    /// Where the next parameter's name and value stand, which `rest` then leaves behind; nil after
    /// the last.
    private static func takeParameter(
        _ bytes: Bytes, _ rest: inout Range<Int>
    ) -> (name: Range<Int>, value: Range<Int>)? {
        while !rest.isEmpty {
            let ampersand = bytes.firstOffset(of: 0x26, from: rest.lowerBound, to: rest.upperBound)
            let part = rest.lowerBound..<(ampersand ?? rest.upperBound)
            rest = min(part.upperBound + 1, rest.upperBound)..<rest.upperBound
            if part.isEmpty { continue }
            let equals = bytes.firstOffset(of: 0x3D, from: part.lowerBound, to: part.upperBound)
            let end = equals ?? part.upperBound
            return (part.lowerBound..<end, min(end + 1, part.upperBound)..<part.upperBound)
        }
        return nil
    }
}
