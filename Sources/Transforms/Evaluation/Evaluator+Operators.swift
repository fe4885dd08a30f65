// Arithmetic and comparison. Integers stay integers within 2^53, where Doubles are exact; beyond
// that, and for all other numbers, arithmetic is that of Doubles, as in jq.

import Glibc

extension Evaluator {
    static let exactMax = 1 << 53

    @inline(__always) static func isExact(_ integer: Int) -> Bool {
        UInt(bitPattern: integer &+ exactMax) <= UInt(2 * exactMax)
    }

    /// The shortest representation of a number.
    @inline(__always) static func number(_ double: Double) -> Value {
        let integer = Int(exactly: double) ?? Int.max
        // -0 stays a Double.
        return isExact(integer) && (integer != 0 || double.sign == .plus)
            ? Value(integer: integer) : Value(double: double)
    }

    @inline(never) func oneArithmetic(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let rhs = try one(node.b, frame, input)
        if rhs.isAbsent { return .absent }
        let lhs: Value
        do throws(Stop) { lhs = try one(node.a, frame, input) } catch {
            release(rhs)
            throw error
        }
        if lhs.isAbsent {
            release(rhs)
            return .absent
        }
        return try arithmetic(node.operation, lhs, rhs, node)
    }

    /// Both operands are owned and consumed; the caller owns the result.
    @inline(__always) func arithmetic(
        _ operation: Operation, _ lhs: Value, _ rhs: Value, _ node: NodeRef
    )
        throws(Stop) -> Value
    {
        switch operation {
        case .add: return try add(lhs, rhs, node)
        case .subtract: return try subtract(lhs, rhs, node)
        case .multiply: return try multiply(lhs, rhs, node)
        case .divide: return try divide(lhs, rhs, node)
        default: return try remainder(lhs, rhs, node)
        }
    }

    @inline(__always) func add(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        if lhs.tag == .integer && rhs.tag == .integer {
            let (left, right) = (lhs.integer, rhs.integer)
            let sum = left &+ right
            if Evaluator.isExact(left) && Evaluator.isExact(right) && Evaluator.isExact(sum) {
                return Value(integer: sum)
            }
        }
        return try addSlow(lhs, rhs, node)
    }

    @inline(never) func addSlow(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        switch (lhs.tag, rhs.tag) {
        case (.null, _): return rhs
        case (_, .null): return lhs
        case (.string, .string):
            if lhs.count == 0 {
                release(lhs)
                return rhs
            }
            var sum = lhs
            try heap.append(&sum, rhs.bytes, flags: rhs.word)
            release(rhs)
            return sum
        case (.array, .array):
            if lhs.count == 0 {
                release(lhs)
                return rhs
            }
            var sum = lhs
            try heap.append(&sum, contentsOf: rhs)
            release(rhs)
            return sum
        case (.object, .object):
            return try merge(lhs, rhs)
        default:
            if lhs.isNumber && rhs.isNumber {
                defer { releaseBoth(lhs, rhs) }
                return Value(double: heap.double(lhs) + heap.double(rhs))
            }
            throw raiseOperands(.cannotAdd, lhs, rhs, node)
        }
    }

    @inline(__always) func releaseBoth(_ lhs: Value, _ rhs: Value) {
        release(lhs)
        release(rhs)
    }

    @inline(never) func raiseOperands(
        _ message: Message, _ lhs: Value, _ rhs: Value, _ node: NodeRef
    )
        -> Stop
    {
        defer { releaseBoth(lhs, rhs) }
        return raise(message, lhs, rhs, at: node)
    }

    /// The members of `rhs` set on `lhs`.
    private func merge(_ lhs: Value, _ rhs: Value) throws(Stop) -> Value {
        if lhs.count == 0 {
            release(lhs)
            return rhs
        }
        var sum = lhs
        let slots = rhs.slots
        for i in 0..<rhs.count {
            try charge(1)
            try heap.set(&sum, retain(slots[2 * i]), retain(slots[2 * i + 1]))
        }
        release(rhs)
        return sum
    }

    func subtract(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        if lhs.tag == .integer && rhs.tag == .integer {
            let (left, right) = (lhs.integer, rhs.integer)
            let difference = left &- right
            if Evaluator.isExact(left) && Evaluator.isExact(right) && Evaluator.isExact(difference)
            {
                return Value(integer: difference)
            }
        }
        if lhs.isNumber && rhs.isNumber {
            defer { releaseBoth(lhs, rhs) }
            return Value(double: heap.double(lhs) - heap.double(rhs))
        }
        if !lhs.isArray || !rhs.isArray { throw raiseOperands(.cannotSubtract, lhs, rhs, node) }
        return try without(lhs, rhs)
    }

