// Memory of a run besides its blocks, such as a reader's stack: it counts towards the run's bound
// as well, and so do the two copies of memory that grows.
//
// Safety: the heap's own state.

extension Heap {
    /// Checks that the bound has room for memory to grow: for both copies of it, old and new,
    /// unless the kernel moves it.
    func admitGrowth(from byteCount: Int, to grown: Int) throws(Stop) {
        let more = byteCount >= SystemMemory.mappedByteCountMin ? grown - byteCount : grown
        try admit(more)
        unsafe state.pointee.bytesPeak = max(state.pointee.bytesPeak, bytesHeld + more)
    }

    /// Counts memory of others that is about to grow or shrink; it stays counted when
    /// the heap is reset.
    func resizeAside(from byteCount: Int, to resized: Int) throws(Stop) {
        if resized > byteCount { try admitGrowth(from: byteCount, to: resized) }
        countAside(resized - byteCount)
    }

    /// Counts memory of others; a negative count stops counting it.
    func countAside(_ byteCount: Int) {
        unsafe state.pointee.bytesPeak = max(state.pointee.bytesPeak, state.pointee.bytesHeld)
        unsafe state.pointee.bytesHeld += byteCount
        unsafe state.pointee.bytesAside += byteCount
    }
}
