// The words after `run` -> options, as the jq command interprets them.

import Glibc
import Transforms

/// Why the words are invalid: a sentence for the standard error.
struct UsageError: Error {
    var message: String
}

struct RunOptions {
    enum Output { case json, raw, joined, rawNUL }
    /// A request for something other than running a program.
    enum Information { case help, version, buildConfiguration }

    var information: Information?
    var program: String?
    var programIsFile = false
    /// `--combine`: the program whose inputs are the outputs of all inputs.
    var combiningProgram: String?
    var files: [String] = []
    var libraryFolders: [String]?
    var arguments: [Argument] = []

    var usesNullInput = false
    var form = InputForm()
    var output = Output.json
    var write = WriteOptions(indent: 2)
    /// `-C`; without it, only a terminal gets colours.
    var wantsColors = false
    /// `-M`, which takes precedence.
    var refusesColors = false
    var isSequence = false
    var isUnbuffered = false
    var setsExitStatus = false
    /// Whether inputs must conform to RFC 8259, one text per file.
    var isStrict = false

    /// `--parallel`
    var threadCount: Int?
    var memoryMebibytesMax = 4096
    var timeoutMilliseconds: Int?

    /// Which bound was met, for messages.
    func sentence(_ limit: Limit) -> String {
        switch limit {
        case .memory, .sharedMemory:
            "memory limit of \(memoryMebibytesMax) MiB exceeded"
        case .output: "output limit of \(memoryMebibytesMax) MiB exceeded"
        case .deadline: "time limit of \(timeoutMilliseconds ?? 0) ms exceeded"
        case .depth: "nested too deeply"
        case .steps: "too many steps"
        case .cancelled, .none: "cancelled"
        }
    }

    /// The form of `debug`: that of outputs, but on one line.
    var debugWrite: WriteOptions {
        WriteOptions(sortsNames: write.sortsNames, asciiOnly: write.asciiOnly)
    }

    /// Whether outputs are in colours. Source: https://no-color.org
    var usesColors: Bool {
        if wantsColors || refusesColors { return !refusesColors }
        if isatty(STDOUT_FILENO) == 0 { return false }
        // Safety: getenv returns null or a string that ends in 0; nothing changes the environment.
        guard let refusal = unsafe getenv("NO_COLOR") else { return true }
        return unsafe refusal.pointee == 0
    }

    /// A named or positional value for the program.
    enum Argument {
        case string(name: String, String)
        case json(name: String, String)
        case slurpFile(name: String, path: String)
        case rawFile(name: String, path: String)
        case positionalString(String)
        case positionalJSON(String)

        /// The name of the variable that it binds.
        var name: String? {
            switch self {
            case .string(let name, _), .json(let name, _), .slurpFile(let name, _),
                .rawFile(let name, _):
                name
            case .positionalString, .positionalJSON: nil
            }
        }
    }

    static let indents = -1...7
    static let threadCountMax = 256
    static let memoryMebibytesLimit = 1 << 20

    /// The meaning of words that are not options, once the program has been given.
    private enum PositionalMeaning { case files, strings, texts }

    init(_ words: [String]) throws(UsageError) {
        var rest = PositionalMeaning.files
        var optionsEnded = false
        var words = words[...]
        while let word = words.popFirst() {
            if optionsEnded || !RunOptions.isOption(word) {
                take(word, rest)
            } else if word == "--" {
                optionsEnded = true
            } else if word.hasPrefix("--") {
                switch word {
                case "--args": rest = .strings
                case "--jsonargs": rest = .texts
                default: try takeLong(word, &words)
                }
            } else {
                try takeShort(word, &words)
            }
            if information != nil { break }
        }
        if isSequence { form.isSequence = true }
        form.isLenient = !isStrict
        form.isSingle = isStrict && !isSequence && form.kind != .lines
    }

    /// `-1` is a program, not an option.
    private static func isOption(_ word: String) -> Bool {
        var bytes = word.utf8.makeIterator()
        guard bytes.next() == UInt8(ascii: "-"), let second = bytes.next() else { return false }
        return second == UInt8(ascii: "-") || 0x61...0x7A ~= second | 0x20
    }

    private mutating func take(_ word: String, _ rest: PositionalMeaning) {
        if program == nil {
            program = word
            return
        }
        switch rest {
        case .files: files.append(word)
        case .strings: arguments.append(.positionalString(word))
        case .texts: arguments.append(.positionalJSON(word))
        }
    }

