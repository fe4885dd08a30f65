// Strings and numbers of a JSON text.
//
// Methods that change nothing but run often are `mutating` too: to a method that is not, the
// compiler passes a copy of the reader.

extension JSONReader {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// The bytes that end the fast scan of a string: `"`, `\`, controls. Each is marked by its high
    /// bit.
    @inline(__always) private static func stops(_ word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        return
            ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
            | (word &- ones &* 0x20) & ~word) & highs
    }

    /// The bytes that are DEL, which is escaped when written although it may appear unescaped in a
    /// text.
    @inline(__always) private static func deletes(_ word: UInt64) -> UInt64 {
        let delete = word ^ (ones &* 0x7F)
        return (delete &- ones) & ~delete & highs
    }

    /// The rest of a string, after its opening quote.
    @inline(__always) mutating func readString() throws(ReadFailure) -> Value {
        let start = offset
        var cursor = offset
        var high: UInt64 = 0
        var delete: UInt64 = 0
        var limit = min(end, cursor &+ JSONReader.lookByteCount)
        scan: while true {
            while cursor &+ 8 <= limit {
                // Safety: 8 bytes remain.
                let word = unsafe UnsafeRawPointer(base + cursor).loadUnaligned(as: UInt64.self)
                let stops = JSONReader.stops(word)
                if stops == 0 {
                    high |= word
                    delete |= JSONReader.deletes(word)
                    cursor &+= 8
                    continue
                }
                let before = (stops & (0 &- stops)) &- 1
                high |= word & before
                delete |= JSONReader.deletes(word) & before
                cursor &+= stops.trailingZeroBitCount >> 3
                break scan
            }
            if limit == end { break }
            try look()
            limit = min(end, cursor &+ JSONReader.lookByteCount)
        }
        while cursor < end {
            let byte = unsafe base[cursor]
            if byte == UInt8(ascii: "\"") {
                offset = cursor &+ 1
                return try finishString(start, cursor, high & JSONReader.highs, delete)
            }
            if byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            high |= UInt64(byte)
            delete |= byte == 0x7F ? 0x80 : 0
            cursor &+= 1
        }
        if cursor >= end { throw ReadFailure(code: .unexpectedEnd, offset: end) }
        if byte(cursor) < 0x20 { throw ReadFailure(code: .controlInString, offset: cursor) }
        return try readEscapedString(start, cursor)
    }

    @inline(__always) private mutating func finishString(
        _ start: Int, _ upto: Int, _ high: UInt64, _ delete: UInt64
    ) throws(ReadFailure) -> Value {
        let bytes = unsafe Bytes(base + start, upto - start)
        var flags = Value.ascii
        if high != 0 {
            flags = 0
            if try !isUTF8(start, upto) { return try repairedString(bytes) }
        }
        if delete == 0 { flags |= Value.plain }
        return Value(string: bytes, flags: flags)
    }

    /// Returns false for bytes that are to be repaired.
    @inline(never) private mutating func isUTF8(_ start: Int, _ upto: Int) throws(ReadFailure)
        -> Bool
    {
        var cursor = start
        while cursor < upto {
            let pieceEnd = unsafe heap.pieceEnd(Bytes(base, upto), from: cursor)
            if let bad = unsafe UTF8Text.firstInvalid(base + cursor, pieceEnd - cursor) {
                if isLenient { return false }
                throw ReadFailure(code: .badUTF8, offset: cursor + bad)
            }
            cursor = pieceEnd
            if cursor < upto { try look() }
        }
        return true
    }

    /// The string with U+FFFD for what is not UTF-8.
    @inline(never) private mutating func repairedString(_ bytes: Bytes) throws(ReadFailure) -> Value
    {
        let target = try room(UTF8Text.repairedCapacity(for: bytes.count))
        var (cursor, count) = (0, 0)
        while cursor < bytes.count {
            let pieceEnd = heap.pieceEnd(bytes, from: cursor)
            count += unsafe UTF8Text.repair(
                bytes.base + cursor, pieceEnd - cursor, to: target.bytes.base + count)
            cursor = pieceEnd
            if cursor < bytes.count { try look() }
        }
        if counts { Heap.setUsed(UInt(target.payload), count) }
        return target.with(count: count)
    }

    /// Looks at the budget within a long string.
    @inline(never) private func look() throws(ReadFailure) {
        do throws(Stop) { try budget.charge(Budget.sliceStepCount) } catch {
            throw ReadFailure(code: .limit, offset: offset)
        }
    }

    /// A string of `byteCount` bytes that the caller writes.
    private mutating func room(_ byteCount: Int) throws(ReadFailure) -> Value {
        do throws(Stop) {
            if counts { return try heap.makeString(byteCount).with(count: byteCount) }
            let address = try heap.bump(byteCount)
            return Value(.string, count: byteCount, payload: UInt64(address))
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    /// Bytes between two looks at the budget, where each may be an escape.
    private static var escapedLookByteCount: Int { 1 << 14 }

    /// A string with escapes: its end is found first, then it is decoded into memory of its own.
    private mutating func readEscapedString(_ start: Int, _ firstStop: Int) throws(ReadFailure)
        -> Value
    {
        let text = unsafe TextScan(base, end)
        var close = firstStop
        var nextLook = close &+ JSONReader.escapedLookByteCount
        while true {
            if close >= nextLook {
                try look()
                nextLook = close &+ JSONReader.escapedLookByteCount
            }
            close = text.wideEnd(close)
            if close >= end { throw ReadFailure(code: .unexpectedEnd, offset: end) }
            let byte = byte(close)
            if byte == UInt8(ascii: "\"") { break }
            if byte < 0x20 { throw ReadFailure(code: .controlInString, offset: close) }
            close &+= byte == UInt8(ascii: "\\") ? 2 : 1
        }
        if try isUTF8(start, close) { return try decodeString(start, close) }
        let decoded = try decodeString(start, close)
        defer { heap.release(decoded) }
        return try repairedString(decoded.bytes)
    }

    /// A string with escapes between its quotes.
    mutating func decodeString(_ start: Int, _ close: Int) throws(ReadFailure) -> Value {
        // Decoded text is never longer than its escapes.
        let target = try room(close - start)
        let count: Int
        do throws(ReadFailure) { count = try decode(start, close, target.bytes) } catch {
            heap.release(target)
            throw error
        }
        offset = close &+ 1
        if counts { Heap.setUsed(UInt(target.payload), count) }
        return target.with(count: count)
    }

    /// Decodes `start..<close` into `out`; returns how many bytes it wrote.
    private mutating func decode(_ start: Int, _ close: Int, _ out: Bytes) throws(ReadFailure)
        -> Int
    {
        var cursor = start
        var count = 0
        var nextLook = cursor &+ JSONReader.escapedLookByteCount
        while cursor < close {
            if cursor >= nextLook {
                try look()
                nextLook = cursor &+ JSONReader.escapedLookByteCount
            }
            // Safety: 16 or 8 bytes remain, and at least as many in `out`, which has received no
            // more bytes than were read.
            while cursor &+ 16 <= close {
                let block = unsafe ByteBlock(base + cursor)
                unsafe block.store(to: out.base + count)
                let stops = block.backslashes
                let passed = stops == 0 ? 16 : stops.trailingZeroBitCount
                cursor &+= passed
                count &+= passed
                if stops != 0 { break }
            }
            while cursor &+ 8 <= close {
                let word = unsafe UnsafeRawPointer(base + cursor).loadUnaligned(as: UInt64.self)
                unsafe UnsafeMutableRawPointer(out.base + count).storeBytes(
                    of: word, as: UInt64.self)
                let backslash = word ^ (JSONReader.ones &* 0x5C)
                let stops = (backslash &- JSONReader.ones) & ~backslash & JSONReader.highs
                let passed = stops == 0 ? 8 : stops.trailingZeroBitCount &>> 3
                cursor &+= passed
                count &+= passed
                if stops != 0 { break }
            }
            if cursor == close { break }
            let byte = byte(cursor)
            if byte != UInt8(ascii: "\\") {
                out[count] = byte
                count &+= 1
                cursor &+= 1
                continue
            }
            let escape = self.byte(cursor &+ 1)
            var plain: UInt8 = 0
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = escape
            case UInt8(ascii: "b"): plain = 0x08
            case UInt8(ascii: "f"): plain = 0x0C
            case UInt8(ascii: "n"): plain = 0x0A
            case UInt8(ascii: "r"): plain = 0x0D
            case UInt8(ascii: "t"): plain = 0x09
            case UInt8(ascii: "u"):
                let (scalar, byteCount) = try decodeUnicode(cursor, close)
                count += out.put(scalar, at: count)
                cursor += byteCount
                continue
            default: throw escapeFailure(.badEscape, cursor, close)
            }
            out[count] = plain
            count &+= 1
            cursor &+= 2
        }
        return count
    }

    /// `\uXXXX`, or a pair of them: the scalar and how many bytes were read. Half a pair is
    /// refused: read as U+FFFD it could make two names equal. jq refuses a first half alone, and
    /// reads U+FFFD for a second half alone.
    private func decodeUnicode(_ cursor: Int, _ close: Int) throws(ReadFailure) -> (UInt32, Int) {
        let text = unsafe TextScan(base, close)
        guard let first = text.escapedUnit(cursor) else {
            throw escapeFailure(.badEscape, cursor, close)
        }
        if first & 0xF800 != 0xD800 { return (first, 6) }
        if let second = text.escapedSecondHalf(cursor &+ 6, after: first) {
            return (0x10000 + (first & 0x3FF) << 10 + second & 0x3FF, 12)
        }
        if isLenient && first >= 0xDC00 { return (0xFFFD, 6) }
        throw escapeFailure(.badSurrogate, cursor, close)
    }

    /// jq reports a bad escape at the end of its string.
    private func escapeFailure(
        _ code: ReadFailure.Code, _ cursor: Int, _ close: Int
    ) -> ReadFailure {
        ReadFailure(code: code, offset: isLenient ? close : cursor)
    }

    private func skipDigits(_ start: Int) -> Int {
        unsafe TextScan(base, end).skipDigits(start)
    }

    @inline(__always) private func isDigit(_ cursor: Int) -> Bool {
        cursor < end && byte(cursor) &- 0x30 <= 9
    }

    /// A number without an exponent; nil leaves it to `readNumber`.
    @inline(__always) static func readPlainNumber(
        _ text: TextScan, _ cursor: inout Int, _ first: UInt8
    ) -> Value? {
        let start = cursor
        let isNegative = first == UInt8(ascii: "-")
        if !isNegative && first &- 0x30 > 9 { return nil }
        let digits = isNegative ? start &+ 1 : start
        var (integer, stop) = text.integer(digits)
        let count = stop &- digits
        if count == 0 || stop >= text.end { return nil }
        if count > 1 && text[digits] == UInt8(ascii: "0") { return nil }
        var next = text[stop]
        if next != UInt8(ascii: ".") {
            if next | 0x20 == UInt8(ascii: "e") { return nil }
            if count <= 18 && (integer != 0 || !isNegative) {
                cursor = stop
                if isNegative { integer = 0 &- integer }
                return Value(integer: integer)
            }
        } else {
            let fraction = stop &+ 1
            stop = text.skipDigits(fraction)
            if stop == fraction || stop >= text.end { return nil }
            if stop &- start > LiteralText.byteCountMax { return nil }
            next = text[stop]
            if next | 0x20 == UInt8(ascii: "e") { return nil }
        }
        cursor = stop
        return unsafe Value(
            .literal, count: stop &- start, payload: UInt64(UInt(bitPattern: text.base + start)))
    }

    /// A number: an integer of up to 18 digits becomes an integer, all others keep their text.
    @inline(__always) mutating func readNumber() throws(ReadFailure) -> Value {
        let start = offset
        var cursor = offset
        let isNegative = byte(cursor) == UInt8(ascii: "-")
        if isNegative { cursor &+= 1 }
        let digits = cursor
        let integer: Int
        (integer, cursor) = unsafe TextScan(base, end).integer(digits)
        let digitCount = cursor &- digits
        if digitCount == 0 {
            if isLenient { return try readLenientNumber(start) }
            throw failure(.badNumber, cursor)
        }
        if digitCount > 1 && byte(digits) == UInt8(ascii: "0") {
            if isLenient { return try readLenientNumber(start) }
            throw ReadFailure(code: .badNumber, offset: digits)
        }
        let next = cursor < end ? byte(cursor) : 0x20
        let isInteger = next != UInt8(ascii: ".") && next | 0x20 != UInt8(ascii: "e")
        if isInteger && digitCount <= 18 && (integer != 0 || !isNegative) {
            offset = cursor
            return Value(integer: isNegative ? -integer : integer)
        }
        return try readLongNumber(start, cursor)
    }

    private mutating func readLongNumber(_ start: Int, _ afterInteger: Int) throws(ReadFailure)
        -> Value
    {
        var cursor = afterInteger
        var hasExponent = false
        if cursor < end && byte(cursor) == UInt8(ascii: ".") {
            cursor &+= 1
            if !isDigit(cursor) {
                if isLenient { return try readLenientNumber(start) }
                throw failure(.badNumber, cursor)
            }
            cursor = skipDigits(cursor)
        }
        if cursor < end && byte(cursor) | 0x20 == UInt8(ascii: "e") {
            hasExponent = true
            cursor &+= 1
            if cursor < end
                && (byte(cursor) == UInt8(ascii: "+") || byte(cursor) == UInt8(ascii: "-"))
            {
                cursor &+= 1
            }
            if !isDigit(cursor) { throw failure(.badNumber, cursor) }
            while isDigit(cursor) { cursor &+= 1 }
        }
        offset = cursor
        let text = unsafe Bytes(base + start, cursor - start)
        if text.count > LiteralText.byteCountMax {
            throw ReadFailure(code: .badNumber, offset: start)
        }
        if hasExponent { return try canonicalLiteral(text) }
        return unsafe Value(
            .literal, count: text.count, payload: UInt64(UInt(bitPattern: text.base)))
    }

    /// The literal in a form that can be printed, in its own memory.
    private mutating func canonicalLiteral(_ text: Bytes) throws(ReadFailure) -> Value {
        do throws(Stop) {
            if counts { return try heap.literal(text) }
            let address = try heap.bump(text.count + 24)
            let room = unsafe UnsafeMutablePointer<UInt8>(bitPattern: address).unsafelyUnwrapped
            let count = unsafe LiteralText.canonical(text.base, text.count, to: room)
            return Value(.literal, count: count, payload: UInt64(address))
        } catch { throw ReadFailure(code: .limit, offset: offset) }
    }

    /// Refuses what must not follow a number or word that is a whole text.
    func checkToken(_ value: Value) throws(ReadFailure) {
        let next = byte(offset)
        if !JSONReader.endsToken(next) {
            throw ReadFailure(code: value.isNumber ? .badNumber : .badLiteral, offset: offset)
        }
        switch next {
        case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "]"), UInt8(ascii: "}"):
            if isLenient { throw ReadFailure(code: .unexpectedByte, offset: offset) }
        default: break
        }
    }

    /// The most bytes of one of the words below: zeros may follow some, but not without end.
    private static var wordBytesMax: Int { 64 }

    /// A number that jq accepts and RFC 8259 does not: the whole token as decNumber reads it, upper
    /// and lower case alike.
    ///
    ///     [+-] ( digits [. digits] | . digits ) [e [+-] digits]
    ///     [+-] ( inf | infinity | nan | snan ), the last two may be followed by zeros
    @inline(never) mutating func readLenientNumber(_ start: Int) throws(ReadFailure) -> Value {
        var stop = start
        // A token that is not a number may have any length.
        let isNegative = byte(start) == UInt8(ascii: "-")
        let first = isNegative || byte(start) == UInt8(ascii: "+") ? start + 1 : start
        let isWord = first < end && byte(first) | 0x20 >= UInt8(ascii: "a")
        let last = min(
            end, isWord ? first + JSONReader.wordBytesMax : start + LiteralText.byteCountMax)
        while stop < last && !JSONReader.endsToken(byte(stop)) { stop &+= 1 }
        if stop < end && !JSONReader.endsToken(byte(stop)) {
            throw ReadFailure(code: .badNumber, offset: start)
        }
        if !isWord {
            guard first < stop, isDigit(first) || byte(first) == UInt8(ascii: "."),
                isDecimal(first, stop)
            else { throw ReadFailure(code: .badNumber, offset: start) }
            offset = stop
            let signed = isNegative ? start : first
            return try unsafe canonicalLiteral(Bytes(base + signed, stop - signed))
        }
        var word = unsafe Bytes(base + first, stop - first).text.lowercased()[...]
        if word == "inf" || word == "infinity" {
            offset = stop
            return Value(double: isNegative ? -.infinity : .infinity)
        }
        while word.last == "0" { word.removeLast() }
        if word != "nan" && word != "snan" {
            throw ReadFailure(code: .badNumber, offset: start)
        }
        offset = stop
        return Value(double: .nan)
    }

    /// Whether the bytes are digits with at most one point, and maybe an exponent.
    private func isDecimal(_ start: Int, _ stop: Int) -> Bool {
        var cursor = start
        while isDigit(cursor) { cursor &+= 1 }
        var digitCount = cursor - start
        if cursor < stop && byte(cursor) == UInt8(ascii: ".") {
            let fraction = cursor + 1
            cursor = fraction
            while isDigit(cursor) { cursor &+= 1 }
            digitCount += cursor - fraction
        }
        if digitCount == 0 { return false }
        if cursor < stop && byte(cursor) | 0x20 == UInt8(ascii: "e") {
            cursor &+= 1
            if cursor < stop
                && (byte(cursor) == UInt8(ascii: "+") || byte(cursor) == UInt8(ascii: "-"))
            {
                cursor &+= 1
            }
            if !isDigit(cursor) { return false }
            while isDigit(cursor) { cursor &+= 1 }
        }
        return cursor == stop
    }
}
