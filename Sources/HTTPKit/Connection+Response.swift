// Responses -> bytes for the socket: whole, streamed, and rejections.

internal import struct NIOCore.ByteBuffer

extension Connection {
    /// Content up to this size is copied after its head; longer content is sent in place.
    private static var copyBytesMax: Int { 64 * 1024 }

    func respond(_ response: borrowing Response, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        send(response, isRejection: false)
    }

    /// Responds to a protocol error, and closes the connection afterwards.
    func reject(_ error: ProtocolError) {
        if state.hasResponseBegun { return cut() }
        let content = loop.server.errorContent(error, state.hasExchange ? request : nil)
        if request.name == nil { request.name = content.name }
        send(
            Response(
                error.status, contentType: content.contentType, fields: content.fields,
                content: .bytes(content.bytes)), isRejection: true)
    }

    /// Responds to an error in what the request asks for, not in its form.
    func respond(to error: ProtocolError, fields: ResponseFields, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        let content = loop.server.errorContent(error, request)
        var all = content.fields
        all.append(fields)
        send(
            Response(
                error.status, contentType: content.contentType, fields: all,
                content: .bytes(content.bytes)), isRejection: false)
    }

    private func send(_ response: borrowing Response, isRejection: Bool) {
        let now = loop.eventLoop.now
        let plan = state.startResponse(hasLength: true, isRejection: isRejection)
        let count = response.content.byteCount
        let copies = plan.sendsContent && count <= Self.copyBytesMax
        tally.status = response.status.code
        tally.responseByteCount = plan.sendsContent ? count : 0
        tally.measures = response.measures
        let lines = response.fields.lines
        let content = response.content
        appendHead(
            response.status, response.contentType, contentByteCount: count, plan: plan, now: now,
            fieldsByteCountMax: lines.readableBytes, copiedByteCount: copies ? count : 0
        ) {
            $0.append(lines)
        } content: {
            if copies { ResponseWriter.write(content, to: &$0) }
        }
        if plan.sendsContent, !copies { append(content.buffer, now: now) }
        completeResponse(now: now, wasCancelled: isRejection)
    }

    /// Responds with content that is copied, and fields that are written in place.
    func respond(
        _ response: borrowing DirectResponse, content: UnsafeRawBufferPointer, serial: UInt64,
        fields: (inout HeadCursor) -> Void
    ) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        let now = response.now
        let plan = state.startResponse(hasLength: true)
        let copies = plan.sendsContent && content.count <= Self.copyBytesMax
        tally.status = response.status.code
        tally.responseByteCount = plan.sendsContent ? content.count : 0
        tally.measures = response.measures
        appendHead(
            response.status, response.contentType, contentByteCount: content.count, plan: plan,
            now: now, fieldsByteCountMax: response.fieldsByteCountMax,
            copiedByteCount: copies ? content.count : 0, fields: fields
        ) {
            if copies { unsafe $0.append(content) }
        }
        // Safety: the content is copied at once.
        if plan.sendsContent, !copies { append(unsafe ByteBuffer(bytes: content), now: now) }
        completeResponse(now: now, wasCancelled: false)
    }

    private func appendHead(
        _ status: Status, _ contentType: StaticString?, contentByteCount: Int,
        plan: ConnectionState.ResponsePlan, now: UInt64, fieldsByteCountMax: Int,
        copiedByteCount: Int = 0, fields: (inout HeadCursor) -> Void,
        content: (inout HeadCursor) -> Void = { _ in }
    ) {
        let loop = loop
        loop.date.update(now: now)
        append(
            byteCountMax: ResponseWriter.byteCountMax(contentType: contentType)
                + fieldsByteCountMax + copiedByteCount, now: now
        ) { cursor in
            ResponseWriter.write(
                status, contentType: contentType, contentByteCount: contentByteCount, plan: plan,
                date: loop.date, to: &cursor, fields)
            content(&cursor)
        }
    }

    private func completeResponse(now: UInt64, wasCancelled: Bool) {
        guard isConnected else { return }
        _ = state.finishResponse(now: now)
        if state.phase == .lingering { close(isInputClosed ? .whole : .writing) }
        endExchange(wasCancelled: wasCancelled, now: now)
        processInbound()
    }

    /// Reports a request that has ended, once.
    func observeEnd(wasCut: Bool, now: UInt64) {
        guard let observer = loop.observer, tally.hasBegun || tally.status != 0 else {
            return
        }
        observer.requestEnded(
            RequestRecord(
                loopIndex: loop.index,
                status: tally.status == 0 ? RequestRecord.clientGone : tally.status,
                method: request.method, routeIndex: tally.hasBegun ? request.routeIndex : nil,
                name: request.name,
                startNanoseconds: state.firstByteTime == 0 ? now : state.firstByteTime,
                endNanoseconds: now, requestByteCount: tally.requestByteCount,
                responseByteCount: tally.responseByteCount, isCut: wasCut && isStreaming,
                measures: tally.measures), tally.hasBegun ? request : nil)
        tally = RequestTally()
    }

    // MARK: Streams

    func startStream(_ head: borrowing Response, contentByteCount: Int?, serial: UInt64) {
        guard isOpen(serial), !state.hasResponseBegun else { return }
        let now = loop.eventLoop.now
        let plan = state.startResponse(hasLength: contentByteCount != nil)
        tally.status = head.status.code
        let lines = head.fields.lines
        appendHead(
            head.status, head.contentType, contentByteCount: contentByteCount ?? 0, plan: plan,
            now: now,
            fieldsByteCountMax: lines.readableBytes
        ) { $0.append(lines) }
        isStreaming = true
        isChunked = plan.framing == .chunked
        sendsContent = plan.sendsContent
    }

    func writeStream(_ piece: ByteBuffer, then: (@Sendable (Bool) -> Void)?, serial: UInt64) {
        guard isOpen(serial), isStreaming else {
            then?(false)
            return
        }
        let now = loop.eventLoop.now
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
        let now = loop.eventLoop.now
        if isChunked, sendsContent {
            append(byteCountMax: 8, now: now) { $0.append("0\r\n\r\n") }
        }
        completeResponse(now: now, wasCancelled: false)
    }

    func abort(serial: UInt64) {
        guard isOpen(serial) else { return }
        sendOutput(now: loop.eventLoop.now)
        cut()
    }

    /// Sends `100 Continue` to a client that waits for it.
    func sendContinue() {
        guard state.takeContinue() else { return }
        append(byteCountMax: 32, now: loop.eventLoop.now) {
            $0.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
    }
}
