// Program text and argument names -> the compiled program, for all threads; bounded in count and
// bytes. An entry never becomes wrong; those not used since the hand's last pass are evicted first
// (the clock algorithm).

import Glibc
import Synchronization
import Transforms

/// One thread adds; any thread reads.
final class HitCounter: Sendable {
    let count = Atomic<UInt64>(0)

    func add() { count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}

final class ProgramCache: Sendable {
    private struct Entry: Sendable {
        let hash: Int
        let text: [UInt8]
        let program: Program
        let byteCount: Int
        var wasUsed: Bool
    }

    private struct State {
        var entries: [Entry] = []
        /// Hash -> index in `entries`. Of two texts with the same hash, the later one is kept.
        var indices: [Int: Int] = [:]
        var byteCount = 0
        var hand = 0
        var counters: [HitCounter] = []
        var missCount: UInt64 = 0
    }

    private let state = Mutex(State())
    private let countMax: Int
    private let bytesMax: Int

    /// - Parameter bytesMax: of texts and programs together.
    init(countMax: Int, bytesMax: Int) {
        self.countMax = countMax
        self.bytesMax = bytesMax
    }

    var count: Int { state.withLock { $0.entries.count } }
    var byteCount: Int { state.withLock { $0.byteCount } }
    /// Look-ups that found a program, and those that led to a compilation.
    var lookups: (hits: UInt64, misses: UInt64) {
        state.withLock { state in
            (state.counters.reduce(0) { $0 &+ $1.count.load(ordering: .relaxed) }, state.missCount)
        }
    }

    /// Makes a counter for one thread's look-ups that find a program.
    func makeCounter() -> HitCounter {
        let counter = HitCounter()
        state.withLock { $0.counters.append(counter) }
        return counter
    }

    /// Counts a look-up that found no program, which is then compiled.
    func noteMiss() { state.withLock { $0.missCount += 1 } }

    func find(_ hash: Int, _ text: UnsafeRawBufferPointer, _ names: [String]) -> Program? {
        state.withLock { state in
            guard let index = state.indices[hash],
                unsafe Self.matches(state.entries[index], text, names)
            else { return nil }
            if !state.entries[index].wasUsed { state.entries[index].wasUsed = true }
            return state.entries[index].program
        }
    }

    private static func matches(
        _ entry: borrowing Entry, _ text: UnsafeRawBufferPointer, _ names: [String]
    ) -> Bool {
        guard entry.text.count == text.count, entry.program.argumentNames == names else {
            return false
        }
        // Safety: both have equally many bytes, as compared above.
        return unsafe entry.text.withUnsafeBytes { kept in
            guard let known = kept.baseAddress, let asked = text.baseAddress else { return true }
            return unsafe memcmp(known, asked, kept.count) == 0
        }
    }

    func insert(_ hash: Int, _ text: [UInt8], _ program: Program) {
        let byteCount = 2 * text.count + program.byteCount + 256
        guard byteCount <= bytesMax, countMax > 0 else { return }
        state.withLock { state in
            if let index = state.indices[hash] { Self.remove(index, from: &state) }
            while state.entries.count >= countMax || state.byteCount + byteCount > bytesMax {
                if state.hand >= state.entries.count { state.hand = 0 }
                if state.entries[state.hand].wasUsed {
                    state.entries[state.hand].wasUsed = false
                    state.hand += 1
                } else {
                    Self.remove(state.hand, from: &state)
                }
            }
            state.indices[hash] = state.entries.count
            state.byteCount += byteCount
            state.entries.append(
                Entry(
                    hash: hash, text: text, program: program, byteCount: byteCount, wasUsed: false))
        }
    }

    /// Moves the last entry to the place of the removed one.
    private static func remove(_ index: Int, from state: inout State) {
        state.indices[state.entries[index].hash] = nil
        state.byteCount -= state.entries[index].byteCount
        let last = state.entries.removeLast()
        if index < state.entries.count {
            state.entries[index] = last
            state.indices[last.hash] = index
        }
    }
}
