// Generators that are written in Swift, and the operations that evaluate filters for them.

extension Evaluator {
    /// `range($from; $upto)`
    @inline(never) func eachRange(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        let from = try one(node.a, frame, input)
        let upto = try one(node.b, frame, input)
        if !from.isNumber || !upto.isNumber {
            releaseBoth(from, upto)
            throw raise("Range bounds must be numeric", at: node)
        }
        let (start, end) = (heap.double(from), heap.double(upto))
        releaseBoth(from, upto)
        if start == start.rounded(.down) && start.magnitude < 1e15 {
            var i = Int(start)
            // A count beyond 2^53 exhausts the budget long before its end. Nothing reaches nan.
            let last = end.isNaN ? Int(9e15) : Int(max(min(end.rounded(.up), 9e15), -9e15))
            while i < last {
                try charge(1)
                if try emit(Value(integer: i)) == .stop { return .stop }
                i &+= 1
            }
            return .more
        }
        var next = start
        while !(next >= end) {
            try charge(1)
            if try emit(Evaluator.number(next)) == .stop { return .stop }
            next += 1
        }
        return .more
    }

    /// `range($from; $upto; $by)`: adds and compares values of any kind.
    @inline(never) func eachRangeBy(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        let from = try one(node.a, frame, input)
        let upto = try one(node.b, frame, input)
        let by = try one(node.c, frame, input)
        defer {
            release(upto)
            release(by)
        }
        var next = from
        let sign = try heap.compare(by, Value(integer: 0))
        while sign != 0 {
            let order = try heap.compare(next, upto)
            if sign > 0 ? order >= 0 : order <= 0 { break }
            try charge(1)
            let current = next
            next = .null
            do throws(Stop) {
                if try emit(retain(current)) == .stop {
                    release(current)
                    return .stop
                }
            } catch {
                release(current)
                throw error
            }
            next = try add(current, retain(by), node)
        }
        release(next)
        return .more
    }

