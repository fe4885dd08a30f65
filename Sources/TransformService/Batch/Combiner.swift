// A combining program and a queue of outputs -> an answer, on a thread of its own: it waits for
// outputs, which a worker must not do.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

final class Combiner: Sendable {
    /// The content of a response, and the count of its memory.
    struct Answer: Sendable {
        var content: ByteBuffer
        var coding: ContentCoding?
        var hold: MemoryHold
    }

    /// Single requests and the lines of batches have priority.
    private static var niceness: Int32 { Executor.niceness + 5 }

    private let limits: RunLimits
    private let memory: MemoryAccount
    private let makeExecutor: @Sendable () -> Executor
    /// Held while an executor is made: there may be room for one only.
    private let lock = Lock()

    /// - Parameters:
    ///   - limits: of the executors.
    ///   - memory: counts the answers.
    init(
        _ limits: RunLimits, _ memory: MemoryAccount,
        makeExecutor: @escaping @Sendable () -> Executor
    ) {
        self.limits = limits
        self.memory = memory
        self.makeExecutor = makeExecutor
    }

    /// - Parameter done: called on the thread, once, unless the batch was cancelled.
    /// - Returns: false if the system has no room for a thread.
    func start(
        _ combination: Combination, _ work: BatchWork, _ queue: OutputQueue,
        done: @escaping @Sendable (Result<Answer, Problem>) -> Void
    ) -> Bool {
        Thread.start(
            name: "combine", stackBytes: limits.stackBytesMax + Executor.stackReserveBytes,
            niceness: Self.niceness
        ) {
            if let result = self.run(combination, work, queue) { done(result) }
        }
    }

    private func run(
        _ combination: Combination, _ work: BatchWork, _ queue: OutputQueue
    ) -> Result<Answer, Problem>? {
        let made = lock.locked { Runner.hasAddressSpace(for: limits) ? makeExecutor() : nil }
        guard let executor = made else { return .failure(.noMemory) }
        do throws(Problem) {
            let plan: InputPlan
            switch combination.program {
            case .text(let text):
                plan = try executor.inputPlan(
                    text, combination.arguments, defaults: combination.defaults)
            case .named(let transform):
                plan = try executor.combiningPlan(transform, combination.arguments)
            }
            switch executor.combine(plan, queue, combination, work) {
            case .written: break
            case .problem(let problem): throw problem
            case .cancelled: return nil
            case .unfinished: throw Problem(.internalError, "The run was given up.")
            }
        } catch {
            var problem = error
            problem.detail = "The combining program: " + problem.detail
            return .failure(problem)
        }
        guard let (content, hold) = executor.takeOutput(memory) else {
            return .failure(.noMemory)
        }
        guard let coding = combination.coding, content.readableBytes >= combination.codedBytesMin
        else { return .success(Answer(content: content, hold: hold)) }
        var coded = CodedContent(coding)
        // Safety: the bytes are used only while the closure runs.
        unsafe content.withUnsafeReadableBytes { unsafe coded.append($0) }
        return .success(Answer(content: coded.takeWhole(), coding: coding, hold: hold))
    }
}

extension Executor {
    /// Runs a program with `null`, whose `inputs` are those of the queue.
    ///
    /// From one input to the next, and after the last, it may take as long as an input of the
    /// batch, and as much memory as any run.
    fileprivate func combine(
        _ plan: InputPlan, _ queue: OutputQueue, _ combination: Combination, _ work: BatchWork
    ) -> Outcome {
        let settings = work.settings
        let nanosecondsMax = min(settings.inputNanosecondsMax, plan.timeoutNanoseconds)
        var deadline: UInt64 {
            min(MonotonicClock.nanoseconds() &+ nanosecondsMax, settings.deadlineNanoseconds)
        }
        beginInputs(plan, requestID: settings.requestID)
        runner.begin(deadlineNanoseconds: deadline, cancel: work.cancel)
        if plan.memoryBytesMax != .max {
            runner.tighten(deadlineNanoseconds: .max, memoryBytesMax: plan.memoryBytesMax)
        }
        let inputs = InputReader(runner, queue, InputForm())
        let renew = { [runner] in runner.move(deadlineNanoseconds: deadline) }
        runner.connect(inputs, hasRead: renew)
        queue.hasWaited = renew
        defer {
            queue.hasWaited = nil
            withExtendedLifetime(inputs) {}
        }
        var framer = OutputFramer(combination.choice)
        let documents = plan.arguments.documents(plan.program.argumentNames)
        do throws(RunFailure) {
            try evaluate(plan.program, .null, documents, &framer, isTimed: false)
        } catch {
            guard case .problem(let problem) = failure(error, location(error, plan, combination))
            else { return .cancelled }
            let isOfBatch = MonotonicClock.nanoseconds() >= settings.deadlineNanoseconds
            return .problem(
                problem.naming(
                    timeoutNanoseconds: isOfBatch ? settings.timeoutNanoseconds : nanosecondsMax))
        }
        return framer.outcome
    }

    /// Where the text of the query raised.
    private func location(
        _ error: RunFailure, _ plan: InputPlan, _ combination: Combination
    ) -> Problem.Location? {
        guard case .raised(_, let offset) = error, case .text(let text) = combination.program,
            let own = plan.program.moduleOffset(of: offset)
        else { return nil }
        return Problem.Location(offset: own.offset, in: Array(text.utf8))
    }
}
