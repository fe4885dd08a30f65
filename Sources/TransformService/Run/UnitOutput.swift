// A unit's outputs and messages -> their destinations, after those of earlier units: kept until
// then, unless they are many.
//
// Safety: bytes are used only while they are taken.

import Glibc

final class UnitOutput {
    private let run: ParallelRun
    private let destination: RunDestination
    /// The number of the unit.
    var index = 0
    private var messages: [UInt8] = []
    static let keptBytesMax = 1 << 20

    init(_ run: ParallelRun, _ destination: RunDestination) {
        self.run = run
        self.destination = destination
    }

    /// Takes outputs; false where they are to be kept.
    func drain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard mayWrite(bytes.count) else { return false }
        // What is not to be written is dropped.
        if run.isCurrent(index) { unsafe destination.drain(bytes) }
        return true
    }

    /// Takes bytes for the standard error.
    func takeMessage(_ bytes: UnsafeRawBufferPointer) {
        unsafe messages += bytes
        if mayWrite(messages.count) { writeMessages() }
    }

    func writeMessages() {
        if run.isCurrent(index) {
            unsafe messages.withUnsafeBytes { bytes in
                _ = unsafe StandardStreams.write(bytes, to: STDERR_FILENO)
            }
        }
        messages = []
    }

    /// Whether bytes are not to be kept any longer. Waits where they are many.
    private func mayWrite(_ byteCount: Int) -> Bool {
        if run.isCurrent(index) { return true }
        if byteCount <= UnitOutput.keptBytesMax { return false }
        _ = run.waitUntilCurrent(index)
        return true
    }
}
