// The head of a response, written line by line into the memory it is sent from.
//
//     Name: value\r\n

internal import struct NIOCore.ByteBuffer

/// Appends to the head of a response, in room that was reserved for it.
@safe public struct HeadCursor {
    private let start: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var byteCount = 0

    @unsafe
    init(_ buffer: UnsafeMutableRawBufferPointer) {
        // Safety: the buffer comes from a reservation of more than zero bytes.
        unsafe start = buffer.baseAddress!
        capacity = buffer.count
    }

    @inline(__always) mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        precondition(count <= capacity - byteCount)
        // Safety: the precondition leaves room; a StaticString has a pointer to its bytes.
        unsafe start.advanced(by: byteCount).copyMemory(from: text.utf8Start, byteCount: count)
        byteCount += count
    }

    /// Appends bytes that are not text.
    @unsafe mutating func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= capacity - byteCount)
        guard let base = bytes.baseAddress else { return }
        // Safety: the precondition leaves room for all bytes.
        unsafe start.advanced(by: byteCount).copyMemory(from: base, byteCount: bytes.count)
        byteCount += bytes.count
    }

    mutating func append(_ bytes: borrowing [UInt8]) {
        precondition(bytes.count <= capacity - byteCount)
        // Safety: the precondition leaves room for all bytes of the array.
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe start.advanced(by: byteCount).copyMemory(from: base, byteCount: source.count)
        }
        byteCount += bytes.count
    }

    mutating func append(byte: UInt8) {
        precondition(byteCount < capacity)
        // Safety: the precondition leaves room for one byte.
        unsafe start.storeBytes(of: byte, toByteOffset: byteCount, as: UInt8.self)
        byteCount += 1
    }

    /// Appends what `write` writes; it has room for `byteCountMax` bytes.
    @unsafe mutating func append(
        byteCountMax: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) {
        precondition(byteCountMax >= 0 && byteCountMax <= capacity - byteCount)
        // Safety: the precondition leaves room.
        let room = unsafe UnsafeMutableBufferPointer(
            start: (start + byteCount).assumingMemoryBound(to: UInt8.self), count: byteCountMax)
        let written = unsafe write(room)
        precondition(written >= 0 && written <= byteCountMax)
        byteCount += written
    }

    /// - Parameter value: not negative.
    mutating func append(decimal value: Int) {
        let count = Decimal.digitCount(UInt64(value))
        precondition(count <= capacity - byteCount)
        // Safety: the precondition leaves room for all digits.
        unsafe Decimal.write(
            UInt64(value), digitCount: count,
            to: (start + byteCount).assumingMemoryBound(to: UInt8.self))
        byteCount += count
    }

    mutating func append(_ buffer: ByteBuffer) {
        precondition(buffer.readableBytes <= capacity - byteCount)
        // Safety: the precondition leaves room for all readable bytes.
        unsafe buffer.withUnsafeReadableBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe start.advanced(by: byteCount).copyMemory(from: base, byteCount: source.count)
        }
        byteCount += buffer.readableBytes
    }

    // MARK: Field lines

    /// Room that a field line needs besides its value.
    public static func fieldByteCount(_ name: StaticString) -> Int { name.utf8CodeUnitCount + 4 }

    /// Appends a line. Control characters in `value` become spaces, so that no value can end its
    /// line: the value may come from a client.
    public mutating func field(_ name: StaticString, _ value: String) {
        var value = value
        value.withUTF8 { value in
            unsafe field(name, byteCountMax: value.count) { memory in
                // Safety: there is room for the value's bytes.
                guard let from = value.baseAddress, let to = memory.baseAddress else { return 0 }
                for i in 0..<value.count {
                    let byte = unsafe from[i]
                    unsafe to[i] = byte < 0x20 || byte == 0x7F ? Byte.space : byte
                }
                return value.count
            }
        }
    }

    public mutating func field(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a line whose value `write` makes in place.
    /// - Parameters:
    ///   - byteCountMax: the room that `write` has.
    ///   - write: writes no control characters, and returns how many bytes it has written.
    @unsafe public mutating func field(
        _ name: StaticString, byteCountMax: Int,
        _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) {
        append(name)
        append(": ")
        unsafe append(byteCountMax: byteCountMax, write)
        append("\r\n")
    }
}
