// A program and its arguments -> the plan of a batch, on a worker: compiling is no work for the
// loop.

import HTTPKit
import Transforms

final class PlanSlice: Slice {
    private let program: BatchProgram
    private let arguments: [QueryParameter]
    private let work: BatchWork
    private let eventLoop: EventLoop
    private let done: @Sendable (Result<InputPlan, Problem>) -> Void

    /// - Parameter done: called on the loop.
    init(
        _ program: BatchProgram, _ arguments: [QueryParameter], _ work: BatchWork,
        _ eventLoop: EventLoop,
        done: @escaping @Sendable (Result<InputPlan, Problem>) -> Void
    ) {
        self.program = program
        self.arguments = arguments
        self.work = work
        self.eventLoop = eventLoop
        self.done = done
    }

    var deadlineNanoseconds: UInt64 { work.settings.deadlineNanoseconds }

    func run(on executor: Executor) {
        if work.cancel.isCancelled { return }
        let result = Result { () throws(Problem) in
            switch program {
            case .text(let text): try executor.inputPlan(text, arguments)
            case .named(let transform): try executor.inputPlan(transform, arguments)
            }
        }
        let done = done
        eventLoop.execute { done(result) }
    }
}