    /// The elements of `lhs` that are not equal to any of `rhs`.
    private func without(_ lhs: Value, _ rhs: Value) throws(Stop) -> Value {
        defer { releaseBoth(lhs, rhs) }
        var rest = try heap.makeArray(capacity: lhs.count)
        let (left, right) = (lhs.slots, rhs.slots)
        for i in 0..<lhs.count {
            try charge(1)
            var isKept = true
            for j in 0..<rhs.count {
                try charge(1)
                if try heap.isEqual(left[i], right[j]) {
                    isKept = false
                    break
                }
            }
            if isKept { try heap.push(&rest, retain(left[i])) }
        }
        return rest
    }

    func multiply(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        if lhs.tag == .integer && rhs.tag == .integer {
            let (product, overflow) = lhs.integer.multipliedReportingOverflow(by: rhs.integer)
            // 0 times a negative number is -0.
            if !overflow && Evaluator.isExact(product) && product != 0
                && Evaluator.isExact(lhs.integer)
                && Evaluator.isExact(rhs.integer)
            {
                return Value(integer: product)
            }
        }
        if lhs.isNumber && rhs.isNumber {
            defer { releaseBoth(lhs, rhs) }
            return Evaluator.number(heap.double(lhs) * heap.double(rhs))
        }
        if lhs.isString && rhs.isNumber { return try repeatString(lhs, rhs) }
        if lhs.isNumber && rhs.isString { return try repeatString(rhs, lhs) }
        if lhs.isObject && rhs.isObject { return try mergeDeep(lhs, rhs, 0) }
        throw raiseOperands(.cannotMultiply, lhs, rhs, node)
    }

    private func repeatString(_ string: Value, _ times: Value) throws(Stop) -> Value {
        defer { releaseBoth(string, times) }
        let count = heap.double(times)
        if count.isNaN || count < 0 { return .null }
        // Fractions of a copy are dropped, so less than 1 gives the empty string.
        let copies = count
        if copies < 1 || string.count == 0 { return try heap.string("") }
        let total = Double(string.count) * copies.rounded(.down)
        if total > Double(Int32.max) { throw raise("Repeat string result too long") }
        let byteCount = string.count * Int(copies)
        let result = try heap.makeString(
            byteCount, flags: string.word & (Value.ascii | Value.plain))
        let bytes = result.bytes
        try heap.copy(string.bytes, to: bytes, at: 0)
        var filled = string.count
        while filled < byteCount {
            let part = min(filled, byteCount - filled)
            try heap.copy(bytes.slice(0, part), to: bytes, at: filled)
            filled += part
        }
        return result
    }

    /// The members of `rhs` set on `lhs`; members that are objects in both are merged the same way.
    private func mergeDeep(_ lhs: Value, _ rhs: Value, _ depth: Int) throws(Stop) -> Value {
        if depth > JSONWriter.depthMax {
            releaseBoth(lhs, rhs)
            throw raise("Object merge too deep")
        }
        try charge(1)
        var result = lhs
        let slots = rhs.slots
        for i in 0..<rhs.count {
            try charge(1)
            let (name, value) = (slots[2 * i], retain(slots[2 * i + 1]))
            let index = value.isObject ? try heap.find(result, name.bytes) : -1
            if index >= 0 && result.slots[2 * index + 1].isObject {
                try heap.makeUnique(&result)
                let old = result.slots[2 * index + 1]
                result.slots[2 * index + 1] = .null
                do throws(Stop) {
                    result.slots[2 * index + 1] = try mergeDeep(old, value, depth + 1)
                } catch {
                    releaseBoth(result, rhs)
                    throw error
                }
            } else {
                try heap.set(&result, retain(name), value)
            }
        }
        release(rhs)
        return result
    }

    func divide(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        if lhs.isNumber && rhs.isNumber {
            let divisor = heap.double(rhs)
            if divisor == 0 { throw raiseOperands(.dividedByZero, lhs, rhs, node) }
            defer { releaseBoth(lhs, rhs) }
            return Evaluator.number(heap.double(lhs) / divisor)
        }
        if lhs.isString && rhs.isString {
            defer { releaseBoth(lhs, rhs) }
            return try splitString(lhs, rhs)
        }
        throw raiseOperands(.cannotDivide, lhs, rhs, node)
    }

