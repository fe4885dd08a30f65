// What the requests of one event loop share.

import HTTPKit

/// What runs on an event loop work with. It belongs to the loop's thread.
final class LoopState {
    let executor: Executor
    var budget = LoopBudget()
    /// `TransformQuery`s.
    let queries = QueryMemo()
    var ids: RequestID.Series
    private var transforms = TransformSet.none
    private var transformsVersion = UInt64.max

    init(_ executor: Executor, ids: RequestID.Series) {
        self.executor = executor
        self.ids = ids
    }

    /// `library.current`: all loops would wait for its lock.
    func currentTransforms(of library: TransformLibrary) -> TransformSet {
        let version = library.version
        if version != transformsVersion {
            transforms = library.current
            transformsVersion = version
        }
        return transforms
    }
}
