// Where a line ends, and which of its bytes are not content.

import Glibc

enum LineEnd {
    /// The offset of the next newline, or of the end.
    static func next(_ memory: UnsafeRawBufferPointer, from start: Int) -> Int {
        // Safety: the search stays within the buffer's count.
        guard let base = memory.baseAddress else { return 0 }
        let found = unsafe memchr(base + start, 0x0A, memory.count - start)
        guard let found = unsafe found else { return memory.count }
        return unsafe UnsafeRawPointer(found) - base
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0D || byte == 0x09
    }

    /// Whether the bytes begin with U+FEFF, as some editors and tools write it.
    static func hasByteOrderMark(_ memory: UnsafeRawBufferPointer) -> Bool {
        // Safety: three bytes are there.
        unsafe memory.count >= 3 && memory[0] == 0xEF && memory[1] == 0xBB && memory[2] == 0xBF
    }
}
