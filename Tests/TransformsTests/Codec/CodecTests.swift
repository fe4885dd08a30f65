// The byte codecs against reference implementations of a few lines each, at every length and
// alignment from 0 to 66, and against tables of what jq 1.8 answers for malformed input.

import TestSupport
import Testing

@testable import Transforms

private typealias Codec = (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>) throws -> Int?

/// Runs a codec on bytes that begin `alignment` bytes into their buffer, with an output of exactly
/// `capacity` bytes and guard bytes around it, which must not change.
private func run(
    _ input: [UInt8], alignment: Int = 0, capacity: Int, _ codec: Codec
) rethrows -> [UInt8]? {
    let source = [UInt8](repeating: 0xEE, count: alignment) + input
    var out = [UInt8](repeating: 0xAA, count: capacity + 16)
    // Safety: both buffers live for the call.
    let count = unsafe try source.withUnsafeBufferPointer { source in
        unsafe try out.withUnsafeMutableBufferPointer { out in
            unsafe try codec(
                source.baseAddress.map { unsafe $0 + alignment } ?? UnsafePointer(out.baseAddress!),
                input.count, out.baseAddress! + 8)
        }
    }
    guard let count else { return nil }
    #expect(count <= capacity)
    #expect(out.prefix(8).allSatisfy { $0 == 0xAA } && out.suffix(8).allSatisfy { $0 == 0xAA })
    return Array(out[8..<8 + count])
}

private func isValid(_ bytes: some Sequence<UInt8>) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
}

private func firstInvalid(_ bytes: [UInt8], alignment: Int = 0) -> Int? {
    let source = [UInt8](repeating: 0xEE, count: alignment) + bytes + [0x80]
    // Safety: the buffer lives for the call.
    return unsafe source.withUnsafeBufferPointer {
        unsafe UTF8Text.firstInvalid($0.baseAddress! + alignment, bytes.count)
    }
}

private func base64(_ input: [UInt8], alignment: Int = 0) -> [UInt8]? {
    unsafe run(input, alignment: alignment, capacity: Base64.capacity(for: input.count)) {
        unsafe Base64.encode($0, $1, to: $2)
    }
}

private func base64Decoded(_ input: [UInt8], alignment: Int = 0) throws -> [UInt8]? {
    let capacity = Base64.decodedCapacity(for: input.count)
    return unsafe try run(input, alignment: alignment, capacity: capacity) {
        unsafe try Base64.decode($0, $1, to: $2)
    }
}

private func repaired(_ input: [UInt8]) -> [UInt8]? {
    unsafe run(input, capacity: UTF8Text.repairedCapacity(for: input.count)) {
        unsafe UTF8Text.repair($0, $1, to: $2)
    }
}

private func text(_ bytes: [UInt8]?) -> String? {
    bytes.map { String(decoding: $0, as: UTF8.self) }
}

/// ASCII and sequences of each length, mixed.
private func randomText(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let pieces = ["a", "Z", " ", "'", "\"", "<", "&", "\\", "\t", "%", "é", "€", "😀", "\u{0}"]
        let piece = Array(pieces.randomElement(using: &generator)!.utf8)
        bytes += bytes.count + piece.count <= count ? piece : [UInt8(ascii: "x")]
    }
    return bytes
}

@Suite("Base64")
struct Base64Tests {
    /// The reference implementation: six bits at a time from an array of bits.
    private func reference(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        var out = stride(from: 0, to: bits.count, by: 6).map { start in
            alphabet[bits[start..<start + 6].reduce(0) { $0 * 2 + Int($1) }]
        }
        while out.count % 4 != 0 { out.append(UInt8(ascii: "=")) }
        return out
    }

    @Test("Every length and alignment, there and back")
    func roundTrip() throws {
        var generator = SeededGenerator(state: 1)
        for count in 0...66 {
            for alignment in 0...8 {
                let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                let encoded = try #require(base64(bytes, alignment: alignment))
                #expect(encoded == reference(bytes))
                #expect(try base64Decoded(encoded, alignment: alignment) == bytes)
                let bare = encoded.filter { $0 != UInt8(ascii: "=") }
                #expect(try base64Decoded(bare, alignment: alignment) == bytes)
            }
        }
    }

