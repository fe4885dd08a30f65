// Values -> JSON text, as jq writes it: compact or indented, names in order or sorted, numbers with
// the shortest digits, literals as they were read.

import CIntrinsics
import Glibc

/// How values are written.
public struct WriteOptions: Sendable {
    /// Columns per level; nil writes everything on one line without spaces.
    public var indent: Int?
    /// One tab per level instead of spaces.
    public var usesTabs: Bool
    /// Members in the order of their names.
    public var sortsNames: Bool
    /// Everything above ASCII as `\uXXXX`.
    public var asciiOnly: Bool
    /// Whether nesting beyond the depth that is written is a limit; else jq's `<skipped: too deep>`
    /// replaces the value, which is not JSON.
    public var refusesDeep: Bool

    public init(
        indent: Int? = nil, usesTabs: Bool = false, sortsNames: Bool = false,
        asciiOnly: Bool = false, refusesDeep: Bool = false
    ) {
        self.indent = indent
        self.usesTabs = usesTabs
        self.sortsNames = sortsNames
        self.asciiOnly = asciiOnly
        self.refusesDeep = refusesDeep
    }

    public static let compact = WriteOptions()
    /// Compact, and always JSON.
    public static let strict = WriteOptions(refusesDeep: true)
}

struct JSONWriter {
    let heap: Heap
    let budget: Budget
    let options: WriteOptions
    /// Deeper values are replaced by a note, as in jq.
    static let depthMax = 10_000

    private var isCompact: Bool { options.indent == nil && !options.usesTabs }

    /// Appends the value's text.
    func write(_ value: Value, to out: inout OutputBuffer) throws(Stop) {
        if !value.isContainer { return try writeScalar(value, &out) }
        if isCompact && !options.sortsNames && !options.asciiOnly {
            try writeCompact(value, &out, 0)
        } else {
            try writeStyled(value, &out, 0)
        }
    }

    /// Scalars, and containers that are empty.
    @inline(__always) func writeScalar(_ value: Value, _ out: inout OutputBuffer)
        throws(Stop)
    {
        switch value.tag {
        case .null, .absent, .closure: try out.append(word: 0x6C6C_756E, 4, heap)
        case .no: try out.append(word: 0x65_736C_6166, 5, heap)
        case .yes: try out.append(word: 0x6575_7274, 4, heap)
        case .integer:
            try out.reserve(32, heap)
            out.advance(unsafe DoubleWriter.write(Int64(value.integer), to: out.tail))
        case .double:
            try out.reserve(40, heap)
            // Safety: the writer's `roomMax` is reserved, which is more than an integer needs.
            out.advance(unsafe DoubleWriter.write(value.storedDouble, to: out.tail))
        case .literal: try out.append(value.bytes, heap)
        case .array: try out.append("[]", heap)
        case .object: try out.append("{}", heap)
        case .string: try writeString(value, &out)
        }
    }

