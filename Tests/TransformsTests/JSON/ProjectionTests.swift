// Reading the parts that a program needs, against reading all: the same outputs, errors and
// offsets.

import Foundation
import TestSupport
import Testing

@testable import Transforms

@Suite struct ProjectionTests {
    /// The result of reading a text and running a program on it.
    private struct Ending: Equatable {
        var outputs: [String] = []
        var raised: String?
        var failure: ReadFailure.Code?
        var offset: Int?
        var liveBlocks = 0
    }

    private static func ending(
        _ runner: Runner, _ program: Program, _ text: [UInt8], isProjected: Bool
    ) -> Ending {
        runner.begin(stepsMax: 100_000)
        runner.releasesAll = true
        var ending = Ending()
        func shown(_ document: Document) -> String {
            var text = OutputBuffer(bytesMax: 1 << 24)
            try? runner.write(document, to: &text)
            return text.text
        }
        // Safety: the array outlives the run, which ends in the closure.
        unsafe text.withUnsafeBytes { raw in
            let input: Document
            do throws(ReadFailure) {
                input = unsafe try runner.read(raw, for: isProjected ? program : nil)
            } catch {
                (ending.failure, ending.offset) = (error.code, error.offset)
                return
            }
            do throws(RunFailure) {
                try runner.evaluate(program, input) { (output) throws(RunFailure) in
                    ending.outputs.append(shown(output))
                    return true
                }
                ending.liveBlocks = runner.liveBlocks
            } catch {
                if case .raised(let value, _) = error {
                    ending.raised = shown(value)
                } else {
                    ending.raised = "\(error)"
                }
            }
        }
        return ending
    }

    /// The first of the texts for which the two readings differ.
    private static func complaint(_ word: String, _ texts: [[UInt8]]) throws -> String? {
        let program = try Program.compile(word)
        var limits = RunLimits()
        limits.depthMax = 40
        limits.stackBytesMax = 256 << 10
        let runner = Runner(limits: limits)
        // One after another, because the reader keeps what it learned of names while it reads for
        // the same program.
        let wholes = texts.map { ending(Runner(limits: limits), program, $0, isProjected: false) }
        let again = texts.map { ending(runner, program, $0, isProjected: false) }
        let parts = texts.map { ending(runner, program, $0, isProjected: true) }
        for (i, text) in texts.enumerated() {
            let (whole, projected) = (wholes[i], parts[i])
            if whole != again[i] {
                return "\(word) on \(String(decoding: text, as: UTF8.self)) again"
            }
            if whole != projected || whole.liveBlocks != 0 {
                return "\(word) on \(String(decoding: text, as: UTF8.self)): "
                    + "whole \(whole), projected \(projected)"
            }
        }
        return nil
    }

    @Test(arguments: 1...40) func randomProgramsSeeTheSame(_ seed: Int) throws {
        var maker = ProjectionMaker(seed: UInt64(seed))
        for _ in 0..<250 {
            let complaint = try Self.complaint(
                maker.filter(3), (0..<6).map { _ in Array(maker.document(4).utf8) })
            #expect(complaint == nil)
            if complaint != nil { return }
        }
    }

    /// What a program changes in place is read into counted blocks, with the same result.
    @Test(arguments: 1...15) func randomChangesHaveTheSameResult(_ seed: Int) throws {
        var maker = ProjectionMaker(seed: UInt64(1_000 + seed))
        for _ in 0..<250 {
            let complaint = try Self.complaint(
                maker.change(), (0..<6).map { _ in Array(maker.document(4).utf8) })
            #expect(complaint == nil)
            if complaint != nil { return }
        }
    }

