// The numbers of an array, one behind the other, and arrays of them: most of what coordinates,
// measurements and vectors are. Like the records' loop it has little to remember and is at home in
// registers.
//
//     [-65.613616999999977,43.420273000000009],[1, 2, 3]
//      ^ ................................... ^              `read` stops here
//     ^ .................................................^  `readArrays` here
//
// Safety: `margin` bytes remain behind the place where a number begins, which no step before the
// next comparison reads beyond.

@safe struct NumberReader {
    let text: TextScan

    /// A sign, up to 15 digits, a point, 16 bytes, and the separator.
    static var margin: Int { 40 }

    /// Whether a number may begin with the byte.
    @inline(__always) static func begins(_ byte: UInt8) -> Bool {
        byte &- 0x30 <= 9 || byte == UInt8(ascii: "-")
    }

    /// Pushes the numbers from `start` on, as far as they are plain and there is room.
    /// - Parameter lastPlace: where one may begin at the latest.
    /// - Returns: the separator behind the last of them, and the stack's next place.
    @inline(never) func read(
        _ start: Int, _ lastPlace: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>
    ) -> (place: Int, top: UnsafeMutablePointer<Value>) {
        unsafe readNumbers(start, lastPlace, bottom, limit)
    }

    /// Pushes the arrays of numbers from the bracket at `start` on, as far as their numbers are
    /// plain and there is room.
    /// - Returns: the place behind the last of them, and the stack's next place.
    @inline(never) func readArrays(
        _ start: Int, _ lastPlace: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>, _ records: borrowing RecordReader
    ) -> (place: Int, top: UnsafeMutablePointer<Value>) {
        var (behind, top) = unsafe (start, bottom)
        var place = start
        while place < lastPlace && text[place] == UInt8(ascii: "[") {
            let inside = text.pastSpace(place &+ 1)
            if inside >= lastPlace || !NumberReader.begins(text[inside]) { break }
            let (stop, end) = unsafe readNumbers(inside, lastPlace, top, limit)
            let byteCount = unsafe UnsafeRawPointer(end) - UnsafeRawPointer(top)
            if byteCount == 0 || text[stop] != UInt8(ascii: "]") { break }
            // Where there is no room at hand the array is left to the reading.
            let count = byteCount &>> 4
            guard unsafe records.close(.array, Slots(top), count, 16, &top) else { break }
            behind = stop &+ 1
            let next = text.pastSpace(behind)
            if next >= lastPlace || text[next] != UInt8(ascii: ",") { break }
            place = text.pastSpace(next &+ 1)
        }
        return unsafe (behind, top)
    }

    @inline(__always) private func readNumbers(
        _ start: Int, _ lastPlace: Int, _ bottom: UnsafeMutablePointer<Value>,
        _ limit: UnsafeMutablePointer<Value>
    ) -> (place: Int, top: UnsafeMutablePointer<Value>) {
        var (behind, top) = unsafe (start, bottom)
        var place = start
        while place <= lastPlace && (unsafe top < limit) {
            let isNegative = text[place] == UInt8(ascii: "-")
            let digits = isNegative ? place &+ 1 : place
            let count = digitCount(digits)
            if count == 0 || count > 15 || count > 1 && text[digits] == 0x30 { break }
            var stop = digits &+ count
            let value: Value
            if text[stop] == UInt8(ascii: ".") {
                let fraction = digitCount(stop &+ 1)
                if fraction == 0 { break }
                stop = stop &+ 1 &+ fraction
                if fraction == 16 {
                    stop = text.skipDigits(stop)
                    if stop > lastPlace { break }
                }
                value = literal(place, stop)
            } else {
                let integer = count <= 8 ? text.integer(digits, count) : text.integer(digits).value
                value =
                    integer == 0 && isNegative
                    ? literal(place, stop) : Value(integer: isNegative ? 0 &- integer : integer)
            }
            var next = stop
            if text[next] <= 0x20 {
                next = text.pastSpace(next)
                if next >= lastPlace { break }
            }
            let separator = text[next]
            if separator != UInt8(ascii: ",") && separator != UInt8(ascii: "]") { break }
            unsafe top.pointee = value
            unsafe top += 1
            behind = next
            if separator == UInt8(ascii: "]") { break }
            place = text.pastSpace(next &+ 1)
        }
        return unsafe (behind, top)
    }

    @inline(__always) private func literal(_ start: Int, _ stop: Int) -> Value {
        unsafe Value(
            .literal, count: stop &- start, payload: UInt64(UInt(bitPattern: text.base + start)))
    }

    /// Digits from a place on; 16 for as many and more.
    @inline(__always) private func digitCount(_ place: Int) -> Int {
        unsafe (ByteBlock(text.base + place).nonDigits | 1 << 16).trailingZeroBitCount
    }
}
