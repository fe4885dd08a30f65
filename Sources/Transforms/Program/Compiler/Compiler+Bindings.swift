// `as`, `reduce`, `foreach` and their patterns, which become `link` nodes (see `Link`).

extension Compiler {
    /// Declares the patterns' variables, each name once; returns the scope in which all of them are
    /// visible.
    private func declare(_ patterns: [Pattern], _ scope: Scope?) -> (Scope?, slots: [String: Int]) {
        var slots: [String: Int] = [:]
        var inner = scope
        for name in patterns.flatMap(Compiler.names) where slots[name] == nil {
            let slot = context.allocate()
            slots[name] = slot
            inner = Scope(.variable(name, slot: slot), context, parent: inner)
        }
        noteFrame(context)
        return (inner, slots)
    }

    private static func names(_ pattern: Pattern) -> [String] {
        switch pattern {
        case .variable(let name): [name]
        case .array(let patterns): patterns.flatMap(names)
        case .object(let members):
            members.flatMap { [$0.binds].compactMap { $0 } + ($0.pattern.map(names) ?? []) }
        }
    }

    /// Compiles a pattern to a link, in the order in which its parts are bound: an array's last
    /// element first. Names computed in it see the variables of the surrounding scope, not its own.
    /// - Parameters:
    ///   - slots: the variables' slots; each is bound where its name is met first.
    ///   - isAlone: false for one of several patterns, whose variables are bound wherever they are
    ///     met.
    private func compile(
        _ pattern: Pattern, _ slots: inout [String: Int], _ scope: Scope?, _ offset: Int,
        isAlone: Bool
    ) throws(CompileError) -> Node {
        func slot(_ name: String) -> Int32 {
            let known = isAlone ? slots.removeValue(forKey: name) : slots[name]
            return Int32(known ?? context.allocate())
        }
        var node = Node(.link, .one, offset: offset)
        switch pattern {
        case .variable(let name):
            node.aux = Link.variable
            node.a = slot(name)
        case .array(let patterns):
            node.aux = Link.arrayPattern
            var links: [Node] = []
            for pattern in patterns.reversed() {
                links.append(
                    try compile(pattern, &slots, scope, offset, isAlone: isAlone))
                node.cardinality = max(node.cardinality, links[links.count - 1].cardinality)
            }
            node.a = try addRun(links.reversed())
            node.b = Int32(links.count)
        case .object(let members):
            node.aux = Link.objectPattern
            var links: [Node] = []
            for member in members {
                var link = Node(.link, .one, offset: member.name.offset)
                link.aux = Link.patternMember
                link.a = try compile(member.name, scope)
                link.cardinality = cardinality(link.a)
                if let binds = member.binds { link.c = slot(binds) }
                if let pattern = member.pattern {
                    let inner = try compile(
                        pattern, &slots, scope, offset, isAlone: isAlone)
                    link.cardinality = max(link.cardinality, inner.cardinality)
                    link.b = try addRun([inner])
                }
                node.cardinality = max(node.cardinality, link.cardinality)
                links.append(link)
            }
            node.a = try addRun(links)
            node.b = Int32(links.count)
        }
        return node
    }

    /// The scope that names computed in patterns see: where there are several patterns, the
    /// variables of all of them, which are null before they are bound.
    private func keys(_ patterns: [Pattern], _ scope: Scope?, _ inner: Scope?) -> Scope? {
        patterns.count > 1 ? inner : scope
    }

    private func compile(
        _ patterns: [Pattern], _ slots: [String: Int], _ scope: Scope?, _ offset: Int
    )
        throws(CompileError) -> (first: Int32, Cardinality)
    {
        var links: [Node] = []
        var cardinalities = patterns.count > 1 ? Cardinality.many : .one
        for pattern in patterns {
            var slots = slots
            links.append(
                try compile(pattern, &slots, scope, offset, isAlone: patterns.count == 1))
            cardinalities = max(cardinalities, links[links.count - 1].cardinality)
        }
        return (try addRun(links), cardinalities)
    }

    func compileBinding(
        _ source: Term, _ patterns: [Pattern], _ body: Term, _ scope: Scope?, _ offset: Int,
        _ tail: Bool
    ) throws(CompileError) -> Int32 {
        let value = try compile(source, scope)
        let (inner, slots) = declare(patterns, scope)
        if patterns.count == 1, case .variable(let name) = patterns[0] {
            let body = try compile(body, inner, tail: tail && cardinality(value) != .many)
            var node = Node(.bind, cardinality(value).then(cardinality(body)), offset: offset)
            (node.a, node.b, node.c) = (value, body, Int32(slots[name] ?? 0))
            return try add(node)
        }
        let (first, cardinalities) = try compile(
            patterns, slots, keys(patterns, scope, inner), offset)
        let body = try compile(body, inner)
        var node = Node(
            .destructure, max(cardinality(value), cardinalities, cardinality(body)), offset: offset)
        (node.a, node.b) = (value, body)
        (node.e, node.f) = (first, Int32(patterns.count))
        return try add(node)
    }

    func compileReduce(
        _ source: Term, _ patterns: [Pattern], _ initial: Term, _ update: Term, _ scope: Scope?,
        _ offset: Int
    ) throws(CompileError) -> Int32 {
        var node = Node(.reduce, .one, offset: offset)
        node.a = try compile(source, scope)
        node.b = try compile(initial, scope)
        let (inner, slots) = declare(patterns, scope)
        node.c = try compile(update, inner)
        node.e = try compile(patterns, slots, keys(patterns, scope, inner), offset).first
        node.f = Int32(patterns.count)
        node.cardinality = cardinality(node.b)
        return try add(node)
    }

    func compileForeach(
        _ source: Term, _ patterns: [Pattern], _ initial: Term, _ parts: (Term, Term?),
        _ scope: Scope?,
        _ offset: Int
    ) throws(CompileError) -> Int32 {
        var node = Node(.foreach, .many, offset: offset)
        node.a = try compile(source, scope)
        node.b = try compile(initial, scope)
        let (inner, slots) = declare(patterns, scope)
        node.c = try compile(parts.0, inner)
        if let extract = parts.1 { node.d = try compile(extract, inner) }
        node.e = try compile(patterns, slots, keys(patterns, scope, inner), offset).first
        node.f = Int32(patterns.count)
        return try add(node)
    }
}
