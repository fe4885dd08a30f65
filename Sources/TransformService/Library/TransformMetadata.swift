// `module {...};` at the start of a transform -> the members that the service uses:
//
//     module {
//       description: "The n largest orders",
//       args: {limit: 10, by: "total"},      arguments with their defaults
//       timeout_ms: 500, memory_mib: 64,     bounds, below the service's own
//       outputs: "array",                    one, array, lines, text, csv, tsv
//       combine: "[inputs] | add"            of a batch: makes one answer of all outputs
//     };

import Transforms

struct TransformMetadata: Sendable {
    struct Argument: Sendable {
        var name: String
        /// The default value, as JSON text.
        var defaultJSON: [UInt8]
    }

    static let argumentCountMax = 100
    static let descriptionBytesMax = 1_000
    /// Query parameters that are not arguments.
    static let reserved: Set<String> = ["outputs", "errors", "each", "combine"]

    var description: String?
    /// Nil: any argument is accepted, and visible in `$ARGS.named` only.
    var arguments: [Argument]?
    var timeoutNanoseconds: UInt64?
    var memoryBytesMax: Int?
    var outputs = OutputChoice.one
    /// The text of the combining program, and the offset of its string.
    var combine: (text: String, offset: Int)?

    private let path: String
    private let text: [UInt8]

    init(_ head: ModuleHead, path: String, text: [UInt8]) throws(LoadFault) {
        self.path = path
        self.text = text
        var names = Set<String>()
        for member in head.members {
            guard names.insert(member.name).inserted else {
                throw fault(member.nameOffset, "`\(member.name)` is repeated")
            }
            try take(member)
        }
    }

    private func fault(_ offset: Int, _ message: String) -> LoadFault {
        LoadFault(path: path, text: text, offset: offset, message: message)
    }

    private mutating func take(_ member: ModuleHead.Member) throws(LoadFault) {
        switch member.name {
        case "description":
            guard let text = member.string, text.utf8.count <= Self.descriptionBytesMax else {
                throw fault(
                    member.offset,
                    "`description` is a string of at most \(Self.descriptionBytesMax) bytes")
            }
            description = text
        case "args": try takeArguments(member)
        case "timeout_ms":
            timeoutNanoseconds = UInt64(try number(member, 1...86_400_000)) * 1_000_000
        case "memory_mib": memoryBytesMax = try number(member, 1...1_048_576) << 20
        case "outputs":
            guard let choice = member.string.flatMap(OutputChoice.init(name:)) else {
                throw fault(
                    member.offset,
                    "`outputs` is one of " + OutputChoice.names.joined(separator: ", "))
            }
            outputs = choice
        case "combine":
            guard let text = member.string else {
                throw fault(member.offset, "`combine` is a string, a program")
            }
            combine = (text, member.offset)
        case "name", "version", "author", "license", "homepage", "repository": break
        default:
            throw fault(
                member.nameOffset,
                "unknown metadata `\(member.name)`; known are description, args, timeout_ms, "
                    + "memory_mib, outputs, combine, and for people name, version, author, "
                    + "license, homepage, repository")
        }
    }

    private func number(
        _ member: ModuleHead.Member, _ range: ClosedRange<Int>
    ) throws(LoadFault) -> Int {
        let text = String(decoding: member.json, as: UTF8.self)
        guard member.kind == .number, let number = Int(text), range.contains(number) else {
            throw fault(
                member.offset,
                "`\(member.name)` is a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }

    private mutating func takeArguments(_ member: ModuleHead.Member) throws(LoadFault) {
        guard member.kind == .object else {
            throw fault(
                member.offset, "`args` is an object of names and defaults, {limit: 10}")
        }
        guard member.members.count <= Self.argumentCountMax else {
            throw fault(member.offset, "more than \(Self.argumentCountMax) arguments")
        }
        var all: [Argument] = []
        for argument in member.members {
            let name = argument.name
            guard Self.isVariable(name) else {
                throw fault(argument.nameOffset, "`\(name)` is no name of a variable")
            }
            guard !Self.reserved.contains(name), name != ArgumentsObject.name, name != "ENV" else {
                throw fault(argument.nameOffset, "an argument can't be named `\(name)`")
            }
            guard !all.contains(where: { $0.name == name }) else {
                throw fault(argument.nameOffset, "the argument `\(name)` is repeated")
            }
            all.append(Argument(name: name, defaultJSON: argument.json))
        }
        arguments = all
    }

    /// A letter or `_`, then letters, digits and `_`; `__loc__` has a meaning of its own.
    private static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
            name != "__loc__"
        else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
    }
}
