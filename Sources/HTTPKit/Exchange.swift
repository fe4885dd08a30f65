// A handle on one request and its answer, for handlers and for the threads that work for them.
//
// It names the connection and a serial number. When that exchange is over - answered, or its client
// gone - calls through it do nothing, so nobody needs to ask first.

public import struct NIOCore.ByteBuffer

/// One request and its response. All calls may come from any thread unless they say otherwise;
/// those of one thread keep their order.
public struct Exchange: Sendable {
    let connection: Connection
    let serial: UInt64

    /// What counts the bytes that requests hold.
    public var memory: MemoryAccount { connection.loop.server.memory }

    /// The loop that the connection lives on.
    public var eventLoop: EventLoop { connection.loop.eventLoop }

    /// Answers the request. Only the first answer counts.
    public func respond(_ response: consuming Response) {
        if eventLoop.isCurrent {
            connection.respond(response, serial: serial)
        } else {
            let (connection, serial, response) = (connection, serial, response)
            eventLoop.execute { connection.respond(response, serial: serial) }
        }
    }

    /// Answers on the loop, without anything made but the answer's bytes.
    /// - Parameters:
    ///   - content: copied before the call returns.
    ///   - fields: appends the answer's field lines.
    @unsafe public func respondHere(
        _ answer: borrowing DirectAnswer, content: UnsafeRawBufferPointer,
        fields: (inout HeadCursor) -> Void
    ) {
        assert(eventLoop.isCurrent)
        // Safety: the content is passed on for the length of the call.
        unsafe connection.respond(answer, content: content, serial: serial, fields: fields)
    }

    /// Answers with the server's own error content. The connection lives on.
    /// - Parameter fields: further fields, such as Allow.
    public func refuse(_ error: ProtocolError, fields: ResponseFields = ResponseFields()) {
        onLoop { $0.answer(error, fields: fields, serial: $1) }
    }

    /// Sets what is called, once and on the loop, when the exchange ends before its answer does:
    /// the client went away, its content broke off, or the server cut the connection. A second
    /// call replaces the first; after the end, an answered one included, it is called at once.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        onLoop { $0.setCancelAction(action, serial: $1) }
    }

    /// Whether this exchange still waits for its answer's end. Call it on the loop.
    public var isOpen: Bool {
        precondition(eventLoop.isCurrent)
        return connection.isOpen(serial)
    }

    /// How long the client has taken nothing of what was sent, nanoseconds; 0 where nothing waits
    /// for it. Call it on the loop.
    public var untakenNanoseconds: UInt64 {
        precondition(eventLoop.isCurrent)
        return connection.untakenNanoseconds(now: eventLoop.now)
    }

    // MARK: Streamed content of the request

    /// Stops reading content until `resumeContent`.
    public func pauseContent() { onLoop { $0.pauseContent(serial: $1) } }

    public func resumeContent() { onLoop { $0.resumeContent(serial: $1) } }

    // MARK: Streamed content of the response

    /// Sends the head of an answer whose content follows in pieces.
    /// - Parameters:
    ///   - head: its content is ignored.
    ///   - contentByteCount: of all pieces together; nil if it is not known: then the content is
    ///     chunked, or ends with the connection for 1.0.
    public func start(_ head: Response, contentByteCount: Int? = nil) {
        onLoop { $0.startStream(head, contentByteCount: contentByteCount, serial: $1) }
    }

    /// Sends a piece of the answer's content.
    /// - Parameter then: called once on the loop, maybe before this call returns: with `true`
    ///   when the socket has room for more, with `false` when the exchange is over and more is
    ///   in vain.
    public func write(_ piece: ByteBuffer, then: (@Sendable (Bool) -> Void)? = nil) {
        onLoop { $0.writeStream(piece, then: then, serial: $1) }
    }

    /// Ends the streamed answer.
    public func finish(_ measures: Measures = Measures()) {
        onLoop { $0.finishStream(measures, serial: $1) }
    }

    /// Cuts the connection, so that no client takes a broken-off answer for complete.
    public func abort() { onLoop { $0.abort(serial: $1) } }

    private func onLoop(_ action: @escaping @Sendable (Connection, UInt64) -> Void) {
        if eventLoop.isCurrent {
            action(connection, serial)
        } else {
            let (connection, serial) = (connection, serial)
            eventLoop.execute { action(connection, serial) }
        }
    }
}