    @Test(
        "What jq reads",
        arguments: [
            ("", ""), ("=", ""), ("====", ""), ("Zg", "f"), ("Zg=", "f"), ("Zm9v====", "foo"),
            ("Zg==Zg==", "f"), ("AA=A", "\u{0}"), ("AAA=AAAA", "\u{0}\u{0}"), ("=AAA", ""),
            ("AA=!", "\u{0}"), ("cWl4YmF6Cg", "qixbaz\n"), ("Zm/Ds2Jhcgo=", "foóbar\n"),
        ])
    func read(encoded: String, expected: String) throws {
        #expect(try text(base64Decoded(Array(encoded.utf8))) == expected)
    }

    @Test(
        "What jq refuses",
        arguments: [
            ("Not base64 data", .invalidByte(offset: 3)), ("Zm9v!", .invalidByte(offset: 4)),
            ("-_", .invalidByte(offset: 0)), ("é", .invalidByte(offset: 0)),
            ("A\u{0}", .invalidByte(offset: 1)), ("!=A", .invalidByte(offset: 0)),
            ("QUJDa", .trailingByte), ("Z", .trailingByte), ("A===", .trailingByte),
            ("A=A=", .trailingByte), ("A=!", .trailingByte),
        ] as [(String, Base64.Failure)])
    func refused(encoded: String, failure: Base64.Failure) {
        #expect(throws: failure) { try base64Decoded(Array(encoded.utf8)) }
    }
}

@Suite("Base32")
struct Base32Tests {
    private func decoded(_ input: [UInt8]) -> [UInt8]? {
        unsafe run(input, capacity: Base32.decodedCapacity(for: input.count)) {
            unsafe Base32.decode($0, $1, to: $2)
        }
    }

    private func encoded(_ input: [UInt8]) -> [UInt8]? {
        unsafe run(input, capacity: Base32.capacity(for: input.count)) {
            unsafe Base32.encode($0, $1, to: $2)
        }
    }

    @Test(
        "RFC 4648's examples",
        arguments: [
            ("", ""), ("f", "MY======"), ("fo", "MZXQ===="), ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI======"),
        ])
    func examples(plain: String, letters: String) {
        #expect(text(encoded(Array(plain.utf8))) == letters)
        #expect(text(decoded(Array(letters.utf8))) == plain)
    }

    @Test("Every length, there and back, with padding and without")
    func roundTrip() throws {
        var generator = SeededGenerator(state: 8)
        for count in 0...66 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let letters = try #require(encoded(bytes))
            #expect(decoded(letters) == bytes)
            #expect(decoded(letters.filter { $0 != UInt8(ascii: "=") }) == bytes)
        }
    }

    @Test(
        "Texts that are not base32", arguments: ["a", "0", "M", "MZX", "MZXW6Y", "M=", "MY 1", "é"])
    func refused(letters: String) {
        #expect(decoded(Array(letters.utf8)) == nil)
    }
}

@Suite("Escaping")
struct EscapingTests {
    private func percent(_ input: [UInt8]) -> [UInt8]? {
        unsafe run(input, capacity: PercentCoding.capacity(for: input.count)) {
            unsafe PercentCoding.encode($0, $1, to: $2)
        }
    }

    private func percentDecoded(_ input: [UInt8]) -> [UInt8]? {
        let bytes = unsafe run(input, capacity: input.count) {
            unsafe PercentCoding.decode($0, $1, to: $2)
        }
        // The decoded text is checked as a whole.
        return bytes.flatMap { String(validating: $0, as: UTF8.self) == nil ? nil : $0 }
    }

