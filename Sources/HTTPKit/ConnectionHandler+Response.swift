// Answers -> bytes on the channel: whole, streamed, and refusals.

import Glibc
import NIOCore

extension ConnectionHandler {
    /// Content up to this size is copied behind its head, into one buffer; longer content is
    /// written from where it lies, in the same flush.
    private static var copyBytesMax: Int { 64 * 1024 }

    func respond(_ response: borrowing Response, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        send(response, isRefusal: false)
    }

    /// Answers a broken rule, and ends the connection behind it.
    func refuse(_ error: ProtocolError) {
        if state.hasResponseBegun { return cut() }
        let content = loop.server.errorContent(error, state.hasExchange ? request : nil)
        if request.name == nil { request.name = content.name }
        send(
            Response(
                error.status, contentType: content.contentType, fields: content.fields,
                content: .bytes(content.bytes)), isRefusal: true)
    }

    /// Answers an error of the request's meaning, not of its form.
    func answer(_ error: ProtocolError, fields: ResponseFields, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        let content = loop.server.errorContent(error, request)
        var all = content.fields
        all.append(fields)
        send(
            Response(
                error.status, contentType: content.contentType, fields: all,
                content: .bytes(content.bytes)), isRefusal: false)
    }

    private func send(_ response: borrowing Response, isRefusal: Bool) {
        guard let context else { return }
        let now = LoopClock.now
        let plan = state.startResponse(hasLength: true, isRefusal: isRefusal)
        tally.status = response.status.code
        tally.responseByteCount = plan.sendsContent ? response.content.byteCount : 0
        tally.measures = response.measures
        var output = loop.takeOutput()
        let isComplete = ResponseWriter.write(
            response, plan: plan, date: loop.clock.date(now: now),
            copyBytesMax: Self.copyBytesMax, to: &output)
        context.write(wrapOutboundOut(output), promise: nil)
        loop.returnOutput(output)
        if !isComplete { context.write(wrapOutboundOut(response.content.buffer), promise: nil) }
        finishAnswer(now: now, wasCancelled: isRefusal)
    }

    private func finishAnswer(now: UInt64, wasCancelled: Bool) {
        needsFlush = true
        _ = state.finishResponse(now: now)
        endExchange(wasCancelled: wasCancelled, now: now)
        guard !isProcessing else { return }
        flushIfNeeded(now: now)
        processInbound()
    }

    /// Tells of the request that is over, once.
    func observeEnd(wasCut: Bool, now: UInt64) {
        guard let observer = loop.observer, tally.hasBegun || tally.status != 0 else {
            return
        }
        observer.requestEnded(
            RequestRecord(
                loopIndex: loop.index,
                status: tally.status == 0 ? RequestRecord.clientGone : tally.status,
                method: request.method, routeIndex: request.routeIndex, name: request.name,
                startNanoseconds: state.firstByteTime == 0 ? now : state.firstByteTime,
                endNanoseconds: now, requestByteCount: tally.requestByteCount,
                responseByteCount: tally.responseByteCount, isCut: wasCut && isStreaming,
                measures: tally.measures), tally.hasBegun ? request : nil)
        tally = RequestTally()
    }

    // MARK: Streams

    func startStream(_ head: borrowing Response, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun, let context else { return }
        let now = LoopClock.now
        let plan = state.startResponse(hasLength: false)
        tally.status = head.status.code
        var output = loop.takeOutput()
        _ = ResponseWriter.write(
            Response(head.status, contentType: head.contentType, fields: head.fields),
            plan: plan, date: loop.clock.date(now: now), copyBytesMax: 0, to: &output)
        context.write(wrapOutboundOut(output), promise: nil)
        loop.returnOutput(output)
        isStreaming = true
        isChunked = plan.framing == .chunked
        sendsContent = plan.sendsContent
        flushSoon(now: now)
    }

    func writeStream(_ piece: ByteBuffer, then: (@Sendable (Bool) -> Void)?, serial: UInt64) {
        guard isOpen(serial), isStreaming, let context else {
            then?(false)
            return
        }
        if sendsContent, piece.readableBytes > 0 {
            tally.responseByteCount += piece.readableBytes
            writePiece(piece, context)
        }
        flushSoon(now: LoopClock.now)
        guard let then else { return }
        if context.channel.isWritable { then(true) } else { writeWaiters.append(then) }
    }

    private func writePiece(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        guard isChunked else {
            context.write(wrapOutboundOut(piece), promise: nil)
            return
        }
        var output = loop.takeOutput()
        ResponseWriter.writeChunkSize(piece.readableBytes, to: &output)
        if piece.readableBytes <= Self.copyBytesMax {
            output.writeImmutableBuffer(piece)
            output.writeStaticString("\r\n")
            context.write(wrapOutboundOut(output), promise: nil)
        } else {
            context.write(wrapOutboundOut(output), promise: nil)
            context.write(wrapOutboundOut(piece), promise: nil)
            context.write(wrapOutboundOut(ByteBuffer(staticString: "\r\n")), promise: nil)
        }
        loop.returnOutput(output)
    }

    func finishStream(_ measures: Measures, serial: UInt64) {
        guard isOpen(serial), isStreaming, let context else { return }
        tally.measures = measures
        if isChunked, sendsContent {
            context.write(
                wrapOutboundOut(ByteBuffer(staticString: "0\r\n\r\n")), promise: nil)
        }
        finishAnswer(now: LoopClock.now, wasCancelled: false)
    }

    func abort(serial: UInt64) {
        guard isOpen(serial) else { return }
        // Where the end of the connection ends the content, only a reset tells that it broke off.
        if isStreaming, !isChunked, let channel = context?.channel as? any SocketOptionProvider {
            channel.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.cut() }
        } else {
            cut()
        }
    }

    /// Tells a client that waits for it to send its content.
    func sendContinue() {
        guard state.takeContinue(), let context else { return }
        context.write(
            wrapOutboundOut(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")),
            promise: nil)
        needsFlush = true
    }

    private func flushSoon(now: UInt64) {
        needsFlush = true
        guard !isProcessing else { return }
        flushIfNeeded(now: now)
        setAlarm(now: now)
    }
}

extension Response.Content {
    var buffer: ByteBuffer {
        switch self {
        case .none: ByteBuffer()
        case .text(let text): ByteBuffer(staticString: text)
        case .bytes(let bytes): ByteBuffer(bytes: bytes)
        case .buffer(let buffer): buffer
        }
    }
}
