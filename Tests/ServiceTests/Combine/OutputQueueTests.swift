// The queue between a batch and its combining program.

import Glibc
import Synchronization
import TestSupport
import Testing
import Transforms

@testable import TransformService

struct OutputQueueTests {
    private func append(_ text: String, _ queue: OutputQueue) {
        unsafe Array(text.utf8).withUnsafeBytes { unsafe queue.append($0) }
    }

    /// All blocks up to the end, as texts.
    private func drain(_ queue: OutputQueue) -> [String] {
        var texts: [String] = []
        while let block = queue.next() {
            texts.append(unsafe String(decoding: block.bytes, as: UTF8.self))
            queue.giveBack(block)
        }
        return texts
    }

    @Test func blocksComeInOrder() {
        let queue = OutputQueue()
        for text in ["1\n", "", "2\n3\n4", "5", "6\n7", "\n"] { append(text, queue) }
        queue.end()
        #expect(queue.byteCount == 12)
        #expect(drain(queue) == ["1\n", "2\n3\n", "456\n", "7\n"])
        #expect(queue.byteCount == 0)
    }

    @Test func itIsFullWithAMebibyte() {
        let rooms = Atomic<Int>(0)
        let queue = OutputQueue { rooms.add(1, ordering: .relaxed) }
        append(String(repeating: "a", count: (1 << 20) - 2) + "\n", queue)
        #expect(!queue.isFull)
        append("\n", queue)
        #expect(queue.isFull)
        append("b\n", queue)
        var block = queue.next()
        #expect(!queue.isFull && rooms.load(ordering: .relaxed) == 1)
        while let one = block {
            queue.giveBack(one)
            if queue.byteCount == 0 { queue.end() }
            block = queue.next()
        }
        #expect(rooms.load(ordering: .relaxed) == 1)
    }

    @Test func nothingIsKeptAfterClosing() {
        let queue = OutputQueue()
        append(String(repeating: "a", count: 2 << 20) + "\n", queue)
        #expect(queue.isFull)
        queue.close()
        #expect(!queue.isFull)
        append("1\n", queue)
        queue.waitForRoom()
        #expect(drain(queue) == [])
    }

    /// A thread that appends as fast as there is room, one that takes, both with pauses at random
    /// points.
    @Test(arguments: 1...8) func twoThreads(_ seed: UInt64) {
        let queue = OutputQueue()
        let byteCountMax = Atomic<Int>(0)
        let thread = LargeStack.start(16 << 20) { _ in
            var random = SeededGenerator(state: seed)
            for i in 0..<400 {
                let row = "\(i) " + String(repeating: "x", count: random.below(40_000)) + "\n"
                queue.waitForRoom()
                append(row, queue)
                byteCountMax.max(queue.byteCount, ordering: .relaxed)
                if random.below(20) == 0 { sched_yield() }
            }
            queue.end()
        }
        var random = SeededGenerator(state: seed + 100)
        var numbers: [Int] = []
        while let block = queue.next() {
            let text = unsafe String(decoding: block.bytes.prefix(4), as: UTF8.self)
            numbers.append(Int(text.split(separator: " ")[0]) ?? -1)
            queue.giveBack(block)
            if random.below(20) == 0 { usleep(300) }
        }
        thread?.join()
        #expect(numbers == Array(0..<400))
        #expect(byteCountMax.load(ordering: .relaxed) < 1 << 20 + 41_000)
    }
}
