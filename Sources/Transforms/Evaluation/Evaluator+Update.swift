// `|=`, `=`, `+=`, `//=`, `del`. Where the places that a path filter leads to are disjoint (see
// `Compiler.isDirect`), the value is walked once and rebuilt, in place where nobody else holds it;
// otherwise the paths are listed and set one after another, as jq does.

/// Turns an owned part of a value into what stands in its place, owned; `absent` deletes it.
typealias PartChange = (Value) throws(Stop) -> Value

extension Evaluator {
    /// The updated value; the input is owned.
    @inline(never) func update(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        switch node.operation {
        case .modify:
            if node.b.hasOne {
                return try change(node, frame, input) { (part) throws(Stop) in
                    try take(node.b, frame, part)
                }
            }
            return try change(node, frame, input) { (part) throws(Stop) in
                defer { release(part) }
                return try firstOutput(node.b, frame, part)
            }
        case .delete: return try delete(node, frame, input)
        default:
            let rhs = try one(node.b, frame, input)
            if rhs.isAbsent {
                release(input)
                return .absent
            }
            return try update(node, frame, input, with: rhs)
        }
    }

    /// The updated value for one output of the right-hand side; both are owned.
    func update(_ node: NodeRef, _ frame: Slots, _ input: Value, with rhs: Value) throws(Stop)
        -> Value
    {
        defer { release(rhs) }
        switch node.operation {
        case .assign:
            return try change(node, frame, input) { (part) throws(Stop) in
                release(part)
                return retain(rhs)
            }
        case .updateAlternative:
            return try change(node, frame, input) { (part) throws(Stop) in
                if part.isTrue { return part }
                release(part)
                return retain(rhs)
            }
        default:
            let operation = Operation(rawValue: UInt8(truncatingIfNeeded: node.aux)) ?? .add
            return try change(node, frame, input) { (part) throws(Stop) in
                try arithmetic(operation, part, retain(rhs), node)
            }
        }
    }

    private func change(_ node: NodeRef, _ frame: Slots, _ input: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        if node.rawE != 0 {
            let result = try direct(node.a, frame, input, change)
            return result.isAbsent ? .null : result
        }
        return try changeListed(node.a, frame, input, change)
    }

    /// Sets each path in turn; those whose change yields nothing are deleted at the end.
    private func changeListed(_ path: NodeRef, _ frame: Slots, _ input: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        var result = retain(input)
        var deleted = Value(.array, payload: 16)
        defer {
            release(input)
            release(deleted)
        }
        _ = try eachPathOf(path, frame, input) { (keys) throws(Stop) in
            defer { release(keys) }
            try charge(1 + keys.count)
            let part = try getPath(result, keys)
            let changed = try change(part)
            if changed.isAbsent {
                try heap.push(&deleted, retain(keys))
            } else {
                let before = result
                result = .null
                result = try setPath(before, keys, changed)
            }
            return .more
        }
        return deleted.count == 0 ? result : try deletePaths(result, deleted)
    }

    private func delete(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if node.rawE != 0 {
            let result = try direct(node.a, frame, input) { (part) throws(Stop) in
                release(part)
                return .absent
            }
            return result.isAbsent ? .null : result
        }
        var paths = try heap.makeArray(capacity: 4)
        _ = try eachPathOf(node.a, frame, input) { (keys) throws(Stop) in
            try heap.push(&paths, keys)
            return .more
        }
        defer { release(paths) }
        return try deletePaths(input, paths)
    }

    // MARK: One walk

