// The sources and tests against the rules of CONTRIBUTING.md that a machine can check. Each message
// names its rule.

import TestSupport
import Testing

struct TidyTests {
    struct File {
        let path: String
        let lines: [Substring]

        /// The line without strings and comments.
        func code(_ index: Int) -> String { SwiftLine.code(lines[index]) }
    }

    private static let sources = load("Sources")
    private static let tests = load("Tests")

    private static func load(_ folder: String) -> [File] {
        let root = SharedFiles.root + "/" + folder
        return SharedFiles.files(under: root, ending: ".swift").compactMap { path in
            guard let text = SharedFiles.text(root + "/" + path) else { return nil }
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            if lines.last == "" { lines.removeLast() }
            return File(path: folder + "/" + path, lines: lines)
        }
    }

    private func report(_ rule: Int, _ file: File, _ line: Int, _ sentence: String) {
        Issue.record("\(file.path):\(line): \(sentence) (CONTRIBUTING.md, rule \(rule))")
    }

    @Test func thereAreSources() {
        #expect(TidyTests.sources.count > 50)
        #expect(TidyTests.tests.count > 5)
    }

    // MARK: Shape

    private static let fileLinesMax = 500
    private static let functionLinesMax = 70
    private static let lineColumnsMax = 100

    @Test func fileLength() {
        for file in TidyTests.sources + TidyTests.tests
        where file.lines.count > TidyTests.fileLinesMax {
            report(1, file, file.lines.count, "longer than \(TidyTests.fileLinesMax) lines")
        }
    }

    @Test func lineLength() {
        for file in TidyTests.sources + TidyTests.tests {
            for (index, line) in file.lines.enumerated() where line.count > TidyTests.lineColumnsMax
            {
                report(1, file, index + 1, "\(line.count) columns, not 100 at most")
            }
        }
    }

    @Test func functionLength() {
        for file in TidyTests.sources {
            for function in SwiftFunctions.all(in: file.lines)
            where function.lineCount > TidyTests.functionLinesMax {
                report(
                    1, file, function.line,
                    "`\(function.name)` has \(function.lineCount) lines, not 70 at most")
            }
        }
    }

    @Test func openingProse() {
        for file in TidyTests.sources + TidyTests.tests {
            let first = file.lines.first ?? ""
            if !first.hasPrefix("// ") || first.hasPrefix("// swift-") {
                report(2, file, 1, "begins without `//` prose")
            }
        }
    }

    private static let names: Set<String> = [
        "Utils", "Util", "Utilities", "Common", "Extensions", "Constants", "Helpers", "Misc",
    ]

    @Test func fileNames() {
        for file in TidyTests.sources + TidyTests.tests {
            let parts = file.path.dropLast(6).split(separator: "/").map(String.init)
            for part in parts where TidyTests.names.contains(part) {
                report(3, file, 1, "`\(part)` says nothing of what is in it")
            }
        }
    }

    // MARK: Imports

    private static let importsAllowed: [String: Set<String>] = [
        "Transforms": ["Glibc", "Synchronization", "CIntrinsics", "CMalloc"],
        "HTTPKit": ["Glibc", "Synchronization", "NIOCore", "CEpoll"],
    ]

    @Test func importsGoOneWay() {
        for file in TidyTests.sources {
            let target = String(file.path.split(separator: "/")[1])
            for (index, line) in file.lines.enumerated() {
                guard let module = SwiftLine.imported(line) else { continue }
                if module.hasPrefix("Foundation") {
                    report(3, file, index + 1, "Sources import no Foundation")
                }
                if let allowed = TidyTests.importsAllowed[target], !allowed.contains(module) {
                    report(3, file, index + 1, "\(target) does not import \(module)")
                }
                if line.contains("public import") || line.contains("@_exported") {
                    if !line.contains("NIO") {
                        report(3, file, index + 1, "imports are internal")
                    }
                }
            }
        }
    }

    // MARK: Forbidden words

    private static let trapsAllowed: Set<String> = [
        // No address space for frames: nothing can run at all.
        "Sources/Transforms/Runner.swift"
    ]

    @Test func words() {
        for file in TidyTests.sources + TidyTests.tests {
            let isSource = file.path.hasPrefix("Sources")
            for (index, line) in file.lines.enumerated() {
                let notes = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
                for word in notes where SwiftLine.words(line).contains(Substring(word)) {
                    report(21, file, index + 1, "`\(word)` is work left over")
                }
                if !isSource { continue }
                let code = file.code(index)
                for word in ["try!", "as!", "fatalError("] where code.contains(word) {
                    if word == "fatalError(" && TidyTests.trapsAllowed.contains(file.path) {
                        continue
                    }
                    report(16, file, index + 1, "`\(word)`: throw for bad input, or precondition")
                }
                if code.contains("NSLog(") || code.hasPrefix("print(") {
                    report(12, file, index + 1, "prints")
                }
            }
        }
    }

