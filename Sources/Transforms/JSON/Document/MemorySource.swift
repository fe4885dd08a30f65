// Where a run gets memory beyond what its thread always has: several threads share a bound, and a
// run requests more as it grows.
//
//     0 ........ own ........ granted ........ limit
//                             ^ asks here      ^ the run's own bound
//
// Safety: the heap's own state, which one thread uses at a time.

/// Memory that runs of several threads share.
public protocol MemorySource: AnyObject, Sendable {
    /// - Returns: false if that much is not available now.
    func take(_ byteCount: Int) -> Bool
    func give(_ byteCount: Int)
}

extension Heap {
    /// A request grants at least this much, so that requests are rare.
    private static let grantByteCountMin = 4 << 20

    /// Admits `more` bytes in addition to those that the run holds.
    @inline(__always) func admit(_ more: Int) throws(Stop) {
        if bytesHeld &+ more > bytesMax { try raise(to: bytesHeld &+ more) }
    }

    @inline(never) private func raise(to byteCount: Int) throws(Stop) {
        let limit = bytesLimit
        guard byteCount <= limit else { throw stop(.memory) }
        let usual = min(limit, max(byteCount, bytesMax + Heap.grantByteCountMin))
        if take(usual - bytesMax) {
            bytesMax = usual
        } else if take(byteCount - bytesMax) {
            bytesMax = byteCount
        } else {
            throw stop(.sharedMemory)
        }
    }

    /// Admits memory of an output, which has its own bound and outlives a run that has several
    /// inputs.
    func admitOutput(_ more: Int) throws(Stop) {
        guard let source = unsafe state.pointee.source else { return }
        guard source.take(more) else { throw stop(.sharedMemory) }
        unsafe state.pointee.grantedOutput += more
    }

    private func take(_ byteCount: Int) -> Bool {
        guard let source = unsafe state.pointee.source else { return true }
        guard source.take(byteCount) else { return false }
        unsafe state.pointee.granted += byteCount
        return true
    }

    /// Begins a run with the memory that the thread always has.
    func begin(bytesLimit: Int, bytesOwn: Int) {
        self.bytesLimit = bytesLimit
        bytesMax = unsafe state.pointee.source == nil ? bytesLimit : min(bytesLimit, bytesOwn)
    }

    /// Gives back what was requested; the memory it was for has been freed.
    /// - Parameter output: whether an output's memory is given back too.
    func giveBack(output: Bool) {
        var granted = unsafe state.pointee.granted
        unsafe state.pointee.granted = 0
        if output {
            granted += unsafe state.pointee.grantedOutput
            unsafe state.pointee.grantedOutput = 0
        }
        if granted > 0 { unsafe state.pointee.source?.give(granted) }
    }
}
