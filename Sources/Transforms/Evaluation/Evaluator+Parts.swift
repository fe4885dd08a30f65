// Changing the parts of an owned value, in place where nobody else holds it: `target[key]`, a
// slice, all elements. This is what an update, `setpath` and `delpaths` do at each step of a path.

extension Value {
    /// The result of a change if no path leads to its part, a null that is in no container yet:
    /// then none is created for it.
    static var untouched: Value { Value(word: 0, payload: 2) }
    var isUntouched: Bool { isAbsent && payload == Value.untouched.payload }
}

extension Evaluator {
    /// The result for an owned value that no path leads to.
    func unchanged(_ value: Value) -> Value { value.isNull ? .untouched : value }

    /// Changes `target[key]`; the target is owned, the key borrowed.
    func changePart(_ target: Value, _ key: Value, _ node: NodeRef?, _ change: PartChange)
        throws(Stop) -> Value
    {
        switch (target.tag, key.tag) {
        case (.object, .string), (.null, .string):
            var object = target.isNull ? Value.emptyObject : target
            let index = try heap.find(object, key.bytes)
            if index < 0 {
                let made = try changed(.null, in: target, change)
                if made.isAbsent { return unchanged(target) }
                try heap.set(&object, retain(key), made)
                return object
            }
            try heap.makeUnique(&object)
            let slots = object.slots
            let part = slots[2 * index + 1]
            slots[2 * index + 1] = .null
            let changed = try changed(part, in: object, change)
            if changed.isPresent {
                slots[2 * index + 1] = changed
            } else if !changed.isUntouched {
                try heap.removeMember(&object, at: index)
            }
            return object
        case (.array, .integer), (.array, .double), (.array, .literal), (.null, .integer),
            (.null, .double), (.null, .literal):
            return try changeElement(target, key, node, change)
        case (.array, .object), (.null, .object):
            let bounds: (from: Value, upto: Value)
            do throws(Stop) { bounds = try self.bounds(key) } catch {
                release(target)
                throw error
            }
            return try changeSlice(target, bounds.from, bounds.upto, node, change)
        default: return try changeFixed(target, key, node, change)
        }
    }

    /// Raises the error of changing `target[key]`, which can only be read; no error if no path
    /// leads further.
    private func changeFixed(
        _ target: Value, _ key: Value, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        let part: Value
        do throws(Stop) { part = try get(target, key, node) } catch {
            release(target)
            throw error
        }
        let changed = try changed(part, in: target, change)
        if changed.isUntouched { return target }
        defer { releaseBoth(target, changed) }
        if changed.isAbsent {
            throw raise(
                text: target.isArray
                    ? "Cannot delete \(key.kindName) element of array"
                    : "Cannot delete fields from \(target.kindName)", at: node)
        }
        throw raise(
            text: target.isString
                ? "Cannot update string slices"
                : "Cannot update field at \(key.kindName) index of \(target.kindName)", at: node)
    }

    /// The index in an array of `count` elements that a number means: rounded towards zero, and
    /// counted from the end where it is negative.
    @inline(__always) func elementIndex(_ key: Value, _ count: Int) -> Double {
        if key.tag == .integer {
            let index = Double(key.integer)
            return key.integer < 0 ? index + Double(count) : index
        }
        let index = heap.double(key).rounded(.towardZero)
        return index < 0 ? index + Double(count) : index
    }

    /// -0.5 means the first element, except in a deletion, where it counts from the end.
    func deletesNothing(_ key: Value) -> Bool {
        if key.tag == .integer { return false }
        let index = heap.double(key)
        return index < 0 && index > -1
    }

    private func changeElement(
        _ target: Value, _ key: Value, _ node: NodeRef?, _ change: PartChange
    )
        throws(Stop) -> Value
    {
        let index = elementIndex(key, target.isNull ? 0 : target.count)
        if target.isNull || !(index >= 0 && index < Double(target.count)) {
            return try makeElement(target, index, node, change)
        }
        let i = Int(index)
        var array = target
        try heap.makeUniqueArray(&array)
        let slots = array.slots
        let part = slots[i]
        let isKept = deletesNothing(key)
        slots[i] = isKept ? retain(part) : .null
        let changed = try changed(part, in: array, change)
        if changed.isPresent {
            release(slots[i])
            slots[i] = changed
        } else if !changed.isUntouched && !isKept {
            return try deleteElements(array, i, i + 1)
        }
        return array
    }

    /// Changes an element that does not exist yet.
    private func makeElement(
        _ target: Value, _ index: Double, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        let made = try changed(.null, in: target, change)
        if made.isAbsent { return unchanged(target) }
        do throws(Stop) { try check(index, node) } catch {
            releaseBoth(target, made)
            throw error
        }
        var array = target.isNull ? Value.emptyArray : target
        let i = Int(index)
        try heap.reserve(&array, i + 1 - array.count)
        while array.count < i {
            try charge(1)
            try heap.push(&array, .null)
        }
        try heap.push(&array, made)
        return array
    }

    /// Raises an error for an index that no array has.
    private func check(_ index: Double, _ node: NodeRef?) throws(Stop) {
        if index >= 0 && index <= 536_870_911 { return }
        throw raise(
            index.isNaN
                ? "Cannot set array element at NaN index"
                : index < 0 ? "Out of bounds negative array index" : "Array index too large",
            at: node)
    }

    /// Raises an error for a key under which nothing can be set in an array or in null.
    func checkKey(_ key: Value, of target: Value) throws(Stop) {
        if key.isNumber {
            try check(elementIndex(key, target.isNull ? 0 : target.count), nil)
        } else if target.isArray && key.isArray {
            throw raise("Cannot update field at array index of array")
        }
    }

