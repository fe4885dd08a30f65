// The regular expression engine against answers of jq 1.8 (`Fixtures/regex.test`), its errors,
// and its two matchers against each other on random patterns.

import Foundation
import TestSupport
import Testing

@testable import Transforms

/// The result of a search for all matches.
enum RegexAnswer: Equatable {
    /// Each match, group by group: byte offsets, nil where a group took no part.
    case matches([[Range<Int>?]])
    case stopped
}

/// All matches as jq's `match(...; "g")` finds them, or only the first.
func regexMatches(
    _ regex: Regex, _ subject: [UInt8], global: Bool = true,
    engine: RegexMatcher.Engine = .automatic, stepsMax: Int = 2_000_000
) -> (answer: RegexAnswer, steps: Int) {
    var matcher = RegexMatcher()
    var matches: [[Range<Int>?]] = []
    var steps = 0
    // Safety: the buffer is used within the closure.
    let isStopped = unsafe subject.withUnsafeBufferPointer { buffer in
        var from = 0
        do throws(RegexStop) {
            while from <= buffer.count {
                let isFound = try unsafe matcher.firstMatch(
                    regex, in: buffer, from: from, engine: engine
                ) { count throws(RegexStop) in
                    steps += count
                    if steps > stepsMax { throw .budget }
                }
                guard isFound, let whole = matcher.range(ofGroup: 0) else { break }
                matches.append((0...regex.groupCount).map { matcher.range(ofGroup: $0) })
                from = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
                if !global { break }
            }
        } catch {
            return true
        }
        return false
    }
    return (isStopped ? .stopped : .matches(matches), steps)
}

struct RegexCase: CustomTestStringConvertible, Sendable {
    var pattern: String
    var flags: String
    var subject: String
    var expected: String

    var testDescription: String { "/\(pattern)/\(flags) on \(subject)" }

    /// The cases of the fixture.
    static let all: [RegexCase] = {
        let text = SharedFiles.fixture("regex.test")
        var cases: [RegexCase] = []
        for block in text.components(separatedBy: "\n\n") {
            let lines = block.components(separatedBy: "\n").filter { !$0.hasPrefix("# ") }
            guard lines.count >= 3 else { continue }
            let parts = lines[1].components(separatedBy: " ")
            cases.append(
                RegexCase(
                    pattern: lines[0] == "(empty)" ? "" : unescaped(lines[0]),
                    flags: parts[0] == "-" ? "" : parts[0], subject: unescaped(parts[1]),
                    expected: unescaped(lines[2])))
        }
        return cases
    }()

    private static func unescaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let letter = rest.popFirst() else {
                result.append(scalar)
                continue
            }
            guard letter == "u" else {
                result.append(letter == "n" ? "\n" : letter)
                continue
            }
            let digits = rest.dropFirst().prefix { $0 != "}" }
            rest = rest.dropFirst(digits.count + 2)
            result.append(Unicode.Scalar(UInt32(String(digits), radix: 16) ?? 0) ?? " ")
        }
        return String(result)
    }

    /// What our engine answers, written as the fixture writes it.
    var answer: String {
        var options: RegexOptions = []
        for letter in flags.utf8 { options.formUnion(RegexOptions(jqFlag: letter) ?? []) }
        let bytes = Array(subject.utf8)
        do throws(RegexError) {
            let regex = try Regex(bytes: Array(pattern.utf8), options: options)
            let found = regexMatches(regex, bytes, global: flags.contains("g"))
            guard case .matches(let matches) = found.answer else { return "stopped" }
            if matches.isEmpty { return "none" }
            return matches.map { Self.shown($0, bytes) }.joined(separator: "; ")
        } catch {
            return "! " + error.message
        }
    }

    private static func shown(_ groups: [Range<Int>?], _ bytes: [UInt8]) -> String {
        func count(_ range: Range<Int>) -> Int {
            bytes[range].filter { $0 & 0xC0 != 0x80 }.count
        }
        let whole = groups[0] ?? 0..<0
        return groups.map { group in
            guard let group else { return "-" }
            // jq puts an empty match's captures where the match is.
            let range = whole.isEmpty ? whole : group
            return "\(count(0..<range.lowerBound))+\(count(range))"
        }.joined(separator: " ")
    }
}

