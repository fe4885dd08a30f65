// Builtins that use the run's host: inputs, messages, the environment, the end.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    func nextInput() throws(Stop) -> Value? {
        guard let next = unsafe state.pointee.host.nextInput else { return nil }
        return try next()
    }

    func hostNative(_ native: Native, _ node: NodeRef, _ input: Value) throws(Stop) -> Value {
        switch native {
        case .input:
            guard let value = try nextInput() else { throw raise("break", at: node) }
            return value
        case .debug:
            var pair = try heap.makeArray(capacity: 2)
            try heap.push(&pair, try heap.string("DEBUG:"))
            try heap.push(&pair, retain(input))
            var line = try debugText(pair)
            try append(&line, "\n")
            send(line)
            releaseBoth(line, pair)
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
        default: preconditionFailure("\(native) takes arguments")
        }
    }

    private func debugText(_ value: Value) throws(Stop) -> Value {
        // Safety: the scratch buffer is the run's own; nothing below this call uses it.
        let options = unsafe state.pointee.host.debugOptions
        let scratch = unsafe state.pointee.scratch
        if let colors = unsafe state.pointee.host.debugColors {
            let writer = ColorWriter(heap: heap, budget: budget, options: options, colors: colors)
            unsafe try writer.write(value, to: &scratch.pointee, 0)
        } else {
            let writer = JSONWriter(heap: heap, budget: budget, options: options)
            unsafe try writer.write(value, to: &scratch.pointee)
        }
        let text = try heap.string(unsafe scratch.pointee.bytes)
        unsafe scratch.pointee.clear(heap)
        return text
    }

    private func send(_ text: Value) {
        guard let message = unsafe state.pointee.host.message else { return }
        let bytes = text.bytes
        unsafe message(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }

    /// `halt_error(status)`; the value to show is kept as the raised value.
    func halt(_ input: Value, _ status: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !status.isNumber {
            var text = try heap.string("")
            try appendShown(&text, input, withKind: true)
            try append(&text, " halt_error/1: number required")
            throw raise(text, at: node)
        }
        // A negative status counts as 0.
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
        do throws(ReadFailure) {
            return try unsafe state.pointee.textReader.readText(input.bytes)
        } catch {
            if error.code == .limit { throw .limit }
            throw raise(try ReadMessage.sentence(error, input, self), at: node)
        }
    }

    /// Shorter texts are copied: a reader of its own takes longer.
    private static var borrowedByteCountMin: Int { 16 * 1024 }

    /// Reads a long text as documents are read: its values borrow from it and live with it until
    /// the run ends. A loop that did so again and again would keep all of its texts, so their total
    /// is bounded by the size of the run's documents.
    /// - Returns: nil for other texts, and those with errors.
    private func readBorrowing(_ text: Value) throws(Stop) -> Value? {
        let left = heap.borrowable - text.count
        guard text.count >= Self.borrowedByteCountMin, left >= 0 else { return nil }
        heap.makeImmortal(text)
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

/// jq's message for a text that `fromjson` can't read.
enum ReadMessage {
    static func sentence(_ failure: ReadFailure, _ input: Value, _ evaluator: Evaluator)
        throws(Stop) -> Value
    {
        let bytes = input.bytes
        var reader = JSONReader(
            heap: evaluator.heap, budget: evaluator.budget, depthMax: JSONWriter.depthMax,
            counts: true, isLenient: true)
        reader.begin(bytes)
        // What follows a word without a separator is a part of it.
        let end = failure.offset
        let isApart =
            failure.code == .trailingBytes
            && (JSONReader.endsToken(bytes[end - 1]) || JSONReader.endsToken(bytes[end]))
        let start = isApart ? end : reader.offset
        var finder = FaultFinder(
            bytes, heap: evaluator.heap, depthMax: JSONWriter.depthMax, isSequence: false)
        var text: Value
        if bytes.count > 0 && bytes[0] == JSONReader.byteOrderMark[0] && reader.offset == 0 {
            // A text that begins like a byte order mark is treated as one.
            text = try evaluator.heap.string("Malformed BOM")
        } else {
            text = try message(failure, bytes, start, &finder, &reader, evaluator)
        }
        try evaluator.append(&text, " (while parsing '")
        try evaluator.heap.append(&text, bytes.upToNUL, flags: 0)
        try evaluator.append(&text, "')")
        return text
    }

    private static func message(
        _ failure: ReadFailure, _ bytes: Bytes, _ start: Int, _ finder: inout FaultFinder,
        _ reader: inout JSONReader, _ evaluator: Evaluator
    ) throws(Stop) -> Value {
        let sentence: StaticString
        var location = ""
        switch try finder.find(from: start, &reader) {
        case .fault(let fault, let consumed):
            sentence = fault
            location = try self.location(consumed, bytes, evaluator)
        case .unfinished:
            if let fault = finder.finish(&reader) {
                sentence = fault
                location = " at EOF" + (try self.location(bytes.count, bytes, evaluator))
            } else {
                sentence =
                    failure.code == .trailingBytes
                    ? "Unexpected extra JSON values" : "Expected JSON value"
            }
        case .dropped, .none: sentence = "Unexpected extra JSON values"
        }
        var text = try evaluator.heap.string(sentence)
        try evaluator.append(&text, location)
        return text
    }

    private static func location(
        _ consumed: Int, _ bytes: Bytes, _ evaluator: Evaluator
    ) throws(Stop) -> String {
        var (line, column) = (1, 0)
        // A byte order mark counts for no column.
        let start =
            bytes.count >= 3 && JSONReader.byteOrderMark == (0..<3).map { bytes[$0] } ? 3 : 0
        for i in min(start, consumed)..<consumed {
            try evaluator.heap.chargeElement(i)
            column += 1
            if bytes[i] == UInt8(ascii: "\n") { (line, column) = (line + 1, 0) }
        }
        return " at line \(line), column \(column)"
    }
}
