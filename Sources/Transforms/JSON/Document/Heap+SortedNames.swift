// An object -> the places of its members in the order of their names: entries of a place and the
// first 8 bytes of its name are merged; the rest of names is looked at where those are the same.

/// The places of an object's members, in memory of the heap that whoever asked for them releases.
struct SortedPlaces {
    /// An array that holds no values, but (place, first bytes) for each member.
    fileprivate(set) var entries: Value

    @inline(__always) subscript(index: Int) -> Int {
        Int(truncatingIfNeeded: entries.slots[index].word)
    }
}

extension Heap {
    /// Entries that are sorted by insertion.
    private static let sortedRunCount = 8

    func sortedPlaces(_ object: Value) throws(Stop) -> SortedPlaces {
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
        if isSorted { return SortedPlaces(entries: entries) }
        for start in stride(from: 0, to: count, by: Heap.sortedRunCount) {
            try sortRun(entries.slots, start, min(start + Heap.sortedRunCount, count), slots)
        }
        if count <= Heap.sortedRunCount { return SortedPlaces(entries: entries) }
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
        return SortedPlaces(entries: from)
    }

    func release(_ places: SortedPlaces) { release(places.entries) }

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
        for place in start..<end {
            try charge(1)
            var takesRight = left == middle
            if !takesRight && right < end {
                takesRight = try orderOfNames(from[left], from[right], members) > 0
            }
            to[place] = takesRight ? from[right] : from[left]
            if takesRight { right += 1 } else { left += 1 }
        }
    }
}
