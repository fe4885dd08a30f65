// A combining program and a queue of outputs -> an answer, on a thread of its own: it waits for
// outputs, which a worker must not do. A thread takes the next program when one has ended, so there
// are about as many as there were such batches at a time.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// `@unchecked Sendable`: its variables are guarded by the lock.
final class Combiner: @unchecked Sendable {
    /// The content of a response, and the count of its memory.
    struct Answer: Sendable {
        var content: ByteBuffer
        var coding: ContentCoding?
        var hold: MemoryHold
    }

    /// Runs a combining program; without an executor there is no memory for one.
    private typealias Task = @Sendable (Executor?) -> Void

    /// Single requests and the lines of batches have priority.
    private static var niceness: Int32 { Executor.niceness + 5 }

    private let limits: RunLimits
    private let memory: MemoryAccount
    private let makeExecutor: @Sendable () -> Executor
    /// Held while an executor is made: there may be room for one only.
    private let makingLock = Lock()

    private let lock = Lock()
    /// In order; there is a free thread for each, or one that is being started.
    private var tasks: [(number: Int, task: Task)] = []
    private var taskCount = 0
    /// Threads that take the next program.
    private var freeCount = 0
    private var isClosed = false

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
        let task: Task = { executor in
            guard let executor else { return done(.failure(.noMemory)) }
            let result = self.run(combination, work, queue, executor)
            executor.endInputs()
            if let result { done(result) }
        }
        let (number, needsThread) = lock.locked { () -> (Int, Bool) in
            taskCount += 1
            tasks.append((taskCount, task))
            let needsThread = tasks.count > freeCount
            if needsThread { freeCount += 1 }
            lock.wakeAll()
            return (taskCount, needsThread)
        }
        if !needsThread { return true }
        let isStarted = Thread.start(
            name: "combine", stackBytes: limits.stackBytesMax + Executor.stackReserveBytes,
            niceness: Self.niceness
        ) { self.work() }
        return isStarted || wasTaken(number)
    }

    /// Gives up a thread that was not started.
    /// - Returns: whether another one has taken its program meanwhile; else that is dropped.
    private func wasTaken(_ number: Int) -> Bool {
        lock.locked {
            freeCount -= 1
            guard let index = tasks.firstIndex(where: { $0.number == number }) else { return true }
            tasks.remove(at: index)
            return false
        }
    }

    /// Ends the threads that wait, and the others once their programs have ended.
    func close() {
        lock.locked {
            isClosed = true
            lock.wakeAll()
        }
    }

    private func work() {
        let made = makingLock.locked {
            Runner.hasAddressSpace(for: limits) ? makeExecutor() : nil
        }
        guard let executor = made else {
            next(isLast: true)?(nil)
            return
        }
        while runNext(executor) {
            lock.locked { freeCount += 1 }
            executor.runner.releaseMemory()
            Thread.releaseStack()
        }
    }

    /// A function of its own, so that nothing of a program is kept while the next one is awaited.
    @inline(never) private func runNext(_ executor: Executor) -> Bool {
        guard let task = next() else { return false }
        task(executor)
        return true
    }

    /// Waits for the next program; nil when there are no more.
    private func next(isLast: Bool = false) -> Task? {
        lock.locked {
            while tasks.isEmpty && !isClosed && !isLast { lock.wait() }
            freeCount -= 1
            return tasks.isEmpty ? nil : tasks.removeFirst().task
        }
    }

    private func run(
        _ combination: Combination, _ work: BatchWork, _ queue: OutputQueue, _ executor: Executor
    ) -> Result<Answer, Problem>? {
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
        let renew = { [unowned runner] in runner.move(deadlineNanoseconds: deadline) }
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
