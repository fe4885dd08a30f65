// The stack of a reader: the values of containers that are not complete.

extension JSONReader {
    static var stackCountMin: Int { 256 }
    /// How many values the stack keeps room for from text to text; that memory belongs to no run.
    private static var stackCountKept: Int { 1 << 14 }

    @inline(__always) mutating func push(_ value: Value) throws(ReadFailure) {
        if stackCount == stackCapacity { try growStack() }
        stack[stackCount] = value
        stackCount &+= 1
    }

    @inline(never) mutating func growStack() throws(ReadFailure) {
        let byteCount = stackCapacity * 2 * MemoryLayout<Value>.size
        let counted = stackCapacity > JSONReader.stackCountKept ? byteCount / 2 : 0
        let more = 2 * stackCapacity > JSONReader.stackCountKept ? byteCount : 0
        do throws(Stop) { try heap.resizeAside(from: counted, to: more) } catch {
            throw limit(.memory)
        }
        if !resizeStack(to: 2 * stackCapacity) {
            heap.countAside(counted - more)
            throw limit(.memory)
        }
    }

    /// After a text: frees a stack that grew beyond what is kept, and stops counting it.
    @inline(__always) mutating func settle() {
        if stackCapacity > JSONReader.stackCountKept { shrinkStack() }
    }

    @inline(never) private mutating func shrinkStack() {
        let byteCount = stackCapacity * MemoryLayout<Value>.size
        if resizeStack(to: JSONReader.stackCountMin) { heap.countAside(-byteCount) }
    }

    /// - Returns: false where the system has no memory left.
    private mutating func resizeStack(to capacity: Int) -> Bool {
        let size = MemoryLayout<Value>.size
        let moved = SystemMemory.resize(
            UInt(stack.address), from: stackCapacity * size, to: capacity * size)
        guard let moved else { return false }
        stack = Slots(address: UInt64(moved))
        stackCapacity = capacity
        return true
    }
}
