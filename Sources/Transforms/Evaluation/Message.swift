// The texts of errors, in jq's words. A value is shown by its kind and the first 29 bytes of its
// text.

/// A sentence about one or two values.
enum Message {
    case cannotIndex, cannotIterate, cannotAdd, cannotSubtract, cannotMultiply, cannotDivide
    case cannotTakeRemainder, cannotCompare
    case dividedByZero, remainderByZero, cannotNegate, hasNoKeys, hasNoLength
    case cannotSort, cannotContain, cannotParseNumber,
        cannotParseBoolean
    case cannotMatch, notInCSVRow, cannotEscape, notBase64, notBase32
    case notURI, cannotSearch, cannotSearchFrom, needsNumber
    case hasNoUTF8Length, badImplode, invalidPath, cannotBeKey
    case notString

    /// The text around the values: before, between, after.
    fileprivate var parts: (StaticString, StaticString, StaticString) {
        switch self {
        case .cannotIndex: ("Cannot index ", " with ", "")
        case .cannotIterate: ("Cannot iterate over ", "", "")
        case .cannotAdd: ("", " and ", " cannot be added")
        case .cannotSubtract: ("", " and ", " cannot be subtracted")
        case .cannotMultiply: ("", " and ", " cannot be multiplied")
        case .cannotDivide: ("", " and ", " cannot be divided")
        case .cannotCompare: ("", " and ", " cannot be iterated over")
        case .cannotTakeRemainder: ("", " and ", " cannot be divided (remainder)")
        case .dividedByZero: ("", " and ", " cannot be divided because the divisor is zero")
        case .remainderByZero:
            ("", " and ", " cannot be divided (remainder) because the divisor is zero")
        case .cannotNegate: ("", "", " cannot be negated")
        case .hasNoKeys: ("", "", " has no keys")
        case .hasNoLength: ("", "", " has no length")
        case .hasNoUTF8Length: ("", "", " only strings have UTF-8 byte length")
        case .cannotSort: ("", "", " cannot be sorted, as it is not an array")
        case .cannotContain: ("", " and ", " cannot have their containment checked")
        case .cannotParseNumber: ("", "", " cannot be parsed as a number")
        case .cannotParseBoolean: ("", "", " cannot be parsed as a boolean")
        case .cannotMatch: ("", "", " cannot be matched, as it is not a string")
        case .notInCSVRow: ("", "", " is not valid in a csv row")
        case .cannotEscape: ("", "", " can not be escaped for shell")
        case .notBase64: ("", "", " is not valid base64 data")
        case .notBase32: ("", "", " is not valid base32 data")
        case .notURI: ("", "", " is not a valid uri encoding")
        case .cannotSearch: ("", "", " cannot be searched, as it is not a string")
        case .cannotSearchFrom: ("", "", " cannot be searched from")
        case .needsNumber: ("", "", " number required")
        case .badImplode:
            ("", "", " can't be imploded, unicode codepoint needs to be numeric")
        case .invalidPath: ("Invalid path expression with result ", "", "")
        case .cannotBeKey: ("Cannot use ", "", " as object key")
        case .notString: ("", "", " is not a string")
        }
    }

    fileprivate var showsKind: Bool {
        switch self {
        case .invalidPath: false
        default: true
        }
    }
}

extension Evaluator {
    /// The bytes of the value's text that messages show, as in jq: at most 29, whole code points;
    /// if there are more, dots and the closing mark replace the rest.
    static let shownByteCountMax = 29

    /// Making a sentence takes about a microsecond, and as much for each value in it.
    private static let messageSteps = 128

    /// Raises a message about one or two borrowed values.
    @inline(never) func raise(
        _ message: Message, _ value: Value, _ other: Value = .absent, at node: NodeRef? = nil
    ) -> Stop {
        do throws(Stop) {
            try charge(Evaluator.messageSteps)
            let (before, between, after) = message.parts
            var text = try heap.string(before)
            if message == .cannotIndex {
                // The target by its kind alone.
                try append(&text, value.kindName)
                try append(&text, between)
                try appendShown(&text, other, withKind: true)
            } else {
                try appendShown(&text, value, withKind: message.showsKind)
                if other.isPresent {
                    try append(&text, between)
                    try appendShown(&text, other, withKind: true)
                }
                try append(&text, after)
            }
            return raise(text, at: node)
        } catch { return error }
    }

