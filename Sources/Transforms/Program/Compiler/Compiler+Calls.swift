// Calls of parameters and definitions in scope, then of the builtins: operations that take filters,
// natives that take values, and the prelude's definitions.

extension Compiler {
    private enum Callee {
        case function(FunctionDefinition)
        case closure(slot: Int, Cardinality, Context)
    }

    private func resolve(_ name: String, _ count: Int, _ scope: Scope?) -> Callee? {
        Scope.find(scope) { entry in
            if case .closure(name, let slot, let cardinality) = entry.entry, count == 0 {
                return .closure(slot: slot, cardinality, entry.context)
            }
            return FunctionDefinition.named(name, count, at: entry).map { .function($0) }
        }
    }

    func compileCall(
        _ name: String, _ arguments: [Term], _ scope: Scope?, _ offset: Int, _ tail: Bool
    ) throws(CompileError) -> Int32 {
        switch resolve(name, arguments.count, scope) {
        case .closure(let slot, let cardinality, let home)?:
            return try add(.closureCall, cardinality, offset, a: Int32(slot), b: distance(to: home))
        case .function(let function)?:
            return try compileCall(of: function, arguments, scope, offset, tail)
        case nil: break
        }
        if arguments.isEmpty, let node = try compileWord(name, offset) { return node }
        if let node = try compileOperation(name, arguments, scope, offset) { return node }
        let key = "\(name)/\(arguments.count)"
        if let native = Native.table[key] {
            return try compileNative(native, arguments, scope, offset)
        }
        if let function = MathFunction.table[key] {
            let native: Native =
                function.parameterCount == 1
                ? .math1 : function.parameterCount == 2 ? .math2 : .math3
            return try compileNative(
                native, arguments, scope, offset, extra: Int32(function.rawValue))
        }
        if let function = library.function(key, root) {
            return try compileCall(of: function, arguments, scope, offset, tail)
        }
        return try noteUndefined(key, offset)
    }

    /// Names that compile to a node of their own.
    private func compileWord(_ name: String, _ offset: Int) throws(CompileError) -> Int32? {
        func element(_ index: Int) throws(CompileError) -> Int32 {
            let base = try add(.identity, .one, offset)
            let key = try addConstant(Value(integer: index), offset)
            return try add(.index, .one, offset, a: base, b: key)
        }
        func overElements(_ operation: Operation) throws(CompileError) -> Int32 {
            let identity = try add(.identity, .one, offset)
            let elements = try add(.iterate, .many, offset, a: identity)
            return try add(operation, .one, offset, a: elements, b: identity)
        }
        switch name {
        case "true": return try addConstant(.yes, offset)
        case "false": return try addConstant(.no, offset)
        case "null": return try addConstant(.null, offset)
        case "empty": return try add(.empty, .optional, offset)
        case "error": return try add(.error, .one, offset, a: try add(.identity, .one, offset))
        case "recurse": return try add(.recurseDefault, .many, offset)
        case "first": return try element(0)
        case "last": return try element(-1)
        case "any": return try overElements(.any)
        case "all": return try overElements(.all)
        case "paths": return try add(.paths, .many, offset)
        case "tostream": return try add(.toStream, .many, offset)
        case "inputs": return try add(.inputs, .many, offset)
        default: return nil
        }
    }

    // MARK: Natives

    private func compileNative(
        _ native: Native, _ arguments: [Term], _ scope: Scope?, _ offset: Int, extra: Int32 = 0
    ) throws(CompileError) -> Int32 {
        // The last argument is the outermost loop, except in builtins that jq defines in jq.
        try withValues(arguments, scope, offset, firstIsOuter: native.firstIsOuter) {
            values throws(CompileError) in
            var links: [Node] = []
            for value in values {
                var link = Node(.link, .one, offset: offset)
                link.a = value
                links.append(link)
            }
            var node = Node(.native, native.isTypeFilter ? .optional : .one, offset: offset)
            node.aux = native.rawValue
            node.a = links.isEmpty ? 0 : try addRun(links)
            node.b = Int32(links.count)
            node.c = extra
            return try add(node)
        }
    }

