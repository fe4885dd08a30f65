// Responses -> bytes for the socket. Those of one loop iteration are sent at its end, with one send
// per connection. Bytes that the socket has no room for wait in the connection's backlog.
//
//     loop.output    | a's responses | b's | c's |     one send for each at the iteration's end
//     backlog        | rest of a's | later bytes |     sent when the socket has room

internal import struct NIOCore.ByteBuffer

extension Connection {
    enum Closing: UInt8 {
        case none
        /// The sending side is shut down once all is sent; further input is read and dropped.
        case writing
        /// The sending side has been shut down.
        case written
        case whole
    }

    /// With more unsent bytes than the first, no further request of the client is processed until
    /// no more than the second are left.
    private static var unsentBytesMax: Int { 64 * 1024 }
    private static var unsentBytesLow: Int { 32 * 1024 }
    /// The kernel's buffers, counted for a client that does not read.
    private static var socketBytes: Int { 256 * 1024 }
    private static var stalledNanoseconds: UInt64 { 1_000_000_000 }

    // MARK: Appending

    /// Appends what `write` writes; it has room for `byteCountMax` bytes.
    func append(byteCountMax: Int, now: UInt64, _ write: (inout HeadCursor) -> Void) {
        // The connection's bytes in the output must be contiguous.
        if !outputRange.isEmpty, outputRange.upperBound != loop.output.count {
            sendOutput(now: now)
        }
        guard isConnected else { return }
        guard backlog.isEmpty else {
            backlog.append(byteCountMax: byteCountMax, write)
            return noteBacklog()
        }
        let range = loop.output.append(byteCountMax: byteCountMax, write)
        outputRange = (outputRange.isEmpty ? range : outputRange).lowerBound..<range.upperBound
        guard !isToBeSent else { return }
        isToBeSent = true
        loop.sendAtIterationEnd(self, now: now)
    }

    /// Appends a buffer and sends it in place, after the output before it.
    func append(_ buffer: ByteBuffer, now: UInt64) {
        guard isConnected, buffer.readableBytes > 0 else { return }
        guard backlog.isEmpty else {
            backlog.append(buffer)
            return noteBacklog()
        }
        let range = outputRange
        outputRange = 0..<0
        // Safety: nothing is appended to the output while the closure runs.
        let result = unsafe buffer.withUnsafeReadableBytes {
            unsafe system.send(descriptor, loop.output.bytes(range), $0)
        }
        guard case .bytes(let count) = result else { return cut() }
        keepUnsent(range, sent: min(count, range.count))
        var rest = buffer
        rest.moveReaderIndex(forwardBy: max(0, count - range.count))
        if rest.readableBytes > 0 { backlog.append(rest) }
        sent(now: now)
    }

    // MARK: Sending

    /// Sends the connection's bytes in the loop's output.
    func sendOutput(now: UInt64) {
        guard isConnected, !outputRange.isEmpty else { return }
        let range = outputRange
        outputRange = 0..<0
        // Safety: nothing is appended to the output meanwhile.
        guard case .bytes(let count) = unsafe system.send(descriptor, loop.output.bytes(range))
        else { return cut() }
        if count == range.count, closing == .none { return }
        keepUnsent(range, sent: count)
        sent(now: now)
    }

    private func keepUnsent(_ range: Range<Int>, sent: Int) {
        guard sent < range.count else { return }
        backlog.append(
            unsafe ByteBuffer(bytes: loop.output.bytes(range.lowerBound + sent..<range.upperBound)))
    }

    /// The socket has room again.
    func sendBacklog(now: UInt64) {
        guard let count = backlog.send(descriptor, system) else { return cut() }
        outputRate.add(count)
        sent(now: now)
        guard isConnected, isBlocked, backlog.byteCount <= Self.unsentBytesLow else { return }
        isBlocked = false
        callWriteWaiters(true)
        processInbound()
    }

    /// After a send: waits for room for the rest, or continues what had to wait for the end of it.
    private func sent(now: UInt64) {
        if backlog.isEmpty {
            wait(for: interest.subtracting(.write))
            outputRate.stop()
            holdResponses()
            finishClosing()
        } else {
            wait(for: interest.union(.write))
            noteBacklog()
            if !outputRate.isRunning {
                outputRate.start(now: now, state.limits)
                unacknowledgedByteCount = system.unacknowledgedByteCount(descriptor)
                lastTakenTime = now
                setDeadlineTimer()
            }
        }
    }

