// Builtins that ask the world around the run: inputs, messages, the environment, the end.
//
// Safety: pointers are of values' bytes, with their counts, or of the runner's state.

extension Evaluator {
    func nextInput() throws(Stop) -> Value? {
        guard let next = unsafe state.pointee.host.nextInput else { return nil }
        return try next()
    }

    func hosted(_ native: Native, _ node: NodeRef, _ input: Value) throws(Stop) -> Value {
        switch native {
        case .input:
            guard let value = try nextInput() else { throw raise("break", at: node) }
            return value
        case .debug:
            var line = try heap.string("[\"DEBUG:\",")
            let text = try toJSON(input)
            try heap.append(&line, text.bytes, flags: 0)
            try append(&line, "]\n")
            send(line)
            releaseBoth(line, text)
            return retain(input)
        case .stderr:
            let text = input.isString ? retain(input) : try toJSON(input)
            send(text)
            release(text)
            return retain(input)
        case .halt:
            unsafe state.pointee.exitStatus = 0
            throw .halted
        case .env: return try environment()
        case .inputLineNumber: return unsafe Value(integer: state.pointee.host.inputLineNumber)
        case .inputFilename:
            guard let name = unsafe state.pointee.host.inputFileName else { return .null }
            return try heap.string(name)
        case .getSearchList:
            var list = try heap.makeArray(capacity: 1)
            for folder in unsafe state.pointee.host.searchList() {
                try heap.push(&list, try heap.string(folder))
            }
            return list
        case .haveDecnum, .haveLiteralNumbers: return .yes
        case .builtins: return try builtinNames()
        case .modulemeta: return try moduleMetadata(input, node)
        default: throw raise("not available here", at: node)
        }
    }

    private func send(_ text: Value) {
        guard let message = unsafe state.pointee.host.message else { return }
        let bytes = text.bytes
        unsafe message(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }

    /// `halt_error(status)`; what is shown is kept as the raised value.
    func halt(_ input: Value, _ status: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !status.isNumber {
            var text = try heap.string("")
            try appendShown(&text, input, withKind: true)
            try append(&text, " halt_error/1: number required")
            throw raise(text, at: node)
        }
        // A status below 0 is none.
        unsafe state.pointee.exitStatus = max(Evaluator.clamped(heap.double(status)), 0) & 0xFF
        _ = raise(retain(input), at: node)
        throw .halted
    }

    func environment() throws(Stop) -> Value {
        var object = try heap.makeObject(capacity: 8)
        for (name, value) in unsafe state.pointee.host.environment() {
            try charge(16)
            try heap.set(&object, try heap.string(name), try heap.string(value))
        }
        return object
    }

    private func builtinNames() throws(Stop) -> Value {
        var names = try heap.makeArray(capacity: 256)
        for name in Compiler.builtinNames {
            try charge(4)
            try heap.push(&names, try heap.string(name))
        }
        return names
    }

    /// `fromjson`: the text of one value.
    func fromJSON(_ input: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString {
            var text = try heap.string("")
            try appendShown(&text, input, withKind: true)
            try append(&text, " only strings can be parsed")
            throw raise(text, at: node)
        }
        if let value = try readBorrowing(input) { return value }
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: JSONWriter.depthMax, counts: true,
            isLenient: true)
        do throws(ReadFailure) { return try reader.readText(input.bytes) } catch {
            if error.code == .limit { throw .limit }
            throw raise(try ReadMessage.sentence(error, input, self), at: node)
        }
    }

    /// Shorter texts are not worth a reader with its memory.
    private static var borrowedByteCountMin: Int { 16 * 1024 }

    /// Reads a long text as documents are read: its values borrow from it and live with it until
    /// the run ends. A loop that did so on and on would keep all of its texts: beyond the size of
    /// the run's documents none is read so.
    /// - Returns: nil for other texts, and those with errors.
    private func readBorrowing(_ text: Value) throws(Stop) -> Value? {
        let left = heap.borrowable - text.count
        guard text.count >= Self.borrowedByteCountMin, left >= 0 else { return nil }
        heap.keep(text)
        defer { heap.borrowable = left }
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: JSONWriter.depthMax, counts: false,
            isLenient: true)
        do throws(ReadFailure) { return try reader.readText(text.bytes) } catch {
            if error.code == .limit { throw .limit }
            return nil
        }
    }
}

/// What jq says of a text that `fromjson` can't read. Its places count the bytes read so far: a bad
/// word is seen to be bad at the byte behind it.
enum ReadMessage {
    static func sentence(_ failure: ReadFailure, _ input: Value, _ evaluator: Evaluator)
        throws(Stop) -> Value
    {
        let bytes = input.bytes
        var consumed = min(failure.offset, bytes.count)
        let sentence: StaticString
        switch failure.code {
        case .unexpectedEnd:
            sentence = bytes.count == 0 ? "Expected JSON value" : "Unfinished JSON term"
        case .tooDeep: sentence = "Exceeds depth limit for parsing"
        case .trailingBytes: sentence = "Unexpected extra JSON values"
        case .badEscape: sentence = "Invalid escape"
        case .badSurrogate: sentence = "Invalid \\uXXXX\\uXXXX surrogate pair escape"
        default:
            let first = consumed < bytes.count ? bytes[consumed] : 0
            while consumed < bytes.count && !isDelimiter(bytes[consumed]) {
                consumed += 1
                try evaluator.heap.chargeElement(consumed)
            }
            switch first {
            case UInt8(ascii: "'"): sentence = "Invalid string literal; expected \", but got '"
            case UInt8(ascii: "n") where failure.code == .badNumber:
                sentence = "Invalid numeric literal"
            case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
                sentence = "Invalid literal"
            default: sentence = "Invalid numeric literal"
            }
        }
        var text = try evaluator.heap.string(sentence)
        if failure.code != .trailingBytes && bytes.count > 0 {
            if consumed >= bytes.count {
                try evaluator.append(&text, " at EOF")
            } else {
                consumed += 1
            }
            var (line, column) = (1, 0)
            for i in 0..<consumed {
                try evaluator.heap.chargeElement(i)
                column += 1
                if bytes[i] == UInt8(ascii: "\n") { (line, column) = (line + 1, 0) }
            }
            try evaluator.append(&text, " at line \(line), column \(column)")
        }
        try evaluator.append(&text, " (while parsing '")
        try evaluator.heap.append(&text, bytes, flags: 0)
        try evaluator.append(&text, "')")
        return text
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
            UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""):
            true
        default: false
        }
    }
}
