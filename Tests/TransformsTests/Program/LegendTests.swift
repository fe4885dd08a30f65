// The table in Operation.swift against the compiler: each operation has a line, the line's jq text
// compiles to the operation, and it has the outputs that the line says.

import Foundation
import TestSupport
import Testing

@testable import Transforms

/// One line of the table.
struct LegendLine: CustomTestStringConvertible {
    let operation: String
    let program: String
    let operands: String
    let outputs: String

    var testDescription: String { operation }

    /// The lines of the comment that begin with a name and a text in backquotes.
    static func read(_ source: String) -> [LegendLine] {
        source.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "`", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].hasPrefix("// ") else { return nil }
            let name = parts[0].dropFirst(3).split(separator: " ")
            let rest = parts[2].split(separator: " ")
            let counts: Set<Substring> = ["1", "1*", "0-1", "n"]
            guard name.count == 1, let index = rest.firstIndex(where: { counts.contains($0) })
            else { return nil }
            return LegendLine(
                operation: String(name[0]), program: String(parts[1]),
                operands: rest[..<index].joined(separator: " "), outputs: String(rest[index]))
        }
    }
}

@Suite struct LegendTests {
    private static func text(_ name: String) -> String {
        SharedFiles.text(SharedFiles.root + "/Sources/Transforms/Program/Compiler/" + name) ?? ""
    }

    static let lines = LegendLine.read(text("Operation.swift"))

    @Test func hasEachOperationOnce() {
        let all = (0...UInt8.max).compactMap { Operation(rawValue: $0) }.map { "\($0)" }
        #expect(Self.lines.map(\.operation) == all)
    }

    /// The nodes of the line's operation in a program whose functions f, g and h are `filter`.
    private func nodes(_ line: LegendLine, _ filter: String) throws -> [Node] {
        let prefix = "def f: \(filter); def g: \(filter); def h: \(filter); "
        let program = try Program.compile(prefix + ". as $x | label $out | " + line.program)
        // Safety: the program owns so many nodes.
        let all = (0..<program.nodeCount).map { unsafe program.nodes[$0] }
        return all.filter { "\($0.operation)" == line.operation }
    }

    @Test(arguments: lines) func compilesToIt(_ line: LegendLine) throws {
        let expected: Cardinality =
            switch line.outputs {
            case "n": .many
            case "0-1": .optional
            default: .one
            }
        // `label $out` is around all of them, `.a` inside them, and there are links of calls.
        let found = try nodes(line, ".a")
        #expect(found.contains { $0.cardinality == expected }, "\(found.map(\.cardinality))")
        let isOfAnyNumber = try nodes(line, ".[]").contains { $0.cardinality == .many }
        if line.outputs == "1*" && line.program.contains(/\b[fgh]\b/) {
            #expect(isOfAnyNumber, "its outputs are those of its filters")
        }
    }

    /// The table's name of an operand is that of its accessor.
    @Test(arguments: lines) func operandsHaveNames(_ line: LegendLine) {
        let accessors = Self.text("NodeRef+Operands.swift") + Self.text("Node.swift")
        for word in line.operands.split(whereSeparator: { !$0.isLetter }) {
            let isName = word.contains { $0.isUppercase } || word.count == 1 && word != "i"
            guard isName, word != "Link" else { continue }
            #expect(accessors.contains("var \(word): "), "\(line.operation): \(word)")
        }
    }
}
