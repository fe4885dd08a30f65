// `.a`, `.[f]`, `.[a:b]`: looking into values. All targets and indices here are borrowed, all
// results owned.

extension Evaluator {
    /// `oneField`, not inlined, to keep its callers small.
    @inline(never) func oneFieldCalled(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        try oneField(node, frame, input)
    }

    /// `t.name`
    @inline(__always) func oneField(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Value
    {
        let target = node.a
        if target.operation == .identity { return try field(node, input) }
        if target.operation == .field {
            let base = try borrowedField(target, frame, input)
            if !base.isAbsent { return try field(node, base) }
        }
        let base = try one(target, frame, input)
        if base.isAbsent { return .absent }
        let value = try field(node, base)
        release(base)
        return value
    }

    /// `.a.b` and `$x.a.b`, borrowed from the value they access; `absent` for other targets.
    private func borrowedField(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let target = node.a
        switch target.operation {
        case .identity: return try member(node, input)
        case .variable:
            return try member(node, self.frame(frame, up: target.framesOut)[target.slot])
        case .field:
            let base = try borrowedField(target, frame, input)
            return base.isAbsent ? .absent : try member(node, base)
        default: return .absent
        }
    }

    /// The member that a `field` node names, owned.
    @inline(__always) func field(_ node: NodeRef, _ object: Value) throws(Stop) -> Value {
        retain(try member(node, object))
    }

    /// The member that a `field` node names, borrowed. The index at which the last one was found is
    /// tried first, since rows usually have one shape.
    @inline(__always) func member(_ node: NodeRef, _ object: Value) throws(Stop) -> Value {
        if object.isObject {
            // Safety: the runner makes room for all of the program's caches.
            let known = unsafe state.pointee.caches[node.cacheIndex]
            if known.index < object.count {
                let slots = object.slots
                let candidate = slots[2 &* known.index]
                if candidate.payload == known.name.payload && candidate.word == known.name.word {
                    return slots[2 &* known.index &+ 1]
                }
            }
            return try findMember(node, object, known.index)
        }
        if object.isNull { return .null }
        throw raise(.cannotIndex, object, node.value, at: node)
    }

    /// A member whose name is not the same memory as the one that was found last.
    @inline(never) private func findMember(_ node: NodeRef, _ object: Value, _ likely: Int)
        throws(Stop) -> Value
    {
        let name = node.value
        let slots = object.slots
        var index = likely
        var isThere = index < object.count && slots[2 &* index].count == name.count
        if isThere { isThere = try heap.begins(name.bytes, slots[2 &* index].bytes) }
        if !isThere {
            index = try heap.find(object, name.bytes)
            if index < 0 { return .null }
        }
        // The memory of a counted name may be reused for another one later.
        let found = slots[2 &* index]
        if unsafe !heap.state.pointee.keptNames.contains(found.payload) {
            unsafe state.pointee.cachesBorrow = true
        }
        unsafe state.pointee.caches[node.cacheIndex] = MemberCache(
            index: index, name: found.isCounted ? .absent : found)
        return slots[2 &* index &+ 1]
    }

    @inline(never) func oneIndex(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        if node.a.operation == .identity, node.b.operation == .constant, input.isArray {
            let index = node.b.value
            if index.tag == .integer && index.payload < UInt64(input.count) {
                return retain(input.slots[Int(index.payload)])
            }
        }
        let index = try one(node.b, frame, input)
        if index.isAbsent { return .absent }
        let base = try one(node.a, frame, input)
        defer { releaseBoth(base, index) }
        if base.isAbsent { return .absent }
        return try get(base, index, node)
    }

    /// `target[index]`
    func get(_ target: Value, _ index: Value, _ node: NodeRef? = nil) throws(Stop) -> Value {
        switch (target.tag, index.tag) {
        case (.object, .string):
            let member = try heap.member(target, index.bytes)
            return member.isAbsent ? .null : retain(member)
        case (.array, .integer):
            let i = index.integer
            let element = i < 0 ? i + target.count : i
            return element >= 0 && element < target.count ? retain(target.slots[element]) : .null
        case (.array, .double), (.array, .literal):
            let element = elementIndex(index, target.count)
            return element >= 0 && element < Double(target.count)
                ? retain(target.slots[Int(element)]) : .null
        case (.array, .array): return try runIndices(target, index)
        case (.array, .object), (.string, .object), (.null, .object):
            return try get(target, sliceObject: index, node)
        case (.null, .string), (.null, .integer), (.null, .double), (.null, .literal):
            return .null
        default: throw raise(.cannotIndex, target, index, at: node)
        }
    }

    @inline(never) func oneSlice(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let from = try one(node.c, frame, input)
        let upto = from.isAbsent ? .absent : try one(node.d, frame, input)
        let base = upto.isAbsent ? .absent : try one(node.a, frame, input)
        defer { releaseBoth(from, upto) }
        if base.isAbsent { return .absent }
        return try slice(base, from, upto, node)
    }

    /// The same for an owned input, which is cut in place where nobody else holds it.
    @inline(never) func takeSlice(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let from = try one(node.c, frame, input)
        let upto = from.isAbsent ? .absent : try one(node.d, frame, input)
        defer { releaseBoth(from, upto) }
        if upto.isAbsent {
            release(input)
            return .absent
        }
        let base = try take(node.a, frame, input)
        return base.isAbsent ? .absent : try slice(base, from, upto, node)
    }

    /// `t[a:b] + f` for an owned input: a queue.
    @inline(never) func takeSliceSum(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let rhs = try one(node.b, frame, input)
        if rhs.isAbsent {
            release(input)
            return .absent
        }
        let lhs: Value
        do throws(Stop) { lhs = try takeSlice(node.a, frame, input) } catch {
            release(rhs)
            throw error
        }
        if lhs.isAbsent {
            release(rhs)
            return .absent
        }
        return try add(lhs, rhs, node)
    }

    private func get(_ target: Value, sliceObject: Value, _ node: NodeRef?) throws(Stop) -> Value {
        let (from, upto) = try bounds(sliceObject)
        return try slice(retain(target), from, upto, node)
    }

    /// The bounds of `{"start": from, "end": upto}`, borrowed; `absent` for one that is missing.
    func bounds(_ object: Value) throws(Stop) -> (from: Value, upto: Value) {
        func bound(_ name: StaticString) throws(Stop) -> Value {
            unsafe try heap.member(
                object,
                Bytes(UnsafeMutablePointer(mutating: name.utf8Start), name.utf8CodeUnitCount))
        }
        return (try bound("start"), try bound("end"))
    }

    /// Raises an error unless the bounds of a slice are numbers or null.
    func checkBounds(_ from: Value, _ upto: Value, _ node: NodeRef?) throws(Stop) {
        if !Evaluator.areBounds(from, upto) {
            throw raise("Array/string slice indices must be integers", at: node)
        }
    }

    /// `target[from:upto]`. The target is owned, the bounds are borrowed.
    func slice(_ target: Value, _ from: Value, _ upto: Value, _ node: NodeRef? = nil)
        throws(Stop) -> Value
    {
        if target.isArray && Evaluator.areBounds(from, upto) {
            let (start, end) = range(from, upto, target.count)
            return try heap.slice(target, start, end)
        }
        defer { release(target) }
        if target.isNull { return .null }
        if !target.isArray && !target.isString {
            let key = try sliceKey(from, upto)
            defer { release(key) }
            throw raise(.cannotIndex, target, key, at: node)
        }
        try checkBounds(from, upto, node)
        let count = try codePointCount(target)
        let (start, end) = range(from, upto, count)
        if target.isASCII { return try heap.substring(target, start, end) }
        let (first, last) = try heap.byteOffsets(ofCodePoints: start, end, of: count, in: target)
        let part = try heap.substring(target, first, last)
        return last - first == end - start ? part.with(flags: Value.ascii) : part
    }

    static func areBounds(_ from: Value, _ upto: Value) -> Bool {
        (from.isNull || from.isNumber) && (upto.isNull || upto.isNumber)
    }

    /// `{"start": from, "end": upto}`, owned.
    func sliceKey(_ from: Value, _ upto: Value) throws(Stop) -> Value {
        var key = try heap.makeObject(capacity: 2)
        try heap.appendMember(&key, try heap.string("start"), retain(from))
        try heap.appendMember(&key, try heap.string("end"), retain(upto))
        return key
    }

    func codePointCount(_ string: Value) throws(Stop) -> Int {
        string.isASCII ? string.count : try heap.codePointCount(of: string)
    }

    /// The bounds of a slice within `0...count`: the start rounds down, the end up.
    func range(_ from: Value, _ upto: Value, _ count: Int) -> (Int, Int) {
        func index(_ bound: Value, _ missing: Int, _ rule: FloatingPointRoundingRule) -> Int {
            if bound.isNull { return missing }
            if bound.tag == .integer {
                return max(0, min(bound.integer + (bound.integer < 0 ? count : 0), count))
            }
            var double = heap.double(bound)
            if double.isNaN { return missing }
            if double < 0 { double += Double(count) }
            return Int(max(0, min(double.rounded(rule), Double(count))))
        }
        let start = index(from, 0, .down)
        return (start, max(start, index(upto, count, .up)))
    }
}
