// `run --combine C P`: what `run P | run -n C` does, in one process:
//
//     inputs -> P on one or several threads -> outputs in order, as lines -> C on its own -> answer
//
// The run ends with C. Where C reads all outputs, its exit status is that of P unless P's is 0, as
// of a shell's pipeline with `pipefail`; else P does not go on, and its status does not count.

import Glibc
import Transforms

/// `@unchecked Sendable`: the status is guarded by the lock.
final class CombinedRun: @unchecked Sendable {
    private let options: RunOptions
    private let limits: RunLimits
    private let queue = OutputQueue()
    private let lock = Lock()
    /// The exit status of the combining program, once it has ended.
    private var status: Int32?

    init(_ options: RunOptions, _ limits: RunLimits) {
        self.options = options
        self.limits = limits
    }

    /// Starts the combining program, once both are compiled.
    /// - Returns: the job of the other program, `word`, whose outputs it reads.
    func job(_ word: String) throws(StartFailure) -> RunJob {
        // Safety: the queue copies the bytes.
        let destination = unsafe RunDestination(
            drain: { bytes in
                self.queue.waitForRoom()
                unsafe self.queue.append(bytes)
            }, end: { self.end($0) })
        let job = try RunJob(mappingOptions, word, limits, destination)
        let combining = try RunJob(
            combiningOptions, options.combiningProgram ?? "", limits, arguments: job.arguments)
        let limits = limits
        let thread = LargeStack.start { byteCount in
            var own = limits
            own.stackBytesMax = LargeStack.usable(byteCount)
            self.combine(combining, own)
        }
        guard let thread else {
            throw StartFailure(
                text: "jq: error: no memory for a thread\n", status: ExitStatus.failed)
        }
        thread.detach()
        return job
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
        let processor = InputProcessor(job, limits)
        let inputs = InputReader(processor.runner, queue, job.options.form)
        inputs.countsLines = job.program.asksForLineNumber
        processor.runner.connect(inputs)
        processor.begin()
        var status = RunStatus()
        status.add(processor.process(.null, of: inputs))
        processor.sink.buffer.flush()
        let code = status.exitStatus(isExact: job.options.setsExitStatus)
        withExtendedLifetime((processor, inputs)) {
            if !queue.wasReadToEnd { _exit(code) }
        }
        lock.locked {
            self.status = code
            lock.wakeAll()
        }
    }

    /// The other program has ended: waits for the combining one, which reads the rest.
    private func end(_ code: Int32) -> Never {
        queue.end()
        let own = lock.locked {
            while status == nil { lock.wait() }
            return status ?? code
        }
        _exit(code == 0 ? own : code)
    }
}
