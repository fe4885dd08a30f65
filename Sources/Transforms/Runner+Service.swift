// What a service needs of documents and programs in addition to running them: the members of an
// envelope by their index, strings without copies, and the object of `$ARGS`.

extension Document {
    /// Whether the name of an object's member is `name`.
    public func memberName(at index: Int, is name: StaticString) -> Bool {
        precondition(value.isObject && index >= 0 && index < value.count)
        let bytes = value.slots[2 * index].bytes
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        // Safety: both have `bytes.count` bytes, as compared above.
        for i in 0..<bytes.count where unsafe bytes[i] != name.utf8Start[i] { return false }
        return true
    }

    /// The name of an object's member.
    public func memberName(at index: Int) -> String {
        precondition(value.isObject && index >= 0 && index < value.count)
        return value.slots[2 * index].bytes.text
    }

    /// The value of an object's member.
    public func member(at index: Int) -> Document {
        precondition(value.isObject && index >= 0 && index < value.count)
        return Document(value: value.slots[2 * index + 1])
    }

    /// Calls `body` with a string's UTF-8, without a copy; nil for other kinds.
    public func withUTF8<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard value.isString else { return nil }
        let bytes = value.bytes
        // Safety: the bytes live as long as the document, which outlives this call.
        return unsafe body(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }
}

extension Runner {
    /// An object of these members; the last value of a repeated name is kept.
    public func object(_ members: [(name: String, value: Document)]) throws(RunFailure) -> Document
    {
        do throws(Stop) {
            var object = try heap.makeObject(capacity: members.count)
            for (name, member) in members {
                try heap.set(&object, try heap.string(name), heap.retain(member.value))
            }
            return Document(value: object)
        } catch { throw .limit(heap.limit) }
    }

    /// Tightens the bounds for the rest of a run; bounds above the current ones have no effect.
    /// - Parameter deadlineNanoseconds: of `MonotonicClock`.
    public func tighten(deadlineNanoseconds: UInt64, memoryBytesMax: Int) {
        heap.bytesLimit = min(heap.bytesLimit, memoryBytesMax)
        heap.bytesMax = min(heap.bytesMax, memoryBytesMax)
        budget.tighten(deadlineNanoseconds: deadlineNanoseconds)
    }

    /// Moves the deadline of a run that has waited, in either direction.
    /// - Parameter deadlineNanoseconds: of `MonotonicClock`.
    public func move(deadlineNanoseconds: UInt64) {
        budget.move(deadlineNanoseconds: deadlineNanoseconds)
    }

    /// How many bytes of memory the run may use.
    public var memoryBytesMax: Int { heap.bytesLimit }

    /// Where runs request memory beyond `RunLimits.retainedBytesMax`; nil grants all of it.
    public var memorySource: (any MemorySource)? {
        get { unsafe state.pointee.heap.state.pointee.source }
        set { unsafe state.pointee.heap.state.pointee.source = newValue }
    }

    /// Gives back the memory of a run's documents, which are no longer valid, except for
    /// `RunLimits.retainedBytesMax`.
    public func releaseDocuments() {
        if heap.bytesHeld > limits.retainedBytesMax {
            heap.reset(retaining: limits.retainedBytesMax)
        }
        heap.giveBack(output: false)
    }

    /// Ends a run whose output has been taken over: gives back the memory it requested and all
    /// memory beyond `RunLimits.retainedBytesMax`. Its documents are no longer valid.
    public func end() {
        releaseDocuments()
        heap.giveBack(output: true)
    }

    /// `[]`
    public var emptyArray: Document { Document(value: Value.emptyArray) }
}
