// A seed -> random cases. A test run tries some hundred of them; with `FUZZ_SECONDS=600` as many
// are tried as fit, from `FUZZ_SEED` on, and each case's seed is written to
// `$TMPDIR/fuzz-NAME.input` before it is tried, so that a crash can be repeated.

import Foundation
import TestSupport
import Testing

enum FuzzLoop {
    /// Runs `body` until it returns a complaint, `count` times or for `FUZZ_SECONDS`.
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
