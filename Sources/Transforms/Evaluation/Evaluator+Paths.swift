// Paths of filters that are run with `Tracked`: the state holds the keys that led to the current
// value. Each access pushes a key, runs what follows, and pops it again.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

extension Evaluator {
    /// Emits the paths (owned arrays) of a filter's outputs for a borrowed input.
    func eachPathOf(_ filter: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        let outer = unsafe state.pointee.path
        let root = PathState(keys: Value.emptyArray, value: input)
        return try withPath(root) { () throws(Stop) in
            try each(filter, frame, input, Tracked.self) { (value) throws(Stop) in
                defer { release(value) }
                let inner = unsafe state.pointee.path
                if inner.isOffPath { throw raise(.invalidPath, value, at: filter) }
                // The receiver of the path may itself be evaluated with paths.
                unsafe state.pointee.path = outer
                defer { unsafe state.pointee.path = inner }
                return try emit(retain(inner.keys))
            }
        }
    }

    /// `paths`
    func eachPath(toPartsOf input: Value, _ emit: Emit) throws(Stop) -> Flow {
        let outer = unsafe state.pointee.path
        let root = PathState(keys: Value.emptyArray, value: input)
        return try withPath(root) { () throws(Stop) in
            try eachPart(input, Tracked.self) { (part) throws(Stop) in
                release(part)
                let inner = unsafe state.pointee.path
                if inner.keys.count == 0 { return .more }
                if outer.keys.isAbsent { return try emit(retain(inner.keys)) }
                unsafe state.pointee.path = outer
                defer { unsafe state.pointee.path = inner }
                return try emit(retain(inner.keys))
            }
        }
    }

    /// Runs `body` with one more key, which is owned, and the value it leads to.
    @inline(__always) func withKey(
        _ key: Value, _ part: Value, _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
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

    /// Runs `body` with another path instead of the current one; its keys are owned.
    @inline(__always) func withPath(_ path: PathState, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    {
        let outer = unsafe state.pointee.path
        unsafe state.pointee.path = path
        defer {
            unsafe release(state.pointee.path.keys)
            unsafe state.pointee.path = outer
        }
        return try body()
    }

    // MARK: Values off the path

    /// Runs `body` for an output of a filter that is not an access. The output is off the path
    /// unless it is identical to the value there. A value that the filter creates never is, except
    /// null and booleans, each of which exists once.
    func withDerivedValue(_ output: Value, of filter: NodeRef, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    {
        let outer = unsafe state.pointee.path.isOffPath
        var isOffPath = unsafe !output.isIdentical(to: state.pointee.path.value)
        switch filter.operation {
        case .constant, .array, .object, .string:
            if !output.isNull && output.tag != .no && output.tag != .yes { isOffPath = true }
        default: break
        }
        unsafe state.pointee.path.isOffPath = isOffPath
        defer { unsafe state.pointee.path.isOffPath = outer }
        return try body()
    }

    /// Emits the outputs of a filter that is not an access.
    @inline(never) func eachDerived(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        try each(node, frame, input) { (output) throws(Stop) in
            try withDerivedValue(output, of: node) { () throws(Stop) in try emit(output) }
        }
    }

    /// Raises an error if no path leads to the value that a key is to be looked up in.
    @inline(__always) func requirePath(to target: Value, _ key: Value, _ node: NodeRef) throws(Stop)
    {
        if unsafe state.pointee.path.isOffPath { throw try raiseOffPath(target, key, node) }
    }

    @inline(never) private func raiseOffPath(_ target: Value, _ key: Value, _ node: NodeRef)
        throws(Stop) -> Stop
    {
        var text = try heap.string("Invalid path expression near attempt to access element ")
        try appendShown(&text, key, withKind: false)
        try append(&text, " of ")
        try appendShown(&text, target, withKind: false)
        return raise(text, at: node)
    }

    /// Raises an error if no path leads to the value whose parts are wanted.
    @inline(__always) func requirePath(toPartsOf target: Value, _ node: NodeRef) throws(Stop) {
        if unsafe state.pointee.path.isOffPath { throw try raiseOffPath(target, node) }
    }

    @inline(never) private func raiseOffPath(_ target: Value, _ node: NodeRef) throws(Stop) -> Stop
    {
        var text = try heap.string("Invalid path expression near attempt to iterate through ")
        try appendShown(&text, target, withKind: false)
        return raise(text, at: node)
    }

    // MARK: Accesses

    /// `getpath(keys)` extends the path by the keys, through null and missing parts too.
    @inline(never) func eachGetPath(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        let keys = try one(node.a, frame, input)
        defer { release(keys) }
        let part = try getPath(input, keys, node)
        if unsafe state.pointee.path.isOffPath {
            return try withDerivedValue(part, of: node) { () throws(Stop) in try emit(part) }
        }
        var path = unsafe retain(state.pointee.path.keys)
        try heap.append(&path, contentsOf: keys)
        return try withPath(PathState(keys: path, value: part)) { () throws(Stop) in
            try emit(part)
        }
    }

    @inline(never) func eachField<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try each(node.a, frame, input, tracking) { (target) throws(Stop) in
            let part: Value
            do throws(Stop) {
                if T.isOn { try requirePath(to: target, node.value, node) }
                part = try field(node, target)
            } catch {
                release(target)
                throw error
            }
            release(target)
            return try self.emit(part, by: node.value, tracking, emit)
        }
    }

    @inline(never) func eachIndex<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try each(node.b, frame, input) { (key) throws(Stop) in
            defer { release(key) }
            return try each(node.a, frame, input, tracking) { (target) throws(Stop) in
                let part: Value
                do throws(Stop) {
                    if T.isOn { try requirePath(to: target, key, node) }
                    part = try get(target, key, node)
                } catch {
                    release(target)
                    throw error
                }
                release(target)
                return try self.emit(part, by: key, tracking, emit)
            }
        }
    }

    @inline(never) func eachSlice<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try each(node.c, frame, input) { (from) throws(Stop) in
            defer { release(from) }
            return try each(node.d, frame, input) { (upto) throws(Stop) in
                defer { release(upto) }
                return try each(node.a, frame, input, tracking) { (target) throws(Stop) in
                    if !T.isOn { return try emit(try slice(target, from, upto, node)) }
                    let key = try sliceKey(from, upto)
                    defer { releaseBoth(target, key) }
                    try requirePath(to: target, key, node)
                    let part = try slice(retain(target), from, upto, node)
                    return try self.emit(part, by: key, tracking, emit)
                }
            }
        }
    }

