// Literals, accesses and operators.

extension Compiler {
    func compileString(
        _ format: String?, _ parts: [StringPart], _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        if parts.isEmpty { return try addConstant(stringValue(""), offset) }
        if parts.count == 1, case .text(let text) = parts[0] {
            return try addConstant(stringValue(text), offset)
        }
        let native = try formatNative(format ?? "text", offset)
        var cardinalities = Cardinality.one
        var links: [Node] = []
        for part in parts {
            switch part {
            case .text(let text):
                var node = Node(.constant, .one, offset: offset)
                node.value = stringValue(text)
                links.append(node)
            case .term(let term):
                var node = Node(.link, .one, offset: term.offset)
                node.a = try compile(term, scope)
                node.cardinality = cardinality(node.a)
                cardinalities = max(cardinalities, node.cardinality)
                links.append(node)
            }
        }
        let first = try addRun(links)
        for (i, link) in links.enumerated() where link.operation == .constant {
            poolNodes.append(first + Int32(i))
        }
        var node = Node(.string, cardinalities, offset: offset)
        node.a = first
        node.b = Int32(links.count)
        node.aux = native.rawValue
        return try add(node)
    }

    func formatNative(_ name: String, _ offset: Int) throws(CompileError) -> Native {
        guard let native = Native.formats[name] else {
            throw CompileError("\(name) is not a valid format", offset: offset)
        }
        return native
    }

    func compileFormat(_ name: String, _ offset: Int) throws(CompileError) -> Int32 {
        var node = Node(.native, .one, offset: offset)
        node.aux = try formatNative(name, offset).rawValue
        return try add(node)
    }

    func compileIndex(_ target: Term, _ index: Term, _ scope: Scope?, _ offset: Int)
        throws(CompileError) -> Int32
    {
        let base = try compile(target, scope)
        if case .string(nil, let parts) = index.kind, parts.count <= 1 {
            var name = ""
            if case .text(let text)? = parts.first {
                name = text
            } else if !parts.isEmpty {
                return try compileComputedIndex(base, index, scope, offset)
            }
            return try addField(base, stringValue(name), offset)
        }
        return try compileComputedIndex(base, index, scope, offset)
    }

    /// `base.name`
    private func addField(_ base: Int32, _ name: Value, _ offset: Int) throws(CompileError)
        -> Int32
    {
        var node = Node(.field, cardinality(base), offset: offset)
        node.a = base
        node.value = name
        node.aux = UInt16(truncatingIfNeeded: cacheCount < 4096 ? cacheCount : 0)
        if cacheCount < 4096 { cacheCount += 1 }
        let index = try add(node)
        poolNodes.append(index)
        return index
    }

    private func compileComputedIndex(
        _ base: Int32, _ index: Term, _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        let key = try compile(index, scope)
        return try add(.index, max(cardinality(base), cardinality(key)), offset, a: base, b: key)
    }

    func compileSlice(
        _ target: Term, _ from: Term?, _ upto: Term?, _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        var node = Node(.slice, .one, offset: offset)
        node.a = try compile(target, scope)
        if let from {
            node.c = try compile(from, scope)
        } else {
            node.c = try addConstant(.null, offset)
        }
        if let upto {
            node.d = try compile(upto, scope)
        } else {
            node.d = try addConstant(.null, offset)
        }
        node.cardinality = max(cardinality(node.a), cardinality(node.c), cardinality(node.d))
        return try add(node)
    }

    func compileObject(_ members: [ObjectMember], _ scope: Scope?, _ offset: Int)
        throws(CompileError) -> Int32
    {
        if members.isEmpty { return try addConstant(Value.emptyObject, offset) }
        var links: [Node] = []
        var cardinalities = Cardinality.one
        var names: [Value] = []
        for member in members {
            var link = Node(.link, .one, offset: member.name.offset)
            link.aux = Link.member
            link.a = try compile(member.name, scope)
            if let value = member.value { link.b = try compile(value, scope) }
            let name = nodes[Int(link.a)]
            if name.operation == .constant && !name.value.isString {
                let shown = name.value.tag == .integer ? "number (\(name.value.integer))" : "it"
                throw CompileError(
                    "Cannot use \(shown) as object key", offset: member.name.offset)
            }
            if name.operation == .constant {
                names.append(name.value)
                if link.b == 0 {
                    let identity = try add(Node(.identity, .one, offset: member.name.offset))
                    link.b = try addField(identity, name.value, member.name.offset)
                }
            }
            link.cardinality = max(cardinality(link.a), link.b == 0 ? .one : cardinality(link.b))
            cardinalities = max(cardinalities, link.cardinality)
            links.append(link)
        }
        var node = Node(.object, cardinalities, offset: offset)
        node.a = try addRun(links)
        node.b = Int32(links.count)
        // Where all names are known and distinct, no look-up is needed while the object is built.
        node.aux = names.count == members.count && areDistinct(names) ? 1 : 0
        return try add(node)
    }

    /// Whether the strings in the pool are distinct; false also where there are many.
    private func areDistinct(_ names: [Value]) -> Bool {
        if names.count > 64 { return false }
        func text(_ i: Int) -> ArraySlice<UInt8> {
            let start = Int(names[i].payload)
            return pool[start..<start + names[i].count]
        }
        for i in names.indices {
            for j in 0..<i where names[i].count == names[j].count && text(i) == text(j) {
                return false
            }
        }
        return true
    }

