// A batch's outputs -> its response, in order:
//
//     outputs -> socket                      while the client reads
//     outputs -> spool -> socket             once it does not, though it has more to send
//     outputs -> spool, then -> socket       if the response must have a length: HTTP/1.0
//
// Most HTTP clients send a whole body before they read: without the spool, both sides would
// deadlock as soon as the sockets' buffers are full. HTTP/1.0 has no chunked coding, so a response
// without a length would be delimited by the end of the connection; and nginx, which uses 1.0 by
// default, stops sending a request once its response has begun.

import HTTPKit

import struct NIOCore.ByteBuffer

/// Its variables belong to the exchange's event loop.
final class StreamedResponse: BatchSink, @unchecked Sendable {
    /// Bound on the outputs that are held back in memory.
    private static var heldBackBytesMax: Int { 256 << 10 }

    private let exchange: Exchange
    private let settings: BatchSettings
    private let folder: SpoolFolder
    /// The encoder of the response, with the bytes that are to be sent next.
    private var sent: CodedContent
    private(set) var hasBegun = false
    /// The socket has no room yet for the last write.
    private var isWaiting = false
    /// Nil unless it holds bytes.
    private var spool: Spool?
    /// Bytes for which the spool had no room.
    private var held: ByteBuffer?
    /// Nothing is sent before the end of the outputs.
    private var isHeldBack: Bool
    private var isClosed = false
    /// Called when there is more room, or all is sent.
    private var advance: (@Sendable () -> Void)?
    private var failed: (@Sendable (Problem) -> Void)?

    init(_ exchange: Exchange, _ settings: BatchSettings, _ folder: SpoolFolder) {
        self.exchange = exchange
        self.settings = settings
        self.folder = folder
        sent = CodedContent(settings.responseCoding)
        isHeldBack = settings.respondsAsWhole && folder.bytesMax > 0
        if isHeldBack { spool = Spool(folder, exchange.eventLoop) }
    }

    func start(
        advance: @escaping @Sendable () -> Void, failed: @escaping @Sendable (Problem) -> Void
    ) {
        self.advance = advance
        self.failed = failed
    }

    var hasRoom: Bool { spool.map { !$0.isBusy && held == nil } ?? !isWaiting }
    var isSent: Bool { !isWaiting && spool == nil }
    var byteCount: Int { sent.bytes.readableBytes + (held?.readableBytes ?? 0) }

    var maySpool: Bool { isWaiting && spool == nil && folder.bytesMax > 0 }

    func beginSpooling() {
        if maySpool { spool = Spool(folder, exchange.eventLoop) }
    }

    func append(_ outputs: CodedContent, isLast: Bool) {
        sent.append(outputs)
        // A response in one piece has a length.
        if isLast, !hasBegun, spool == nil { return }
        guard sent.bytes.readableBytes > (isHeldBack ? Self.heldBackBytesMax : 0) else { return }
        let bytes = sent.takeBytes()
        guard let spool else { return write(bytes) }
        held = bytes
        spool.append(bytes) { isAppended in
            guard !self.isClosed else { return }
            if isAppended {
                self.held = nil
            } else if self.isHeldBack {
                self.failed?(Problem(.reducedCapacity, Self.noRoomToHoldBack))
                return
            }
            self.sendSpooled()
            self.advance?()
        }
    }

    private static let noRoomToHoldBack =
        "The answer to HTTP/1.0 is kept until its length is known, and there is no room for it; "
        + "HTTP/1.1 needs none."

    func end() -> Bool {
        if isHeldBack, let spool {
            if spool.isBusy { return false }
            isHeldBack = false
            if spool.byteCount > 0 { begin(contentByteCount: spool.byteCount + restByteCount) }
            sendSpooled()
        }
        guard isSent else { return false }
        if hasBegun {
            exchange.write(sent.takeBytes())
            if settings.responseCoding != nil { exchange.write(ByteBuffer(bytes: sent.tail)) }
            exchange.finish()
        } else {
            exchange.respond(settings.response(sent.takeWhole()))
        }
        return true
    }

    /// Bytes before and after those in the spool.
    private var restByteCount: Int { sent.head.count + sent.bytes.readableBytes + sent.tail.count }

    private func begin(contentByteCount: Int?) {
        hasBegun = true
        exchange.start(settings.response(ByteBuffer()), contentByteCount: contentByteCount)
        if settings.responseCoding != nil { exchange.write(ByteBuffer(bytes: sent.head)) }
    }

    func close() {
        isClosed = true
        advance = nil
        failed = nil
        spool = nil
        held = nil
    }

    private func write(_ bytes: ByteBuffer) {
        if !hasBegun { begin(contentByteCount: nil) }
        isWaiting = true
        exchange.write(bytes) { hasRoom in
            guard hasRoom, !self.isClosed else { return }
            self.isWaiting = false
            self.sendSpooled()
            if self.hasRoom { self.advance?() }
        }
    }

    /// Sends the oldest spooled bytes, if the socket has room.
    private func sendSpooled() {
        guard let spool, !isWaiting, !isHeldBack, !spool.isBusy else { return }
        if spool.byteCount > 0 {
            isWaiting = true
            return spool.takeFirst { bytes in
                guard !self.isClosed else { return }
                guard let bytes else {
                    self.failed?(
                        Problem(.internalError, "What was kept of the answer can't be read."))
                    return
                }
                self.write(bytes)
                self.advance?()
            }
        }
        self.spool = nil
        guard let bytes = held else { return }
        held = nil
        write(bytes)
    }
}