    func remainder(_ lhs: Value, _ rhs: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !lhs.isNumber || !rhs.isNumber {
            throw raiseOperands(.cannotTakeRemainder, lhs, rhs, node)
        }
        if lhs.tag == .integer && rhs.tag == .integer && rhs.integer != 0
            && Evaluator.isExact(lhs.integer) && Evaluator.isExact(rhs.integer)
        {
            return Value(integer: lhs.integer % Int(rhs.integer.magnitude))
        }
        let (left, right) = (heap.double(lhs), heap.double(rhs))
        if left.isNaN || right.isNaN {
            releaseBoth(lhs, rhs)
            return Value(double: .nan)
        }
        let divisor = Evaluator.clamped(right)
        if divisor == 0 { throw raiseOperands(.remainderByZero, lhs, rhs, node) }
        defer { releaseBoth(lhs, rhs) }
        let dividend = Evaluator.clamped(left)
        // The remainder has the dividend's sign.
        let magnitude = dividend.magnitude % divisor.magnitude
        let rest = Double(magnitude)
        return Evaluator.number(dividend < 0 ? 0 - rest : rest)
    }

    /// Rounds towards zero and clamps to the range of 64 bits.
    static func clamped(_ double: Double) -> Int {
        if double.isNaN { return 0 }
        if double >= 9.2e18 { return .max }
        return double <= -9.2e18 ? .min : Int(double)
    }

    func negate(_ operand: Value, _ node: NodeRef) throws(Stop) -> Value {
        if operand.tag == .integer && Evaluator.isExact(operand.integer) {
            return Value(integer: -operand.integer)
        }
        defer { release(operand) }
        if !operand.isNumber { throw raise(.cannotNegate, operand, at: node) }
        if operand.tag != .double {
            return try negateLiteral(operand)
        }
        return Evaluator.number(-heap.double(operand))
    }

    /// A literal keeps its digits when its sign changes.
    private func negateLiteral(_ operand: Value) throws(Stop) -> Value {
        if operand.tag == .integer { return Value(integer: -operand.integer) }
        let text = operand.bytes
        if text[0] == UInt8(ascii: "-") { return try heap.literal(text.slice(1, text.count)) }
        if heap.double(operand) == 0 && isZero(text) { return retain(operand) }
        let payload = try heap.allocate(text.count + 1, unit: 1)
        Heap.setUsed(payload, text.count + 1)
        let result = Value(
            .literal, flags: Value.counted, count: text.count + 1, payload: UInt64(payload))
        result.bytes[0] = UInt8(ascii: "-")
        try heap.copy(text, to: result.bytes, at: 1)
        return result
    }

    /// Whether a literal has no digit above 0 before its exponent: its sign does not change then.
    private func isZero(_ literal: Bytes) -> Bool {
        for i in 0..<literal.count {
            if literal[i] | 0x20 == UInt8(ascii: "e") { break }
            if literal[i] &- 0x31 < 9 { return false }
        }
        return true
    }

    // MARK: Comparison

    @inline(never) func oneComparison(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        if node.b.operation == .constant, node.a.operation == .field {
            let field = node.a
            if field.a.operation == .identity {
                return try compare(node.operation, try member(field, input), node.b.value)
            }
        }
        let rhs = try oneInlined(node.b, frame, input)
        if rhs.isAbsent { return .absent }
        defer { release(rhs) }
        let lhs = try oneInlined(node.a, frame, input)
        defer { release(lhs) }
        if lhs.isAbsent { return .absent }
        return try compare(node.operation, lhs, rhs)
    }

    /// Both operands are borrowed.
    @inline(__always) func compare(_ operation: Operation, _ lhs: Value, _ rhs: Value)
        throws(Stop) -> Value
    {
        if lhs.isContainer { try charge(1) }
        switch operation {
        case .equal: return Value(try heap.isEqual(lhs, rhs))
        case .notEqual: return Value(try !heap.isEqual(lhs, rhs))
        case .less: return Value(try heap.compare(lhs, rhs) < 0)
        case .lessOrEqual: return Value(try heap.compare(lhs, rhs) <= 0)
        case .greater: return Value(try heap.compare(lhs, rhs) > 0)
        default: return Value(try heap.compare(lhs, rhs) >= 0)
        }
    }
}