    /// Compiles arguments that are values. Those that do not have exactly one output are bound
    /// around the node that `body` makes, so that it runs once for each combination; and so is an
    /// argument that may fail and is evaluated before them.
    func withValues(
        _ arguments: [Term], _ scope: Scope?, _ offset: Int, firstIsOuter: Bool,
        _ body: ([Int32]) throws(CompileError) -> Int32
    ) throws(CompileError) -> Int32 {
        var given: [Int32] = []
        for argument in arguments { given.append(try compile(argument, scope)) }
        let isMany = given.map { cardinality($0) != .one }
        let innermost = firstIsOuter ? isMany.lastIndex(of: true) : isMany.firstIndex(of: true)
        var values: [Int32] = []
        var bound: [(value: Int32, slot: Int)] = []
        for (i, value) in given.enumerated() {
            let isBefore = innermost.map { firstIsOuter ? i <= $0 : i >= $0 } ?? false
            if !isBefore || (!isMany[i] && nodes[Int(value)].operation == .constant) {
                values.append(value)
            } else {
                let slot = context.allocate()
                noteFrame(context)
                bound.append((value, slot))
                values.append(
                    try add(.variable, .one, offset, a: Int32(slot), b: distance(to: context)))
            }
        }
        valuesAreBound = !bound.isEmpty
        var result = try body(values)
        for (value, slot) in firstIsOuter ? bound.reversed() : bound {
            var node = Node(.bind, cardinality(value).then(cardinality(result)), offset: offset)
            (node.a, node.b, node.c) = (value, result, Int32(slot))
            result = try add(node)
        }
        return result
    }

    // MARK: Operations that take filters

