// Grouping by keys that are strings or integers: a hash table collects the elements of each key,
// and only the groups are sorted.
//
//     table     group + 1, at the key's hash
//     groups    (key, first element's index)      chain: next element of the same group
//
// Benchmark: `unique` over 60 MB of orders: 374 -> 139 ms.

extension Evaluator {
    /// Elements grouped by key.
    struct Groups {
        /// (key, element) for each element; borrowed.
        var pairs: Slots
        /// For each group the indices of its first and last pair, and how many there are.
        var first: [Int32] = []
        var last: [Int32] = []
        var counts: [Int32] = []
        /// For each element the next one of its group, or -1.
        var next: [Int32]
    }

    /// The groups of (key, element) pairs, or nil where a key is neither a string nor a small
    /// integer, or where so many keys differ that sorting is no slower.
    func hashedGroups(_ pairs: Slots, _ count: Int) throws(Stop) -> Groups? {
        if count < 32 || count > Int(Int32.max) { return nil }
        for i in 0..<count {
            try heap.chargeElement(i)
            if pairs[2 * i].tag != .string && pairs[2 * i].tag != .integer { return nil }
        }
        let groupCountMax = count / 4
        var size = 64
        while size < 2 * groupCountMax { size *= 2 }
        var table = [Int32](repeating: 0, count: size)
        var groups = Groups(pairs: pairs, next: Array(repeating: -1, count: count))
        for i in 0..<count {
            let key = pairs[2 * i]
            try charge(2)
            var probe = Int(truncatingIfNeeded: try hash(key)) & (size - 1)
            while true {
                let group = Int(table[probe]) - 1
                if group < 0 {
                    if groups.first.count == groupCountMax { return nil }
                    groups.first.append(Int32(i))
                    groups.last.append(Int32(i))
                    groups.counts.append(1)
                    table[probe] = Int32(groups.first.count)
                    break
                }
                if try isSameKey(pairs[2 * Int(groups.first[group])], key) {
                    groups.next[Int(groups.last[group])] = Int32(i)
                    groups.last[group] = Int32(i)
                    groups.counts[group] += 1
                    break
                }
                probe = (probe + 1) & (size - 1)
            }
        }
        return groups
    }

    private func hash(_ key: Value) throws(Stop) -> UInt64 {
        if key.isString { return try heap.hash(key.bytes) }
        let product = (key.payload ^ heap.indexSeed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }

    private func isSameKey(_ lhs: Value, _ rhs: Value) throws(Stop) -> Bool {
        if lhs.tag != rhs.tag { return false }
        return lhs.isString ? try heap.isSame(lhs.bytes, rhs.bytes) : lhs.payload == rhs.payload
    }

    /// The groups in the order of their keys: as arrays, or the first element of each.
    func grouped(_ groups: Groups, _ wantsFirst: Bool) throws(Stop) -> Value {
        let count = groups.first.count
        let order = try heap.makeArray(capacity: 2 * count)
        defer { heap.release(order) }
        for group in 0..<count {
            try heap.chargeElement(group)
            order.slots[2 * group] = groups.pairs[2 * Int(groups.first[group])]
            order.slots[2 * group + 1] = Value(integer: group)
        }
        try sortPairs(order.slots, count)
        var result = try heap.makeArray(capacity: count)
        for i in 0..<count {
            try charge(1)
            let group = order.slots[2 * i + 1].integer
            var index = groups.first[group]
            if wantsFirst {
                try heap.push(&result, retain(groups.pairs[2 * Int(index) + 1]))
                continue
            }
            var members = try heap.makeArray(capacity: Int(groups.counts[group]))
            while index >= 0 {
                try charge(1)
                try heap.push(&members, retain(groups.pairs[2 * Int(index) + 1]))
                index = groups.next[Int(index)]
            }
            try heap.push(&result, members)
        }
        return result
    }
}
