// The fuzzing targets on the available fixtures and suites, and what fuzzing found before.

import Foundation
import TestSupport
import Testing

@testable import Transforms

@Suite struct FuzzTests {
    private static func lines(_ file: String) -> [String] {
        SharedFiles.fixture(file)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The suites' JSON texts of up to 2,000 bytes, and some that are always there.
    static let texts: [[UInt8]] = {
        let folder = SharedFiles.folder + "/suites/json/test_parsing/"
        let files = SharedFiles.names(in: folder).compactMap { SharedFiles.read(folder + $0) }
        return RecordReaderTests.texts.map { Array($0.utf8) } + files.filter { $0.count < 2000 }
    }()

    @Test func texts() {
        #expect(FuzzRun.complaint(FuzzJSON.self, corpus: Self.texts, count: 1500) == nil)
    }

    @Test func numbers() {
        let numbers = FuzzNumbers.words.map { Array($0.utf8) } + [Array("-12.5e+3".utf8)]
        #expect(FuzzRun.complaint(FuzzNumbers.self, corpus: numbers, count: 10_000) == nil)
    }

    @Test func programs() {
        let cases = FixtureTests.cases + SuiteTests.cases
        let corpus = cases.map { Array($0.program.utf8) + [0xFF] + Array(($0.input ?? "").utf8) }
        #expect(FuzzRun.complaint(FuzzPrograms.self, corpus: corpus, count: 400) == nil)
    }

    @Test func patterns() {
        let lines = Self.lines("regex.test")
        let corpus = stride(from: 0, to: lines.count - 2, by: 1).compactMap { index -> [UInt8]? in
            guard index > 0, lines[index - 1].isEmpty, !lines[index].hasPrefix("#") else {
                return nil
            }
            let subject = lines[index + 1].split(separator: " ").dropFirst().joined(separator: " ")
            return [0] + Array(lines[index].utf8) + [0xFF] + Array(subject.utf8)
        }
        #expect(corpus.count > 300)
        #expect(FuzzRun.complaint(FuzzRegex.self, corpus: corpus, count: 1500) == nil)
    }

    @Test func strings() {
        let pairs = [
            ("2015-03-05T23:51:47Z", "%Y-%m-%dT%H:%M:%SZ"),
            ("Thu, 05 Mar 2015 23:51:47 +0100", "%c"),
            ("1425599621", "%A, %B %d, %Y"), ("é日本", "本"), ("a, b", ", "),
            ("10:20 PM", "%I:%M %p"),
            ("", ""), ("\u{10FFFF}", "%j %U %Z"), ("1e12", "%G-W%V-%u %s"),
        ]
        let corpus = pairs.map { Array($0.0.utf8) + [0xFF] + Array($0.1.utf8) }
        #expect(FuzzRun.complaint(FuzzText.self, corpus: corpus, count: 200) == nil)
    }
}

/// What fuzzing found: each leaves no block of the heap behind.
@Suite struct FuzzFindings {
    @Test(arguments: [
        "try (\"{\\\"a\\\"\\u00e9:1}\" | fromjson) catch 1",
        "try (\"[\\\"a\\\", x\" | fromjson) catch 1",
        "try (\"[\\\"\\\\n\\\\x\\\"]\" | fromjson) catch 1",
        "try (\"[[1.50, [\\\"b\\\"]\" | fromjson) catch 1",
        "try (\"\\\"a\\\" \\\"b\\\"\" | fromjson) catch 1",
        "try (\"{\\\"a\\\":{\\\"b\\\":[\\\"c\\\"\" | fromjson) catch 1",
    ]) func failedTextsLeaveNothing(_ program: String) {
        let outcome = Harness.run(program)
        #expect(outcome.outputs == ["1"])
        #expect(outcome.liveBlocks == 0)
    }
}
