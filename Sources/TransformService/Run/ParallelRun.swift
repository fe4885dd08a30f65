// Newline-delimited JSON -> outputs in the same order, on several threads.
//
//     file      | unit 0 | unit 1 | unit 2 | unit 3 ...      whole lines, about a mebibyte each
//     thread A    unit 0            unit 2                   each takes the next unit, and writes
//     thread B             unit 1            unit 3          its outputs in the order of units

import Glibc
import Transforms

/// The state shared by the threads. `@unchecked Sendable`: the files and units are guarded by
/// `inputLock`, the state of the output by `outputLock`.
@safe final class ParallelRun: @unchecked Sendable {
    private let job: RunJob
    private let limits: RunLimits
    private static let stackByteCountMax = 512 << 20

    private let inputLock = Lock()
    private let files: InputFiles
    private let units: LineUnits

    private let outputLock = Lock()
    private var writtenCount = 0
    private var hasEnded = false
    private var status = RunStatus()

    init(_ job: RunJob, _ limits: RunLimits) {
        self.job = job
        self.limits = limits
        files = InputFiles(
            job.options.files.isEmpty ? ["-"] : job.options.files, boundaries: .lines,
            deadlineNanoseconds: job.deadlineNanoseconds, bytesMax: limits.memoryBytesMax)
        units = LineUnits(files)
    }

    /// - Returns: the exit status.
    func run() -> Int32 {
        let threads = (0..<job.options.threadCount).compactMap { _ in
            LargeStack.start(ParallelRun.stackByteCountMax) { byteCount in
                var limits = self.limits
                limits.stackBytesMax = byteCount - byteCount / 8
                self.work(limits)
            }
        }
        if threads.isEmpty {
            StandardStreams.complain("error: no memory for a thread")
            return ExitStatus.failed
        }
        for thread in threads { thread.join() }
        // No unit told of it: the threads waited for the next one.
        if files.limitMet != .none && !hasEnded {
            StandardStreams.complain("error: \(job.options.sentence(files.limitMet))")
            return ExitStatus.failed
        }
        if files.errorCount > 0 { return ExitStatus.badInput }
        return status.exitStatus(isExact: job.options.setsExitStatus)
    }

    /// The work of one thread: processes units until there are no more.
    private func work(_ limits: RunLimits) {
        var messages: [UInt8] = []
        let processor = unsafe InputProcessor(
            job, limits, drain: nil, takeMessage: { bytes in unsafe messages += bytes })
        let source = UnitBlocks()
        let inputs = InputReader(processor.runner, source, job.options.form, for: job.program)
        inputs.countsLines = job.countsLines
        while let unit = inputLock.locked({ units.next() }) {
            source.block = unit.block
            var status = RunStatus()
            let isLast = processUnit(inputs, processor, &status)
            if unit.owner != nil { inputLock.locked { units.giveBack(unit) } }
            let goesOn = write(unit.index, processor, messages, status, isLast)
            messages = []
            processor.sink.buffer.removeAll()
            if !goesOn { return }
        }
    }

    /// - Returns: whether no unit may follow.
    private func processUnit(
        _ inputs: InputReader, _ processor: InputProcessor, _ status: inout RunStatus
    ) -> Bool {
        while !processor.hasEnded {
            processor.begin()
            do throws(InputFailure) {
                guard let input = try inputs.next() else { return false }
                status.add(processor.process(input) { inputs.location })
            } catch {
                status.add(processor.fail(error))
                return true
            }
        }
        return true
    }

    /// Waits for its turn and writes; returns false if an earlier unit ended the run.
    private func write(
        _ index: Int, _ processor: InputProcessor, _ messages: [UInt8], _ later: RunStatus,
        _ isLast: Bool
    ) -> Bool {
        outputLock.locked {
            while writtenCount != index && !hasEnded { outputLock.wait() }
            if !hasEnded {
                unsafe processor.sink.buffer.withUnsafeBytes {
                    unsafe StandardStreams.drainOutput($0)
                }
                unsafe messages.withUnsafeBytes { bytes in
                    _ = unsafe StandardStreams.write(bytes, to: STDERR_FILENO)
                }
                status.add(later)
                writtenCount += 1
                hasEnded = isLast
                outputLock.wakeAll()
            }
            return !hasEnded
        }
    }
}

/// The unit that a thread is processing, as the blocks of its reader.
private final class UnitBlocks: InputBlocks {
    var block: InputBlock?

    func next() -> InputBlock? {
        defer { block = nil }
        return block
    }

    func giveBack(_ block: InputBlock) {}
}

/// A mutex with a condition.
@safe private final class Lock: @unchecked Sendable {
    // Safety: initialised by `init`, freed by `deinit`; the C library synchronizes their use.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Releases the lock until another thread calls `wakeAll`.
    func wait() { unsafe pthread_cond_wait(condition, mutex) }

    func wakeAll() { unsafe pthread_cond_broadcast(condition) }
}
