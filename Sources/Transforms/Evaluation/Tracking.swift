// Whether a filter is run for its outputs alone, or also for the paths that lead to them, which
// `path(f)` and updates need. `Evaluator.each` and all control flow are written once, generic
// over this, and the compiler makes two versions of each function:
//
//     each(node, frame, input, emit)                  values: no trace of paths is left in it
//     each(node, frame, input, Tracked.self, emit)    the state's path leads to each output
//
// While paths are tracked, field, index, slice, iterate, `..` and `getpath` append their key to the
// keys of the state, run what follows, and remove it again. Any other filter is run for its values;
// its outputs are off the path: they can be tested, but not accessed.
//
// Safety: the state is the runner's own; pointers into values come with their counts.

protocol Tracking {
    static var isOn: Bool { get }

    /// An owned output that is saved for later, with the path that led to it.
    associatedtype Saved

    /// An owned output with the current path.
    static func save(_ value: Value, _ evaluator: Evaluator) -> Saved
    /// An owned value that no path leads to.
    static func offPath(_ value: Value) -> Saved
    /// The saved output, borrowed.
    static func value(_ saved: Saved) -> Value
    static func drop(_ saved: Saved, _ evaluator: Evaluator)
    /// Runs `body` with the path to a saved output, which the caller still owns.
    static func at(_ saved: Saved, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    /// Emits a saved output, which is consumed.
    static func emit(_ saved: Saved, _ evaluator: Evaluator, _ emit: Emit) throws(Stop) -> Flow
}

enum Untracked: Tracking {
    @inline(__always) static var isOn: Bool { false }

    @inline(__always) static func save(_ value: Value, _ evaluator: Evaluator) -> Value { value }
    @inline(__always) static func offPath(_ value: Value) -> Value { value }
    @inline(__always) static func value(_ saved: Value) -> Value { saved }
    @inline(__always) static func drop(_ saved: Value, _ evaluator: Evaluator) {
        evaluator.release(saved)
    }
    @inline(__always) static func at(
        _ saved: Value, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow
    ) throws(Stop) -> Flow {
        try body()
    }
    @inline(__always) static func emit(_ saved: Value, _ evaluator: Evaluator, _ emit: Emit)
        throws(Stop) -> Flow
    {
        try emit(saved)
    }
}

enum Tracked: Tracking {
    struct Saved {
        var value: Value
        var path: Evaluator.PathState
    }

    @inline(__always) static var isOn: Bool { true }

    static func save(_ value: Value, _ evaluator: Evaluator) -> Saved {
        let path = unsafe evaluator.state.pointee.path
        evaluator.heap.retain(path.keys)
        return Saved(value: value, path: path)
    }

    static func offPath(_ value: Value) -> Saved {
        Saved(value: value, path: Evaluator.PathState(isOffPath: true))
    }

    static func value(_ saved: Saved) -> Value { saved.value }

    static func drop(_ saved: Saved, _ evaluator: Evaluator) {
        evaluator.releaseBoth(saved.value, saved.path.keys)
    }

    static func at(_ saved: Saved, _ evaluator: Evaluator, _ body: () throws(Stop) -> Flow)
        throws(Stop) -> Flow
    {
        evaluator.heap.retain(saved.path.keys)
        return try evaluator.withPath(saved.path, body)
    }

    static func emit(_ saved: Saved, _ evaluator: Evaluator, _ emit: Emit) throws(Stop) -> Flow {
        try evaluator.withPath(saved.path) { () throws(Stop) in try emit(saved.value) }
    }
}
