// Syntax tree -> nodes: names are resolved, each function is compiled for the cardinalities of the
// filters that it is called with, and each filter is classified as having one output, at most one,
// or any number.
//
// Safety: the pool and nodes are this program's own; offsets are the compiler's.

/// Compiles one program. Used once.
final class Compiler {
    /// The bound on the work of one compilation: nodes made, including those of abandoned attempts.
    static let nodeCountMax = 1 << 20

    /// How many nodes were made and dropped again.
    private var droppedCount = 0
    var nodes: [Node] = [Node(.identity, .one, offset: 0)]
    var functions: [Function] = []
    /// The bytes of string constants and long numbers.
    var pool: [UInt8] = []
    var poolNodes: [Int32] = []
    var cacheCount = 1
    /// Whether one of the values last passed to a body of `withValues` has a binding around it.
    var valuesAreBound = false
    var context: Context
    /// The base of the current text's offsets (see `ModuleTexts`).
    var offsetBase = 0
    let root: Context
    let library: Library
    /// All definitions met so far.
    var definitions: [FunctionDefinition] = []
    /// Instances in the order in which they were begun, so that those of an abandoned attempt can
    /// be dropped.
    var instanceLog: [(FunctionDefinition, [Cardinality])] = []
    /// The undefined names met so far.
    private var undefined: [CompileError] = []
    private static let undefinedCountMax = 20

    /// A function compiled for certain cardinalities.
    struct Function {
        var body: Int32 = 0
        var frameSize: Int32 = 0
        var cardinality = Cardinality.one
        var isOpen = true
        /// Whether the cardinality was used while the function was still being compiled.
        var isAssumed = false
    }

    init(library: Library) {
        root = Context(level: 0)
        context = root
        self.library = library
    }

    // MARK: Making nodes

