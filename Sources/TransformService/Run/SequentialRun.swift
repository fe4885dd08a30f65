// The inputs of a command line, in order, each with an empty heap: a stream of any length takes the
// memory of its largest input.

import Glibc
import Transforms

struct SequentialRun {
    private let job: RunJob
    private let limits: RunLimits

    init(_ job: RunJob, _ limits: RunLimits) {
        self.job = job
        self.limits = limits
    }

    /// Ends with the exit status.
    func run() -> Never {
        let options = job.options
        let processor = InputProcessor(job, limits)
        let files = InputFiles(
            options.files.isEmpty ? ["-"] : options.files,
            boundaries: SequentialRun.boundaries(options.form),
            deadlineNanoseconds: job.deadlineNanoseconds, bytesMax: limits.memoryBytesMax)
        let inputs = InputReader(processor.runner, files, options.form, for: job.program)
        inputs.countsLines = job.program.asksForLineNumber
        processor.runner.connect(inputs)
        var status = RunStatus()
        if options.usesNullInput {
            processor.begin()
            status.add(processor.process(.null, of: inputs))
        } else {
            processAll(inputs, files, processor, &status)
        }
        processor.sink.buffer.flush()
        let code =
            files.errorCount > 0
            ? ExitStatus.badInput : status.exitStatus(isExact: options.setsExitStatus)
        withExtendedLifetime((processor, files, inputs)) { job.destination.end(code) }
    }

    private static func boundaries(_ form: InputForm) -> BoundaryScanner.Boundaries {
        switch form.kind {
        case .lines: .lines
        case _ where form.isSingle: .whole
        case _ where form.isSequence: .records
        case .texts: .textsOrLines
        case .events: .events
        }
    }

    private func processAll(
        _ inputs: InputReader, _ files: InputFiles, _ processor: InputProcessor,
        _ status: inout RunStatus
    ) {
        var goesOn = false
        while files.errorCount == 0 && !processor.hasEnded {
            if !goesOn { processor.begin() }
            goesOn = false
            do throws(InputFailure) {
                guard let input = try inputs.next() else { return }
                status.add(processor.process(input, of: inputs))
            } catch {
                if job.options.isSequence, case .malformed(let sentence) = error {
                    StandardStreams.complain("ignoring parse error: \(sentence)")
                    goesOn = job.options.form.slurps
                    continue
                }
                status.add(processor.fail(error))
                return
            }
        }
    }
}
