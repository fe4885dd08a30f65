// Where a run gets memory beyond what its thread always has: several threads share a bound, and a
// run asks for more as it grows.
//
//     0 ........ own ........ granted ........ limit
//                             ^ asks here      ^ the run's own bound
//
// Safety: the heap's own state, which one thread uses at a time.

/// Memory that runs of several threads share.
public protocol MemorySource: AnyObject, Sendable {
    /// - Returns: false if there is not so much now.
    func take(_ byteCount: Int) -> Bool
    func give(_ byteCount: Int)
}

extension Heap {
    /// A run that asks gets at least so much, so that it asks seldom.
    private static let grantByteCountMin = 4 << 20

    /// Lets the run hold `more` bytes beside those that it holds.
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

    /// Memory of an output, which has a bound of its own, and outlives a run that has several
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

    /// Begins with what the thread always has.
    func begin(bytesLimit: Int, bytesOwn: Int) {
        self.bytesLimit = bytesLimit
        bytesMax = unsafe state.pointee.source == nil ? bytesLimit : min(bytesLimit, bytesOwn)
    }

    /// Gives back what was asked for; what it was for is gone.
    /// - Parameter output: an output's memory too.
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
