// Filters with any number of outputs: each is passed to `emit`, which returns whether more are
// wanted. Errors that `emit` throws pass through; an attempt catches only errors of its own body.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

/// Takes an owned output.
typealias Emit = (Value) throws(Stop) -> Flow

extension Evaluator {
    /// Emits the node's outputs for a borrowed input.
    @inline(__always) func each(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try each(node, frame, input, Untracked.self, emit)
    }

    /// Emits the node's outputs for a borrowed input, with the paths to them if paths are tracked.
    ///
    /// Each step is a call of a function that is not inlined, so this one takes little stack:
    /// recursion is made of it.
    ///
    /// Benchmark: the row `pyramid` of language.py, 500,000 calls deep: 688 -> 336 MB,
    /// 0.36 -> 0.20 s.
    func each<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if !T.isOn && node.hasOne { return try eachOfOne(node, frame, input, emit) }
        switch node.operation {
        case .identity: return try eachIdentity(input, emit)
        case .empty: return .more
        case .pipe: return try eachPipe(node, frame, input, tracking, emit)
        case .comma: return try eachComma(node, frame, input, tracking, emit)
        case .field: return try eachField(node, frame, input, tracking, emit)
        case .index: return try eachIndex(node, frame, input, tracking, emit)
        case .slice: return try eachSlice(node, frame, input, tracking, emit)
        case .iterate: return try eachIterate(node, frame, input, tracking, emit)
        case .recurseDefault: return try eachPart(node, input, tracking, emit)
        case .conditional: return try eachConditional(node, frame, input, tracking, emit)
        case .select: return try eachSelect(node, frame, input, emit)
        case .alternative: return try eachAlternative(node, frame, input, tracking, emit)
        case .attempt: return try eachAttempt(node, frame, input, tracking, emit)
        case .label: return try eachLabel(node, frame, input, tracking, emit)
        case .bind: return try eachBind(node, frame, input, tracking, emit)
        case .destructure: return try eachDestructure(node, frame, input, tracking, emit)
        case .reduce: return try eachReduce(node, frame, input, tracking, emit)
        case .foreach: return try eachForeach(node, frame, input, tracking, emit)
        case .call: return try eachCall(node, frame, input, tracking, emit)
        case .closureCall: return try eachClosureCall(node, frame, input, tracking, emit)
        case .recurse: return try eachRecurse(node, frame, input, tracking, emit)
        case .repeats: return try eachRepeat(node, frame, input, tracking, emit)
        case .limit: return try eachLimit(node, frame, input, tracking, emit)
        case .skip: return try eachSkip(node, frame, input, tracking, emit)
        case .first: return try eachFirst(1, of: node.a, frame, input, tracking, emit)
        case .last: return try eachLast(node, frame, input, tracking, emit)
        case .until: return try eachUntil(node, frame, input, tracking, emit)
        case .getpath where T.isOn: return try eachGetPath(node, frame, input, emit)
        case .range where !T.isOn: return try eachRange(node, frame, input, emit)
        default:
            return T.isOn
                ? try eachDerived(node, frame, input, emit)
                : try eachOther(node, frame, input, emit)
        }
    }

    @inline(never) private func eachOfOne(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        let value = try one(node, frame, input)
        if value.isPresent { return try emit(value) }
        return value.isTailCall ? .tail : .more
    }

    @inline(never) private func eachIdentity(_ input: Value, _ emit: Emit) throws(Stop) -> Flow {
        try emit(retain(input))
    }

    /// `..`
    @inline(never) private func eachPart<T: Tracking>(
        _ node: NodeRef, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if T.isOn && (unsafe state.pointee.path.isOffPath) {
            return try eachPartOffPath(input, node, emit)
        }
        return try eachPart(input, tracking, emit)
    }

    @inline(never) private func eachConditional<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        try eachCondition(node.a, frame, input) { (isTrue) throws(Stop) in
            try each(isTrue ? node.b : node.c, frame, input, tracking, emit)
        }
    }

    @inline(never) private func eachSelect(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        try eachCondition(node.a, frame, input) { (isTrue) throws(Stop) in
            isTrue ? try emit(retain(input)) : .more
        }
    }

    @inline(never) private func eachClosureCall<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let closure = self.frame(frame, up: node.framesOut)[node.slot]
        try enter()
        defer { leave() }
        return try each(
            closure.closureNode, Slots(address: closure.payload), input, tracking, emit)
    }

    /// Emits a program's outputs for its input. An owned input is consumed if only the program's
    /// first step uses it, so that this step may change it in place.
    func each(_ root: NodeRef, _ frame: Slots, _ input: Document, _ emit: Emit) throws(Stop)
        -> Flow
    {
        let value = input.value
        if !input.isOwned { return try each(root, frame, value, emit) }
        if root.operation == .pipe && root.a.hasOne {
            let first = try take(root.a, frame, value)
            if first.isAbsent { return .more }
            defer { release(first) }
            return try each(root.b, frame, first, emit)
        }
        defer { release(value) }
        return try each(root, frame, value, emit)
    }

    @inline(never) private func eachPipe<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        if !T.isOn && node.a.hasOne {
            let value = try one(node.a, frame, input)
            if value.isAbsent { return .more }
            defer { release(value) }
            return try each(node.b, frame, value, emit)
        }
        if !T.isOn && node.b.hasOne {
            return try each(node.a, frame, input) { (value) throws(Stop) in
                try charge(1)
                let output = try take(node.b, frame, value)
                return output.isAbsent ? .more : try emit(output)
            }
        }
        return try each(node.a, frame, input, tracking) { (value) throws(Stop) in
            try charge(1)
            defer { release(value) }
            return try each(node.b, frame, value, tracking, emit)
        }
    }

    @inline(never) private func eachComma<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let last = node.partCount - 1
        for i in 0..<last
        where try each(node.part(i).a, frame, input, tracking, emit) == .stop { return .stop }
        return try each(node.part(last).a, frame, input, tracking, emit)
    }

    /// Runs `body` for each output of a condition.
    @inline(__always) private func eachCondition(
        _ condition: NodeRef, _ frame: Slots, _ input: Value,
        _ body: (Bool) throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        if condition.hasOne {
            let value = try one(condition, frame, input)
            if value.isAbsent { return .more }
            release(value)
            return try body(value.isTrue)
        }
        return try each(condition, frame, input) { (value) throws(Stop) in
            release(value)
            return try body(value.isTrue)
        }
    }

    @inline(never) private func eachAttempt<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        // The `?` of an access does not hide the error that no path leads to its target.
        if T.isOn && node.isOptionalAccess && (unsafe state.pointee.path.isOffPath) {
            return try each(node.a, frame, input, tracking, emit)
        }
        // An error of a later filter is not caught here, unless one of several patterns caught it.
        var beyond = -1
        do throws(Stop) {
            return try each(node.a, frame, input, tracking) { (value) throws(Stop) in
                do throws(Stop) { return try emit(value) } catch {
                    beyond = unsafe state.pointee.caughtErrorCount
                    throw error
                }
            }
        } catch {
            if error != .raised { throw error }
            if unsafe beyond == state.pointee.caughtErrorCount { throw error }
            let message = takeError()
            defer { release(message) }
            if !node.hasHandler { return .more }
            if !T.isOn { return try each(node.b, frame, message, emit) }
            return try withDerivedValue(message, of: node) { () throws(Stop) in
                try each(node.b, frame, message, tracking, emit)
            }
        }
    }

    @inline(never) private func eachLabel<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        let (outer, serial) = bindLabel(node, frame)
        defer { frame[node.labelSlot] = outer }
        do throws(Stop) { return try each(node.a, frame, input, tracking, emit) } catch {
            if error == .broke && (unsafe state.pointee.breakSerial) == serial { return .more }
            throw error
        }
    }

    @inline(never) private func eachAlternative<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        var hasOutput = false
        let flow = try each(node.a, frame, input, tracking) { (value) throws(Stop) in
            if !value.isTrue {
                release(value)
                return .more
            }
            hasOutput = true
            return try emit(value)
        }
        return hasOutput || flow == .stop
            ? flow : try each(node.b, frame, input, tracking, emit)
    }

    // MARK: Operators over several outputs

    @inline(never) private func eachOther(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        switch node.operation {
        case .add, .subtract, .multiply, .divide, .remainder:
            return try eachPair(node.b, node.a, frame, input) { (rhs, lhs) throws(Stop) in
                try emit(try arithmetic(node.operation, lhs, rhs, node))
            }
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            return try eachPair(node.b, node.a, frame, input) { (rhs, lhs) throws(Stop) in
                let result = try compare(node.operation, lhs, rhs)
                releaseBoth(lhs, rhs)
                return try emit(result)
            }
        case .negate:
            return try each(node.a, frame, input) { (operand) throws(Stop) in
                try emit(try negate(operand, node))
            }
        case .and, .or: return try eachLogic(node, frame, input, emit)
        case .object:
            return try eachObject(
                node, 0, frame, input, try heap.makeObject(capacity: node.partCount), emit)
        case .string: return try eachString(node, frame, input, emit)
        case .assign, .updateArithmetic, .updateAlternative:
            return try each(node.b, frame, input) { (rhs) throws(Stop) in
                try emit(try update(node, frame, retain(input), with: rhs))
            }
        case .path: return try eachPathOf(node.a, frame, input, emit)
        default: return try eachFilterBuiltin(node, frame, input, emit)
        }
    }

    /// `body` owns both outputs; `outer` is the outer loop.
    private func eachPair(
        _ outer: NodeRef, _ inner: NodeRef, _ frame: Slots, _ input: Value,
        _ body: (Value, Value) throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        try each(outer, frame, input) { (first) throws(Stop) in
            defer { release(first) }
            return try each(inner, frame, input) { (second) throws(Stop) in
                try body(retain(first), second)
            }
        }
    }

    private func eachLogic(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try each(node.a, frame, input) { (left) throws(Stop) in
            release(left)
            if left.isTrue == (node.operation == .or) { return try emit(Value(left.isTrue)) }
            return try each(node.b, frame, input) { (right) throws(Stop) in
                release(right)
                return try emit(Value(right.isTrue))
            }
        }
    }

    /// Objects for all combinations of names and values; the first member is the outermost loop.
    /// `object` is owned and holds the members before `i`.
    private func eachObject(
        _ node: NodeRef, _ i: Int, _ frame: Slots, _ input: Value, _ object: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        if i == node.partCount { return try emit(object) }
        let link = node.part(i)
        defer { release(object) }
        return try each(link.a, frame, input) { (name) throws(Stop) in
            defer { release(name) }
            func add(_ value: Value) throws(Stop) -> Flow {
                if !name.isString { throw raiseKey(retain(name), value, link) }
                try charge(1)
                var grown = retain(object)
                try heap.set(&grown, retain(name), value)
                return try eachObject(node, i + 1, frame, input, grown, emit)
            }
            if !link.hasValue { return try add(try get(input, name, link)) }
            return try each(link.b, frame, input, add)
        }
    }

    // MARK: Strings with terms in them

    /// `"text \(f) text"` when each term has at most one output.
    @inline(never) func oneString(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        guard let format = node.format else { return .null }
        // The last term is evaluated first, so all parts are kept until they can be joined.
        let count = node.partCount
        let parts = try pushFrame(count + 1, enclosing: frame)
        defer { popFrame(parts, count + 1) }
        var i = count
        while i > 0 {
            let link = node.part(i &- 1)
            if link.operation == .constant {
                parts[i] = link.value
            } else {
                let value = try one(link.a, frame, input)
                if value.isAbsent { return .absent }
                parts[i] = try formatted(value, format)
            }
            i &-= 1
        }
        try charge(count)
        var text = try heap.makeString(0, flags: Value.ascii | Value.plain)
        i = 1
        while i <= count {
            try heap.append(&text, parts[i].bytes, flags: parts[i].word)
            i &+= 1
        }
        return text
    }

    /// The last term is the outermost loop, as in jq.
    private func eachString(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try eachString(node, node.partCount - 1, frame, input, try heap.string(""), emit)
    }

    /// `tail` is owned: the text of the parts after `i`.
    private func eachString(
        _ node: NodeRef, _ i: Int, _ frame: Slots, _ input: Value, _ tail: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        if i < 0 { return try emit(tail) }
        defer { release(tail) }
        let link = node.part(i)
        guard let format = node.format else { return .more }
        func prepend(_ part: Value) throws(Stop) -> Flow {
            try charge(1)
            var text = part
            try heap.append(&text, tail.bytes, flags: tail.word)
            return try eachString(node, i - 1, frame, input, text, emit)
        }
        if link.operation == .constant { return try prepend(link.value) }
        return try each(link.a, frame, input) { (value) throws(Stop) in
            try prepend(try formatted(value, format))
        }
    }
}
