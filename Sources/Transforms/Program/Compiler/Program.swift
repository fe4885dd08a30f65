// A compiled program: nodes and constants in its own memory, immutable, shared by all runs.

import Synchronization

/// A compiled jq program, for any number of threads at once. `@unchecked Sendable`: only `init`
/// writes the memory that its pointers lead to.
@safe public final class Program: @unchecked Sendable {
    /// The names that its arguments are bound to, in the order of their slots.
    public let argumentNames: [String]
    /// The 64-bit FNV-1a hash of its text. Source: RFC 9923.
    public let digest: UInt64
    /// A number that no other program of the process ever has.
    let number = Program.numbers.wrappingAdd(1, ordering: .relaxed).newValue
    private static let numbers = Atomic<UInt64>(0)
    /// Whether it has one output for each input, unless it fails.
    public var hasOneOutput: Bool { root.hasOne }
    let root: NodeRef
    let frameSize: Int
    let cacheCount: Int
    /// The memory of its projection; nil where it uses all of its inputs.
    private let table: ProjectionTable?

    // Safety: written by `init` only, freed by `deinit`.
    let nodes: UnsafeMutablePointer<Node>
    let nodeCount: Int
    private let pool: UnsafeMutablePointer<UInt8>
    private let constants: Heap?
    private let modules: [(name: String, base: Int)]
    /// The syntax tree and the compiler, if they are to be kept.
    private var origin: (Module, Compiler)?

    /// Program text in UTF-8 -> program.
    /// - Parameters:
    ///   - argumentNames: the names of variables that are defined outside the program.
    ///   - modules: where imports are looked for; nil refuses them.
    ///   - isLibrary: whether the text may consist of definitions alone.
    ///   - keepsOrigin: whether the syntax tree is kept as long as the program. A process that ends
    ///     with its program saves the time of freeing it: a third of what a long program takes.
    /// - Throws: `CompileError` with the offset of the first error.
    /// - Complexity: O(text), some 10 microseconds for ten lines.
    public static func compile(
        _ text: [UInt8], argumentNames: [String] = [], modules: (any ModuleSource)? = nil,
        isLibrary: Bool = false, keepsOrigin: Bool = false
    ) throws(CompileError) -> Program {
        let module = try Compiler.parse(text)
        if module.body == nil && !isLibrary {
            throw CompileError("Top-level program not given (try \".\")", offset: text.count)
        }
        let compiler = Compiler(library: Library(modules: modules, byteCount: text.count))
        do throws(CompileError) {
            let program = try compiler.finish(module, argumentNames, digest: digest(of: text))
            if keepsOrigin { program.origin = (module, compiler) }
            return program
        } catch {
            throw compiler.local(error)
        }
    }

    /// Prepares what all compilations share, so that the first one does not have to.
    public static func prepare() {
        Prelude.prepare()
        // What the first program would otherwise wait for: tables, and the pages of the compiler's
        // code.
        _ = try? compile(
            """
            def top(f; $n): sort_by(-f) | .[:$n];
            .orders // [] | map(select(.total > 0 and (.status | test("paid|sent"))))
            | group_by(.city) as $groups
            | reduce $groups[] as $group ({};
                .[$group[0].city // "?"] += ($group | map(.total) | add))
            | to_entries | map({name: .key, "total \\(.key)": (.value | floor)} + {n: length})
            | if length > 1 then top(.total; 3) else (try error("few") catch [.]) end
            """)
    }

    public static func compile(
        _ text: String, argumentNames: [String] = [], modules: (any ModuleSource)? = nil
    ) throws(CompileError) -> Program {
        try compile(Array(text.utf8), argumentNames: argumentNames, modules: modules)
    }

    /// The program that outputs a constant, such as a part of a module's metadata.
    static func compile(_ constant: Term) throws(CompileError) -> Program {
        let compiler = Compiler(library: Library(modules: nil, byteCount: 0))
        let module = Module(metadata: nil, imports: [], definitions: [], body: constant)
        do throws(CompileError) { return try compiler.finish(module, [], digest: 0) } catch {
            throw compiler.local(error)
        }
    }

    private static func digest(of text: [UInt8]) -> UInt64 {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return digest
    }

    init(
        _ compiler: Compiler, root rootIndex: Int32, argumentNames: [String], constants: Heap?,
        digest: UInt64
    ) {
        nodeCount = compiler.nodes.count
        unsafe nodes = .allocate(capacity: nodeCount)
        unsafe pool = .allocate(capacity: max(compiler.pool.count, 1))
        for (i, byte) in compiler.pool.enumerated() { unsafe pool[i] = byte }
        unsafe nodes.initialize(from: compiler.nodes, count: nodeCount)
        for index in compiler.poolNodes {
            let start = unsafe Int(nodes[Int(index)].value.payload)
            unsafe nodes[Int(index)].value.payload = UInt64(UInt(bitPattern: pool + start))
        }
        for i in 0..<nodeCount {
            unsafe Program.makeRelative(&nodes[i], Int32(i), compiler.functions)
        }
        unsafe root = NodeRef(nodes + Int(rootIndex))
        let demand = DemandFinder.find(root)
        table = demand.isAll ? nil : ProjectionTable(demand)
        let wanted = table?.projection ?? .whole
        projection = root.changesParts() ? wanted.changing : wanted
        frameSize = compiler.root.frameSize
        cacheCount = compiler.cacheCount
        self.argumentNames = argumentNames
        self.digest = digest
        self.constants = constants
        modules = compiler.library.texts.entries.map { ($0.name, $0.base) }
    }

    deinit {
        unsafe nodes.deallocate()
        unsafe pool.deallocate()
        constants?.destroy()
    }

