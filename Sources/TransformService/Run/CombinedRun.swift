// `run --combine C P`: what `run P | run -n C` does, in one process:
//
//     inputs -> P on one or several threads -> outputs in order, as lines -> C on its own -> answer
//
// The run ends with C: where C reads no further inputs, P does not go on either.

import Glibc
import Synchronization
import Transforms

final class CombinedRun: Sendable {
    private let options: RunOptions
    private let limits: RunLimits
    private let queue = OutputQueue()
    /// The exit status of the combining program, once it has ended.
    private let status = Atomic<Int32>(0)

    init(_ options: RunOptions, _ limits: RunLimits) {
        self.options = options
        self.limits = limits
    }

    /// Starts the combining program.
    /// - Returns: the job of the other program, `word`, whose outputs it reads.
    func job(_ word: String) throws(StartFailure) -> RunJob {
        let combining = try RunJob(combiningOptions, options.combiningProgram ?? "", limits)
        let limits = limits
        let thread = LargeStack.start { byteCount in
            var own = limits
            own.stackBytesMax = byteCount - min(byteCount / 8, 8 << 20)
            self.combine(combining, own)
        }
        guard let thread else {
            throw StartFailure(text: "jq: error: no memory for a thread\n", status: 5)
        }
        let queue = queue
        let destination = unsafe RunDestination(
            drain: { bytes in
                queue.waitForRoom()
                unsafe queue.append(bytes)
            },
            end: { code in
                queue.end()
                thread.join()
                _exit(code == 0 ? self.status.load(ordering: .acquiring) : code)
            })
        return try RunJob(mappingOptions, word, limits, destination)
    }

    /// Of the program whose outputs are combined: they are lines of JSON.
    private var mappingOptions: RunOptions {
        var mapping = options
        mapping.output = .json
        mapping.write = WriteOptions()
        (mapping.wantsColors, mapping.refusesColors) = (false, true)
        mapping.setsExitStatus = false
        return mapping
    }

    private var combiningOptions: RunOptions {
        var combining = options
        combining.programIsFile = false
        combining.files = []
        combining.form = InputForm()
        combining.form.isLenient = true
        combining.form.isSequence = options.isSequence
        combining.usesNullInput = true
        return combining
    }

    private func combine(_ job: RunJob, _ limits: RunLimits) {
        // Safety: the bytes are used only during the calls.
        let processor = unsafe InputProcessor(
            job, limits,
            drain: { bytes in
                unsafe job.destination.drain(bytes)
                return true
            },
            takeMessage: { bytes in _ = unsafe StandardStreams.write(bytes, to: STDERR_FILENO) })
        let inputs = InputReader(processor.runner, queue, job.options.form)
        inputs.countsLines = job.program.asksForLineNumber
        processor.runner.connect(inputs)
        processor.begin()
        var status = RunStatus()
        status.add(processor.process(.null, of: inputs))
        processor.sink.buffer.flush()
        let code = status.exitStatus(isExact: job.options.setsExitStatus)
        self.status.store(code, ordering: .releasing)
        withExtendedLifetime((processor, inputs)) {
            if !queue.hasEnded { _exit(code) }
        }
    }
}
