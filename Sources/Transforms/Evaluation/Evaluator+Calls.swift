// Calls. A call in tail position leaves its own frame first: it makes the callee's frame, records
// it in the state and returns `tailCall` (or `Flow.tail`) to the loop of the function that it
// leaves, which continues with the callee. So tail recursion takes constant space.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

extension Evaluator {
    /// Makes a callee's frame with its arguments, on top of the frames.
    @inline(__always) func makeFrame(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> Slots
    {
        let callee = try pushFrame(
            node.slotCount, enclosing: self.frame(frame, up: node.calleeFramesOut))
        for i in 0..<node.argumentCount {
            let link = node.argument(i)
            switch link.kind {
            case Link.child: callee[i &+ 1] = .closure(link.a, frame)
            case Link.value:
                do throws(Stop) { callee[i &+ 1] = try one(link.a, frame, input) } catch {
                    popFrame(callee, node.slotCount)
                    throw error
                }
            default: callee[i &+ 1] = self.frame(frame, up: link.framesOut)[link.slot]
            }
        }
        return callee
    }

    /// Records a call in tail position; the input is owned.
    private func noteTail(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop) {
        let callee = try makeFrame(node, frame, input)
        unsafe state.pointee.tail = TailCall(node: node, input: input, frame: callee)
    }

    /// Replaces the frame that is being left: the callee's frame is moved down to its start.
    private func enterTail(_ frame: Slots, _ size: Int) throws(Stop) -> (NodeRef, Value) {
        guard let node = unsafe state.pointee.tail.node,
            let callee = unsafe state.pointee.tail.frame
        else { preconditionFailure("a tail call without a callee") }
        try charge(1)
        let input = unsafe state.pointee.tail.input
        for i in 1..<size { heap.release(frame[i]) }
        frame.copyUncharged(callee, node.slotCount)
        unsafe state.pointee.frameTop = frame.advanced(by: node.slotCount)
        return (node, input)
    }

    /// A call with at most one output; the input is owned.
    @inline(never) func oneCall(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        if node.isTailCall {
            try noteTail(node, frame, input)
            return .tailCall
        }
        try enter()
        var call = node
        let callee = try makeFrame(node, frame, input)
        var value: Value
        do throws(Stop) {
            value = try take(call.a, callee, input)
            while value.isTailCall {
                let next = try enterTail(callee, call.slotCount)
                call = next.0
                value = try take(call.a, callee, next.1)
            }
        } catch {
            popFrame(callee, call.slotCount)
            leave()
            throw error
        }
        popFrame(callee, call.slotCount)
        leave()
        return value
    }

    /// A call with any number of outputs; the input is borrowed.
    @inline(never) func eachCall<T: Tracking>(
        _ node: NodeRef, _ frame: Slots, _ input: Value, _ tracking: T.Type, _ emit: Emit
    ) throws(Stop) -> Flow {
        // While paths are tracked a call keeps its frame: its keys must be removed after it.
        if !T.isOn && node.isTailCall {
            try noteTail(node, frame, retain(input))
            return .tail
        }
        try enter()
        var call = node
        let callee = try makeFrame(node, frame, input)
        var flow: Flow
        do throws(Stop) {
            flow = try each(call.a, callee, input, tracking, emit)
            while flow == .tail {
                let next = try enterTail(callee, call.slotCount)
                call = next.0
                defer { release(next.1) }
                flow = try each(call.a, callee, next.1, tracking, emit)
            }
        } catch {
            popFrame(callee, call.slotCount)
            leave()
            throw error
        }
        popFrame(callee, call.slotCount)
        leave()
        return flow
    }
}
