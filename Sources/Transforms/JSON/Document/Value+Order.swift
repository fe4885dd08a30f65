// jq's order: null < false < true < numbers < strings < arrays < objects. Arrays by elements,
// objects by their sorted names first, then by the values in that order.
//
// Safety: reads stay below the counts that come with the pointers.

extension Value.Tag {
    /// The index of its kind in that order.
    var rank: Int {
        switch self {
        case .absent, .closure, .null: 0
        case .no: 1
        case .yes: 2
        case .integer, .double, .literal: 3
        case .string: 4
        case .array: 5
        case .object: 6
        }
    }
}

extension Heap {
    /// Nested values are compared to this depth; what is deeper raises an error.
    static let compareDepthMax = 10_000

    /// -1, 0 or 1; both are borrowed.
    @inline(__always) func compare(_ lhs: Value, _ rhs: Value) throws(Stop) -> Int {
        if lhs.tag == .integer && rhs.tag == .integer {
            return lhs.integer < rhs.integer ? -1 : lhs.integer > rhs.integer ? 1 : 0
        }
        if lhs.isString && rhs.isString { return try compareStrings(lhs, rhs) }
        return try compareSlow(lhs, rhs, 0)
    }

    @inline(__always) func isEqual(_ lhs: Value, _ rhs: Value) throws(Stop) -> Bool {
        if lhs.isString && rhs.isString {
            if lhs.count != rhs.count { return false }
            return try begins(lhs.bytes, rhs.bytes)
        }
        if lhs.tag == .integer && rhs.tag == .integer { return lhs.payload == rhs.payload }
        return try isEqualSlow(lhs, rhs, 0)
    }

    /// The same memory is equal, even if it contains nan.
    @inline(never) private func isEqualSlow(_ lhs: Value, _ rhs: Value, _ depth: Int) throws(Stop)
        -> Bool
    {
        if !lhs.isContainer || lhs.tag != rhs.tag {
            if lhs.isContainer || rhs.isContainer { return false }
            return try compare(lhs, rhs) == 0
        }
        if lhs.isIdentical(to: rhs) { return true }
        if lhs.count != rhs.count { return false }
        if depth >= Heap.compareDepthMax && lhs.count > 0 {
            throw tooDeep("Equality check too deep")
        }
        let (left, right) = (lhs.slots, rhs.slots)
        if lhs.isArray {
            for i in 0..<lhs.count {
                try charge(1)
                if try !isEqualSlow(left[i], right[i], depth + 1) { return false }
            }
            return true
        }
        for i in 0..<lhs.count {
            try charge(1)
            // Members usually have the same order.
            let name = left[2 * i]
            var index = i
            if try !isEqual(name, right[2 * i]) {
                index = try find(rhs, name.bytes)
                if index < 0 { return false }
            }
            if try !isEqualSlow(left[2 * i + 1], right[2 * index + 1], depth + 1) { return false }
        }
        return true
    }

    @inline(never) private func compareStrings(_ lhs: Value, _ rhs: Value) throws(Stop)
        -> Int
    {
        try order(lhs.bytes, rhs.bytes)
    }

    @inline(never) func compareSlow(_ lhs: Value, _ rhs: Value, _ depth: Int) throws(Stop) -> Int {
        let rank = lhs.tag.rank
        let other = rhs.tag.rank
        if rank != other { return rank < other ? -1 : 1 }
        switch rank {
        case 3:
            if lhs.tag == .literal || rhs.tag == .literal {
                spend(Heap.digitSteps(lhs) &+ Heap.digitSteps(rhs))
            }
            return Heap.compareNumbers(lhs, rhs)
        case 4: return try compareStrings(lhs, rhs)
        case 5, 6:
            if depth >= Heap.compareDepthMax && lhs.count > 0 && rhs.count > 0 {
                throw tooDeep("Comparison too deep")
            }
            if rank == 6 { return try compareObjects(lhs, rhs, depth) }
            let count = min(lhs.count, rhs.count)
            let (left, right) = (lhs.slots, rhs.slots)
            for i in 0..<count {
                try charge(1)
                let order = try compareSlow(left[i], right[i], depth + 1)
                if order != 0 { return order }
            }
            return (lhs.count - rhs.count).signum()
        default: return 0
        }
    }

    /// nan is below every number, itself included.
    static func compareNumbers(_ lhs: Value, _ rhs: Value) -> Int {
        if lhs.tag == .integer && rhs.tag == .integer {
            return (lhs.integer > rhs.integer ? 1 : 0) - (lhs.integer < rhs.integer ? 1 : 0)
        }
        if lhs.tag == .literal && rhs.tag == .literal {
            let (a, b) = (lhs.bytes, rhs.bytes)
            if let order = unsafe PlainDecimal.compare(a.base, a.count, b.base, b.count) {
                return order
            }
        }
        if lhs.tag != .double && rhs.tag != .double && (isLong(lhs) || isLong(rhs)) {
            return compareLiterals(lhs, rhs)
        }
        let (left, right) = (lhs.double, rhs.double)
        // Many literals that are out of a Double's range have the same Double.
        if left == right && !left.isNormal && lhs.tag != .double && rhs.tag != .double {
            return compareLiterals(lhs, rhs)
        }
        return left < right || left.isNaN ? -1 : left == right ? 0 : 1
    }

    /// Whether a number has so many digits that its Double may equal those of its neighbours. With
    /// 15 significant digits it never does.
    private static func isLong(_ value: Value) -> Bool {
        value.tag == .literal
            ? value.count > 15 : value.integer.magnitude > 1 << 53
    }

    private static func compareLiterals(_ lhs: Value, _ rhs: Value) -> Int {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { room in
            let base = unsafe room.baseAddress.unsafelyUnwrapped
            func text(_ value: Value, _ buffer: UnsafeMutablePointer<UInt8>) -> Bytes {
                if value.tag == .literal { return value.bytes }
                return unsafe Bytes(buffer, DoubleWriter.write(Int64(value.integer), to: buffer))
            }
            let left = unsafe text(lhs, base)
            let right = unsafe text(rhs, base + 32)
            return unsafe LiteralText.compare(left.base, left.count, right.base, right.count)
        }
    }

    private func compareObjects(_ lhs: Value, _ rhs: Value, _ depth: Int) throws(Stop) -> Int {
        let (left, right) = (lhs.slots, rhs.slots)
        let leftIndices = try sortedIndices(lhs)
        defer { release(leftIndices) }
        let rightIndices = try sortedIndices(rhs)
        defer { release(rightIndices) }
        for i in 0..<min(lhs.count, rhs.count) {
            try charge(1)
            let order = try order(
                left[2 * leftIndices[i]].bytes, right[2 * rightIndices[i]].bytes)
            if order != 0 { return order }
        }
        if lhs.count != rhs.count { return (lhs.count - rhs.count).signum() }
        for i in 0..<lhs.count {
            try charge(1)
            let order = try compareSlow(
                left[2 * leftIndices[i] + 1], right[2 * rightIndices[i] + 1], depth + 1)
            if order != 0 { return order }
        }
        return 0
    }
}
