// The state that the requests of one event loop share.

import HTTPKit

/// The executor, budget and caches for requests on an event loop. It belongs to the loop's thread.
final class LoopState {
    let executor: Executor
    var budget = LoopBudget()
    var ids: RequestID.Series
    /// For heads that are interpreted anew, until the library's version is another one.
    private var transforms = TransformSet.none
    private var transformsVersion = UInt64.max

    init(_ executor: Executor, ids: RequestID.Series) {
        self.executor = executor
        self.ids = ids
    }

    /// `library.current`, cached: all loops would contend on its lock.
    /// - Parameter version: the library's, which was read before this call.
    func currentTransforms(of library: TransformLibrary, _ version: UInt64) -> TransformSet {
        if version != transformsVersion {
            transforms = library.current
            transformsVersion = version
        }
        return transforms
    }
}
