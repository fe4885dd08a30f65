// Texts that can't be read: jq's message, its location, and where reading continues: after the line
// in which jq noticed the fault (in a longer line, after the 4,091 bytes), or, in a sequence, after
// the byte.

extension InputReader {
    /// Skips a text from `start` on that could not be read.
    /// - Returns: an event that reports it, if one is wanted; nil where more must be read first, as
    ///   the text continues after the block, or where the text is skipped.
    @discardableResult
    func fail(
        _ error: ReadFailure, _ block: InputBlock, from start: Int
    ) throws(InputFailure) -> Value? {
        if error.code == .limit { throw .limit(heap.limit) }
        // Safety: the source keeps the block's bytes until the block is given back, by a join at
        // the earliest; they are not used after that.
        let bytes = unsafe Bytes(block.bytes)
        var finder =
            form.kind == .events
            ? FaultFinder(
                bytes, heap: heap, isSequence: form.isSequence, path: events.keys,
                isAfterValue: events.isAfterValue)
            : FaultFinder(
                bytes, heap: heap, depthMax: depthMax,
                isSequence: form.isSequence)
        var finding = FaultFinder.Finding.none
        // jq's events have no limit of depth.
        if form.kind != .events || error.code != .tooDeep {
            finding = try limited { () throws(Stop) in try finder.find(from: start, &plain) }
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
        goOn(after: fault, bytes, block)
        return try report(message, path: path)
    }

    /// Throws a sentence, or makes an event of it.
    func report(_ message: String, path: [EventReader.Key]) throws(InputFailure) -> Value {
        if !form.reportsErrors { throw .malformed(message) }
        return try limited { () throws(Stop) in try events.errorEvent(message, path) }
    }

    /// There was no record separator before the end.
    func failWithoutRecord() throws(InputFailure) -> Value? {
        hasFailedAtEnd = true
        var location = InputLocation()
        if let lastBlock {
            location = unsafe lines.location(
                upto: offset, Bytes(lastBlock.bytes), lineRest: nil)
        }
        return try report(
            "Unfinished abandoned text at EOF at line \(location.line), column \(location.column)",
            path: [])
    }

    private func sentence(_ fault: Fault, _ bytes: Bytes, _ block: InputBlock) -> String {
        let location = lines.location(upto: fault.consumed, bytes, lineRest: block.lineRest)
        var text = fault.sentence
        if fault.isAtEnd { text += " at EOF" }
        text += " at line \(location.line), column \(location.column)"
        // jq gives no offset, but it does not read strict texts.
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

    private func goOn(after fault: Fault, _ bytes: Bytes, _ block: InputBlock) {
        if fault.isAtEnd || form.isSingle {
            offset = bytes.count
            hasFailedAtEnd = fault.isAtEnd && !form.isSingle
        } else if form.isSequence {
            offset = fault.consumed
        } else {
            offset = lines.passPiece(after: fault.consumed, bytes, lineRest: block.lineRest)
        }
    }
}

/// What is wrong with a text.
private struct Fault {
    var sentence: String
    /// How many bytes of the block have been read when it is noticed.
    var consumed: Int
    /// Whether the fault is the missing rest of the text.
    var isAtEnd: Bool

    init(_ sentence: String, consumed: Int, isAtEnd: Bool) {
        self.sentence = sentence
        self.consumed = consumed
        self.isAtEnd = isAtEnd
    }

    /// The fault that the reader reported.
    init(_ failure: ReadFailure, _ bytes: Bytes) {
        sentence = failure.sentence
        isAtEnd = failure.offset >= bytes.count
        consumed = isAtEnd ? bytes.count : failure.offset + 1
    }

    /// Adopts jq's finding. Where a text must keep to RFC 8259, the offset remains the reader's.
    mutating func take(_ other: Fault, _ form: InputForm) {
        if form.isLenient || consumed == other.consumed && isAtEnd == other.isAtEnd { self = other }
    }
}

extension ReadFailure {
    /// The sentence where jq has no message, or finds the fault elsewhere.
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