    /// Runs the change of a part of `container`, which is released when the change fails.
    @inline(__always) private func changed(_ part: Value, in container: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        do throws(Stop) { return try change(part) } catch {
            release(container)
            throw error
        }
    }

    /// Changes `target[from:upto]` of an array or null.
    func changeSlice(
        _ target: Value, _ from: Value, _ upto: Value, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        if !target.isArray && !target.isNull {
            let key: Value
            do throws(Stop) { key = try sliceKey(from, upto) } catch {
                release(target)
                throw error
            }
            defer { release(key) }
            return try changeFixed(target, key, node, change)
        }
        if target.isArray, Evaluator.areBounds(from, upto), heap.isSole(target) {
            let (start, end) = range(from, upto, target.count)
            if 2 * (end - start) > target.count {
                return try changeMost(target, start, end, node, change)
            }
        }
        let part: Value
        do throws(Stop) { part = try slice(retain(target), from, upto, node) } catch {
            release(target)
            throw error
        }
        let changed = try changed(part, in: target, change)
        if changed.isAbsent && target.isNull { return .untouched }
        do throws(Stop) { try checkBounds(from, upto, node) } catch {
            releaseBoth(target, changed)
            throw error
        }
        let (start, end) = range(from, upto, target.isNull ? 0 : target.count)
        if changed.isAbsent { return try deleteElements(target, start, end) }
        if !changed.isArray {
            releaseBoth(target, changed)
            throw raise("A slice of an array can only be assigned another array", at: node)
        }
        if target.isNull { return changed }
        var array = target
        try heap.replace(&array, start, end, with: changed)
        return array
    }

    /// Changes the larger part of an array that nobody else holds: the part keeps the array's
    /// memory, so that its change may happen in place, and the elements around it are moved out
    /// meanwhile.
    private func changeMost(
        _ target: Value, _ start: Int, _ end: Int, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        let before = try heap.subarray(target, 0, start)
        let after = try heap.subarray(target, end, target.count)
        let part = try heap.slice(target, start, end)
        var changed: Value
        do throws(Stop) { changed = try change(part) } catch {
            releaseBoth(before, after)
            throw error
        }
        if changed.isAbsent { changed = Value.emptyArray }
        if !changed.isArray {
            release(changed)
            releaseBoth(before, after)
            throw raise("A slice of an array can only be assigned another array", at: node)
        }
        try heap.append(&changed, contentsOf: after)
        try heap.prepend(&changed, before)
        release(after)
        return changed
    }

    /// Removes the elements `from..<upto` of an owned array.
    func deleteElements(_ target: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        if from >= upto { return target }
        if from == 0 { return try heap.slice(target, upto, target.count) }
        if upto == target.count { return try heap.slice(target, 0, from) }
        var array = target
        try heap.replace(&array, from, upto, with: Value.emptyArray)
        return array
    }

    /// Changes all elements or members' values of an owned container.
    func changeElements(_ target: Value, _ change: PartChange) throws(Stop) -> Value {
        if target.count == 0 { return target }
        var container = target
        let step = target.isArray ? 1 : 2
        if target.isArray {
            try heap.makeUniqueArray(&container)
        } else {
            try heap.makeUnique(&container)
        }
        let slots = container.slots
        let end = target.count &* step
        var slot = step &- 1
        while slot < end {
            try charge(1)
            let changed = try changedPart(at: slot, of: container, change)
            if changed.isPresent {
                slots[slot] = changed
            } else if changed.isUntouched {
                slots[slot] = .null
            } else {
                return try dropElements(container, from: slot / step, change)
            }
            slot &+= step
        }
        return container
    }

    /// Changes the part at a slot; if the change fails, the slot holds `null`.
    @inline(__always) private func changedPart(
        at slot: Int, of container: Value, _ change: PartChange
    ) throws(Stop) -> Value {
        let part = container.slots[slot]
        do throws(Stop) { return try change(part) } catch {
            container.slots[slot] = .null
            release(container)
            throw error
        }
    }

    /// Continues changing a container, from the first part that is deleted.
    @inline(never) private func dropElements(
        _ container: Value, from first: Int, _ change: PartChange
    ) throws(Stop) -> Value {
        let slots = container.slots
        let step = container.isArray ? 1 : 2
        var kept = first
        for i in first..<container.count {
            let slot = i &* step &+ step &- 1
            var changed = Value.absent
            if i > first {
                try charge(1)
                changed = try changedPart(at: slot, of: container, change)
            }
            if changed.isUntouched { changed = .null }
            slots[slot] = .null
            let name = step == 2 ? slots[2 &* i] : .null
            if step == 2 { slots[2 &* i] = .null }
            if changed.isAbsent {
                release(name)
                continue
            }
            if step == 2 { slots[2 &* kept] = name }
            slots[kept &* step &+ step &- 1] = changed
            kept += 1
        }
        if step == 2 { heap.dropIndex(UInt(container.payload)) }
        Heap.setUsed(UInt(container.payload), kept * step)
        return container.with(count: kept)
    }

    /// Changes all scalars in an owned value.
    func changeLeaves(_ value: Value, _ depth: Int, _ change: PartChange) throws(Stop)
        -> Value
    {
        if !value.isContainer { return try change(value) }
        if depth > JSONWriter.depthMax { throw heap.stop(.depth) }
        return try changeElements(value) { (part) throws(Stop) in
            try changeLeaves(part, depth + 1, change)
        }
    }
}
