// What a compiler holds while it works, and that all of it goes with it.

import Testing

@testable import Transforms

@Suite struct CompilerTests {
    @Test(arguments: [
        "def f: 1; f", "def f: def g: f; g; f", "def f(g; $x): def h: g, $x, h; h; f(1; 2)",
        "def a: 1; def b: a; def uncalled: b; a", "def f: f; . as $x | label $out | f, break $out",
        "def f: missing; f",
    ]) func leavesNothing(_ text: String) throws {
        weak var definition: FunctionDefinition?
        weak var scope: Scope?
        do {
            let module = try Parser.parse(Array(text.utf8))
            let library = Library(modules: nil, byteCount: text.utf8.count)
            let compiler = Compiler(library: library)
            _ = try? compiler.finish(module, [], digest: 0)
            definition = compiler.definitions.last
            scope = definition?.scope
            #expect(scope != nil)
        }
        #expect(definition == nil && scope == nil)
    }

    /// A chain of names as long as a text of a named transform makes it, on a small stack.
    @Test func freesLongChains() throws {
        let text = String(repeating: "def f: 1; ", count: 26_000) + "f"
        _ = try Program.compile(text)
    }
}
