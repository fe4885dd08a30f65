// Any bytes as a program and its input -> what is wrong with how it compiles and runs, or nil:
//
//     a program that is printed and parsed again is the same program
//     P;  (P), empty;  [P] | .[];  def f: P; f     have the same outputs, however P is run
//     P on the whole input, and on the parts that P needs, has the same outputs
//     a run that ends leaves no block of the heap behind
//
//     input: program | 0xFF | JSON text

@testable import Transforms

final class FuzzPrograms: FuzzTarget {
    static let words =
        [
            "|", ",", ".", "..", "[]", "?", "//", "=", "|=", "+=", "and", "or", "not", "as $x",
            "$x",
            "as [$a, {b: $c}]", "?// $x", "reduce .[] as $x (0; ", "foreach .[] as $x (0; ", "if ",
            " then ", " elif ", " else ", " end", "try ", " catch ", "label $f | ", "break $f",
            "def f: ", "def f(g): ", "def f($a; g): ", "; ", "(", ")", "[", "]", "{", "}", ":",
            "\"",
            "\"\\(.)\"", "@base64 \"\\(1)\"", ".a", ".[0]", ".[1:2]", ".[-1:]", ".[\"a\"]?",
            "$__loc__",
            "# x\n", "nan", "-1", "1e1000", "0.1", "null", "true", "{a: 1}", "{$x}", "{\"a\\(1)\"}",
            "\\u0061", "\u{FF}", "import \"a\" as b;", "ltrimstr(\"a\")", "limit(3; ", "first(",
            "@json",
            "getpath([\"a\", 0])", "del(.a, .[0])", "paths", "tojson", "fromjson", "input", "env",
            "splits(\"a\")", "sub(\"(?<x>a)\"; .x)", "test(\"a+\"; \"gx\")", "strftime(\"%Y\")",
            "strptime(\"%Y\")", "error", "halt", "input_line_number", "@sh", "ascii", "implode",
            "tojson",
            "to_entries", "with_entries(.value += 1)", "group_by(.a)", "sort_by(.a)", "walk(.)",
            "add",
            "recurse(.[]?; true)", "range(0; 3; 1)", "until(true; .)", "while(false; .)",
            "repeat(.)",
            "splits(\", *\"; null)", "ltrimstr", "tostream", "fromstream(tostream)",
            "truncate_stream(1; ",
            "limit(0; 1)", "skip(1; ", "pick(.a)", "have_decnum", "getpath(paths)",
            "setpath([]; 1)",
            "delpaths([[]])", "combinations", "transpose", "bsearch(1)", "ltrimstr(1)", "@text",
            "IN(1)",
            "INDEX(.a)", "ascii_downcase", "input_filename", "tojson | fromjson", "abs", "trim",
            "pow(.; 2)",
            "infinite", "significand", "splits", "getpath([])", "toarray", "have_literal_numbers",
        ]
    private static let steps = 30_000
    private let runner: Runner

    init() {
        var limits = RunLimits()
        limits.memoryBytesMax = 8 << 20
        limits.depthMax = 200
        limits.callDepthMax = 300
        limits.frameBytesMax = 1 << 20
        runner = Runner(limits: limits)
        runner.releasesAll = true
    }

    /// The result of a run.
    private struct Ending: Equatable {
        var outputs: [String] = []
        var error: String?
        /// A limit stopped the run: its outputs cannot be compared.
        var isCut = false
        var liveBlocks = 0
    }

    func complaint(_ input: [UInt8]) -> String? {
        let cut = input.firstIndex(of: 0xFF) ?? input.endIndex
        let text = Array(input[..<cut])
        var document = Array(input[cut...].dropFirst())
        if document.isEmpty { document = Array("[1,{\"a\":[\"é\",null,2.5]},\"ab\"]".utf8) }
        let program: Program
        do throws(CompileError) { program = try Program.compile(text) } catch {
            return (0...text.count).contains(error.offset) ? nil : "compile offset \(error.offset)"
        }
        let printed: String
        do throws(SyntaxError) {
            printed = Printer.text(of: try Parser.parse(text))
            let again = Printer.text(of: try Parser.parse(printed))
            if again != printed { return "printed \(printed), then \(again)" }
        } catch { return "what is printed is refused: \(error)" }
        if printed.isEmpty { return nil }
        let plain = run(program, document)
        let projected = run(program, document, isProjected: true)
        if !plain.isCut && !projected.isCut && plain != projected {
            return "read for it: \(projected), plain: \(plain)"
        }
        if plain.liveBlocks != 0 { return "\(plain.liveBlocks) blocks are left" }
        // What depends on the time or on locations in the program is not the same in each form.
        let words = String(decoding: text, as: UTF8.self)
        if plain.isCut || ["now", "__loc__", "time", "halt"].contains(where: words.contains) {
            return nil
        }
        if text.contains(UInt8(ascii: "#")) { return difference(printed, document, plain) }
        for form in ["(\(printed)\n), empty", "[\(printed)\n] | .[]", "def f: (\(printed)\n); f"] {
            if form.hasPrefix("["), plain.error != nil { continue }
            if let complaint = difference(form, document, plain) { return complaint }
        }
        return difference(printed, document, plain)
    }

    /// How the outcome of another form of the program differs; nil if it is the same.
    private func difference(_ text: String, _ document: [UInt8], _ plain: Ending) -> String? {
        // A program of definitions alone, or of imports, is no term.
        guard let program = try? Program.compile(text) else { return nil }
        let other = run(program, document)
        if other.isCut || other == plain { return nil }
        return "as `\(text)`: \(other), plain: \(plain)"
    }

    private func run(
        _ program: Program, _ document: [UInt8], isProjected: Bool = false
    ) -> Ending {
        runner.begin(stepsMax: FuzzPrograms.steps)
        var ending = Ending()
        // Safety: the array outlives the run, which ends in the closure.
        unsafe document.withUnsafeBytes { raw in
            guard let input = unsafe try? runner.read(raw, for: isProjected ? program : nil) else {
                ending.isCut = true
                return
            }
            do throws(RunFailure) {
                try runner.evaluate(program, input) { (output) throws(RunFailure) in
                    var text = OutputBuffer(bytesMax: 1 << 16)
                    try runner.write(output, to: &text)
                    ending.outputs.append(text.text)
                    if ending.outputs.count > 300 { ending.isCut = true }
                    return !ending.isCut
                }
                // With no steps left the last values are freed with the run, and not before.
                if runner.heap.mayGoOn(1) { ending.liveBlocks = runner.liveBlocks }
            } catch {
                switch error {
                case .raised(let value, _):
                    var text = OutputBuffer(bytesMax: 1 << 20)
                    do throws(RunFailure) { try runner.write(value, to: &text) } catch {
                        ending.isCut = true
                    }
                    ending.error = text.text
                case .halted(let status, _): ending.error = "halted \(status)"
                default: ending.isCut = true
                }
            }
        }
        return ending
    }
}
