// Where a batch's outputs go.

import HTTPKit

import struct NIOCore.ByteBuffer

/// It belongs to the event loop of the batch that calls it.
protocol BatchSink: AnyObject {
    /// Whether outputs may be appended.
    var hasRoom: Bool { get }
    /// Whether the answer's head is sent.
    var hasBegun: Bool { get }
    /// All that was appended and can be sent is with the socket, which has room for more.
    var isSent: Bool { get }
    /// Bytes of the answer in memory, besides what the connection has.
    var byteCount: Int { get }
    /// Whether `beginSpooling` is of use.
    var maySpool: Bool { get }

    /// - Parameters:
    ///   - advance: called when there is more room or all is sent, maybe within a call.
    ///   - failed: called when what was kept can't be had back, or can't be kept.
    func start(
        advance: @escaping @Sendable () -> Void, failed: @escaping @Sendable (Problem) -> Void)
    /// Appends outputs, for which there is to be room.
    /// - Parameter isLast: no more follow; call `end` then.
    func append(_ outputs: CodedContent, isLast: Bool) throws(Problem)
    /// Nothing more is appended. Call it again whenever `advance` is called.
    /// - Returns: whether the answer has ended, all of which is with the socket.
    func end() -> Bool
    /// From now on, until the client has taken all of it, outputs are kept for it.
    func beginSpooling()
    /// Nothing more is sent by this.
    func close()
}

/// Outputs -> one answer, once all are known, so that a failure has an answer of its own.
final class CollectedAnswer: BatchSink {
    private let exchange: Exchange
    private let settings: BatchSettings
    private let bytesMax: Int
    private var outputs: CodedContent

    init(_ exchange: Exchange, _ settings: BatchSettings, bytesMax: Int) {
        self.exchange = exchange
        self.settings = settings
        self.bytesMax = bytesMax
        outputs = CodedContent(settings.answerCoding)
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
        exchange.respond(settings.answer(outputs.takeWhole()))
        return true
    }

    func beginSpooling() {}

    func close() {}
}
