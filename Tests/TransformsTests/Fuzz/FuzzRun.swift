// Seeds -> mutated texts -> a target's complaints. In a test run some hundred texts are tried; with
// `FUZZ_SECONDS=600` as many as fit, from `FUZZ_SEED` on, each written to `$TMPDIR/fuzz-NAME.input`
// before it is tried, so that a crash leaves its text.

import Foundation
import TestSupport
import Testing

@testable import Transforms

/// Makes new texts of old ones.
struct FuzzMutator {
    var random: SeededGenerator
    let words: [[UInt8]]
    let corpus: [[UInt8]]
    private static let byteCountMax = 4096

    /// Sometimes joins parts of two texts, then makes up to eight changes.
    mutating func next() -> [UInt8] {
        var text = pick(corpus) ?? []
        if below(4) == 0, let other = pick(corpus) {
            text = Array(text.prefix(below(text.count + 1)) + other.suffix(below(other.count + 1)))
        }
        for _ in 0..<below(9) { change(&text) }
        return Array(text.prefix(FuzzMutator.byteCountMax))
    }

    private mutating func change(_ text: inout [UInt8]) {
        let offset = below(text.count + 1)
        let end = min(text.count, offset + 1 + below(below(4) == 0 ? 64 : 4))
        switch below(8) {
        case 0 where offset < text.count: text[offset] ^= 1 << UInt8(below(8))
        case 1 where offset < text.count: text[offset] = UInt8(below(256))
        case 2: text.removeSubrange(offset..<end)
        case 3: text.insert(contentsOf: text[offset..<end], at: below(text.count + 1))
        case 4: text.removeSubrange(offset...)
        case 5 where offset < text.count:
            text.insert(
                contentsOf: [UInt8](repeating: text[offset], count: 1 + below(80)), at: offset)
        default: text.insert(contentsOf: pick(words) ?? [], at: offset)
        }
    }

    private mutating func below(_ bound: Int) -> Int { random.below(bound) }

    private mutating func pick(_ texts: [[UInt8]]) -> [UInt8]? {
        texts.isEmpty ? nil : texts[below(texts.count)]
    }
}

enum FuzzRun {
    /// The first complaint with its text, or nil; on a thread with a worker's size of stack.
    static func complaint<Target: FuzzTarget>(
        _ target: Target.Type, corpus: [[UInt8]], count: Int
    ) -> String? {
        nonisolated(unsafe) var complaint: String?
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            unsafe complaint = run(target, corpus, count)
            done.signal()
        }
        thread.stackSize = 64 << 20
        thread.start()
        done.wait()
        return unsafe complaint
    }

    private static func run<Target: FuzzTarget>(
        _ type: Target.Type, _ corpus: [[UInt8]], _ count: Int
    ) -> String? {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FUZZ_SECONDS"].flatMap { Double($0) }
        let seed = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let end = Date().addingTimeInterval(seconds ?? 0)
        let file = NSTemporaryDirectory() + "/fuzz-\(Target.self).input"
        let target = Target()
        var mutator = FuzzMutator(
            random: SeededGenerator(state: seed), words: Target.words.map { Array($0.utf8) },
            corpus: corpus)
        for text in corpus {
            if let complaint = target.complaint(text) { return shown(complaint, text) }
        }
        var tried = 0
        while seconds == nil ? tried < count : Date() < end {
            let text = mutator.next()
            if seconds != nil { try? Data(text).write(to: URL(fileURLWithPath: file)) }
            if let complaint = target.complaint(text) { return shown(complaint, text) }
            tried += 1
        }
        if seconds != nil { print("\(Target.self): \(tried) texts without a complaint") }
        return nil
    }

    private static func shown(_ complaint: String, _ text: [UInt8]) -> String {
        "\(complaint)\n\(String(decoding: text, as: UTF8.self).debugDescription)\n\(text)"
    }
}
