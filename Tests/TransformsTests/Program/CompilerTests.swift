// Compiling: what definitions that nothing calls are checked for, and what a compilation frees.

import Testing

@testable import Transforms

struct CompilerTests {
    /// The message of the error, or nil.
    private static func message(_ text: String) -> String? {
        do throws(CompileError) {
            _ = try Program.compile(text)
            return nil
        } catch {
            return error.message
        }
    }

    @Test(arguments: [
        ("def f: g; 1", "g/0 is not defined"),
        ("def f: def g: h; g; 1", "h/0 is not defined"),
        ("def f: 1; def g: f | $x; 1", "$x is not defined"),
        ("def f: @nothing; 1", "nothing is not a valid format"),
        ("def f: {(1): 2}; 1", "Cannot use number (1) as object key"),
        ("def f: break $x; 1", "$*label-x is not defined"),
    ]) func uncalledDefinitionsAreChecked(_ text: String, _ message: String) {
        #expect(Self.message(text) == message)
    }

    @Test(arguments: ["", " ", "# only this", "def f: 1;", "module {}; def f: 1;"])
    func definitionsAloneAreNoProgram(_ text: String) throws {
        #expect(Self.message(text) == "Top-level program not given (try \".\")")
        _ = try Program.compile(Array(text.utf8), isLibrary: true)
    }

    @Test(arguments: [
        "def f: 1; 2", "def f: \"a\"; 2", "def f: f; 2", "def f: g; def g: 1; 2",
        "def f(g): g; def h: f(1); 2", "def f($x): x + $x; 2", "def null: 1; def f: null; 2",
    ]) func validUncalledDefinitionsCompile(_ text: String) {
        #expect((Self.message(text) == nil) == !text.hasPrefix("def f: g;"))
    }

    /// The definitions of a program, each of which is the scope of the next, are freed with the
    /// compiler.
    @Test(arguments: [
        "def f: 1; f", "def f: def g: f; g; f", "def f(g; $x): def h: g, $x, h; h; f(1; 2)",
        "def a: 1; def b: a; def uncalled: b; a", "def f: f; . as $x | label $out | f, break $out",
        "def f: missing; f",
    ]) func definitionsAreFreed(_ text: String) throws {
        weak var first: FunctionDefinition?
        weak var last: FunctionDefinition?
        do {
            let module = try Parser.parse(text)
            let compiler = Compiler(library: Library(modules: nil, byteCount: 0))
            _ = try? compiler.finish(module, [], digest: 0)
            first = compiler.definitions.first
            last = compiler.definitions.last
            #expect(first != nil && last != nil)
        }
        #expect(first == nil && last == nil)
    }

    /// A chain of definitions as long as a program is freed without recursion of that depth.
    @Test func manyDefinitionsAreFreed() {
        let text = String(repeating: "def f: .;", count: 200_000) + "f"
        #expect(Self.message(text) == nil)
    }
}
