// Filters as paths: what `path(f)` and updates evaluate. The keys that led to the current value
// stand in the state; each access pushes one, runs what follows, and takes it back. A filter that
// is no access breaks the path: what it yields can be tested, but not looked into.
//
// Safety: the state is the runner's own; pointers into values go with their counts.

extension Evaluator {
    /// `path(f)`
    func eachPathOutput(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        try eachPathOf(node.a, frame, input, emit)
    }

    /// Emits the paths (owned arrays) of a filter's outputs for a borrowed input.
    func eachPathOf(_ filter: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        let outer = unsafe state.pointee.path
        unsafe state.pointee.path = PathState(keys: Value(.array, payload: 16), value: input)
        defer {
            unsafe release(state.pointee.path.keys)
            unsafe state.pointee.path = outer
        }
        return try eachPath(filter, frame, input) { (value) throws(Stop) in
            defer { release(value) }
            let inner = unsafe state.pointee.path
            if inner.isBroken { throw raise(.invalidPath, value, at: filter) }
            // What receives the path may be in a path itself.
            unsafe state.pointee.path = outer
            defer { unsafe state.pointee.path = inner }
            return try emit(retain(inner.keys))
        }
    }

    /// Runs `body` with one more key, which is owned, and what it leads to.
    private func withKey(_ key: Value, _ part: Value, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    {
        try charge(1)
        unsafe try heap.push(&state.pointee.path.keys, key)
        let count = unsafe state.pointee.path.keys.count
        let outer = unsafe state.pointee.path.value
        unsafe state.pointee.path.value = part
        defer {
            let keys = unsafe state.pointee.path.keys
            if keys.count >= count { unsafe state.pointee.path.keys = keys.with(count: count - 1) }
            unsafe state.pointee.path.value = outer
        }
        return try body()
    }

    /// Runs `body` with another path in place of the current one; its keys are owned.
    func withPath(_ path: PathState, _ body: () throws(Stop) -> Flow) throws(Stop) -> Flow {
        let outer = unsafe state.pointee.path
        unsafe state.pointee.path = path
        defer {
            unsafe release(state.pointee.path.keys)
            unsafe state.pointee.path = outer
        }
        return try body()
    }

    /// Emits an owned output of a filter that is no access: the path leads to it where it is the
    /// very value that is there. What the filter makes itself never is, but for null and booleans,
    /// of which there is one each.
    private func emit(_ output: Value, of filter: NodeRef, _ emit: Emit) throws(Stop) -> Flow {
        let outer = unsafe state.pointee.path.isBroken
        var isBroken = unsafe !output.isIdentical(to: state.pointee.path.value)
        switch filter.operation {
        case .constant, .array, .object, .string:
            if !output.isNull && output.tag != .no && output.tag != .yes { isBroken = true }
        default: break
        }
        unsafe state.pointee.path.isBroken = isBroken
        defer { unsafe state.pointee.path.isBroken = outer }
        return try emit(output)
    }

    /// Emits the owned outputs of a filter with the state's path leading to each. The value is
    /// borrowed.
    func eachPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        try charge(1)
        switch node.operation {
        case .identity: return try emit(retain(value))
        case .empty: return .more
        case .field:
            return try eachPath(node.a, frame, value) { (target) throws(Stop) in
                defer { release(target) }
                return try access(target, node.value, node, emit)
            }
        case .index:
            return try each(node.b, frame, value) { (key) throws(Stop) in
                defer { release(key) }
                return try eachPath(node.a, frame, value) { (target) throws(Stop) in
                    defer { release(target) }
                    return try access(target, key, node, emit)
                }
            }
        case .slice:
            return try each(node.c, frame, value) { (from) throws(Stop) in
                defer { release(from) }
                return try each(node.d, frame, value) { (upto) throws(Stop) in
                    defer { release(upto) }
                    return try eachPath(node.a, frame, value) { (target) throws(Stop) in
                        let key = try sliceKey(from, upto)
                        defer { releaseBoth(target, key) }
                        return try access(target, key, node, emit)
                    }
                }
            }
        case .iterate:
            return try eachPath(node.a, frame, value) { (target) throws(Stop) in
                defer { release(target) }
                return try iteratePath(target, node, emit)
            }
        case .pipe:
            return try eachPath(node.a, frame, value) { (part) throws(Stop) in
                defer { release(part) }
                return try eachPath(node.b, frame, part, emit)
            }
        case .comma:
            for i in 0..<node.rawB
            where try eachPath(node.a.link(i).a, frame, value, emit) == .stop { return .stop }
            return .more
        case .recurseDefault: return try recursePath(value, emit)
        case .conditional:
            return try each(node.a, frame, value) { (condition) throws(Stop) in
                release(condition)
                return try eachPath(condition.isTrue ? node.b : node.c, frame, value, emit)
            }
        case .select:
            return try each(node.a, frame, value) { (condition) throws(Stop) in
                release(condition)
                return condition.isTrue ? try emit(retain(value)) : .more
            }
        default: return try eachPathOther(node, frame, value, emit)
        }
    }

    /// `target[key]` as a path; both are borrowed.
    private func access(_ target: Value, _ key: Value, _ node: NodeRef, _ emit: Emit)
        throws(Stop) -> Flow
    {
        if unsafe state.pointee.path.isBroken {
            var text = try heap.string("Invalid path expression near attempt to access element ")
            try appendShown(&text, key, withKind: false)
            try append(&text, " of ")
            try appendShown(&text, target, withKind: false)
            throw raise(text, at: node)
        }
        let part = try get(target, key, node)
        return try withKey(retain(key), part) { () throws(Stop) in try emit(part) }
    }

