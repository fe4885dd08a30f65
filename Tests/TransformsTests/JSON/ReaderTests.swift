// The reader, which predicts names, against the reference, which reads byte by byte; values that
// borrow from the text and those that own their bytes.

import TestSupport
import Testing

@testable import Transforms

@Suite struct ReaderTests {
    private enum Outcome: Equatable {
        case texts([String])
        case failed([String], ReadFailure)
    }

    /// The texts that follow one another, as they are written.
    private func read(_ text: [UInt8], counts: Bool) -> Outcome {
        let runner = Runner()
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: 300, counts: counts)
        let outcome = unsafe text.withUnsafeBytes { raw in
            var texts: [String] = []
            do throws(ReadFailure) {
                unsafe reader.begin(Bytes(raw))
                while let value = try reader.readNext() {
                    var out = OutputBuffer(bytesMax: 1 << 22)
                    try? runner.write(Document(value: value), to: &out)
                    texts.append(out.text)
                    runner.heap.release(value)
                }
                return Outcome.texts(texts)
            } catch { return .failed(texts, error) }
        }
        // Whatever was read before an error is released, too.
        if counts { #expect(runner.liveBlocks == 0, "\(String(decoding: text, as: UTF8.self))") }
        return outcome
    }

    private func readSlowly(_ text: [UInt8]) -> Outcome {
        let runner = Runner()
        runner.begin()
        var reader = ReferenceReader(text, heap: runner.heap, depthMax: 300)
        var texts: [String] = []
        do throws(ReadFailure) {
            while let value = try reader.next() {
                var out = OutputBuffer(bytesMax: 1 << 22)
                try? runner.write(Document(value: value), to: &out)
                texts.append(out.text)
            }
            return .texts(texts)
        } catch { return .failed(texts, error) }
    }