    @Test(arguments: [
        ".[].items[] |= .", "map(.items[] |= [., .])", "walk(.)", "walk([.]) | .[0], .[0]",
        "map(.id += 1 | .items |= map(. * 2))", ".[].id |= error", "map_values(.items[] |= empty)",
        "del(.[].items[0])", "(.[] | select(.id > 5) | .items[]) |= {a: .}",
        ".[].items |= (. as $x | [$x, $x]) | .[3].items[0][0] = 1",
        "walk(if type == \"object\" then with_entries(.value |= [.]) else . end)",
        "map(.items[1:][] |= -.)", ".[].new.deep[2] |= 7", ".[].items[]? //= 3 | .[1:]",
    ])
    func changesOfManyRecords(_ program: String) throws {
        func record(_ id: Int) -> String {
            let items = (0..<(id % 40)).map { "\(id * $0).5" }.joined(separator: ", ")
            let many = (0..<(id % 23 * 4)).map { ",\"m\($0)\":\"é\\n\"" }.joined()
            let twice = id % 9 == 0 ? ",\"id\":\(id + 1)" : ""
            return "{\"id\":\(id),\"items\":[\(items)],\"note\":{\"x\":[]}\(many)\(twice)}"
        }
        let texts = stride(from: 0, to: 60, by: 4).map { count in
            Array("[\((0..<count).map(record).joined(separator: ",\n"))]".utf8)
        }
        #expect(try Self.complaint(program, texts) == nil)
        #expect(try Program.compile(program).projection.changes)
    }

    private static let text = """
        {"a": {"b": [1, -2.5e3, true, {"c": "x\\u00e9\\n"}], "d\\u0061": "Łódź\u{7F}"}, "e": [],
         "b": [{"a": 1, "a": 2, "x": [[[{}]], null, "\\"", "\\ud83d\\ude00"]}, {"a": 3}, 17],
         "skipped": {"deep": [{"k": [1, 2, {"z": "\\\\"}]}, -0, 0.10, 1E-2, false]}, "c": "end"}
        """
    private static let programs = [
        ".a.b[0]", ".b | map(.a)", "{c, e: (.e | length)}", ".b[].a", "type", "length", ".nothing",
        "[.b[] | select(.a == 3)] | length", ".a | keys", "first(.b[]).x",
    ]

    @Test(arguments: programs) func truncatedTextsFailAtTheSameOffset(_ program: String) throws {
        let text = Array(Self.text.utf8)
        let cuts = (0...text.count).map { Array(text[..<$0]) }
        #expect(try Self.complaint(program, cuts) == nil)
    }

    @Test(arguments: programs) func changedBytesFailAtTheSameOffset(_ program: String) throws {
        let text = Array(Self.text.utf8)
        var texts: [[UInt8]] = []
        for offset in text.indices {
            for byte in [0x00, 0x20, 0x22, 0x2C, 0x30, 0x5C, 0x5D, 0x7D, 0x80, 0xC3] as [UInt8] {
                var changed = text
                changed[offset] = byte
                texts.append(changed)
            }
        }
        #expect(try Self.complaint(program, texts) == nil)
    }

    /// Values of each kind in records, kept and skipped.
    @Test(arguments: [
        "[.[].a] | add", "map(.b)", "[.[] | select(.c == 3) | .b]", ".[0].c", "length",
    ])
    func recordsOfAnyValue(_ program: String) throws {
        let texts = RecordTexts.values.flatMap { RecordTexts.texts($0).map { Array($0.utf8) } }
        #expect(try Self.complaint(program, texts) == nil)
        for text in RecordTexts.texts("12.5") {
            let whole = Array(text.utf8)
            #expect(try Self.complaint(program, whole.indices.map { Array(whole[..<$0]) }) == nil)
        }
    }

