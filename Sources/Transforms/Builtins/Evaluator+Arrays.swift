// Builtins on arrays and objects. Inputs and arguments are borrowed.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    func flatten(_ input: Value, _ depth: Value, _ node: NodeRef) throws(Stop) -> Value {
        if try heap.compare(depth, Value(integer: 0)) < 0 {
            throw raise("flatten depth must not be negative", at: node)
        }
        if depth.isNumber {
            // Counting down from a fraction never reaches 0.
            let levels = heap.double(depth)
            return try flatten(
                input, levels == levels.rounded() ? Evaluator.clamped(levels) : .max, node)
        }
        let step = input.isArray ? 1 : 2
        for i in 0..<(input.isContainer ? input.count : 0)
        where input.slots[i * step + step - 1].isArray {
            throw raiseOperands(.cannotSubtract, retain(depth), Value(integer: 1), node)
        }
        return try flatten(input, 0, node)
    }

    func flatten(_ input: Value, _ depth: Int, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        var result = try heap.makeArray(capacity: input.count)
        try flatten(input, depth, &result)
        return result
    }

    private func flatten(_ input: Value, _ left: Int, _ result: inout Value) throws(Stop) {
        try enter()
        defer { leave() }
        let step = input.isArray ? 1 : 2
        for i in 0..<input.count {
            try charge(1)
            let element = input.slots[i * step + step - 1]
            if element.isArray && left > 0 {
                try flatten(element, left - 1, &result)
            } else {
                try heap.push(&result, retain(element))
            }
        }
    }

    func unique(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isArray { throw raise(.cannotSort, input, at: node) }
        return try uniqueElements(input)
    }

    func extremeElement(_ input: Value, _ node: NodeRef, wantsMax: Bool) throws(Stop) -> Value {
        if !input.isArray { throw raise(.cannotCompare, input, input, at: node) }
        if input.count == 0 { return .null }
        let slots = input.slots
        var best = slots[0]
        for i in 1..<input.count {
            try charge(1)
            let order = try heap.compare(slots[i], best)
            if wantsMax ? order >= 0 : order < 0 { best = slots[i] }
        }
        return retain(best)
    }

    func reverse(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isArray {
            // jq indexes `length - 1` and down.
            let length = try self.length(retain(input), node)
            defer { release(length) }
            if heap.double(length) == 0 { return Value.emptyArray }
            throw raise(.cannotIndex, input, Value(double: heap.double(length) - 1), at: node)
        }
        let count = input.count
        let result = try heap.makeArray(capacity: count).with(count: count)
        let (from, to) = (input.slots, result.slots)
        for i in 0..<count {
            to[i] = retain(from[count &- 1 &- i])
            try heap.chargeElement(i)
        }
        Heap.setUsed(UInt(result.payload), count)
        return result
    }

    func transpose(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        let step = input.isArray ? 1 : 2
        let rows = input.slots.advanced(by: step - 1)
        var width = 0
        var odd: Value?
        for i in 0..<input.count {
            try heap.chargeElement(i)
            let row = rows[i * step]
            if row.isArray {
                width = max(width, row.count)
                continue
            }
            // A row that has a length counts, and fails when it is accessed.
            let length = try self.length(retain(row), node)
            let columns = heap.double(length).rounded(.up)
            if columns > Double(width) { width = Int(min(columns, Double(UInt32.max))) }
            release(length)
            if !row.isNull && odd == nil { odd = row }
        }
        if width > 0, let odd { throw raise(.cannotIndex, odd, Value(integer: 0), at: node) }
        var result = try heap.makeArray(capacity: width)
        for column in 0..<width {
            try charge(1)
            var line = try heap.makeArray(capacity: input.count)
            for i in 0..<input.count {
                try charge(1)
                let row = rows[i * step]
                let isThere = row.isArray && column < row.count
                try heap.push(&line, isThere ? retain(row.slots[column]) : .null)
            }
            try heap.push(&result, line)
        }
        return result
    }

    // MARK: Entries

    func toEntries(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.hasNoKeys, input, at: node) }
        var result = try heap.makeArray(capacity: input.count)
        let slots = input.slots
        for i in 0..<input.count {
            try charge(1)
            var entry = try heap.makeObject(capacity: 2)
            let key = input.isArray ? Value(integer: i) : retain(slots[2 * i])
            let value = retain(input.isArray ? slots[i] : slots[2 * i + 1])
            try heap.appendMember(&entry, Evaluator.keyName, key)
            try heap.appendMember(&entry, Evaluator.valueName, value)
            try heap.push(&result, entry)
        }
        return result
    }

    static func name(_ text: StaticString) -> Value {
        unsafe Value(
            string: Bytes(UnsafeMutablePointer(mutating: text.utf8Start), text.utf8CodeUnitCount),
            flags: Value.ascii | Value.plain)
    }

    private static var keyName: Value { name("key") }
    private static var valueName: Value { name("value") }

    /// The first of these members that is true, else null; borrowed.
    private func trueMember(_ object: Value, _ names: [StaticString]) throws(Stop) -> Value {
        for name in names {
            let value = try heap.member(object, Evaluator.name(name).bytes)
            if value.isTrue { return value }
        }
        return .null
    }

    func fromEntries(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        var result = try heap.makeObject(capacity: input.count)
        let step = input.isArray ? 1 : 2
        do throws(Stop) {
            for i in 0..<input.count {
                try charge(1)
                let entry = input.slots[i * step + step - 1]
                let (key, value) = try entryParts(entry, node)
                try heap.set(&result, retain(key), retain(value))
            }
        } catch {
            release(result)
            throw error
        }
        return result
    }

    /// The name and the value, borrowed, of an entry.
    private func entryParts(_ entry: Value, _ node: NodeRef) throws(Stop) -> (Value, Value) {
        if !entry.isObject {
            if !entry.isNull { throw raise(.cannotIndex, entry, Evaluator.keyName, at: node) }
            throw raise(.cannotBeKey, .null, at: node)
        }
        let key = try trueMember(entry, ["key", "Key", "name", "Name"])
        if !key.isString { throw raise(.cannotBeKey, key, at: node) }
        var value = try heap.member(entry, Evaluator.valueName.bytes)
        if value.isAbsent { value = try heap.member(entry, Evaluator.name("Value").bytes) }
        return (key, value.isAbsent ? .null : value)
    }

    // MARK: Searching

    /// The indices of the elements that are equal to `sought`.
    private func elementIndices(_ input: Value, _ sought: Value) throws(Stop) -> Value {
        var result = try heap.makeArray(capacity: 4)
        for i in 0..<input.count {
            try charge(1)
            if try heap.isEqual(input.slots[i], sought) {
                try heap.push(&result, Value(integer: i))
            }
        }
        return result
    }

    /// `.[[a, b]]`: the indices at which the elements of `sought` occur consecutively; occurrences
    /// may overlap. Each element is compared at most twice: first the borders of the sought run are
    /// computed.
    func runIndices(_ input: Value, _ sought: Value) throws(Stop) -> Value {
        let count = sought.count
        if count == 1 { return try elementIndices(input, sought.slots[0]) }
        var result = try heap.makeArray(capacity: 4)
        if count == 0 || count > input.count { return result }
        // For each prefix of the run, the length of its longest proper prefix that is also its
        // suffix.
        var borders = try heap.makeArray(capacity: count)
        defer { release(borders) }
        var known = 0
        try heap.push(&borders, Value(integer: 0))
        for i in 1..<count {
            known = try matched(sought.slots[i], sought, known, borders)
            try heap.push(&borders, Value(integer: known))
        }
        known = 0
        for i in 0..<input.count {
            known = try matched(input.slots[i], sought, known, borders)
            if known < count { continue }
            try heap.push(&result, Value(integer: i + 1 - count))
            known = borders.slots[count - 1].integer
        }
        return result
    }

    /// How many elements of `sought` are matched after the next element, if `known` of them were
    /// before it.
    private func matched(_ element: Value, _ sought: Value, _ known: Int, _ borders: Value)
        throws(Stop) -> Int
    {
        var known = known
        while true {
            try charge(1)
            if try heap.isEqual(element, sought.slots[known]) { return known + 1 }
            if known == 0 { return 0 }
            known = borders.slots[known - 1].integer
        }
    }

    /// Where a string occurs in a string, in code points; occurrences may overlap.
    func stringIndices(_ input: Value, _ sought: Value) throws(Stop) -> Value {
        var result = try heap.makeArray(capacity: 4)
        let (text, part) = (input.bytes, sought.bytes)
        if part.count == 0 { return result }
        var matches = unsafe ByteMatches(
            of: part.base, part.count, in: text.base, text.count, overlapping: true)
        var codePoints = 0
        var counted = 0
        while let offset = try heap.next(&matches) {
            let between = text.slice(counted, offset)
            codePoints += input.isASCII ? between.count : try heap.codePointCount(between)
            counted = offset
            try heap.push(&result, Value(integer: codePoints))
        }
        return result
    }

    /// The index of a value in a sorted array, or -1 - the index at which it would be inserted.
    func binarySearch(_ input: Value, _ sought: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isArray {
            throw raise(.cannotSearchFrom, input, at: node)
        }
        var (low, high) = (0, input.count)
        while low < high {
            try charge(1)
            let middle = (low + high) / 2
            // Which side comes first matters for NaN, which is less than itself.
            let order = try heap.compare(sought, input.slots[middle])
            if order == 0 { return Value(integer: middle) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return Value(integer: -1 - low)
    }
}
