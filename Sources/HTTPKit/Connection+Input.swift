// A socket's bytes -> requests and their content.
//
// Bytes are read into the loop's memory and parsed there. Unconsumed bytes are copied to `inbound`,
// and the head of an open request is copied to the request if it is still needed. Content of known
// length that exceeds one read is read directly into the buffer that collects it.

internal import struct NIOCore.ByteBuffer

extension Connection {
    /// The bound on a content buffer's first reservation, whatever Content-Length promises.
    private static var bodyReserveBytesMax: Int { 1024 * 1024 }
    private static var discardThresholdByteCount: Int { 32 * 1024 }
    /// Room for a head with most contents; bytes read beyond it are copied once more.
    private static var headReadBytesMax: Int { 32 * 1024 }
    /// Bounds on one read of content into the buffer that collects it.
    private static var contentReadBytesMin: Int { 4 * 1024 }
    private static var contentReadBytesMax: Int { 512 * 1024 }
    /// Input memory up to this size is covered by `Connection.byteCount`.
    private static var uncountedBytesMax: Int { 8 * 1024 }
    /// Content up to this size may arrive in one read and is not counted before it is read.
    private static var wholeBytesMax: Int { 16 * 1024 }
    /// Content of unknown length is counted in steps of this size.
    private static var holdStepBytes: Int { 64 * 1024 }

    // MARK: From the socket

    func readable(isBroken: Bool) {
        guard mayRead else {
            // The loop would report the broken socket again and again.
            if isBroken { cut() } else { holdBackReading() }
            return
        }
        if let left = state.knownContentByteCount, left >= Self.contentReadBytesMin,
            receiver == nil, wantsContent, inbound.readableBytes == 0
        {
            return readContent(left)
        }
        let isStreamed = state.phase == .body || state.phase == .discarding
        let memory = unsafe UnsafeMutableRawBufferPointer(
            rebasing: loop.readBuffer.bytes[
                ..<(isStreamed ? ReadBuffer.byteCount : Self.headReadBytesMax)])
        switch unsafe system.receive(descriptor, memory) {
        case .bytes(let count):
            // Safety: `count` bytes were read into the memory; the next read comes after this call.
            unsafe process(UnsafeRawBufferPointer(rebasing: memory[..<count]))
        case .end: inputEnded()
        case .wouldBlock: break
        case .failed: cut()
        }
    }

