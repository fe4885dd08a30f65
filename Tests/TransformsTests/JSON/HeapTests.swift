// The heap: objects against lists of pairs, blocks of all sizes, and the chunks that are kept from
// run to run.

import TestSupport
import Testing

@testable import Transforms

@Suite struct HeapTests {
    /// Random sets, removals and look-ups: the same as a list of pairs, at sizes around the index.
    @Test(arguments: [3, 9, 40, 700]) func objectsAgainstPairs(_ size: Int) throws {
        let heap = Heap(bytesMax: 64 << 20)
        defer { heap.destroy() }
        var random = SeededGenerator(state: UInt64(size))
        var object = try heap.makeObject(capacity: 1)
        var pairs: [(String, Int)] = []
        for step in 0..<4000 {
            let name = "k\(random.next() % UInt64(size))"
            let key = try heap.string(name)
            switch random.next() % 4 {
            case 0, 1:
                if let i = pairs.firstIndex(where: { $0.0 == name }) {
                    pairs[i].1 = step
                } else {
                    pairs.append((name, step))
                }
                try heap.set(&object, heap.retain(key), Value(integer: step))
            case 2:
                let index = try heap.find(object, key.bytes)
                let known = pairs.firstIndex { $0.0 == name }
                #expect(known == (index < 0 ? nil : index))
                if let known, random.next() % 4 == 0 {
                    pairs.remove(at: known)
                    try heap.removeMember(&object, at: index)
                }
            default:
                // A second holder: what follows must not change its copy.
                let copy = heap.retain(object)
                let count = copy.count
                try heap.set(&object, heap.retain(key), Value(integer: step))
                #expect(copy.count == count)
                heap.release(copy)
                if let i = pairs.firstIndex(where: { $0.0 == name }) {
                    pairs[i].1 = step
                } else {
                    pairs.append((name, step))
                }
            }
            heap.release(key)
            #expect(object.count == pairs.count)
        }
        for (i, pair) in pairs.enumerated() {
            #expect(object.slots[2 * i].bytes.text == pair.0)
            #expect(object.slots[2 * i + 1].integer == pair.1)
        }
        heap.release(object)
        #expect(heap.liveBlocks == 0)
    }

    /// Blocks of every size class are made, grow and are freed; the memory held is bounded.
    @Test func blocksOfAllSizes() throws {
        let heap = Heap(bytesMax: 32 << 20)
        defer { heap.destroy() }
        for size in [0, 1, 15, 16, 500, 1000, 1024, 1025, 4000, 65_000, 65_536, 70_000, 1 << 20] {
            for _ in 0..<20 {
                var string = try heap.makeString(size)
                for i in 0..<size { string.bytes[i] = UInt8(truncatingIfNeeded: i) }
                let more = try heap.string("tail")
                try heap.append(&string, more.bytes, flags: 0)
                #expect(string.count == size + 4)
                #expect(size == 0 || string.bytes[size - 1] == UInt8(truncatingIfNeeded: size - 1))
                heap.release(more)
                heap.release(string)
            }
        }
        #expect(heap.liveBlocks == 0)
        heap.reset(retaining: 1 << 20)
        #expect(heap.bytesHeld <= 1 << 20)
    }

    /// Chunks are kept up to the bound, taken again before new ones, and count as used only then;
    /// but see the next test.
    @Test func chunksAreKeptFromRunToRun() throws {
        let heap = Heap(bytesMax: 16 << 20)
        defer { heap.destroy() }
        func use(_ byteCount: Int) throws {
            for _ in 0..<byteCount >> 16 { _ = try heap.bump(1 << 16) }
        }
        try use(8 << 20)
        #expect(heap.bytesHeld >= 8 << 20 && heap.bytesSpare == 0)
        for _ in 0..<3 {
            heap.reset(retaining: 4 << 20)
            let kept = heap.bytesHeld + heap.bytesSpare
            #expect(kept <= 4 << 20 && kept > 2 << 20 && heap.bytesSpare > 0)
            try use(1 << 20)
            #expect(heap.bytesHeld + heap.bytesSpare == kept)
            try use(7 << 20)
            #expect(heap.bytesSpare == 0)
        }
        // Spare chunks are within the bound of a run.
        heap.reset(retaining: 4 << 20)
        heap.begin(bytesLimit: 1 << 20, bytesOwn: 1 << 20)
        #expect(throws: Stop.self) { try use(2 << 20) }
        #expect(heap.bytesHeld <= 1 << 20)
        heap.reset(retaining: 0)
        #expect(heap.bytesHeld == 0 && heap.bytesSpare == 0)
    }

    /// The only chunk of a short run stays open, and counts, if it is small and within the bound.
    @Test func aShortRunsChunkStaysOpen() throws {
        let heap = Heap(bytesMax: 16 << 20)
        defer { heap.destroy() }
        let first = try heap.bump(64)
        let size = heap.bytesHeld
        heap.reset(retaining: size)
        #expect(heap.bytesHeld == size && heap.bytesSpare == 0)
        #expect(try heap.bump(64) == first)
        heap.reset(retaining: size - 1)
        #expect(heap.bytesHeld == 0 && heap.bytesSpare == 0)
        // Two chunks, or a large one, are taken again when they are needed.
        for byteCounts in [[64, size], [2 * size + 1]] {
            for byteCount in byteCounts { _ = try heap.bump(byteCount) }
            let held = heap.bytesHeld
            heap.reset(retaining: 16 << 20)
            #expect(heap.bytesHeld == 0 && heap.bytesSpare == held)
            heap.reset(retaining: 0)
        }
    }

    /// A value as deep as memory allows is freed without recursion.
    @Test func deepValueIsFreed() throws {
        let heap = Heap(bytesMax: 256 << 20)
        defer { heap.destroy() }
        var value = Value.null
        for _ in 0..<500_000 {
            var array = try heap.makeArray(capacity: 1)
            try heap.push(&array, value)
            value = array
        }
        heap.release(value)
        #expect(heap.liveBlocks == 0)
    }

    /// Charges after the end of a budget are bounded by nothing, and look at nothing.
    @Test func aBudgetEndsBeforeItsHeap() throws {
        let heap = Heap(bytesMax: 1 << 20)
        defer { heap.destroy() }
        let budget = Budget(heap: heap)
        budget.begin(deadlineNanoseconds: .max, stepsMax: 1, cancel: nil)
        budget.destroy()
        try heap.charge(1 << 20)
    }

    @Test func layout() {
        #expect(MemoryLayout<Value>.size == 16)
        #expect(MemoryLayout<Node>.size == 32)
    }
}
