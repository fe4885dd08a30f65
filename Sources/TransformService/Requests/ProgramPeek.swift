// The first bytes of an envelope -> the bytes of its program, for a guess at what it will take:
//
//     {"program": ".a | length", "input": ...
//                  ^^^^^^^^^^^
//
// Only where the program comes first and has no escapes; nothing is checked, and nothing but the
// guess depends on it.

enum ProgramPeek {
    private static let spaces: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    private static let name = Array("\"program\"".utf8)

    /// Where the program's text stands; nil where that can't be seen at a glance.
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
