// Bytes, cut in any way -> the same lines and elements.

import TestSupport
import Testing

import struct NIOCore.ByteBuffer

@testable import TransformService

struct LineSplitterTests {
    /// The parts, with their line numbers, of a text that comes in pieces that end at `cuts`.
    private static func parts(
        _ text: [UInt8], cuts: [Int], partBytes: Int, lineBytesMax: Int
    ) -> [LineSplitter.Part] {
        var splitter = LineSplitter(partBytes: partBytes, lineBytesMax: lineBytesMax)
        var parts: [LineSplitter.Part] = []
        var start = 0
        for cut in cuts + [text.count] {
            splitter.add(ByteBuffer(bytes: text[start..<cut])) { parts.append($0) }
            #expect(splitter.byteCount <= max(partBytes, 1) + lineBytesMax + 2)
            start = cut
        }
        splitter.finish { parts.append($0) }
        return parts
    }

    /// The text, in which a line that is longer than the bound is cut one byte after it.
    private static func bounded(_ text: [UInt8], _ lineBytesMax: Int) -> [UInt8] {
        var result: [UInt8] = []
        var count = 0
        for byte in text {
            if byte == 0x0A { count = 0 } else { count += 1 }
            if count <= lineBytesMax + 1 { result.append(byte) }
        }
        return result
    }

    private func check(_ text: [UInt8], cuts: [Int], partBytes: Int, lineBytesMax: Int) {
        let parts = Self.parts(text, cuts: cuts, partBytes: partBytes, lineBytesMax: lineBytesMax)
        let joined = parts.flatMap { Array($0.text.readableBytesView) }
        #expect(joined == Self.bounded(text, lineBytesMax), "\(text) at \(cuts)")
        var lineNumber = 1
        for (index, part) in parts.enumerated() {
            let bytes = part.text.readableBytesView
            #expect(part.lineNumber == lineNumber)
            #expect(index == parts.count - 1 || bytes.last == 0x0A)
            lineNumber += bytes.count { $0 == 0x0A }
        }
    }

    @Test(arguments: [
        "", "\n", "a", "a\n", "a\nb", "\n\n\n", "aa\nbbbb\n\ncc", "long line without an end",
        "12345\n123456\n1234567\n12345678\n",
    ])
    func everyCut(_ text: String) {
        let bytes = Array(text.utf8)
        for lineBytesMax in [1, 5, 100] {
            for partBytes in [1, 4, 100] {
                for first in 0...bytes.count {
                    for second in first...bytes.count {
                        check(
                            bytes, cuts: [first, second], partBytes: partBytes,
                            lineBytesMax: lineBytesMax)
                    }
                }
            }
        }
    }

    @Test func randomTexts() {
        var random = SeededGenerator(state: 11)
        for _ in 0..<2_000 {
            let bytes = (0..<Int(random.next() % 200)).map { _ in
                [0x0A, 0x0B, 0x8A, 0x00, 0xFF, 0x61][Int(random.next() % 6)] as UInt8
            }
            let cuts = (0..<Int(random.next() % 8)).map { _ in
                Int(random.next() % UInt64(bytes.count + 1))
            }
            check(
                bytes, cuts: cuts.sorted(), partBytes: Int(random.next() % 40) + 1,
                lineBytesMax: Int(random.next() % 30) + 1)
        }
    }
}

struct ElementSplitterTests {
    /// The elements' texts, or nil for what is no array.
    private static func elements(_ text: String, stepBytes: Int, partBytes: Int) -> [String]? {
        let bytes = Array(text.utf8)
        var splitter = ElementSplitter(partBytes: partBytes)
        var elements: [String] = []
        var parts: [ElementSplitter.Part] = []
        while splitter.state == .before || splitter.state == .inside {
            // Safety: the bytes stay while the closure runs.
            parts += unsafe bytes.withUnsafeBytes {
                unsafe splitter.next($0, byteCountMax: stepBytes)
            }
        }
        for part in parts {
            #expect(part.index == elements.count)
            var start = part.offset
            for end in part.ends {
                let stop = part.offset + Int(end)
                elements.append(String(decoding: bytes[start..<stop], as: UTF8.self))
                start = stop + 1
            }
            #expect(start - 1 == part.offset + part.byteCount)
        }
        return splitter.state == .ended ? elements : nil
    }

    static let cases: [(text: String, elements: [String]?)] = [
        ("[]", []), (" [ ] \n", []), ("[1]", ["1"]), ("[1,2]", ["1", "2"]),
        (#"[{"a":[1,2]}, "x,]y" ,[[],[3]]]"#, [#"{"a":[1,2]}"#, #" "x,]y" "#, "[[],[3]]"]),
        (#"["\"],", "\\"]"#, [#""\"],""#, #" "\\""#]),
        ("[1,]", ["1", ""]), ("[,]", ["", ""]), ("[1 2]", ["1 2"]),
        ("", nil), ("{}", nil), ("[", nil), ("[1", nil), ("[1]]", nil), ("[1] 2", nil),
        ("[1}", nil), (#"["a]"#, nil), (#"["\"#, nil), ("1", nil), ("null", nil),
    ]

    @Test func everyStep() {
        for test in Self.cases {
            for stepBytes in 1...test.text.utf8.count + 1 {
                for partBytes in [1, 3, 1_000] {
                    let found = Self.elements(
                        test.text, stepBytes: stepBytes, partBytes: partBytes)
                    #expect(found == test.elements, "\(test.text), \(stepBytes), \(partBytes)")
                }
            }
        }
    }
}

struct BracketScanTests {
    /// The depth after each byte, against nested values that are written with their depths.
    @Test(arguments: 1...20) func depths(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var text: [UInt8] = []
        var depths: [Int] = []
        func add(_ part: String, _ depth: Int) {
            text += part.utf8
            depths += Array(repeating: depth, count: part.utf8.count)
        }
        func addValue(_ depth: Int) {
            if depth > 4 || random.below(3) == 0 {
                let scalars = ["12", "\"a\\\\\"", "\"]\\\"[{\"", "true", "\"é\\u005b\"", "\"\""]
                return add(random.pick(scalars), depth)
            }
            let isArray = random.below(2) == 0
            add(isArray ? "[" : "{", depth + 1)
            for i in 0..<random.below(4) {
                if i > 0 { add(random.pick([",", " , "]), depth + 1) }
                if !isArray { add("\"}\\\\\": ", depth + 1) }
                addValue(depth + 1)
            }
            add(isArray ? "]" : "}", depth)
        }
        for _ in 0..<20 { addValue(0) }
        var scan = BracketScan()
        let scanned = text.map { byte in
            _ = scan.take(byte)
            return scan.depth
        }
        #expect(scanned == depths)
    }
}
