// Programs -> the learned cost of their runs; for all threads, bounded in count.
//
//     key -> one of 16 shards, each with a lock -> a set of 4 slots -> CostModel
//
// A new program replaces the least recently used one of its set.

import Synchronization

final class CostTable: Sendable {
    private struct Slot {
        var key = 0
        var usedAt: UInt32 = 0
        var model = CostModel()
    }

    private struct Slots {
        var slots: [Slot]
        var clock: UInt32 = 0
    }

    private final class Shard: Sendable {
        let content: Mutex<Slots>

        init(count: Int) { content = Mutex(Slots(slots: Array(repeating: Slot(), count: count))) }
    }

    private static var setCount: Int { 4 }
    private static var shardCount: Int { 16 }

    /// The initial guess for a program in a process that has run nothing yet: 4 ns a byte, twice
    /// the cost of grouping and summing, and at least a millisecond. A high initial guess would
    /// reject a burst at start-up; a low one is corrected by the first runs.
    private static var guessedByteCount: Int { 256 * 1024 }
    private static var guessedNanoseconds: UInt64 { 1_000_000 }

    private let shards: [Shard]
    private let slotsPerShard: Int
    /// The first runs of all programs.
    private let firstRuns: Mutex<CostModel>

    /// - Parameter countMax: programs to remember; rounded up to a power of two of at least 64.
    init(countMax: Int = 2_048) {
        var count = Self.setCount
        while count * Self.shardCount < countMax { count *= 2 }
        slotsPerShard = count
        shards = (0..<Self.shardCount).map { _ in Shard(count: count) }
        var model = CostModel()
        model.learn(byteCount: Self.guessedByteCount, nanoseconds: Self.guessedNanoseconds)
        firstRuns = Mutex(model)
    }

    var countMax: Int { shards.count * slotsPerShard }

    /// - Parameters:
    ///   - key: `ProgramKey` of the program's text; nil if the program is not known yet.
    ///   - byteCount: of the content.
    func predict(_ key: Int?, byteCount: Int) -> PredictedCost {
        if let key, let known = model(key) {
            return PredictedCost(
                nanoseconds: known.predicted(byteCount), isKnown: true, hasEnded: known.hasEnded)
        }
        let guessed = firstRuns.withLock { $0.predicted(byteCount) }
        return PredictedCost(nanoseconds: guessed, isKnown: false)
    }

    /// Nanoseconds, from runs of this program; nil without any.
    func known(_ key: Int, byteCount: Int) -> UInt64? { model(key)?.predicted(byteCount) }

    private func model(_ key: Int) -> CostModel? {
        withSet(key) { content, first in
            Self.find(key, &content, first).map { content.slots[$0].model }
        }
    }

    /// Adds a run.
    /// - Parameter isComplete: false if it was stopped and would have taken longer.
    func learn(_ key: Int, byteCount: Int, nanoseconds: UInt64, isComplete: Bool) {
        let isNew = withSet(key) { content, first in
            let found = Self.find(key, &content, first)
            let index = found ?? Self.replace(key, &content, first)
            if isComplete {
                content.slots[index].model.learn(byteCount: byteCount, nanoseconds: nanoseconds)
            } else {
                content.slots[index].model.raise(byteCount: byteCount, nanoseconds: nanoseconds)
            }
            return found == nil
        }
        guard isNew else { return }
        firstRuns.withLock { $0.learn(byteCount: byteCount, nanoseconds: nanoseconds) }
    }

    /// A job was refused for the predicted cost of its program.
    func lower(_ key: Int) {
        withSet(key) { content, first in
            if let index = Self.find(key, &content, first) { content.slots[index].model.lower() }
        }
    }

    private func withSet<Result>(_ key: Int, _ body: (inout Slots, Int) -> Result) -> Result {
        // The key is a hash, so any of its bits serve.
        let bits = UInt(bitPattern: key)
        let shard = shards[Int(bits % UInt(Self.shardCount))]
        let sets = UInt(slotsPerShard / Self.setCount)
        let first = Int(bits / UInt(Self.shardCount) % sets) * Self.setCount
        return shard.content.withLock { body(&$0, first) }
    }

    private static func find(_ key: Int, _ content: inout Slots, _ first: Int) -> Int? {
        for index in first..<first + setCount
        where content.slots[index].key == key && content.slots[index].model.runCount > 0 {
            content.clock &+= 1
            content.slots[index].usedAt = content.clock
            return index
        }
        return nil
    }

    private static func replace(_ key: Int, _ content: inout Slots, _ first: Int) -> Int {
        content.clock &+= 1
        var oldest = first
        for index in first..<first + setCount {
            let age = content.clock &- content.slots[index].usedAt
            if age > content.clock &- content.slots[oldest].usedAt { oldest = index }
        }
        content.slots[oldest] = Slot(key: key, usedAt: content.clock)
        return oldest
    }
}