    private func expectSame(_ text: [UInt8]) {
        let reference = readSlowly(text)
        for counts in [false, true] {
            #expect(
                read(text, counts: counts) == reference,
                "\(counts): \(String(decoding: text.prefix(2000), as: UTF8.self))")
        }
    }

    /// Compares for the text truncated at every byte, and with every byte replaced by each of
    /// `bytes`.
    private func expectSameForDamaged(_ whole: [UInt8], _ bytes: [UInt8]) {
        for offset in whole.indices {
            expectSame(Array(whole[..<offset]))
            for byte in bytes {
                var changed = whole
                changed[offset] = byte
                expectSame(changed)
            }
        }
    }

    private static let names = [
        "a", "b", "id", "\\u0061", "\\u00e9", "é", "a name of more than sixteen bytes",
        "a name of more than sixteen other bytes", "", "id\\n",
    ]

    /// Objects whose names, with their order and the white space around them, mostly repeat.
    private func value(_ random: inout SeededGenerator, _ depth: Int) -> String {
        func chance(_ n: UInt64) -> Bool { random.next() % n == 0 }
        func space() -> String { chance(12) ? "\n  " : chance(12) ? " " : "" }
        switch random.next() % (depth < 5 ? 10 : 6) {
        case 0: return "\"\\t é\""
        case 1: return "\"\(String(repeating: "x", count: Int(random.next() % 40)))\""
        case 2: return ["true", "false", "null", "{ }", "[]"][Int(random.next() % 5)]
        case 3: return "\(random.next() >> (random.next() % 64))"
        case 4: return "-\(random.next() % 1000).\(random.next() % 100_000_000_000)"
        case 5: return "\(random.next() % 10)"
        case 6:
            let elements = (0..<random.next() % 5).map { _ in value(&random, depth + 1) }
            return "[" + elements.joined(separator: "," + space()) + space() + "]"
        default:
            let count = chance(30) ? 150 : Int(random.next() % 7)
            var members: [String] = []
            for i in 0..<count {
                let name =
                    count > 100
                    ? "k\(random.next() % 140)"
                    : Self.names[chance(4) ? Int(random.next() % 10) : i % 10]
                let inner = count > 100 ? "{\"v\":\(i)}" : value(&random, depth + 1)
                members.append("\(space())\"\(name)\"\(space()):\(space())\(inner)\(space())")
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: 1...8) func agreesOnRandomObjects(_ seed: UInt64) {
        var random = SeededGenerator(state: 20_261_123 &* seed)
        for _ in 0..<120 {
            let text = "[" + (0..<8).map { _ in value(&random, 0) }.joined(separator: ",") + "]"
            var bytes = Array((text + "\n" + value(&random, 1)).utf8)
            expectSame(bytes)
            let damage = Array("\0\",:[]{}1\u{80}".utf8)
            bytes[Int(random.next() % UInt64(bytes.count))] =
                damage[Int(random.next() % UInt64(damage.count))]
            expectSame(bytes)
            expectSame(Array(bytes.prefix(Int(random.next() % UInt64(bytes.count)))))
        }
    }

    /// How a name is read must not depend on where it was before.
    @Test func repeatedNames() {
        for text in [
            #"[{"a":1,"b":2},{"a":1,"b":2,"a":3},{"b":1,"b":2}]"#,
            #"[{"a":{"a":1}},{"a":{"a":1,"a":2}},{"a":1,"a":{"a":2}}]"#,
            #"[{"a":1},{"\u0061":2,"a":3},{"a":4,"\u0061":5}]"#,
            #"{"a":1} {"a":2,"a":3} {"a" :4, "a":5}"#,
        ] {
            expectSame(Array(text.utf8))
        }
        #expect(
            read(Array(#"[{"a":1},{"a":2,"a":3}]"#.utf8), counts: false)
                == .texts([#"[{"a":1},{"a":3}]"#]))
    }

    /// Names of each length: two that alternate and a third, truncated at every byte; one differs
    /// from the other in any one byte.
    @Test func alternatingNames() {
        for length in 0...40 {
            let name = String(repeating: "n", count: length)
            var others = [name + "x"]
            for offset in 0..<length {
                let start = name.startIndex
                let at = name.index(start, offsetBy: offset)
                others.append(name[start..<at] + "x" + name[name.index(after: at)...])
            }
            for other in others {
                let rows = [name, other, name, other, other, name, "third", name, other].map {
                    "{\"\($0)\":1,\"in\":{\"\($0)\":2},\"\($0)b\":3}"
                }
                let text = Array("[\(rows.joined(separator: ","))]".utf8)
                expectSame(text)
                if other.count == length + 1 {
                    for end in 0..<text.count { expectSame(Array(text[..<end])) }
                }
            }
        }
    }

    /// Strings of many kinds of characters in any order, whole, truncated and with a byte replaced.
    @Test func mixedStrings() {
        var random = SeededGenerator(state: 20_261_124)
        let parts = [
            "plain", "a much longer plain part of it", "\\n", "\\\"", "\\u524d", "\\ud83d\\ude00",
            "\\/", "é", "ñandú", "前", "前田あゆみさんの名前", "ก", "한국어", "😀", "\u{7F}", "\\\\",
        ]
        for _ in 0..<1_500 {
            let count = Int(random.next() % 9)
            let string = (0..<count).map { _ in parts[Int(random.next() % UInt64(parts.count))] }
            var bytes = Array("[\"\(string.joined())\",\"\(string.reversed().joined())\"]".utf8)
            expectSame(bytes)
            expectSame(Array(bytes.prefix(Int(random.next() % UInt64(bytes.count)))))
            let offset = Int(random.next() % UInt64(bytes.count))
            for byte in [0x00, 0x1F, 0x22, 0x5C, 0x7F, 0x80, 0xC3, 0xE0, 0xED, 0xF0, 0xFF]
                as [UInt8]
            {
                bytes[offset] = byte
                expectSame(bytes)
            }
        }
    }

    /// One below, at and above the bounds of names at a position, and of names and positions in a
    /// text; and trees, in which each depth is a position.
    @Test func beyondWhatIsRemembered() {
        for count in [63, 64, 65, 66, 1023, 1024, 1025, 2047, 2048, 2049] {
            let names = (0..<count).map { "\"n\($0)\":{\"v\":\($0),\"w\":[{\"u\":1}]}" }
            let object = "{" + names.joined(separator: ",") + "}"
            expectSame(Array("[\(object),\(object)]".utf8))
            let objects = (0..<count).map { "{\"n\($0)\":{\"v\":\($0)}}" }
            expectSame(Array("[\(objects.joined(separator: ","))]".utf8))
        }
        for depth in [290, 298, 299, 300, 301] {
            for (start, end) in [
                (#"{"x":1,"child":"#, "}"), (#"{"x":[{"y":1}],"child":"#, "}"),
                (#"[{"x":1,"child":"#, "}]"), (#"{"x":1,"child":[{"y":2},{"z":"#, "}]}"),
            ] {
                let count = depth / end.utf8.count
                let tree =
                    String(repeating: start, count: count)
                    + "null" + String(repeating: end, count: count)
                expectSame(Array("\(tree)\n\(tree)\n\(tree)".utf8))
            }
        }
    }

    /// Numbers of each length, with what may follow.
    @Test func numbers() {
        for count in 1...40 {
            for digit in ["0", "1", "9"] {
                let digits = String(repeating: digit, count: count)
                for number in [digits, "-\(digits)", "0.\(digits)", "-1\(digits).5"] {
                    for text in ["[\(number)]", "[\(number) ,1]", number, "[\(number)x]"] {
                        expectSame(Array(text.utf8))
                        expectSame(Array("[\(text),\"padding of some bytes\"]".utf8))
                    }
                }
            }
        }
    }

    /// Arrays of numbers of each form among others, flat and in pairs, with white space or without,
    /// with other values between them, longer than the stack is at first, truncated and damaged.
    @Test func arraysOfNumbers() {
        let forms = RecordTexts.values.filter { !$0.hasPrefix("\"") && $0 != "" }
        for form in forms {
            for separator in [",", ", ", " ,", "\n    ,\n    "] {
                let row = ["1", "-65.613616999999977", form, "43.5", "0"].joined(
                    separator: separator)
                for text in ["[\(row)]", "[ \(row) ]", "[[\(row)]\(separator)[7,8]]"] {
                    expectSame(Array("[\(text),\"\(String(repeating: "-", count: 90))\"]".utf8))
                    expectSame(Array(text.utf8))
                }
            }
        }
        for count in [1, 253, 254, 255, 256, 257, 511, 512, 513, 20_000] {
            let numbers = (0..<count).map { "\($0 % 7 == 0 ? "-" : "")\($0).\($0)" }
            let row = numbers.joined(separator: ",")
            let rows = (0..<count).map { $0 % 99 == 98 ? "[[\($0)], []]" : "[\($0), -\($0).5]" }
            let pairs = rows.joined(separator: ",")
            for text in [
                "[\(row)]", "[\(row),{}]", "[\(row),[\(row)],1e2,\(row)]", "[\(pairs)]",
                "{\"a\":[\(pairs)],\"b\":[[\(pairs),null,\(pairs)]]}",
            ] {
                expectSame(Array(text.utf8))
            }
        }
        let pairs = (0..<8).map { "[-65.6136169999\($0), 43.42027300000000\($0),\($0)]" }
        let whole = Array("[\(pairs.joined(separator: ","))]".utf8)
        expectSameForDamaged(
            whole, [0x00, 0x20, 0x2C, 0x2D, 0x2E, 0x30, 0x5B, 0x5D, 0x65, 0x7D, 0x80])
    }

    /// A character of each kind at each offset in a word, with and without bytes after it.
    @Test func strings() {
        for character in ["x", "\\n", "\\u00e9", "\\\"", "é", "前", "😀", "\u{7F}", "\u{1F}", "\\x"] {
            for before in 0...34 {
                let string = String(repeating: "-", count: before) + character
                for rest in ["", "\"]", "tail\"]", "tail\", \"more than sixteen bytes\"]"] {
                    expectSame(Array("[\"\(string)\(rest)".utf8))
                }
            }
        }
    }

    /// No byte but white space is skipped as such, wherever it is in a long run of spaces.
    @Test func bytesAmongSpaces() {
        for byte in [0x00, 0x01, 0x09, 0x0A, 0x0B, 0x0D, 0x21, 0x60, 0xA0] as [UInt8] {
            for offset in 0..<40 {
                var spaces = [UInt8](repeating: 0x20, count: 40)
                spaces[offset] = byte
                for text in ["[1", "[\"a\",", "{\"a\":", "{", "["] {
                    expectSame(Array(text.utf8) + spaces + Array("]".utf8))
                    expectSame(Array(text.utf8) + spaces)
                }
                let isSpace = [0x09, 0x0A, 0x0D].contains(byte)
                #expect(
                    (read([0x5B] + spaces + [0x5D], counts: false) == .texts(["[]"])) == isSpace)
            }
        }
    }

    /// Values of each kind and length in records that repeat, far from the text's end and near it,
    /// then truncated and damaged.
    @Test func recordsOfAnyValue() {
        for value in RecordTexts.values {
            for text in RecordTexts.texts(value) { expectSame(Array(text.utf8)) }
        }
        let texts = RecordTexts.texts("12.5")
        for whole in [texts[0], texts[4]].map({ Array($0.utf8) }) {
            expectSameForDamaged(
                whole, [0x00, 0x20, 0x22, 0x2C, 0x30, 0x3A, 0x5C, 0x5D, 0x65, 0x7D, 0x80])
        }
    }
}
