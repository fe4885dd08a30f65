// `transform-service run`: a drop-in replacement for the jq command. Options -> program, arguments
// and inputs -> outputs and an exit status.

import CMalloc
import Glibc
import Transforms

enum RunCommand {
    /// The version of the jq language and command that this one is compatible with.
    static let version = "jq-\(Build.jqVersion)"

    /// - Parameter arguments: the words after `run`.
    /// - Returns: the exit status.
    static func main(arguments: [String]) -> Int32 {
        var options: RunOptions
        do throws(UsageError) { options = try RunOptions(arguments) } catch {
            StandardStreams.complain(error.message)
            StandardStreams.write(RunHelp.hint, to: STDERR_FILENO)
            return ExitStatus.badInput
        }
        switch options.information {
        case .help: return show(RunHelp.full)
        case .version: return show(version + "\n")
        case .buildConfiguration: return show("transform-service, decimal literals kept\n")
        case nil: break
        }
        if options.program == nil && !options.programIsFile
            && (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
        {
            options.program = "."
        }
        guard let word = options.program else {
            StandardStreams.write(RunHelp.short + RunHelp.hint, to: STDERR_FILENO)
            return ExitStatus.badInput
        }
        return run(options, word)
    }

    private static func show(_ text: String) -> Int32 {
        StandardStreams.write(text, to: STDOUT_FILENO)
        return 0
    }

    /// Runs on a thread whose stack has room for deep recursion.
    private static func run(_ options: RunOptions, _ word: String) -> Int32 {
        // The threads allocate little, so they share the main thread's heap: a separate heap would
        // grow by a system call every few pages.
        mallopt(M_ARENA_MAX, 1)
        let start = MonotonicClock.nanoseconds()
        final class Status { var code: Int32 = ExitStatus.failed }
        let status = Status()
        let thread = LargeStack.start { stackByteCount in
            status.code = run(options, word, stackByteCount)
        }
        guard let thread else {
            StandardStreams.complain("error: no memory for a thread")
            return ExitStatus.failed
        }
        if let milliseconds = options.timeoutMilliseconds {
            let end = start + (UInt64(milliseconds) + lateMilliseconds) * 1_000_000
            if !thread.join(until: end) {
                // It waits for a file to be opened, or for a reader of its output.
                StandardStreams.complain("error: \(options.sentence(.deadline))")
                _exit(ExitStatus.failed)
            }
        } else {
            thread.join()
        }
        return status.code
    }

    /// How long after its deadline a run is ended that does not end by itself.
    private static var lateMilliseconds: UInt64 { 500 }

    private static func run(_ options: RunOptions, _ word: String, _ stackByteCount: Int) -> Int32 {
        var limits = RunLimits()
        limits.memoryBytesMax = options.memoryMebibytesMax << 20
        limits.callDepthMax = 1_000_000
        limits.frameBytesMax = 1 << 30
        limits.stackBytesMax = LargeStack.usable(stackByteCount)
        limits.retainedBytesMax = 64 << 20
        let job: RunJob
        do throws(StartFailure) {
            job =
                options.combiningProgram == nil
                ? try RunJob(options, word, limits)
                : try CombinedRun(options, limits).job(word)
        } catch {
            StandardStreams.write(error.text, to: STDERR_FILENO)
            return error.status
        }
        if ParallelRun.serves(job) {
            ParallelRun(job, limits, stackByteCount: stackByteCount).run()
        }
        SequentialRun(job, limits).run()
    }
}

/// Exit statuses of jq.
enum ExitStatus {
    static let falseOutput: Int32 = 1
    static let badInput: Int32 = 2
    static let badProgram: Int32 = 3
    static let noOutput: Int32 = 4
    static let failed: Int32 = 5
}

/// Why nothing can be run: lines for the standard error, and a status.
struct StartFailure: Error {
    var text: String
    var status: Int32
}