    @Test("Each escape is that of a reference implementation, which goes byte by byte")
    func escapes() throws {
        var generator = SeededGenerator(state: 2)
        for count in 0...66 {
            let input = randomText(count, &generator)
            func reference(_ escape: (UInt8) -> String?) -> [UInt8] {
                input.flatMap {
                    (escape($0) ?? ($0 == 0 ? "\\0" : nil)).map { Array($0.utf8) } ?? [$0]
                }
            }
            let html = unsafe run(input, capacity: Escaping.htmlCapacity(for: count)) {
                unsafe Escaping.html($0, $1, to: $2)
            }
            let entities = ["<": "lt", ">": "gt", "&": "amp", "'": "apos", "\"": "quot"]
            #expect(
                html
                    == reference { byte in entities[String(UnicodeScalar(byte))].map { "&\($0);" } }
            )
            let shell = unsafe run(input, capacity: Escaping.shellCapacity(for: count)) {
                unsafe Escaping.shell($0, $1, to: $2)
            }
            #expect(shell == reference { $0 == 0x27 ? "'\\''" : nil })
            let csv = unsafe run(input, capacity: Escaping.cellCapacity(for: count)) {
                unsafe Escaping.csv($0, $1, to: $2)
            }
            #expect(csv == reference { $0 == 0x22 ? "\"\"" : nil })
            let tsv = unsafe run(input, capacity: Escaping.cellCapacity(for: count)) {
                unsafe Escaping.tsv($0, $1, to: $2)
            }
            let letters: [UInt8: String] = [9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\", 0: "\\0"]
            #expect(tsv == reference { letters[$0] })
            let encoded = try #require(percent(input))
            #expect(
                encoded
                    == reference { byte in
                        let scalar = UnicodeScalar(byte)
                        let kept = "-_.~".unicodeScalars.contains(scalar)
                        let properties = scalar.properties
                        let isWord = properties.isAlphabetic || properties.numericType != nil
                        if byte < 0x80, isWord || kept { return nil }
                        let digits = String(byte, radix: 16, uppercase: true)
                        return "%" + (digits.count == 1 ? "0" : "") + digits
                    })
            #expect(percentDecoded(encoded) == input)
        }
    }

    @Test("Escapes at their capacity: every byte takes the most")
    func capacity() {
        let input = [UInt8](repeating: 0x27, count: 9)
        let html = unsafe run(input, capacity: Escaping.htmlCapacity(for: 9)) {
            unsafe Escaping.html($0, $1, to: $2)
        }
        #expect(html?.count == 54)
    }

    @Test(
        "Percent-encoded text as jq reads it",
        arguments: [
            ("", ""), ("%C3%A9%c3%a9", "éé"), ("+", "+"), ("a%00b", "a\u{0}b"), ("Knäck", "Knäck"),
            ("%", nil), ("%a", nil), ("%zz", nil), ("a%2", nil), ("%ff", nil), ("%c3", nil),
            ("%c3é", nil), ("%c3%41", nil), ("é%", nil), ("%ed%a0%80", nil), ("%F0%93%81", nil),
        ] as [(String, String?)])
    func percentTable(encoded: String, expected: String?) {
        #expect(text(percentDecoded(Array(encoded.utf8))) == expected)
    }

    @Test("ASCII case, every length and byte")
    func letterCase() {
        for count in 0...66 {
            let input = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 4 + count) }
            let lower = unsafe run(input, capacity: count) {
                unsafe ASCIICase.lower($0, $1, to: $2)
                return $1
            }
            let upper = unsafe run(input, capacity: count) {
                unsafe ASCIICase.upper($0, $1, to: $2)
                return $1
            }
            #expect(lower == input.map { (65...90).contains($0) ? $0 + 32 : $0 })
            #expect(upper == input.map { (97...122).contains($0) ? $0 - 32 : $0 })
        }
    }
}

@Suite("UTF-8")
struct UTF8TextTests {
    @Test(
        "Every leading byte, with significant bytes after it, is judged as by the standard library")
    func sequences() {
        let significant: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
            0xE1,
            0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        var differing: [[UInt8]] = []
        for first in UInt8(0x7F)...0xFF {
            for second in significant {
                for third in [0x41, 0x7F, 0x80, 0xBF, 0xC0] as [UInt8] {
                    for fourth in [0x41, 0x80, 0xBF, 0xC2] as [UInt8] {
                        let bytes = [first, second, third, fourth]
                        if (firstInvalid(bytes) == nil) != isValid(bytes) {
                            differing.append(bytes)
                        }
                    }
                }
            }
        }
        #expect(differing.isEmpty)
    }

