// Arrays of what the elements of another give, and sums of it, without a call an element:
//
//     [t[].name]   [t[] | f]   [t[].name] | add   map(.name) | add
//
// Safety: the state is the runner's own.

extension Evaluator {
    /// `[t[].name]`
    @inline(never) func collectFields(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let target = try quick(node.a.a, frame, input)
        if target.isAbsent { return Value(.array, payload: 16) }
        defer { release(target) }
        return try collectFields(node, of: target, node.a)
    }

    /// - Parameter iterate: the node that fails where the target has no elements.
    private func collectFields(_ node: NodeRef, of target: Value, _ iterate: NodeRef) throws(Stop)
        -> Value
    {
        if !target.isContainer { throw raise(.cannotIterate, target, at: iterate) }
        let slots = target.slots
        let step = target.isArray ? 1 : 2
        var place = step &- 1
        var array = try heap.makeArray(capacity: target.count)
        do throws(Stop) {
            for _ in 0..<target.count {
                try charge(1)
                try heap.push(&array, try field(node, slots[place]))
                place &+= step
            }
        } catch {
            release(array)
            throw error
        }
        return array
    }

    /// `[t[] | f]`, where `f` has one output at most.
    @inline(never) func collectPiped(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let iterate = node.a
        let target = try quick(iterate.a, frame, input)
        if target.isAbsent { return Value(.array, payload: 16) }
        defer { release(target) }
        if !target.isContainer { throw raise(.cannotIterate, target, at: iterate) }
        let slots = target.slots
        let step = target.isArray ? 1 : 2
        var place = step &- 1
        let filter = node.b
        var array = try heap.makeArray(capacity: 4)
        do throws(Stop) {
            for _ in 0..<target.count {
                try charge(1)
                let output = try take(filter, frame, retain(slots[place]))
                if output.isPresent { try heap.push(&array, output) }
                place &+= step
            }
        } catch {
            release(array)
            throw error
        }
        return array
    }

    /// `[t[].name] | add`, `map(.name) | add`: numbers are added as they are found. Where there is
    /// something else, all are collected first, as an error among them comes before one of `add`.
    /// - Parameter node: the pipe.
    @inline(never) func sumFields(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let collection = node.a
        let adding = node.sum == Sum.whole ? node.b : node.b.a
        if collection.operation == .map {
            return try sumFields(collection.a, of: input, collection, adding)
        }
        let field = collection.a
        let target = try quick(field.a.a, frame, input)
        if target.isAbsent { return .null }
        defer { release(target) }
        return try sumFields(field, of: target, field.a, adding)
    }

    @inline(__always) private func sumFields(
        _ node: NodeRef, of target: Value, _ iterate: NodeRef, _ adding: NodeRef
    ) throws(Stop) -> Value {
        if !target.isContainer { throw raise(.cannotIterate, target, at: iterate) }
        let slots = target.slots
        let step = target.isArray ? 1 : 2
        var place = step &- 1
        var total = Value.null
        let end = place &+ target.count &* step
        while place < end {
            try charge(1)
            let value = try member(node, slots[place])
            place &+= step
            if value.tag == .integer && total.tag == .integer {
                // Of three numbers that are exact the sum does not overflow.
                let (left, right) = (total.integer, value.integer)
                let sum = left &+ right
                if Evaluator.isExact(left) && Evaluator.isExact(right) && Evaluator.isExact(sum) {
                    total = Value(integer: sum)
                    continue
                }
            }
            if value.isNumber && total.isNumber {
                total = Value(double: heap.double(total) + heap.double(value))
            } else if value.isNumber && total.isNull {
                total = value
            } else if !value.isNull {
                return try sumOther(node, of: target, iterate, adding)
            }
        }
        return retain(total)
    }

    @inline(never) private func sumOther(
        _ node: NodeRef, of target: Value, _ iterate: NodeRef, _ adding: NodeRef
    ) throws(Stop) -> Value {
        let array = try collectFields(node, of: target, iterate)
        defer { release(array) }
        unsafe state.pointee.errorOffset = adding.offset
        return try addElements(array, adding)
    }
}
