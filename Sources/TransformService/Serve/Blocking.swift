// Asynchronous work -> its result, on a thread that may block. The main thread does not run Swift's
// main loop: Dispatch's way to run it would unblock the signals that we wait for (see
// Signals.swift).

import Dispatch
import Synchronization

enum Blocking {
    private final class Box<Success: Sendable>: Sendable {
        let result = Mutex<Result<Success, any Error>?>(nil)
        let isDone = DispatchSemaphore(value: 0)
    }

    /// Runs `work` and waits for its result.
    static func wait<Success: Sendable>(
        _ work: @escaping @Sendable () async throws -> Success
    ) throws -> Success {
        let box = Box<Success>()
        Task.detached {
            let result: Result<Success, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            box.result.withLock { $0 = result }
            box.isDone.signal()
        }
        box.isDone.wait()
        guard let result = box.result.withLock({ $0 }) else {
            preconditionFailure("signalled without a result")
        }
        return try result.get()
    }
}