struct RegexTests {
    @Test func theFixtureIsRead() {
        #expect(RegexCase.all.count > 650)
    }

    @Test(arguments: RegexCase.all)
    func answersAsJq(_ testCase: RegexCase) {
        #expect(testCase.answer == testCase.expected)
    }

    @Test(arguments: [
        ("a(", 2, "end pattern with unmatched parenthesis"),
        ("a)", 1, "unmatched close parenthesis"),
        ("ab*c|*", 5, "target of repeat operator is not specified"),
        ("^*", 2, "target of repeat operator is invalid"),
        ("[ab", 3, "premature end of char-class"),
        ("x[]", 3, "empty char-class"),
        ("[z-a]", 4, "empty range in char class"),
        ("a{3,1}", 6, "upper is smaller than lower in repeat range"),
        ("a{100001}", 8, "too big number for repeat range"),
        ("(?z)", 3, "undefined group option"),
        ("ab\\", 3, "end pattern at escape"),
        ("(?<n>a)\\k<m>", 12, "undefined name <m> reference"),
        ("a\\g<b>", 2, "undefined name <b> reference"),
        ("b\\2", 2, "invalid backref number/name"),
        ("\\p{Foo}", 6, "invalid character property name {Foo}"),
        ("[[:foo:]]", 1, "invalid POSIX bracket type"),
        ("ab(?<=ba*)", 6, "invalid pattern in look-behind"),
        ("(?<a>\\g<a>)", 6, "never ending recursion"),
        ("(?:(?:a{1000}b){1000}c){1000}", 29, "too big number for repeat range"),
        ("(?:(?:){1000}){1000}x{2,1}", 26, "upper is smaller than lower in repeat range"),
    ])
    func refuses(_ pattern: String, offset: Int, message: String) {
        #expect(throws: RegexError(message: message, offset: offset)) {
            try Regex(bytes: Array(pattern.utf8), options: [])
        }
    }

    /// Repeats at the start of a look-behind count with their minimum; jq refuses some of these,
    /// depending on its optimiser.
    @Test(arguments: [
        ("(?<=a*b)c", "abc", "2+1"), ("(?<=(?:ab)*b)c", "abc", "2+1"),
        ("(?<=(?:é?日)b)c", "é日bc", "3+1"), ("(?<=é+日)b", "éé日b", "3+1"),
        ("(?<=é+日)b", "日b", "none"), ("(?<!é+日)b", "é日b", "none"),
        ("(?<=a*b*)c", "abc", "2+1"), ("(?<!a*b*)c", "abc", "none"),
        ("(?<=a*b*|c)d", "xd", "1+1"), ("(?<=a++b)c", "abc", "! invalid pattern in look-behind"),
    ])
    func lookBehindsWithRepeats(_ pattern: String, _ subject: String, _ expected: String) {
        let one = RegexCase(pattern: pattern, flags: "", subject: subject, expected: expected)
        #expect(one.answer == expected)
    }

    @Test func boundsHold() throws {
        let deep = String(repeating: "(", count: RegexLimits.depthMax - 1)
        let closed = String(repeating: ")", count: RegexLimits.depthMax - 1)
        #expect(throws: Never.self) {
            try Regex(bytes: Array((deep + closed).utf8), options: [])
        }
        #expect(throws: RegexError.self) {
            try Regex(bytes: Array(("(" + deep + closed + ")").utf8), options: [])
        }
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: RegexLimits.patternBytesMax)
        #expect(throws: RegexError.self) { try Regex(bytes: long + [0x61], options: []) }
        #expect(throws: Never.self) { try Regex(bytes: Array(long[..<49_000]), options: []) }
        #expect(throws: RegexError.self) {
            try Regex(bytes: Array(String(repeating: "()", count: 2_001).utf8), options: [])
        }
    }

    @Test func memoryIsBounded() throws {
        let regex = try Regex(bytes: Array("(a|b)*\\1c".utf8), options: [])
        var matcher = RegexMatcher(memoryBytesMax: 100_000)
        let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
        // Safety: the buffer is used within the closure.
        let stop = unsafe subject.withUnsafeBufferPointer { buffer -> RegexStop? in
            do throws(RegexStop) {
                _ = try unsafe matcher.firstMatch(regex, in: buffer, from: 0) {
                    _ throws(RegexStop) in
                }
                return nil
            } catch {
                return error
            }
        }
        #expect(stop == .memory)
    }

    @Test func groupsAreNamed() throws {
        let regex = try Regex(bytes: Array("(?<y>a)(b)(?<y>c)".utf8), options: [])
        #expect(regex.groupCount == 3)
        #expect(regex.groupNames == ["y", nil, "y"])
    }

    /// Any bytes are a pattern or an error, and any bytes a subject.
    @Test(arguments: 0..<20)
    func randomBytesDoNotTrap(_ seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        let pieces = [
            "a", "b", "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "^", "$", ".", "-", "\\",
            "(?", "(?<", "\\k<", "\\g<1>", "\\1", "(?i)", "(?x)", "\\Q", "{2,3}", "\\x", "\\p{",
            "[:alpha:]", "é", "(?>", "(?(", "(?~", "\\K", "\\X", "\u{0}", "ß", "&", "R)", ">",
        ]
        for _ in 0..<200 {
            var pattern: [UInt8] = []
            for _ in 0..<random.below(9) {
                if random.below(12) == 0 {
                    pattern.append(UInt8(random.below(256)))
                } else {
                    pattern += Array(random.pick(pieces).utf8)
                }
            }
            let subject = (0..<random.below(20)).map { _ in
                random.below(3) == 0 ? UInt8(random.below(256)) : UInt8(97 + random.below(3))
            }
            let options = RegexOptions(rawValue: UInt8(random.below(64)))
            guard let regex = try? Regex(bytes: pattern, options: options) else { continue }
            _ = regexMatches(regex, subject, stepsMax: 50_000)
        }
    }

    /// The linear matcher finds what the backtracking one finds, including captures.
    @Test(arguments: 0..<40)
    func matchersAgree(_ seed: Int) {
        var random = SeededGenerator(state: UInt64(seed) &* 7_919)
        for _ in 0..<100 {
            let pattern = Self.randomPattern(&random, depth: 4)
            let subject = (0..<random.below(14)).map { _ in
                random.pick(["a", "b", "c", "é", "1", " ", "\n"])
            }.joined()
            let options = RegexOptions(rawValue: [0, 0, 1, 4, 16, 32][random.below(6)])
            // A repeated `^` is refused.
            guard let regex = try? Regex(bytes: Array(pattern.utf8), options: options) else {
                continue
            }
            #expect(regex.isLinear)
            // Beyond four loops with empty rounds the linear matcher's captures are not exact.
            guard regex.registerCount <= 4 else { continue }
            let bytes = Array(subject.utf8)
            let slow = regexMatches(regex, bytes, engine: .backtracking, stepsMax: 200_000)
            guard slow.answer != .stopped else { continue }
            let fast = regexMatches(regex, bytes, engine: .linear)
            #expect(fast.answer == slow.answer, "/\(pattern)/ on \(subject)")
            let both = regexMatches(regex, bytes)
            #expect(both.answer == slow.answer, "/\(pattern)/ on \(subject)")
        }
    }

    private static func randomPattern(_ random: inout SeededGenerator, depth: Int) -> String {
        let atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\d", "é", "[a-cé]", "\\s", "1"]
        let counts = [
            "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}", "{2,}", "{1,2}?",
        ]
        let choice = depth == 0 ? 0 : random.below(12)
        switch choice {
        case 0...4: return random.pick(atoms) + random.pick(counts)
        case 5, 6:
            return randomPattern(&random, depth: depth - 1)
                + randomPattern(&random, depth: depth - 1)
        case 7, 8:
            let left = randomPattern(&random, depth: depth - 1)
            let right = randomPattern(&random, depth: depth - 1)
            return "(?:\(left)|\(right))" + random.pick(counts)
        case 9: return "(" + randomPattern(&random, depth: depth - 1) + ")" + random.pick(counts)
        case 10:
            let left = randomPattern(&random, depth: depth - 1)
            return "(\(left)|\(random.pick(atoms)))" + random.pick(counts)
        default: return random.pick(["^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\G"])
        }
    }
}
