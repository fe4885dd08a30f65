// The outputs of all inputs -> the inputs of the combining program, which runs on another thread:
//
//     in order: append ... append, end   | bytes | bytes |   next ... next, nil
//
// What is appended consists of JSON texts, each followed by a line feed.

import Glibc
import Transforms

/// A bounded queue of bytes. `@unchecked Sendable`: its variables are guarded by the lock; the
/// blocks that were taken belong to the combining thread.
///
/// Safety: `append` allocates a block's bytes, `giveBack` frees them.
@safe final class OutputQueue: InputBlocks, @unchecked Sendable {
    /// With this many bytes it is full.
    private static let byteCountMax = 1 << 20

    private let lock = Lock()
    private var waiting: ArraySlice<InputBlock> = []
    private var waitingByteCount = 0
    /// Bytes that the combining thread has taken and not given back.
    private var takenByteCount = 0
    private var isReadToEnd = false
    /// What follows the last line feed.
    private var rest: [UInt8] = []
    private var isEmptyYet = true
    private var isEnded = false
    private var isClosed = false
    /// Called by the combining thread when the queue is no longer full.
    private let hasRoomAgain: @Sendable () -> Void
    /// Called by the combining thread after it may have waited: for a block, or for the end.
    var hasWaited: (() -> Void)?

    init(hasRoomAgain: @escaping @Sendable () -> Void = {}) {
        self.hasRoomAgain = hasRoomAgain
    }

    deinit { for block in waiting { unsafe block.bytes.deallocate() } }

    // MARK: The appending side

    var isFull: Bool { lock.locked { isFullNow } }
    private var isFullNow: Bool { waitingByteCount >= Self.byteCountMax && !isClosed }
    /// Bytes of all that is here.
    var byteCount: Int { lock.locked { waitingByteCount + takenByteCount + rest.count } }
    /// Whether nothing waits.
    var isEmpty: Bool { lock.locked { waiting.isEmpty } }
    /// Whether the combining thread has taken all, and knows.
    var wasReadToEnd: Bool { lock.locked { isReadToEnd } }

    /// Appends a copy of the bytes, full or not; they are dropped if nobody takes them. What
    /// follows their last line feed is kept until more come: a block ends between two texts.
    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let last = unsafe bytes.lastIndex(of: 0x0A) else {
            lock.locked { if !isClosed { unsafe rest += bytes } }
            return
        }
        lock.locked {
            if isClosed { return }
            unsafe append(rest, UnsafeRawBufferPointer(rebasing: bytes[...last]))
            unsafe rest = Array(bytes[(last + 1)...])
        }
    }

    /// Appends a block of both, under the lock.
    private func append(_ first: [UInt8], _ second: UnsafeRawBufferPointer) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: first.count + second.count, alignment: 16)
        unsafe bytes.copyBytes(from: first)
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[first.count...]).copyMemory(
            from: second)
        let block = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(bytes), fileName: "<stdin>", isFirst: isEmptyYet)
        isEmptyYet = false
        waiting.append(block)
        waitingByteCount += bytes.count
        lock.wakeAll()
    }

    /// Waits until it is not full.
    func waitForRoom() { lock.locked { while isFullNow { lock.wait() } } }

    /// No more bytes follow.
    func end() {
        lock.locked {
            isEnded = true
            lock.wakeAll()
        }
    }

    /// Nobody takes any more: what waits is dropped.
    func close() {
        lock.locked {
            isClosed = true
            for block in waiting { unsafe block.bytes.deallocate() }
            (waiting, waitingByteCount, rest) = ([], 0, [])
            lock.wakeAll()
        }
    }

    // MARK: The combining thread

    func next() -> InputBlock? {
        var hasRoom = false
        var isNew = true
        let block = lock.locked { () -> InputBlock? in
            while waiting.isEmpty && !isEnded && !isClosed { lock.wait() }
            guard !isClosed, let first = waiting.popFirst() else {
                isNew = !isReadToEnd
                isReadToEnd = !isClosed
                return nil
            }
            hasRoom = isFullNow
            unsafe waitingByteCount -= first.bytes.count
            unsafe takenByteCount += first.bytes.count
            hasRoom = hasRoom && !isFullNow
            lock.wakeAll()
            return first
        }
        if hasRoom { hasRoomAgain() }
        if isNew { hasWaited?() }
        return block
    }

    func giveBack(_ block: InputBlock) {
        lock.locked { unsafe takenByteCount -= block.bytes.count }
        unsafe block.bytes.deallocate()
    }
}
