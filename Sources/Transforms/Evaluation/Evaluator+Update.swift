// `|=`, `=`, `+=`, `//=`, `del`. If the parts that a path filter leads to are disjoint (see
// `Compiler.isDirect`), the value is walked once and rebuilt, in place where nobody else holds it;
// otherwise the paths are listed and set one after another, as in jq.

/// Turns an owned part of a value into the value that replaces it, owned; `absent` deletes the
/// part, and `untouched` means that no path led to it.
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

    /// The updated value for one output of the right-hand side; both operands are owned.
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
            let operation = node.arithmetic
            return try change(node, frame, input) { (part) throws(Stop) in
                try arithmetic(operation, part, retain(rhs), node)
            }
        }
    }

    private func change(_ node: NodeRef, _ frame: Slots, _ input: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        if node.isDirect {
            let result = try direct(node.a, frame, input, change)
            return result.isAbsent ? .null : result
        }
        return try changeListed(node.a, frame, input, change)
    }

    /// Sets each path in turn; paths whose change yields nothing are deleted at the end.
    private func changeListed(_ path: NodeRef, _ frame: Slots, _ input: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        var result = retain(input)
        var deleted = Value.emptyArray
        defer {
            release(input)
            release(deleted)
        }
        do throws(Stop) {
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
        } catch {
            release(result)
            throw error
        }
        return deleted.count == 0 ? result : try deletePaths(result, deleted)
    }

    private func delete(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if node.isDirect {
            let result = try direct(node.a, frame, input) { (part) throws(Stop) in
                release(part)
                return .absent
            }
            return result.isAbsent ? .null : result
        }
        var paths = try heap.makeArray(capacity: 4)
        defer { release(paths) }
        do throws(Stop) {
            _ = try eachPathOf(node.a, frame, input) { (keys) throws(Stop) in
                try heap.push(&paths, keys)
                return .more
            }
        } catch {
            release(input)
            throw error
        }
        return try deletePaths(input, paths)
    }

    // MARK: One walk

    /// Changes the parts that a direct path filter leads to. The value is owned.
    private func direct(_ path: NodeRef, _ frame: Slots, _ value: Value, _ change: PartChange)
        throws(Stop) -> Value
    {
        switch path.operation {
        case .identity: return try change(value)
        case .empty: return unchanged(value)
        case .field:
            let name = path.value
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                try changePart(target, name, path, change)
            }
        case .index:
            let index = try operand(path.b, frame, value)
            defer { release(index) }
            return try direct(path.a, frame, value) { (target) throws(Stop) in
                try changePart(target, index, path, change)
            }
        case .slice:
            let from = try operand(path.c, frame, value)
            let upto = try operand(path.d, frame, value)
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
            let passed = try operand(path, frame, value)
            release(passed)
            return passed.isPresent ? try change(value) : unchanged(value)
        case .conditional:
            let condition = try operand(path.a, frame, value)
            release(condition)
            return try direct(condition.isTrue ? path.b : path.c, frame, value, change)
        case .getpath:
            let keys = try operand(path.a, frame, value)
            defer { release(keys) }
            do throws(Stop) { try checkPath(keys, path) } catch {
                release(value)
                throw error
            }
            return try changeAlong(value, keys, 0, path, change)
        default:
            // `t?`: what can't be accessed stays unchanged.
            return try canAccess(path.a, frame, value)
                ? try direct(path.a, frame, value, change) : unchanged(value)
        }
    }

    /// The output of a filter in a path for the value that is being changed, which is released if
    /// the filter fails.
    private func operand(_ node: NodeRef, _ frame: Slots, _ value: Value) throws(Stop) -> Value {
        do throws(Stop) { return try one(node, frame, value) } catch {
            release(value)
            throw error
        }
    }

    /// Whether an access raises no error. The value is borrowed, but released when a limit is met.
    private func canAccess(_ access: NodeRef, _ frame: Slots, _ value: Value) throws(Stop) -> Bool {
        let iterates = access.operation == .iterate
        let part: Value
        do throws(Stop) {
            part = try one(iterates ? access.a : access, frame, value)
        } catch {
            if error != .raised {
                release(value)
                throw error
            }
            release(takeError())
            return false
        }
        defer { release(part) }
        return !iterates || part.isContainer
    }

    private func changeAlong(
        _ value: Value, _ keys: Value, _ i: Int, _ node: NodeRef, _ change: PartChange
    ) throws(Stop) -> Value {
        if i == keys.count { return try change(value) }
        return try changePart(value, keys.slots[i], node) { (part) throws(Stop) in
            try changeAlong(part, keys, i + 1, node, change)
        }
    }
}