    /// Measures how much the client has acknowledged. The count of sent bytes says little: the
    /// kernel accepts megabytes at once, and then nothing for a minute if the client is slow.
    func measureOutput(now: UInt64) {
        let count = system.unacknowledgedByteCount(descriptor)
        if count != unacknowledgedByteCount { lastTakenTime = now }
        outputRate.add(unacknowledgedByteCount - count)
        unacknowledgedByteCount = count
    }

    /// Whether a client with unsent responses has acknowledged nothing of them for a while.
    func hasStalled(now: UInt64) -> Bool {
        unacknowledgedNanoseconds(now: now) >= Self.stalledNanoseconds
    }

    func unacknowledgedNanoseconds(now: UInt64) -> UInt64 {
        if backlog.isEmpty { return 0 }
        measureOutput(now: now)
        return now &- lastTakenTime
    }

    /// Counts the unsent bytes, and the kernel's buffers that are full then.
    private func holdResponses() {
        let counted = backlog.isEmpty ? 0 : backlog.heldByteCount + Self.socketBytes
        if counted == responseBytesHeld { return }
        loop.server.memory.add(counted - responseBytesHeld, .answers)
        responseBytesHeld = counted
    }

    private func noteBacklog() {
        holdResponses()
        if backlog.byteCount > Self.unsentBytesMax {
            isBlocked = true
            isGreedy = true
        }
    }

    /// Whether the client reads its responses.
    func hasRoom(now: UInt64) -> Bool {
        if outputRange.count > Self.unsentBytesMax { sendOutput(now: now) }
        return isConnected && !isBlocked
    }

    func callWriteWaiters(_ hasRoom: Bool) {
        guard !writeWaiters.isEmpty else { return }
        let waiters = writeWaiters
        writeWaiters = []
        for waiter in waiters { waiter(hasRoom) }
    }

    func forgetOutput() {
        outputRange = 0..<0
        backlog = OutputBacklog()
        holdResponses()
    }

    // MARK: Closing after the output

    /// Closes the sending side or the whole connection once all is sent.
    func close(_ kind: Closing) {
        guard kind.rawValue > closing.rawValue else { return }
        closing = kind
        if outputRange.isEmpty, backlog.isEmpty { finishClosing() }
    }

    private func finishClosing() {
        switch closing {
        case .none, .written: break
        case .writing:
            closing = .written
            unacknowledgedByteCount = system.unacknowledgedByteCount(descriptor)
            system.shutWriting(descriptor)
        case .whole: cut()
        }
    }
}

/// Bytes that a socket had no room for, in order.
struct OutputBacklog {
    private var buffers: [ByteBuffer] = []
    private var first = 0
    private(set) var byteCount = 0
    /// The capacity of the buffers; each is kept until its last byte is sent.
    private(set) var heldByteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ buffer: ByteBuffer) {
        byteCount += buffer.readableBytes
        heldByteCount += buffer.storageCapacity
        buffers.append(buffer)
    }

    /// Appends what `write` writes; it has room for `byteCountMax` bytes.
    mutating func append(byteCountMax: Int, _ write: (inout HeadCursor) -> Void) {
        var buffer = ByteBuffer()
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCountMax) { memory in
            // Safety: the cursor checks each append against the room.
            var cursor = unsafe HeadCursor(memory)
            write(&cursor)
            return cursor.byteCount
        }
        append(buffer)
    }

    /// Sends until the socket has no more room.
    /// - Returns: how many bytes were sent; nil if it is broken.
    mutating func send(_ descriptor: Int32, _ system: SystemCalls) -> Int? {
        var total = 0
        while first < buffers.count {
            let count = buffers[first].readableBytes
            // Safety: the bytes live while the closure runs.
            let result = unsafe buffers[first].withUnsafeReadableBytes {
                unsafe system.send(descriptor, $0)
            }
            guard case .bytes(let sent) = result else { return nil }
            byteCount -= sent
            total += sent
            if sent < count {
                buffers[first].moveReaderIndex(forwardBy: sent)
                return total
            }
            heldByteCount -= buffers[first].storageCapacity
            buffers[first] = ByteBuffer()
            first += 1
        }
        buffers.removeAll(keepingCapacity: buffers.count <= 16)
        first = 0
        return total
    }
}
