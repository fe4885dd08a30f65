// Texts that can't be read: what jq says of them, where, and where it goes on. That is behind the
// line, or the 4,091 bytes of a longer one, in which it saw the fault; of a sequence behind the
// byte.

extension InputReader {
    /// Leaves a text from `start` on that could not be read.
    /// - Returns: an event that tells of it, if there is to be one; nil where more is to be read
    ///   first, as the text goes on behind the block, or is passed over.
    @discardableResult
    func fail(
        _ error: ReadFailure, _ block: InputBlock, from start: Int
    ) throws(InputFailure) -> Value? {
        if error.code == .limit { throw .limit(runner.heap.limit) }
        // Safety: the source keeps the block's bytes until it is given back, by a join at the
        // earliest, behind which they are not used.
        let bytes = unsafe Runner.bytes(block.bytes)
        var finder =
            form.kind == .events
            ? FaultFinder(
                bytes, heap: runner.heap, isSequence: form.isSequence, path: events.keys,
                isBehindValue: events.isBehindValue)
            : FaultFinder(
                bytes, heap: runner.heap, depthMax: runner.limits.depthMax,
                isSequence: form.isSequence)
        let finding: FaultFinder.Finding
        do throws(Stop) { finding = try finder.find(from: start, &plain) } catch {
            throw .limit(runner.heap.limit)
        }
        var fault = Fault(error, bytes)
        switch finding {
        case .dropped(let consumed):
            offset = consumed
            return nil
        case .unfinished:
            if try join(block, from: start) { return nil }
            if let sentence = finder.finish(&plain) {
                fault.take(Fault("\(sentence)", consumed: bytes.count, isAtEnd: true), form)
            }
        case .fault(let sentence, let consumed):
            fault.take(Fault("\(sentence)", consumed: consumed, isAtEnd: false), form)
        case .none: break
        }
        let path = finder.path
        events.begin()
        let message = sentence(fault, bytes, block)
        goOn(behind: fault, bytes, block)
        return try report(message, path: path)
    }

    /// Throws a sentence, or makes it an event.
    func report(_ message: String, path: [EventReader.Key]) throws(InputFailure) -> Value {
        if !form.reportsErrors { throw .malformed(message) }
        return try limited { () throws(Stop) in try events.errorEvent(message, path) }
    }

    private func sentence(_ fault: Fault, _ bytes: Bytes, _ block: InputBlock) -> String {
        let place = lines.place(upto: fault.consumed, bytes, lineRest: block.lineRest)
        var text = fault.sentence
        if fault.isAtEnd { text += " at EOF" }
        text += " at line \(place.line), column \(place.column)"
        // jq gives no offset; strict texts are not its own.
        if !form.isLenient {
            let offset = fault.isAtEnd ? bytes.count : fault.consumed - 1
            text += ", offset \(bytesBefore + offset)"
        }
        if form.isSequence && !fault.isAtEnd
            && bytes[fault.consumed - 1] != JSONReader.recordSeparator
        {
            text += " (need RS to resync)"
        }
        return text
    }

    private func goOn(behind fault: Fault, _ bytes: Bytes, _ block: InputBlock) {
        if fault.isAtEnd || form.isSingle {
            offset = bytes.count
            hasFailedAtEnd = fault.isAtEnd && !form.isSingle
        } else if form.isSequence {
            offset = fault.consumed
        } else {
            offset = lines.passPiece(behind: fault.consumed, bytes, lineRest: block.lineRest)
        }
    }
}

/// What is wrong with a text.
private struct Fault {
    var sentence: String
    /// Bytes of the block that have been read when it is seen.
    var consumed: Int
    /// Whether it is the end that is wrong.
    var isAtEnd: Bool

    init(_ sentence: String, consumed: Int, isAtEnd: Bool) {
        self.sentence = sentence
        self.consumed = consumed
        self.isAtEnd = isAtEnd
    }

    /// As the reader has it.
    init(_ failure: ReadFailure, _ bytes: Bytes) {
        sentence = failure.sentence
        isAtEnd = failure.offset >= bytes.count
        consumed = isAtEnd ? bytes.count : failure.offset + 1
    }

    /// Takes jq's view. Where a text must keep to RFC 8259, the reader's place stands.
    mutating func take(_ other: Fault, _ form: InputForm) {
        if form.isLenient || consumed == other.consumed && isAtEnd == other.isAtEnd { self = other }
    }
}

extension ReadFailure {
    /// What is wrong where jq has nothing to say, or sees it elsewhere.
    fileprivate var sentence: String {
        switch code {
        case .unexpectedEnd: "Unfinished JSON term"
        case .tooDeep: "Exceeds depth limit for parsing"
        case .badEscape: "Invalid escape"
        case .badSurrogate: "Invalid \\uXXXX\\uXXXX surrogate pair escape"
        case .badLiteral, .unexpectedByte: "Invalid literal"
        case .badNumber: "Invalid numeric literal"
        case .controlInString:
            "Invalid string: control characters from U+0000 through U+001F must be escaped"
        case .badUTF8: "Bytes that are not UTF-8"
        case .trailingBytes, .limit: message
        }
    }
}