    /// Reads into the buffer that collects the content.
    private func readContent(_ left: Int) {
        if contentHold == nil, !holdContent(0) { return reject(ProtocolError(.noMemory)) }
        if content.writableBytes < min(left, Self.contentReadBytesMin) {
            content.reserveCapacity(minimumWritableBytes: min(left, max(content.capacity, 4096)))
        }
        let room = min(left, content.writableBytes, Self.contentReadBytesMax)
        var result = Socket.Reading.wouldBlock
        // Safety: the call writes within the room, and returns how many bytes it has written.
        unsafe content.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
            result = unsafe system.receive(
                descriptor, UnsafeMutableRawBufferPointer(rebasing: memory[..<room]))
            if case .bytes(let count) = result { return count }
            return 0
        }
        switch result {
        case .bytes(let count):
            let now = loop.eventLoop.now
            tally.requestByteCount += count
            state.contentRead(byteCount: count, now: now)
            guard state.isContentComplete else { return setDeadlineTimer() }
            unsafe process(UnsafeRawBufferPointer(start: nil, count: 0))
        case .end: inputEnded()
        case .wouldBlock: break
        case .failed: cut()
        }
    }

    /// Whether to read more bytes: not while there is enough that cannot be processed yet.
    private var mayRead: Bool {
        if isInputClosed || isDeferred || isContentPaused && state.phase == .body { return false }
        switch state.phase {
        case .planning, .waiting, .idle, .head:
            // Where memory is short, pipelined requests stay in the socket.
            let isShort = loop.server.memory.isOver && inbound.readableBytes > 0
            let bound = isShort ? 0 : loop.server.limits.pipelinedBytesMax
            return state.phase == .head || inbound.readableBytes <= bound
        case .body, .discarding, .lingering, .closed:
            return true
        }
    }

    private func holdBackReading() {
        wait(for: interest.subtracting(.read))
    }

    private func resumeReading() {
        guard !interest.contains(.read), mayRead else { return }
        wait(for: interest.union(.read))
    }

    /// Counts the memory that the connection holds for input other than content.
    func holdInput() {
        let byteCount = inbound.capacity + request.keptByteCount
        let counted = byteCount > Self.uncountedBytesMax ? byteCount : 0
        if counted == inputBytesHeld { return }
        loop.server.memory.add(counted - inputBytesHeld, .connections)
        inputBytesHeld = counted
    }

    // MARK: Bytes

    /// Processes the unconsumed bytes.
    func processInbound() {
        guard isConnected, !isProcessing, !isDeferred else { return }
        let now = loop.eventLoop.now
        // Content may have ended while it was paused; then its end is still to be reported.
        if inbound.readableBytes > 0 || state.phase == .body && state.isContentComplete {
            var buffer = ByteBuffer()
            swap(&buffer, &inbound)
            // Safety: the buffer lives while the closure runs.
            let count = unsafe buffer.withUnsafeReadableBytes { unsafe consume($0, now: now) }
            buffer.moveReaderIndex(forwardBy: count)
            if isConnected, buffer.readableBytes > 0 { inbound = buffer }
        }
        processed()
    }

    /// - Parameter bytes: may be overwritten after the call.
    private func process(_ bytes: UnsafeRawBufferPointer) {
        if inbound.readableBytes > 0 {
            // A buffer that is never quite empty would grow without bound.
            if inbound.readerIndex >= Self.discardThresholdByteCount { inbound.discardReadBytes() }
            unsafe inbound.writeBytes(bytes)
            return processInbound()
        }
        let now = loop.eventLoop.now
        let count = unsafe consume(bytes, now: now)
        if isConnected, count < bytes.count {
            unsafe inbound.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[count...]))
        }
        processed()
    }

    private func processed() {
        guard isConnected else { return }
        if inbound.capacity > 0 || inputBytesHeld > 0 { holdInput() }
        if isGreedy, inbound.readableBytes == 0, !isDeferred, !isBlocked { isGreedy = false }
        if state.phase == .head, inputBytesHeld > 0, loop.server.memory.isOver {
            reject(ProtocolError(.noMemory))
        }
        resumeReading()
        closeAfterInput()
        setDeadlineTimer()
    }

    /// Processes as many bytes as possible.
    /// - Returns: how many were consumed.
    private func consume(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> Int {
        var offset = 0
        var requestCount = 0
        /// Content that arrived in one read.
        var whole: UnsafeRawBufferPointer?
        isProcessing = true
        let now = loop.sendOverdue(now: now)
        loop: while isConnected {
            if state.phase == .body, isContentPaused { break }
            if state.phase == .idle {
                if offset == bytes.count { break }
                // A client that sends requests but does not read responses is not served further.
                if !hasRoom(now: now) { break }
                if requestCount > 0, mustYield(requestCount, since: now) { break }
                requestCount += 1
            }
            // Safety: the state reads the bytes only inside this call.
            let step = state.next(
                unsafe BorrowedBytes(UnsafeRawBufferPointer(rebasing: bytes[offset...])),
                into: &request.head, now: now, memo: loop.heads)
            let start = offset
            offset += step.consumed
            switch step.action {
            case .wait:
                if state.phase == .body, wantsContent { sendContinue() }
                break loop
            case .again: break
            case .head:
                // Safety: `keepHead` copies them before they are overwritten.
                unsafe request.begin(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<offset]),
                    firstByteNanoseconds: state.firstByteTime, isRepeated: state.isHeadRepeated)
                serial &+= 1
                if let observer = loop.observer {
                    tally.hasBegun = true
                    observer.requestBegan()
                }
                planBody(now: now)
            case .content(let skipped, _):
                // Safety: bytes that are not copied are used only inside this call.
                let piece = unsafe UnsafeRawBufferPointer(
                    rebasing: bytes[start + skipped..<offset])
                tally.requestByteCount += piece.count
                if state.isContentComplete, receiver == nil, content.readableBytes == 0 {
                    unsafe whole = piece
                } else {
                    unsafe take(piece)
                }
            case .end:
                unsafe contentEnded(whole, now: now)
                unsafe whole = nil
            case .reject(let error):
                offset = bytes.count
                reject(error)
            case .linger: close(.writing)
            case .close:
                cut()
            }
        }
        isProcessing = false
        if state.hasExchange { request.keepHead() }
        return offset
    }

    /// Whether other connections come before this connection's next request.
    private func mustYield(_ requestCount: Int, since start: UInt64) -> Bool {
        let limits = loop.server.limits
        guard
            requestCount >= limits.iterationRequestCountMax
                || loop.eventLoop.now &- start >= limits.iterationNanosecondsMax
        else { return false }
        isDeferred = true
        isGreedy = true
        loop.eventLoop.continueNextIteration(self)
        return true
    }

    // MARK: Content

    private func planBody(now: UInt64) {
        let exchange = Exchange(connection: self, serial: serial)
        let plan = loop.handler.receive(request, exchange)
        guard state.phase == .planning else { return }
        let bytesMax: Int
        wantsContent = true
        switch plan {
        case .collect(let bound):
            bytesMax = bound ?? loop.server.limits.bodyBytesMax
        case .gather(let gatherer, let bound):
            self.gatherer = gatherer
            bytesMax = bound
        case .stream(let receiver, let bound):
            self.receiver = receiver
            bytesMax = bound
        case .drop:
            wantsContent = false
            receiver = DiscardingReceiver.shared
            bytesMax = loop.server.limits.discardBytesMax
        }
        // A ByteBuffer holds less than 4 GiB.
        let isCollected = receiver == nil
        do {
            try state.startBody(
                bytesMax: isCollected ? min(bytesMax, Int(Int32.max)) : bytesMax, now: now)
        } catch {
            reject(error)
            return
        }
        guard isCollected, let byteCount = request.contentLength, byteCount > Self.wholeBytesMax,
            state.phase == .body, !holdContent(0)
        else { return }
        reject(ProtocolError(.noMemory))
    }

    /// Collects a piece, or passes it to the receiver. Awaited content may be here without
    /// `100 Continue`.
    private func take(_ piece: UnsafeRawBufferPointer) {
        if let receiver {
            return receiver.receive(
                unsafe ByteBuffer(bytes: piece), Exchange(connection: self, serial: serial))
        }
        guard holdContent(content.readableBytes + piece.count) else {
            return reject(ProtocolError(.noMemory))
        }
        if content.capacity == 0 {
            let bound = min(request.contentLength ?? 0, Self.bodyReserveBytesMax)
            content.reserveCapacity(max(bound, piece.count * 2))
        }
        unsafe content.writeBytes(piece)
    }

    /// Counts the memory for collected content: all of it if its length is known, so that content
    /// whose reading has begun can be read to its end.
    /// - Returns: false if there is no room.
    private func holdContent(_ byteCount: Int) -> Bool {
        let needed = max(
            request.contentLength ?? 0,
            (byteCount + Self.holdStepBytes - 1) / Self.holdStepBytes * Self.holdStepBytes)
        guard let hold = contentHold else {
            contentHold = MemoryHold(
                loop.server.memory, request.contentLength ?? needed, .bodies)
            return contentHold != nil
        }
        return hold.byteCount >= byteCount || hold.resize(to: needed)
    }

    /// - Parameter whole: all the content, if one read brought it; else it was collected.
    private func contentEnded(_ whole: UnsafeRawBufferPointer?, now: UInt64) {
        request.contentReadNanoseconds = now
        let exchange = Exchange(connection: self, serial: serial)
        if let receiver { return receiver.finish(exchange) }
        var collected = ByteBuffer()
        swap(&collected, &content)
        // Safety: it lives no longer than the bytes, which stay valid while the caller processes
        // them.
        let content =
            if let whole = unsafe whole {
                unsafe RequestContent(borrowed: whole)
            } else {
                RequestContent(collected, contentHold.take())
            }
        if let gatherer {
            let hold = content.hold
            return gatherer.finish(content.buffer(), hold, exchange)
        }
        loop.handler.handle(request, content: content, exchange)
    }

    func pauseContent(serial: UInt64) {
        guard isOpen(serial) else { return }
        isContentPaused = true
        state.pauseBody()
    }

    func resumeContent(serial: UInt64) {
        guard isOpen(serial), isContentPaused else { return }
        isContentPaused = false
        state.resumeBody(now: loop.eventLoop.now)
        processInbound()
    }
}

/// Discards content that is not wanted.
private final class DiscardingReceiver: BodyReceiver, Sendable {
    static let shared = DiscardingReceiver()

    func receive(_ piece: ByteBuffer, _ exchange: Exchange) {}
    func finish(_ exchange: Exchange) {}
}