    /// `recurse(f)`: with at most one output of `f`, a loop.
    @inline(never) func eachRecurse<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if T.isOn || !node.a.hasOne {
            return try eachRecurseMany(node.a, frame, input, tracking, emit)
        }
        var value = retain(input)
        while true {
            try charge(1)
            if try emit(retain(value)) == .stop {
                release(value)
                return .stop
            }
            value = try take(node.a, frame, value)
            if value.isAbsent { return .more }
        }
    }

    private func eachRecurseMany<T: Tracking>(
        _ filter: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try enter()
        defer { leave() }
        if try emit(retain(input)) == .stop { return .stop }
        return try each(filter, frame, input, tracking) { (value) throws(Stop) in
            defer { release(value) }
            return try eachRecurseMany(filter, frame, value, tracking, emit)
        }
    }

    /// `repeat(f)`
    @inline(never) func eachRepeat<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        while true {
            try charge(1)
            if try each(node.a, frame, input, tracking, emit) == .stop { return .stop }
        }
    }

    /// `until(condition; f)`, whose filters have one output each.
    func advanceUntil<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, from initial: T.Saved, _ tracking: T.Type
    ) throws(Stop) -> T.Saved {
        let (end, update) = (node.a, node.b)
        var current = initial
        while true {
            try charge(1)
            let condition = try one(end, frame, T.value(current))
            release(condition)
            if condition.isTrue { return current }
            current = try advance(current, update, frame, tracking)
        }
    }

    /// A filter's only output for a saved value, which is consumed.
    @inline(__always) private func advance<T: Tracking>(
        _ saved: T.Saved, _ filter: NodeRef, _ frame: Slots, _ tracking: T.Type
    ) throws(Stop) -> T.Saved {
        if !T.isOn { return T.offPath(try take(filter, frame, T.value(saved))) }
        defer { T.drop(saved, self) }
        var output = T.offPath(.null)
        _ = try T.at(saved, self) { () throws(Stop) in
            try each(filter, frame, T.value(saved), tracking) { (part) throws(Stop) in
                output = T.save(part, self)
                return .more
            }
        }
        return output
    }

    @inline(never) func eachUntil<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let initial = T.save(retain(input), self)
        return try T.emit(try advanceUntil(node, frame, from: initial, tracking), self, emit)
    }

    // MARK: Some of the outputs

    /// `limit($n; f)`
    @inline(never) func eachLimit<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let given = try one(node.a, frame, input)
        defer { release(given) }
        let count = try count(given, "limit doesn't support negative count", .up, node)
        if count == 0 { return .more }
        if count > 0 { return try eachFirst(count, of: node.b, frame, input, tracking, emit) }
        return try each(node.b, frame, input, tracking) { (value) throws(Stop) in
            throw raiseCount(given, value, node)
        }
    }

    /// Emits the first outputs of a filter, one or more.
    @inline(__always) func eachFirst<T: Tracking>(
        _ count: Int, of filter: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type,
        _ emit: Emit
    ) throws(Stop) -> Flow {
        var left = count
        var isDone = false
        let flow = try each(filter, frame, input, tracking) { (value) throws(Stop) in
            left &-= 1
            if left > 0 { return try emit(value) }
            isDone = try emit(value) != .stop
            return .stop
        }
        return isDone ? .more : flow
    }

    /// `skip($n; f)`
    @inline(never) func eachSkip<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let given = try one(node.a, frame, input)
        defer { release(given) }
        var left = try count(given, "skip doesn't support negative count", .down, node)
        return try each(node.b, frame, input, tracking) { (value) throws(Stop) in
            if left == 0 { return try emit(value) }
            if left < 0 { throw raiseCount(given, value, node) }
            left -= 1
            release(value)
            return .more
        }
    }

    /// The count given to `limit` and `skip`; -1 for a value that sorts after all numbers, which
    /// fails when the first output is counted.
    @inline(__always) private func count(
        _ given: Value, _ negative: StaticString, _ rule: FloatingPointRoundingRule, _ node: NodeRef
    ) throws(Stop) -> Int {
        if given.tag == .integer && given.integer >= 0 { return given.integer }
        return try countSlow(given, negative, rule, node)
    }

    @inline(never) private func countSlow(
        _ given: Value, _ negative: StaticString, _ rule: FloatingPointRoundingRule, _ node: NodeRef
    ) throws(Stop) -> Int {
        if try heap.compare(given, Value(integer: 0)) < 0 { throw raise(negative, at: node) }
        return given.isNumber ? Int(min(heap.double(given).rounded(rule), 9e15)) : -1
    }

    /// The error where an output (owned) is to be counted and the count is not a number.
    private func raiseCount(_ given: Value, _ output: Value, _ node: NodeRef) -> Stop {
        release(output)
        return raiseOperands(.cannotSubtract, retain(given), Value(integer: 1), node)
    }

    /// The first output of a filter, owned, or `absent`.
    func firstOutput(_ filter: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if filter.hasOne { return try one(filter, frame, input) }
        var first = Value.absent
        _ = try each(filter, frame, input) { (value) throws(Stop) in
            first = value
            return .stop
        }
        return first
    }

    /// The last output of a filter, owned, or `absent`.
    func lastOutput(_ filter: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if filter.hasOne { return try one(filter, frame, input) }
        return try last(filter, frame, input, Untracked.self)
    }

    private func last<T: Tracking>(
        _ filter: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type
    ) throws(Stop) -> T.Saved {
        var last = T.offPath(.absent)
        _ = try each(filter, frame, input, tracking) { (value) throws(Stop) in
            T.drop(last, self)
            last = T.save(value, self)
            return .more
        }
        return last
    }

    /// `last(f)`
    @inline(never) func eachLast<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let last = try last(node.a, frame, input, tracking)
        return T.value(last).isAbsent ? .more : try T.emit(last, self, emit)
    }

    /// `any(f; g)` for `sought` true, `all(f; g)` for false.
    func anyOrAll(_ node: NodeRef, _ sought: Bool, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        var isFound = false
        _ = try each(node.a, frame, input) { (value) throws(Stop) in
            defer { release(value) }
            try charge(1)
            return try each(node.b, frame, value) { (condition) throws(Stop) in
                release(condition)
                if condition.isTrue != sought { return .more }
                isFound = true
                return .stop
            }
        }
        return Value(isFound == sought)
    }

    /// The sum of a filter's outputs; null if there are none.
    func sum(_ filter: NodeRef, _ frame: Slots, _ input: Value, _ node: NodeRef) throws(Stop)
        -> Value
    {
        var total = Value.null
        _ = try each(filter, frame, input) { (value) throws(Stop) in
            let before = total
            total = .null
            total = try add(before, value, node)
            return .more
        }
        return total
    }

    /// `tostream`: `[path, leaf]` for each leaf, `[path]` where a container that is not empty ends.
    func eachStreamEvent(_ value: Value, _ path: Value, _ emit: Emit) throws(Stop) -> Flow {
        // Two arrays are made for each event.
        try charge(8)
        let count = value.isContainer ? value.count : 0
        if path.count > Evaluator.pathCountMax { throw raise("Path too deep") }
        if count == 0 { return try emit(try event(path, retain(value))) }
        let slots = value.slots
        var lastPath = Value.null
        for i in 0..<count {
            let key = value.isArray ? Value(integer: i) : retain(slots[2 * i])
            var inner = try heap.makeArray(capacity: path.count + 1)
            try heap.append(&inner, contentsOf: path)
            try heap.push(&inner, key)
            let element = value.isArray ? slots[i] : slots[2 * i + 1]
            let flow = try eachStreamEvent(element, inner, emit)
            if i == count - 1 && flow != .stop { lastPath = inner } else { release(inner) }
            if flow == .stop { return .stop }
        }
        var closing = try heap.makeArray(capacity: 1)
        try heap.push(&closing, lastPath)
        return try emit(closing)
    }

    private func event(_ path: Value, _ leaf: Value) throws(Stop) -> Value {
        var event = try heap.makeArray(capacity: 2)
        try heap.push(&event, retain(path))
        try heap.push(&event, leaf)
        return event
    }
}
