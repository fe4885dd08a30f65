// The account's part for runs, in the interface that the engine uses.

import HTTPKit
import Transforms

/// The memory of runs on all threads, counted in the service's account.
final class RunMemory: MemorySource {
    private let account: MemoryAccount

    init(_ account: MemoryAccount) { self.account = account }

    func take(_ byteCount: Int) -> Bool { account.take(byteCount, .runs) }
    func give(_ byteCount: Int) { account.add(-byteCount, .runs) }
}

extension Problem {
    /// Work for which other requests leave no room.
    static var noMemory: Problem {
        var problem = Problem(
            .reducedCapacity,
            "Other requests hold the memory that this one needs. Try again in a moment.")
        problem.retryAfterSeconds = 1
        return problem
    }
}
