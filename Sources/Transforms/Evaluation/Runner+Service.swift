// What a service asks of documents and programs besides running them: the members of an envelope by
// their places, strings without copies, the object of `$ARGS`, and places in program texts.

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

    /// Calls `body` with a string's UTF-8, which stays where it is; nil for other kinds.
    public func withUTF8<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard value.isString else { return nil }
        let bytes = value.bytes
        // Safety: the bytes live as long as the document, which outlives this call.
        return unsafe body(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }
}

extension Runner {
    /// An object of these members; of a repeated name the last value stands.
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

    /// Bounds the rest of a run more closely; larger bounds than those that hold change nothing.
    /// - Parameter deadlineNanoseconds: of `MonotonicClock`.
    public func tighten(deadlineNanoseconds: UInt64, memoryBytesMax: Int) {
        heap.bytesLimit = min(heap.bytesLimit, memoryBytesMax)
        heap.bytesMax = min(heap.bytesMax, memoryBytesMax)
        budget.tighten(deadlineNanoseconds: deadlineNanoseconds)
    }

    /// Bytes of memory that the run may have.
    public var memoryBytesMax: Int { heap.bytesLimit }

    /// Whom runs ask for memory beyond `Limits.retainedBytesMax`; nil grants it all.
    public var memorySource: (any MemorySource)? {
        get { unsafe state.pointee.heap.state.pointee.source }
        set { unsafe state.pointee.heap.state.pointee.source = newValue }
    }

    /// Gives back the memory of a run's documents, which are no longer valid, but for
    /// `Limits.retainedBytesMax`.
    public func releaseDocuments() {
        if heap.bytesHeld > limits.retainedBytesMax {
            heap.reset(retaining: limits.retainedBytesMax)
        }
        heap.giveBack(output: false)
    }

    /// Ends a run, whose output was taken away: gives back what it asked for and all memory beyond
    /// `Limits.retainedBytesMax`. Its documents are no longer valid.
    public func end() {
        releaseDocuments()
        heap.giveBack(output: true)
    }

    /// `[]`
    public var emptyArray: Document { Document(value: Value(.array, payload: 16)) }
}

/// Where in a program's text something is, as people count.
public struct ProgramLocation: Sendable, Equatable {
    /// Counted from 1; columns count code points.
    public let line: Int
    public let column: Int
    /// The line, and below it a line with `^` under the place.
    public let excerpt: String

    /// - Complexity: O(offset)
    public init(offset: Int, in text: [UInt8]) {
        let place = ProgramPlace(offset: offset, in: text)
        line = place.line
        column = place.column
        excerpt = place.excerpt
    }
}
