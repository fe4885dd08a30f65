// Memory that grows and shrinks across the size above which the kernel moves it.
//
// Safety: offsets are below the size that the memory was last given.

import Glibc
import TestSupport
import Testing

@testable import Transforms

@Suite struct SystemMemoryTests {
    private static let bound = SystemMemory.mappedByteCountMin

    private func word(_ address: UInt, _ index: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe UnsafeMutablePointer<UInt64>(bitPattern: address).unsafelyUnwrapped + index
    }

    /// Words of every page hold their indices, whatever sizes the memory went through.
    @Test(arguments: 1...4) func keepsWhatItHolds(_ seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let nearBound = [-8, -1, 0, 1, 8, 4096].map { SystemMemoryTests.bound + $0 }
        var size = 64
        var address = try #require(SystemMemory.allocate(size))
        var filled = 0
        // Coprime to the number of words in a page, so that all offsets in a page occur.
        let step = 101
        for _ in 0..<60 {
            while filled < size / 8 {
                unsafe word(address, filled).pointee = UInt64(filled)
                filled += step
            }
            let next =
                random.next() % 2 == 0
                ? nearBound[Int(random.next() % UInt64(nearBound.count))]
                : 64 + Int(random.next() % UInt64(3 * SystemMemoryTests.bound))
            address = try #require(SystemMemory.resize(address, from: size, to: next))
            size = next
            filled = min(filled, (size / 8 + step - 1) / step * step)
            let wrong = stride(from: 0, to: filled, by: step).filter {
                unsafe word(address, $0).pointee != UInt64($0)
            }
            #expect(wrong.isEmpty, "of \(size) bytes")
        }
        SystemMemory.free(address, size)
    }

    /// Memory that must move, because other memory follows it, is not copied: no new page is
    /// touched. A copy would touch 32 huge pages, or 16,384 small ones.
    @Test func movesWithoutCopying() throws {
        let size = 16 * SystemMemoryTests.bound
        let address = try #require(SystemMemory.allocate(size))
        for index in stride(from: 0, to: size / 8, by: 512) {
            unsafe word(address, index).pointee = UInt64(index)
        }
        let following = unsafe mmap(
            UnsafeMutableRawPointer(bitPattern: address + UInt(size)), 1 << 16, PROT_READ,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        defer { unsafe munmap(following, 1 << 16) }
        let before = SystemMemoryTests.faults()
        let moved = try #require(SystemMemory.resize(address, from: size, to: 2 * size))
        #expect(moved != address)
        #expect(SystemMemoryTests.faults() - before < 16)
        #expect(unsafe word(moved, size / 8 - 512).pointee == UInt64(size / 8 - 512))
        SystemMemory.free(moved, 2 * size)
    }

    /// Page faults of this thread.
    private static func faults() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD, which Swift's Glibc module leaves out.
        unsafe getrusage(1, &usage)
        return usage.ru_minflt
    }

    /// Arrays in large blocks whose first elements were dropped grow, and are freed with the run.
    @Test func largeBlocksWhoseStartsMoved() throws {
        let heap = Heap(bytesMax: 256 << 20)
        defer { heap.destroy() }
        for _ in 0..<3 {
            var array = try heap.makeArray(capacity: 4)
            for index in 0..<600_000 { try heap.push(&array, Value(integer: index)) }
            try heap.dropFirst(&array, 1_000)
            for index in 600_000..<1_200_000 { try heap.push(&array, Value(integer: index)) }
            #expect(array.count == 1_199_000)
            #expect(array.slots[0].integer == 1_000)
            #expect(array.slots[1_198_999].integer == 1_199_999)
            let held = heap.bytesHeld
            #expect(held >= 16 * array.count)
            heap.reset(retaining: 0)
            #expect(heap.bytesHeld == 0)
        }
    }
}
