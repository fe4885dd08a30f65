// Sorting, grouping and extremes, by the keys that a filter outputs: pairs of (key, element) are
// sorted (Evaluator+Ordering.swift).

extension Evaluator {
    /// The key of an element, owned: the filter's output, or all of them in an array.
    private func key(_ filter: NodeRef, _ frame: Slots, _ element: Value) throws(Stop) -> Value {
        filter.cardinality == .one
            ? try oneInlined(filter, frame, element) : try collect(filter, frame, element)
    }

    /// (key, element) for each element; keys are owned, elements borrowed.
    private func keyed(_ node: NodeRef, _ frame: Slots, _ array: Value) throws(Stop) -> Value {
        let count = array.count
        let pairs = try heap.makeArray(capacity: 2 * count).with(count: 2 * count)
        let slots = array.slots
        var keptCount = 0
        do throws(Stop) {
            for i in 0..<count {
                try charge(1)
                pairs.slots[2 * i] = try key(node.a, frame, slots[i])
                pairs.slots[2 * i + 1] = slots[i]
                keptCount = i + 1
            }
        } catch {
            dropKeyed(pairs.with(count: 2 * keptCount))
            throw error
        }
        return pairs
    }

    private func dropKeyed(_ pairs: Value) {
        for i in stride(from: 0, to: pairs.count, by: 2) {
            release(pairs.slots[i])
            if i & 1023 == 1022, !heap.mayGoOn(512) { break }
        }
        heap.release(pairs)
    }

    /// `sort_by(f)`, `group_by(f)`, `unique_by(f)` of a borrowed value.
    func sorted(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if !input.isArray {
            let keys = try collectKeys(node, frame, input)
            defer { release(keys) }
            var text = try heap.string("")
            try appendShown(&text, input, withKind: true)
            try append(&text, " and ")
            try appendShown(&text, keys, withKind: true)
            try append(&text, " cannot be sorted, as they are not both arrays")
            throw raise(text, at: node)
        }
        let pairs = try keyed(node, frame, input)
        defer { dropKeyed(pairs) }
        if node.operation != .sortBy, let groups = try hashedGroups(pairs.slots, input.count) {
            return try grouped(groups, node.operation == .uniqueBy)
        }
        try sortPairs(pairs.slots, input.count)
        let count = input.count
        var result = try heap.makeArray(capacity: count)
        if node.operation == .sortBy {
            for i in 0..<count {
                try charge(1)
                try heap.push(&result, retain(pairs.slots[2 * i + 1]))
            }
            return result
        }
        var start = 0
        while start < count {
            var end = start + 1
            let key = pairs.slots[2 * start]
            try charge(1)
            while end < count, try heap.isEqual(key, pairs.slots[2 * end]) {
                try charge(1)
                end += 1
            }
            if node.operation == .uniqueBy {
                try heap.push(&result, retain(pairs.slots[2 * start + 1]))
            } else {
                var group = try heap.makeArray(capacity: end - start)
                for i in start..<end {
                    try charge(1)
                    try heap.push(&group, retain(pairs.slots[2 * i + 1]))
                }
                try heap.push(&result, group)
            }
            start = end
        }
        return result
    }

    /// What jq computes for a value that is not an array, before it refuses to sort it.
    private func collectKeys(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value
    {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        var keys = try heap.makeArray(capacity: input.count)
        do throws(Stop) {
            for i in 0..<input.count {
                try charge(1)
                let key = try collect(node.a, frame, input.slots[2 * i + 1])
                try heap.push(&keys, key)
            }
        } catch {
            release(keys)
            throw error
        }
        return keys
    }

    /// `min_by(f)`, `max_by(f)`: the first of the smallest, the last of the largest; null if there
    /// are none.
    func extreme(_ node: NodeRef, _ frame: Slots, _ input: Value, wantsMax: Bool) throws(Stop)
        -> Value
    {
        if !input.isArray {
            if !input.isObject { throw raise(.cannotIterate, input, at: node) }
            // The members' keys are evaluated before the error that an object can't be sorted.
            var keys = try heap.makeArray(capacity: input.count)
            defer { release(keys) }
            for i in 0..<input.count {
                try charge(1)
                try heap.push(&keys, try collect(node.a, frame, input.slots[2 * i + 1]))
            }
            throw raise(.cannotCompare, input, keys, at: node)
        }
        if input.count == 0 { return .null }
        var best = 0
        var bestKey = try key(node.a, frame, input.slots[0])
        for i in 1..<input.count {
            let candidate: Value
            do throws(Stop) {
                try charge(1)
                candidate = try key(node.a, frame, input.slots[i])
            } catch {
                release(bestKey)
                throw error
            }
            let order = try heap.compare(candidate, bestKey)
            if wantsMax ? order >= 0 : order < 0 {
                release(bestKey)
                (best, bestKey) = (i, candidate)
            } else {
                release(candidate)
            }
        }
        release(bestKey)
        return retain(input.slots[best])
    }

    /// Each element as its own key, both borrowed.
    private func selfKeyed(_ array: Value) throws(Stop) -> Value {
        let count = array.count
        let pairs = try heap.makeArray(capacity: 2 * count).with(count: 2 * count)
        for i in 0..<count {
            pairs.slots[2 * i] = array.slots[i]
            pairs.slots[2 * i + 1] = array.slots[i]
            try heap.chargeElement(i)
        }
        return pairs
    }

    /// The distinct elements of a borrowed array, sorted.
    func uniqueElements(_ array: Value) throws(Stop) -> Value {
        let count = array.count
        let pairs = try selfKeyed(array)
        defer { heap.release(pairs) }
        if let groups = try hashedGroups(pairs.slots, count) { return try grouped(groups, true) }
        try sortPairs(pairs.slots, count)
        var result = try heap.makeArray(capacity: count)
        for i in 0..<count {
            try charge(1)
            let element = pairs.slots[2 * i]
            if i > 0, try heap.isEqual(pairs.slots[2 * i - 2], element) { continue }
            try heap.push(&result, retain(element))
        }
        return result
    }

    /// A sorted copy of a borrowed array.
    func sortedElements(_ array: Value) throws(Stop) -> Value {
        let count = array.count
        let pairs = try selfKeyed(array)
        defer { heap.release(pairs) }
        try sortPairs(pairs.slots, count)
        var result = try heap.makeArray(capacity: count)
        for i in 0..<count {
            try charge(1)
            try heap.push(&result, retain(pairs.slots[2 * i]))
        }
        return result
    }
}