    @Test("The first bad byte is found at every offset, length and alignment")
    func offsets() {
        var generator = SeededGenerator(state: 3)
        for count in 0...66 {
            for alignment in 0...8 {
                var bytes = randomText(count, &generator)
                #expect(firstInvalid(bytes, alignment: alignment) == nil)
                guard count > 0 else { continue }
                let bad = Int.random(in: 0..<count, using: &generator)
                bytes[bad] = 0xFF
                let expected = (0...bad).last { isValid(bytes[..<$0]) }
                #expect(firstInvalid(bytes, alignment: alignment) == expected)
            }
        }
    }

    @Test(
        "Malformed text is repaired with as many U+FFFD as jq writes",
        arguments: [
            ([0xFF], "�"), ([0xC0, 0x80], "��"), ([0xE0, 0x80, 0x80], "�"),
            ([0xED, 0xA0, 0x80], "�"),
            ([0xF4, 0x90, 0x80, 0x80], "�"), ([0xF0, 0x9F, 0x98], "�"), ([0xE2, 0x82], "�"),
            ([0xE2, 0x82, 0x41], "�A"), ([0xF0, 0x9F, 0x41], "�"),
            ([0xF5, 0x80, 0x80, 0x80], "����"),
            ([0x80, 0x80], "��"), ([0xE2, 0xC3, 0xA9], "�é"), ([0xF0, 0x80, 0x41], "�"),
            ([0xED, 0xA0, 0x41], "�A"), ([0xED, 0xA0], "�"), ([0xC1, 0xBF], "��"),
            ([0xC3, 0x41], "�A"),
            ([0xF0, 0x9F, 0xE2, 0x82, 0xAC], "�€"), ([0xFE, 0xFF, 0x80, 0x41], "���A"),
            ([0x41, 0xF0, 0x9F, 0x98, 0x80, 0x42], "A😀B"), ([], ""),
        ] as [([UInt8], String)])
    func repair(bytes: [UInt8], expected: String) {
        #expect(repaired(bytes) == Array(expected.utf8))
    }

    @Test("Repaired bytes are UTF-8, and valid ones are not changed")
    func repairProperty() throws {
        var generator = SeededGenerator(state: 4)
        for count in 0...66 {
            for _ in 0..<20 {
                let valid = randomText(count, &generator)
                #expect(repaired(valid) == valid)
                var malformed = valid
                for i in malformed.indices where generator.next() % 4 == 0 {
                    malformed[i] = UInt8(truncatingIfNeeded: generator.next()) | 0x80
                }
                #expect(isValid(try #require(repaired(malformed))))
            }
        }
    }

    @Test("Code points are counted and found as a decoded string has them")
    func codePoints() {
        var generator = SeededGenerator(state: 5)
        for count in Array(0...66) + [2040, 2048, 5000] {
            for alignment in 0...(count > 66 ? 0 : 8) {
                let bytes = randomText(count, &generator)
                let starts = bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 }
                let source = [UInt8](repeating: 0xEE, count: alignment) + bytes + [0]
                // Safety: the buffer lives for the call.
                unsafe source.withUnsafeBufferPointer { source in
                    let start = unsafe source.baseAddress! + alignment
                    let total = unsafe UTF8Text.codePointCount(start, count)
                    #expect(total == starts.count)
                    let offsets = (0...starts.count + 1).map { index in
                        unsafe UTF8Text.byteOffset(ofCodePoint: index, start, count)
                    }
                    #expect(offsets == starts + [count, count])
                }
            }
        }
    }

    @Test("jq's 25 white space code points, and no other, are trimmed")
    func whiteSpace() {
        let expected: Set<UInt32> = [
            9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
            8200,
            8201, 8202, 8232, 8233, 8239, 8287, 12288,
        ]
        for scalar in (UInt32(0)...0x1_10FF).compactMap(Unicode.Scalar.init) {
            let bytes = Array(String(Character(scalar)).utf8)
            let cut = trimmed(bytes, start: true, end: true).isEmpty
            #expect(cut == expected.contains(scalar.value))
        }
    }

    private func trimmed(_ bytes: [UInt8], start: Bool, end: Bool) -> Range<Int> {
        let source = bytes + [0]
        // Safety: the buffer lives for the call.
        return unsafe source.withUnsafeBufferPointer {
            unsafe UTF8Text.trimmed($0.baseAddress!, bytes.count, start: start, end: end)
        }
    }

    @Test("Either end is trimmed by itself")
    func trim() {
        let bytes = Array("\u{3000} \u{A0}aé b\u{2003}\u{85}\n".utf8)
        let low = 6
        let high = bytes.count - 6
        #expect(trimmed(bytes, start: true, end: true) == low..<high)
        #expect(trimmed(bytes, start: true, end: false) == low..<bytes.count)
        #expect(trimmed(bytes, start: false, end: true) == 0..<high)
        #expect(trimmed(bytes, start: false, end: false) == 0..<bytes.count)
        #expect(trimmed(Array(" \u{2003} ".utf8), start: true, end: true).isEmpty)
        #expect(trimmed([], start: true, end: true) == 0..<0)
        // A character whose bytes look like parts of white space.
        #expect(trimmed(Array("ࠀ\u{85}".utf8), start: true, end: true) == 0..<3)
    }
}

