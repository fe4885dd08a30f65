// JSON texts, one or more a line -> outputs in the same order, on several threads.
//
//     file      | unit 0 | unit 1 | unit 2 | unit 3 ...      whole lines, half a mebibyte each
//     thread A    unit 0            unit 2                   each takes the next unit, and writes
//     thread B             unit 1            unit 3          its outputs in the order of units
//
// A thread writes at once while its unit is the first that is not written. A text that goes on
// after its unit makes its thread go on alone: the others drop what they have done. So the answer
// is that of one thread, whatever the input.

import Glibc
import Synchronization
import Transforms

/// The state shared by the threads. `@unchecked Sendable`: the units are guarded by `inputLock`,
/// the state of the output by `outputLock`.
@safe final class ParallelRun: @unchecked Sendable {
    private let job: RunJob
    private let limits: RunLimits
    private let stackByteCount: Int

    private let inputLock = Lock()
    private let files: InputFiles
    private let units: LineUnits
    private var hasStartedThreads = false
    /// How many threads are used, and after how much input the others are started, where nothing
    /// is said.
    private static let threadCountMax = 8
    private static let byteCountMin = 4 << 20

    private let outputLock = Lock()
    /// The first unit that is not written. It is changed under the lock.
    private let current = Atomic<Int>(0)
    private var workingCount = 1
    private var cancels: [CancelFlag] = []
    /// Whether one thread goes on alone.
    private var isClosed = false
    private var status = RunStatus()

    /// - Parameter stackByteCount: of the caller's thread; the others must have as much.
    init(_ job: RunJob, _ limits: RunLimits, stackByteCount: Int) {
        self.job = job
        self.limits = limits
        self.stackByteCount = stackByteCount
        files = InputFiles(
            job.options.files.isEmpty ? ["-"] : job.options.files, boundaries: .textsOrLines,
            deadlineNanoseconds: job.deadlineNanoseconds, bytesMax: limits.memoryBytesMax)
        units = LineUnits(files)
    }

    /// Whether several threads may be used: the outputs of a line must not depend on another line.
    static func serves(_ job: RunJob) -> Bool {
        let options = job.options
        if options.threadCount == 1 || options.threadCount == nil && options.isUnbuffered {
            return false
        }
        return options.form.kind == .texts && !options.form.slurps && !options.form.isSequence
            && !options.form.isSingle && !options.usesNullInput && !job.program.readsInputs
    }

    /// Ends with the exit status.
    func run() -> Never {
        work(isFirst: true)
        outputLock.locked { while workingCount > 0 { outputLock.wait() } }
        units.complainAtEnd()
        if files.limitMet != .none {
            // No unit told of it: the threads waited for the next one.
            StandardStreams.complain("error: \(job.options.sentence(files.limitMet))")
            job.destination.end(files.errorCount > 0 ? ExitStatus.badInput : ExitStatus.failed)
        }
        end(files.errorCount > 0)
    }

    private func end(_ hasFileError: Bool) -> Never {
        let code = status.exitStatus(isExact: job.options.setsExitStatus)
        job.destination.end(hasFileError ? ExitStatus.badInput : code)
    }

    /// The work of one thread: processes units until there are no more.
    private func work(isFirst: Bool) {
        defer { endWork() }
        let cancel = CancelFlag()
        outputLock.locked { cancels.append(cancel) }
        let output = UnitOutput(self, job.destination)
        let source = UnitBlocks(units) { index in
            guard self.goAlone(index, cancel) else { return false }
            output.writeMessages()
            return true
        }
        let made = inputLock.locked { () -> InputProcessor? in
            if !isFirst && !Runner.hasAddressSpace(for: limits) { return nil }
            // Safety: outputs and messages are used only while they are taken.
            return unsafe InputProcessor(
                job, limits, cancel: cancel, keptBytesMax: UnitOutput.keptBytesMax,
                drain: output.drain, takeMessage: output.takeMessage)
        }
        guard let processor = made else { return }
        let inputs = InputReader(processor.runner, source, job.options.form, for: job.program)
        inputs.countsLines = job.program.asksForLineNumber
        while let unit = nextUnit() {
            output.index = unit.index
            if !source.begin(unit) { break }
            var status = RunStatus()
            let isLast = process(inputs, source, processor, &status)
            if !finish(unit.index, processor, output, status, isLast) { break }
        }
        withExtendedLifetime((source, processor, inputs)) {}
    }

