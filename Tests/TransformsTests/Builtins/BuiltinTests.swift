// All builtins that jq 1.8.2 lists exist, each has an entry in the manual, and each example holds.

import TestSupport
import Testing

@testable import Transforms

struct BuiltinTests {
    /// What `jq -n 'builtins[]'` of jq 1.8.2 lists, in order.
    private static let listed: [String] = {
        SharedFiles.fixture("builtins.txt").split(separator: "\n").map(String.init)
    }()

    /// A call of `name/count`, each argument `.`.
    private func call(_ builtin: String) -> String {
        let parts = builtin.split(separator: "/")
        let count = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        if count == 0 { return String(parts[0]) }
        return parts[0] + "(" + Array(repeating: ".", count: count).joined(separator: "; ") + ")"
    }

    @Test func allOfJQExist() {
        #expect(Self.listed.count == 226)
        let ours = Set(Compiler.builtinNames)
        for builtin in Self.listed {
            #expect(ours.contains(builtin), "`builtins` lists \(builtin)")
        }
    }

    /// Every listed builtin compiles, those that jq does not have too.
    @Test(arguments: Compiler.builtinNames) func compiles(_ builtin: String) {
        #expect(throws: Never.self) { try Program.compile(call(builtin)) }
    }

    /// The manual's entry of a builtin.
    private struct Entry {
        var builtin: String
        var location: String
        var examples: [(program: String, outputs: String)] = []
    }

    /// The entries in the comments of the sources: `` `name/count`: `` and examples below it.
    private static let entries: [Entry] = {
        let folder = SharedFiles.root + "/Sources/Transforms/Builtins/Manual/"
        var entries: [Entry] = []
        for file in SharedFiles.files(under: folder, ending: ".swift") {
            let lines = (SharedFiles.text(folder + file) ?? "").split(separator: "\n")
            for (index, line) in lines.enumerated() {
                if line.hasPrefix("///     ") {
                    let parts = line.dropFirst(8).components(separatedByLast: " -> ")
                    entries[entries.count - 1].examples.append((parts.0, parts.1))
                } else if line.hasPrefix("/// `"), let close = line.dropFirst(5).firstIndex(of: "`")
                {
                    let name = String(line.dropFirst(5)[..<close])
                    entries.append(Entry(builtin: name, location: "\(file):\(index + 1)"))
                }
            }
        }
        return entries
    }()

    @Test func manualIsComplete() {
        let described = Self.entries.map(\.builtin)
        #expect(Set(described).count == described.count, "no builtin has two entries")
        for builtin in Compiler.builtinNames {
            #expect(described.contains(builtin), "\(builtin) is not in the manual")
        }
        for entry in Self.entries {
            #expect(Compiler.builtinNames.contains(entry.builtin), "\(entry.location)")
            #expect(!entry.examples.isEmpty, "\(entry.location): \(entry.builtin) has no example")
        }
    }

    @Test func examplesHold() {
        for entry in Self.entries {
            let name = String(entry.builtin.prefix { $0 != "/" })
            for (program, outputs) in entry.examples {
                #expect(program.contains(name), "\(entry.location): \(program)")
                let outcome = Harness.run(program)
                let text = outcome.outputs.joined(separator: " ")
                #expect(text == outputs, "\(entry.location): \(program) \(outcome.error ?? "")")
                #expect(outcome.liveBlocks == 0, "\(entry.location): \(program)")
            }
        }
    }
}

extension Substring {
    /// The texts before and after the last `separator`.
    fileprivate func components(separatedByLast separator: String) -> (String, String) {
        var position = endIndex
        while position > startIndex {
            position = index(before: position)
            if self[position...].hasPrefix(separator) {
                return (
                    String(self[..<position]), String(self[position...].dropFirst(separator.count))
                )
            }
        }
        return (String(self), "")
    }
}
