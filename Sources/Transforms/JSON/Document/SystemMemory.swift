// Memory from the system, of any size. Small memory is malloc's. Large memory is mapped separately,
// in huge pages, and the kernel moves its pages as it grows: nothing is copied, and the memory
// never exists twice.
//
//     0 .. 4 MiB    malloc, realloc, free: growing may copy, for 1 or 2 ms
//     4 MiB ..      mmap, mremap, munmap
//
// Large memory from malloc cannot both have huge pages and be moved: malloc's header precedes the
// pages that may be advised, and the kernel does not move a mapping whose pages differ in advice.
// So realloc copies: 256 MiB in 60 to 100 ms, which no deadline can interrupt.
//
// Safety: an address goes with the byte count that it was allocated or last resized with.

import CMalloc
import Glibc

enum SystemMemory {
    /// Memory of this size or more is mapped separately.
    static let mappedByteCountMin = 4 << 20
    /// On x86-64.
    static let hugePageByteCount = 2 << 20
    /// The largest page of the platforms that Swift supports; what is mapped is a multiple of it.
    private static let pageByteCountMax = 1 << 16

    /// - Returns: nil where the system has no memory left.
    static func allocate(_ byteCount: Int) -> UInt? {
        if byteCount >= mappedByteCountMin { return mapHuge(byteCount) }
        return unsafe malloc(byteCount).map { UInt(bitPattern: $0) }
    }

    /// Makes memory larger or smaller, with what it holds; it may move.
    /// - Returns: nil where the system has no memory left; the memory is then as it was.
    static func resize(_ address: UInt, from byteCount: Int, to resized: Int) -> UInt? {
        let isMapped = byteCount >= mappedByteCountMin
        if isMapped && resized >= mappedByteCountMin { return remap(address, byteCount, resized) }
        let old = unsafe UnsafeMutableRawPointer(bitPattern: address)
        if !isMapped && resized < mappedByteCountMin {
            return unsafe realloc(old, resized).map { UInt(bitPattern: $0) }
        }
        guard let moved = allocate(resized) else { return nil }
        unsafe memcpy(
            UnsafeMutableRawPointer(bitPattern: moved).unsafelyUnwrapped, old.unsafelyUnwrapped,
            min(byteCount, resized))
        free(address, byteCount)
        return moved
    }

    static func free(_ address: UInt, _ byteCount: Int) {
        if byteCount >= mappedByteCountMin { return unmap(address, pages(byteCount)) }
        unsafe Glibc.free(UnsafeMutableRawPointer(bitPattern: address))
    }

    // MARK: Mapping

    private static func pages(_ byteCount: Int) -> Int {
        (byteCount + pageByteCountMax - 1) & ~(pageByteCountMax - 1)
    }

    /// Memory in pages of the usual size, which takes room only as it is written.
    static func map(_ byteCount: Int) -> UInt? {
        let mapped = unsafe mmap(
            nil, pages(byteCount), PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        return unsafe mapped == MAP_FAILED ? nil : UInt(bitPattern: mapped)
    }

    /// Memory in whole huge pages: one page fault for each 2 MiB instead of each 4 KiB. For less
    /// than a few of them it would waste too much memory.
    static func mapHuge(_ byteCount: Int) -> UInt? {
        let unit = UInt(hugePageByteCount)
        let size = pages(byteCount)
        guard let mapped = map(size + hugePageByteCount) else { return nil }
        let start = (mapped + unit - 1) & ~(unit - 1)
        unmap(mapped, Int(start - mapped))
        unmap(start + UInt(size), Int(mapped + unit - start))
        unsafe madvise(UnsafeMutableRawPointer(bitPattern: start), size, MADV_HUGEPAGE)
        return start
    }

    static func unmap(_ address: UInt, _ byteCount: Int) {
        if byteCount > 0 { unsafe munmap(UnsafeMutableRawPointer(bitPattern: address), byteCount) }
    }

    /// Resizes mapped memory where it is, else at another start of a huge page.
    private static func remap(_ address: UInt, _ byteCount: Int, _ resized: Int) -> UInt? {
        let (size, newSize) = (UInt(pages(byteCount)), UInt(pages(resized)))
        if size == newSize { return address }
        let old = unsafe UnsafeMutableRawPointer(bitPattern: address)
        if unsafe move_memory(old, size, newSize, 0, nil) != MAP_FAILED { return address }
        guard let target = mapHuge(resized) else { return nil }
        let room = unsafe UnsafeMutableRawPointer(bitPattern: target)
        let flags = Int32(MOVE_TO_TARGET)
        // After a failure the target is left alone: the kernel may have unmapped it already, and
        // another thread's memory may be there by now. What remains of it is address space without
        // memory.
        return unsafe move_memory(old, size, newSize, flags, room) == MAP_FAILED ? nil : target
    }
}