    private func endWork() {
        outputLock.locked {
            workingCount -= 1
            outputLock.wakeAll()
        }
    }

    private func nextUnit() -> LineUnits.Unit? {
        inputLock.locked {
            let unit = units.next()
            if !hasStartedThreads && unit != nil && units.hasMore { startThreads() }
            return unit
        }
    }

    /// Starts the other threads if it is time.
    private func startThreads() {
        let asked = job.options.threadCount
        if asked == nil && units.byteCount <= ParallelRun.byteCountMin { return }
        hasStartedThreads = true
        for _ in 1..<(asked ?? max(1, min(CPUQuota.count(), ParallelRun.threadCountMax))) {
            outputLock.locked { workingCount += 1 }
            let thread = LargeStack.start { byteCount in
                // With less memory than the first thread it might refuse what that one does.
                if byteCount < self.stackByteCount { return self.endWork() }
                self.work(isFirst: false)
            }
            thread?.detach()
            if thread == nil { outputLock.locked { workingCount -= 1 } }
        }
    }

    /// - Returns: whether no unit may follow.
    private func process(
        _ inputs: InputReader, _ source: UnitBlocks, _ processor: InputProcessor,
        _ status: inout RunStatus
    ) -> Bool {
        while !processor.hasEnded && !source.isAfterFileError {
            processor.begin()
            do throws(InputFailure) {
                guard let input = try inputs.next() else { return false }
                status.add(processor.process(input, of: inputs))
            } catch {
                status.add(processor.fail(error))
                return true
            }
        }
        return true
    }

    // MARK: Order

    /// Whether no earlier unit is still to be written.
    func isCurrent(_ index: Int) -> Bool { current.load(ordering: .acquiring) == index }

    /// Waits until all earlier units are written.
    /// - Returns: false if this one is not to be written.
    func waitUntilCurrent(_ index: Int) -> Bool {
        outputLock.locked {
            while !isCurrent(index) && !isClosed { outputLock.wait() }
            return isCurrent(index)
        }
    }

    /// Writes a unit's outputs after those of earlier ones.
    /// - Returns: false if no unit is to be processed after it.
    private func finish(
        _ index: Int, _ processor: InputProcessor, _ output: UnitOutput, _ later: RunStatus,
        _ isLast: Bool
    ) -> Bool {
        guard waitUntilCurrent(index) else { return false }
        processor.sink.buffer.flush()
        output.writeMessages()
        processor.sink.buffer.removeAll()
        status.add(later)
        if isLast { end(units.isAfterFileError) }
        // The input's lock may be held for as long as a pipe gives nothing.
        outputLock.locked {
            current.store(index + 1, ordering: .releasing)
            outputLock.wakeAll()
        }
        inputLock.locked { units.finish(index) }
        return true
    }

    /// Ends the work of the other threads as soon as the unit is current.
    /// - Parameter own: the flag that does not end it.
    /// - Returns: false if the unit is not to be written.
    private func goAlone(_ index: Int, _ own: CancelFlag) -> Bool {
        guard waitUntilCurrent(index) else { return false }
        inputLock.locked { units.goAlone(after: index) }
        outputLock.locked {
            isClosed = true
            for cancel in cancels where cancel !== own { cancel.cancel() }
            outputLock.wakeAll()
            while workingCount > 1 { outputLock.wait() }
        }
        return true
    }
}