    /// Emits an owned part, with the path extended by a borrowed key.
    @inline(__always) private func emit<T: Tracking>(
        _ part: Value, by key: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if !T.isOn { return try emit(part) }
        return try withKey(retain(key), part) { () throws(Stop) in try emit(part) }
    }

    @inline(never) func eachIterate<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if node.a.operation == .identity {
            return try eachElement(input, node, tracking, emit)
        }
        if !T.isOn && node.a.hasOne {
            let target = try one(node.a, frame, input)
            if target.isAbsent { return .more }
            defer { release(target) }
            return try eachElement(target, node, tracking, emit)
        }
        return try each(node.a, frame, input, tracking) { (target) throws(Stop) in
            defer { release(target) }
            return try eachElement(target, node, tracking, emit)
        }
    }

    /// The elements of a borrowed array, or the values of an object's members.
    @inline(__always) private func eachElement<T: Tracking>(
        _ target: Value, _ node: NodeRef, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if T.isOn { try requirePath(toPartsOf: target, node) }
        if !target.isContainer { throw raise(.cannotIterate, target, at: node) }
        let slots = target.slots
        let step = target.isArray ? 1 : 2
        var slot = step - 1
        for i in 0..<target.count {
            try heap.chargeElement(i)
            let part = slots[slot]
            let flow = try withPart(part, i, of: target, tracking) { () throws(Stop) in
                try emit(retain(part))
            }
            if flow == .stop { return .stop }
            slot += step
        }
        return .more
    }

    /// `..`: the value and all its parts, containers before what they hold.
    func eachPart<T: Tracking>(_ value: Value, _ tracking: T.Type, _ emit: Emit) throws(Stop)
        -> Flow
    {
        try enter()
        defer { leave() }
        if try emit(retain(value)) == .stop { return .stop }
        if !value.isContainer { return .more }
        let slots = value.slots
        let step = value.isArray ? 1 : 2
        var slot = step - 1
        for i in 0..<value.count {
            let part = slots[slot]
            let flow = try withPart(part, i, of: value, tracking) { () throws(Stop) in
                if part.isContainer { return try eachPart(part, tracking, emit) }
                try charge(1)
                return try emit(retain(part))
            }
            if flow == .stop { return .stop }
            slot += step
        }
        return .more
    }

    /// Runs `body` for a container's part, with its key appended to the path.
    @inline(__always) private func withPart<T: Tracking>(
        _ part: Value, _ i: Int, of container: Value, _ tracking: T.Type,
        _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        if !T.isOn { return try body() }
        let key = container.isArray ? Value(integer: i) : retain(container.slots[2 &* i])
        return try withKey(key, part, body)
    }

    /// `..` where no path leads to the value: its parts can't be reached.
    @inline(never) func eachPartOffPath(_ value: Value, _ node: NodeRef, _ emit: Emit)
        throws(Stop) -> Flow
    {
        if try emit(retain(value)) == .stop { return .stop }
        throw try raiseOffPath(value, node)
    }
}
