// Options -> the state shared by all threads of a run: program, arguments, form and destination of
// outputs.

import Glibc
import Transforms

/// Where the outputs of a run go, and what its end is.
@safe struct RunDestination: Sendable {
    // Safety: bytes are used only while they are taken.
    let drain: @Sendable (UnsafeRawBufferPointer) -> Void
    /// Called once, with the exit status.
    let end: @Sendable (Int32) -> Never

    /// The standard output; the end is that of the process, which releases the run's memory.
    static let standard = unsafe RunDestination(
        drain: { unsafe StandardStreams.drainOutput($0) }, end: { _exit($0) })
}

final class RunJob: Sendable {
    let options: RunOptions
    let destination: RunDestination
    let program: Program
    let arguments: ArgumentValues
    let modules: FileModules
    let colors: WriteColors?
    let deadlineNanoseconds: UInt64

    /// - Parameters:
    ///   - word: the program, or its file.
    ///   - known: the values of the arguments, if they were read already: files are read once.
    init(
        _ options: RunOptions, _ word: String, _ limits: RunLimits,
        _ destination: RunDestination = .standard, arguments known: ArgumentValues? = nil
    ) throws(StartFailure) {
        self.options = options
        self.destination = destination
        let milliseconds = options.timeoutMilliseconds.map { UInt64($0) }
        deadlineNanoseconds =
            milliseconds.map { MonotonicClock.nanoseconds() + $0 * 1_000_000 } ?? .max
        if let known { arguments = known } else { arguments = try RunJob.values(options, limits) }
        let colors = RunJob.readColors()
        self.colors = options.usesColors ? colors : nil
        var text = Array(word.utf8)
        if options.programIsFile {
            do throws(FileError) { text = try FileBytes.readAll(word) } catch {
                throw StartFailure(text: "jq: \(error.sentence)\n", status: ExitStatus.badInput)
            }
        }
        let folder = options.programIsFile ? FileModules.folder(of: word) : "."
        modules = FileModules(listed: options.libraryFolders, programFolder: folder)
        do throws(CompileError) {
            program = try Program.compile(
                text, argumentNames: arguments.names, modules: modules, keepsOrigin: true)
        } catch {
            throw StartFailure(
                text: error.report(in: text), status: ExitStatus.badProgram)
        }
    }

    private static func values(_ options: RunOptions, _ limits: RunLimits) throws(StartFailure)
        -> ArgumentValues
    {
        let values = ArgumentValues(limits: limits, isLenient: options.form.isLenient)
        for word in options.arguments {
            let file = try contents(word)
            do throws(ReadFailure) {
                switch word {
                case .string(let name, let text):
                    if !values.contains(name) { try values.bind(name, string: Array(text.utf8)) }
                case .json(let name, let text):
                    if !values.contains(name) { try values.bind(name, json: Array(text.utf8)) }
                case .slurpFile(let name, _):
                    if !values.contains(name) { try values.bind(name, slurped: file) }
                case .rawFile(let name, _):
                    if !values.contains(name) { try values.bind(name, string: file) }
                case .positionalString(let text): try values.append(string: Array(text.utf8))
                case .positionalJSON(let text): try values.append(json: Array(text.utf8))
                }
            } catch { throw startFailure(word, sentence(error, in: file)) }
        }
        do throws(ReadFailure) { try values.finish() } catch {
            throw StartFailure(text: "jq: error: \(error.message)\n", status: ExitStatus.failed)
        }
        return values
    }

    /// The bytes of an argument's file, if it has one.
    private static func contents(_ word: RunOptions.Argument) throws(StartFailure) -> [UInt8] {
        switch word {
        case .slurpFile(_, let path), .rawFile(_, let path):
            do throws(FileError) { return try FileBytes.readAll(path) } catch {
                throw startFailure(word, error.sentence)
            }
        default: return []
        }
    }

    /// The error in an argument's file, with its location.
    private static func sentence(_ error: ReadFailure, in file: [UInt8]) -> String {
        if error.code == .limit { return error.message }
        let location = unsafe file.withUnsafeBytes {
            unsafe TextLocation(offset: error.offset, in: $0)
        }
        return "\(error.message) at line \(location.line), column \(location.column), "
            + "offset \(error.offset)"
    }

    private static func startFailure(_ word: RunOptions.Argument, _ message: String) -> StartFailure
    {
        let text =
            switch word {
            case .json: "invalid JSON text passed to --argjson"
            case .positionalJSON: "invalid JSON text passed to --jsonargs"
            case .slurpFile(let name, let path):
                "Bad JSON in --slurpfile \(name) \(path): \(message)"
            case .rawFile(let name, let path): "Bad JSON in --rawfile \(name) \(path): \(message)"
            default: message
            }
        return StartFailure(text: "jq: \(text)\n" + RunHelp.hint, status: ExitStatus.badInput)
    }

    private static func readColors() -> WriteColors {
        guard let text = unsafe getenv("JQ_COLORS") else { return .standard }
        if let colors = unsafe WriteColors(String(cString: text)) { return colors }
        StandardStreams.write("Failed to set $JQ_COLORS\n", to: STDERR_FILENO)
        return .standard
    }

    /// The value of `env` and `$ENV`.
    static func readEnvironment() -> [(name: String, value: String)] {
        var all: [(name: String, value: String)] = []
        // Safety: `environ` is a list of C strings that ends with nil; nothing changes it.
        var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let sign = line.firstIndex(of: "=") {
                all.append((String(line[..<sign]), String(line[line.index(after: sign)...])))
            }
            unsafe entry += 1
        }
        return all
    }
}
