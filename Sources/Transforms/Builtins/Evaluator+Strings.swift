// Builtins on strings. Inputs and arguments are borrowed.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    func testEnd(_ input: Value, _ part: Value, _ native: Native, _ node: NodeRef) throws(Stop)
        -> Value
    {
        let isStart = native == .startswith
        if !input.isString || !part.isString {
            throw raise(
                isStart
                    ? "startswith() requires string inputs" : "endswith() requires string inputs",
                at: node)
        }
        return Value(try isStart ? starts(input, part) : ends(input, part))
    }

    private func starts(_ text: Value, _ part: Value) throws(Stop) -> Bool {
        text.count >= part.count ? try heap.begins(part.bytes, text.bytes) : false
    }

    private func ends(_ text: Value, _ part: Value) throws(Stop) -> Bool {
        if text.count < part.count { return false }
        return try heap.isSame(
            text.bytes.slice(text.count - part.count, text.count), part.bytes)
    }

    func trimString(_ input: Value, _ part: Value, _ native: Native, _ node: NodeRef)
        throws(Stop) -> Value
    {
        if !input.isString || !part.isString {
            throw raise(
                native == .rtrimstr
                    ? "endswith() requires string inputs" : "startswith() requires string inputs",
                at: node)
        }
        var (from, upto) = (0, input.count)
        if native != .rtrimstr, try starts(input, part) { from = part.count }
        if native != .ltrimstr, upto - from >= part.count, try ends(input, part) {
            upto -= part.count
        }
        return try heap.substring(input, from, upto)
    }

    func trim(_ input: Value, _ native: Native, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString { throw raise("trim input must be a string", at: node) }
        let bytes = input.bytes
        var (low, high) = (0, bytes.count)
        // White space that fills a whole piece may continue in the next one.
        while native != .rtrim && low < high {
            let end = heap.pieceEnd(bytes, from: low)
            let kept = unsafe UTF8Text.trimmed(bytes.base + low, end - low, start: true, end: false)
            low += kept.lowerBound
            if low < end { break }
            try charge(Heap.pieceByteCount / 4)
        }
        while native != .ltrim && low < high {
            var start = max(low, high - Heap.pieceByteCount)
            while start > low && bytes[start] & 0xC0 == 0x80 { start -= 1 }
            let kept = unsafe UTF8Text.trimmed(
                bytes.base + start, high - start, start: false, end: true)
            high = start + kept.upperBound
            if high > start { break }
            try charge(Heap.pieceByteCount / 4)
        }
        return try heap.substring(input, low, high)
    }

    func explode(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString { throw raise("explode input must be a string", at: node) }
        let bytes = input.bytes
        var result = try heap.makeArray(capacity: try codePointCount(input))
        var offset = 0
        while offset < bytes.count {
            try heap.chargeElement(result.count)
            let (scalar, byteCount) = bytes.scalar(at: offset)
            try heap.push(&result, Value(integer: Int(scalar)))
            offset += byteCount
        }
        return result
    }

    /// Code points -> string; what is not a scalar becomes U+FFFD.
    func implode(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isArray { throw raise("implode input must be an array", at: node) }
        let count = input.count
        let result = try heap.makeString(count * 4)
        let bytes = result.bytes
        var byteCount = 0
        for i in 0..<count {
            let element = input.slots[i]
            let number = element.isNumber ? heap.double(element) : .nan
            if number.isNaN {
                release(result)
                throw raise(.badImplode, element, at: node)
            }
            try charge(1)
            let codePoint = number.rounded(.towardZero)
            let isScalar =
                codePoint >= 0 && codePoint <= 0x10FFFF
                && !(codePoint >= 0xD800 && codePoint <= 0xDFFF)
            byteCount += bytes.put(isScalar ? UInt32(codePoint) : 0xFFFD, at: byteCount)
        }
        Heap.setUsed(UInt(result.payload), byteCount)
        return result.with(count: byteCount).with(flags: byteCount == count ? Value.ascii : 0)
    }

    func changeCase(_ input: Value, _ native: Native, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString { throw raise("explode input must be a string", at: node) }
        let result = try heap.makeString(
            input.count, flags: input.word & (Value.ascii | Value.plain))
        let (source, target) = (input.bytes, result.bytes)
        try heap.inPieces(input.count) { from, upto throws(Stop) in
            if native == .asciiDowncase {
                unsafe ASCIICase.lower(source.base + from, upto - from, to: target.base + from)
            } else {
                unsafe ASCIICase.upper(source.base + from, upto - from, to: target.base + from)
            }
        }
        return result
    }

    /// The parts of a string between separators; for an empty separator its code points.
    func splitString(_ input: Value, _ separator: Value) throws(Stop) -> Value {
        let (text, mark) = (input.bytes, separator.bytes)
        var result = try heap.makeArray(capacity: 4)
        if text.count == 0 { return result }
        if mark.count == 0 {
            var offset = 0
            while offset < text.count {
                try charge(1)
                let (_, byteCount) = text.scalar(at: offset)
                try heap.push(&result, try heap.substring(input, offset, offset + byteCount))
                offset += byteCount
            }
            return result
        }
        var start = 0
        var matches = unsafe ByteMatches(
            of: mark.base, mark.count, in: text.base, text.count, overlapping: false)
        while let end = try heap.next(&matches) {
            try heap.push(&result, try heap.substring(input, start, end))
            start = end + mark.count
        }
        try heap.push(&result, try heap.substring(input, start, text.count))
        return result
    }

    /// The elements' texts with a separator between them; null is empty, containers fail.
    func join(_ input: Value, _ separator: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isContainer { throw raise(.cannotIterate, input, at: node) }
        if input.count == 0 { return try heap.string("") }
        let step = input.isArray ? 1 : 2
        var text = try heap.makeString(0, flags: Value.ascii | Value.plain)
        for i in 0..<input.count {
            try charge(1)
            let element = input.slots[i * step + step - 1]
            if i > 0 {
                if !separator.isString && !separator.isNull {
                    throw raiseOperands(.cannotAdd, text, retain(separator), node)
                }
                if separator.isString {
                    try heap.append(&text, separator.bytes, flags: separator.word)
                }
            }
            switch element.tag {
            case .null: break
            case .string: try heap.append(&text, element.bytes, flags: element.word)
            case .array, .object: throw raiseOperands(.cannotAdd, text, retain(element), node)
            default:
                let part = try toJSON(element)
                try heap.append(&text, part.bytes, flags: Value.ascii | Value.plain)
                release(part)
            }
        }
        return text
    }
}
