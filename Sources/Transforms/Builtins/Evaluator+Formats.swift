// `@text`, `@json`, `@csv`, ...: values -> text for another syntax.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    /// A value formatted for interpolation in a string; the value is owned.
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
        let bytes = text.bytes
        var result = try heap.makeString(0)
        switch native {
        case .formatHTML:
            unsafe try append(&result, bytes, capacity: Escaping.htmlCapacity) { piece, out in
                unsafe Escaping.html(piece.base, piece.count, to: out)
            }
        case .formatURI:
            unsafe try append(&result, bytes, capacity: PercentCoding.capacity) { piece, out in
                unsafe PercentCoding.encode(piece.base, piece.count, to: out)
            }
        case .formatBase64:
            unsafe try append(&result, bytes, unit: 3, capacity: Base64.capacity) { piece, out in
                unsafe Base64.encode(piece.base, piece.count, to: out)
            }
        case .formatBase32:
            unsafe try append(&result, bytes, unit: 5, capacity: Base32.capacity) { piece, out in
                unsafe Base32.encode(piece.base, piece.count, to: out)
            }
        default: try decode(&result, text, native, node)
        }
        return result
    }

    /// Appends what `body` writes for each piece of some bytes; it returns how many bytes that is,
    /// or nil where it can't continue.
    /// - Parameter unit: the size of all pieces but the last is a multiple of it.
    /// - Returns: false when `body` could not continue.
    @discardableResult
    private func append(
        _ string: inout Value, _ bytes: Bytes, unit: Int = 1, capacity: (Int) -> Int,
        _ body: (Bytes, UnsafeMutablePointer<UInt8>) -> Int?
    ) throws(Stop) -> Bool {
        var isWhole = true
        try heap.inPieces(bytes.count, unit: unit, perStep: 16) { from, upto throws(Stop) in
            if !isWhole { return }
            try heap.reserveBytes(&string, capacity(upto - from))
            let count = string.count
            // Safety: room for the largest result of the piece has just been made.
            if let more = unsafe body(
                bytes.slice(from, upto), string.bytes.base + count)
            {
                string = string.with(count: count + more)
                Heap.setUsed(UInt(string.payload), count + more)
            } else {
                isWhole = false
            }
        }
        return isWhole
    }

    /// Decodes for `@urid`, `@base32d` and `@base64d`; the text may be invalid, and the result may
    /// not be UTF-8.
    private func decode(_ result: inout Value, _ text: Value, _ native: Native, _ node: NodeRef?)
        throws(Stop)
    {
        let bytes = text.bytes
        var raw = try heap.makeString(0)
        defer { release(raw) }
        var failure: Base64.Failure?
        let isValid: Bool
        switch native {
        case .formatURID: isValid = try decodePercents(&raw, bytes)
        case .formatBase32d:
            let end = try heap.firstOffset(of: UInt8(ascii: "="), in: bytes)
            isValid = unsafe try append(
                &raw, bytes.slice(0, end), unit: 8, capacity: Base32.decodedCapacity
            ) { piece, out in
                unsafe Base32.decode(piece.base, piece.count, to: out)
            }
        default:
            let end = try heap.firstOffset(of: UInt8(ascii: "="), in: bytes)
            isValid = unsafe try append(
                &raw, bytes.slice(0, end), unit: 4, capacity: Base64.decodedCapacity
            ) { piece, out in
                do throws(Base64.Failure) {
                    return unsafe try Base64.decode(piece.base, piece.count, to: out)
                } catch {
                    failure = error
                    return nil
                }
            }
        }
        if isValid { return try repair(&result, raw.bytes) }
        release(result)
        result = .null
        if failure == .trailingByte {
            var sentence = try heap.string("")
            try appendShown(&sentence, text, withKind: true)
            try append(&sentence, " trailing base64 byte found")
            throw raise(sentence, at: node)
        }
        let message: Message =
            native == .formatURID
            ? .notURI : native == .formatBase32d ? .notBase32 : .notBase64
        throw raise(message, text, at: node)
    }

    /// Appends the decoded bytes of percent-encoded text; false where it is malformed.
    private func decodePercents(_ raw: inout Value, _ bytes: Bytes) throws(Stop) -> Bool {
        var from = 0
        while from < bytes.count {
            // No piece ends inside of `%XX`.
            var upto = min(from + Heap.pieceByteCount, bytes.count)
            if upto < bytes.count {
                for i in 1...2 where bytes[upto - i] == UInt8(ascii: "%") {
                    upto -= i
                    break
                }
            }
            let isWhole = unsafe try append(&raw, bytes.slice(from, upto), capacity: { $0 }) {
                unsafe PercentCoding.decode($0.base, $0.count, to: $1)
            }
            if !isWhole { return false }
            from = upto
        }
        var offset = 0
        while offset < raw.count {
            let end = heap.pieceEnd(raw.bytes, from: offset)
            try charge((end - offset) / 16)
            if unsafe UTF8Text.firstInvalid(raw.bytes.base + offset, end - offset) != nil {
                return false
            }
            offset = end
        }
        return true
    }

    /// Appends bytes with U+FFFD for what is not UTF-8.
    private func repair(_ result: inout Value, _ bytes: Bytes) throws(Stop) {
        var from = 0
        while from < bytes.count {
            // A code point that the piece's end would cut is left to the next piece.
            let upto = heap.pieceEnd(bytes, from: from)
            unsafe try append(
                &result, bytes.slice(from, upto), capacity: UTF8Text.repairedCapacity
            ) { piece, out in
                unsafe UTF8Text.repair(piece.base, piece.count, to: out)
            }
            from = upto
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
            try charge(4)
            if i > 0 { try append(&row, isCSV ? "," : "\t") }
            let cell = value.slots[i]
            switch cell.tag {
            case .null: break
            case .double where cell.storedDouble.isNaN: break
            case .string:
                if isCSV { try append(&row, "\"") }
                unsafe try append(
                    &row, cell.bytes, capacity: Escaping.cellCapacity
                ) { piece, out in
                    unsafe isCSV
                        ? Escaping.csv(piece.base, piece.count, to: out)
                        : Escaping.tsv(piece.base, piece.count, to: out)
                }
                if isCSV { try append(&row, "\"") }
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
            try charge(4)
            if i > 0 { try append(&words, " ") }
            let word = value.isArray ? value.slots[i] : value
            if word.isContainer {
                release(words)
                throw raise(.cannotEscape, word, at: node)
            }
            if word.isString {
                try append(&words, "'")
                unsafe try append(
                    &words, word.bytes, capacity: Escaping.shellCapacity
                ) { piece, out in
                    unsafe Escaping.shell(piece.base, piece.count, to: out)
                }
                try append(&words, "'")
            } else {
                let part = try toJSON(word)
                try heap.append(&words, part.bytes, flags: 0)
                release(part)
            }
        }
        return words
    }
}
