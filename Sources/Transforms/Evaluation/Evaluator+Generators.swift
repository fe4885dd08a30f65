// Generators that are written in Swift, and the operations that run filters over them.

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
            // Whatever is beyond 2^53 ends by its budget long before.
            let last = end.isNaN ? i : Int(max(min(end.rounded(.up), 9e15), -9e15))
            while i < last {
                try charge(1)
                if try emit(Value(integer: i)) == .stop { return .stop }
                i &+= 1
            }
            return .more
        }
        var next = start
        while next < end {
            try charge(1)
            if try emit(Evaluator.number(next)) == .stop { return .stop }
            next += 1
        }
        return .more
    }

    /// `range($from; $upto; $by)`
    @inline(never) func eachRangeBy(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        let from = try one(node.a, frame, input)
        let upto = try one(node.b, frame, input)
        let by = try one(node.c, frame, input)
        defer {
            releaseBoth(from, upto)
            release(by)
        }
        if !from.isNumber || !upto.isNumber || !by.isNumber {
            throw raise("Range bounds must be numeric", at: node)
        }
        let (end, step) = (heap.double(upto), heap.double(by))
        var next = heap.double(from)
        while step > 0 ? next < end : step < 0 ? next > end : next < end {
            try charge(1)
            if try emit(Evaluator.number(next)) == .stop { return .stop }
            next += step
        }
        return .more
    }

    /// `..`: the value and all its parts, containers before what they hold.
    func eachPart(_ value: Value, _ depth: Int, _ emit: Emit) throws(Stop) -> Flow {
        try charge(1)
        if depth > Heap.compareDepthMax { throw heap.stop(.depth) }
        if try emit(retain(value)) == .stop { return .stop }
        if !value.isContainer { return .more }
        let slots = value.slots
        let step = value.isArray ? 1 : 2
        var place = step - 1
        for _ in 0..<value.count {
            let element = slots[place]
            if element.isContainer {
                if try eachPart(element, depth + 1, emit) == .stop { return .stop }
            } else {
                try charge(1)
                if try emit(retain(element)) == .stop { return .stop }
            }
            place += step
        }
        return .more
    }

    /// `recurse(f)`: with at most one output of `f`, a loop.
    @inline(never) func eachRecurse(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        if !node.a.hasOne { return try eachRecurseMany(node.a, frame, input, emit) }
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

    private func eachRecurseMany(_ filter: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try enter()
        defer { leave() }
        if try emit(retain(input)) == .stop { return .stop }
        return try each(filter, frame, input) { (value) throws(Stop) in
            defer { release(value) }
            return try eachRecurseMany(filter, frame, value, emit)
        }
    }

    /// `limit($n; f)`
    @inline(never) func eachLimit(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        var left = try count(
            node, frame, input, "Invalid arguments to limit", "limit doesn't support negative count"
        )
        if left == 0 { return .more }
        var isDone = false
        let flow = try each(node.b, frame, input) { (value) throws(Stop) in
            left -= 1
            if left > 0 { return try emit(value) }
            isDone = try emit(value) != .stop
            return .stop
        }
        return isDone ? .more : flow
    }

    /// `skip($n; f)`
    @inline(never) func eachSkip(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        var left = try count(
            node, frame, input, "Invalid arguments to skip", "skip doesn't support negative count")
        return try each(node.b, frame, input) { (value) throws(Stop) in
            if left <= 0 { return try emit(value) }
            left -= 1
            release(value)
            return .more
        }
    }

    /// The count that `limit` and `skip` take: rounded up, never negative.
    func count(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ wrong: StaticString,
        _ negative: StaticString
    ) throws(Stop) -> Int {
        let value = try one(node.a, frame, input)
        defer { release(value) }
        if !value.isNumber { throw raise(wrong, at: node) }
        let count = heap.double(value)
        if count < 0 { throw raise(negative, at: node) }
        return count.isNaN ? 0 : Int(min(count.rounded(.up), 9e15))
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
        var last = Value.absent
        _ = try each(filter, frame, input) { (value) throws(Stop) in
            release(last)
            last = value
            return .more
        }
        return last
    }

    /// `any(f; g)` for `sought` true, `all(f; g)` for false.
    func seeks(_ node: NodeRef, _ sought: Bool, _ frame: Slots, _ input: Value) throws(Stop)
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

    /// The sum of a filter's outputs, null of none.
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
        if count == 0 { return try emit(try event(path, retain(value))) }
        if path.count > JSONWriter.depthMax { throw heap.stop(.depth) }
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
