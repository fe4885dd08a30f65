// The whole content of a request, as its handler gets it.

internal import Glibc

public import struct NIOCore.ByteBuffer

/// Content that was read whole. It may lie where the socket's bytes were read to: who needs it
/// after the call takes `buffer`.
@safe public struct RequestContent: ~Copyable {
    // Safety: the bytes stay for the length of the call that this value is passed to.
    private let borrowed: UnsafeRawBufferPointer
    private let owned: ByteBuffer?
    /// What the content is counted with where it is long; whoever keeps `buffer` keeps it too.
    public let hold: MemoryHold?

    init(_ owned: ByteBuffer, _ hold: MemoryHold?) {
        self.hold = hold
        unsafe borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
        self.owned = owned
    }

    /// - Parameter borrowed: stays for as long as this value lives.
    @unsafe init(borrowed: UnsafeRawBufferPointer) {
        unsafe self.borrowed = borrowed
        owned = nil
        hold = nil
    }

    public var byteCount: Int { unsafe owned?.readableBytes ?? borrowed.count }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // Safety: the bytes stay while the closure runs.
        guard let owned else { return unsafe body(borrowed) }
        return unsafe owned.withUnsafeReadableBytes(body)
    }

    /// The content to keep: copied if it was borrowed.
    public consuming func buffer() -> ByteBuffer {
        unsafe owned ?? ByteBuffer(bytes: borrowed)
    }
}
