// What is built on this layer: something that turns requests into answers.

public import struct NIOCore.ByteBuffer

/// What is to happen to a request's content.
public enum BodyPlan {
    /// Read it whole, then call `handle`. 413 beyond `bytesMax`; nil: the server's own limit.
    case collect(bytesMax: Int?)
    /// Read it whole, then hand it to `gatherer`. 413 beyond `bytesMax`.
    case gather(any ContentReceiver, bytesMax: Int)
    /// Hand each piece to `receiver` as it comes. 413 beyond `bytesMax`.
    case stream(any BodyReceiver, bytesMax: Int)
    /// Nobody wants it: the request was answered, or will be without it. 413 beyond
    /// `Limits.discardBytesMax`.
    case drop
}

/// Answers requests. Both calls run on the connection's event loop and must not block it. It is an
/// object, because to copy a value for each call would have all loops count its references.
public protocol HTTPHandler: AnyObject, Sendable {
    /// A head was read: answer it from the head alone, or say what happens to the content. An
    /// awaited `100 Continue` is sent when the content is collected or streamed.
    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan

    /// The content was collected: answer now, or later from any thread through `exchange`.
    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange)
}

extension HTTPHandler {
    public func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        .collect(bytesMax: nil)
    }
}

/// Takes a request's content in pieces, on the connection's event loop. To slow the client down
/// it calls `exchange.pauseContent()`, and `exchange.resumeContent()` later.
public protocol BodyReceiver: AnyObject {
    /// The next piece. At most one more comes after a pause.
    func receive(_ piece: ByteBuffer, _ exchange: Exchange)
    /// All content was received. If it breaks off, `onCancel` is called instead.
    func finish(_ exchange: Exchange)
}

/// Takes a request's content once it was read whole, on the connection's event loop. If it breaks
/// off, `onCancel` is called instead.
public protocol ContentReceiver: AnyObject {
    /// - Parameter hold: to be kept for as long as the content, if there is one.
    func finish(_ content: ByteBuffer, _ hold: MemoryHold?, _ exchange: Exchange)
}

/// The content of a refusal, made by the user of this layer (as problem+json, say).
public struct ErrorContent: Sendable {
    public var contentType: StaticString
    public var bytes: [UInt8]
    public var fields: ResponseFields
    /// The request's name in the content, for the observer.
    public var name: RequestName?

    public init(
        contentType: StaticString, bytes: [UInt8], fields: ResponseFields = ResponseFields(),
        name: RequestName? = nil
    ) {
        self.contentType = contentType
        self.bytes = bytes
        self.fields = fields
        self.name = name
    }
}
