// The text of a program or module -> its metadata, and whether it has definitions and a program,
// without compiling it:
//
//     module {description: "Rows -> CSV", args: {limit: 10}};

/// What a text declares about itself.
public struct ModuleHead: Sendable {
    /// A member of the metadata, or of an object in it.
    public struct Member: Sendable {
        public let name: String
        /// The offsets of its name and its value in the text.
        public let nameOffset: Int
        public let offset: Int
        public let kind: Document.Kind
        /// The value as JSON text.
        public let json: [UInt8]
        /// The value if it is a string.
        public let string: String?
        /// The members of the value if it is an object, in order and with repeated names.
        public let members: [Member]
    }

    /// Bounds for evaluating the metadata: it is constant, so both are far more than enough.
    private static var bytesMax: Int { 16 << 20 }
    private static var stepsMax: Int { 10_000_000 }

    /// Whether there are definitions but no program: the text is meant to be imported.
    public let isLibrary: Bool
    /// Whether there is neither a program nor a definition.
    public let isEmpty: Bool
    /// The metadata's members.
    public let members: [Member]

    /// - Parameter text: UTF-8.
    /// - Throws: `CompileError` for a text that can't be parsed.
    public init(_ text: [UInt8]) throws(CompileError) {
        let module = try Compiler.parse(text)
        isEmpty = module.body == nil && module.definitions.isEmpty
        isLibrary = module.body == nil && !isEmpty
        guard let metadata = module.metadata else {
            members = []
            return
        }
        var limits = RunLimits()
        limits.memoryBytesMax = Self.bytesMax
        limits.stepsMax = Self.stepsMax
        members = try Self.members(of: metadata, Runner(limits: limits))
    }

    private static func members(
        of object: Term, _ runner: Runner
    ) throws(CompileError) -> [Member] {
        guard case .object(let pairs) = object.kind else { return [] }
        var members: [Member] = []
        for pair in pairs {
            guard let name = ModuleMetadata.text(pair.name), let value = pair.value else {
                throw CompileError("a name is no plain string", offset: pair.name.offset)
            }
            members.append(try member(name, pair.name.offset, value, runner))
        }
        return members
    }

    private static func member(
        _ name: String, _ nameOffset: Int, _ value: Term, _ runner: Runner
    ) throws(CompileError) -> Member {
        let program = try Program.compile(value)
        var kind = Document.Kind.null
        var out = OutputBuffer(bytesMax: bytesMax)
        runner.begin()
        do throws(RunFailure) {
            try runner.evaluate(program, .null) { (document) throws(RunFailure) in
                kind = document.kind
                try runner.write(document, to: &out)
                return false
            }
        } catch {
            throw CompileError("the value can't be had", offset: value.offset)
        }
        // Safety: the bytes are copied while the closure runs.
        let json = unsafe out.withUnsafeBytes { unsafe Array($0) }
        return Member(
            name: name, nameOffset: nameOffset, offset: value.offset, kind: kind, json: json,
            string: ModuleMetadata.text(value), members: try members(of: value, runner))
    }
}
