// `as`, `reduce`, `foreach`. A binder saves its slot, sets it for each output of its source, and
// restores it. Everything that runs in between is nested in it, so a frame needs one slot per name.

extension Evaluator {
    @inline(never) func eachBind<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let slot = node.boundSlot
        let outer = frame[slot]
        frame[slot] = .absent
        defer {
            release(frame[slot])
            frame[slot] = outer
        }
        if node.a.hasOne {
            let value = try one(node.a, frame, input)
            if value.isAbsent { return .more }
            frame[slot] = value
            return try each(node.b, frame, input, tracking, emit)
        }
        return try each(node.a, frame, input) { (value) throws(Stop) in
            try charge(1)
            release(frame[slot])
            frame[slot] = value
            return try each(node.b, frame, input, tracking, emit)
        }
    }

    // MARK: Patterns

    @inline(never) func eachDestructure<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let patterns = node.patterns
        return try each(node.a, frame, input) { (value) throws(Stop) in
            defer { release(value) }
            return try withPatterns(patterns, node.patternCount, frame, value) { () throws(Stop) in
                try each(node.b, frame, input, tracking, emit)
            }
        }
    }

    /// Runs `body` with the variables of the patterns bound to parts of a borrowed value. Several
    /// patterns (`?//`) are tried in order: after an error, even one of the body, the next is
    /// tried.
    func withPatterns(
        _ patterns: NodeRef, _ count: Int, _ frame: Slots, _ value: Value,
        _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        var saved: [(slot: Int, value: Value)] = []
        for i in 0..<count { saveSlots(patterns.link(i), frame, &saved) }
        defer {
            for (slot, value) in saved.reversed() {
                release(frame[slot])
                frame[slot] = value
            }
        }
        for i in 0..<count {
            for (slot, _) in saved {
                release(frame[slot])
                frame[slot] = .null
            }
            do throws(Stop) {
                return try bind(patterns.link(i), frame, value, body)
            } catch {
                if error != .raised || i == count - 1 { throw error }
                release(takeError())
            }
        }
        return .more
    }

    /// Saves what the slots of a pattern's variables hold, and unsets them.
    private func saveSlots(
        _ pattern: NodeRef, _ frame: Slots, _ saved: inout [(slot: Int, value: Value)]
    ) {
        func save(_ slot: Int) {
            if saved.contains(where: { $0.slot == slot }) { return }
            saved.append((slot, frame[slot]))
            frame[slot] = .null
        }
        switch pattern.kind {
        case Link.variable: save(pattern.slot)
        case Link.arrayPattern:
            for i in 0..<pattern.partCount { saveSlots(pattern.part(i), frame, &saved) }
        default:
            for i in 0..<pattern.partCount {
                let member = pattern.part(i)
                if member.memberSlot != 0 { save(member.memberSlot) }
                if member.hasValue { saveSlots(member.b, frame, &saved) }
            }
        }
    }

    /// Binds the variables of one pattern, for each combination of the computed names in it. An
    /// array's last element is bound first.
    private func bind(
        _ pattern: NodeRef, _ frame: Slots, _ value: Value, _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        switch pattern.kind {
        case Link.variable:
            set(frame, pattern.slot, retain(value))
            return try body()
        case Link.arrayPattern:
            return try bindElement(pattern, pattern.partCount - 1, frame, value, body)
        default: return try bindMember(pattern, 0, frame, value, body)
        }
    }

    private func set(_ frame: Slots, _ slot: Int, _ value: Value) {
        release(frame[slot])
        frame[slot] = value
    }

    private func bindElement(
        _ pattern: NodeRef, _ i: Int, _ frame: Slots, _ value: Value,
        _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        if i < 0 { return try body() }
        let element = try get(value, Value(integer: i), pattern)
        defer { release(element) }
        return try bind(pattern.part(i), frame, element) { () throws(Stop) in
            try bindElement(pattern, i - 1, frame, value, body)
        }
    }

    private func bindMember(
        _ pattern: NodeRef, _ i: Int, _ frame: Slots, _ value: Value,
        _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        if i == pattern.partCount { return try body() }
        let member = pattern.part(i)
        return try each(member.a, frame, value) { (name) throws(Stop) in
            defer { release(name) }
            let part = try get(value, name, member)
            defer { release(part) }
            if member.memberSlot != 0 { set(frame, member.memberSlot, retain(part)) }
            if !member.hasValue { return try bindMember(pattern, i + 1, frame, value, body) }
            return try bind(member.b, frame, part) { () throws(Stop) in
                try bindMember(pattern, i + 1, frame, value, body)
            }
        }
    }

    // MARK: Folds

    /// Runs `body` for each output of the fold's source, with its variables bound.
    @inline(__always) func eachFoldItem(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        let patterns = node.patterns
        if node.patternCount == 1 && patterns.kind == Link.variable {
            let slot = patterns.slot
            let outer = frame[slot]
            frame[slot] = .absent
            defer {
                release(frame[slot])
                frame[slot] = outer
            }
            return try each(node.a, frame, input) { (value) throws(Stop) in
                try charge(1)
                release(frame[slot])
                frame[slot] = value
                return try body()
            }
        }
        return try each(node.a, frame, input) { (value) throws(Stop) in
            try charge(1)
            defer { release(value) }
            return try withPatterns(patterns, node.patternCount, frame, value, body)
        }
    }

    /// `reduce` with one initial value; the input is owned. If the initial value is the input
    /// itself, only the accumulator holds it.
    @inline(never) func reduce(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        defer { release(input) }
        let initial = try one(node.b, frame, input)
        return initial.isAbsent
            ? .absent : try reduce(node, frame, input, from: initial, Untracked.self)
    }

    @inline(never) func eachReduce<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try each(node.b, frame, input, tracking) { (initial) throws(Stop) in
            let initial = T.save(initial, self)
            return try T.emit(
                try reduce(node, frame, input, from: initial, tracking), self, emit)
        }
    }

    /// The accumulator after the last item, owned; the input is borrowed, the initial value owned.
    private func reduce<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, from initial: T.Saved,
        _ tracking: T.Type
    ) throws(Stop) -> T.Saved {
        var accumulator = initial
        let update = node.c
        do throws(Stop) {
            _ = try eachFoldItem(node, frame, input) { () throws(Stop) in
                let before = accumulator
                accumulator = T.offPath(.null)
                if !T.isOn && update.hasOne {
                    let after = try take(update, frame, T.value(before))
                    accumulator = T.offPath(after.isAbsent ? .null : after)
                    return .more
                }
                defer { T.drop(before, self) }
                // The last output of an update is the new state.
                return try T.at(before, self) { () throws(Stop) in
                    try each(update, frame, T.value(before), tracking) { (after) throws(Stop) in
                        T.drop(accumulator, self)
                        accumulator = T.save(after, self)
                        return .more
                    }
                }
            }
        } catch {
            T.drop(accumulator, self)
            throw error
        }
        return accumulator
    }

    @inline(never) func eachForeach<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let hasExtract = node.hasExtract
        return try each(node.b, frame, input, tracking) { (initial) throws(Stop) in
            var current = T.save(initial, self)
            defer { T.drop(current, self) }
            return try eachFoldItem(node, frame, input) { () throws(Stop) in
                let before = current
                current = T.offPath(.null)
                func output(_ after: Value) throws(Stop) -> Flow {
                    T.drop(current, self)
                    current = T.save(after, self)
                    if !hasExtract { return try emit(retain(after)) }
                    let held = retain(after)
                    defer { release(held) }
                    return try each(node.d, frame, held, tracking, emit)
                }
                if !T.isOn && node.c.hasOne {
                    let after = try take(node.c, frame, T.value(before))
                    return after.isAbsent ? .more : try output(after)
                }
                defer { T.drop(before, self) }
                return try T.at(before, self) { () throws(Stop) in
                    try each(node.c, frame, T.value(before), tracking, output)
                }
            }
        }
    }
}
