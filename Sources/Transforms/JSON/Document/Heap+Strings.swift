// Building strings and number literals in the heap.

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

    /// A new string with these bytes, which are valid UTF-8; `flags` as they are known.
    @inline(__always) func string(_ bytes: Bytes, flags: UInt64 = 0) throws(Stop) -> Value {
        let value = try makeString(bytes.count, flags: flags)
        value.bytes.copy(bytes, at: 0)
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
                    unsafe result.bytes.copy(
                        Bytes(UnsafeMutablePointer(mutating: base), utf8.count), at: 0)
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

    /// The same for a text that is printed as it is.
    func literal(printed text: Bytes) throws(Stop) -> Value {
        let payload = try allocate(text.count, unit: 1)
        Heap.setUsed(payload, text.count)
        let value = Value(
            .literal, flags: Value.counted, count: text.count, payload: UInt64(payload))
        value.bytes.copy(text, at: 0)
        return value
    }

    /// Appends bytes to an owned string, in place when nobody else holds it.
    func append(_ string: inout Value, _ bytes: Bytes, flags: UInt64) throws(Stop) {
        let count = string.count
        let total = count + bytes.count
        if total > Int(UInt32.max) - 64 { throw stop(.memory) }
        let kept = string.word & flags & (Value.ascii | Value.plain)
        if isUnique(string) {
            var payload = UInt(string.payload)
            if Heap.capacity(payload) < total {
                payload = try grow(payload, used: count, to: max(total, count + count / 2), unit: 1)
            }
            string = Value(
                .string, flags: Value.counted | kept, count: total, payload: UInt64(payload))
        } else {
            // Room for more: who appends once often appends again.
            let payload = try allocate(count == 0 ? total : total + total / 4, unit: 1)
            let grown = Value(
                .string, flags: Value.counted | kept, count: total, payload: UInt64(payload))
            grown.bytes.copy(string.bytes, at: 0)
            release(string)
            string = grown
        }
        Heap.setUsed(UInt(string.payload), total)
        string.bytes.copy(bytes, at: count)
    }

    /// `from` and `upto` are byte offsets at code point boundaries; the string is borrowed. A part
    /// of a string that is fixed for the run shares its bytes.
    func substring(_ string: Value, _ from: Int, _ upto: Int) throws(Stop) -> Value {
        if from == 0 && upto == string.count { return retain(string) }
        let part = string.bytes.slice(from, upto)
        let flags = string.word & (Value.ascii | Value.plain)
        if !string.isCounted { return Value(string: part, flags: flags) }
        return try self.string(part, flags: flags)
    }
}

extension Bytes {
    /// Byte for byte the same, when both have `count` bytes.
    @inline(__always) func isEqual(to other: Bytes) -> Bool {
        count == other.count && hasSameBytes(other)
    }

    /// The first `count` bytes of both are the same; names are short, so no call is made for them.
    @inline(__always) func hasSameBytes(_ other: Bytes) -> Bool {
        let count = count
        // Safety: reads stay below `count`, which both have.
        unsafe assert(count <= other.count || base == other.base)
        if count >= 8 {
            var offset = 0
            while offset &+ 8 < count {
                if unsafe differ(other, offset, as: UInt64.self) { return false }
                offset &+= 8
            }
            return unsafe !differ(other, count &- 8, as: UInt64.self)
        }
        if count >= 4 {
            return unsafe !differ(other, 0, as: UInt32.self)
                && !differ(other, count &- 4, as: UInt32.self)
        }
        if count >= 2 {
            return unsafe !differ(other, 0, as: UInt16.self)
                && !differ(other, count &- 2, as: UInt16.self)
        }
        return count == 0 || self[0] == other[0]
    }

    /// Whether the words at an offset are different.
    @unsafe @inline(__always) private func differ<Word: FixedWidthInteger & BitwiseCopyable>(
        _ other: Bytes, _ offset: Int, as type: Word.Type
    ) -> Bool {
        unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: type)
            != UnsafeRawPointer(other.base + offset).loadUnaligned(as: type)
    }

    /// The first 8 bytes as a big-endian number, zeros behind those of fewer.
    @inline(__always) var prefix: UInt64 {
        let raw = unsafe UnsafeRawPointer(base)
        // Safety: reads stay below `count`; words that overlap save the loop.
        if count >= 8 { return unsafe raw.loadUnaligned(as: UInt64.self).bigEndian }
        if count >= 4 {
            let last = count &- 4
            let high = unsafe raw.loadUnaligned(as: UInt32.self).bigEndian
            let low = unsafe raw.loadUnaligned(fromByteOffset: last, as: UInt32.self).bigEndian
            return UInt64(high) &<< 32
                | UInt64(truncatingIfNeeded: low &<< UInt32(truncatingIfNeeded: (4 &- last) &* 8))
                & (last == 0 ? 0 : 0xFFFF_FFFF)
        }
        var prefix: UInt64 = 0
        for offset in 0..<count {
            prefix |= UInt64(self[offset]) &<< UInt64(truncatingIfNeeded: 56 &- 8 &* offset)
        }
        return prefix
    }

    /// Order by bytes, which for UTF-8 is the order by code points. Most strings differ in their
    /// first 8 bytes, which are compared as one big-endian number.
    @inline(__always) func compare(_ other: Bytes) -> Int {
        let (lhs, rhs) = (prefix, other.prefix)
        if lhs != rhs { return lhs < rhs ? -1 : 1 }
        if count <= 8 && other.count <= 8 { return count &- other.count }
        let order = unsafe memcmp(base, other.base, min(count, other.count))
        return order != 0 ? Int(order) : count - other.count
    }
}
