// Paths as values: arrays of keys. Following, setting and deleting them.

extension Evaluator {
    static let pathCountMax = 10_000

    func checkPath(_ keys: Value, _ node: NodeRef?) throws(Stop) {
        if !keys.isArray { throw raise("Path must be specified as an array", at: node) }
        if keys.count > Evaluator.pathCountMax { throw raise("Path too deep", at: node) }
    }

    /// The part of a borrowed value that borrowed keys lead to, owned; null where there is none.
    func getPath(_ value: Value, _ keys: Value, _ node: NodeRef? = nil) throws(Stop) -> Value {
        try checkPath(keys, node)
        var part = retain(value)
        for i in 0..<keys.count {
            try charge(1)
            let current = part
            defer { release(current) }
            part = try get(part, keys.slots[i], node)
        }
        return part
    }

    /// The owned value with `part` (owned) at the path.
    func setPath(_ value: Value, _ keys: Value, _ part: Value) throws(Stop) -> Value {
        var isSet = false
        do throws(Stop) { return try setPath(value, keys, 0, part, &isSet) } catch {
            if !isSet { release(part) }
            throw error
        }
    }

    private func setPath(
        _ value: Value, _ keys: Value, _ i: Int, _ part: Value, _ isSet: inout Bool
    ) throws(Stop) -> Value {
        if i == keys.count {
            release(value)
            isSet = true
            return part
        }
        try charge(2)
        if i + 1 < keys.count, value.isArray || value.isNull {
            // As in jq a missing element is created before the rest of the path is looked at.
            do throws(Stop) { try checkKey(keys.slots[i], of: value) } catch {
                release(value)
                throw error
            }
        }
        return try changePart(value, keys.slots[i], nil) { (inner) throws(Stop) in
            try setPath(inner, keys, i + 1, part, &isSet)
        }
    }

    /// The owned value without the parts that a borrowed array of paths leads to. The last is
    /// deleted first, so that no deletion moves the target of another one.
    func deletePaths(_ value: Value, _ paths: Value) throws(Stop) -> Value {
        if !paths.isArray {
            release(value)
            throw raise("Paths must be specified as an array")
        }
        let sorted = try sortedElements(paths)
        defer { release(sorted) }
        for i in 0..<sorted.count {
            try heap.chargeElement(i)
            let keys = sorted.slots[i]
            if keys.isArray && keys.count <= Evaluator.pathCountMax { continue }
            defer { release(value) }
            throw raise(
                text: keys.isArray
                    ? "Path too deep"
                    : "Path must be specified as array, not \(keys.kindName)")
        }
        if sorted.count > 0 && sorted.slots[0].count == 0 {
            release(value)
            return .null
        }
        return try deleteSorted(value, sorted.slots, sorted.count, 0)
    }

    /// Deletes the targets of sorted paths that agree in their first `depth` keys; the value is
    /// owned.
    private func deleteSorted(_ value: Value, _ paths: Slots, _ count: Int, _ depth: Int)
        throws(Stop) -> Value
    {
        var result = value
        var last = try heap.makeArray(capacity: 4)
        defer { release(last) }
        var i = 0
        while i < count {
            try charge(1)
            let key = paths[i].slots[depth]
            var end = i + 1
            let isLast = paths[i].count == depth + 1
            while end < count, try heap.isEqual(paths[end].slots[depth], key) {
                try charge(1)
                end += 1
            }
            if isLast {
                try heap.push(&last, retain(key))
            } else {
                let part: Value
                do throws(Stop) { part = try get(result, key) } catch {
                    release(result)
                    throw error
                }
                let isNothing = part.isNull
                release(part)
                if !isNothing {
                    let before = result
                    result = .null
                    result = try changePart(before, key, nil) { (inner) throws(Stop) in
                        try deleteSorted(inner, paths.advanced(by: i), end - i, depth + 1)
                    }
                }
            }
            i = end
        }
        return last.count == 0 ? result : try deleteKeys(result, last)
    }

    /// Deletes several keys of one value at once: all of them refer to the value as it is now.
    private func deleteKeys(_ value: Value, _ keys: Value) throws(Stop) -> Value {
        if value.isNull { return value }
        if value.isArray { return try deleteIndices(value, keys) }
        var result = value
        for i in 0..<keys.count {
            let key = keys.slots[i]
            if !value.isObject || !key.isString {
                defer { release(result) }
                throw raise(
                    text: value.isObject
                        ? "Cannot delete \(key.kindName) field of object"
                        : "Cannot delete fields from \(value.kindName)")
            }
            try charge(1)
            let index = try heap.find(result, key.bytes)
            if index >= 0 { try heap.removeMember(&result, at: index) }
        }
        return result
    }

    /// Deletes elements and slices of an owned array.
    private func deleteIndices(_ value: Value, _ keys: Value) throws(Stop) -> Value {
        let count = value.count
        let marks = try heap.makeString(count)
        defer { release(marks) }
        let isDeleted = marks.bytes
        for i in 0..<count {
            isDeleted[i] = 0
            try heap.chargeElement(i)
        }
        for i in 0..<keys.count {
            try charge(1)
            let key = keys.slots[i]
            if key.isNumber {
                if deletesNothing(key) { continue }
                let index = elementIndex(key, count)
                if index >= 0 && index < Double(count) { isDeleted[Int(index)] = 1 }
            } else if key.isObject {
                let (from, upto) = try bounds(key)
                do throws(Stop) { try checkBounds(from, upto, nil) } catch {
                    release(value)
                    throw error
                }
                let (start, end) = range(from, upto, count)
                for index in start..<end {
                    isDeleted[index] = 1
                    try heap.chargeElement(index)
                }
            } else {
                defer { release(value) }
                throw raise(text: "Cannot delete \(key.kindName) element of array")
            }
        }
        var array = value
        try heap.reserve(&array, 0)
        let slots = array.slots
        var kept = 0
        // If a limit stops the moves half-way, nothing in the array is released twice.
        Heap.setUsed(UInt(array.payload), 0)
        for i in 0..<count {
            try heap.chargeElement(i)
            if isDeleted[i] != 0 {
                release(slots[i])
            } else {
                slots[kept] = slots[i]
                kept += 1
            }
        }
        Heap.setUsed(UInt(array.payload), kept)
        return array.with(count: kept)
    }
}
