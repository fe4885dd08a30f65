// Whether a filter is run for its outputs alone, or for the paths that lead to them too: what
// `path(f)` and updates ask for. `Evaluator.each` and all control flow are written once, generic
// over this, and the compiler makes two versions of each function:
//
//     each(node, frame, input, emit)                  values: nothing of paths is left in it
//     each(node, frame, input, Tracked.self, emit)    the state's path leads to each output
//
// While paths are tracked, field, index, slice, iterate, `..` and `getpath` append their key to the
// keys of the state, run what follows, and remove it again. Any other filter is run for its values;
// its outputs are apart from the path: they can be tested, but not accessed.
//
// Safety: the state is the runner's own; pointers into values go with their counts.

protocol Tracking {
    static var isOn: Bool { get }

    /// An owned output that is kept for later, with the path that led to it.
    associatedtype Held

    /// An owned output with the current path.
    static func hold(_ value: Value, _ evaluator: Evaluator) -> Held
    /// An owned value that no path leads to.
    static func apart(_ value: Value) -> Held
    /// The kept output, borrowed.
    static func value(_ held: Held) -> Value
    static func drop(_ held: Held, _ evaluator: Evaluator)
    /// Runs `body` with the path to a kept output, which the caller still owns.
    static func at(_ held: Held, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    /// Emits a kept output, which is used up.
    static func emit(_ held: Held, _ evaluator: Evaluator, _ emit: Emit) throws(Stop) -> Flow
}

enum Untracked: Tracking {
    @inline(__always) static var isOn: Bool { false }

    @inline(__always) static func hold(_ value: Value, _ evaluator: Evaluator) -> Value { value }
    @inline(__always) static func apart(_ value: Value) -> Value { value }
    @inline(__always) static func value(_ held: Value) -> Value { held }
    @inline(__always) static func drop(_ held: Value, _ evaluator: Evaluator) {
        evaluator.release(held)
    }
    @inline(__always) static func at(
        _ held: Value, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        try body()
    }
    @inline(__always) static func emit(_ held: Value, _ evaluator: Evaluator, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try emit(held)
    }
}

enum Tracked: Tracking {
    struct Held {
        var value: Value
        var path: Evaluator.PathState
    }

    @inline(__always) static var isOn: Bool { true }

    static func hold(_ value: Value, _ evaluator: Evaluator) -> Held {
        let path = unsafe evaluator.state.pointee.path
        evaluator.heap.retain(path.keys)
        return Held(value: value, path: path)
    }

    static func apart(_ value: Value) -> Held {
        Held(value: value, path: Evaluator.PathState(isBroken: true))
    }

    static func value(_ held: Held) -> Value { held.value }

    static func drop(_ held: Held, _ evaluator: Evaluator) {
        evaluator.releaseBoth(held.value, held.path.keys)
    }

    static func at(_ held: Held, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    {
        evaluator.heap.retain(held.path.keys)
        return try evaluator.withPath(held.path, body)
    }

    static func emit(_ held: Held, _ evaluator: Evaluator, _ emit: Emit) throws(Stop) -> Flow {
        try evaluator.withPath(held.path) { () throws(Stop) in try emit(held.value) }
    }
}
