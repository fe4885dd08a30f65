// External memory: what a run holds outside its blocks, such as a reader's stack. It counts towards
// the run's bound too, and so do both copies of memory that grows.
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

    /// Counts external memory that is about to grow or shrink; it stays counted when the heap is
    /// reset.
    func resizeExternal(from byteCount: Int, to resized: Int) throws(Stop) {
        if resized > byteCount { try admitGrowth(from: byteCount, to: resized) }
        countExternal(resized - byteCount)
    }

    /// Counts external memory; a negative count removes it.
    func countExternal(_ byteCount: Int) {
        unsafe state.pointee.bytesPeak = max(state.pointee.bytesPeak, state.pointee.bytesHeld)
        unsafe state.pointee.bytesHeld += byteCount
        unsafe state.pointee.bytesExternal += byteCount
    }
}
