// The bounds of a connection: bytes, counts and times. Each has a clear answer when it is passed.

/// Bounds on what one connection may make us hold, and for how long.
public struct Limits: Sendable, Equatable {
    /// Request target; 414 beyond.
    public var targetBytesMax = 16 * 1024
    /// Field lines of a head with their line ends and the empty line; 431 beyond.
    public var fieldBytesMax = 32 * 1024
    /// Field lines of a head; 431 beyond.
    public var fieldCountMax = 128
    /// Content of a request whose handler names no bound of its own; 413 beyond.
    public var bodyBytesMax = 64 * 1024 * 1024
    /// Chunk extensions of one body, all chunks together; 400 beyond.
    public var chunkExtensionBytesMax = 16 * 1024
    /// Trailer section of a chunked body; 431 beyond.
    public var trailerBytesMax = 8 * 1024
    /// Bytes read ahead of a request in work (pipelining). Beyond, reading pauses, and a client
    /// that goes away is noticed by a reset only.
    public var pipelinedBytesMax = 64 * 1024
    /// Content that is read and dropped after an early answer to keep the connection.
    public var discardBytesMax = 64 * 1024
    /// Bytes read and dropped after the last answer, so that the client can read it.
    public var lingerBytesMax = 64 * 1024 * 1024

    /// From the first byte of a head to its end; 408 beyond.
    public var headReadNanoseconds: UInt64 = 10_000_000_000
    /// The slowest that a client may send content or read answers, over two windows; 408, or a
    /// reset where an answer has begun. 0 allows any rate.
    public var bytesPerSecondMin = 1_000
    public var rateWindowNanoseconds: UInt64 = 5_000_000_000
    /// Requests of one connection that are begun in one turn of its event loop, and for how long:
    /// then others have their turn.
    public var turnRequestCountMax = 32
    public var turnNanosecondsMax: UInt64 = 200_000
    /// Between two pieces of a body; 408 beyond.
    public var bodyStallNanoseconds: UInt64 = 10_000_000_000
    /// From a response to the next request; then the connection is closed.
    public var idleNanoseconds: UInt64 = 75_000_000_000
    /// From the last answer to the close of a connection whose client does not close.
    public var lingerNanoseconds: UInt64 = 5_000_000_000
    /// Bounds `idleNanoseconds` and `lingerNanoseconds` once draining has begun.
    public var drainIdleNanoseconds: UInt64 = 1_000_000_000

    public init() {}
}
