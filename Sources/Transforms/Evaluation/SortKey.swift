// Sort key prefixes: numbers that order keys by one part of them. Of two keys whose earlier parts
// are equal, the key with the smaller prefix is the smaller.
//
//     prefix  kind 3 bits | 61 bits, by kind
//             numbers  the upper bits of the Double, in the order of numbers; 0 for nan
//             strings  7 bytes | how many there are, 8 where there are more      60 bits
//
// A part is a whole key, an element of an array, or 7 bytes of a string.

/// The kind of a part, in jq's order of types: the upper 3 bits of a prefix.
private enum SortKeyKind {
    /// An array has ended before the part.
    static var end: UInt64 { 0 }
    static var null: UInt64 { 1 }
    static var no: UInt64 { 2 }
    static var yes: UInt64 { 3 }
    static var number: UInt64 { 4 }
    static var string: UInt64 { 5 }
    static var array: UInt64 { 6 }
    static var object: UInt64 { 7 }
    static var shift: UInt64 { 61 }
}

/// Which part of the keys is compared.
struct SortKeyPart {
    /// How many bytes of a string fit in one prefix.
    private static var width: Int { 7 }
    /// The bits of a string's prefix that count its bytes.
    private static var countMask: UInt64 { 15 }

    /// The element of an array; -1 is the key itself.
    private(set) var element = -1
    /// Bytes of the string before the part.
    private(set) var offset = 0

    /// How to order keys that have the same prefix.
    enum Next {
        /// They are equal and stay in their order.
        case done
        /// By comparing the keys themselves.
        case keys
        /// By the next part, if there may be one. Unless it is exact, this part may differ even
        /// though the prefixes are equal.
        case part(SortKeyPart?, isExact: Bool)
    }

    /// How to order keys that share this prefix.
    func next(after prefix: UInt64) -> Next {
        switch prefix >> SortKeyKind.shift {
        case SortKeyKind.end: return .done
        case SortKeyKind.number:
            let isNaN = prefix == SortKeyKind.number << SortKeyKind.shift
            return isNaN ? .done : .part(nextElement, isExact: false)
        case SortKeyKind.string:
            if prefix & SortKeyPart.countMask <= UInt64(SortKeyPart.width) {
                return .part(nextElement, isExact: true)
            }
            var next = self
            next.offset += SortKeyPart.width
            return .part(next, isExact: true)
        case SortKeyKind.array:
            return element < 0 ? .part(SortKeyPart(element: 0), isExact: true) : .keys
        case SortKeyKind.object: return .keys
        default: return .part(nextElement, isExact: true)
        }
    }

    private var nextElement: SortKeyPart? { element < 0 ? nil : SortKeyPart(element: element + 1) }

    private init(element: Int) { self.element = element }

    /// The whole key.
    init() {}

    /// This part of a key; the key has all earlier parts.
    @inline(__always) private func part(_ key: Value) -> Value {
        if element < 0 { return key }
        return element < key.count ? key.slots[element] : .absent
    }

    @inline(__always) func sortKeyPrefix(_ key: Value) -> UInt64 {
        let part = part(key)
        switch part.tag {
        case .absent, .closure: return SortKeyKind.end << SortKeyKind.shift
        case .null: return SortKeyKind.null << SortKeyKind.shift
        case .no: return SortKeyKind.no << SortKeyKind.shift
        case .yes: return SortKeyKind.yes << SortKeyKind.shift
        case .integer, .double, .literal:
            return SortKeyKind.number << SortKeyKind.shift | SortKeyPart.bits(part.double) >> 3
        case .string:
            let text = part.bytes.slice(offset, part.count)
            return SortKeyKind.string << SortKeyKind.shift | (text.prefix &>> 8) &<< 4
                | UInt64(truncatingIfNeeded: min(text.count, SortKeyPart.width &+ 1))
        case .array: return SortKeyKind.array << SortKeyKind.shift
        case .object: return SortKeyKind.object << SortKeyKind.shift
        }
    }

    /// The steps charged for computing a prefix.
    @inline(__always) func steps(_ key: Value) -> Int { 1 &+ Heap.digitSteps(part(key)) }

    /// Bits in the order of the numbers; those of nan are below all others.
    private static func bits(_ double: Double) -> UInt64 {
        if double.isNaN { return 0 }
        // -0 is 0.
        let bits = (double + 0).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    /// This part, which is a number.
    func number(_ key: Value) -> Value { part(key) }
}
