// The bounds of a connection: bytes, counts and times. Each has a defined response when exceeded.

/// Bounds on the resources that one connection can hold, and for how long.
public struct ConnectionLimits: Sendable, Equatable {
    /// Request target; 414 beyond.
    public var targetBytesMax = 16 * 1024
    /// Field lines of a head including their line ends and the empty line; 431 beyond.
    public var fieldBytesMax = 32 * 1024
    /// Field lines of a head; 431 beyond.
    public var fieldCountMax = 128
    /// Content of a request whose handler sets no bound of its own; 413 beyond.
    public var bodyBytesMax = 64 * 1024 * 1024
    /// Chunk extensions of one body, all chunks together; 400 beyond.
    public var chunkExtensionBytesMax = 16 * 1024
    /// Trailer section of a chunked body; 431 beyond.
    public var trailerBytesMax = 8 * 1024
    /// Bytes read ahead of the current request (pipelining). Beyond, reading pauses, and a client
    /// that closes its connection is noticed only by a reset.
    public var pipelinedBytesMax = 64 * 1024
    /// Content that is read and discarded after an early response, to keep the connection.
    public var discardBytesMax = 64 * 1024
    /// Bytes read and discarded after the last response, so that the client can read it.
    public var lingerBytesMax = 64 * 1024 * 1024

    /// From the first byte of a head to its end; 408 beyond.
    public var headReadNanoseconds: UInt64 = 10_000_000_000
    /// The lowest rate at which a client may send content or read responses, over two windows; 408,
    /// or a reset if a response has begun. 0 allows any rate.
    public var bytesPerSecondMin = 1_000
    public var rateWindowNanoseconds: UInt64 = 5_000_000_000
    /// The most requests of one connection that are started in one iteration of its event loop, and
    /// the most time for them; then other connections are served.
    public var iterationRequestCountMax = 32
    public var iterationNanosecondsMax: UInt64 = 200_000
    /// Between two pieces of a body; 408 beyond.
    public var bodyStallNanoseconds: UInt64 = 10_000_000_000
    /// From a response to the next request; then the connection is closed.
    public var idleNanoseconds: UInt64 = 75_000_000_000
    /// From the last response to the close of a connection whose client does not close.
    public var lingerNanoseconds: UInt64 = 5_000_000_000
    /// Bounds `idleNanoseconds` and `lingerNanoseconds` once draining has begun.
    public var drainIdleNanoseconds: UInt64 = 1_000_000_000

    public init() {}
}
