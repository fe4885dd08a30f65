// Values -> JSON text in colours for a terminal, as jq -C: each token is between its kind's colour
// and a reset.
//
//     ESC[1;39m[ESC[0m ESC[0;39m1ESC[0m ESC[1;39m]ESC[0m        [1], without the spaces

/// The colours of a text's tokens.
public struct WriteColors: Sendable {
    /// For null, false, true, numbers, strings, arrays, objects and names, in that order.
    private(set) var codes: [String]

    /// jq 1.8's own.
    public static let standard = WriteColors(
        codes: ["0;90", "0;39", "0;39", "0;39", "0;32", "1;39", "1;39", "1;34"])

    private init(codes: [String]) { self.codes = codes }

    /// `JQ_COLORS`: codes separated by colons, which replace the first ones; nil where it is
    /// malformed. What follows the last kind's code is ignored, and an empty code at the end does
    /// not count. Source: jq manual, Colors.
    public init?(_ text: String) {
        self = .standard
        var rest = Substring(text)
        for i in codes.indices {
            let code = rest.prefix { $0.isASCII && $0.isWholeNumber || $0 == ";" }
            rest = rest.dropFirst(code.count)
            let isLast = rest.isEmpty || i == codes.count - 1
            if !isLast || !code.isEmpty { codes[i] = String(code) }
            if isLast { return }
            if rest.popFirst() != ":" { return nil }
        }
    }
}

struct ColorWriter {
    let heap: Heap
    let options: WriteOptions
    private let scalars: JSONWriter
    private let starts: [[UInt8]]

    init(heap: Heap, budget: Budget, options: WriteOptions, colors: WriteColors) {
        self.heap = heap
        self.options = options
        scalars = JSONWriter(
            heap: heap, budget: budget, options: WriteOptions(asciiOnly: options.asciiOnly))
        starts = colors.codes.map { Array("\u{1B}[\($0)m".utf8) }
    }

    private var isCompact: Bool { options.indent == nil && !options.usesTabs }

    /// Appends the value's text.
    func write(_ value: Value, to out: inout OutputBuffer, _ depth: Int) throws(Stop) {
        if !value.isContainer || depth > JSONWriter.depthMax {
            try begin(value.tag, &out)
            if value.isContainer {
                try out.append("<skipped: too deep>", heap)
            } else if value.tag == .double && value.storedDouble.isNaN {
                // A number that is written as another kind of value.
                try token("null", .null, &out)
            } else {
                try scalars.write(value, to: &out)
            }
            return try end(&out)
        }
        let isArray = value.isArray
        if value.count == 0 { return try token(isArray ? "[]" : "{}", value.tag, &out) }
        let indices = !isArray && options.sortsNames ? try heap.sortedIndices(value) : nil
        try token(isArray ? "[" : "{", value.tag, &out)
        for i in 0..<value.count {
            try heap.charge(4)
            if i > 0 { try token(",", value.tag, &out) }
            try breakLine(&out, depth + 1)
            if isArray {
                try write(value.slots[i], to: &out, depth + 1)
            } else {
                let index = indices?[i] ?? i
                try append(starts[7], &out)
                try scalars.write(value.slots[2 * index], to: &out)
                try end(&out)
                try token(":", value.tag, &out)
                if !isCompact { try out.append(0x20, heap) }
                try write(value.slots[2 * index + 1], to: &out, depth + 1)
            }
            out.drainIfFull()
        }
        if let indices { heap.release(indices) }
        try breakLine(&out, depth)
        try token(isArray ? "]" : "}", value.tag, &out)
    }

    private func token(_ text: StaticString, _ tag: Value.Tag, _ out: inout OutputBuffer)
        throws(Stop)
    {
        try begin(tag, &out)
        try out.append(text, heap)
        try end(&out)
    }

    private func begin(_ tag: Value.Tag, _ out: inout OutputBuffer) throws(Stop) {
        try append(starts[tag.rank], &out)
    }

    private func end(_ out: inout OutputBuffer) throws(Stop) { try out.append("\u{1B}[0m", heap) }

    private func append(_ bytes: [UInt8], _ out: inout OutputBuffer) throws(Stop) {
        for byte in bytes { try out.append(byte, heap) }
    }

    private func breakLine(_ out: inout OutputBuffer, _ depth: Int) throws(Stop) {
        if isCompact { return }
        try out.append(0x0A, heap)
        let width = options.usesTabs ? depth : depth * (options.indent ?? 0)
        for _ in 0..<width { try out.append(options.usesTabs ? 0x09 : 0x20, heap) }
    }
}
