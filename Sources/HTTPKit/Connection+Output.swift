// Bytes of answers -> the socket: those of a turn at its end, in one piece with each connection's.
// What the socket has no room for waits in a backlog of the connection's own.
//
//     loop.output    | a's answers | b's | c's |        one send for each at the turn's end
//     backlog        | rest of a's | then what comes |  sent when the socket has room

internal import struct NIOCore.ByteBuffer

extension Connection {
    enum Closing: UInt8 {
        case none
        /// The sending side is shut; what still comes is read over.
        case writing
        /// The sending side was shut.
        case written
        case whole
    }

    /// With more than this unsent the client is to read before more is done for it, until less
    /// than the second is left.
    private static var unsentBytesMax: Int { 64 * 1024 }
    private static var unsentBytesLow: Int { 32 * 1024 }

    // MARK: Appending

    /// Appends what `write` writes, which is given room for `byteCountMax` bytes.
    func append(byteCountMax: Int, now: UInt64, _ write: (inout HeadCursor) -> Void) {
        // What stands in the output must stay in one piece.
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
        loop.sendAtTurnEnd(self, now: now)
    }

    /// Appends a buffer and sends it, with what stands before it, from where it lies.
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
        keepUnsent(range, sent: min(count, range.count), now: now)
        var rest = buffer
        rest.moveReaderIndex(forwardBy: max(0, count - range.count))
        if rest.readableBytes > 0 { backlog.append(rest) }
        sent(now: now)
    }

    // MARK: Sending

    /// Sends what stands in the loop's output.
    func sendOutput(now: UInt64) {
        guard isConnected, !outputRange.isEmpty else { return }
        let range = outputRange
        outputRange = 0..<0
        // Safety: nothing is appended to the output meanwhile.
        guard case .bytes(let count) = unsafe system.send(descriptor, loop.output.bytes(range))
        else { return cut() }
        if count == range.count, closing == .none { return }
        keepUnsent(range, sent: count, now: now)
        sent(now: now)
    }

    private func keepUnsent(_ range: Range<Int>, sent: Int, now: UInt64) {
        guard sent < range.count else { return }
        backlog.append(
            unsafe ByteBuffer(bytes: loop.output.bytes(range.lowerBound + sent..<range.upperBound)))
    }

    /// The socket has room again.
    func sendBacklog(now: UInt64) {
        guard backlog.send(descriptor, system) else { return cut() }
        sent(now: now)
        guard isConnected, isBlocked, backlog.byteCount <= Self.unsentBytesLow else { return }
        isBlocked = false
        callWriteWaiters(true)
        processInbound()
    }

    /// Something was sent: waits for room for the rest, or does what was to be done behind it.
    private func sent(now: UInt64) {
        let loop = loop.eventLoop
        if backlog.isEmpty {
            _ = loop.setInterest(self, interest.subtracting(.write))
            writeCheckTime = ConnectionState.never
            finishClosing()
        } else {
            _ = loop.setInterest(self, interest.union(.write))
            noteBacklog()
            if writeCheckTime == ConnectionState.never {
                writeCheckTime = now &+ state.limits.writeStallNanoseconds
                writeCheckByteCount = backlog.sentByteCount
                setAlarm(now: now)
            }
        }
    }

    private func noteBacklog() {
        if backlog.byteCount > Self.unsentBytesMax { isBlocked = true }
    }

    /// Whether the client has read nothing since it was last asked.
    func isStalled(now: UInt64) -> Bool {
        if backlog.sentByteCount == writeCheckByteCount { return true }
        writeCheckByteCount = backlog.sentByteCount
        writeCheckTime = now &+ state.limits.writeStallNanoseconds
        return false
    }

    /// Whether the client reads what it is sent.
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
    }

    // MARK: Closing behind it

    /// Closes the sending side or the whole when all is sent.
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
            system.shutWriting(descriptor)
        case .whole: cut()
        }
    }
}

/// What a socket had no room for, in order.
struct OutputBacklog {
    private var buffers: [ByteBuffer] = []
    private var first = 0
    private(set) var byteCount = 0
    /// Of the whole backlog, since it was made.
    private(set) var sentByteCount: UInt64 = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ buffer: ByteBuffer) {
        byteCount += buffer.readableBytes
        buffers.append(buffer)
    }

    /// Appends what `write` writes, which is given room for `byteCountMax` bytes.
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
    /// - Returns: false if it is broken.
    mutating func send(_ descriptor: Int32, _ system: SystemCalls) -> Bool {
        while first < buffers.count {
            let count = buffers[first].readableBytes
            // Safety: the bytes stay while the closure runs.
            let result = unsafe buffers[first].withUnsafeReadableBytes {
                unsafe system.send(descriptor, $0)
            }
            guard case .bytes(let sent) = result else { return false }
            byteCount -= sent
            sentByteCount &+= UInt64(sent)
            if sent < count {
                buffers[first].moveReaderIndex(forwardBy: sent)
                return true
            }
            buffers[first] = ByteBuffer()
            first += 1
        }
        buffers.removeAll(keepingCapacity: buffers.count <= 16)
        first = 0
        return true
    }
}
