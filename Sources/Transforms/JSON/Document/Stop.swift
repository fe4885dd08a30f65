// Why an evaluation ends before its last output. One byte is thrown; what belongs to it (the raised
// value, the limit that was met) is in the run's state.

/// Thrown through the evaluator. Only `raised` can be caught by a program's `try`.
enum Stop: UInt8, Error {
    /// A program raised an error; its value is in the evaluator's state.
    case raised
    /// A limit was met; which one is in the heap's state.
    case limit
    /// `break $label`, unwinding to the label.
    case broke
    /// `halt`, `halt_error`
    case halted
}

/// What a generator's consumer returns for each output.
enum Flow: UInt8 {
    case more
    /// No more outputs are wanted: unwind to the filter that has enough (`first`, `limit`).
    case stop
    /// From a filter in tail position: a call waits in the state of the run (see
    /// Evaluator+Calls.swift).
    case tail
}

/// The limits that a run can meet.
public enum Limit: UInt8, Sendable {
    case none
    /// The run's heap is full.
    case memory
    /// Other runs hold the memory that they share with this one.
    case sharedMemory
    /// The deadline has passed.
    case deadline
    /// The caller cancelled the run.
    case cancelled
    /// Calls, data or program nest too deeply.
    case depth
    /// The output is larger than allowed.
    case output
    /// More steps than the run was given.
    case steps
}