    func compileLocation(_ line: Int, _ scope: Scope?, _ offset: Int) throws(CompileError) -> Int32
    {
        func string(_ text: String) -> Term {
            Term(kind: .string(format: nil, parts: [.text(text)]), offset: offset)
        }
        let file = library.texts.entry(at: offsetBase)?.name ?? "<top-level>"
        return try compileObject(
            [
                ObjectMember(name: string("file"), value: string(file)),
                ObjectMember(
                    name: string("line"), value: Term(kind: .number("\(line)"), offset: offset)),
            ], scope, offset)
    }

    func compileBinary(
        _ binary: BinaryOperator, _ lhs: Term, _ rhs: Term, _ scope: Scope?, _ offset: Int,
        _ tail: Bool
    ) throws(CompileError) -> Int32 {
        let left = try compile(lhs, scope)
        let right = try compile(rhs, scope, tail: tail && binary == .alternative)
        let (a, b) = (cardinality(left), cardinality(right))
        let cardinalities: Cardinality
        switch binary {
        case .and, .or: cardinalities = a.then(b)
        // If no output of the left side is true, the outputs are those of the right side.
        case .alternative: cardinalities = a == .many || b == .many ? .many : b
        default: cardinalities = max(a, b)
        }
        return try add(binary.operation, cardinalities, offset, a: left, b: right)
    }

    func compileUpdate(
        _ update: UpdateOperator, _ lhs: Term, _ rhs: Term, _ scope: Scope?, _ offset: Int
    ) throws(CompileError) -> Int32 {
        let path = try compile(lhs, scope)
        let value = try compile(rhs, scope)
        let operation: Operation
        var aux: Operation = .identity
        switch update {
        case .assign: operation = .assign
        case .modify: operation = .modify
        case .alternative: operation = .updateAlternative
        case .add: (operation, aux) = (.updateArithmetic, .add)
        case .subtract: (operation, aux) = (.updateArithmetic, .subtract)
        case .multiply: (operation, aux) = (.updateArithmetic, .multiply)
        case .divide: (operation, aux) = (.updateArithmetic, .divide)
        case .remainder: (operation, aux) = (.updateArithmetic, .remainder)
        }
        return try addUpdate(operation, path, value, offset, aux)
    }

    /// An update node; it records whether its paths can be walked without being listed.
    func addUpdate(
        _ operation: Operation, _ path: Int32, _ value: Int32, _ offset: Int,
        _ aux: Operation = .identity
    ) throws(CompileError) -> Int32 {
        var node = Node(operation, operation == .modify ? .one : cardinality(value), offset: offset)
        (node.a, node.b) = (path, value)
        node.aux = UInt16(aux.rawValue)
        node.e = isDirect(path) ? 1 : 0
        return try add(node)
    }

    /// Whether the parts that a path filter leads to never overlap and do not depend on anything
    /// that the update changes, so that the value can be rebuilt in one walk.
    func isDirect(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        switch node.operation {
        case .identity, .empty: return true
        case .field, .iterate: return isDirect(node.a)
        case .index: return isDirect(node.a) && cardinality(node.b) == .one
        case .slice:
            return isDirect(node.a) && cardinality(node.c) == .one && cardinality(node.d) == .one
        case .pipe:
            if nodes[Int(node.a)].operation == .recurseDefault { return isLeafFilter(node.b) }
            // Whether a path continues from a string's slice is not known in time.
            return isDirect(node.a) && !endsInSlice(node.a) && isDirect(node.b)
        case .select: return cardinality(node.a) == .one
        case .attempt: return node.b == 0 && isAccess(node.a)
        case .conditional:
            return cardinality(node.a) == .one && isDirect(node.b) && isDirect(node.c)
        case .getpath: return cardinality(node.a) == .one
        case .native: return Native(rawValue: node.aux)?.isTypeFilter ?? false
        default: return false
        }
    }

    private func endsInSlice(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        switch node.operation {
        case .slice, .getpath: return true
        case .attempt: return endsInSlice(node.a)
        case .pipe: return endsInSlice(node.b)
        case .conditional: return endsInSlice(node.b) || endsInSlice(node.c)
        default: return false
        }
    }

    /// Whether a filter only accesses its input, so that its errors can be known before anything is
    /// changed.
    private func isAccess(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        func isPlain(_ index: Int32) -> Bool {
            let operation = nodes[Int(index)].operation
            return operation == .constant || operation == .variable
        }
        func isLeading(_ index: Int32) -> Bool {
            nodes[Int(index)].operation == .identity
                || (isAccess(index) && nodes[Int(index)].operation != .iterate)
        }
        switch node.operation {
        case .field, .iterate: return isLeading(node.a)
        case .index: return isLeading(node.a) && isPlain(node.b)
        case .slice: return isLeading(node.a) && isPlain(node.c) && isPlain(node.d)
        default: return false
        }
    }

    /// Whether a filter passes on scalars only, so that only the leaves of a value are changed.
    private func isLeafFilter(_ index: Int32) -> Bool {
        let node = nodes[Int(index)]
        switch node.operation {
        case .native: return Native(rawValue: node.aux)?.isLeafFilter ?? false
        case .pipe: return isLeafFilter(node.a) && isDirect(node.b)
        default: return false
        }
    }
}

extension BinaryOperator {
    var operation: Operation {
        switch self {
        case .add: .add
        case .subtract: .subtract
        case .multiply: .multiply
        case .divide: .divide
        case .remainder: .remainder
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .and: .and
        case .or: .or
        case .alternative: .alternative
        }
    }
}