    @discardableResult func add(_ node: Node) throws(CompileError) -> Int32 {
        if nodes.count + droppedCount >= Compiler.nodeCountMax {
            throw CompileError("the program is too large", offset: Int(node.offset))
        }
        var node = node
        node.offset += UInt32(truncatingIfNeeded: offsetBase)
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    /// Records an undefined name and continues, so that all of them are reported at once.
    func noteUndefined(_ name: String, _ offset: Int) throws(CompileError) -> Int32 {
        let error = located(CompileError("\(name) is not defined", offset: offset))
        if !undefined.contains(error) { undefined.append(error) }
        if undefined.count == Compiler.undefinedCountMax { try refuseUndefined() }
        return try addConstant(.null, offset)
    }

    /// Throws if there are undefined names.
    func refuseUndefined() throws(CompileError) {
        guard var error = undefined.first else { return }
        error.others = Array(undefined.dropFirst())
        throw error
    }

    func cardinality(_ node: Int32) -> Cardinality { nodes[Int(node)].cardinality }

    func add(
        _ operation: Operation, _ cardinality: Cardinality, _ offset: Int, a: Int32 = 0,
        b: Int32 = 0
    )
        throws(CompileError) -> Int32
    {
        var node = Node(operation, cardinality, offset: offset)
        node.a = a
        node.b = b
        return try add(node)
    }

    /// The extent of the program so far, to return to.
    struct Mark {
        let nodeCount: Int
        let poolNodeCount: Int
        let poolCount: Int
    }

    var mark: Mark {
        Mark(nodeCount: nodes.count, poolNodeCount: poolNodes.count, poolCount: pool.count)
    }

    /// Drops what was made since a mark; it still counts as work done.
    func drop(to mark: Mark) {
        droppedCount += nodes.count - mark.nodeCount
        nodes.removeLast(nodes.count - mark.nodeCount)
        poolNodes.removeLast(poolNodes.count - mark.poolNodeCount)
        pool.removeLast(pool.count - mark.poolCount)
    }

    /// Adds consecutive nodes; returns the first one's index.
    func addRun(_ run: [Node]) throws(CompileError) -> Int32 {
        let first = Int32(nodes.count)
        for node in run { try add(node) }
        return first
    }

    /// A string constant. Until the program is finished, `payload` is an offset in the pool.
    func stringValue(_ text: String) -> Value {
        let start = pool.count
        pool.append(contentsOf: text.utf8)
        let isASCII = pool[start...].allSatisfy { $0 < 0x80 }
        let isPlain = pool[start...].allSatisfy {
            $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F
        }
        return Value(
            .string, flags: (isASCII ? Value.ascii : 0) | (isPlain ? Value.plain : 0),
            count: pool.count - start, payload: UInt64(start))
    }

    func addConstant(_ value: Value, _ offset: Int) throws(CompileError) -> Int32 {
        var node = Node(.constant, .one, offset: offset)
        node.value = value
        let index = try add(node)
        if value.isString || value.tag == .literal { poolNodes.append(index) }
        return index
    }

    func numberValue(_ text: String) -> Value {
        var text = text
        return text.withUTF8 { utf8 in
            let base = unsafe utf8.baseAddress.unsafelyUnwrapped
            if let integer = unsafe DecimalReader.integer(base, utf8.count),
                integer.magnitude < 1 << 59
            {
                return Value(integer: Int(integer))
            }
            let start = pool.count
            let room = unsafe [UInt8](unsafeUninitializedCapacity: utf8.count + 24) { room, count in
                count = unsafe LiteralText.canonical(
                    base, utf8.count, to: room.baseAddress.unsafelyUnwrapped)
            }
            pool.append(contentsOf: room)
            return Value(.literal, count: room.count, payload: UInt64(start))
        }
    }

    // MARK: Terms

    /// Compiles a term; returns the node's index. In tail position the node's outputs are the
    /// function's own.
    func compile(_ term: Term, _ scope: Scope?, tail: Bool = false) throws(CompileError) -> Int32 {
        let offset = term.offset
        switch term.kind {
        case .identity: return try add(.identity, .one, offset)
        case .recursion: return try add(.recurseDefault, .many, offset)
        case .number(let text): return try addConstant(numberValue(text), offset)
        case .string(let format, let parts): return try compileString(format, parts, scope, offset)
        case .format(let name): return try compileFormat(name, offset)
        case .index(let target, let index): return try compileIndex(target, index, scope, offset)
        case .slice(let target, let from, let upto):
            return try compileSlice(target, from, upto, scope, offset)
        case .iterate(let target):
            return try add(.iterate, .many, offset, a: try compile(target, scope))
        case .optional(let body): return try compileOptional(body, scope, offset)
        case .attempt(let body, let handler):
            return try compileAttempt(body, handler, scope, offset)
        case .array(let body):
            guard let body else { return try addConstant(Value.emptyArray, offset) }
            return try add(.array, .one, offset, a: try compile(body, scope))
        case .object(let members): return try compileObject(members, scope, offset)
        case .negate(let body):
            let operand = try compile(body, scope)
            return try add(.negate, cardinality(operand), offset, a: operand)
        case .pipe(let first, let second):
            return try compilePipe(first, second, scope, offset, tail)
        case .comma(let terms): return try compileComma(terms, scope, offset, tail)
        case .binary(let binary, let lhs, let rhs):
            return try compileBinary(binary, lhs, rhs, scope, offset, tail)
        case .update(let update, let lhs, let rhs):
            return try compileUpdate(update, lhs, rhs, scope, offset)
        case .conditional(let branches, let otherwise):
            return try compileConditional(branches[...], otherwise, scope, offset, tail)
        case .reduce(let source, let patterns, let initial, let update):
            return try compileReduce(source, patterns, initial, update, scope, offset)
        case .foreach(let source, let patterns, let initial, let update, let extract):
            return try compileForeach(source, patterns, initial, (update, extract), scope, offset)
        case .binding(let source, let patterns, let body):
            return try compileBinding(source, patterns, body, scope, offset, tail)
        case .label(let name, let body): return try compileLabel(name, body, scope, offset)
        case .breakLabel(let name): return try compileBreak(name, scope, offset)
        case .definition(let definition, let body):
            return try compile(body, define(definition, scope), tail: tail)
        case .call(let name, let arguments):
            return try compileCall(name, arguments, scope, offset, tail)
        case .variable(let name): return try compileVariable(name, scope, offset)
        case .location(let line): return try compileLocation(line, scope, offset)
        }
    }

    func define(_ definition: Definition, _ scope: Scope?) -> FunctionDefinition {
        let function = FunctionDefinition(
            definition, context, parent: scope, offsetBase: offsetBase)
        definitions.append(function)
        return function
    }

    private func compilePipe(
        _ first: Term, _ second: Term, _ scope: Scope?, _ offset: Int, _ tail: Bool
    ) throws(CompileError) -> Int32 {
        let left = try compile(first, scope)
        let right = try compile(second, scope, tail: tail && cardinality(left) != .many)
        var node = Node(.pipe, cardinality(left).then(cardinality(right)), offset: offset)
        (node.a, node.b) = (left, right)
        if isFields(left) {
            let next = nodes[Int(right)]
            if isAdd(right) { node.aux = SumFusion.whole }
            if next.operation == .pipe && isAdd(next.a) { node.aux = SumFusion.first }
        }
        return try add(node)
    }

    /// `[t[].name]`, `map(.name)`
    private func isFields(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        let field = nodes[Int(node.a)]
        guard field.operation == .field else { return false }
        let target = nodes[Int(field.a)]
        return switch node.operation {
        case .map: target.operation == .identity
        case .array: target.operation == .iterate && cardinality(target.a) != .many
        default: false
        }
    }

    private func isAdd(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        return node.operation == .native && node.b == 0 && node.aux == Native.add.rawValue
    }

    private func compileComma(
        _ terms: [Term], _ scope: Scope?, _ offset: Int, _ tail: Bool
    ) throws(CompileError) -> Int32 {
        var links: [Node] = []
        for (i, part) in terms.enumerated() {
            var link = Node(.link, .many, offset: part.offset)
            link.a = try compile(part, scope, tail: tail && i == terms.count - 1)
            links.append(link)
        }
        return try add(
            .comma, .many, offset, a: try addRun(links), b: Int32(links.count))
    }

    private func compileConditional(
        _ branches: ArraySlice<Branch>, _ otherwise: Term?, _ scope: Scope?, _ offset: Int,
        _ tail: Bool
    ) throws(CompileError) -> Int32 {
        guard let branch = branches.first else {
            guard let otherwise else { return try add(.identity, .one, offset) }
            return try compile(otherwise, scope, tail: tail)
        }
        let condition = try compile(branch.condition, scope)
        let tail = tail && cardinality(condition) != .many
        let body = try compile(branch.body, scope, tail: tail)
        let rest = try compileConditional(branches.dropFirst(), otherwise, scope, offset, tail)
        var node = Node(
            .conditional, cardinality(condition).then(max(cardinality(body), cardinality(rest))),
            offset: offset)
        (node.a, node.b, node.c) = (condition, body, rest)
        return try add(node)
    }

    private func compileAttempt(
        _ body: Term, _ handler: Term?, _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        let body = try compile(body, scope)
        var cardinality = max(cardinality(body), .optional)
        var caught: Int32 = 0
        if let handler {
            caught = try compile(handler, scope)
            cardinality = max(self.cardinality(body), self.cardinality(caught))
        }
        return try add(.attempt, cardinality, offset, a: body, b: caught)
    }

    /// Whether a term is a single access of its input, by a key that can't fail.
    private func isAccessOfInput(_ term: Term) -> Bool {
        func isSimple(_ part: Term?) -> Bool {
            guard let part else { return true }
            if case .variable = part.kind { return true }
            return part.constantKind != nil
        }
        return switch term.kind {
        case .index(let target, let key): target.kind == .identity && isSimple(key)
        case .slice(let target, let from, let upto):
            target.kind == .identity && isSimple(from) && isSimple(upto)
        case .iterate(let target): target.kind == .identity
        default: false
        }
    }

    /// `t[k]?`: suppresses errors of the access itself, not of its parts, which are evaluated
    /// before.
    private func compileOptional(_ body: Term, _ scope: Scope?, _ offset: Int)
        throws(CompileError) -> Int32
    {
        if isAccessOfInput(body) {
            let attempt = try compileAttempt(body, nil, scope, offset)
            nodes[Int(attempt)].aux = 1
            return attempt
        }
        let here = Term(kind: .identity, offset: body.offset)
        func term(_ kind: Term.Kind) -> Term { Term(kind: kind, offset: body.offset) }
        func bound(_ part: Term?, _ name: String, _ rest: (Term?) -> Term) -> Term {
            guard let part, part.constantKind == nil else { return rest(part) }
            return term(
                .binding(part, [.variable(name)], body: rest(term(.variable(name)))))
        }
        let access: Term
        switch body.kind {
        case .index(let target, let key):
            access = bound(key, "*key") { key in
                term(.pipe(target, term(.optional(term(.index(here, key ?? here))))))
            }
        case .slice(let target, let from, let upto):
            access = bound(from, "*from") { from in
                bound(upto, "*upto") { upto in
                    let part = term(.slice(here, from: from, upto: upto))
                    return term(.pipe(target, term(.optional(part))))
                }
            }
        case .iterate(let target):
            access = term(.pipe(target, term(.optional(term(.iterate(here))))))
        default: return try compileAttempt(body, nil, scope, offset)
        }
        return try compile(access, scope)
    }

    private func compileLabel(
        _ name: String, _ body: Term, _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        let slot = context.allocate()
        noteFrame(context)
        let inner = Scope(.label(name, slot: slot), context, parent: scope)
        let body = try compile(body, inner)
        return try add(.label, max(cardinality(body), .optional), offset, a: body, b: Int32(slot))
    }

    private func compileBreak(_ name: String, _ scope: Scope?, _ offset: Int) throws(CompileError)
        -> Int32
    {
        let found = Scope.find(scope) { entry -> (Int, Context)? in
            if case .label(name, let slot) = entry.entry { return (slot, entry.context) }
            return nil
        }
        guard let (slot, home) = found else {
            return try noteUndefined("$*label-\(name)", offset)
        }
        return try add(.breakLabel, .one, offset, a: Int32(slot), b: distance(to: home))
    }

    // MARK: Frames

    func noteFrame(_ home: Context) {
        if home.level > 0 { context.frameReferences += 1 }
    }

    /// How many frames out from the current one a context's frame is; -1 is the program's own.
    func distance(to home: Context) -> Int32 {
        noteFrame(home)
        return home.level == 0 ? -1 : Int32(context.level - home.level)
    }

    func compileVariable(_ name: String, _ scope: Scope?, _ offset: Int) throws(CompileError)
        -> Int32
    {
        let found = Scope.find(scope) { entry -> Scope? in
            switch entry.entry {
            case .variable(name, _), .data(name, _): entry
            default: nil
            }
        }
        if let found, case .variable(_, let slot) = found.entry {
            return try add(
                .variable, .one, offset, a: Int32(slot), b: distance(to: found.context))
        }
        if let found, case .data(_, let value) = found.entry {
            var node = Node(.constant, .one, offset: offset)
            node.value = value
            return try add(node)
        }
        if name == "ENV" { return try add(.environment, .one, offset) }
        return try noteUndefined("$\(name)", offset)
    }
}
