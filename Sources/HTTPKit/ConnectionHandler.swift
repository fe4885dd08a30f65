// A channel's bytes and events -> ConnectionState's, and its actions -> calls of the handler.
//
// The one ChannelHandler of a connection. All of it runs on the channel's event loop. What it
// answers with stands in ConnectionHandler+Response.swift.

import NIOCore

/// Only its event loop touches its variables; other threads pass it along and hop to that loop
/// (`Exchange` does): that is why it may be Sendable.
final class ConnectionHandler: ChannelDuplexHandler, NIOScheduledCallbackHandler,
    @unchecked Sendable
{
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A body's buffer starts no larger than this, whatever Content-Length promises.
    private static var bodyReserveBytesMax: Int { 1024 * 1024 }

    private static var discardThresholdByteCount: Int { 32 * 1024 }

    let loop: LoopContext
    let eventLoop: any EventLoop
    let request = Request()
    var state: ConnectionState
    var context: ChannelHandlerContext?
    var indexInLoop = -1
    /// Counts requests, so that an `Exchange` of an earlier one is recognised.
    var serial: UInt64 = 0
    var isStreaming = false
    var isChunked = false
    var sendsContent = true
    var needsFlush = false
    /// As the channel said last.
    var isWritable = true
    var cancelAction: (@Sendable () -> Void)?
    var writeWaiters: [@Sendable (Bool) -> Void] = []
    /// Unread bytes: a part of a head, or requests after the one in work.
    var inbound = ByteBuffer()
    var isProcessing = false
    var tally = RequestTally()

    private let isOverloaded: Bool
    private var content = ByteBuffer()
    private var receiver: (any BodyReceiver)?
    private var wantsContent = false
    private var isContentPaused = false
    private var isReadHeldBack = false
    private var isInputClosed = false
    /// When the scheduled callback comes.
    private var alarmTime = ConnectionState.never
    private var alarm: NIOScheduledCallback?
    private var writeCheckTime = ConnectionState.never
    private var writeCheckByteCount = 0

    init(_ loop: LoopContext, isOverloaded: Bool) {
        self.loop = loop
        self.isOverloaded = isOverloaded
        eventLoop = loop.eventLoop
        state = ConnectionState(limits: loop.server.limits, now: LoopClock.now)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) { begin() }

    private func begin() {
        let now = LoopClock.now
        if loop.isDraining { state.drain(now: now) }
        if isOverloaded { refuse(ProtocolError(.tooManyConnections)) }
        setAlarm(now: now)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if inbound.readableBytes > 0 {
            // A buffer that is never quite empty would grow at its end for ever.
            if inbound.readerIndex >= Self.discardThresholdByteCount { inbound.discardReadBytes() }
            inbound.writeBuffer(&buffer)
            processInbound()
        } else {
            process(buffer)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.close()
        endExchange(wasCancelled: true, now: LoopClock.now)
        inbound = ByteBuffer()
        loop.remove(self)
        self.context = nil
        // A callback still scheduled would keep this connection's memory until it comes.
        alarm?.cancel()
        alarm = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { cut() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return }
        // Only where half-closing is allowed: the request in work, if whole, is still answered.
        isInputClosed = true
        closeAfterInput()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard isWritable else { return }
        callWriteWaiters(true)
        if !isProcessing { processInbound() }
    }

    /// The channel asks to read: held back while enough is here that nobody can take yet.
    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadHeldBack = true }
    }

    private var mayRead: Bool {
        if isContentPaused && state.phase == .body { return false }
        switch state.phase {
        case .planning, .waiting, .idle, .head:
            let bound = state.phase == .head ? Int.max : loop.server.limits.pipelinedBytesMax
            return inbound.readableBytes <= bound
        case .body, .discarding, .lingering, .closed:
            return true
        }
    }

    private func releaseRead() {
        guard isReadHeldBack, mayRead else { return }
        isReadHeldBack = false
        context?.read()
    }

    // MARK: Bytes

    func processInbound() {
        var buffer = ByteBuffer()
        swap(&buffer, &inbound)
        process(buffer)
        releaseRead()
    }

    /// Works through `bytes` as far as possible; the rest becomes `inbound`.
    private func process(_ bytes: consuming ByteBuffer) {
        let now = LoopClock.now
        var buffer = bytes
        isProcessing = true
        loop.flushOverdue(now: now)
        loop: while context != nil {
            if state.phase == .body, isContentPaused { break }
            if state.phase == .idle {
                if buffer.readableBytes == 0 { break }
                // A client that sends requests but does not read answers waits for itself.
                if !isWritable { flushIfNeeded(now: now) }
                if !isWritable { break }
            }
            // Safety: the state looks at the bytes inside this call only.
            let step = unsafe buffer.withUnsafeReadableBytes { memory in
                let bytes = unsafe Bytes(memory)
                return state.next(bytes, into: &request.head, now: now)
            }
            switch step.action {
            case .wait:
                buffer.moveReaderIndex(forwardBy: step.consumed)
                if state.phase == .body, wantsContent { sendContinue() }
                break loop
            case .again:
                buffer.moveReaderIndex(forwardBy: step.consumed)
            case .head:
                guard let bytes = buffer.readSlice(length: step.consumed) else { break loop }
                request.begin(bytes: bytes, firstByteNanoseconds: state.firstByteTime)
                serial &+= 1
                if let observer = loop.observer {
                    tally.hasBegun = true
                    observer.requestBegan()
                }
                planBody(now: now)
            case .content(let offset, let byteCount):
                buffer.moveReaderIndex(forwardBy: offset)
                guard let piece = buffer.readSlice(length: byteCount) else { break loop }
                take(piece)
            case .end:
                buffer.moveReaderIndex(forwardBy: step.consumed)
                contentEnded(now: now)
            case .refuse(let error):
                buffer.clear()
                refuse(error)
            case .close:
                buffer.clear()
                cut()
            }
        }
        // What the flush sets off may come back here: the rest must be in its place.
        if buffer.readableBytes > 0 { inbound = buffer }
        isProcessing = false
        if needsFlush, state.phase == .idle, !isInputClosed {
            loop.flushAtTurnEnd(self, now: now)
        } else {
            flushIfNeeded(now: now)
            closeAfterInput()
        }
        setAlarm(now: now)
    }

    func turnEnded(now: UInt64) {
        flushIfNeeded(now: now)
        setAlarm(now: now)
    }

    private func planBody(now: UInt64) {
        let exchange = Exchange(connection: self, serial: serial)
        let plan = loop.server.handler.receive(request, exchange)
        guard state.phase == .planning else { return }
        let bytesMax: Int
        wantsContent = true
        switch plan {
        case .collect(let bound):
            // A ByteBuffer holds less than 4 GiB.
            bytesMax = min(bound ?? loop.server.limits.bodyBytesMax, Int(Int32.max))
        case .stream(let receiver, let bound):
            self.receiver = receiver
            bytesMax = bound
        case .drop:
            wantsContent = false
            receiver = Dropper.shared
            bytesMax = loop.server.limits.discardBytesMax
        }
        do {
            try state.startBody(bytesMax: bytesMax, now: now)
        } catch {
            refuse(error)
        }
    }

    /// Collects a piece, or hands it on. Awaited content may lie here without `100 Continue`.
    private func take(_ piece: ByteBuffer) {
        tally.requestByteCount += piece.readableBytes
        if let receiver {
            receiver.receive(piece, Exchange(connection: self, serial: serial))
            return
        }
        var piece = piece
        if content.readableBytes == 0 {
            if state.isContentComplete {
                content = piece
                return
            }
            let bound = min(request.contentLength ?? 0, Self.bodyReserveBytesMax)
            content = ByteBufferAllocator().buffer(capacity: max(bound, piece.readableBytes * 2))
        }
        content.writeBuffer(&piece)
    }

    private func contentEnded(now: UInt64) {
        request.contentReadNanoseconds = now
        let exchange = Exchange(connection: self, serial: serial)
        if let receiver {
            receiver.finish(exchange)
        } else {
            var whole = ByteBuffer()
            swap(&whole, &content)
            loop.server.handler.handle(request, content: whole, exchange)
        }
    }

    func pauseContent(serial: UInt64) {
        guard isOpen(serial) else { return }
        isContentPaused = true
        state.pauseBody()
    }

    func resumeContent(serial: UInt64) {
        guard isOpen(serial), isContentPaused else { return }
        isContentPaused = false
        state.resumeBody(now: LoopClock.now)
        if !isProcessing { processInbound() }
    }

    // MARK: The end of an exchange and of the connection

    func isOpen(_ serial: UInt64) -> Bool {
        serial == self.serial && state.hasExchange
    }

    func setCancelAction(_ action: @escaping @Sendable () -> Void, serial: UInt64) {
        if isOpen(serial) { cancelAction = action } else { action() }
    }

    /// Forgets the exchange. Late calls through its `Exchange` find another state or serial.
    func endExchange(wasCancelled: Bool, now: UInt64) {
        let action = cancelAction
        cancelAction = nil
        receiver = nil
        isContentPaused = false
        if content.readableBytes > 0 { content = ByteBuffer() }
        observeEnd(wasCut: wasCancelled, now: now)
        isStreaming = false
        request.end()
        callWriteWaiters(!wasCancelled)
        if wasCancelled { action?() }
    }

    func callWriteWaiters(_ hasRoom: Bool) {
        guard !writeWaiters.isEmpty else { return }
        let waiters = writeWaiters
        writeWaiters = []
        for waiter in waiters { waiter(hasRoom) }
    }

    func drain(now: UInt64) {
        state.drain(now: now)
        setAlarm(now: now)
    }

    /// Closes now, unless a first request or the rest of a head is to be expected, which
    /// `state` gives a short time.
    func closeIfIdle(now: UInt64) {
        state.hurry(now: now)
        setAlarm(now: now)
        if state.isBetweenRequests { closeWhenWritten() }
    }

    func cut() { context?.close(promise: nil) }

    /// Closes behind the bytes that are still to be sent.
    private func closeWhenWritten() {
        guard let context else { return }
        guard unsentByteCount(context) > 0 else { return cut() }
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { [weak self] _ in self?.cut() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func closeAfterInput() {
        guard isInputClosed else { return }
        if state.phase == .head || state.phase == .body { cut() }
        if state.phase == .idle { closeWhenWritten() }
    }

    // MARK: Times

    func flushIfNeeded(now: UInt64) {
        guard needsFlush, let context else { return }
        needsFlush = false
        context.flush()
        if writeCheckTime == ConnectionState.never {
            writeCheckTime = now &+ loop.server.limits.writeStallNanoseconds
            writeCheckByteCount = .max
        }
        guard state.phase == .lingering else { return }
        // The sending side is shut behind the last answer; what still comes is read over. With
        // both sides shut the channel would drop what is unsent.
        if isInputClosed { closeWhenWritten() } else { context.close(mode: .output, promise: nil) }
    }

    /// Sees to it that a callback comes no later than the next deadline. A callback that comes
    /// too early sets the next one, so the deadlines of a busy connection cost nothing.
    func setAlarm(now: UInt64) {
        let next = min(state.deadline, writeCheckTime)
        guard next < alarmTime, context != nil else { return }
        alarmTime = next
        alarm?.cancel()
        alarm = try? eventLoop.scheduleCallback(
            at: NIODeadline.uptimeNanoseconds(max(next, now)), handler: self)
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        alarmTime = ConnectionState.never
        alarm = nil
        guard let context else { return }
        let now = LoopClock.now
        let unsent = unsentByteCount(context)
        if now >= writeCheckTime {
            if unsent >= writeCheckByteCount { return cut() }
            writeCheckByteCount = unsent
            writeCheckTime =
                unsent == 0
                ? ConnectionState.never : now &+ loop.server.limits.writeStallNanoseconds
        }
        if unsent > 0 { state.waitForWrites(now: now) }
        switch state.timeOut(now: now) {
        case .refuse(let error):
            refuse(error)
            flushIfNeeded(now: now)
        case .close: cut()
        default: break
        }
        setAlarm(now: now)
    }

    private func unsentByteCount(_ context: ChannelHandlerContext) -> Int {
        let options = context.channel.syncOptions
        return (try? options?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
    }
}

/// Takes content that nobody wants.
private final class Dropper: BodyReceiver, Sendable {
    static let shared = Dropper()

    func receive(_ piece: ByteBuffer, _ exchange: Exchange) {}
    func finish(_ exchange: Exchange) {}
}
