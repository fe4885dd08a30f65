// Building strings and number literals in the heap.
//
// Safety: bytes are read and written below their counts.

import Glibc

extension Heap {
    /// A new string of `byteCount` bytes, to be filled by the caller through `bytes`.
    @inline(__always) func makeString(_ byteCount: Int, flags: UInt64 = 0) throws(Stop) -> Value {
        if byteCount > Int(UInt32.max) - 64 { throw stop(.memory) }
        let payload = try allocate(byteCount, unit: 1)
        Heap.setUsed(payload, byteCount)
        return Value(
            .string, flags: Value.counted | flags, count: byteCount, payload: UInt64(payload))
    }

    /// A new string with these bytes, which are valid UTF-8; `flags` are what is known of them.
    @inline(__always) func string(_ bytes: Bytes, flags: UInt64 = 0) throws(Stop) -> Value {
        let value = try makeString(bytes.count, flags: flags)
        try copy(bytes, to: value.bytes, at: 0)
        return value
    }

    func string(_ text: StaticString) throws(Stop) -> Value {
        unsafe try string(
            Bytes(UnsafeMutablePointer(mutating: text.utf8Start), text.utf8CodeUnitCount),
            flags: Value.ascii)
    }

    func string(_ text: String) throws(Stop) -> Value {
        var text = text
        var result = Value.null
        // `withUTF8` rethrows untyped errors, so the failure is carried out of it.
        var failed = false
        text.withUTF8 { utf8 in
            do throws(Stop) {
                result = try makeString(utf8.count)
                if let base = utf8.baseAddress {
                    unsafe try copy(
                        Bytes(UnsafeMutablePointer(mutating: base), utf8.count),
                        to: result.bytes, at: 0)
                }
            } catch { failed = true }
        }
        if failed { throw .limit }
        return result
    }

    /// A number literal with this text, which RFC 8259's grammar (or jq's lexer) allows.
    func literal(_ text: Bytes) throws(Stop) -> Value {
        let payload = try allocate(text.count + 24, unit: 1)
        let room = unsafe UnsafeMutablePointer<UInt8>(bitPattern: payload).unsafelyUnwrapped
        let count = unsafe LiteralText.canonical(text.base, text.count, to: room)
        Heap.setUsed(payload, count)
        return Value(.literal, flags: Value.counted, count: count, payload: UInt64(payload))
    }

    /// The same for a text that needs no change to be printed.
    func literal(printed text: Bytes) throws(Stop) -> Value {
        let payload = try allocate(text.count, unit: 1)
        Heap.setUsed(payload, text.count)
        let value = Value(
            .literal, flags: Value.counted, count: text.count, payload: UInt64(payload))
        try copy(text, to: value.bytes, at: 0)
        return value
    }

    /// Copies the strings and literals among these values whose bytes are part of a text into
    /// blocks of their own.
    func own(_ values: Slots, _ count: Int, from text: Bytes) throws(Stop) {
        let start = unsafe UInt64(UInt(bitPattern: text.base))
        for i in 0..<count {
            let value = values[i]
            try chargeElement(i)
            if value.payload &- start >= UInt64(text.count) { continue }
            if value.tag == .string {
                values[i] = try string(value.bytes, flags: value.word & (Value.ascii | Value.plain))
            } else if value.tag == .literal {
                values[i] = try literal(printed: value.bytes)
            }
        }
    }

    /// A string of these bytes, with U+FFFD for what is not UTF-8.
    func string(repairing bytes: Bytes) throws(Stop) -> Value {
        if unsafe UTF8Text.firstInvalid(bytes.base, bytes.count) == nil { return try string(bytes) }
        let room = try makeString(UTF8Text.repairedCapacity(for: bytes.count))
        // Safety: the string has room for the most bytes that a repair writes.
        let count = unsafe UTF8Text.repair(bytes.base, bytes.count, to: room.bytes.base)
        Heap.setUsed(UInt(room.payload), count)
        return room.with(count: count)
    }

    /// Makes room for `more` bytes in an owned string that nobody else holds.
    func reserveBytes(_ string: inout Value, _ more: Int) throws(Stop) {
        let count = string.count
        let total = count + more
        precondition(isUnique(string))
        if Heap.used(UInt(string.payload)) != count {
            cutCodePointTables(UInt(string.payload), count)
        }
        if Heap.capacity(UInt(string.payload)) >= total { return }
        if total > Int(UInt32.max) - 64 { throw stop(.memory) }
        let payload = try grow(
            UInt(string.payload), used: count, to: max(total, count + count / 2), unit: 1)
        string.payload = UInt64(payload)
    }

    /// Appends bytes to an owned string, in place when nobody else holds it.
    func append(_ string: inout Value, _ bytes: Bytes, flags: UInt64) throws(Stop) {
        let count = string.count
        let total = count + bytes.count
        if total > Int(UInt32.max) - 64 { throw stop(.memory) }
        let kept = string.word & flags & (Value.ascii | Value.plain)
        if isUnique(string) {
            var payload = UInt(string.payload)
            if Heap.used(payload) != count { cutCodePointTables(payload, count) }
            if Heap.capacity(payload) < total {
                payload = try grow(payload, used: count, to: max(total, count + count / 2), unit: 1)
            }
            string = Value(
                .string, flags: Value.counted | kept, count: total, payload: UInt64(payload))
        } else if hasRoomAfterPart(string, bytes.count) {
            let block = Heap.block(string)
            let first = Int(UInt(string.payload) - block)
            cutCodePointTables(block, first + count)
            Heap.setUsed(block, first + total)
            string = Value(
                word: string.word & ~(Value.ascii | Value.plain) | kept, payload: string.payload
            ).with(count: total)
            return try copy(bytes, to: string.bytes, at: count)
        } else {
            // Room for more: one append is often followed by others.
            let payload = try allocate(count == 0 ? total : total + total / 4, unit: 1)
            let grown = Value(
                .string, flags: Value.counted | kept, count: total, payload: UInt64(payload))
            try copy(string.bytes, to: grown.bytes, at: 0)
            release(string)
            string = grown
        }
        Heap.setUsed(UInt(string.payload), total)
        try copy(bytes, to: string.bytes, at: count)
    }

    /// Whether a part that nobody else holds has room for more bytes after it.
    private func hasRoomAfterPart(_ string: Value, _ more: Int) -> Bool {
        if !string.isPart || !isSole(string) { return false }
        let block = Heap.block(string)
        return Heap.capacity(block) >= Int(UInt(string.payload) - block) + string.count + more
    }

    /// The substring between two byte offsets at code point boundaries; the string is borrowed. A
    /// part of a string that is fixed for the run shares its bytes, and so does a long one where
    /// sharing is worth it (see `part`).
    func substring(_ string: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        if from == 0 && upto == string.count { return retain(string) }
        let part = string.bytes.slice(from, upto)
        let flags = string.word & (Value.ascii | Value.plain)
        if !string.isCounted { return Value(string: part, flags: flags) }
        if part.count > Heap.partByteCountMin,
            let shared = self.part(string, at: from, byteCount: part.count, count: part.count)
        {
            return shared
        }
        return try self.string(part, flags: flags)
    }
}
