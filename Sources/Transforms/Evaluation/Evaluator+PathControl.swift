// Calls, folds and selections of outputs as paths.
//
// Safety: the state is the runner's own; pointers into values go with their counts.

extension Evaluator {
    func callPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        try enter()
        defer { leave() }
        if node.operation == .closureCall {
            let closure = self.frame(frame, up: node.rawB)[node.rawA]
            return try eachPath(
                closure.closureNode, Slots(address: closure.payload), value, emit)
        }
        let callee = try makeFrame(node, frame, value)
        defer { popFrame(callee, node.rawC) }
        return try eachPath(node.a, callee, value, emit)
    }

    /// Operations that pass on some of a filter's outputs, with their paths.
    func selectPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit) throws(Stop)
        -> Flow
    {
        switch node.operation {
        case .first:
            var isDone = false
            let flow = try eachPath(node.a, frame, value) { (part) throws(Stop) in
                isDone = try emit(part) != .stop
                return .stop
            }
            return isDone ? .more : flow
        case .limit: return try eachLimit(node, frame, value, asPaths: true, emit)
        case .skip: return try eachSkip(node, frame, value, asPaths: true, emit)
        case .last: return try lastPath(node, frame, value, emit)
        case .recurse: return try recursePath(node.a, frame, value, emit)
        case .until: return try untilPath(node, frame, value, emit)
        case .reduce: return try reducePath(node, frame, value, emit)
        default: return try foreachPath(node, frame, value, emit)
        }
    }

    /// A value with the path that leads to it; both owned.
    private struct Place {
        var value: Value
        var path: PathState
    }

    /// The current path with an owned value.
    private func place(_ value: Value) -> Place {
        let path = unsafe state.pointee.path
        _ = retain(path.keys)
        return Place(value: value, path: path)
    }

    private func drop(_ place: Place) { releaseBoth(place.value, place.path.keys) }

    /// Emits a place's value along its path; the place stays owned by the caller.
    private func emit(_ place: Place, _ emit: Emit) throws(Stop) -> Flow {
        try withPath(held(place)) { () throws(Stop) in try emit(retain(place.value)) }
    }

    /// A place's path with keys that are owned.
    private func held(_ place: Place) -> PathState {
        _ = retain(place.path.keys)
        return place.path
    }

    private func lastPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        var last: Place?
        _ = try eachPath(node.a, frame, value) { (part) throws(Stop) in
            if let last { drop(last) }
            last = place(part)
            return .more
        }
        guard let last else { return .more }
        defer { drop(last) }
        return try self.emit(last, emit)
    }

    private func recursePath(_ filter: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try enter()
        defer { leave() }
        if try emit(retain(value)) == .stop { return .stop }
        return try eachPath(filter, frame, value) { (part) throws(Stop) in
            defer { release(part) }
            return try recursePath(filter, frame, part, emit)
        }
    }

    private func untilPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        var current = place(retain(value))
        defer { drop(current) }
        while true {
            try charge(1)
            let condition = try one(node.a, frame, current.value)
            release(condition)
            if condition.isTrue { return try self.emit(current, emit) }
            let before = current
            defer { drop(before) }
            current = Place(value: .null, path: PathState(keys: .null))
            _ = try withPath(held(before)) {
                () throws(Stop) in
                try eachPath(node.b, frame, before.value) { (part) throws(Stop) in
                    current = place(part)
                    return .stop
                }
            }
        }
    }

    private func reducePath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try eachPath(node.b, frame, value) { (initial) throws(Stop) in
            var accumulator = place(initial)
            defer { drop(accumulator) }
            _ = try eachFoldItem(node, frame, value) { () throws(Stop) in
                let before = accumulator
                defer { drop(before) }
                accumulator = Place(
                    value: .null, path: PathState(keys: .null, value: .absent, isBroken: true))
                return try withPath(held(before)) {
                    () throws(Stop) in
                    try eachPath(node.c, frame, before.value) { (after) throws(Stop) in
                        drop(accumulator)
                        accumulator = place(after)
                        return .more
                    }
                }
            }
            return try self.emit(accumulator, emit)
        }
    }

    private func foreachPath(_ node: NodeRef, _ frame: Slots, _ value: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try eachPath(node.b, frame, value) { (initial) throws(Stop) in
            var current = place(initial)
            defer { drop(current) }
            return try eachFoldItem(node, frame, value) { () throws(Stop) in
                let before = current
                defer { drop(before) }
                current = Place(
                    value: .null, path: PathState(keys: .null, value: .absent, isBroken: true))
                return try withPath(held(before)) {
                    () throws(Stop) in
                    try eachPath(node.c, frame, before.value) { (after) throws(Stop) in
                        drop(current)
                        current = place(retain(after))
                        if node.rawD == 0 { return try emit(after) }
                        defer { release(after) }
                        return try eachPath(node.d, frame, after, emit)
                    }
                }
            }
        }
    }
}
