// The transforms that are served now, and their reloads: the folder is loaded when it has changed
// or on SIGHUP, while the service runs, and replaces the old set as a whole or not at all.

import Logging
import Synchronization

final class TransformLibrary: Sendable {
    /// What a service reports about its transforms.
    struct State: Sendable {
        var set = TransformSet.none
        /// The faults of the folder at the last read.
        var faults: [LoadFault] = []
        /// Reloads that took effect, and those that did not.
        var reloadCount = 0
        var failureCount = 0
    }

    /// Bound on the log lines of a failed reload.
    private static var faultsLoggedMax: Int { 20 }

    let folder: String?
    private let logger: Logger
    private let state: Mutex<State>
    private let installCount = Atomic<UInt64>(0)
    /// The last listing, read with or without success; locked while a folder is read.
    private let seen: Mutex<FolderListing?>

    /// Loads the folder; its faults are in `faults`, and the transforms without a fault are
    /// available.
    /// - Parameter folder: nil: no transforms.
    init(_ folder: String?, logger: Logger) {
        self.folder = folder
        self.logger = logger
        let set = folder.map(TransformSet.load) ?? .none
        seen = Mutex(set.listing)
        state = Mutex(State(set: set, faults: set.faults))
    }

    /// The version that a request keeps to its end.
    var current: TransformSet { state.withLock { $0.set } }

    /// Changes whenever `current` changes; compare it before using a cached set. Takes no lock.
    /// Read it before `current`.
    var version: UInt64 { installCount.load(ordering: .acquiring) }

    var status: State { state.withLock { $0 } }

    /// Reads the folder.
    /// - Parameter always: even if it equals the last listing.
    func reload(always: Bool) {
        guard let folder else { return }
        seen.withLock { seen in
            if !always, seen == FolderListing(folder) { return }
            let set = TransformSet.load(folder)
            seen = set.listing
            if set.faults.isEmpty { install(set) } else { reject(set.faults, folder) }
        }
    }

    private func install(_ set: TransformSet) {
        // The old set may be large: it is freed after the lock is released.
        let old = state.withLock { state in
            let old = state.set
            state.set = set
            state.faults = []
            state.reloadCount += 1
            return old
        }
        installCount.add(1, ordering: .releasing)
        logger.notice(
            "transforms reloaded",
            metadata: [
                "count": "\(set.count)", "digest": "\(set.digest)", "before": "\(old.digest)",
            ])
    }

    private func reject(_ faults: [LoadFault], _ folder: String) {
        state.withLock { state in
            state.faults = faults
            state.failureCount += 1
        }
        for fault in faults.prefix(Self.faultsLoggedMax) {
            logger.error(
                "transforms not reloaded, the old ones serve on",
                metadata: ["fault": "\(fault.shown(in: folder))"])
        }
    }
}