    @Test func depthIsCountedInWhatIsSkipped() throws {
        for depth in 36...42 {
            for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
                let inner = String(repeating: open, count: depth)
                let outer = String(repeating: close, count: depth)
                let texts = ["{\"a\":\(inner)1\(outer),\"b\":2}", "{\"b\":[\(inner)1\(outer)]}"]
                for program in [".b", ".b | length", ".b | type", ".c"] {
                    #expect(try Self.complaint(program, texts.map { Array($0.utf8) }) == nil)
                }
            }
        }
    }

    @Test func dictionariesWithMoreNamesThanTokens() throws {
        let members = (0..<300).map { "\"n\($0)\":{\"a\":\($0),\"b\":[\($0)]}" }
        let text = Array(("{" + members.joined(separator: ",") + ",\"n7\":{\"a\":-1}}").utf8)
        for program in [".n7.a", ".n299.b", ".[].a", "length", "keys", "map(.b | length)", ".n300"]
        {
            #expect(try Self.complaint(program, [text]) == nil)
        }
    }

    /// What is remembered of names from text to text is bounded, and right for all later texts.
    @Test(arguments: [".x.a", "[.[] | .a]", ".", "keys | length"])
    func textsWithNamesOfTheirOwn(_ program: String) throws {
        let long = String(repeating: "n", count: 300)
        let texts = (0..<1_500).map { i in
            let name = i % 3 == 0 ? "\(long)\(i)" : i % 3 == 1 ? "n\(i)" : "a\(i % 50)"
            let space = i % 7 == 0 ? " " : ""
            let row = #"{"a":\#(i),"b":2}"#
            return #"{\#(space)"\#(name)":\#(space)\#(row),"x":{"a":\#(i)},"x\#(i)":{}}"#
        }
        #expect(try Self.complaint(program, texts.map { Array($0.utf8) }) == nil)
    }

    /// The parts that a program does not need are not kept: the document is smaller.
    @Test func unreadMembersTakeNoMemory() throws {
        let items = (0..<2_000).map { #"{"id":\#($0),"tags":["a","b"],"note":{"x":[\#($0)]}}"# }
        let text = Array(("[" + items.joined(separator: ",") + "]").utf8)
        let runner = Runner()
        var peaks: [Int] = []
        for word in ["map(.id) | add", "map(.id, .tags, .note) | length", "length"] {
            _ = Self.ending(runner, try Program.compile(word), text, isProjected: true)
            peaks.append(runner.memoryBytesPeak)
        }
        #expect(peaks[0] * 2 < peaks[1])
        #expect(peaks[2] <= peaks[0])
    }

    /// Text that is skipped counts against the deadline.
    @Test func aDeadlineStopsSkipping() throws {
        let text = Array(("{\"a\":[" + String(repeating: "1,", count: 4 << 20) + "1]}").utf8)
        let runner = Runner()
        let program = try Program.compile(".b")
        runner.begin(deadlineNanoseconds: MonotonicClock.nanoseconds())
        // Safety: the array outlives the closure.
        let isRead = unsafe text.withUnsafeBytes { raw in
            (unsafe try? runner.read(raw, for: program)) != nil
        }
        #expect(!isRead)
        #expect(runner.limitMet == .deadline)
    }
}

/// A seed -> programs that use parts of their input, and documents that have these parts.
private struct ProjectionMaker {
    private var numbers: SeededGenerator

