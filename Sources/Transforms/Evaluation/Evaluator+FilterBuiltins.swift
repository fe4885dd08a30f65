// Builtins that take filters as arguments.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

extension Evaluator {
    /// Filters with at most one output; the input is owned.
    @inline(never) func oneFilterBuiltin(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        switch node.operation {
        case .map: return try map(node, frame, input)
        case .mapValues:
            if !input.isContainer {
                defer { release(input) }
                throw raise(.cannotIterate, input, at: node)
            }
            return try changeElements(input) { (part) throws(Stop) in
                if node.a.hasOne { return try take(node.a, frame, part) }
                defer { release(part) }
                return try firstOutput(node.a, frame, part)
            }
        case .walk: return try walk(node, frame, input)
        case .until: return try advanceUntil(node, frame, from: input, Untracked.self)
        default:
            defer { release(input) }
            return try oneOf(node, frame, input)
        }
    }

    /// The same for a borrowed input.
    private func oneOf(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        switch node.operation {
        case .first: return try firstOutput(node.a, frame, input)
        case .last: return try lastOutput(node.a, frame, input)
        case .isEmpty:
            let first = try firstOutput(node.a, frame, input)
            release(first)
            return Value(first.isAbsent)
        case .any: return try anyOrAll(node, true, frame, input)
        case .all: return try anyOrAll(node, false, frame, input)
        case .addOf: return try sum(node.a, frame, input, node)
        case .getpath:
            let keys = try one(node.a, frame, input)
            defer { release(keys) }
            return try getPath(input, keys, node)
        case .error: throw raise(try one(node.a, frame, input), at: node)
        case .sortBy, .groupBy, .uniqueBy: return try sorted(node, frame, input)
        case .substitute:
            var result = Value.absent
            _ = try eachSubstitute(node, frame, input) { (text) throws(Stop) in
                result = text
                return .more
            }
            return result
        case .minBy: return try extreme(node, frame, input, wantsMax: false)
        case .maxBy: return try extreme(node, frame, input, wantsMax: true)
        case .path:
            var path = Value.absent
            _ = try eachPathOf(node.a, frame, input) { (keys) throws(Stop) in
                path = keys
                return .more
            }
            return path
        default: preconditionFailure("an operation with many outputs evaluated as one")
        }
    }

    /// Filters with any number of outputs; the input is borrowed.
    @inline(never) func eachFilterBuiltin(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit
    ) throws(Stop) -> Flow {
        switch node.operation {
        case .rangeBy: return try eachRangeBy(node, frame, input, emit)
        case .substitute: return try eachSubstitute(node, frame, input, emit)
        case .toStream:
            let path = Value.emptyArray
            return try eachStreamEvent(input, path, emit)
        case .paths: return try eachPath(toPartsOf: input, emit)
        case .inputs:
            while let value = try nextInput() {
                if try emit(value) == .stop { return .stop }
            }
            return .more
        default: preconditionFailure("an operation with one output evaluated as many")
        }
    }

    /// `map(f)`; an array that nobody else holds is changed in place.
    private func map(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        if input.isArray && node.a.hasOne && heap.isUnique(input) {
            return try changeElements(input) { (part) throws(Stop) in try take(node.a, frame, part)
            }
        }
        defer { release(input) }
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        var result = try heap.makeArray(capacity: input.count)
        let slots = input.slots
        let step = input.isArray ? 1 : 2
        do throws(Stop) {
            for i in 0..<input.count {
                try charge(1)
                let element = slots[i &* step &+ step &- 1]
                if node.a.hasOne {
                    let output = try one(node.a, frame, element)
                    if output.isPresent { try heap.push(&result, output) }
                    continue
                }
                _ = try each(node.a, frame, element) { (output) throws(Stop) in
                    try heap.push(&result, output)
                    return .more
                }
            }
        } catch {
            release(result)
            throw error
        }
        return result
    }

    /// `walk(f)`: parts first, then the whole.
    private func walk(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) -> Value {
        var value = input
        if value.isContainer {
            try charge(4)
            try enter()
            defer { leave() }
            value = try changeElements(value) { (part) throws(Stop) in try walk(node, frame, part) }
        }
        return try take(node.a, frame, value)
    }
}
