// Lines from any thread -> a descriptor, through a bounded buffer and a thread for it:
//
//     loops, workers   append -> | line line line ... |  <- bytesMax; further lines are dropped
//     thread "log"               takes all of them -> write(2)
//
// Threads that log hold the lock only to copy a line. If the reader of the log is stuck, lines are
// dropped and counted, but no request is delayed.

import Dispatch
import Glibc
import Synchronization

final class LogSink: Sendable {
    /// Bound on the bytes of waiting lines.
    static let bytesMax = 1 << 20
    private static var stackBytes: Int { 256 << 10 }
    /// Lines are collected for this long while the log is busy, so that one write takes many.
    private static var gatherMicroseconds: UInt32 { 5_000 }
    private static var closeSeconds: Double { 2 }

    private struct State {
        var pending: [UInt8] = []
        var isWaiting = false
        var isClosed = false
        var droppedCount: UInt64 = 0
    }

    private let descriptor: Int32
    private let bytesMax: Int
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let isDone = DispatchSemaphore(value: 0)

    /// - Parameter descriptor: written to, not owned.
    init(descriptor: Int32, bytesMax: Int = LogSink.bytesMax) {
        self.descriptor = descriptor
        self.bytesMax = bytesMax
        let isStarted = Thread.start(name: "log", stackBytes: Self.stackBytes) { self.drain() }
        precondition(isStarted, "no thread for the log")
    }

    /// Lines for which there was no room, or whose write failed.
    var droppedCount: UInt64 { state.withLock { $0.droppedCount } }

    /// Appends a line with its line end, or drops it.
    func append(_ line: [UInt8]) {
        let mustWake = state.withLock { state in
            guard state.pending.count + line.count <= bytesMax, !state.isClosed else {
                state.droppedCount += 1
                return false
            }
            state.pending.append(contentsOf: line)
            let mustWake = state.isWaiting
            state.isWaiting = false
            return mustWake
        }
        if mustWake { wake.signal() }
    }

    /// Writes the waiting lines and ends the thread; waits at most two seconds.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
        _ = isDone.wait(timeout: .now() + Self.closeSeconds)
    }

    private func drain() {
        var lines: [UInt8] = []
        while true {
            lines.removeAll(keepingCapacity: true)
            let isEnd = state.withLock { state in
                swap(&state.pending, &lines)
                state.isWaiting = lines.isEmpty
                return lines.isEmpty && state.isClosed
            }
            if isEnd { break }
            if lines.isEmpty {
                wake.wait()
                continue
            }
            write(lines)
            usleep(Self.gatherMicroseconds)
        }
        isDone.signal()
    }

    private func write(_ bytes: [UInt8]) {
        var written = 0
        // Safety: the bytes stay while the closure runs.
        let code = unsafe bytes.withUnsafeBytes {
            unsafe StandardStreams.write($0, to: descriptor, from: &written)
        }
        if code == 0 { return }
        let lost = bytes[written...].count { $0 == UInt8(ascii: "\n") }
        state.withLock { $0.droppedCount += UInt64(lost) }
    }
}
