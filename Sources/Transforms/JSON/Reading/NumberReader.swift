// The numbers of an array, one after the other, and arrays of them: most of the bytes of
// coordinates, measurements and vectors. Like RecordReader it has little state, which fits in
// registers.
//
//     [-65.613616999999977,43.420273000000009],[1, 2, 3]
//      ^ ................................... ^              `read` stops here
//     ^ .................................................^  `readArrays` here
//
// Benchmark: canada.json, `flatten`: 67 -> 48 million instructions.
//
// Safety: `RecordReader.margin` bytes remain after the offset where a number begins; no step before
// the next comparison reads beyond 40 of them: a sign, up to 15 digits, a point, 16 bytes, and the
// separator.

@safe struct NumberReader {
    let text: TextScan

    /// Whether a number may begin with the byte.
    @inline(__always) static func begins(_ byte: UInt8) -> Bool {
        byte &- 0x30 <= 9 || byte == UInt8(ascii: "-")
    }

    /// Pushes the numbers from `start` on, as long as they are plain and there is room.
    /// - Parameter lastOffset: the last offset at which a number may begin.
    /// - Returns: the offset of the separator after the last of them, and the stack's first free
    ///   slot.
    @inline(never) func read(
        _ start: Int, _ lastOffset: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>
    ) -> (offset: Int, top: UnsafeMutablePointer<Value>) {
        unsafe readNumbers(start, lastOffset, bottom, limit)
    }

    /// Pushes the arrays of numbers from the bracket at `start` on, as long as their numbers are
    /// plain and there is room.
    /// - Returns: the offset after the last of them, and the stack's first free slot.
    @inline(never) func readArrays(
        _ start: Int, _ lastOffset: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>, _ records: borrowing RecordReader
    ) -> (offset: Int, top: UnsafeMutablePointer<Value>) {
        var (after, top) = unsafe (start, bottom)
        var offset = start
        while offset < lastOffset && text[offset] == UInt8(ascii: "[") {
            let inside = text.pastSpace(offset &+ 1)
            if inside >= lastOffset || !NumberReader.begins(text[inside]) { break }
            let (stop, end) = unsafe readNumbers(inside, lastOffset, top, limit)
            let byteCount = unsafe UnsafeRawPointer(end) - UnsafeRawPointer(top)
            if byteCount == 0 || text[stop] != UInt8(ascii: "]") { break }
            // If there is no room at hand, the array is left to the reader.
            let count = byteCount &>> 4
            guard unsafe records.close(.array, Slots(top), count, 16, &top) else { break }
            after = stop &+ 1
            let next = text.pastSpace(after)
            if next >= lastOffset || text[next] != UInt8(ascii: ",") { break }
            offset = text.pastSpace(next &+ 1)
        }
        return unsafe (after, top)
    }

    @inline(__always) private func readNumbers(
        _ start: Int, _ lastOffset: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>
    ) -> (offset: Int, top: UnsafeMutablePointer<Value>) {
        var (after, top) = unsafe (start, bottom)
        var offset = start
        while offset <= lastOffset && (unsafe top < limit) {
            let isNegative = text[offset] == UInt8(ascii: "-")
            let digits = isNegative ? offset &+ 1 : offset
            let count = digitCount(digits)
            if count == 0 || count > 15 || count > 1 && text[digits] == UInt8(ascii: "0") { break }
            var stop = digits &+ count
            let value: Value
            if text[stop] == UInt8(ascii: ".") {
                let fraction = digitCount(stop &+ 1)
                if fraction == 0 { break }
                stop = stop &+ 1 &+ fraction
                if fraction == 16 {
                    stop = text.skipDigits(stop)
                    if stop > lastOffset { break }
                }
                value = literal(offset, stop)
            } else {
                let integer = count <= 8 ? text.integer(digits, count) : text.integer(digits).value
                value =
                    integer == 0 && isNegative
                    ? literal(offset, stop) : Value(integer: isNegative ? 0 &- integer : integer)
            }
            var next = stop
            if text[next] <= 0x20 {
                next = text.pastSpace(next)
                if next >= lastOffset { break }
            }
            let separator = text[next]
            if separator != UInt8(ascii: ",") && separator != UInt8(ascii: "]") { break }
            unsafe top.pointee = value
            unsafe top += 1
            after = next
            if separator == UInt8(ascii: "]") { break }
            offset = text.pastSpace(next &+ 1)
        }
        return unsafe (after, top)
    }

    @inline(__always) private func literal(_ start: Int, _ stop: Int) -> Value {
        unsafe Value(
            .literal, count: stop &- start, payload: UInt64(UInt(bitPattern: text.base + start)))
    }

    /// The number of digits from an offset on; 16 for 16 and more.
    @inline(__always) private func digitCount(_ offset: Int) -> Int {
        unsafe (ByteBlock(text.base + offset).nonDigits | 1 << 16).trailingZeroBitCount
    }
}
