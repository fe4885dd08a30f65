// Lines as strings, without their ends: each by itself, or all text in one string.

import Glibc

extension InputReader {
    func readLine(_ block: InputBlock) throws(InputFailure) -> Value? {
        let bytes = unsafe Bytes(block.bytes)
        let start = offset
        // Safety: `offset` is below the block's byte count.
        let found = unsafe memchr(bytes.base + start, 0x0A, bytes.count - start)
        var end = bytes.count
        if let found = unsafe found {
            end = unsafe UnsafePointer(bytes.base).distance(
                to: found.assumingMemoryBound(to: UInt8.self))
        } else if try join(block, from: start) {
            return nil
        }
        offset = min(end + 1, bytes.count)
        return try limited { () throws(Stop) in
            try heap.string(repairing: bytes.slice(start, end))
        }
    }

    func readAllText() throws(InputFailure) -> Value {
        try limited { () throws(Stop) in
            var all = try heap.string("")
            do throws(InputFailure) {
                while try advance() {
                    guard let block else { break }
                    let part = try limited { () throws(Stop) in
                        try unsafe heap.string(repairing: Bytes(block.bytes))
                    }
                    try limited { () throws(Stop) in
                        try heap.append(&all, part.bytes, flags: part.word)
                    }
                    heap.release(part)
                    offset = unsafe block.bytes.count
                }
            } catch { throw .limit }
            return all
        }
    }
}
