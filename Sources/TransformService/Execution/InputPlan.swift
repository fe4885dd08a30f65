// What every input of a batch is run through. It is made once, on any worker, and used by slices on
// all of them.

import Transforms

/// The program of a batch, and the values of its arguments.
///
/// It is not a request's `Executor.Plan`. That one's input and arguments are documents in the heap
/// of the run, which belongs to one thread and which `Runner.begin` empties before each input.
/// `ArgumentValues` has a heap of its own: a single request would pay for allocating it, and it
/// does not count toward the memory of the run.
struct InputPlan: Sendable {
    var program: Program
    let arguments: ArgumentValues
    /// A named transform's own bounds for one input.
    var timeoutNanoseconds = UInt64.max
    var memoryBytesMax = Int.max
}
