// The destination of a batch's outputs.

import HTTPKit

import struct NIOCore.ByteBuffer

/// It belongs to the event loop of the batch that calls it.
protocol BatchSink: AnyObject {
    /// Whether outputs may be appended.
    var hasRoom: Bool { get }
    /// Whether the response's head is sent.
    var hasBegun: Bool { get }
    /// Whether the socket has taken all bytes that were appended and can be sent, and has room.
    var isSent: Bool { get }
    /// Bytes of the response in memory, excluding the connection's.
    var byteCount: Int { get }
    /// Whether `beginSpooling` has an effect.
    var maySpool: Bool { get }

    /// - Parameters:
    ///   - advance: called when there is more room or all is sent, possibly within a call.
    ///   - failed: called when spooled outputs cannot be written or read back.
    func start(
        advance: @escaping @Sendable () -> Void, failed: @escaping @Sendable (Problem) -> Void)
    /// Appends outputs; call it only if there is room.
    /// - Parameter isLast: no more follow; call `end` then.
    func append(_ outputs: CodedContent, isLast: Bool) throws(Problem)
    /// No more outputs will be appended. Call it again whenever `advance` is called.
    /// - Returns: whether the response has ended and the socket has taken all of it.
    func end() -> Bool
    /// From now on, until the client has taken them all, outputs are spooled.
    func beginSpooling()
    /// Sends nothing more.
    func close()
}

/// Outputs -> one response, once all are known, so that a failure has its own response.
final class CollectedResponse: BatchSink {
    private let exchange: Exchange
    private let settings: BatchSettings
    private let bytesMax: Int
    private var outputs: CodedContent

    init(_ exchange: Exchange, _ settings: BatchSettings, bytesMax: Int) {
        self.exchange = exchange
        self.settings = settings
        self.bytesMax = bytesMax
        outputs = CodedContent(settings.responseCoding)
        if isArray { outputs.append(UInt8(ascii: "[")) }
    }

    private var isArray: Bool { settings.terminator == UInt8(ascii: ",") }

    var hasRoom: Bool { true }
    var hasBegun: Bool { false }
    var isSent: Bool { true }
    var byteCount: Int { outputs.bytes.readableBytes }
    var maySpool: Bool { false }

    func start(
        advance: @escaping @Sendable () -> Void, failed: @escaping @Sendable (Problem) -> Void
    ) {}

    func append(_ piece: CodedContent, isLast: Bool) throws(Problem) {
        if piece.byteCount == 0 { return }
        if isArray, outputs.byteCount > 1 { outputs.append(UInt8(ascii: ",")) }
        outputs.append(piece)
        if outputs.byteCount > bytesMax {
            throw Problem(.outputLimit, "The output reached its \(bytesMax >> 20) MiB.")
        }
    }

    func end() -> Bool {
        if isArray { outputs.append(UInt8(ascii: "]")) }
        exchange.respond(settings.response(outputs.takeWhole()))
        return true
    }

    func beginSpooling() {}

    func close() {}
}
