// Reading with what earlier texts have taught, against the reference, which predicts nothing.

import TestSupport
import Testing

@testable import Transforms

@Suite struct RecordReaderTests {
    private enum Outcome: Equatable {
        case text(String)
        case failed(ReadFailure)
    }

    /// Reads texts with one runner, which keeps names from text to text, and writes them.
    private final class Keeper {
        private let runner: Runner

        init() {
            var limits = RunLimits()
            limits.depthMax = 100
            runner = Runner(limits: limits)
        }

        /// - Parameters:
        ///   - after: memory that follows the text.
        ///   - program: what the text is read for, and run through.
        func read(_ text: [UInt8], after: [UInt8] = [], for program: Program? = nil) -> Outcome {
            runner.begin()
            return unsafe (text + after).withUnsafeBytes { raw in
                let part = unsafe UnsafeRawBufferPointer(rebasing: raw[..<text.count])
                var out = OutputBuffer(bytesMax: 1 << 20)
                do throws(ReadFailure) {
                    let document = unsafe try runner.read(
                        part, for: program, readableAfter: after.count)
                    RecordReaderTests.write(runner, document, program, &out)
                    return .text(out.text)
                } catch { return .failed(error) }
            }
        }
    }

    private static func readAlone(_ text: [UInt8], for program: Program? = nil) -> Outcome {
        var limits = RunLimits()
        limits.depthMax = 100
        let runner = Runner(limits: limits)
        runner.begin()
        var reader = ReferenceReader(text, heap: runner.heap, depthMax: 100)
        var out = OutputBuffer(bytesMax: 1 << 20)
        do throws(ReadFailure) {
            write(runner, Document(value: try reader.text()), program, &out)
            return .text(out.text)
        } catch { return .failed(error) }
    }

    private static func write(
        _ runner: Runner, _ document: Document, _ program: Program?, _ out: inout OutputBuffer
    ) {
        do throws(RunFailure) {
            guard let program else { return try runner.write(document, to: &out) }
            try runner.evaluate(program, document) { (output) throws(RunFailure) in
                try runner.write(output, .compact, endedBy: 0x0A, to: &out)
                return true
            }
        } catch {
            // Which error it is, the evaluator's tests say.
            try? runner.write(UInt8(ascii: "!"), to: &out)
        }
    }

    static let texts = [
        "null", " [1, 2.50, -0, 1e2, 123456789012345678901234567890] ",
        "{\"a\" : {\"b\":[]}, \"c\":{}}",
        "\"\\u00e9\\n\\ud83d\\ude00\\/\u{7F}é\"", "[[[[]]],{\"k\":[{}]}]",
        "{\"a\":1,\"b\":2,\"ab\":3,\"ba\":4}",
        "[true,false,null,\"x\"]x", "{\"\":0,\"\\u0000\":1}",
        "[{\"id\":1,\"at\":{\"x\":2}},{\"id\":3,\"at\":{\"x\":4}},{\"id\":5,\"at\":{\"y\":1}}]",
        "[{\"a\":1,\"bc\":2,\"d\":3},{\"a\":1,\"d\":[{\"e\":1},{\"e\":2}]},{\"d\":3,\"a\":4}]",
        "[\"\\b\\t\\n\\f\\r\\\"\\\\\",\"\\u0001\\u001f\\u007f\",\"\\u0008\\u000a\\u001F\"]",
        "[\"Łódź \\\"old\\\" – x\",1e5,-1.5E-3,0.10,-0,10000000000000000000000]",
    ]

    /// Texts, damaged and cut at every byte, alone and followed by what would complete them.
    @Test(arguments: texts) func agreesOnDamage(_ text: String) {
        let keeper = Keeper()
        let bytes = Array(text.utf8)
        for i in 0...bytes.count {
            var damaged = [Array(bytes[..<i])]
            if i < bytes.count {
                for byte in [0x00, 0x0A, 0x22, 0x2C, 0x5B, 0x5D, 0x7B, 0x7D, 0x31, 0x80] as [UInt8]
                {
                    var changed = bytes
                    changed[i] = byte
                    damaged.append(changed)
                }
            }
            for text in damaged {
                let expected = Self.readAlone(text)
                #expect(keeper.read(text) == expected)
                #expect(keeper.read(text, after: bytes[i...] + [0x0A] + bytes) == expected)
            }
        }
    }

    private static let programs = [
        nil, ".id", "{id, at}", ".[0].id", "[.[].customer]", ".[] |= .tags", "map(del(.at))",
        "[.[] | .id, .at, .customer]", ".[].\"a rather long name\"", "length", "map(keys)", ".[2:]",
    ]