@Suite("Byte matches")
struct ByteMatchesTests {
    private func matches(_ pattern: [UInt8], _ bytes: [UInt8], overlapping: Bool) -> [Int] {
        let source = bytes + [0]
        let wanted = pattern + [0]
        var found: [Int] = []
        // Safety: both buffers live for the call.
        unsafe source.withUnsafeBufferPointer { source in
            unsafe wanted.withUnsafeBufferPointer { wanted in
                let (start, first) = (source.baseAddress!, wanted.baseAddress!)
                var matches = unsafe ByteMatches(
                    of: first, pattern.count, in: start, bytes.count, overlapping: overlapping)
                while let match = matches.next({ _ in }) { found.append(match) }
            }
        }
        return found
    }

    /// The reference implementation: a comparison at each offset.
    private func reference(_ pattern: [UInt8], _ bytes: [UInt8], overlapping: Bool) -> [Int] {
        guard !pattern.isEmpty, pattern.count <= bytes.count else { return [] }
        var found: [Int] = []
        var i = 0
        while i + pattern.count <= bytes.count {
            let isMatch = bytes[i..<i + pattern.count].elementsEqual(pattern)
            if isMatch { found.append(i) }
            i += isMatch && !overlapping ? pattern.count : 1
        }
        return found
    }

    @Test("Every length, few letters: the matches are those of the reference implementation")
    func againstReference() {
        var generator = SeededGenerator(state: 6)
        for count in 0...66 {
            for _ in 0..<40 {
                let letters = Int.random(in: 1...3, using: &generator)
                func word(_ count: Int) -> [UInt8] {
                    (0..<count).map { _ in
                        0x61 + UInt8(Int.random(in: 0..<letters, using: &generator))
                    }
                }
                let bytes = word(count)
                let pattern = word(Int.random(in: 0...9, using: &generator))
                for overlapping in [true, false] {
                    #expect(
                        matches(pattern, bytes, overlapping: overlapping)
                            == reference(pattern, bytes, overlapping: overlapping))
                }
            }
        }
    }

    @Test("Patterns that nearly match everywhere, for which the search changes its method")
    func periodic() {
        var generator = SeededGenerator(state: 7)
        for round in 0..<80 {
            let unit = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                0x61 + UInt8(Int.random(in: 0...1, using: &generator))
            }
            var bytes = (0..<1500).map { unit[$0 % unit.count] }
            for _ in 0..<(round % 4) {
                bytes[Int.random(in: 0..<1500, using: &generator)] ^= 3
            }
            let start = Int.random(in: 0..<1200, using: &generator)
            var pattern = Array(bytes[start..<start + Int.random(in: 20...200, using: &generator)])
            if round % 3 == 0 { pattern[pattern.count - 1] ^= 3 }
            for overlapping in [true, false] {
                #expect(
                    matches(pattern, bytes, overlapping: overlapping)
                        == reference(pattern, bytes, overlapping: overlapping))
            }
        }
    }

    @Test("A long run of one letter is searched for half of it in linear time")
    func linear() {
        let bytes = [UInt8](repeating: 0x61, count: 400_000)
        let pattern = [UInt8](repeating: 0x61, count: 200_000)
        #expect(matches(pattern, bytes, overlapping: true).count == 200_001)
        #expect(matches(pattern, bytes, overlapping: false) == [0, 200_000])
        #expect(matches(pattern + [0x62], bytes, overlapping: true).isEmpty)
    }
}
