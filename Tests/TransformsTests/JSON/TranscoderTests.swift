// Copying a text, against the reference: reading its values and writing them.

import TestSupport
import Testing

@testable import Transforms

@Suite struct TranscoderTests {
    private enum Outcome: Equatable {
        case text(String, end: Int)
        case needsValues
        case failed(ReadFailure)
    }

    private func copied(_ text: [UInt8], isLenient: Bool = false) -> Outcome {
        let runner = Runner()
        runner.begin()
        var transcoder = JSONTranscoder(
            heap: runner.heap, budget: runner.budget, depthMax: 100, isLenient: isLenient)
        var out = OutputBuffer(bytesMax: 1 << 20)
        return unsafe text.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                let result = unsafe try transcoder.read(Bytes(raw), from: 0)
                guard case .readable(_, let end) = result else { return .needsValues }
                try? transcoder.copy(to: &out)
                return .text(out.text, end: end)
            } catch { return .failed(error) }
        }
    }

    private func written(_ text: [UInt8], isLenient: Bool = false) -> Outcome {
        let runner = Runner()
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: 100, counts: false,
            isLenient: isLenient)
        var out = OutputBuffer(bytesMax: 1 << 20)
        return unsafe text.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                unsafe reader.begin(Bytes(raw))
                let value = try reader.readValue()
                try reader.checkEnd(of: value)
                try? runner.write(Document(value: value), to: &out)
                return .text(out.text, end: reader.offset)
            } catch { return .failed(error) }
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

    @Test(arguments: texts) func agrees(_ text: String) {
        #expect(copied(Array(text.utf8)) == written(Array(text.utf8)))
    }

    /// Damaged and cut at every byte: the same text, or the same error at the same offset.
    @Test(arguments: texts) func agreesOnDamage(_ text: String) {
        let bytes = Array(text.utf8)
        for i in 0..<bytes.count {
            var variants = [Array(bytes[..<i])]
            for byte in [0x00, 0x22, 0x2C, 0x5B, 0x5D, 0x7B, 0x7D, 0x31, 0x80] as [UInt8] {
                var damaged = bytes
                damaged[i] = byte
                variants.append(damaged)
            }
            for variant in variants {
                let result = copied(variant)
                if result != .needsValues { #expect(result == written(variant), "\(variant)") }
            }
        }
    }

    /// Rows of few shapes with white space here and there, some damaged: what is faster because of
    /// the shapes of earlier rows must not change what is read.
    @Test func agreesOnRandomRows() {
        var random = SeededGenerator(state: 20_261_122)
        for _ in 0..<600 {
            var text = Array(rows(&random).utf8)
            if random.next() % 3 == 0 {
                let damage: [UInt8] = [0x00, 0x22, 0x2C, 0x5B, 0x5D, 0x61, 0x7D, 0x31, 0x80]
                let at = Int(random.next() % UInt64(text.count))
                text[at] = damage[Int(random.next() % UInt64(damage.count))]
            }
            let result = copied(text)
            if result != .needsValues {
                #expect(result == written(text), "\(String(decoding: text, as: UTF8.self))")
            }
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

    @Test func repeatedNamesNeedValues() {
        #expect(copied(Array("[{\"a\":1,\"b\":1},{\"a\":1,\"b\":2,\"a\":3}]".utf8)) == .needsValues)
        #expect(copied(Array("[{\"a\":1,\"b\":1},{\"a\":1,\"a\":3}]".utf8)) == .needsValues)

        #expect(copied(Array("{\"a\":1,\"a\":2}".utf8)) == .needsValues)
        #expect(copied(Array("{\"a long name\":\"b\",\"a long name\":1}".utf8)) == .needsValues)
        #expect(copied(Array("[{\"x\":{\"a\":1,\"\\u0061\":2}}]".utf8)) == .needsValues)
        for count in [63, 64, 65, 500] {
            let many = (0..<count).map { "\"k\($0)\": {\"a\":[]}" }.joined(separator: ",")
            let text = Array("[{\(many)},{\(many)}]".utf8)
            #expect(copied(text) == written(text))
            #expect(copied(Array("{\(many),\"k3\":1}".utf8)) == .needsValues)
            #expect(copied(Array("{\(many),\"\\u006b3\":1}".utf8)) == .needsValues)
        }
    }

    /// Runs of many lengths, kept and dropped, around the bounds of their representation.
    @Test func agreesOnLongRuns() {
        let counts = [0, 1, 31, 32, 33, 252, 253, 254, 255, 256, 257, 511, 70_000]
        for kept in counts {
            let string = String(repeating: "x", count: kept)
            for dropped in counts {
                let space = String(repeating: " ", count: dropped)
                let text = Array("[\"\(string)\",\(space)1, \"\\u0078\(string)\"\(space)]".utf8)
                #expect(copied(text) == written(text), "\(kept) \(dropped)")
            }
        }
    }

    @Test func depth() {
        for depth in [99, 100, 101] {
            let text = Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
            #expect(copied(text) == written(text))
        }
    }

    static let lenientTexts = [
        "[nan,-nan,NaN,NaN000,sNaN,inf,-Infinity,+INF]", "[+1,.5,1.,007,-.5e3,-01,+.5E+2]", "nan",
        "{\"a\":nan,\"b\":+1}", "[ 01 , 1.e5 ]", "1true", "nan1", "truefalse", "null", "[nullx]",
    ]

    @Test(arguments: lenientTexts) func agreesWhenLenient(_ text: String) {
        var bytes = Array(text.utf8)
        #expect(copied(bytes, isLenient: true) == written(bytes, isLenient: true))
        for i in 0..<bytes.count {
            let cut = Array(bytes[..<i])
            #expect(copied(cut, isLenient: true) == written(cut, isLenient: true), "\(cut)")
        }
        bytes = [0x22, 0x61, 0xFF, 0x5C, 0x6E, 0xE2, 0x82, 0x22] + [0x20] + bytes
        #expect(copied(bytes, isLenient: true) == .text("\"a\u{FFFD}\\n\u{FFFD}\"", end: 8))
        #expect(written(bytes, isLenient: true) == copied(bytes, isLenient: true))
    }
}
