// Signs: numbers that order keys by one part of them. Of two keys that are the same before the
// part, the one with the smaller sign is the smaller.
//
//     sign    kind 3 bits | 61 bits, by kind
//             numbers  the upper bits of the Double, in the order of numbers; 0 for nan
//             strings  7 bytes | how many there are, 8 where there are more      60 bits
//
// A part is a whole key, or for arrays an element, or 7 bytes of a string.

/// A part of keys.
struct KeyPlace {
    /// Bytes of a string that one sign tells.
    private static let width = 7

    /// Of an array its element; -1 is the key itself.
    private(set) var element = -1
    /// Bytes of the string before the part.
    private(set) var offset = 0
    /// Whether keys have no such part.
    private(set) var isBehindKey = false

    /// What can tell keys with the same sign.
    enum Next {
        /// Nothing: their order is as it is.
        case done
        /// The keys themselves.
        case keys
        /// The next part; the one before may be different where it is not exact.
        case part(KeyPlace, isExact: Bool)
    }

    /// Where to look behind a sign that some keys share.
    func next(behind sign: UInt64) -> Next {
        switch sign >> 61 {
        case 0: return .done
        case 4:
            return sign << 3 == 0 ? .done : .part(nextElement, isExact: false)
        case 5:
            if sign & 15 <= UInt64(KeyPlace.width) { return .part(nextElement, isExact: true) }
            var next = self
            next.offset += KeyPlace.width
            return .part(next, isExact: true)
        case 6: return element < 0 ? .part(KeyPlace(element: 0), isExact: true) : .keys
        case 7: return .keys
        default: return .part(nextElement, isExact: true)
        }
    }

    private var nextElement: KeyPlace {
        KeyPlace(element: element + 1, isBehindKey: element < 0)
    }

    private init(element: Int, isBehindKey: Bool = false) {
        self.element = element
        self.isBehindKey = isBehindKey
    }

    /// The whole key.
    init() {}

    /// The part of a key that has all parts before.
    @inline(__always) private func part(_ key: Value) -> Value {
        if element < 0 { return key }
        return element < key.count ? key.slots[element] : .absent
    }

    @inline(__always) func sign(_ key: Value) -> UInt64 {
        let part = part(key)
        switch part.tag {
        case .absent, .closure: return 0
        case .null: return 1 << 61
        case .no: return 2 << 61
        case .yes: return 3 << 61
        case .integer, .double, .literal: return 4 << 61 | KeyPlace.bits(part.double) >> 3
        case .string:
            let text = part.bytes.slice(offset, part.count)
            return 5 << 61 | (text.prefix &>> 8) &<< 4
                | UInt64(truncatingIfNeeded: min(text.count, KeyPlace.width &+ 1))
        case .array: return 6 << 61
        case .object: return 7 << 61
        }
    }

    /// Bits in the order of the numbers; nan's are below all others.
    private static func bits(_ double: Double) -> UInt64 {
        if double.isNaN { return 0 }
        // -0 is 0.
        let bits = (double + 0).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    /// Whether the numbers at this place are the same for all keys of a range of (index, sign).
    func hasSameNumber(_ pairs: Slots, _ entries: Slots, _ range: Range<Int>) -> Bool {
        let first = part(pairs[2 &* Int(truncatingIfNeeded: entries[range.lowerBound].word)])
        for i in range.dropFirst() {
            let other = part(pairs[2 &* Int(truncatingIfNeeded: entries[i].word)])
            if Heap.compareNumbers(first, other) != 0 { return false }
        }
        return true
    }
}
