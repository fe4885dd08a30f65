// What names mean at one point of a program: a chain of entries, innermost first.
//
// Slots are in the frame of the function whose context declared them; a closure runs in the frame
// where it was created. A binder restores its slot when it is done (see Evaluator+Bindings), so one
// frame per call is enough even where generators re-enter a binding.

/// The function being compiled: where its slots are counted.
final class Context {
    /// 0 for the program itself, one more for each enclosing `def`.
    let level: Int
    /// The frame's size. Slot 0 holds the enclosing function's frame, and no slot is used for two
    /// names, since a binder may be suspended while another one runs.
    var frameSize = 1
    /// References to frames other than the program's own: a closure without any can outlive its
    /// frame.
    var frameReferences = 0

    init(level: Int) { self.level = level }

    func allocate() -> Int {
        frameSize += 1
        return frameSize - 1
    }
}

/// The instances of a function, by the cardinalities of its parameters: a few at most, usually one,
/// which needs no extra memory.
struct Instances {
    private typealias Instance = (cardinalities: [Cardinality], index: Int32)
    private var first: Instance?
    private var others: [Instance] = []

    var count: Int { (first == nil ? 0 : 1) + others.count }
    var isEmpty: Bool { count == 0 }

    subscript(cardinalities: [Cardinality]) -> Int? {
        get {
            if let first, first.cardinalities == cardinalities { return Int(first.index) }
            return others.first { $0.cardinalities == cardinalities }.map { Int($0.index) }
        }
        set {
            if first?.cardinalities == cardinalities { first = nil }
            if !others.isEmpty { others.removeAll { $0.cardinalities == cardinalities } }
            guard let newValue else { return }
            if first == nil {
                first = (cardinalities, Int32(newValue))
            } else {
                others.append((cardinalities, Int32(newValue)))
            }
        }
    }
}

/// A name with its meaning, and the names around it.
class Scope {
    enum Entry {
        /// A `def`: the scope is the `FunctionDefinition` itself.
        case definition
        /// A module's definition, by its name in this scope.
        case function(String, FunctionDefinition)
        case closure(String, slot: Int, Cardinality)
        case variable(String, slot: Int)
        case label(String, slot: Int)
        /// The data of an `import ... as $name`.
        case data(String, Value)
    }

    let entry: Entry
    let context: Context
    private(set) var parent: Scope?

    init(_ entry: Entry, _ context: Context, parent: Scope?) {
        self.entry = entry
        self.context = context
        self.parent = parent
    }

    /// A chain is freed link by link: it may be as long as a program.
    deinit {
        var next = parent
        parent = nil
        while next != nil, isKnownUniquelyReferenced(&next) {
            let after = next?.parent
            next?.parent = nil
            next = after
        }
    }

    /// The innermost entry for which `match` gives something.
    static func find<T>(_ scope: Scope?, _ match: (Scope) -> T?) -> T? {
        var current = scope
        while let scope = current {
            if let found = match(scope) { return found }
            current = scope.parent
        }
        return nil
    }
}

/// A `def`, the innermost name visible in its own body: compiled once for each combination of its
/// parameters' cardinalities.
final class FunctionDefinition: Scope {
    let definition: Definition
    /// The compiler's base where the definition was met.
    let offsetBase: Int
    var instances = Instances()
    /// Whether each `$value` parameter is also called as a filter in the body.
    lazy var callsParameter: [Bool] = definition.parameters.map { name in
        name.hasPrefix("$") && TermSearch.calls(String(name.dropFirst()), in: definition.body)
    }

    init(_ definition: Definition, _ context: Context, parent: Scope?, offsetBase: Int) {
        self.definition = definition
        self.offsetBase = offsetBase
        super.init(.definition, context, parent: parent)
    }

    /// The function, if that is what a name with this number of arguments means here.
    static func named(_ name: String, _ count: Int, at scope: Scope) -> FunctionDefinition? {
        switch scope.entry {
        case .definition:
            // Safety: only the initialiser of `FunctionDefinition` makes such an entry.
            let function = unsafe unsafeDowncast(scope, to: FunctionDefinition.self)
            let definition = function.definition
            return definition.parameters.count == count && definition.name == name ? function : nil
        case .function(name, let function):
            return function.definition.parameters.count == count ? function : nil
        default: return nil
        }
    }
}

/// Whether a term calls a name without arguments anywhere, redefinitions aside.
enum TermSearch {
    static func calls(_ name: String, in term: Term) -> Bool {
        var found = false
        visit(term) { if case .call(name, []) = $0.kind { found = true } }
        return found
    }

    private static func visit(_ term: Term, _ body: (Term) -> Void) {
        body(term)
        for child in children(term) { visit(child, body) }
    }

    private static func children(_ term: Term) -> [Term] {
        switch term.kind {
        case .identity, .recursion, .number, .format, .breakLabel, .variable, .location: []
        case .string(_, let parts):
            parts.compactMap { if case .term(let term) = $0 { term } else { nil } }
        case .index(let a, let b), .pipe(let a, let b), .binary(_, let a, let b),
            .update(_, let a, let b):
            [a, b]
        case .comma(let terms): terms
        case .slice(let a, let from, let upto): [a, from, upto].compactMap { $0 }
        case .iterate(let a), .optional(let a), .negate(let a), .label(_, let a): [a]
        case .array(let a): [a].compactMap { $0 }
        case .object(let members): members.flatMap { [$0.name] + [$0.value].compactMap { $0 } }
        case .conditional(let branches, let otherwise):
            branches.flatMap { [$0.condition, $0.body] } + [otherwise].compactMap { $0 }
        case .attempt(let a, let handler): [a, handler].compactMap { $0 }
        case .reduce(let source, let patterns, let initial, let update):
            [source, initial, update] + patterns.flatMap(names)
        case .foreach(let source, let patterns, let initial, let update, let extract):
            [source, initial, update] + [extract].compactMap { $0 } + patterns.flatMap(names)
        case .binding(let source, let patterns, let body): [source, body] + patterns.flatMap(names)
        case .definition(let definition, let body): [definition.body, body]
        case .call(_, let arguments): arguments
        }
    }

    private static func names(_ pattern: Pattern) -> [Term] {
        switch pattern {
        case .variable: []
        case .array(let patterns): patterns.flatMap(names)
        case .object(let members): members.flatMap { [$0.name] + ($0.pattern.map(names) ?? []) }
        }
    }
}
