// What bounds a run.

/// The bounds of a run.
public struct RunLimits: Sendable {
    /// Bytes of the heap: documents and built values together.
    public var memoryBytesMax = 256 << 20
    /// Levels of nesting in JSON texts.
    public var depthMax = 10_000
    /// Nested calls of functions, without tail calls.
    public var callDepthMax = 20_000
    /// Bytes of frames.
    public var frameBytesMax = 64 << 20
    /// Bytes of the thread's stack that evaluation may use.
    public var stackBytesMax = 56 << 20
    /// Steps of about 10 ns each, for work that must be short in any case.
    public var stepsMax = Int.max
    /// Bytes of chunks kept from run to run.
    public var retainedBytesMax = 4 << 20

    public init() {}
}
