// One offset for a program's text and the texts of all its modules, as if they were concatenated,
// so that a node's 32 bits identify both the text and the offset in it.
//
//     program | a.jq | lib/b.jq |                                   prelude
//     0       ^ 1 past each text's end                              ^ preludeBase

struct ModuleTexts: Sendable {
    struct Entry: Sendable {
        var name: String
        var base: Int
        var text: [UInt8]
    }

    /// The base of the offsets of the prelude's definitions, which are not in any user's text.
    static let preludeBase = 0xF000_0000
    /// Bytes of all texts together.
    static let bytesMax = 1 << 30

    private(set) var entries: [Entry] = []
    private var end: Int

    /// - Parameter byteCount: of the program's own text.
    init(_ byteCount: Int) { end = byteCount + 1 }

    /// Appends a text.
    /// - Returns: the base of its offsets; nil if there are too many.
    mutating func append(_ name: String, _ text: [UInt8]) -> Int? {
        guard end + text.count < Self.bytesMax else { return nil }
        let base = end
        entries.append(Entry(name: name, base: base, text: text))
        end += text.count + 1
        return base
    }

    /// The module that an offset is in, and its base; nil: the program's own text.
    func entry(at offset: Int) -> Entry? { entries.last { $0.base <= offset } }
}
