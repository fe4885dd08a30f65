// The answers of programs with regular expressions, against those of the reference matcher: matches
// and captures with their offsets, lengths, texts and names, and the outputs of `sub`, `gsub`,
// `scan`, `splits` and `capture`.

import Testing

@testable import Transforms

struct RegexReferenceTests {
    private struct Case {
        var root: PatternNode
        var pattern: String
        var flags: String
        var text: [Unicode.Scalar]
        var groupNames: [String?]
    }

    private static let program = """
        .[] as [$p, $f, $s] | try ($s | [
          [match($p; $f)], test($p; $f), [scan($p; $f)], [splits($p; $f)],
          sub($p; "<\\(.x)\\(.["日"])>"; $f), gsub($p; "<\\(.x)\\(.["日"])>"; $f), [capture($p; $f)]
        ]) catch .
        """

    /// Cases that take the reference matcher longer are left out.
    private static let stepsMax = 3_000

    @Test(arguments: 0..<30 as Range<UInt64>) func answersAsTheReference(_ seed: UInt64) {
        var maker = PatternMaker(seed: seed &* 104_729)
        var cases: [Case] = []
        var expected: [String] = []
        for _ in 0..<200 {
            let (root, flags, text) = maker.next()
            let pattern = root.pattern(gap: flags.contains("x") ? " " : "")
            let one = Case(
                root: root, pattern: pattern + (flags.contains("x") ? " # ( 日" : ""), flags: flags,
                text: text, groupNames: maker.groupNames)
            guard let answer = Self.answer(one) else { continue }
            cases.append(one)
            expected.append(answer)
        }
        #expect(cases.count > 150)
        let input = cases.map {
            "[\(Self.quoted($0.pattern)),\(Self.quoted($0.flags)),\(Self.quoted($0.text[...]))]"
        }
        let outcome = Harness.run(Self.program, input: "[" + input.joined(separator: ",") + "]")
        #expect(outcome.outputs.count == expected.count, "\(outcome.error ?? "")")
        for (index, output) in outcome.outputs.enumerated() where output != expected[index] {
            Issue.record("\(input[index])\n  got      \(output)\n  expected \(expected[index])")
        }
    }

    // MARK: The reference's answers

    /// All that the program answers; nil where the reference matcher was stopped.
    private static func answer(_ one: Case) -> String? {
        let matcher = ReferenceMatcher(one.text, flags: one.flags, stepsMax: stepsMax)
        let count = one.groupNames.count
        let all = matcher.matches(one.root, groupCount: count, isGlobal: true)
        if matcher.isStopped { return nil }
        let asked = one.flags.contains("g") ? all : Array(all.prefix(1))
        let parts = [
            list(asked.map { matchObject($0, one) }), all.isEmpty ? "false" : "true",
            list(all.map { scanned($0, one) }), list(split(all, one)),
            quoted(substituted(asked, one)), quoted(substituted(all, one)),
            list(asked.map { captureObject($0, one) }),
        ]
        return list(parts)
    }

    private static func list(_ parts: [String]) -> String {
        "[" + parts.joined(separator: ",") + "]"
    }

    private static func quoted(_ text: String) -> String {
        "\""
            + text.unicodeScalars.map { scalar in
                scalar == "\n" ? "\\n" : scalar == "\\" ? "\\\\" : String(scalar)
            }.joined() + "\""
    }

    private static func string(_ text: ArraySlice<Unicode.Scalar>) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text)
        return String(result)
    }

    private static func quoted(_ text: ArraySlice<Unicode.Scalar>) -> String {
        quoted(string(text))
    }

    private static func matchObject(_ groups: ReferenceMatcher.Groups, _ one: Case) -> String {
        let captures = groups.indices.dropFirst().map { group in
            let name = one.groupNames[group - 1].map { quoted($0) } ?? "null"
            if let range = groups[group], !range.isEmpty {
                return "{\(part(range, one)),\"name\":\(name)}"
            }
            let offset = groups[group]?.lowerBound ?? -1
            let text = groups[group] == nil ? "null" : "\"\""
            return "{\"offset\":\(offset),\"string\":\(text),\"length\":0,\"name\":\(name)}"
        }
        return "{\(part(groups[0] ?? 0..<0, one)),\"captures\":\(list(captures))}"
    }

    private static func part(_ range: Range<Int>, _ one: Case) -> String {
        "\"offset\":\(range.lowerBound),\"length\":\(range.count),"
            + "\"string\":\(quoted(one.text[range]))"
    }

    private static func scanned(_ groups: ReferenceMatcher.Groups, _ one: Case) -> String {
        let texts = groups.map { $0.map { quoted(one.text[$0]) } ?? "null" }
        return texts.count == 1 ? texts[0] : list(Array(texts.dropFirst()))
    }

    private static func split(_ all: [ReferenceMatcher.Groups], _ one: Case) -> [String] {
        var parts: [String] = []
        var start = 0
        for case .some(let whole) in all.map({ $0[0] }) {
            parts.append(quoted(one.text[start..<whole.lowerBound]))
            start = whole.upperBound
        }
        return parts + [quoted(one.text[start...])]
    }

    /// The named captures in the order of their first groups; the last group of a name counts.
    private static func named(
        _ groups: ReferenceMatcher.Groups, _ one: Case
    ) -> [(name: String, text: String?)] {
        var captures: [(name: String, text: String?)] = []
        for (index, name) in one.groupNames.enumerated() {
            guard let name else { continue }
            let text = groups[index + 1].map { string(one.text[$0]) }
            if let known = captures.firstIndex(where: { $0.name == name }) {
                captures[known].text = text
            } else {
                captures.append((name, text))
            }
        }
        return captures
    }

    private static func captureObject(_ groups: ReferenceMatcher.Groups, _ one: Case) -> String {
        let members = named(groups, one).map { capture in
            "\(quoted(capture.name)):\(capture.text.map { quoted($0) } ?? "null")"
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    private static func substituted(_ matches: [ReferenceMatcher.Groups], _ one: Case) -> String {
        var result = ""
        var start = 0
        for groups in matches {
            guard let whole = groups[0] else { continue }
            let captures = named(groups, one)
            result += string(one.text[start..<whole.lowerBound]) + "<"
            for name in ["x", "日"] {
                result += (captures.first { $0.name == name }?.text ?? nil) ?? "null"
            }
            result += ">"
            start = whole.upperBound
        }
        return result + string(one.text[start...])
    }
}
