// Updates, deletions and paths against the reference implementation: random path filters, changes
// and documents.

import TestSupport
import Testing

@testable import Transforms

/// A seed -> documents, path filters and changes.
private struct UpdateMaker {
    var numbers: SeededGenerator

    init(seed: UInt64) { numbers = SeededGenerator(state: seed) }

    private mutating func pick<T>(_ choices: [T]) -> T {
        choices[Int.random(in: 0..<choices.count, using: &numbers)]
    }

    mutating func tree(_ depth: Int) -> Tree {
        let count = Int.random(in: 0...3, using: &numbers)
        switch Int.random(in: 0..<(depth > 0 ? 9 : 5), using: &numbers) {
        case 0: return .null
        case 1: return .bool(pick([true, false]))
        case 2, 3: return .number(Double(Int.random(in: -2...3, using: &numbers)))
        case 4: return .string(pick(["", "a", "abc"]))
        case 5, 6: return .array((0..<count).map { _ in tree(depth - 1) })
        default:
            return .object(["a", "b", "c"].prefix(count).map { ($0, tree(depth - 1)) })
        }
    }

    private mutating func key() -> PathKey {
        func bound(_ maker: inout UpdateMaker) -> Double? {
            maker.pick([nil, 0, 1, 2, -1, -2, 0.5, 1.5, -0.5, 9, -9])
        }
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0...3: return .name(pick(["a", "b", "c"]))
        case 4...6: return .index(pick([0, 1, 2, -1, -2, 0.5, 1.7, -0.5, -1.2, 4, -4]))
        default: return .slice(bound(&self), bound(&self))
        }
    }

    private mutating func access() -> PathFilter {
        Int.random(in: 0..<3, using: &numbers) == 0 ? .iterate : .key(key())
    }

    mutating func path(_ depth: Int) -> PathFilter {
        if depth == 0 {
            switch Int.random(in: 0..<12, using: &numbers) {
            case 0...5: return access()
            case 6...8: return .optional(access())
            case 9:
                return .type(
                    pick(["numbers", "values", "scalars", "arrays", "objects", "nulls", "strings"]))
            case 10: return pick([.identity, .empty, .recurse])
            default:
                let count = Int.random(in: 0...3, using: &numbers)
                return .getpath((0..<count).map { _ in key() })
            }
        }
        let (a, b) = (path(depth - 1), path(Int.random(in: 0..<depth, using: &numbers)))
        switch Int.random(in: 0..<14, using: &numbers) {
        case 0...5: return .pipe(a, b)
        case 6: return .comma(a, b)
        case 7: return .alternative(a, b)
        case 8: return .conditional(path(0), a, b)
        case 9: return .pipe(a, .select(path(0)))
        case 10: return .attempt(a)
        case 11: return .first(a)
        case 12: return .limit(Int.random(in: 0...2, using: &numbers), a)
        default: return .pipe(.recurse, .type(pick(["numbers", "scalars", "strings", "arrays"])))
        }
    }

    /// A filter's text, and its output for a part of the document; nil for no output.
    typealias Change = (text: String, body: (Tree) throws(ReferenceError) -> Tree?)

    mutating func change() -> Change {
        let all: [Change] = [
            ("empty", { _ in nil }), ("7", { _ in .number(7) }), (".", { $0 }),
            ("[.]", { .array([$0]) }), ("(8, 9)", { _ in .number(8) }), ("null", { _ in .null }),
            ("values", { $0 == .null ? nil : $0 }),
            ("{d: .}", { .object([("d", $0)]) }), ("[]", { _ in .array([]) }),
            (
                "if type == \"number\" then . + 1 else empty end",
                { if case .number(let number) = $0 { .number(number + 1) } else { nil } }
            ),
            (
                "if . == 1 then error else . end",
                { (part) throws(ReferenceError) in
                    if part == .number(1) { throw ReferenceError() }
                    return part
                }
            ),
        ]
        return pick(all)
    }
}

@Suite struct UpdateReferenceTests {
    private static let caseCount = 1500

    /// The evaluator's outcome is the reference's: the same value, or an error in both.
    private func check(
        _ program: String, _ input: Tree, _ reference: () throws(ReferenceError) -> Tree
    ) {
        var expected: Tree?
        do throws(ReferenceError) { expected = try reference() } catch { expected = nil }
        let outcome = Harness.run(program, input: input.text)
        #expect(outcome.compileError == nil, "\(program)")
        #expect(
            outcome.outputs == (expected.map { [$0.text] } ?? []),
            "\(program) < \(input.text): \(outcome.error ?? "")")
        if expected != nil { #expect(outcome.liveBlocks == 0, "\(program) < \(input.text)") }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func updatesAgree(_ seed: UInt64) {
        var maker = UpdateMaker(seed: seed)
        for _ in 0..<Self.caseCount {
            let input = maker.tree(3)
            let path = maker.path(Int.random(in: 0...3, using: &maker.numbers))
            let change = maker.change()
            check("\(path.text) |= \(change.text)", input) { () throws(ReferenceError) in
                try input.updating(path, change.body)
            }
        }
    }

    /// Checks programs of random paths on random inputs.
    private func checkPaths(
        _ seed: UInt64, _ program: (String) -> String,
        _ reference: (Tree, PathFilter) throws(ReferenceError) -> Tree
    ) {
        var maker = UpdateMaker(seed: seed)
        for _ in 0..<Self.caseCount {
            let input = maker.tree(3)
            let path = maker.path(Int.random(in: 0...3, using: &maker.numbers))
            check(program(path.text), input) { () throws(ReferenceError) in
                try reference(input, path)
            }
        }
    }

    @Test(arguments: [5, 6] as [UInt64]) func deletionsAgree(_ seed: UInt64) {
        checkPaths(seed, { "del(\($0))" }) { (input, path) throws(ReferenceError) in
            try input.deleting(try path.matches(in: input).map(\.keys))
        }
    }

    @Test(arguments: [7, 8] as [UInt64]) func pathsAgree(_ seed: UInt64) {
        checkPaths(seed, { "[path(\($0))]" }) { (input, path) throws(ReferenceError) in
            .array(try path.matches(in: input).map { .array($0.keys.map(\.tree)) })
        }
    }
}
