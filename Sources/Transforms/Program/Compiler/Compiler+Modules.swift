// `import` and `include`: each module is parsed once for each program, and its definitions are
// entered in a scope of their own. An import makes them visible by entries under its own name.

extension Compiler {
    /// Enters a text's imports and definitions before those of `scope`.
    func load(_ module: Module, folder: String?, _ scope: Scope?) throws(CompileError) -> Scope? {
        var scope = scope
        for item in module.imports { scope = try enter(item, folder: folder, scope) }
        definitions.reserveCapacity(definitions.count + module.definitions.count)
        for definition in module.definitions { scope = define(definition, scope) }
        return scope
    }

    private func enter(_ item: Import, folder: String?, _ scope: Scope?) throws(CompileError)
        -> Scope?
    {
        guard let modules = library.modules else {
            throw CompileError("modules are not available here", offset: item.offset)
        }
        let isData: Bool
        if case .data = item.kind { isData = true } else { isData = false }
        let found: (text: [UInt8], folder: String, name: String)
        do throws(CompileError) {
            found = try modules.load(
                item.path, isData: isData, search: ModuleMetadata.search(item), origin: folder)
        } catch {
            if ModuleMetadata.says("optional", item) { return scope }
            throw located(CompileError(error.message, offset: item.offset))
        }
        if case .data(let name) = item.kind {
            let value = try readData(
                found.text, found.name, isRaw: ModuleMetadata.says("raw", item), item.offset)
            let inner = Scope(.data(name, value), root, parent: scope)
            return Scope(.data("\(name)::\(name)", value), root, parent: inner)
        }
        var scope = scope
        for function in try functions(of: found, item.offset) {
            var name = function.definition.name
            if case .module(let prefix) = item.kind { name = "\(prefix)::\(name)" }
            scope = Scope(.function(name, function), root, parent: scope)
        }
        return scope
    }

    /// Enters the definitions of a module that no import names.
    func include(
        _ module: (text: [UInt8], folder: String, name: String), _ scope: Scope?
    ) throws(CompileError) -> Scope? {
        var scope = scope
        for function in try functions(of: module, 0) {
            scope = Scope(.function(function.definition.name, function), root, parent: scope)
        }
        return scope
    }

    private func functions(
        of found: (text: [UInt8], folder: String, name: String), _ offset: Int
    ) throws(CompileError) -> [FunctionDefinition] {
        if let known = library.loaded[found.name] {
            if let known { return known }
            throw CompileError("circular import of \(found.name)", offset: offset)
        }
        library.loaded[found.name] = .some(nil)
        guard let base = library.texts.append(found.name, found.text) else {
            throw CompileError("the modules are too large", offset: offset)
        }
        let outer = offsetBase
        defer { offsetBase = outer }
        offsetBase = base
        do throws(CompileError) {
            let module = try Compiler.parse(found.text)
            if let body = module.body {
                throw CompileError("a module ends with its definitions", offset: body.offset)
            }
            var scope = try load(
                Module(metadata: nil, imports: module.imports, definitions: []),
                folder: found.folder, nil)
            var functions: [FunctionDefinition] = []
            for definition in module.definitions {
                let function = define(definition, scope)
                functions.append(function)
                scope = function
            }
            library.loaded[found.name] = functions
            return functions
        } catch {
            throw located(error)
        }
    }

    static func parse(_ text: [UInt8]) throws(CompileError) -> Module {
        do throws(SyntaxError) { return try Parser.parse(text) } catch {
            throw CompileError(error.message, offset: error.offset)
        }
    }

    /// An error in the current text, with its offset in the concatenation of all texts.
    func located(_ error: CompileError) -> CompileError {
        guard !error.isLocated else { return error }
        var error = error
        error.offset += offsetBase
        error.isLocated = true
        return error
    }

    /// An error with the offset in its own text, and with the text if it is a module's.
    func local(_ error: CompileError) -> CompileError {
        var error = error
        error.isLocated = false
        error.others = error.others.map { local($0) }
        guard error.offset < ModuleTexts.preludeBase else {
            error.offset = 0
            return error
        }
        if let entry = library.texts.entry(at: error.offset) {
            error.offset -= entry.base
            error.module = entry.name
            error.moduleText = entry.text
        }
        return error
    }

    /// The values of a data module, as an array in the program's own memory; or its text.
    private func readData(
        _ text: [UInt8], _ name: String, isRaw: Bool, _ offset: Int
    ) throws(CompileError) -> Value {
        let heap = library.data ?? Heap(bytesMax: 1 << 30)
        library.data = heap
        let budget = Budget(heap: heap)
        defer { budget.destroy() }
        budget.begin(deadlineNanoseconds: .max, stepsMax: .max, cancel: nil)
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: JSONWriter.depthMax, counts: false, indexes: false
        )
        do {
            // The values borrow from the text.
            let address = try heap.bump(text.count)
            let copy = Value(.string, count: text.count, payload: UInt64(address)).bytes
            for (i, byte) in text.enumerated() { copy[i] = byte }
            if isRaw {
                let string = try heap.string(repairing: copy)
                return Value(word: string.word & ~Value.counted, payload: string.payload)
            }
            reader.begin(copy)
            var values: [Value] = []
            while let value = try reader.readNext() { values.append(value) }
            let slots = Slots(address: UInt64(try heap.bump(values.count * 16)))
            for (i, value) in values.enumerated() { slots[i] = value }
            return Value(.array, count: values.count, payload: slots.address)
        } catch let failure as ReadFailure {
            throw CompileError(
                "\(name) is not JSON: \(failure.message) at byte \(failure.offset)", offset: offset)
        } catch {
            throw CompileError("\(name) is too large", offset: offset)
        }
    }
}

/// The members of an import's metadata.
enum ModuleMetadata {
    /// The folders of `{search: "./"}` or `{search: ["./", "lib"]}`; nil where it names none.
    static func search(_ item: Import) -> [String]? {
        guard let value = member("search", item) else { return nil }
        if let folder = text(value) { return [folder] }
        guard case .array(let elements) = value.kind else { return [] }
        return elements.map { elementsOf($0).compactMap(text) } ?? []
    }

    /// Whether the member is `true`.
    static func says(_ name: String, _ item: Import) -> Bool {
        if case .call("true", _) = member(name, item)?.kind { true } else { false }
    }

    private static func member(_ name: String, _ item: Import) -> Term? {
        guard let metadata = item.metadata, case .object(let members) = metadata.kind else {
            return nil
        }
        return members.last { text($0.name) == name }?.value
    }

    static func text(_ term: Term) -> String? {
        guard case .string(nil, let parts) = term.kind, parts.count <= 1 else { return nil }
        if case .text(let text)? = parts.first { return text }
        return parts.isEmpty ? "" : nil
    }

    static func elementsOf(_ term: Term) -> [Term] {
        if case .comma(let terms) = term.kind { return terms }
        return [term]
    }
}
