// The whole content of a request, as passed to its handler.

internal import Glibc

public import struct NIOCore.ByteBuffer

/// Content that was read whole. It may be borrowed from the read buffer: take `buffer` to use it
/// after the call.
@safe public struct RequestContent: ~Copyable {
    // Safety: the bytes are valid for the length of the call that this value is passed to.
    private let borrowed: UnsafeRawBufferPointer
    private let owned: ByteBuffer?
    /// The count of the content's memory if it is long; keep it for as long as `buffer`.
    public let hold: MemoryHold?

    init(_ owned: ByteBuffer, _ hold: MemoryHold?) {
        self.hold = hold
        unsafe borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
        self.owned = owned
    }

    /// - Parameter borrowed: valid for as long as this value lives.
    @unsafe init(borrowed: UnsafeRawBufferPointer) {
        unsafe self.borrowed = borrowed
        owned = nil
        hold = nil
    }

    public var byteCount: Int { unsafe owned?.readableBytes ?? borrowed.count }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // Safety: the bytes are valid while the closure runs.
        guard let owned else { return unsafe body(borrowed) }
        return unsafe owned.withUnsafeReadableBytes(body)
    }

    /// The content as an owned buffer: copied if it was borrowed.
    public consuming func buffer() -> ByteBuffer {
        unsafe owned ?? ByteBuffer(bytes: borrowed)
    }
}
