// The first bytes of an envelope -> the bytes of its program, to predict its cost:
//
//     {"program": ".a | length", "input": ...
//                  ^^^^^^^^^^^
//
// Works only if the program comes first and has no escapes. Nothing is validated, as only the
// prediction depends on it.

enum ProgramPeek {
    private static let spaces: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    private static let name = Array("\"program\"".utf8)

    /// The range of the program's text; nil if it is not found this way.
    static func find(_ text: UnsafeRawBufferPointer, bytesMax: Int) -> Range<Int>? {
        let end = min(text.count, bytesMax)
        var offset = 0
        func skipSpaces() {
            // Safety: `offset` is below `end`, which is no more than the count.
            while offset < end, spaces.contains(unsafe text[offset]) { offset += 1 }
        }
        func skip(_ byte: UInt8) -> Bool {
            // Safety: as above.
            guard offset < end, unsafe text[offset] == byte else { return false }
            offset += 1
            return true
        }
        skipSpaces()
        guard skip(UInt8(ascii: "{")) else { return nil }
        skipSpaces()
        for byte in name { guard skip(byte) else { return nil } }
        skipSpaces()
        guard skip(UInt8(ascii: ":")) else { return nil }
        skipSpaces()
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = offset
        while offset < end {
            // Safety: as above.
            switch unsafe text[offset] {
            case UInt8(ascii: "\""): return start..<offset
            case UInt8(ascii: "\\"): return nil
            default: offset += 1
            }
        }
        return nil
    }
}
