// The bytes that times are read from and written to: a buffer each, with every access checked.

/// Bytes to read. Valid while the buffer that it was made from is.
@safe struct ByteText {
    private let bytes: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = bytes }

    var byteCount: Int { unsafe bytes.count }

    /// The byte at an offset; 0, C's end of text, beyond the last.
    subscript(offset: Int) -> UInt8 {
        // Safety: the comparison, as a UInt, is false for negative offsets too.
        UInt(bitPattern: offset) < UInt(bitPattern: byteCount) ? unsafe bytes[offset] : 0
    }
}

/// Bytes written one after the other into a buffer that does not grow.
@safe struct ByteOutput {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    var byteCount = 0
    /// Set once something did not fit; from then on nothing is written.
    private(set) var isFull = false

    init(_ bytes: UnsafeMutableBufferPointer<UInt8>) { unsafe self.bytes = bytes }

    mutating func append(_ byte: UInt8) {
        guard unsafe byteCount < bytes.count, !isFull else {
            isFull = true
            return
        }
        // Safety: the guard.
        unsafe bytes[byteCount] = byte
        byteCount += 1
    }

    mutating func append(_ byte: UInt8, count: Int) {
        var left = count
        while left > 0 && !isFull {
            append(byte)
            left -= 1
        }
    }
}
