// The state of a run, and what every part of the evaluator uses.
//
// A filter is evaluated against an input in a frame. Three functions do it:
//
//     one(node, frame, input)          at most one output, returned; the input is borrowed
//     take(node, frame, input)         the same, but the input is owned and consumed: what nobody
//                                      else holds is changed in place
//     each(node, frame, input, emit)   any number of outputs, pushed into `emit` one by one
//
// Whoever receives an output owns it. `absent` means no output.

import Glibc

@safe struct Evaluator {
    // Safety: owned by the `Runner` whose thread runs this evaluator.
    let state: UnsafeMutablePointer<State>

    @safe struct State: ~Copyable {
        let heap: Heap
        let budget: Budget
        /// The error that `raised` carries; owned.
        var error: Value = .null
        /// Where in the program the error was raised.
        var errorOffset: UInt32 = 0
        /// The label that a `broke` unwinds to.
        var breakSerial = 0
        /// How many errors were caught.
        var caughtErrorCount = 0
        var labelSerial = 0
        /// The frames lie from `frameBase` up to `frameEnd`.
        var frameTop: Slots
        var frameBase: Slots
        var frameEnd: Slots
        var depth = 0
        var depthMax: Int
        /// The lowest address that the thread's stack may reach.
        var stackLimit: UInt = 0
        /// The member that each `field` node found last.
        var caches: UnsafeMutablePointer<MemberCache>
        var cacheCapacity: Int
        /// Whether one has a name that is not among those that are kept from text to text.
        var cachesBorrow = false
        var tail = TailCall()
        var path = PathState()
        var scratch: UnsafeMutablePointer<OutputBuffer>
        /// Of texts within values.
        var textReader: JSONReader
        var host: Host
        var exitStatus = 0
        var regexes = RegexCache()
    }

    /// A call in tail position, for the loop of the function that it leaves.
    struct TailCall {
        var node: NodeRef?
        var input = Value.absent
        /// The callee's frame, made on top of the frame that is left.
        var frame: Slots?
    }

    /// The index at which a member was found, and its name there, if that name stays valid during
    /// the run: names of rows that are read share their memory.
    struct MemberCache {
        var index = 0
        var name = Value.absent
    }

    /// The state of `path(f)`: the keys that led to the current value.
    struct PathState {
        var keys = Value.absent
        /// The value that the keys lead to; only its identity is used.
        var value = Value.absent
        /// Whether the current value is a different one, which no path leads to.
        var isOffPath = false
    }

    @inline(__always) init(_ state: UnsafeMutablePointer<State>) { unsafe self.state = state }

    @inline(__always) var heap: Heap { unsafe state.pointee.heap }
    @inline(__always) var budget: Budget { unsafe state.pointee.budget }

    @inline(__always) func charge(_ steps: Int) throws(Stop) { try budget.charge(steps) }

    @inline(__always) func release(_ value: Value) { heap.release(value) }
    @inline(__always) func retain(_ value: Value) -> Value { heap.retain(value) }

    // MARK: Errors

    /// The cost of unwinding to where an error is caught.
    private static let raiseSteps = 32

    /// Raises an owned value.
    @inline(never) func raise(_ value: Value, at node: NodeRef? = nil) -> Stop {
        heap.spend(Evaluator.raiseSteps)
        unsafe heap.release(state.pointee.error)
        unsafe state.pointee.error = value
        if let node { unsafe state.pointee.errorOffset = node.offset }
        return .raised
    }

    /// The raised value, owned.
    func takeError() -> Value {
        unsafe state.pointee.caughtErrorCount &+= 1
        if let sentence = heap.takeSentence() {
            if let text = try? heap.string(sentence) { return text }
        }
        let error = unsafe state.pointee.error
        unsafe state.pointee.error = .null
        return error
    }

    // MARK: Frames

    /// A frame of `size` slots: slot 0 holds the enclosing function's frame, the others are unset.
    @inline(__always) func pushFrame(_ size: Int, enclosing: Slots) throws(Stop) -> Slots {
        let frame = unsafe state.pointee.frameTop
        let top = frame.advanced(by: size)
        if unsafe top.address > state.pointee.frameEnd.address { throw heap.stop(.depth) }
        unsafe state.pointee.frameTop = top
        frame[0] = Value(word: 0, payload: enclosing.address)
        var i = 1
        while i < size {
            frame[i] = .absent
            i &+= 1
        }
        return frame
    }

    /// Drops the frame and what its slots own.
    @inline(__always) func popFrame(_ frame: Slots, _ size: Int) {
        var i = 1
        while i < size {
            heap.release(frame[i])
            i &+= 1
        }
        unsafe state.pointee.frameTop = frame
    }

    /// The frame `up` functions further out; -1 means the program's own.
    @inline(__always) func frame(_ frame: Slots, up: Int) -> Slots {
        if up == 0 { return frame }
        if up < 0 { return unsafe state.pointee.frameBase }
        var current = frame
        for _ in 0..<up { current = Slots(address: current[0].payload) }
        return current
    }

    /// Counts a call and checks that the thread's stack has room for it.
    @inline(__always) func enter() throws(Stop) {
        try charge(1)
        let depth = unsafe state.pointee.depth &+ 1
        unsafe state.pointee.depth = depth
        if unsafe depth > state.pointee.depthMax
            || Evaluator.stackAddress() < state.pointee.stackLimit
        {
            throw heap.stop(.depth)
        }
    }

    @inline(__always) func leave() { unsafe state.pointee.depth &-= 1 }

    /// The approximate top of the thread's stack.
    @inline(__always) static func stackAddress() -> UInt {
        var marker: UInt8 = 0
        return unsafe withUnsafeMutablePointer(to: &marker) { UInt(bitPattern: $0) }
    }
}

extension Value {
    /// A filter with its frame; node pointers have at most 48 bits in user space.
    @inline(__always) static func closure(_ node: NodeRef, _ frame: Slots) -> Value {
        let address = unsafe UInt64(UInt(bitPattern: node.pointer))
        assert(address >> 48 == 0)
        return Value(word: address << 16 | UInt64(Tag.closure.rawValue), payload: frame.address)
    }

    @inline(__always) var closureNode: NodeRef {
        unsafe NodeRef(UnsafePointer(bitPattern: UInt(word >> 16)).unsafelyUnwrapped)
    }

    /// Signals that a call in tail position waits in the evaluator's state.
    @inline(__always) static var tailCall: Value { Value(word: 0, payload: 1) }
    @inline(__always) var isTailCall: Bool { payload == 1 && isAbsent }
}
