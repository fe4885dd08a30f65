// Patterns that make backtracking matchers run for ever: each ends after a bounded number of
// steps, with an answer where the pattern is linear; others may be stopped by their budget.

import Testing

@testable import Transforms

struct ExplosiveCase: CustomTestStringConvertible, Sendable {
    var pattern: String
    var subject: String
    var matches: Bool

    var testDescription: String { "/\(pattern)/ on \(subject.utf8.count) bytes" }

    init(
        _ pattern: String, _ piece: String, _ count: Int, _ tail: String = "",
        _ matches: Bool = false
    ) {
        self.pattern = pattern
        subject = String(repeating: piece, count: count) + tail
        self.matches = matches
    }
}

struct RegexExplosionTests {
    /// Steps for each byte of the subject and instruction of the program, at most.
    private static let stepsFactor = 24

    static let linear: [ExplosiveCase] = [
        .init("(a+)+$", "a", 30, "!"), .init("(a+)+$", "a", 5_000, "!"),
        .init("(a|aa)+$", "a", 30, "!"), .init("(a|aa)+$", "a", 5_000, "!"),
        .init("(a|a?)+$", "a", 30, "!x", true), .init("^(a|a?)+$", "a", 2_000, "!"),
        .init("(.*)*x", "a", 30), .init("(.*)*x", "a", 3_000),
        .init("(a*)*b", "a", 30), .init("(a*)*b", "a", 5_000),
        .init("^(([a-z])+.)+[A-Z]([a-z])+$", "a", 50),
        .init("^(([a-z])+.)+[A-Z]([a-z])+$", "a", 5_000),
        .init("(x+x+)+y", "x", 40), .init("(x+x+)+y", "x", 3_000),
        .init("(a+){10,}$", "a", 40, "!"), .init("(a?){30}a{30}", "a", 30, "", true),
        .init("(a?){200}a{200}", "a", 200, "", true), .init("a*a*a*a*a*a*b", "a", 2_000),
        .init("(.+)+=(.+)", "a", 2_000), .init("^(a|b|ab)*c$", "ab", 1_500),
        .init("^(?:a|b|ab)*c$", "ab", 1_500), .init("(?:(?:(?:a*)*)*)*b", "a", 2_000),
        .init("([a-zA-Z]+)*\\d", "a", 3_000), .init("(a|b|[^c])*d", "ab", 1_500),
        .init("\\s+$", " ", 5_000, "x"), .init("(\\s*)*;", " ", 3_000),
        .init("(?:.|\\n)*z", "a\n", 1_500), .init("(.*?,){20}P", "1,", 40),
        .init("^(\\w+\\s?)*$", "word ", 500, "!"), .init("([^\"\\\\]|\\\\.)*\"", "\\x", 1_500),
        .init("(\"([^\"]|\"\")*\",)*z", "\"a\",", 500), .init("<(.|\\n)*?>.*<", "<", 2_000),
        .init("(a+|b+)*c", "ab", 1_500), .init("(?:a+b?)+c", "aab", 1_000),
        .init("(ab?)*?c", "ab", 1_500), .init("(a|ab)(c|bcd)*(d*)$", "abcd", 700, "!"),
        .init("(a*?)*?b", "a", 2_000), .init("(a??)*?b", "a", 2_000),
        .init("(?i)(straße|strasse|s+)*x", "s", 500), .init("(a{1,20}){1,20}b", "a", 60),
        .init("((a{1,6}){1,6}){1,6}b", "a", 40), .init("(\\d+\\.?)+x", "1", 2_000),
        .init("(([a-z]+)@?)+\\.com$", "a", 3_000), .init("(\\p{Greek}+\\s*)+[.]", "α", 1_000),
        .init("(.|.)*x", "a", 2_000), .init("(a|b|c|d|e|f)*(a|b|c)*(d|e)*!", "abcdef", 500),
    ]

    static let unbounded: [ExplosiveCase] = [
        .init("(a*)*\\1b", "a", 40), .init("(a*)*\\1b", "a", 2_000),
        .init("((a+)+)+\\2b", "a", 40), .init("(?=(a+)+$)a", "a", 40, "!"),
        .init("(?!(a+)+$)b", "a", 2_000), .init("(?>(a+)+)b", "a", 2_000),
        .init("(?<=a)(a+)+b", "a", 40), .init("(\\w+)\\s\\1\\s\\1x", "ab ", 500),
        .init("^(.*)(.*)(.*)\\1\\2\\3$", "ab", 20, "c"), .init("(a)?(?(1)a+|b)*c", "a", 2_000),
        .init("(?<p>\\((?:[^()]|\\g<p>)*\\))x", "(", 300), .init("(?<p>a|b\\g<p>)*c", "b", 2_000),
        .init("(?<p>a+\\g<p>?)+b", "a", 40), .init("(?~(a+)+b)c", "a", 40),
        .init("(a++|a*+)*b", "a", 2_000), .init("(a+b*)+\\1c", "a", 40),
        .init("(?:(?=(a*))\\1)*b", "a", 2_000), .init("(?:a{1,300}){1,300}b", "a", 400),
    ]

    @Test func thereAreSixty() {
        #expect(Self.linear.count + Self.unbounded.count >= 60)
    }

    @Test(arguments: linear)
    func answers(_ testCase: ExplosiveCase) throws {
        let regex = try Regex(bytes: Array(testCase.pattern.utf8), options: [])
        #expect(regex.isLinear)
        let subject = Array(testCase.subject.utf8)
        let bound = Self.stepsFactor * (subject.count + 100) * regex.instructions.count
        let (answer, steps) = regexMatches(regex, subject, global: false, stepsMax: .max)
        #expect(steps <= bound)
        guard case .matches(let matches) = answer else {
            Issue.record("stopped")
            return
        }
        #expect(matches.isEmpty == !testCase.matches)
    }

    @Test(arguments: unbounded)
    func endsWithItsBudget(_ testCase: ExplosiveCase) throws {
        let regex = try Regex(bytes: Array(testCase.pattern.utf8), options: [])
        let subject = Array(testCase.subject.utf8)
        let stepsMax = 300_000
        let (answer, steps) = regexMatches(regex, subject, global: false, stepsMax: stepsMax)
        // A charge may be late by the work of one step, which visits at most the whole stack.
        #expect(steps <= stepsMax + 20_000)
        #expect(answer == .stopped || answer == .matches([]))
    }

    @Test(arguments: linear.filter { $0.subject.utf8.count < 600 })
    func longestEnds(_ testCase: ExplosiveCase) throws {
        let regex = try Regex(bytes: Array(testCase.pattern.utf8), options: .longest)
        let subject = Array(testCase.subject.utf8)
        let (answer, _) = regexMatches(regex, subject, global: false, stepsMax: 20_000_000)
        #expect(answer != .stopped)
    }
}