    private func writeCompact(_ value: Value, _ out: inout OutputBuffer, _ depth: Int) throws(Stop)
    {
        if depth > JSONWriter.depthMax { return try skipDeep(&out) }
        let slots = value.slots
        let count = value.count
        try budget.charge(1)
        try out.append(value.isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"), heap)
        var from = 0
        while from < count {
            let upto = min(from &+ Heap.pieceValueCount, count)
            try budget.charge(upto &- from)
            if value.isArray {
                try writeElements(slots, from, upto, count, &out, depth)
            } else {
                try writeMembers(slots, from, upto, &out, depth)
            }
            from = upto
        }
        try out.append(value.isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"), heap)
    }

    @inline(__always) private func writeElements(
        _ slots: Slots, _ from: Int, _ upto: Int, _ count: Int, _ out: inout OutputBuffer,
        _ depth: Int
    ) throws(Stop) {
        for i in from..<upto {
            if i > 0 { try out.append(UInt8(ascii: ","), heap) }
            let element = slots[i]
            if element.isContainer {
                if i &+ 2 < count { JSONWriter.prefetch(slots[i &+ 1], slots[i &+ 2]) }
                try writeCompact(element, &out, depth + 1)
            } else {
                try writeScalar(element, &out)
            }
            out.drainIfFull()
        }
    }

    @inline(__always) private func writeMembers(
        _ slots: Slots, _ from: Int, _ upto: Int, _ out: inout OutputBuffer, _ depth: Int
    ) throws(Stop) {
        for i in from..<upto {
            try out.reserve(2, heap)
            if i > 0 { out.put(UInt8(ascii: ",")) }
            try writeString(slots[2 &* i], &out)
            try out.append(UInt8(ascii: ":"), heap)
            let element = slots[2 &* i &+ 1]
            if element.isContainer {
                try writeCompact(element, &out, depth + 1)
            } else {
                try writeScalar(element, &out)
            }
            out.drainIfFull()
        }
    }

    /// Prefetches the next values where they do not follow the current one in memory: sorted
    /// elements may be anywhere. Benchmark: 60 MB of sorted orders: 390 -> 293 ms.
    @inline(__always) private static func prefetch(_ next: Value, _ second: Value) {
        if !second.isContainer || second.payload &- next.payload &+ 4096 < 8192 { return }
        prefetchBlocks(next, second)
    }

    /// Prefetches the second's block and those of its members, which were made before it; and the
    /// texts of the next, whose block has arrived by now, up to its last member's. This many cache
    /// lines hold records of some 400 bytes; fewer were slower, for sorted orders.
    @inline(never) private static func prefetchBlocks(_ next: Value, _ second: Value) {
        prefetchLines(-12..<4, at: second.payload)
        if !next.isContainer || next.count == 0 { return }
        let last = next.slots[next.isArray ? next.count &- 1 : 2 &* next.count &- 1]
        if last.isString { prefetchLines(-7..<1, at: last.payload) }
    }

    private static func prefetchLines(_ lines: Range<Int>, at address: UInt64) {
        for line in lines {
            fetch_line(UInt(truncatingIfNeeded: address &+ UInt64(bitPattern: Int64(line &* 64))))
        }
    }

    @inline(never) private func skipDeep(_ out: inout OutputBuffer) throws(Stop) {
        if options.refusesDeep { throw heap.stop(.depth) }
        try out.append("<skipped: too deep>", heap)
    }

    private func writeStyled(_ value: Value, _ out: inout OutputBuffer, _ depth: Int) throws(Stop) {
        if depth > JSONWriter.depthMax { return try skipDeep(&out) }
        let isArray = value.isArray
        let count = value.count
        if count == 0 { return try out.append(isArray ? "[]" : "{}", heap) }
        try budget.charge(min(count, Heap.pieceValueCount) + 1)
        let slots = value.slots
        let indices = !isArray && options.sortsNames ? try heap.sortedIndices(value) : nil
        let isCompact = isCompact
        let columns = options.usesTabs ? 1 : options.indent ?? 0
        let width = (depth &+ 1) &* columns
        let fill = SIMD16<UInt8>(
            repeating: options.usesTabs ? UInt8(ascii: "\t") : UInt8(ascii: " "))
        try out.append(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"), heap)
        for i in 0..<count {
            try heap.chargeElement(i)
            try out.reserve(width &+ OutputBuffer.lineRoom, heap)
            if !isCompact {
                out.putLine(width, fill, comma: i > 0)
            } else if i > 0 {
                out.put(UInt8(ascii: ","))
            }
            var element = slots[i]
            if !isArray {
                let index = indices?[i] ?? i
                try writeString(slots[2 * index], &out)
                try out.reserve(2, heap)
                out.put(UInt8(ascii: ":"))
                if !isCompact { out.put(UInt8(ascii: " ")) }
                element = slots[2 * index + 1]
            }
            if element.isContainer {
                try writeStyled(element, &out, depth + 1)
            } else {
                try writeScalar(element, &out)
            }
            out.drainIfFull()
        }
        if let indices { heap.release(indices) }
        try out.reserve(width &+ OutputBuffer.lineRoom, heap)
        if !isCompact {
            out.putLine(depth &* columns, fill, comma: false)
        }
        try out.append(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"), heap)
    }

    /// Strings of at most this many bytes are copied at once.
    private static let shortByteCountMax = 1024

    /// A string with its quotes.
    @inline(__always) func writeString(_ value: Value, _ out: inout OutputBuffer) throws(Stop) {
        if value.word & Value.plain != 0 && (value.isASCII || !options.asciiOnly) {
            let bytes = value.bytes
            if bytes.count > JSONWriter.shortByteCountMax { return try writeLong(bytes, &out) }
            try out.reserve(bytes.count &+ 2, heap)
            out.putString(bytes)
        } else {
            try writeEscaped(value.bytes, &out)
        }
    }

    @inline(never) private func writeLong(_ bytes: Bytes, _ out: inout OutputBuffer) throws(Stop) {
        try out.append(UInt8(ascii: "\""), heap)
        try out.append(bytes, heap)
        try out.append(UInt8(ascii: "\""), heap)
    }

    /// Runs of bytes that need no escape are copied as they are.
    @inline(never) private func writeEscaped(_ bytes: Bytes, _ out: inout OutputBuffer) throws(Stop)
    {
        try out.append(UInt8(ascii: "\""), heap)
        var offset = 0
        while offset < bytes.count {
            let end = heap.pieceEnd(bytes, from: offset)
            try budget.charge((end - offset) / 64)
            let text = unsafe TextScan(bytes.base, end)
            while offset < end {
                let start = offset
                offset = options.asciiOnly ? text.plainEnd(offset) : text.wideEnd(offset)
                try out.append(bytes.slice(start, offset), heap)
                if offset == end { break }
                try out.reserve(12, heap)
                offset += writeEscape(bytes, offset, &out)
                heap.spend(1)
            }
        }
        try out.append(UInt8(ascii: "\""), heap)
    }

    /// Writes the escape of the scalar at `offset`; returns how many bytes the scalar has.
    private func writeEscape(_ bytes: Bytes, _ offset: Int, _ out: inout OutputBuffer) -> Int {
        let byte = bytes[offset]
        if byte >= 0x80 {
            let (scalar, byteCount) = bytes.scalar(at: offset)
            if scalar < 0x10000 {
                writeUnicode(scalar, &out)
            } else {
                writeUnicode(0xD7C0 + scalar >> 10, &out)
                writeUnicode(0xDC00 + scalar & 0x3FF, &out)
            }
            return byteCount
        }
        var short: UInt8 = 0
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): short = byte
        case 0x08: short = UInt8(ascii: "b")
        case 0x09: short = UInt8(ascii: "t")
        case 0x0A: short = UInt8(ascii: "n")
        case 0x0C: short = UInt8(ascii: "f")
        case 0x0D: short = UInt8(ascii: "r")
        default: writeUnicode(UInt32(byte), &out)
        }
        if short != 0 {
            out.put(UInt8(ascii: "\\"))
            out.put(short)
        }
        return 1
    }

    private func writeUnicode(_ unit: UInt32, _ out: inout OutputBuffer) {
        out.put(UInt8(ascii: "\\"))
        out.put(UInt8(ascii: "u"))
        for shift in [12, 8, 4, 0] as [UInt32] {
            out.put(HexDigit.digit(of: UInt8(unit >> shift & 15)))
        }
    }
}
