// A handle on one request and its response, for handlers and the threads that work for them.
//
// It holds the connection and a serial number. Once the exchange has ended - answered, or its
// client gone - calls through it do nothing, so no caller needs to check first.

public import struct NIOCore.ByteBuffer

/// One request and its response. All calls may come from any thread unless stated otherwise; calls
/// from one thread keep their order.
public struct Exchange: Sendable {
    let connection: Connection
    let serial: UInt64

    /// The account of the memory that requests hold.
    public var memory: MemoryAccount { connection.loop.server.memory }

    /// The connection's event loop.
    public var eventLoop: EventLoop { connection.loop.eventLoop }

    /// Sends a complete response. Only the first one counts.
    public func respond(_ response: consuming Response) {
        if eventLoop.isCurrent {
            connection.respond(response, serial: serial)
        } else {
            let (connection, serial, response) = (connection, serial, response)
            eventLoop.execute { connection.respond(response, serial: serial) }
        }
    }

    /// Responds on the loop; allocates nothing but the bytes of the response.
    /// - Parameters:
    ///   - content: copied before the call returns.
    ///   - fields: appends the response's field lines.
    @unsafe public func respondHere(
        _ response: borrowing DirectResponse, content: UnsafeRawBufferPointer,
        fields: (inout HeadCursor) -> Void
    ) {
        assert(eventLoop.isCurrent)
        // Safety: the content is passed on for the length of the call.
        unsafe connection.respond(response, content: content, serial: serial, fields: fields)
    }

    /// Responds with the server's own error content. The connection persists.
    /// - Parameter fields: further fields, such as Allow.
    public func reject(_ error: ProtocolError, fields: ResponseFields = ResponseFields()) {
        onLoop { $0.respond(to: error, fields: fields, serial: $1) }
    }

    /// Sets the action to call, once and on the loop, if the exchange ends before its response
    /// does: the client closed, its content broke off, or the server cut the connection. A second
    /// call replaces the first; if the exchange has already ended, even with a response, the action
    /// is called at once.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        onLoop { $0.setCancelAction(action, serial: $1) }
    }

    /// For how long the client has acknowledged no sent bytes, in nanoseconds; 0 if none are
    /// waiting. Call it on the loop.
    public var unacknowledgedNanoseconds: UInt64 {
        precondition(eventLoop.isCurrent)
        return connection.unacknowledgedNanoseconds(now: eventLoop.now)
    }

    // MARK: Streamed content of the request

    /// Stops reading content until `resumeContent`.
    public func pauseContent() { onLoop { $0.pauseContent(serial: $1) } }

    public func resumeContent() { onLoop { $0.resumeContent(serial: $1) } }

    // MARK: Streamed content of the response

    /// Sends the head of a response whose content follows in pieces.
    /// - Parameters:
    ///   - head: its content is ignored.
    ///   - contentByteCount: of all pieces together; nil if unknown: then the content is chunked,
    ///     or delimited by the end of the connection for HTTP/1.0.
    public func start(_ head: Response, contentByteCount: Int? = nil) {
        onLoop { $0.startStream(head, contentByteCount: contentByteCount, serial: $1) }
    }

    /// Sends a piece of the response's content.
    /// - Parameter then: called once on the loop, possibly before this call returns: with `true`
    ///   when the socket has room for more, with `false` when the exchange has ended and further
    ///   pieces are useless.
    public func write(_ piece: ByteBuffer, then: (@Sendable (Bool) -> Void)? = nil) {
        onLoop { $0.writeStream(piece, then: then, serial: $1) }
    }

    /// Ends the streamed response.
    public func finish(_ measures: Measures = Measures()) {
        onLoop { $0.finishStream(measures, serial: $1) }
    }

    /// Cuts the connection, so that no client takes a truncated response for complete.
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