    init(seed: UInt64) { numbers = SeededGenerator(state: seed &* 1_000_003) }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }

    private mutating func pick(_ texts: [String]) -> String { texts[below(texts.count)] }

    private static let atoms = [
        ".", ".a", ".b", ".c", ".a.b", ".[]", ".[]?", ".a?", ".[0]", ".[-1]?", ".[1:]", ".[:1]?",
        ".[\"a\"]", "length", "keys?", "type", "not", "add?", "values", "arrays", "objects",
        "first", "last?", "1", "\"a\"", "null", "{a, c}", "{b: .a}", "..", "tojson", "empty",
        "to_entries?", "paths", "reverse?", "has(\"a\")?", "tostring", "del(.a)?", "error?",
        "getpath([\"a\", \"b\"])?", "$__loc__", "env | type", "input_line_number", "sort?",
        "flatten?", "with_entries(.)?", "min?", "unique?", ".a[]?", ".[]?.b",
    ]

    mutating func filter(_ depth: Int) -> String {
        if depth == 0 { return pick(Self.atoms) }
        func part(_ maker: inout ProjectionMaker) -> String {
            "(" + maker.filter(depth - 1 - maker.below(2) * (depth > 1 ? 1 : 0)) + ")"
        }
        switch below(32) {
        case 0...5: return part(&self) + " | " + part(&self)
        case 6: return part(&self) + ", " + part(&self)
        case 7: return "[" + part(&self) + "]"
        case 8: return "{a: " + part(&self) + ", b: " + part(&self) + "}"
        case 9: return "{(" + part(&self) + " | tostring): " + part(&self) + "}"
        case 10: return "if \(part(&self)) then \(part(&self)) else \(part(&self)) end"
        case 11: return part(&self) + pick([" and ", " or ", " // "]) + part(&self)
        case 12: return part(&self) + pick([" == ", " < ", " + ", " - "]) + part(&self)
        case 13...15: return "select(" + part(&self) + ")"
        case 16...18: return "map(" + part(&self) + ")"
        case 19:
            let name = pick(["sort_by", "group_by", "unique_by", "min_by", "max_by"])
            return name + "(" + part(&self) + ")"
        case 20: return "first(" + part(&self) + ")"
        case 21: return "[limit(" + pick(["1", "2", ".a"]) + "; " + part(&self) + ")]"
        case 22: return "isempty(" + part(&self) + ")"
        case 23: return pick(["any", "all"]) + "(" + part(&self) + "; " + part(&self) + ")"
        case 24: return "try " + part(&self) + " catch " + pick([".", "[., 1]"])
        case 25: return "\"x\(" + part(&self) + ")\""
        case 26: return part(&self) + " as $x | " + part(&self) + " | [., $x]"
        case 27...28: return part(&self) + " as $x | " + part(&self) + " | $x | " + part(&self)
        case 29:
            return "reduce " + part(&self) + " as $x (0; [., ($x | " + part(&self) + ")])"
        case 30:
            return "[foreach " + part(&self) + " as $x (" + part(&self) + "; [$x | "
                + part(&self) + "]; ., ($x | " + part(&self) + "))]"
        default: return "reduce " + part(&self) + " as $x (.; [$x, " + pick(Self.atoms) + "])"
        }
    }

    /// A program whose first step changes parts of its input.
    mutating func change() -> String {
        let path = pick([
            ".[]?", ".[]?.a?", "..", ".[]?[]?", ".a[]?", ".[]?.b[]?", "(.[]? | select(.a?))",
            ".[]?[1:]?", ".[]?[0]?", ".[]?[\"b\"]?", "(.. | scalars)", "(.a, .b)[]?",
        ])
        let changed: String
        switch below(10) {
        case 0...3: changed = "\(path) |= (\(filter(1)))"
        case 4: changed = "\(path) += (\(filter(1)))"
        case 5: changed = "\(path) //= (\(filter(1)))"
        case 6: changed = "del(\(path))"
        case 7: changed = "walk(\(filter(1)))"
        case 8: changed = "map(\(path) |= (\(filter(1))))"
        default: changed = "map_values(\(path) |= (\(filter(1))) | (\(filter(1))))"
        }
        switch below(4) {
        case 0: return "(\(changed)) | (\(filter(2)))"
        case 1: return "if \(filter(1)) then \(changed) else \(change()) end"
        case 2: return "(\(changed)) | (\(change()))"
        default: return changed
        }
    }

    mutating func document(_ depth: Int) -> String {
        let space = below(4) == 0 ? " \n " : ""
        let kind = depth == 0 ? below(5) : below(11)
        switch kind {
        case 0: return pick(["null", "true", "false"])
        case 1: return pick(["0", "-1", "17", "2.50", "1e2", "-0", "12345678901234567890"])
        case 2...4:
            return pick([
                "\"\"", "\"abc\"", "\"\\u0061\\n\"", "\"Łódź\"", "\"a b c d e f g h i j\"",
            ])
        case 5...7:
            let parts = (0..<below(4)).map { _ in document(depth - 1) }
            return "[" + space + parts.joined(separator: "," + space) + space + "]"
        default:
            let parts = (0..<below(6)).map { _ in
                pick([
                    "\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"\\u0062\"", "\"long name of a member\"",
                ])
                    + space + ":" + space + document(depth - 1)
            }
            return "{" + space + parts.joined(separator: "," + space) + space + "}"
        }
    }
}