    private func compileOperation(
        _ name: String, _ arguments: [Term], _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32? {
        if name == "sub" || name == "gsub", arguments.count == 2 || arguments.count == 3 {
            return try compileSubstitute(name, arguments, scope, offset)
        }
        switch arguments.count {
        case 1: return try compileUnary(name, arguments[0], scope, offset)
        case 2: return try compileBinaryOperation(name, arguments, scope, offset)
        case 3 where name == "range":
            return try withValues(arguments, scope, offset, firstIsOuter: true) {
                values throws(CompileError) in
                var node = Node(.rangeBy, .many, offset: offset)
                (node.a, node.b, node.c) = (values[0], values[1], values[2])
                return try add(node)
            }
        default: return nil
        }
    }

    private static let unary: NameTable<Operation> = [
        "select": .select, "map": .map, "map_values": .mapValues, "recurse": .recurse,
        "repeat": .repeats, "first": .first, "last": .last, "isempty": .isEmpty, "add": .addOf,
        "sort_by": .sortBy, "group_by": .groupBy, "min_by": .minBy, "max_by": .maxBy,
        "unique_by": .uniqueBy, "path": .path, "walk": .walk,
    ]

    private func compileUnary(_ name: String, _ argument: Term, _ scope: Scope?, _ offset: Int)
        throws(CompileError) -> Int32?
    {
        switch name {
        case "range", "error", "getpath":
            return try withValues([argument], scope, offset, firstIsOuter: true) {
                values throws(CompileError) in
                if name == "error" { return try add(.error, .one, offset, a: values[0]) }
                if name == "getpath" { return try add(.getpath, .one, offset, a: values[0]) }
                let zero = try addConstant(Value(integer: 0), offset)
                return try add(.range, .many, offset, a: zero, b: values[0])
            }
        case "any", "all":
            let identity = try add(.identity, .one, offset)
            let elements = try add(.iterate, .many, offset, a: identity)
            let condition = try compile(argument, scope)
            return try add(name == "any" ? .any : .all, .one, offset, a: elements, b: condition)
        case "del":
            let path = try compile(argument, scope)
            return try addUpdate(.delete, path, try add(.identity, .one, offset), offset)
        default: break
        }
        guard let operation = Compiler.unary[name] else { return nil }
        let filter = try compile(argument, scope)
        let inner = cardinality(filter)
        let outer: Cardinality
        switch operation {
        case .select: outer = max(inner, .optional)
        case .recurse, .repeats: outer = .many
        case .first, .last: outer = .optional
        case .path: outer = inner
        case .walk:
            // Filters with many outputs are left to the prelude.
            if inner == .many { return nil }
            outer = inner
        default: outer = .one
        }
        return try add(operation, outer, offset, a: filter)
    }

    private func compileSubstitute(
        _ name: String, _ arguments: [Term], _ scope: Scope?, _ offset: Int
    )
        throws(CompileError) -> Int32
    {
        let none = Term(kind: .call("null", []), offset: offset)
        let given = [arguments[0], arguments.count > 2 ? arguments[2] : none]
        return try withValues(given, scope, offset, firstIsOuter: true) {
            values throws(CompileError) in
            var node = Node(.substitute, .one, offset: offset)
            node.b = try compile(arguments[1], scope)
            (node.a, node.c) = (values[0], values[1])
            node.cardinality = cardinality(node.b) == .one ? .one : .many
            node.aux = name == "gsub" ? 1 : 0
            return try add(node)
        }
    }

    private func compileBinaryOperation(
        _ name: String, _ arguments: [Term], _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32? {
        switch name {
        case "any", "all":
            let generator = try compile(arguments[0], scope)
            let condition = try compile(arguments[1], scope)
            return try add(name == "any" ? .any : .all, .one, offset, a: generator, b: condition)
        case "limit", "skip":
            return try withValues([arguments[0]], scope, offset, firstIsOuter: true) {
                values throws(CompileError) in
                let filter = try compile(arguments[1], scope)
                return try add(
                    name == "limit" ? .limit : .skip, .many, offset, a: values[0], b: filter)
            }
        case "range":
            return try withValues(arguments, scope, offset, firstIsOuter: true) {
                values throws(CompileError) in
                try add(.range, .many, offset, a: values[0], b: values[1])
            }
        case "until":
            let condition = try compile(arguments[0], scope)
            let update = try compile(arguments[1], scope)
            if cardinality(condition) != .one || cardinality(update) != .one { return nil }
            return try add(.until, .one, offset, a: condition, b: update)
        default: return nil
        }
    }

    // MARK: Calls of definitions

    private func compileCall(
        of function: FunctionDefinition, _ arguments: [Term], _ scope: Scope?, _ offset: Int,
        _ tail: Bool
    ) throws(CompileError) -> Int32 {
        let parameters = function.definition.parameters
        let valueTerms = zip(parameters, arguments).filter { $0.0.hasPrefix("$") }.map { $0.1 }
        return try withValues(valueTerms, scope, offset, firstIsOuter: true) {
            values throws(CompileError) in
            // If a value is bound around the call, the frame cannot be left before it.
            var capturesFrame = valuesAreBound
            var values = values[...]
            var links: [Node] = []
            var cardinalities: [Cardinality] = []
            for (i, parameter) in parameters.enumerated() {
                if parameter.hasPrefix("$") {
                    var link = Node(.link, .one, offset: offset)
                    link.aux = Link.value
                    link.a = values.removeFirst()
                    links.append(link)
                    if !function.callsParameter[i] { continue }
                }
                let before = context.frameReferences
                let link = try compileClosure(arguments[i], scope)
                if link.aux == Link.child && context.frameReferences != before {
                    capturesFrame = true
                }
                cardinalities.append(link.cardinality)
                links.append(link)
            }
            let instance = try instance(of: function, cardinalities)
            let up = distance(to: function.context)
            var node = Node(.call, functions[instance].cardinality, offset: offset)
            node.aux = UInt16(links.count)
            node.b = try addRun(links)
            node.d = up
            node.f = Int32(instance)
            // The frame can be left before the call if no argument needs it.
            node.e = tail && !capturesFrame && up != 0 ? 1 : 0
            return try add(node)
        }
    }

    /// An argument that is a filter.
    private func compileClosure(_ argument: Term, _ scope: Scope?) throws(CompileError) -> Node {
        var link = Node(.link, .one, offset: argument.offset)
        if case .call(let name, let none) = argument.kind, none.isEmpty,
            case .closure(let slot, let cardinality, let home)? = resolve(name, 0, scope)
        {
            link.aux = Link.passed
            link.cardinality = cardinality
            link.a = Int32(slot)
            link.b = distance(to: home)
            return link
        }
        link.aux = Link.child
        link.a = try compile(argument, scope)
        link.cardinality = cardinality(link.a)
        return link
    }

    /// Compiles a definition that is never called, for its errors.
    func check(_ function: FunctionDefinition) throws(CompileError) {
        let parameters = function.definition.parameters
        let count = parameters.indices.count {
            !parameters[$0].hasPrefix("$") || function.callsParameter[$0]
        }
        _ = try instance(of: function, Array(repeating: .many, count: count))
    }

    /// The function compiled for filters of these cardinalities.
    private func instance(
        of function: FunctionDefinition, _ cardinalities: [Cardinality]
    ) throws(CompileError) -> Int {
        var cardinalities = cardinalities
        if function.instances[cardinalities] == nil && function.instances.count >= 8 {
            cardinalities = cardinalities.map { _ in .many }
        }
        if let known = function.instances[cardinalities] {
            if functions[known].isOpen { functions[known].isAssumed = true }
            return known
        }
        let index = functions.count
        functions.append(Function())
        function.instances[cardinalities] = index
        let outer = (context, offsetBase)
        defer { (context, offsetBase) = outer }
        offsetBase = function.offsetBase
        while true {
            functions[index].isAssumed = false
            let mark = instanceLog.count
            let body: Int32
            do throws(CompileError) { body = try compileBody(of: function, cardinalities) } catch {
                throw located(error)
            }
            let found = cardinality(body)
            functions[index].body = body
            functions[index].frameSize = Int32(context.frameSize)
            if !functions[index].isAssumed || found <= functions[index].cardinality {
                functions[index].cardinality = max(found, functions[index].cardinality)
                functions[index].isOpen = false
                instanceLog.append((function, cardinalities))
                return index
            }
            // The body was compiled assuming that a recursion has fewer outputs than it has:
            // compile it again, and everything that was compiled on that assumption.
            functions[index].cardinality = found
            for (other, key) in instanceLog[mark...] { other.instances[key] = nil }
            instanceLog.removeSubrange(mark...)
        }
    }

    private func compileBody(of function: FunctionDefinition, _ cardinalities: [Cardinality])
        throws(CompileError) -> Int32
    {
        context = Context(level: function.context.level + 1)
        var scope: Scope? = function
        var cardinalities = cardinalities[...]
        for (i, parameter) in function.definition.parameters.enumerated() {
            if parameter.hasPrefix("$") {
                let name = String(parameter.dropFirst())
                scope = Scope(.variable(name, slot: context.allocate()), context, parent: scope)
                if !function.callsParameter[i] { continue }
                scope = Scope(
                    .closure(name, slot: context.allocate(), cardinalities.removeFirst()), context,
                    parent: scope)
            } else {
                scope = Scope(
                    .closure(parameter, slot: context.allocate(), cardinalities.removeFirst()),
                    context,
                    parent: scope)
            }
        }
        return try compile(function.definition.body, scope, tail: true)
    }
}

extension Compiler {
    /// `name/count` of everything that a program can call.
    static let builtinNames: [String] = {
        var names = Set(Native.table.names)
        names.formUnion(MathFunction.table.names)
        names.formUnion(Prelude.names)
        names.formUnion(unary.names.map { "\($0)/1" })
        names.formUnion([
            "true/0", "false/0", "null/0", "empty/0", "error/0", "error/1", "recurse/0", "first/0",
            "last/0", "any/0", "all/0", "any/1", "all/1", "any/2", "all/2", "paths/0", "tostream/0",
            "inputs/0", "range/1", "range/2", "range/3", "getpath/1", "del/1", "limit/2", "skip/2",
            "until/2", "sub/2", "sub/3", "gsub/2", "gsub/3",
        ])
        return names.filter { !$0.hasPrefix("_") }.sorted()
    }()
}