    /// Changes the parts that a direct path filter leads to. The value is owned.
    private func direct(_ path: NodeRef, _ frame: Slots, _ value: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        switch path.operation {
        case .identity: return try change(value)
        case .empty: return value
        case .field:
            let name = path.value
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                try changePart(target, name, path, change)
            }
        case .index:
            let index = try one(path.b, frame, value)
            defer { release(index) }
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                try changePart(target, index, path, change)
            }
        case .slice:
            let from = try one(path.c, frame, value)
            let upto = try one(path.d, frame, value)
            defer { releaseBoth(from, upto) }
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                try changeSlice(target, from, upto, path, change)
            }
        case .iterate:
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                if !target.isContainer {
                    defer { release(target) }
                    throw raise(.cannotIterate, target, at: path)
                }
                return try changeElements(target, change)
            }
        case .pipe:
            if path.a.operation == .recurseDefault {
                return try changeLeaves(value, 0) { (leaf) throws(Stop) in
                    try direct(path.b, frame, leaf, change)
                }
            }
            return try direct(path.a, frame, value) { (part) throws(Stop) in
                try direct(path.b, frame, part, change)
            }
        case .select, .native:
            // Both pass their input on or yield nothing.
            let passed = try one(path, frame, value)
            release(passed)
            return passed.isPresent ? try change(value) : value
        case .conditional:
            let condition = try one(path.a, frame, value)
            release(condition)
            return try direct(condition.isTrue ? path.b : path.c, frame, value, change)
        case .getpath:
            let keys = try one(path.a, frame, value)
            defer { release(keys) }
            if !keys.isArray { throw raise("Path must be specified as an array", at: path) }
            return try changeAlong(value, keys, 0, path, change)
        default: return try directAttempt(path, frame, value, change)
        }
    }

    /// `t?`: where the path leads nowhere, the value stays.
    private func directAttempt(
        _ path: NodeRef, _ frame: Slots, _ value: Value, _ change: PartChange
    )
        throws(Stop) -> Value
    {
        var isBeyond = false
        let before = retain(value)
        do throws(Stop) {
            let after = try direct(path.a, frame, value) { (part) throws(Stop) in
                do throws(Stop) { return try change(part) } catch {
                    isBeyond = true
                    throw error
                }
            }
            release(before)
            return after
        } catch {
            if isBeyond || error != .raised { throw error }
            release(takeError())
            return before
        }
    }

    private func changeAlong(
        _ value: Value, _ keys: Value, _ i: Int, _ node: NodeRef, _ change: PartChange
    ) throws(Stop) -> Value {
        if i == keys.count { return try change(value) }
        if i > JSONWriter.depthMax { throw raise("Path too deep", at: node) }
        return try changePart(value, keys.slots[i], node) { (part) throws(Stop) in
            try changeAlong(part, keys, i + 1, node, change)
        }
    }

    /// Changes `target[key]`; the target is owned, the key borrowed.
    func changePart(_ target: Value, _ key: Value, _ node: NodeRef?, _ change: PartChange)
        throws(Stop) -> Value
    {
        switch (target.tag, key.tag) {
        case (.object, .string), (.null, .string):
            var object = target.isNull ? Value(.object, payload: 16) : target
            let place = try heap.find(object, key.bytes)
            if place < 0 {
                let made = try changed(.null, in: target, change)
                if made.isAbsent { return target }
                try heap.set(&object, retain(key), made)
                return object
            }
            try heap.makeUnique(&object)
            let slots = object.slots
            let part = slots[2 * place + 1]
            slots[2 * place + 1] = .null
            let changed = try changed(part, in: object, change)
            if changed.isAbsent {
                try heap.removeMember(&object, at: place)
            } else {
                slots[2 * place + 1] = changed
            }
            return object
        case (.array, .integer), (.array, .double), (.array, .literal), (.null, .integer),
            (.null, .double), (.null, .literal):
            return try changeElement(target, key, node, change)
        case (.array, .object), (.null, .object), (.string, .object):
            let (from, upto) = try bounds(key)
            return try changeSlice(target, from, upto, node, change)
        case (.array, .array):
            release(target)
            throw raise("Cannot update field at array index of array", at: node)
        default:
            defer { release(target) }
            throw raise(.cannotIndex, target, key, at: node)
        }
    }

    private func changeElement(
        _ target: Value, _ key: Value, _ node: NodeRef?, _ change: PartChange
    )
        throws(Stop) -> Value
    {
        var array = target.isNull ? Value(.array, payload: 16) : target
        let index = heap.double(key).rounded(.down)
        if index.isNaN {
            let changed = try change(.null)
            if changed.isAbsent { return target }
            releaseBoth(target, changed)
            throw raise("Cannot set array element at NaN index", at: node)
        }
        let place = index < 0 ? index + Double(array.count) : index
        if place < 0 {
            let changed = try change(.null)
            if changed.isAbsent { return target }
            release(changed)
            release(target)
            throw raise("Out of bounds negative array index", at: node)
        }
        if place > 536_870_911 {
            release(target)
            throw raise("Array index too large", at: node)
        }
        let i = Int(place)
        if i >= array.count {
            let made = try changed(.null, in: target, change)
            if made.isAbsent { return target }
            try heap.reserve(&array, i + 1 - array.count)
            while array.count < i {
                try charge(1)
                try heap.push(&array, .null)
            }
            try heap.push(&array, made)
            return array
        }
        try heap.makeUniqueArray(&array)
        let slots = array.slots
        let part = slots[i]
        slots[i] = .null
        let changed = try changed(part, in: array, change)
        if changed.isAbsent { return try deleteElements(array, i, i + 1) }
        slots[i] = changed
        return array
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

    func changeSlice(
        _ target: Value, _ from: Value, _ upto: Value, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        if target.isString {
            release(target)
            throw raise("Cannot update string slices", at: node)
        }
        let (start, end) =
            target.isArray && Evaluator.areBounds(from, upto)
            ? range(from, upto, target.count) : (0, 0)
        if 2 * (end - start) > target.count && heap.isSole(target) {
            return try changeMost(target, start, end, node, change)
        }
        let part: Value
        do throws(Stop) { part = try slice(retain(target), from, upto, node) } catch {
            release(target)
            throw error
        }
        let changed = try changed(part, in: target, change)
        if changed.isAbsent {
            return target.isNull ? target : try deleteElements(target, start, end)
        }
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
    /// memory, so that its change may be in place, and what is around it steps aside.
    private func changeMost(
        _ target: Value, _ start: Int, _ end: Int, _ node: NodeRef?, _ change: PartChange
    ) throws(Stop) -> Value {
        let before = try heap.subarray(target, 0, start)
        let behind = try heap.subarray(target, end, target.count)
        let part = try heap.slice(target, start, end)
        var changed: Value
        do throws(Stop) { changed = try change(part) } catch {
            releaseBoth(before, behind)
            throw error
        }
        if changed.isAbsent { changed = Value(.array, payload: 16) }
        if !changed.isArray {
            release(changed)
            releaseBoth(before, behind)
            throw raise("A slice of an array can only be assigned another array", at: node)
        }
        try heap.append(&changed, contentsOf: behind)
        try heap.prepend(&changed, before)
        release(behind)
        return changed
    }

    /// Removes the elements `from..<upto` of an owned array.
    func deleteElements(_ target: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        if from >= upto { return target }
        if from == 0 { return try heap.slice(target, upto, target.count) }
        if upto == target.count { return try heap.slice(target, 0, from) }
        var array = target
        try heap.replace(&array, from, upto, with: Value(.array, payload: 16))
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
        var place = step &- 1
        while place < end {
            try charge(1)
            let changed = try changedPart(at: place, of: container, change)
            if changed.isAbsent {
                return try dropElements(container, from: place / step, change)
            }
            slots[place] = changed
            place &+= step
        }
        return container
    }

    /// The change of the part at a slot, which then holds `null`.
    @inline(__always) private func changedPart(
        at place: Int, of container: Value, _ change: PartChange
    ) throws(Stop) -> Value {
        let part = container.slots[place]
        do throws(Stop) { return try change(part) } catch {
            container.slots[place] = .null
            release(container)
            throw error
        }
    }

    /// Goes on with the changes of a container where one part, the first of them, is to go.
    @inline(never) private func dropElements(
        _ container: Value, from first: Int, _ change: PartChange
    ) throws(Stop) -> Value {
        let slots = container.slots
        let step = container.isArray ? 1 : 2
        var kept = first
        for i in first..<container.count {
            let place = i &* step &+ step &- 1
            var changed = Value.absent
            if i > first {
                try charge(1)
                changed = try changedPart(at: place, of: container, change)
            }
            slots[place] = .null
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
    private func changeLeaves(_ value: Value, _ depth: Int, _ change: PartChange) throws(Stop)
        -> Value
    {
        if !value.isContainer { return try change(value) }
        if depth > JSONWriter.depthMax { throw heap.stop(.depth) }
        return try changeElements(value) { (part) throws(Stop) in
            try changeLeaves(part, depth + 1, change)
        }
    }
}