    /// Rows of few shapes with white space here and there, some damaged: what the rows of this text
    /// and of earlier ones make quick must not change what is read.
    @Test func agreesOnRandomRows() throws {
        var random = SeededGenerator(state: 20_261_130)
        let programs = try Self.programs.map { try $0.map { try Program.compile($0) } }
        let keeper = Keeper()
        var before: [UInt8] = []
        for _ in 0..<1_500 {
            var text = Array(rows(&random).utf8)
            if random.next() % 3 == 0 {
                let damage: [UInt8] = [0x00, 0x0A, 0x22, 0x2C, 0x5B, 0x5D, 0x61, 0x7D, 0x31, 0x80]
                text[random.below(text.count)] = damage[random.below(damage.count)]
            }
            if random.next() % 8 == 0 { text.removeLast(random.below(text.count)) }
            let program = programs[random.below(programs.count)]
            let after = Array(before.suffix(random.below(200)))
            #expect(
                keeper.read(text, after: after, for: program)
                    == Self.readAlone(text, for: program),
                "\(String(decoding: text, as: UTF8.self))")
            before = text
        }
    }

    private func rows(_ random: inout SeededGenerator) -> String {
        let names = ["id", "customer", "at", "a rather long name", "é", "x\\ny", "tags"]
        func space() -> String { random.next() % 24 == 0 ? " \n" : "" }
        func value(_ depth: Int) -> String {
            switch random.next() % 9 {
            case 0: return "\"plain text of some length\""
            case 1: return "\"\\u00e9 \\\"q\\\" é\""
            case 2: return "-\(random.next() % 100_000).\(random.next() % 1_000)"
            case 3: return "\(random.next())"
            case 4 where depth < 4:
                return "["
                    + (0..<random.next() % 3).map { _ in value(depth + 1) + space() }
                    .joined(separator: ",") + "]"
            case 5 where depth < 4: return object(depth + 1)
            case 6: return "null"
            case 7: return "1e\(random.next() % 20)"
            default: return "\(random.next() % 10)"
            }
        }
        func object(_ depth: Int) -> String {
            var members: [String] = []
            for name in names where random.next() % 8 != 0 {
                members.append("\"\(name)\"\(space()):\(space())\(value(depth))\(space())")
            }
            if random.next() % 12 == 0 { members.reverse() }
            if random.next() % 24 == 0, let first = members.first { members.append(first) }
            return "{" + members.joined(separator: "," + space()) + "}"
        }
        return "[" + (0..<6).map { _ in object(0) }.joined(separator: ",") + "]"
    }

    /// Objects of as many names as an object's bits, and more; repeated names among them.
    @Test func repeatedNames() {
        let keeper = Keeper()
        for count in [63, 64, 65, 500] {
            let many = (0..<count).map { "\"k\($0)\": {\"a\":[]}" }.joined(separator: ",")
            for text in [
                "[{\(many)},{\(many)}]", "{\(many),\"k3\":1}", "{\(many),\"\\u006b3\":1}",
                "[{\"a\":1,\"b\":1},{\"a\":1,\"b\":2,\"a\":3}]", "{\"a\":1,\"\\u0061\":2}",
            ] {
                let bytes = Array(text.utf8)
                #expect(keeper.read(bytes) == Self.readAlone(bytes))
                #expect(keeper.read(bytes, after: bytes) == Self.readAlone(bytes))
            }
        }
    }

    @Test func depth() {
        let keeper = Keeper()
        for depth in [99, 100, 101] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
                let text =
                    String(repeating: open, count: depth) + "1"
                    + String(repeating: close, count: depth)
                let bytes = Array(text.utf8)
                #expect(keeper.read(bytes) == Self.readAlone(bytes))
                #expect(keeper.read(bytes, after: bytes) == Self.readAlone(bytes))
            }
        }
    }

    /// Where a program found a member is not where it is once the reader has dropped its names: for
    /// another projection, or since there was no room for more.
    @Test func membersAreFoundAnew() throws {
        let runner = Runner()
        let (first, second) = (try Program.compile(".a"), try Program.compile(".b"))
        func run(_ text: String, _ program: Program) -> String {
            runner.begin()
            return unsafe Array(text.utf8).withUnsafeBytes { bytes in
                var out = OutputBuffer(bytesMax: 1 << 20)
                guard let document = unsafe try? runner.read(bytes) else { return "malformed" }
                Self.write(runner, document, program, &out)
                return out.text
            }
        }
        /// Drops the names: a document that is read for a program has another projection.
        func drop() {
            runner.begin()
            unsafe Array("{}".utf8).withUnsafeBytes { _ = unsafe try? runner.read($0, for: first) }
        }
        for _ in 0..<3 {
            #expect(run(#"{"a":1,"c":2}"#, first) == "1\n")
            drop()
            // Its first name is where the other one was, and as long.
            #expect(run(#"{"b":3,"c":4}"#, first) == "null\n")
            #expect(run(#"{"b":3,"a":4}"#, first) == "4\n")
            #expect(run(#"{"b":3,"a":4}"#, second) == "3\n")
            drop()
        }
        for round in 0..<40 {
            let names = (0..<100).map { "\"name \(round) \($0)\":0" }.joined(separator: ",")
            #expect(run("{\(names),\"a\":\(round)}", first) == "\(round)\n")
            #expect(run(#"{"b":1,"a":2}"#, first) == "2\n")
        }
    }
}
