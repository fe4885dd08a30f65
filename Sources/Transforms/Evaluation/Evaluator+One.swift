// Filters with at most one output, as plain functions.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

extension Evaluator {
    /// The node's output for a borrowed input, owned, or `absent`.
    func one(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        switch node.operation {
        case .identity: return retain(input)
        case .constant: return node.value
        case .variable: return retain(self.frame(frame, up: node.framesOut)[node.slot])
        case .empty: return .absent
        case .field: return try oneField(node, frame, input)
        case .index: return try oneIndex(node, frame, input)
        case .slice: return try oneSlice(node, frame, input)
        case .pipe: return try onePipe(node, frame, input)
        case .array: return try collect(node.a, frame, input)
        case .object: return try oneObject(node, frame, input)
        case .string: return try oneString(node, frame, input)
        case .negate:
            let operand = try one(node.a, frame, input)
            return operand.isAbsent ? .absent : try negate(operand, node)
        case .add, .subtract, .multiply, .divide, .remainder:
            return try oneArithmetic(node, frame, input)
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            return try oneComparison(node, frame, input)
        case .and, .or: return try oneLogic(node, frame, input)
        case .alternative: return try oneAlternative(node, frame, input)
        case .conditional:
            let condition = try one(node.a, frame, input)
            if condition.isAbsent { return .absent }
            release(condition)
            return try one(condition.isTrue ? node.b : node.c, frame, input)
        case .attempt: return try oneAttempt(node, frame, input)
        case .label: return try oneLabel(node, frame, input)
        case .breakLabel: throw breakOut(node, frame)
        case .bind: return try oneBind(node, frame, input)
        case .destructure: return try oneDestructure(node, frame, input)
        case .reduce: return try reduce(node, frame, retain(input))
        case .call: return try oneCall(node, frame, retain(input))
        case .closureCall:
            let closure = self.frame(frame, up: node.framesOut)[node.slot]
            try enter()
            defer { leave() }
            return try one(closure.closureNode, Slots(address: closure.payload), input)
        case .native: return try native(node, frame, retain(input))
        case .assign, .modify, .updateArithmetic, .updateAlternative, .delete:
            return try update(node, frame, retain(input))
        case .select:
            let condition = try one(node.a, frame, input)
            release(condition)
            return condition.isTrue ? retain(input) : .absent
        case .environment: return try environment()
        default: return try oneFilterBuiltin(node, frame, retain(input))
        }
    }

    /// The same for an owned input, which is consumed.
    func take(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        switch node.operation {
        case .identity: return input
        case .pipe where node.sum == SumFusion.none:
            let first = try take(node.a, frame, input)
            return first.isAbsent ? .absent : try take(node.b, frame, first)
        case .conditional:
            let condition = try one(node.a, frame, input)
            if condition.isAbsent {
                release(input)
                return .absent
            }
            release(condition)
            return try take(condition.isTrue ? node.b : node.c, frame, input)
        case .slice: return try takeSlice(node, frame, input)
        case .add where node.a.operation == .identity:
            let rhs = try one(node.b, frame, input)
            if rhs.isAbsent {
                release(input)
                return .absent
            }
            return try add(input, rhs, node)
        case .add where node.a.operation == .slice:
            return try takeSliceSum(node, frame, input)
        case .bind:
            let bound = try one(node.a, frame, input)
            if bound.isAbsent {
                release(input)
                return .absent
            }
            let slot = node.boundSlot
            let outer = frame[slot]
            frame[slot] = bound
            defer {
                release(frame[slot])
                frame[slot] = outer
            }
            return try take(node.b, frame, input)
        case .reduce: return try reduce(node, frame, input)
        case .call: return try oneCall(node, frame, input)
        case .native:
            if node.native == .math1 && input.isNumber {
                let result = math(node, heap.double(input), 0, 0)
                release(input)
                return result
            }
            return try native(node, frame, input)
        case .assign, .modify, .updateArithmetic, .updateAlternative, .delete:
            return try update(node, frame, input)
        case .select:
            let condition = try one(node.a, frame, input)
            release(condition)
            if condition.isTrue { return input }
            release(input)
            return .absent
        case .map, .mapValues, .walk, .until, .sortBy, .groupBy, .uniqueBy, .minBy, .maxBy, .last:
            return try oneFilterBuiltin(node, frame, input)
        default:
            defer { release(input) }
            return try one(node, frame, input)
        }
    }

    /// `one`, inlined: it handles the most frequent operands without the switch.
    @inline(__always) func oneInlined(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        switch node.operation {
        case .identity: return retain(input)
        case .constant: return node.value
        case .field: return try oneFieldCalled(node, frame, input)
        default: return try one(node, frame, input)
        }
    }

    // MARK: Composition

    @inline(never) private func onePipe(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        var value: Value
        var rest = node.b
        if node.sum == SumFusion.none {
            value = try oneInlined(node.a, frame, input)
        } else {
            value = try sumFields(node, frame, input)
            if node.sum == SumFusion.whole { return value }
            rest = rest.b
        }
        while !value.isAbsent {
            if rest.operation != .pipe || rest.sum != SumFusion.none {
                return try take(rest, frame, value)
            }
            value = try take(rest.a, frame, value)
            rest = rest.b
        }
        return .absent
    }

