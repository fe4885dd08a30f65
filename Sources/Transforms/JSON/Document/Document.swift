// A value as users of the module see it: they look at it, and hand it to a run.

/// A value of a run: an input, an argument, an output. Valid until the runner's next `begin`.
public struct Document {
    let value: Value
    /// Whether the first evaluation consumes it.
    let isOwned: Bool

    init(value: Value, isOwned: Bool = false) {
        self.value = value
        self.isOwned = isOwned
    }

    public static var null: Document { Document(value: .null) }

    public enum Kind: Sendable { case null, boolean, number, string, array, object }

    public var kind: Kind {
        switch value.tag {
        case .null, .absent, .closure: .null
        case .no, .yes: .boolean
        case .integer, .double, .literal: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    /// Whether it is neither `null` nor `false`.
    public var isTrue: Bool { value.isTrue }
    /// A string's text.
    public var string: String? { value.isString ? value.bytes.text : nil }
    /// A string's UTF-8.
    public var utf8: [UInt8]? {
        guard value.isString else { return nil }
        let bytes = value.bytes
        // Safety: the bytes are copied at once.
        return unsafe Array(UnsafeBufferPointer(start: bytes.base, count: bytes.count))
    }
    /// The number of elements or members.
    public var count: Int { value.isContainer ? value.count : 0 }
}