    private mutating func takeShort(_ word: String, _ words: inout ArraySlice<String>)
        throws(UsageError)
    {
        var letters = word.utf8.dropFirst()
        while let letter = letters.first {
            let rest = letters.dropFirst()
            if letter == UInt8(ascii: "L") {
                let folder = rest.isEmpty ? words.popFirst() : String(Substring(rest))
                guard let folder else {
                    throw UsageError(message: "-L takes a parameter: (e.g. -L /search/path)")
                }
                libraryFolders = (libraryFolders ?? []) + [folder]
                return
            }
            guard let name = RunOptions.longName(letter) else {
                throw UsageError(
                    message: "Unknown option -\(Substring(letters).first.map(String.init) ?? "")")
            }
            letters = rest
            try takeLong(name, &words)
            if information != nil { return }
        }
    }

    /// A `switch`, not a dictionary: creating its type takes longer than a short run.
    private static func longName(_ letter: UInt8) -> String? {
        switch UnicodeScalar(letter) {
        case "s": "--slurp"
        case "r": "--raw-output"
        case "j": "--join-output"
        case "c": "--compact-output"
        case "C": "--color-output"
        case "M": "--monochrome-output"
        case "a": "--ascii-output"
        case "S": "--sort-keys"
        case "R": "--raw-input"
        case "n": "--null-input"
        case "f": "--from-file"
        case "e": "--exit-status"
        case "h": "--help"
        case "V": "--version"
        case "b": "--binary"
        default: nil
        }
    }

    private mutating func takeLong(_ word: String, _ words: inout ArraySlice<String>)
        throws(UsageError)
    {
        switch word {
        case "--slurp": form.slurps = true
        case "--raw-output": if output == .json { output = .raw }
        case "--join-output": if output != .rawNUL { output = .joined }
        case "--raw-output0": output = .rawNUL
        case "--compact-output":
            write.indent = nil
            write.usesTabs = false
        case "--color-output": wantsColors = true
        case "--monochrome-output": refusesColors = true
        case "--ascii-output": write.asciiOnly = true
        case "--sort-keys": write.sortsNames = true
        case "--raw-input": form.kind = .lines
        case "--null-input": usesNullInput = true
        case "--from-file": programIsFile = true
        case "--exit-status": setsExitStatus = true
        case "--unbuffered": isUnbuffered = true
        case "--seq": isSequence = true
        case "--binary": break
        case "--strict-json": isStrict = true
        case "--stream": if form.kind == .texts { form.kind = .events }
        case "--stream-errors":
            if form.kind == .texts { form.kind = .events }
            form.reportsErrors = true
        case "--tab":
            write.indent = 1
            write.usesTabs = true
        case "--indent":
            let indent = try number(word, &words, RunOptions.indents)
            write.indent = max(indent, 0)
            write.usesTabs = indent < 0
        case "--help": information = .help
        case "--version": information = .version
        case "--build-configuration": information = .buildConfiguration
        case "--library-path": try takeShort("-L", &words)
        case "--combine":
            guard let program = words.popFirst() else {
                throw UsageError(
                    message: "--combine takes a parameter: (e.g. --combine 'add(inputs)')")
            }
            combiningProgram = program
        case "--parallel":
            threadCount = try number(word, &words, 1...RunOptions.threadCountMax)
        case "--memory":
            memoryMebibytesMax = try number(word, &words, 1...RunOptions.memoryMebibytesLimit)
        case "--timeout": timeoutMilliseconds = try number(word, &words, 1...Int(Int32.max))
        default: try takeArgument(word, &words)
        }
    }

    private mutating func takeArgument(_ word: String, _ words: inout ArraySlice<String>)
        throws(UsageError)
    {
        guard ["--arg", "--argjson", "--slurpfile", "--rawfile"].contains(word) else {
            throw UsageError(message: "Unknown option \(word)")
        }
        guard let name = words.popFirst(), let value = words.popFirst() else {
            let kind = word == "--arg" ? "value" : word == "--argjson" ? "text" : "filename"
            throw UsageError(
                message: "\(word) takes two parameters (e.g. \(word) varname \(kind))")
        }
        // The first one wins; others are not even read.
        if arguments.contains(where: { $0.name == name }) { return }
        switch word {
        case "--arg": arguments.append(.string(name: name, value))
        case "--argjson": arguments.append(.json(name: name, value))
        case "--slurpfile": arguments.append(.slurpFile(name: name, path: value))
        default: arguments.append(.rawFile(name: name, path: value))
        }
    }

    private func number(
        _ word: String, _ words: inout ArraySlice<String>, _ range: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        guard let text = words.popFirst() else {
            throw UsageError(message: "\(word) takes one parameter")
        }
        guard let value = Int(text), range.contains(value) else {
            throw UsageError(
                message: "\(word) takes a number between \(range.lowerBound) and "
                    + "\(range.upperBound)")
        }
        return value
    }
}
