// SIGHUP -> reload of the files that can change while the service runs. A failed reload keeps the
// old state, and is logged.

import Logging

struct Reloads: Sendable {
    private struct Entry: Sendable {
        let name: String
        let action: @Sendable () throws -> Void
    }

    private var entries: [Entry] = []

    /// - Parameter action: throws if it keeps the old state.
    mutating func add(_ name: String, _ action: @escaping @Sendable () throws -> Void) {
        entries.append(Entry(name: name, action: action))
    }

    func run(_ logger: Logger) {
        for entry in entries {
            do {
                try entry.action()
                logger.notice("read again", metadata: ["what": "\(entry.name)"])
            } catch {
                logger.error(
                    "not read: what was there before stays",
                    metadata: ["what": "\(entry.name)", "error": "\(error)"])
            }
        }
    }
}
