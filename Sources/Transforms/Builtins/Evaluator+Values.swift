// Builtins on values of any kind. Inputs and arguments are borrowed unless said otherwise.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    /// The input is owned.
    @inline(__always) func length(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        switch input.tag {
        case .array, .object:
            release(input)
            return Value(integer: input.count)
        case .null: return Value(integer: 0)
        case .string where input.isASCII:
            release(input)
            return Value(integer: input.count)
        default: return try lengthSlow(input, node)
        }
    }

    @inline(never) private func lengthSlow(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        defer { release(input) }
        if input.isString {
            return Value(integer: try codePointCount(input))
        }
        if !input.isNumber { throw raise(.hasNoLength, input, at: node) }
        return try absolute(input)
    }

    /// `abs`: values below 0 are negated, which fails for those that are not numbers.
    func positive(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        try heap.compare(input, Value(integer: 0)) < 0
            ? try negate(retain(input), node) : retain(input)
    }

    /// A number without its sign.
    private func absolute(_ input: Value) throws(Stop) -> Value {
        if input.tag == .literal {
            let text = input.bytes
            if text[0] != UInt8(ascii: "-") { return retain(input) }
            return try heap.literal(text.slice(1, text.count))
        }
        if input.tag == .integer { return Value(integer: Swift.abs(input.integer)) }
        return Value(double: input.storedDouble.magnitude)
    }

    func keys(_ input: Value, _ node: NodeRef, isSorted: Bool) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.hasNoKeys, input, at: node) }
        let count = input.count
        var keys = try heap.makeArray(capacity: count)
        if input.isArray {
            for i in 0..<count {
                try charge(1)
                try heap.push(&keys, Value(integer: i))
            }
            return keys
        }
        let indices = isSorted ? try heap.sortedIndices(input) : nil
        for i in 0..<count {
            try charge(1)
            try heap.push(&keys, retain(input.slots[2 * (indices?[i] ?? i)]))
        }
        if let indices { heap.release(indices) }
        return keys
    }

    func has(_ input: Value, _ key: Value, _ node: NodeRef) throws(Stop) -> Value {
        if input.isObject && key.isString { return Value(try heap.find(input, key.bytes) >= 0) }
        if input.isArray && key.isNumber {
            let index = heap.double(key).rounded(.towardZero)
            return Value(index >= 0 && index < Double(input.count))
        }
        if input.isNull { return .no }
        throw raise(
            text: "Cannot check whether \(input.kindName) has a \(key.kindName) key", at: node)
    }

    func contains(_ input: Value, _ other: Value, _ depth: Int, _ node: NodeRef) throws(Stop)
        -> Bool
    {
        try charge(1)
        if depth > JSONWriter.depthMax { throw raise("Containment check too deep", at: node) }
        if input.isObject && other.isObject {
            for i in 0..<other.count {
                let member = try heap.member(input, other.slots[2 * i].bytes)
                if member.isAbsent { return false }
                if try !contains(member, other.slots[2 * i + 1], depth + 1, node) { return false }
            }
            return true
        }
        if input.isArray && other.isArray {
            for i in 0..<other.count {
                // The same element was just found: trees that share their parts are walked once.
                if i > 0 && isSame(other.slots[i], other.slots[i - 1]) { continue }
                var isFound = false
                for j in 0..<input.count {
                    try heap.chargeElement(j)
                    if try contains(input.slots[j], other.slots[i], depth + 1, node) {
                        isFound = true
                        break
                    }
                }
                if !isFound { return false }
            }
            return true
        }
        if input.isString && other.isString {
            let (text, sought) = (input.bytes, other.bytes)
            if sought.count == 0 { return true }
            var matches = unsafe ByteMatches(
                of: sought.base, sought.count, in: text.base, text.count, overlapping: true)
            return try heap.next(&matches) != nil
        }
        return isOfKind(input, other) ? try heap.isEqual(input, other) : false
    }

    /// Whether the two are the same memory, not only equal.
    private func isSame(_ lhs: Value, _ rhs: Value) -> Bool {
        lhs.word == rhs.word && lhs.payload == rhs.payload
    }

    /// Whether the two have the same type; `true` and `false` differ here.
    func isOfKind(_ lhs: Value, _ rhs: Value) -> Bool {
        lhs.isNumber ? rhs.isNumber : lhs.tag == rhs.tag
    }

    // MARK: Conversions

    func toNumber(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if input.isNumber { return retain(input) }
        if !input.isString { throw raise(.cannotParseNumber, input, at: node) }
        guard input.count <= LiteralText.byteCountMax, let number = try parseNumber(input.bytes)
        else {
            throw raise(.cannotParseNumber, input, at: node)
        }
        return number
    }

    /// A number in the form of jq's literals: digits with an optional point and exponent, an
    /// optional sign.
    private func parseNumber(_ text: Bytes) throws(Stop) -> Value? {
        var offset = 0
        var isNegative = false
        if text.count > 0 && (text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+")) {
            isNegative = text[0] == UInt8(ascii: "-")
            offset = 1
        }
        let start = offset
        func digits() throws(Stop) -> Int {
            let first = offset
            while offset < text.count && text[offset] &- 0x30 <= 9 {
                offset += 1
                try heap.chargeElement(offset)
            }
            return offset - first
        }
        if text.count - start <= 8, let special = special(text.slice(start, text.count)) {
            return Value(double: isNegative ? -special : special)
        }
        var count = try digits()
        if offset < text.count && text[offset] == UInt8(ascii: ".") {
            offset += 1
            count += try digits()
        }
        if count == 0 { return nil }
        if offset < text.count && text[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < text.count
                && (text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-"))
            {
                offset += 1
            }
            if try digits() == 0 { return nil }
        }
        if offset != text.count { return nil }
        let unsigned = text.slice(start, text.count)
        if let integer = unsafe DecimalReader.integer(unsigned.base, unsigned.count),
            integer != 0 || !isNegative, integer < 1 << 59
        {
            return Value(integer: isNegative ? -Int(integer) : Int(integer))
        }
        return try heap.literal(isNegative ? text : unsigned)
    }

    /// The number with a name, in letters of any case.
    private func special(_ name: Bytes) -> Double? {
        switch name.text.lowercased() {
        case "nan", "snan": .nan
        case "inf", "infinity": .infinity
        default: nil
        }
    }

    func toBoolean(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        switch input.tag {
        case .yes, .no: return input
        case .string where input.count <= 5:
            let text = input.bytes.text
            if text == "true" { return .yes }
            if text == "false" { return .no }
        default: break
        }
        throw raise(.cannotParseBoolean, input, at: node)
    }

    /// The sum of the elements, or of the members' values.
    func addElements(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        var total = Value.null
        let slots = input.slots
        let step = input.isArray ? 1 : 2
        for i in 0..<input.count {
            try charge(1)
            let before = total
            total = .null
            total = try add(before, retain(slots[i &* step &+ step &- 1]), node)
        }
        return total
    }

    /// For values that are not numbers, all tests are false.
    func testNumber(_ input: Value, _ native: Native) -> Value {
        if !input.isNumber { return .no }
        let double = heap.double(input)
        switch native {
        case .isinfinite: return Value(double.isInfinite)
        case .isfinite: return Value(!double.isInfinite)
        case .isnan: return Value(double.isNaN)
        default: return Value(double.isNormal)
        }
    }
}