    /// The text that the offset of a run's error is in, and the offset in it: the program's own
    /// text, or that of a module, by the name that its source gave it; nil: in no text.
    public func moduleOffset(of offset: Int) -> (module: String?, offset: Int)? {
        guard offset < ModuleTexts.preludeBase else { return nil }
        guard let module = modules.last(where: { $0.base <= offset }) else { return (nil, offset) }
        return (module.name, offset - module.base)
    }

    /// The parts of its inputs that it uses.
    let projection: Projection

    /// Whether it may read further inputs.
    public var readsInputs: Bool { uses(.inputs) || uses(.input) }
    /// Whether it may ask for the line number of its input.
    public var asksForLineNumber: Bool { uses(.inputLineNumber) }

    private func uses(_ operation: Operation) -> Bool {
        (0..<nodeCount).contains { unsafe nodes[$0].operation == operation }
    }

    private func uses(_ native: Native) -> Bool {
        (0..<nodeCount).contains {
            let node = unsafe NodeRef(nodes + $0)
            return node.operation == .native && node.native == native
        }
    }

    /// Bytes of memory that the program holds.
    public var byteCount: Int {
        nodeCount * MemoryLayout<Node>.stride + (constants?.bytesHeld ?? 0)
    }

    /// Turns a node's children from indices into distances.
    private static func makeRelative(
        _ node: inout Node, _ index: Int32, _ functions: [Compiler.Function]
    ) {
        switch node.operation {
        case .identity, .constant, .variable, .empty, .recurseDefault, .environment, .breakLabel,
            .closureCall, .inputs, .toStream, .paths:
            break
        case .field: node.a -= index
        case .comma, .object, .string, .native:
            if node.b > 0 { node.a -= index }
        case .label, .iterate, .negate, .select, .map, .mapValues, .recurse, .first, .last,
            .isEmpty,
            .addOf, .sortBy, .groupBy, .minBy, .maxBy, .uniqueBy, .walk, .path, .getpath, .error,
            .array,
            .repeats:
            node.a -= index
        case .slice, .conditional, .rangeBy, .substitute:
            node.a -= index
            node.b -= index
            node.c -= index
            if node.operation == .slice { node.d -= index }
        case .attempt:
            node.a -= index
            if node.b != 0 { node.b -= index }
        case .bind:
            node.a -= index
            node.b -= index
        case .destructure:
            node.a -= index
            node.b -= index
            node.e -= index
        case .reduce, .foreach:
            node.a -= index
            node.b -= index
            node.c -= index
            if node.operation == .foreach && node.d != 0 { node.d -= index }
            node.e -= index
        case .call:
            let function = functions[Int(node.f)]
            node.a = function.body - index
            node.b -= index
            node.c = function.frameSize
        case .link: makeLinkRelative(&node, index)
        default:
            node.a -= index
            node.b -= index
        }
    }

    /// Links are arguments (`aux` 0 to 2), or members and patterns (3 and up; see `Link`).
    private static func makeLinkRelative(_ node: inout Node, _ index: Int32) {
        switch node.aux {
        case Link.passed, Link.variable: break
        case Link.member, Link.patternMember:
            node.a -= index
            if node.b != 0 { node.b -= index }
        case Link.arrayPattern, Link.objectPattern:
            if node.b > 0 { node.a -= index }
        default: node.a -= index
        }
    }
}

/// The kinds of `link` nodes, in `aux`.
enum Link {
    /// A child, or an argument that is a filter of the current frame: a = its node.
    static let child: UInt16 = 0
    /// An argument that is a value: a = its node.
    static let value: UInt16 = 1
    /// An argument that was passed in as a filter: a = its slot, b = frames out.
    static let passed: UInt16 = 2
    /// An object's member: a = the name's node, b = the value's, 0 for `{"a\(f)"}`.
    static let member: UInt16 = 3
    /// `$x`: a = slot.
    static let variable: UInt16 = 4
    /// `[p, q]`: a = the first pattern, b = count.
    static let arrayPattern: UInt16 = 5
    /// `{...}`: a = the first member, b = count.
    static let objectPattern: UInt16 = 6
    /// `name: p`, `$x`, `$x: p`: a = the name's node, b = the pattern or 0, c = the slot of `$x` or
    /// 0.
    static let patternMember: UInt16 = 7
}

extension Compiler {
    /// Compiles a whole program.
    func finish(
        _ module: Module, _ argumentNames: [String], digest: UInt64
    ) throws(CompileError) -> Program {
        var scope: Scope?
        for name in argumentNames {
            scope = Scope(.variable(name, slot: context.allocate()), context, parent: scope)
        }
        if let home = library.modules?.home { scope = try include(home, scope) }
        scope = try load(module, folder: nil, scope)
        // A library has only definitions, which are checked.
        let body = module.body ?? Term(kind: .identity, offset: 0)
        let root = try compile(body, scope)
        try checkUncalled()
        try refuseUndefined()
        return Program(
            self, root: root, argumentNames: argumentNames, constants: library.data,
            digest: digest)
    }

    /// Definitions that are never called must compile too. The nodes of each are dropped before the
    /// next, which only needs the cardinalities.
    private func checkUncalled() throws(CompileError) {
        let mark = mark
        var next = 0
        while next < definitions.count {
            let function = definitions[next]
            next += 1
            // A constant uses no name that could be undefined.
            guard function.instances.isEmpty, function.definition.body.constantKind == nil
            else { continue }
            try check(function)
            guard nodes.count - mark.nodeCount > 4096 else { continue }
            drop(to: mark)
            instanceLog.removeAll(keepingCapacity: true)
        }
        drop(to: mark)
    }
}