    private func iteratePath(_ target: Value, _ node: NodeRef, _ emit: Emit) throws(Stop) -> Flow {
        if unsafe state.pointee.path.isBroken {
            var text = try heap.string("Invalid path expression near attempt to iterate through ")
            try appendShown(&text, target, withKind: false)
            throw raise(text, at: node)
        }
        if !target.isContainer { throw raise(.cannotIterate, target, at: node) }
        let slots = target.slots
        for i in 0..<target.count {
            let key = target.isArray ? Value(integer: i) : retain(slots[2 * i])
            let part = retain(target.isArray ? slots[i] : slots[2 * i + 1])
            let flow = try withKey(key, part) { () throws(Stop) in try emit(part) }
            if flow == .stop { return .stop }
        }
        return .more
    }

    func recursePath(_ value: Value, _ emit: Emit) throws(Stop) -> Flow {
        try enter()
        defer { leave() }
        if try emit(retain(value)) == .stop { return .stop }
        if !value.isContainer { return .more }
        let slots = value.slots
        for i in 0..<value.count {
            let key = value.isArray ? Value(integer: i) : retain(slots[2 * i])
            let part = value.isArray ? slots[i] : slots[2 * i + 1]
            let flow = try withKey(key, part) { () throws(Stop) in try recursePath(part, emit) }
            if flow == .stop { return .stop }
        }
        return .more
    }

    // MARK: Control

    @inline(never) private func eachPathOther(
        _ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        switch node.operation {
        case .alternative: return try alternativePath(node, frame, value, emit)
        case .attempt: return try attemptPath(node, frame, value, emit)
        case .bind:
            let slot = node.rawC
            let outer = frame[slot]
            frame[slot] = .absent
            defer {
                release(frame[slot])
                frame[slot] = outer
            }
            return try each(node.a, frame, value) { (bound) throws(Stop) in
                release(frame[slot])
                frame[slot] = bound
                return try eachPath(node.b, frame, value, emit)
            }
        case .destructure:
            return try each(node.a, frame, value) { (bound) throws(Stop) in
                defer { release(bound) }
                let patterns = node.at(Int32(node.rawE))
                return try withPatterns(patterns, node.rawF, frame, bound) {
                    () throws(Stop) in
                    try eachPath(node.b, frame, value, emit)
                }
            }
        case .label:
            let (outer, serial) = bindLabel(node, frame)
            let path = unsafe state.pointee.path
            defer { frame[node.rawB] = outer }
            do throws(Stop) { return try eachPath(node.a, frame, value, emit) } catch {
                if error != .broke || (unsafe state.pointee.breakSerial) != serial { throw error }
                unsafe state.pointee.path.isBroken = path.isBroken
                return .more
            }
        case .call, .closureCall: return try callPath(node, frame, value, emit)
        case .first, .last, .limit, .skip, .recurse, .until, .reduce, .foreach:
            return try selectPath(node, frame, value, emit)
        case .getpath: return try getPathPath(node, frame, value, emit)
        case .error: throw raise(try one(node.a, frame, value), at: node)
        case .repeats:
            while true {
                try charge(1)
                if try eachPath(node.a, frame, value, emit) == .stop { return .stop }
            }
        default:
            return try each(node, frame, value) { (output) throws(Stop) in
                try self.emit(output, of: node, emit)
            }
        }
    }

    private func alternativePath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        var hasOutput = false
        let flow = try eachPath(node.a, frame, value) { (part) throws(Stop) in
            if !part.isTrue {
                release(part)
                return .more
            }
            hasOutput = true
            return try emit(part)
        }
        return hasOutput || flow == .stop ? flow : try eachPath(node.b, frame, value, emit)
    }

    /// Drops the keys behind the first `count`.
    private func cutPath(to count: Int) {
        let keys = unsafe state.pointee.path.keys
        if keys.count > count { unsafe state.pointee.path.keys = keys.with(count: count) }
    }

    private func attemptPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        // `.a?` silences the access, but not that there is no path to its value.
        if node.aux == 1, unsafe state.pointee.path.isBroken {
            return try eachPath(node.a, frame, value, emit)
        }
        var beyond = -1
        let count = unsafe state.pointee.path.keys.count
        do throws(Stop) {
            return try eachPath(node.a, frame, value) { (part) throws(Stop) in
                do throws(Stop) { return try emit(part) } catch {
                    beyond = unsafe state.pointee.takenCount
                    throw error
                }
            }
        } catch {
            if error != .raised { throw error }
            if unsafe beyond == state.pointee.takenCount { throw error }
            let message = takeError()
            defer { release(message) }
            cutPath(to: count)
            if node.rawB == 0 { return .more }
            return try each(node.b, frame, message) { (output) throws(Stop) in
                try self.emit(output, of: node.b, emit)
            }
        }
    }

    /// `getpath(keys)` leads on along the keys; through null and nothing too.
    private func getPathPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        let keys = try one(node.a, frame, value)
        defer { release(keys) }
        let part = try getPath(value, keys, node)
        if unsafe state.pointee.path.isBroken { return try self.emit(part, of: node, emit) }
        var path = unsafe retain(state.pointee.path.keys)
        try heap.append(&path, contentsOf: keys)
        return try withPath(PathState(keys: path, value: part)) { () throws(Stop) in
            try emit(part)
        }
    }
}
