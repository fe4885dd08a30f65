// `@text`, `@json`, `@csv`, ...: values -> text for another syntax.
//
// Safety: pointers are of values' bytes, with their counts, or of the runner's state.

extension Evaluator {
    /// A value formatted for a place in a string; the value is owned.
    func formatted(_ value: Value, _ native: Native) throws(Stop) -> Value {
        if native == .formatText && value.isString { return value }
        defer { release(value) }
        return native == .formatText || native == .formatJSON
            ? try toJSON(value) : try format(value, native, nil)
    }

    /// A borrowed value in one of the formats.
    func format(_ value: Value, _ native: Native, _ node: NodeRef?) throws(Stop) -> Value {
        switch native {
        case .formatCSV, .formatTSV: return try formatRow(value, native, node)
        case .formatShell: return try formatShell(value, node)
        case .formatText, .formatJSON: return try toJSON(value)
        default: break
        }
        let text = value.isString ? retain(value) : try toJSON(value)
        defer { release(text) }
        try charge(text.count / 16)
        let bytes = text.bytes
        switch native {
        case .formatHTML:
            return unsafe try written(Escaping.htmlCapacity(for: bytes.count)) { out in
                unsafe Escaping.html(bytes.base, bytes.count, to: out)
            }
        case .formatURI:
            return unsafe try written(PercentCoding.capacity(for: bytes.count)) { out in
                unsafe PercentCoding.encode(bytes.base, bytes.count, to: out)
            }
        case .formatURID:
            return unsafe try decoded(text, bytes.count, .notURI, node) { out in
                unsafe PercentCoding.decode(bytes.base, bytes.count, to: out)
            }
        case .formatBase64:
            return unsafe try written(Base64.capacity(for: bytes.count)) { out in
                unsafe Base64.encode(bytes.base, bytes.count, to: out)
            }
        case .formatBase32:
            return unsafe try written(Base32.capacity(for: bytes.count)) { out in
                unsafe Base32.encode(bytes.base, bytes.count, to: out)
            }
        case .formatBase32d:
            return unsafe try decoded(
                text, Base32.decodedCapacity(for: bytes.count), .notBase32, node
            ) { out in
                unsafe Base32.decode(bytes.base, bytes.count, to: out)
            }
        default: return try decodeBase64(text, node)
        }
    }

    /// A string of at most `capacity` bytes that `body` writes; it returns their count.
    private func written(_ capacity: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int)
        throws(Stop) -> Value
    {
        let string = try heap.makeString(capacity)
        let count = unsafe body(string.bytes.base)
        Heap.setUsed(UInt(string.payload), count)
        return string.with(count: count)
    }

    /// The same for what may fail, and whose bytes may not be UTF-8.
    private func decoded(
        _ text: Value, _ capacity: Int, _ message: Message, _ node: NodeRef?,
        _ body: (UnsafeMutablePointer<UInt8>) -> Int?
    ) throws(Stop) -> Value {
        var isValid = true
        let raw = unsafe try written(capacity) { out in
            if let count = unsafe body(out) { return count }
            isValid = false
            return 0
        }
        defer { release(raw) }
        if !isValid { throw raise(message, text, at: node) }
        let bytes = raw.bytes
        return unsafe try written(UTF8Text.repairedCapacity(for: bytes.count)) { out in
            unsafe UTF8Text.repair(bytes.base, bytes.count, to: out)
        }
    }

    private func decodeBase64(_ text: Value, _ node: NodeRef?) throws(Stop) -> Value {
        let bytes = text.bytes
        var failure: Base64.Failure?
        do throws(Stop) {
            return unsafe try decoded(
                text, Base64.decodedCapacity(for: bytes.count), .notBase64, node
            ) { out in
                do throws(Base64.Failure) {
                    return unsafe try Base64.decode(bytes.base, bytes.count, to: out)
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            if failure != .trailingByte || error != .raised { throw error }
            release(takeError())
            var sentence = try heap.string("")
            try appendShown(&sentence, text, withKind: true)
            try append(&sentence, " trailing base64 byte found")
            throw raise(sentence, at: node)
        }
    }

    private func formatRow(_ value: Value, _ native: Native, _ node: NodeRef?) throws(Stop) -> Value
    {
        let isCSV = native == .formatCSV
        if !value.isArray {
            var sentence = try heap.string("")
            try appendShown(&sentence, value, withKind: true)
            try append(
                &sentence,
                isCSV
                    ? " cannot be csv-formatted, only array"
                    : " cannot be tsv-formatted, only array")
            throw raise(sentence, at: node)
        }
        var row = try heap.makeString(0)
        for i in 0..<value.count {
            try charge(1)
            if i > 0 { try append(&row, isCSV ? "," : "\t") }
            let cell = value.slots[i]
            switch cell.tag {
            case .null: break
            case .string:
                let bytes = cell.bytes
                try charge(bytes.count / 16)
                let capacity =
                    isCSV
                    ? Escaping.csvCapacity(for: bytes.count)
                    : Escaping.tsvCapacity(for: bytes.count)
                let part = unsafe try written(capacity) { out in
                    unsafe isCSV
                        ? Escaping.csv(bytes.base, bytes.count, to: out)
                        : Escaping.tsv(bytes.base, bytes.count, to: out)
                }
                try heap.append(&row, part.bytes, flags: 0)
                release(part)
            case .array, .object:
                release(row)
                throw raise(.notInCSVRow, cell, at: node)
            default:
                let part = try toJSON(cell)
                try heap.append(&row, part.bytes, flags: 0)
                release(part)
            }
        }
        return row
    }

    private func formatShell(_ value: Value, _ node: NodeRef?) throws(Stop) -> Value {
        var words = try heap.makeString(0)
        let count = value.isArray ? value.count : 1
        for i in 0..<count {
            try charge(1)
            if i > 0 { try append(&words, " ") }
            let word = value.isArray ? value.slots[i] : value
            if word.isContainer {
                release(words)
                throw raise(.cannotEscape, word, at: node)
            }
            let part: Value
            if word.isString {
                let bytes = word.bytes
                part = unsafe try written(Escaping.shellCapacity(for: bytes.count)) { out in
                    unsafe Escaping.shell(bytes.base, bytes.count, to: out)
                }
            } else {
                part = try toJSON(word)
            }
            try heap.append(&words, part.bytes, flags: 0)
            release(part)
        }
        return words
    }
}
