// The account's part for runs, as the engine asks for it.

import HTTPKit
import Transforms

/// What runs on all threads take of the service's memory.
final class RunMemory: MemorySource {
    private let account: MemoryAccount

    init(_ account: MemoryAccount) { self.account = account }

    func take(_ byteCount: Int) -> Bool { account.take(byteCount, .runs) }
    func give(_ byteCount: Int) { account.add(-byteCount, .runs) }
}

extension Problem {
    /// Work that found no room beside what others hold.
    static var noMemory: Problem {
        var problem = Problem(
            .reducedCapacity,
            "Other requests hold the memory that this one needs. Try again in a moment.")
        problem.retryAfterSeconds = 1
        return problem
    }
}
