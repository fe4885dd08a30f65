// A seed -> random cases for as long as told. In a test run some hundred cases are tried; with
// `FUZZ_SECONDS=600` as many as fit, from `FUZZ_SEED` on; each case's seed is written to
// `$TMPDIR/fuzz-NAME.input` before it is tried, so that a crash can be had again.

import Foundation
import Testing

enum FuzzLoop {
    /// Runs `body` until it complains, `count` times or for as long as `FUZZ_SECONDS` says.
    static func run(_ name: String, _ count: Int, _ body: (inout SeededGenerator) -> String?) {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FUZZ_SECONDS"].flatMap { Double($0) }
        var random = SeededGenerator(state: environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1)
        let end = Date().addingTimeInterval(seconds ?? 0)
        let file = URL(fileURLWithPath: NSTemporaryDirectory() + "/fuzz-\(name).input")
        var tried = 0
        while seconds == nil ? tried < count : Date() < end {
            let state = random.state
            if seconds != nil { try? Data("FUZZ_SEED=\(state)\n".utf8).write(to: file) }
            if let complaint = body(&random) {
                Issue.record("FUZZ_SEED=\(state): \(complaint)")
                return
            }
            tried += 1
        }
        if seconds != nil { print("\(name): \(tried) cases without a complaint") }
        #expect(tried > 0)
    }
}

extension SeededGenerator {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
}
