// The source of names that a program does not define: the prelude, and the modules that it imports.

/// The definitions outside a program, compiled into it as they are used.
final class Library {
    /// Finds a module's text for an `import` or `include`; nil where modules are not available.
    let modules: (any ModuleSource)?
    private var functions: [(key: String, function: FunctionDefinition)] = []
    /// The definitions of modules loaded so far, by the files' names; nil while one is being
    /// loaded.
    var loaded: [String: [FunctionDefinition]?] = [:]
    /// The texts of modules, in the order they were met.
    var texts: ModuleTexts
    /// The values of data modules, if there are any; the program owns them later.
    var data: Heap?

    /// - Parameter byteCount: of the program's own text.
    init(modules: (any ModuleSource)?, byteCount: Int) {
        self.modules = modules
        texts = ModuleTexts(byteCount)
    }

    /// A definition of the prelude by `name/count`.
    func function(_ key: String, _ root: Context) -> FunctionDefinition? {
        if let known = functions.first(where: { $0.key == key }) { return known.function }
        guard let definition = Prelude.definition(key) else { return nil }
        let function = FunctionDefinition(
            definition, root, parent: nil, offsetBase: ModuleTexts.preludeBase)
        functions.append((key, function))
        return function
    }
}

/// Finds the text of modules.
public protocol ModuleSource: Sendable {
    /// The module `path` as imported by a module in the folder `origin` (nil: by the program), with
    /// the `search` path of the import's metadata, if it has one; `isData` requests `.json` instead
    /// of `.jq`.
    /// - Returns: the text, and the folder and name that identify this module.
    func load(_ path: String, isData: Bool, search: [String]?, origin: String?)
        throws(CompileError) -> (text: [UInt8], folder: String, name: String)
    /// A module whose definitions every program sees without an import.
    var home: (text: [UInt8], folder: String, name: String)? { get }
}

extension ModuleSource {
    public var home: (text: [UInt8], folder: String, name: String)? { nil }
}