    /// Raises a fixed sentence.
    @inline(never) func raise(_ text: StaticString, at node: NodeRef? = nil) -> Stop {
        do throws(Stop) {
            try charge(Evaluator.messageSteps)
            return raise(try heap.string(text), at: node)
        } catch { return error }
    }

    /// Raises a sentence that was composed for this error.
    @inline(never) func raise(text: String, at node: NodeRef? = nil) -> Stop {
        do throws(Stop) {
            try charge(Evaluator.messageSteps)
            return raise(try heap.string(text), at: node)
        } catch { return error }
    }

    func append(_ string: inout Value, _ text: StaticString) throws(Stop) {
        unsafe try heap.append(
            &string, Bytes(UnsafeMutablePointer(mutating: text.utf8Start), text.utf8CodeUnitCount),
            flags: 0)
    }

    func append(_ string: inout Value, _ text: String) throws(Stop) {
        let part = try heap.string(text)
        try heap.append(&string, part.bytes, flags: 0)
        release(part)
    }

    /// `number (1)`, `string ("abc")`, or the value's text alone.
    func appendShown(_ string: inout Value, _ value: Value, withKind: Bool) throws(Stop) {
        try charge(Evaluator.messageSteps)
        if withKind {
            try append(&string, value.kindName)
            try append(&string, " (")
        }
        var text = try heap.string("")
        try appendBeginning(&text, value)
        let bytes = text.bytes
        if bytes.count <= Evaluator.shownByteCountMax {
            try heap.append(&string, bytes, flags: 0)
        } else {
            let ending: StaticString =
                switch value.tag {
                case .string: "...\""
                case .array: "...]"
                case .object: "...}"
                default: "..."
                }
            var kept = Evaluator.shownByteCountMax - ending.utf8CodeUnitCount
            while kept > 0 && bytes[kept] & 0xC0 == 0x80 { kept -= 1 }
            try heap.append(&string, bytes.slice(0, kept), flags: 0)
            try append(&string, ending)
        }
        release(text)
        if withKind { try append(&string, ")") }
    }

    /// Appends the value's text, or of a long one at least the first bytes, which are shown.
    private func appendBeginning(_ text: inout Value, _ value: Value) throws(Stop) {
        let looked = 2 * Evaluator.shownByteCountMax
        switch value.tag {
        case .string where value.count > looked:
            var end = looked
            while value.bytes[end] & 0xC0 == 0x80 { end -= 1 }
            let beginning = value.bytes.slice(0, end)
            return try appendJSON(&text, Value(string: beginning, flags: 0))
        case .literal where value.count > looked:
            return try heap.append(&text, value.bytes.slice(0, looked), flags: 0)
        case .array, .object:
            if value.count == 0 { break }
            try append(&text, value.isArray ? "[" : "{")
            for i in 0..<value.count {
                if i > 0 { try append(&text, ",") }
                if text.count > Evaluator.shownByteCountMax { return }
                if value.isArray {
                    try appendBeginning(&text, value.slots[i])
                } else {
                    try appendBeginning(&text, value.slots[2 * i])
                    try append(&text, ":")
                    try appendBeginning(&text, value.slots[2 * i + 1])
                }
            }
            return try append(&text, value.isArray ? "]" : "}")
        default: break
        }
        try appendJSON(&text, value)
    }

    private func appendJSON(_ text: inout Value, _ value: Value) throws(Stop) {
        try charge(Evaluator.messageSteps / 4)
        let part = try toJSON(value)
        try heap.append(&text, part.bytes, flags: 0)
        release(part)
    }

    /// The value's JSON text as a string; the value is borrowed.
    func toJSON(_ value: Value) throws(Stop) -> Value {
        let writer = JSONWriter(heap: heap, budget: budget, options: .compact)
        // Safety: the scratch buffer is the run's own; nothing below this call uses it.
        try unsafe writer.write(value, to: &state.pointee.scratch.pointee)
        let text = try heap.string(unsafe state.pointee.scratch.pointee.bytes)
        unsafe state.pointee.scratch.pointee.clear(heap)
        return text
    }
}