    @Test func checksStayOn() throws {
        let package = try #require(SharedFiles.text(SharedFiles.root + "/Package.swift"))
        let makefile = try #require(SharedFiles.text(SharedFiles.root + "/Makefile"))
        #expect(!package.contains("-Ounchecked"), "CONTRIBUTING.md, rule 4")
        #expect(!makefile.contains("-Ounchecked"), "CONTRIBUTING.md, rule 4")
        #expect(package.contains(".strictMemorySafety()"), "CONTRIBUTING.md, rule 4")
        #expect(package.contains(".treatAllWarnings(as: .error)"), "CONTRIBUTING.md, rule 4")
    }

    /// The enumerations of errors that users see. A test must name each case, by its code or by the
    /// last part of its problem's type. "The service failed" has no cause to be tested, and a limit
    /// that reading meets is reported as the run's.
    private static let errorCodes = [
        "Sources/HTTPKit/ProtocolError.swift", "Sources/Transforms/JSON/Reading/ReadFailure.swift",
        "Sources/TransformService/Requests/Problem.swift",
    ]
    private static let codesWithoutTest: Set<String> = ["internalError", "limit"]

    @Test func errorCodesAreAsserted() throws {
        let tests = Self.tests.filter { !$0.path.hasSuffix("/TidyTests.swift") }
            .flatMap(\.lines).joined(separator: "\n")
        for path in Self.errorCodes {
            let file = try #require(Self.sources.first { $0.path == path })
            let first = try #require(
                file.lines.firstIndex { $0.contains("enum Code:") || $0.contains("enum Kind:") })
            var codes: [Substring] = []
            for line in file.lines[(first + 1)...] {
                let words = SwiftLine.words(line)
                if words.first != "case" && !line.contains("///") { break }
                if words.first == "case" { codes += words.dropFirst() }
            }
            #expect(codes.count > 5, "\(path)")
            for code in codes where !Self.codesWithoutTest.contains(String(code)) {
                // `case .unexpectedEnd: "unexpected-end"`, or the name in that form.
                let spelling = file.lines.first { $0.contains("case .\(code): \"") }
                let slug =
                    spelling.map { $0.split(separator: "\"")[1] }.flatMap {
                        $0.contains(" ") ? nil : $0
                    }
                    ?? Substring(
                        code.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined())
                let isAsserted = [".\(code),", ".\(code))", "\"\(slug)\"", "/\(slug)"]
                    .contains { tests.contains($0) }
                if !isAsserted { report(24, file, first + 1, "no test expects `\(code)`") }
            }
        }
    }

    @Test func unsafeIsExplained() {
        for file in TidyTests.sources {
            let isUnsafe = file.lines.indices.contains {
                SwiftLine.words(Substring(file.code($0))).contains("unsafe")
            }
            let isExplained = file.lines.contains { $0.contains("Safety:") }
            if isUnsafe && !isExplained {
                report(10, file, 1, "uses `unsafe` without a `// Safety:` line")
            }
        }
    }

    /// Files that may pass over bytes and values without a charge: the heap, which makes the
    /// charges; readers of texts and numbers, which charge by themselves; and work of bounded size.
    private static let unchargedAllowed = [
        "JSON/Document/Heap", "JSON/Reading/", "JSON/Number/", "Codec/", "Program/",
        // 4 MiB at most, as memory begins to be mapped.
        "JSON/Document/SystemMemory.swift",
        // Strings of 1 KiB at most, and a call's frame.
        "JSON/Writing/OutputBuffer.swift", "Evaluation/Evaluator+Calls.swift",
        // 256 KiB at once.
        "Regex/RegexSubject.swift",
        // The command's own inputs, whose bytes the reader charges by 256 KiB.
        "Inputs/InputReader+Lines.swift", "Runner+Command.swift",
        // 4 KiB at once.
        "Inputs/LineCounter.swift",
    ]

    @Test func passesAreCharged() {
        let words = [
            "Uncharged(", "memcpy(", "memmove(", "memcmp(", "memchr(", ".update(from",
            "UTF8Text.codePointCount", "UTF8Text.byteOffset",
        ]
        for file in TidyTests.sources where file.path.hasPrefix("Sources/Transforms/") {
            let path = file.path.dropFirst("Sources/Transforms/".count)
            if TidyTests.unchargedAllowed.contains(where: { path.hasPrefix($0) }) { continue }
            for index in file.lines.indices {
                for word in words where file.code(index).contains(word) {
                    report(15, file, index + 1, "`\(word)`: through the heap, which charges it")
                }
            }
        }
    }

    @Test func uncheckedSendableIsExplained() {
        for file in TidyTests.sources {
            for index in file.lines.indices
            where file.code(index).contains("@unchecked Sendable") && index > 0 {
                let above = file.lines[max(0, index - 8)..<index]
                if !above.contains(where: { $0.contains("//") }) {
                    report(18, file, index + 1, "`@unchecked Sendable` names its lock or thread")
                }
            }
        }
    }
}
