// The stack of a reader: the values of containers that are not complete.

extension JSONReader {
    private static var stackCountMin: Int { 256 }
    /// How many values the stack keeps room for from text to text; that memory belongs to no run.
    private static var stackCountKept: Int { 1 << 14 }

    private var stackByteCount: Int { stackCapacity * MemoryLayout<Value>.size }

    /// Allocates an empty stack.
    mutating func allocateStack() {
        stackCapacity = JSONReader.stackCountMin
        guard let address = SystemMemory.allocate(stackByteCount) else {
            preconditionFailure("the system has no memory left")
        }
        stack = Slots(address: UInt64(address))
    }

    func freeStack() { SystemMemory.free(UInt(stack.address), stackByteCount) }

    @inline(never) mutating func growStack() throws(ReadFailure) {
        let byteCount = 2 * stackByteCount
        let counted = stackCapacity > JSONReader.stackCountKept ? byteCount / 2 : 0
        let more = 2 * stackCapacity > JSONReader.stackCountKept ? byteCount : 0
        do throws(Stop) { try heap.resizeExternal(from: counted, to: more) } catch {
            throw limit(.memory)
        }
        let old = UInt(stack.address)
        guard let moved = SystemMemory.resize(old, from: stackByteCount, to: byteCount) else {
            heap.countExternal(counted - more)
            throw limit(.memory)
        }
        stack = Slots(address: UInt64(moved))
        stackCapacity *= 2
    }

    /// After a text: frees a stack that grew beyond what is kept, and stops counting it.
    @inline(__always) mutating func trimStack() {
        if stackCapacity > JSONReader.stackCountKept { shrinkStack() }
    }

    @inline(never) private mutating func shrinkStack() {
        heap.countExternal(-stackByteCount)
        freeStack()
        allocateStack()
    }
}