    @inline(never) func collect(_ body: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        if body.hasOne {
            let value = try one(body, frame, input)
            if value.isAbsent { return Value.emptyArray }
            var array = try heap.makeArray(capacity: 1)
            try heap.push(&array, value)
            return array
        }
        if body.operation == .field, body.a.operation == .iterate, body.a.a.hasOne {
            return try collectFields(body, frame, input)
        }
        if body.operation == .pipe, body.a.operation == .iterate, body.a.a.hasOne, body.b.hasOne {
            return try collectPiped(body, frame, input)
        }
        var array = try heap.makeArray(capacity: 4)
        do throws(Stop) {
            _ = try each(body, frame, input) { (value) throws(Stop) in
                try heap.push(&array, value)
                return .more
            }
        } catch {
            release(array)
            throw error
        }
        return array
    }

    @inline(never) private func oneObject(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        if node.isRecord { return try oneRecord(node, frame, input) }
        let count = node.partCount
        var object = try heap.makeObject(capacity: count)
        do throws(Stop) {
            for i in 0..<count {
                let link = node.part(i)
                let name = try one(link.a, frame, input)
                let value = name.isAbsent ? .absent : try memberValue(link, frame, input, name)
                if value.isAbsent {
                    release(name)
                    release(object)
                    return .absent
                }
                if !name.isString { throw raiseKey(name, value, link) }
                try heap.set(&object, name, value)
            }
        } catch {
            release(object)
            throw error
        }
        return object
    }

    /// An object with distinct, constant names.
    @inline(__always) private func oneRecord(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let count = node.partCount
        let object = try heap.makeObject(capacity: count)
        let slots = object.slots
        var link = node.a
        var i = 0
        do throws(Stop) {
            while i < count {
                let value = try oneInlined(link.b, frame, input)
                if value.isAbsent {
                    release(heap.filled(object, i))
                    return .absent
                }
                slots[2 &* i] = link.a.value
                slots[2 &* i &+ 1] = value
                link = link.link(1)
                i &+= 1
            }
        } catch {
            release(heap.filled(object, i))
            throw error
        }
        return heap.filled(object, count)
    }

    /// A member's value; in `{"a\(f)"}` it is the input's member of that name.
    @inline(__always) private func memberValue(
        _ link: NodeRef, _ frame: Slots, _ input: Value, _ name: Value
    ) throws(Stop) -> Value {
        do throws(Stop) {
            return link.hasValue ? try one(link.b, frame, input) : try get(input, name, link)
        } catch {
            release(name)
            throw error
        }
    }

    func raiseKey(_ name: Value, _ value: Value, _ node: NodeRef) -> Stop {
        release(value)
        defer { release(name) }
        return raise(.cannotBeKey, name, at: node)
    }

    @inline(never) private func oneLogic(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let left = try one(node.a, frame, input)
        if left.isAbsent { return .absent }
        release(left)
        if left.isTrue == (node.operation == .or) { return Value(left.isTrue) }
        let right = try one(node.b, frame, input)
        if right.isAbsent { return .absent }
        release(right)
        return Value(right.isTrue)
    }

    @inline(never) private func oneAlternative(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let left = try one(node.a, frame, input)
        if left.isTrue { return left }
        release(left)
        return try one(node.b, frame, input)
    }

    @inline(never) private func oneAttempt(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        do throws(Stop) { return try one(node.a, frame, input) } catch {
            if error != .raised { throw error }
            let message = takeError()
            if !node.hasHandler {
                release(message)
                return .absent
            }
            return try take(node.b, frame, message)
        }
    }

    // MARK: Labels

    func breakOut(_ node: NodeRef, _ frame: Slots) -> Stop {
        unsafe state.pointee.breakSerial = self.frame(frame, up: node.framesOut)[node.slot].integer
        return .broke
    }

    @inline(never) private func oneLabel(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let (outer, serial) = bindLabel(node, frame)
        defer { frame[node.labelSlot] = outer }
        do throws(Stop) { return try one(node.a, frame, input) } catch {
            if error == .broke && (unsafe state.pointee.breakSerial) == serial { return .absent }
            throw error
        }
    }

    /// Gives the label's slot a new serial; returns the slot's previous value and the serial.
    func bindLabel(_ node: NodeRef, _ frame: Slots) -> (outer: Value, serial: Int) {
        let outer = frame[node.labelSlot]
        let serial = unsafe state.pointee.labelSerial &+ 1
        unsafe state.pointee.labelSerial = serial
        frame[node.labelSlot] = Value(integer: serial)
        return (outer, serial)
    }

    // MARK: Bindings

    @inline(never) private func oneBind(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let bound = try one(node.a, frame, input)
        if bound.isAbsent { return .absent }
        let slot = node.boundSlot
        let outer = frame[slot]
        frame[slot] = bound
        defer {
            release(frame[slot])
            frame[slot] = outer
        }
        return try one(node.b, frame, input)
    }

    @inline(never) private func oneDestructure(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        var result = Value.absent
        _ = try eachDestructure(node, frame, input, Untracked.self) { (value) throws(Stop) in
            result = value
            return .more
        }
        return result
    }
}
