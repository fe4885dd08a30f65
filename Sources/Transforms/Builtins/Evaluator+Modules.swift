// `modulemeta`: a module's metadata, imports and definitions.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    func moduleMetadata(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString {
            throw raise("modulemeta input module name must be a string", at: node)
        }
        guard let modules = unsafe state.pointee.host.modules else {
            throw raise("modules are not available here", at: node)
        }
        let module: Module
        do throws(CompileError) {
            let found = try modules.load(input.bytes.text, isData: false, search: nil, origin: nil)
            module = try Compiler.parse(found.text)
        } catch {
            throw raise(text: error.message, at: node)
        }
        var result = try heap.makeObject(capacity: 4)
        if let metadata = module.metadata {
            release(result)
            result = try constant(metadata)
        }
        var imports = try heap.makeArray(capacity: module.imports.count)
        for item in module.imports { try heap.push(&imports, try dependency(item)) }
        try heap.set(&result, try heap.string("deps"), imports)
        var names = try heap.makeArray(capacity: module.definitions.count)
        for definition in module.definitions {
            try heap.push(
                &names, try heap.string("\(definition.name)/\(definition.parameters.count)"))
        }
        try heap.set(&result, try heap.string("defs"), names)
        return result
    }

    private func dependency(_ item: Import) throws(Stop) -> Value {
        var object = try heap.makeObject(capacity: 4)
        if let metadata = item.metadata {
            release(object)
            object = try constant(metadata)
        }
        var isData = false
        switch item.kind {
        case .include: break
        case .module(let name): try heap.set(&object, try heap.string("as"), try heap.string(name))
        case .data(let name):
            isData = true
            try heap.set(&object, try heap.string("as"), try heap.string(name))
        }
        try heap.set(&object, try heap.string("is_data"), Value(isData))
        try heap.set(&object, try heap.string("relpath"), try heap.string(item.path))
        return object
    }

    /// The value of a constant term; the parser allows no others in metadata.
    private func constant(_ term: Term) throws(Stop) -> Value {
        switch term.kind {
        case .number(let text):
            let string = try heap.string(text)
            defer { release(string) }
            return try heap.literal(string.bytes)
        case .array(let elements):
            var array = try heap.makeArray(capacity: 4)
            for element in elements.map(ModuleMetadata.elementsOf) ?? [] {
                try heap.push(&array, try constant(element))
            }
            return array
        case .object(let members):
            var object = try heap.makeObject(capacity: members.count)
            for member in members {
                var value = Value.null
                if let term = member.value { value = try constant(term) }
                try heap.set(&object, try constant(member.name), value)
            }
            return object
        case .call("true", _): return .yes
        case .call("false", _): return .no
        default:
            guard let text = ModuleMetadata.text(term) else { return .null }
            return try heap.string(text)
        }
    }
}
