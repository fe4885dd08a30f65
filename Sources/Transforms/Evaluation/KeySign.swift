// Signs: numbers that order keys by one part of them. Of two keys whose parts before that one are
// equal, the key with the smaller sign is the smaller.
//
//     sign    kind 3 bits | 61 bits, by kind
//             numbers  the upper bits of the Double, in the order of numbers; 0 for nan
//             strings  7 bytes | how many there are, 8 where there are more      60 bits
//
// A part is a whole key, an element of an array, or 7 bytes of a string.

/// What a part is, in the order of kinds: a sign's upper 3 bits.
private enum PartKind {
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

/// A part of keys.
struct KeyPart {
    /// How many bytes of a string one sign holds.
    private static var width: Int { 7 }
    /// The bits of a string's sign that count its bytes.
    private static var countMask: UInt64 { 15 }

    /// The element of an array; -1 is the key itself.
    private(set) var element = -1
    /// Bytes of the string before the part.
    private(set) var offset = 0

    /// How to order keys that have the same sign.
    enum Next {
        /// They are equal and stay in their order.
        case done
        /// By comparing the keys themselves.
        case keys
        /// By the next part, if there may be one. Where it is not exact, the parts before may
        /// differ even though their signs are equal.
        case part(KeyPart?, isExact: Bool)
    }

    /// What to look at after a sign that several keys share.
    func next(after sign: UInt64) -> Next {
        switch sign >> PartKind.shift {
        case PartKind.end: return .done
        case PartKind.number:
            let isNaN = sign == PartKind.number << PartKind.shift
            return isNaN ? .done : .part(nextElement, isExact: false)
        case PartKind.string:
            if sign & KeyPart.countMask <= UInt64(KeyPart.width) {
                return .part(nextElement, isExact: true)
            }
            var next = self
            next.offset += KeyPart.width
            return .part(next, isExact: true)
        case PartKind.array: return element < 0 ? .part(KeyPart(element: 0), isExact: true) : .keys
        case PartKind.object: return .keys
        default: return .part(nextElement, isExact: true)
        }
    }

    private var nextElement: KeyPart? { element < 0 ? nil : KeyPart(element: element + 1) }

    private init(element: Int) { self.element = element }

    /// The whole key.
    init() {}

    /// This part of a key that has all the parts before it.
    @inline(__always) private func part(_ key: Value) -> Value {
        if element < 0 { return key }
        return element < key.count ? key.slots[element] : .absent
    }

    @inline(__always) func sign(_ key: Value) -> UInt64 {
        let part = part(key)
        switch part.tag {
        case .absent, .closure: return PartKind.end << PartKind.shift
        case .null: return PartKind.null << PartKind.shift
        case .no: return PartKind.no << PartKind.shift
        case .yes: return PartKind.yes << PartKind.shift
        case .integer, .double, .literal:
            return PartKind.number << PartKind.shift | KeyPart.bits(part.double) >> 3
        case .string:
            let text = part.bytes.slice(offset, part.count)
            return PartKind.string << PartKind.shift | (text.prefix &>> 8) &<< 4
                | UInt64(truncatingIfNeeded: min(text.count, KeyPart.width &+ 1))
        case .array: return PartKind.array << PartKind.shift
        case .object: return PartKind.object << PartKind.shift
        }
    }

    /// The steps that a sign costs.
    @inline(__always) func steps(_ key: Value) -> Int { 1 &+ Heap.digitSteps(part(key)) }

    /// Bits in the order of the numbers; those of nan are below all others.
    private static func bits(_ double: Double) -> UInt64 {
        if double.isNaN { return 0 }
        // -0 is 0.
        let bits = (double + 0).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    /// The number that this part is.
    func number(_ key: Value) -> Value { part(key) }
}
