// Values -> JSON text, as jq writes it: compact or indented, names in order or sorted, numbers in
// shortest digits, literals as they came.

import CIntrinsics
import Glibc

/// How values are written.
public struct WriteOptions: Sendable, Equatable {
    /// Columns per level; 0 writes everything on one line without spaces.
    public var indent: Int
    /// One tab per level instead of spaces.
    public var usesTabs: Bool
    /// Members in the order of their names.
    public var sortsNames: Bool
    /// Everything above ASCII as `\uXXXX`.
    public var asciiOnly: Bool

    public init(
        indent: Int = 0, usesTabs: Bool = false, sortsNames: Bool = false, asciiOnly: Bool = false
    ) {
        self.indent = indent
        self.usesTabs = usesTabs
        self.sortsNames = sortsNames
        self.asciiOnly = asciiOnly
    }

    public static let compact = WriteOptions()
}

struct JSONWriter {
    let heap: Heap
    let budget: Budget
    let options: WriteOptions
    /// Deeper values are written as a note, as jq does.
    static let depthMax = 10_000

    private var isCompact: Bool { options.indent == 0 && !options.usesTabs }

    /// Appends the value's text.
    func write(_ value: Value, to out: inout OutputBuffer) throws(Stop) {
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
            // Safety: the writer's `roomMax` is reserved, and above what an integer needs.
            out.advance(unsafe DoubleWriter.write(value.storedDouble, to: out.tail))
        case .literal:
            try chargeCopy(value.count)
            try out.append(value.bytes, heap)
        case .array: try out.append("[]", heap)
        case .object: try out.append("{}", heap)
        case .string: try writeString(value, &out)
        }
    }

    private func writeCompact(_ value: Value, _ out: inout OutputBuffer, _ depth: Int) throws(Stop)
    {
        if !value.isContainer { return try writeScalar(value, &out) }
        if depth > JSONWriter.depthMax { return try out.append("\"<skipped: too deep>\"", heap) }
        let slots = value.slots
        let count = value.count
        try budget.charge(count &+ 1)
        if value.isArray {
            try out.append(UInt8(ascii: "["), heap)
            for i in 0..<count {
                if i > 0 { try out.append(UInt8(ascii: ","), heap) }
                let element = slots[i]
                if element.isContainer {
                    if i &+ 2 < count { JSONWriter.fetch(slots[i &+ 1], slots[i &+ 2]) }
                    try writeCompact(element, &out, depth + 1)
                } else {
                    try writeScalar(element, &out)
                }
                out.drainIfFull()
            }
            return try out.append(UInt8(ascii: "]"), heap)
        }
        try out.append(UInt8(ascii: "{"), heap)
        for i in 0..<count {
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
        try out.append(UInt8(ascii: "}"), heap)
    }

    /// Has what comes next brought near, where it does not lie behind the value before: elements
    /// that were sorted lie anywhere.
    @inline(__always) private static func fetch(_ next: Value, _ second: Value) {
        if !second.isContainer || second.payload &- next.payload &+ 4096 < 8192 { return }
        fetchFar(next, second)
    }

    /// The second's block with those of its members, which were made before it; the texts of the
    /// next, whose block has come by now, up to its last member's. So many lines hold records of
    /// some 400 bytes; fewer were slower, for sorted orders.
    @inline(never) private static func fetchFar(_ next: Value, _ second: Value) {
        fetchLines(-12..<4, at: second.payload)
        if !next.isContainer || next.count == 0 { return }
        let last = next.slots[next.isArray ? next.count &- 1 : 2 &* next.count &- 1]
        if last.isString { fetchLines(-7..<1, at: last.payload) }
    }

    private static func fetchLines(_ lines: Range<Int>, at address: UInt64) {
        for line in lines {
            fetch_line(UInt(truncatingIfNeeded: address &+ UInt64(bitPattern: Int64(line &* 64))))
        }
    }

    private func writeStyled(_ value: Value, _ out: inout OutputBuffer, _ depth: Int) throws(Stop) {
        if !value.isContainer { return try writeScalar(value, &out) }
        if depth > JSONWriter.depthMax { return try out.append("\"<skipped: too deep>\"", heap) }
        let isArray = value.isArray
        let count = value.count
        if count == 0 { return try out.append(isArray ? "[]" : "{}", heap) }
        try budget.charge(count + 1)
        let slots = value.slots
        let places = !isArray && options.sortsNames ? heap.sortedPlaces(value) : []
        let isCompact = isCompact
        let width = options.usesTabs ? depth &+ 1 : (depth &+ 1) &* options.indent
        let fill = SIMD16<UInt8>(
            repeating: options.usesTabs ? UInt8(ascii: "\t") : UInt8(ascii: " "))
        try out.append(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"), heap)
        for i in 0..<count {
            try out.reserve(width &+ OutputBuffer.lineRoom, heap)
            if !isCompact {
                out.putLine(width, fill, comma: i > 0)
            } else if i > 0 {
                out.put(UInt8(ascii: ","))
            }
            var element = slots[i]
            if !isArray {
                let place = places.isEmpty ? i : Int(places[i])
                try writeString(slots[2 * place], &out)
                try out.reserve(2, heap)
                out.put(UInt8(ascii: ":"))
                if !isCompact { out.put(UInt8(ascii: " ")) }
                element = slots[2 * place + 1]
            }
            if element.isContainer {
                try writeStyled(element, &out, depth + 1)
            } else {
                try writeScalar(element, &out)
            }
            out.drainIfFull()
        }
        try out.reserve(width &+ OutputBuffer.lineRoom, heap)
        if !isCompact {
            out.putLine(options.usesTabs ? depth : depth &* options.indent, fill, comma: false)
        }
        try out.append(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"), heap)
    }

    /// Few texts are so long that to copy them is a step of its own.
    @inline(__always) private func chargeCopy(_ byteCount: Int) throws(Stop) {
        if byteCount >= 1024 { try budget.charge(byteCount &>> 8) }
    }

    /// A string with its quotes.
    @inline(__always) func writeString(_ value: Value, _ out: inout OutputBuffer) throws(Stop) {
        if value.word & Value.plain != 0 && (value.isASCII || !options.asciiOnly) {
            let bytes = value.bytes
            try chargeCopy(bytes.count)
            try out.reserve(bytes.count &+ 2, heap)
            out.putString(bytes)
        } else {
            try writeEscaped(value.bytes, &out)
        }
    }

    /// Runs of bytes that need no escape are copied as they are.
    @inline(never) private func writeEscaped(_ bytes: Bytes, _ out: inout OutputBuffer) throws(Stop)
    {
        try budget.charge(bytes.count / 64)
        try out.append(0x22, heap)
        var start = 0
        var place = 0
        let text = unsafe TextScan(bytes.base, bytes.count)
        while place < bytes.count {
            place = options.asciiOnly ? text.plainEnd(place) : text.wideEnd(place)
            if place == bytes.count { break }
            try out.append(bytes.slice(start, place), heap)
            try out.reserve(12, heap)
            place += writeEscape(bytes, place, &out)
            start = place
        }
        try out.append(bytes.slice(start, place), heap)
        try out.append(0x22, heap)
    }

    /// The escape of the scalar at `place`; the bytes that it took.
    private func writeEscape(_ bytes: Bytes, _ place: Int, _ out: inout OutputBuffer) -> Int {
        let byte = bytes[place]
        if byte >= 0x80 {
            let (scalar, byteCount) = bytes.scalar(at: place)
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
        case 0x22, 0x5C: short = byte
        case 0x08: short = UInt8(ascii: "b")
        case 0x09: short = UInt8(ascii: "t")
        case 0x0A: short = UInt8(ascii: "n")
        case 0x0C: short = UInt8(ascii: "f")
        case 0x0D: short = UInt8(ascii: "r")
        default: writeUnicode(UInt32(byte), &out)
        }
        if short != 0 {
            out.put(0x5C)
            out.put(short)
        }
        return 1
    }

    private func writeUnicode(_ unit: UInt32, _ out: inout OutputBuffer) {
        out.put(0x5C)
        out.put(UInt8(ascii: "u"))
        for shift in [12, 8, 4, 0] as [UInt32] {
            let digit = UInt8(unit >> shift & 15)
            out.put(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}
