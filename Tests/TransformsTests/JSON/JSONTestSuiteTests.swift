// JSON texts, well-formed or not -> read, or refused with an offset, never a trap: the files of
// JSONTestSuite where they are available, our own cases everywhere.

import Glibc
import TestSupport
import Testing

@testable import Transforms

struct JSONTestSuiteTests {
    /// Reads a text; nil where it was read, else why not.
    private func failure(_ text: [UInt8]) -> ReadFailure? {
        let runner = Runner()
        runner.begin()
        return unsafe text.withUnsafeBytes { bytes in
            do throws(ReadFailure) {
                _ = unsafe try runner.read(bytes)
                return nil
            } catch { return error }
        }
    }

    @Test(.enabled(if: SharedFiles.hasJSONTestSuite, "JSONTestSuite is not beside the checkout"))
    func suite() throws {
        let folder = SharedFiles.jsonTestSuite
        let names = SharedFiles.names(in: folder)
        #expect(names.count > 300)
        for name in names where name.hasSuffix(".json") {
            let text = try #require(SharedFiles.read(folder + "/" + name), "\(name)")
            let failure = failure(text)
            if name.hasPrefix("y_") {
                #expect(failure == nil, "\(name) is well-formed")
            } else if name.hasPrefix("n_") {
                let failure = try #require(failure, "\(name) is malformed")
                #expect((0...text.count).contains(failure.offset), "\(name)")
            }
        }
    }

    private static let wellFormed: [String] = [
        "null", " true ", "\t[false]\r\n", "0", "-0", "1.5e+10", "-1E-2", "[]", "{}", "[[[]]]",
        #""\u00e9\ud83d\ude00\n\"\\\/""#, #"{"a":{"b":[1,{"c":null}]},"a":2}"#, "[1 ,\n2 , 3]",
        "123456789012345678901234567890", "1e400", #""\#u{7f}""#, #"{"":0}"#,
    ]

    @Test(arguments: wellFormed) func isRead(_ text: String) {
        #expect(failure(Array(text.utf8)) == nil)
    }

    private static let malformed: [(String, ReadFailure.Code, Int)] = [
        ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("[1,2", .unexpectedEnd, 4),
        ("{\"a\":1", .unexpectedEnd, 6), ("\"abc", .unexpectedEnd, 4), ("tru", .unexpectedEnd, 3),
        ("[1,]", .unexpectedByte, 3), ("{\"a\" 1}", .unexpectedByte, 5),
        ("{1:2}", .unexpectedByte, 1),
        ("[1 2]", .unexpectedByte, 3), ("trux", .badLiteral, 0), ("01", .badNumber, 0),
        ("-x", .badNumber, 1), ("1.x", .badNumber, 2), ("1ex", .badNumber, 2),
        ("\"\\x\"", .badEscape, 1), ("\"\\u12\"", .badEscape, 1), ("\"a\nb\"", .controlInString, 2),
        ("1 2", .trailingBytes, 2), ("[]]", .trailingBytes, 2),
        (#""\ud800""#, .badSurrogate, 1), (#""a\uDBFF\n""#, .badSurrogate, 2),
        (#""\ud800\u0041""#, .badSurrogate, 1), (#""\ud800\ud800\udc00""#, .badSurrogate, 1),
        (#""\ud83d\ude0""#, .badSurrogate, 1), (#""\ud83d\uzzzz""#, .badSurrogate, 1),
        (#""\ud83d\ude00\udc00""#, .badSurrogate, 13), (#"[1,"\uDFFF"]"#, .badSurrogate, 4),
        (#"{"\ud800":1,"\ud801":2}"#, .badSurrogate, 2),
    ]

    @Test(arguments: malformed)
    func isRefused(_ text: String, _ code: ReadFailure.Code, _ offset: Int) {
        #expect(failure(Array(text.utf8)) == ReadFailure(code: code, offset: offset))
    }

    @Test func badUTF8() {
        for bytes: [UInt8] in [
            [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
        ] {
            let text = [0x22, 0x61] + bytes + [0x22]
            #expect(failure(text) == ReadFailure(code: .badUTF8, offset: 2))
        }
    }

    @Test func depthAtTheBoundAndOnePast() {
        let depthMax = RunLimits().depthMax
        func nested(_ depth: Int) -> [UInt8] {
            Array(repeating: UInt8(ascii: "["), count: depth)
                + Array(repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(failure(nested(depthMax)) == nil)
        #expect(failure(nested(depthMax + 1))?.code == .tooDeep)
    }

    /// A text cut anywhere is refused at its end, or it is another well-formed text.
    @Test func truncated() {
        let text = Array(
            #"{"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00é😀\n"],"bc":{"d":[]},"e":[{}]}"#
                .utf8)
        for count in 0..<text.count {
            #expect(failure(Array(text[..<count])) != nil, "\(count) bytes")
        }
        #expect(failure(text) == nil)
    }

    // MARK: As jq reads

    /// Reads a text as jq does and writes it; nil where it is refused.
    private func lenient(_ text: String) -> String? {
        let runner = Runner()
        runner.begin()
        return unsafe Array(text.utf8).withUnsafeBytes { bytes in
            guard let document = unsafe try? runner.readLenient(bytes) else { return nil }
            var out = OutputBuffer(bytesMax: 1 << 20)
            try? runner.write(document, to: &out)
            return out.text
        }
    }

    /// Texts that jq 1.8.2 reads though they are not RFC 8259's, and what it makes of them.
    private static let jqTexts: [(String, String)] = [
        ("nan", "null"), ("NaN", "null"), ("nAN", "null"), ("-nan", "null"), ("+NaN", "null"),
        ("sNaN", "null"), ("NaN00", "null"), ("[nan,1]", "[null,1]"),
        ("inf", "1.7976931348623157e+308"), ("-INF", "-1.7976931348623157e+308"),
        ("InFiNiTy", "1.7976931348623157e+308"), ("+1", "1"), ("01", "1"), ("-007", "-7"),
        ("00", "0"), ("1.", "1"), (".5", "0.5"), ("-.5", "-0.5"), ("+.5", "0.5"), ("1.e5", "1E+5"),
        (#""\udc00""#, "\"\u{FFFD}\""), (#"["\uDFFF\ud83d\ude00"]"#, "[\"\u{FFFD}\u{1F600}\"]"),
        (#"{"\udc00":1,"\udc01":2}"#, "{\"\u{FFFD}\":2}"),
    ]

    @Test(arguments: jqTexts) func isReadAsJQDoes(_ text: String, _ written: String) {
        #expect(lenient(text) == written)
        #expect(failure(Array(text.utf8)) != nil, "RFC 8259 has no such text")
    }

    @Test(arguments: [
        "NaN1", "nan01", "--1", "-+1", ".", "-", "+", "1e", ".e5", "1e+", "nul", "nulll", "tru",
        "1_0", "0x10", "infinit", "Infinity1", "sNaN1", "- 1", "[1nan]", "{nan:1}", "1nan", "'a'",
        "[1,]", "\"\t\"", "", #""\ud800""#, #""\ud800\u0041""#, #""\ud83d\ude0""#, #"{"\udbff":1}"#,
    ]) func isRefusedAsByJQ(_ text: String) {
        #expect(lenient(text) == nil)
    }
}
