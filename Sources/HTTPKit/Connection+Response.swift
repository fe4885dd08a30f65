// Answers -> bytes on the channel: whole, streamed, and refusals.

internal import struct NIOCore.ByteBuffer

extension Connection {
    /// Content up to this size is copied behind its head; longer content is sent from where it
    /// lies.
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
        let now = LoopClock.now
        let plan = state.startResponse(hasLength: true, isRefusal: isRefusal)
        let contentCount = plan.sendsContent ? response.content.byteCount : 0
        tally.status = response.status.code
        tally.responseByteCount = contentCount
        tally.measures = response.measures
        let copies = contentCount <= Self.copyBytesMax
        let date = loop.date.date(now: now)
        append(
            byteCountMax: ResponseWriter.byteCountMax(response, copiesContent: copies), now: now
        ) { cursor in
            ResponseWriter.write(
                response, plan: plan, date: date, copiesContent: copies && plan.sendsContent,
                to: &cursor)
        }
        if !copies { append(response.content.buffer, now: now) }
        finishAnswer(now: now, wasCancelled: isRefusal)
    }

    private func finishAnswer(now: UInt64, wasCancelled: Bool) {
        guard isConnected else { return }
        _ = state.finishResponse(now: now)
        if state.phase == .lingering { close(isInputClosed ? .whole : .writing) }
        endExchange(wasCancelled: wasCancelled, now: now)
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
        guard isOpen(serial), !state.hasResponseBegun else { return }
        let now = LoopClock.now
        let plan = state.startResponse(hasLength: false)
        tally.status = head.status.code
        let bare = Response(head.status, contentType: head.contentType, fields: head.fields)
        let date = loop.date.date(now: now)
        append(
            byteCountMax: ResponseWriter.byteCountMax(bare, copiesContent: false), now: now
        ) { cursor in
            ResponseWriter.write(
                bare, plan: plan, date: date, copiesContent: false, to: &cursor)
        }
        isStreaming = true
        isChunked = plan.framing == .chunked
        sendsContent = plan.sendsContent
    }

    func writeStream(_ piece: ByteBuffer, then: (@Sendable (Bool) -> Void)?, serial: UInt64) {
        guard isOpen(serial), isStreaming else {
            then?(false)
            return
        }
        let now = LoopClock.now
        if sendsContent, piece.readableBytes > 0 {
            tally.responseByteCount += piece.readableBytes
            writePiece(piece, now: now)
        }
        guard let then else { return }
        if hasRoom(now: now) {
            then(true)
        } else if isConnected {
            writeWaiters.append(then)
        } else {
            then(false)
        }
    }

    private func writePiece(_ piece: ByteBuffer, now: UInt64) {
        let count = piece.readableBytes
        let copies = count <= Self.copyBytesMax
        append(
            byteCountMax: ResponseWriter.chunkSizeByteCountMax + (copies ? count : 0) + 2, now: now
        ) { cursor in
            if isChunked { ResponseWriter.writeChunkSize(count, to: &cursor) }
            if copies { cursor.append(piece) }
            if copies, isChunked { cursor.append("\r\n") }
        }
        if copies { return }
        append(piece, now: now)
        if isChunked { append(byteCountMax: 2, now: now) { $0.append("\r\n") } }
    }

    func finishStream(_ measures: Measures, serial: UInt64) {
        guard isOpen(serial), isStreaming else { return }
        tally.measures = measures
        let now = LoopClock.now
        if isChunked, sendsContent {
            append(byteCountMax: 8, now: now) { $0.append("0\r\n\r\n") }
        }
        finishAnswer(now: now, wasCancelled: false)
    }

    func abort(serial: UInt64) {
        guard isOpen(serial) else { return }
        sendOutput(now: LoopClock.now)
        // Where the end of the connection ends the content, only a reset tells that it broke off.
        if isStreaming, !isChunked { Socket.resetOnClose(descriptor) }
        cut()
    }

    /// Tells a client that waits for it to send its content.
    func sendContinue() {
        guard state.takeContinue() else { return }
        append(byteCountMax: 32, now: LoopClock.now) { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
    }
}
