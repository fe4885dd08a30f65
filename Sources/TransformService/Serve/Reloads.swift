// SIGHUP -> each of the things that are read again while the service runs. What fails keeps its
// old state, and the log says so.

import Logging

struct Reloads: Sendable {
    private struct Entry: Sendable {
        let name: String
        let action: @Sendable () throws -> Void
    }

    private var entries: [Entry] = []

    /// - Parameter action: throws where the old state is kept.
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
