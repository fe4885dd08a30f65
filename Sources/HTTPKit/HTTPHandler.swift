// The interface for users of this layer: requests in, responses out.

public import struct NIOCore.ByteBuffer

/// What to do with a request's content.
public enum BodyPlan {
    /// Read it whole, then call `handle`. 413 beyond `bytesMax`; nil: the server's default limit.
    case collect(bytesMax: Int?)
    /// Read it whole, then pass it to `gatherer`. 413 beyond `bytesMax`.
    case gather(any ContentReceiver, bytesMax: Int)
    /// Pass each piece to `receiver` as it arrives. 413 beyond `bytesMax`.
    case stream(any BodyReceiver, bytesMax: Int)
    /// Discard it: the request has its response, or will get it without the content. 413 beyond
    /// `ConnectionLimits.discardBytesMax`.
    case drop
}

/// Responds to requests. Both calls run on the connection's event loop and must not block it. It is
/// an object, because copying a value for each call would make all loops contend on its count.
public protocol HTTPHandler: AnyObject, Sendable {
    /// A head was read: respond from the head alone, or choose a plan for the content. An awaited
    /// `100 Continue` is sent when the content is collected or streamed.
    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan

    /// The content was collected: respond now, or later from any thread through `exchange`.
    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange)
}

extension HTTPHandler {
    public func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        .collect(bytesMax: nil)
    }
}

/// Receives a request's content in pieces, on the connection's event loop. For back-pressure it
/// calls `exchange.pauseContent()`, and `exchange.resumeContent()` later.
public protocol BodyReceiver: AnyObject {
    /// The next piece. At most one more comes after a pause.
    func receive(_ piece: ByteBuffer, _ exchange: Exchange)
    /// All content was received. If it breaks off, `onCancel` is called instead.
    func finish(_ exchange: Exchange)
}

/// Receives a request's content once it was read whole, on the connection's event loop. If it
/// breaks off, `onCancel` is called instead.
public protocol ContentReceiver: AnyObject {
    /// - Parameter hold: if there is one, keep it for as long as the content.
    func finish(_ content: ByteBuffer, _ hold: MemoryHold?, _ exchange: Exchange)
}

/// The content of an error response, made by the user of this layer (as problem+json, say).
public struct ErrorContent: Sendable {
    public var contentType: StaticString
    public var bytes: [UInt8]
    public var fields: ResponseFields
    /// The request's name as used in the content, for the observer.
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
