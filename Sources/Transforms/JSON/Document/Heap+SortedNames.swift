// An object -> the indices of its members in the order of their names. Entries of an index and the
// first 8 bytes of its name are merged; the rest of the names is compared where those are equal.

/// The indices of an object's members, in memory of the heap that the caller releases.
struct SortedIndices {
    /// An array of (index, first bytes) for each member, instead of values.
    fileprivate(set) var entries: Value

    @inline(__always) subscript(index: Int) -> Int {
        Int(truncatingIfNeeded: entries.slots[index].word)
    }
}

extension Heap {
    /// Entries that are sorted by insertion.
    private static let sortedRunCount = 8

    func sortedIndices(_ object: Value) throws(Stop) -> SortedIndices {
        let (count, slots) = (object.count, object.slots)
        let entries = try makeArray(capacity: count)
        var isSorted = true
        for i in 0..<count {
            try chargeElement(i)
            let entry = Value(word: UInt64(i), payload: slots[2 &* i].bytes.prefix)
            entries.slots[i] = entry
            if isSorted && i > 0 {
                isSorted = try orderOfNames(entries.slots[i &- 1], entry, slots) <= 0
            }
        }
        if isSorted { return SortedIndices(entries: entries) }
        for start in stride(from: 0, to: count, by: Heap.sortedRunCount) {
            try sortRun(entries.slots, start, min(start + Heap.sortedRunCount, count), slots)
        }
        if count <= Heap.sortedRunCount { return SortedIndices(entries: entries) }
        var (from, to) = (entries, try makeArray(capacity: count))
        var width = Heap.sortedRunCount
        while width < count {
            for start in stride(from: 0, to: count, by: 2 * width) {
                let middle = min(start + width, count)
                try mergeRuns(
                    from.slots, start, middle, min(middle + width, count), to.slots, slots)
            }
            swap(&from, &to)
            width *= 2
        }
        release(to)
        return SortedIndices(entries: from)
    }

    func release(_ indices: SortedIndices) { release(indices.entries) }

    @inline(__always) private func orderOfNames(_ lhs: Value, _ rhs: Value, _ members: Slots)
        throws(Stop) -> Int
    {
        if lhs.payload != rhs.payload { return lhs.payload < rhs.payload ? -1 : 1 }
        return try order(
            members[2 &* Int(truncatingIfNeeded: lhs.word)].bytes,
            members[2 &* Int(truncatingIfNeeded: rhs.word)].bytes)
    }

    private func sortRun(_ entries: Slots, _ start: Int, _ end: Int, _ members: Slots)
        throws(Stop)
    {
        try charge(end - start)
        var i = start + 1
        while i < end {
            let entry = entries[i]
            var j = i
            while j > start, try orderOfNames(entries[j &- 1], entry, members) > 0 {
                entries[j] = entries[j &- 1]
                j &-= 1
            }
            entries[j] = entry
            i += 1
        }
    }

    private func mergeRuns(
        _ from: Slots, _ start: Int, _ middle: Int, _ end: Int, _ to: Slots, _ members: Slots
    ) throws(Stop) {
        var (left, right) = (start, middle)
        for index in start..<end {
            try charge(1)
            var takesRight = left == middle
            if !takesRight && right < end {
                takesRight = try orderOfNames(from[left], from[right], members) > 0
            }
            to[index] = takesRight ? from[right] : from[left]
            if takesRight { right += 1 } else { left += 1 }
        }
    }
}
