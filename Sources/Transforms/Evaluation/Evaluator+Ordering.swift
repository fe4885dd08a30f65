// (key, element) pairs -> the same, sorted by key, stable. What is sorted is one entry for each
// pair, by a number that orders most keys without a look at them:
//
//     sign     kind 3 bits | a number's bits, or a string's first bytes     of a key
//     entries  (pair's index, sign) ...                                     merged, as charged
//     pairs    moved once, to where their entries are
//
// Where two signs are the same, the keys are compared.

extension Evaluator {
    private static let runCount = 8

    /// Sorts (key, element) pairs in place.
    func sortPairs(_ pairs: Slots, _ count: Int) throws(Stop) {
        if count < 2 { return }
        let array = try heap.makeArray(capacity: count)
        defer { heap.release(array) }
        var entries = array.slots
        // What is in order already, or in reverse, needs one look.
        var ascending = true
        var descending = true
        for i in 0..<count {
            entries[i] = Value(word: UInt64(i), payload: sign(pairs[2 &* i]))
            if i == 0 || !ascending && !descending { continue }
            try charge(1)
            let order = try order(entries[i &- 1], entries[i], pairs)
            if order > 0 { ascending = false }
            if order <= 0 { descending = false }
        }
        if ascending { return }
        if descending { return reversePairs(pairs, count) }
        try sortRuns(entries, count, pairs)
        if count > Evaluator.runCount {
            let scratch = try heap.makeArray(capacity: count)
            defer { heap.release(scratch) }
            var other = scratch.slots
            var width = Evaluator.runCount
            while width < count {
                for start in stride(from: 0, to: count, by: 2 * width) {
                    let middle = min(start + width, count)
                    try merge(
                        entries, start, middle, min(start + 2 * width, count), other, pairs)
                }
                swap(&entries, &other)
                width *= 2
            }
            if entries.address != array.slots.address {
                array.slots.copy(entries, count)
                entries = array.slots
            }
        }
        try charge(count)
        Evaluator.move(pairs, count, as: entries)
    }

    private func reversePairs(_ pairs: Slots, _ count: Int) {
        for i in 0..<count / 2 {
            let j = count - 1 - i
            let (key, element) = (pairs[2 * i], pairs[2 * i + 1])
            (pairs[2 * i], pairs[2 * i + 1]) = (pairs[2 * j], pairs[2 * j + 1])
            (pairs[2 * j], pairs[2 * j + 1]) = (key, element)
        }
    }

    /// Puts each pair where its entry is, along the cycles of the permutation; the entries are used
    /// up.
    private static func move(_ pairs: Slots, _ count: Int, as entries: Slots) {
        for start in 0..<count where entries[start].word != UInt64(start) {
            let (key, element) = (pairs[2 &* start], pairs[2 &* start &+ 1])
            var place = start
            while true {
                let source = Int(truncatingIfNeeded: entries[place].word)
                entries[place].word = UInt64(place)
                if source == start { break }
                pairs[2 &* place] = pairs[2 &* source]
                pairs[2 &* place &+ 1] = pairs[2 &* source &+ 1]
                place = source
            }
            pairs[2 &* place] = key
            pairs[2 &* place &+ 1] = element
        }
    }

    // MARK: Entries

    /// Of two keys with different signs the one with the smaller sign is the smaller.
    @inline(__always) private func sign(_ key: Value) -> UInt64 {
        switch key.tag {
        case .absent, .closure, .null: return 0
        case .no: return 1 << 61
        case .yes: return 2 << 61
        case .integer, .double, .literal: return 3 << 61 | Evaluator.bits(key.double) >> 3
        case .string: return 4 << 61 | key.bytes.prefix >> 3
        case .array: return 5 << 61
        case .object: return 6 << 61
        }
    }

    /// Bits in the order of the numbers; nan's are below all others.
    private static func bits(_ double: Double) -> UInt64 {
        if double.isNaN { return 0 }
        // -0 is 0.
        let bits = (double + 0).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    @inline(__always) private func order(_ lhs: Value, _ rhs: Value, _ pairs: Slots)
        throws(Stop) -> Int
    {
        if lhs.payload != rhs.payload { return lhs.payload < rhs.payload ? -1 : 1 }
        return try keyOrder(lhs, rhs, pairs)
    }

    @inline(never) private func keyOrder(_ lhs: Value, _ rhs: Value, _ pairs: Slots)
        throws(Stop) -> Int
    {
        try heap.compare(
            pairs[2 &* Int(truncatingIfNeeded: lhs.word)],
            pairs[2 &* Int(truncatingIfNeeded: rhs.word)])
    }

    /// Sorts runs of `runCount` entries by insertion.
    private func sortRuns(_ entries: Slots, _ count: Int, _ pairs: Slots) throws(Stop) {
        var start = 0
        while start < count {
            let end = min(start &+ Evaluator.runCount, count)
            var i = start &+ 1
            while i < end {
                let entry = entries[i]
                var j = i
                while j > start, try order(entries[j &- 1], entry, pairs) > 0 {
                    entries[j] = entries[j &- 1]
                    j &-= 1
                }
                entries[j] = entry
                i &+= 1
            }
            try charge(Evaluator.runCount)
            start = end
        }
    }

    private func merge(
        _ from: Slots, _ start: Int, _ middle: Int, _ end: Int, _ to: Slots, _ pairs: Slots
    ) throws(Stop) {
        try charge(end - start)
        var (left, right) = (start, middle)
        var place = start
        while left < middle && right < end {
            if try order(from[left], from[right], pairs) <= 0 {
                to[place] = from[left]
                left &+= 1
            } else {
                to[place] = from[right]
                right &+= 1
            }
            place &+= 1
        }
        to.advanced(by: place).copy(from.advanced(by: left), middle - left)
        place += middle - left
        to.advanced(by: place).copy(from.advanced(by: right), end - right)
    }
}
