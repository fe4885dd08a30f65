// Blocks of bytes -> the inputs of a program, one after another: JSON texts, lines, or the events
// of `--stream`, each alone or all in one array.
//
// An input of the program's own borrows from its block, which is held until the next one. What a
// program asks for with `input` is copied, so that reading on runs in constant memory.

import Glibc

/// Bytes of one file that end between two inputs; the owner keeps them until they are given back.
@safe public struct InputBlock {
    // Safety: the `InputBlocks` that gave it keeps the bytes until `giveBack`.
    public let bytes: UnsafeRawBufferPointer
    /// As `input_filename` shows it.
    public let fileName: String
    /// Whether the file begins with it.
    public let isFirst: Bool
    /// Lines of the file in front of it, where the owner knows; else they are counted.
    public var linesBefore: Int?

    public init(bytes: UnsafeRawBufferPointer, fileName: String, isFirst: Bool) {
        unsafe self.bytes = unsafe bytes
        self.fileName = fileName
        self.isFirst = isFirst
    }
}

public protocol InputBlocks: AnyObject {
    /// The next block, or nil at the end of the last file.
    func next() -> InputBlock?
    func giveBack(_ block: InputBlock)
    /// What stands in front of `offset` has been read, and will hardly be read again.
    func pass(_ block: InputBlock, upto offset: Int)
}

extension InputBlocks {
    public func pass(_ block: InputBlock, upto offset: Int) {}
}

/// Why there is no next input.
public enum InputFailure: Error {
    /// The sentence with its place.
    case malformed(String)
    case limit(Limit)
}

/// How bytes become inputs.
public struct InputForm: Sendable {
    public enum Kind: Sendable { case texts, lines, events }
    public var kind = Kind.texts
    /// All inputs in one array; lines in one string.
    public var slurps = false
    /// Texts come with a record separator (RFC 7464) in front.
    public var isSequence = false
    /// A malformed text is an event of its own: its message and the path so far.
    public var reportsErrors = false
    /// What jq reads is read, and not RFC 8259's texts alone.
    public var isLenient = false
    /// A file is one text and nothing else; a block is all of a file.
    public var isSingle = false

    public init() {}
}

@safe public final class InputReader {
    private let runner: Runner
    // Safety: as long-lived as the runner.
    private let state: UnsafeMutablePointer<Evaluator.State>
    private let source: any InputBlocks
    private let form: InputForm
    /// What is looked at of inputs that borrow.
    private let projection: Projection
    private var plain: JSONReader
    private var counted: JSONReader
    /// Whether `counted` has begun with the current block.
    private var isCountedReady = false
    private var events: EventReader
    /// Made with the first text that is copied.
    private var transcoder: JSONTranscoder?
    private var block: InputBlock?
    /// The last one, kept in case that its lines are asked for.
    private var lastBlock: InputBlock?
    private var offset = 0
    /// As the source was told last.
    private var passedUpto = 0
    private static let passedByteCount = 1 << 18
    /// Blocks that the current input borrows from, besides the current block.
    private var held: [InputBlock] = []
    /// Whether the current input borrows from the current block.
    private var isBorrowed = false
    private var isDone = false
    // Lines that ended in earlier blocks of the file, and in this one up to an offset.
    private var linesBefore = 0
    /// Bytes of the file in earlier blocks.
    private var bytesBefore = 0
    /// Characters of the block's first line that stand in earlier blocks.
    private var columnsBefore = 0
    private var linesUpto = (offset: 0, count: 0)
    /// As `input_filename` shows it; nil before the first input.
    public private(set) var fileName: String?
    /// Whether `input_line_number` is wanted: counting costs time.
    public var countsLines = false

    /// - Parameter program: what alone sees the inputs that `next` gives: they have no more than it
    ///   looks at.
    public init(
        _ runner: Runner, _ source: any InputBlocks, _ form: InputForm, for program: Program? = nil
    ) {
        self.runner = runner
        let isProjected = form.kind == .texts && !form.slurps
        projection = isProjected ? program?.projection ?? .whole : .whole
        unsafe state = unsafe runner.state
        self.source = source
        self.form = form
        let depthMax = runner.limits.depthMax
        plain = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: depthMax, counts: false,
            isLenient: form.isLenient, keepsNames: true)
        counted = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: depthMax, counts: true,
            isLenient: form.isLenient)
        events = EventReader(heap: runner.heap, depthMax: depthMax)
    }

    /// The next input; valid until the runner's next `begin`, which comes before the next call.
    public func next() throws(InputFailure) -> Document? {
        for block in held { source.giveBack(block) }
        held.removeAll(keepingCapacity: true)
        isBorrowed = false
        // The values of the input before are gone; those of this one stay, when a program reads on.
        plain.isAlone = true
        defer { plain.isAlone = false }
        guard let value = try read(isOwned: false) else { return nil }
        showPlace()
        return Document(value: value, isOwned: projection.changes)
    }

    /// Sets what `input_filename` and `input_line_number` give.
    func showPlace() {
        unsafe state.pointee.host.inputFileName = fileName
        if countsLines { unsafe state.pointee.host.inputLineNumber = lineNumber() }
    }

    /// The place for messages: `FILE:LINE`.
    public var place: String {
        guard let fileName else { return "<unknown>" }
        return "\(fileName):\(lineNumber())"
    }

    /// Lines read so far, the one with the end of the last input among them.
    func lineNumber() -> Int {
        guard let block = block ?? lastBlock else { return linesBefore }
        let bytes = unsafe Runner.bytes(block.bytes)
        var upto = min(offset, bytes.count)
        while upto < bytes.count && bytes[upto] != 0x0A { upto += 1 }
        upto = min(upto + 1, bytes.count)
        return linesBefore + lines(bytes, upto)
    }

    /// An owned value, or one that borrows from the blocks.
    func read(isOwned: Bool) throws(InputFailure) -> Value? {
        if isDone { return nil }
        if !form.slurps { return try readOne(isOwned: isOwned) }
        isDone = true
        if form.kind == .lines { return try readAllText() }
        var array = try limited { () throws(Stop) in try runner.heap.makeArray(capacity: 4) }
        while let element = try readOne(isOwned: isOwned) {
            try limited { () throws(Stop) in try runner.heap.push(&array, element) }
        }
        return array
    }

    /// What the heap refuses is a limit.
    private func limited<T>(_ body: () throws(Stop) -> T) throws(InputFailure) -> T {
        do throws(Stop) { return try body() } catch { throw .limit(runner.heap.limit) }
    }

    private func readOne(isOwned: Bool) throws(InputFailure) -> Value? {
        while !isDone || form.slurps {
            let isInside = form.kind == .events && !events.isAtTop
            guard let block, unsafe offset < block.bytes.count || isInside else {
                if try !advance() { return nil }
                continue
            }
            pass(block)
            let value: Value?
            switch form.kind {
            case .lines: value = try readLine(block)
            case .texts: value = try readText(block, isOwned: isOwned)
            case .events: value = try readEvent(block)
            }
            if let value { return value }
        }
        return nil
    }

    @inline(__always) private func pass(_ block: InputBlock) {
        if offset - passedUpto < InputReader.passedByteCount { return }
        passedUpto = offset
        source.pass(block, upto: offset)
    }

    /// Goes on to the next block; false at the end.
    private func advance() throws(InputFailure) -> Bool {
        let next = source.next()
        if let block {
            let bytes = unsafe Runner.bytes(block.bytes)
            bytesBefore += bytes.count
            if let next {
                if !next.isFirst {
                    linesBefore += lines(bytes, bytes.count)
                    countColumns(bytes)
                }
                if isBorrowed { held.append(block) } else { source.giveBack(block) }
            } else {
                offset = bytes.count
                lastBlock = block
            }
            self.block = nil
        }
        isBorrowed = false
        guard let next else { return false }
        if next.isFirst { (columnsBefore, bytesBefore) = (0, 0) }
        block = next
        fileName = next.fileName
        linesBefore = next.linesBefore ?? (next.isFirst ? 0 : linesBefore)
        linesUpto = (0, 0)
        passedUpto = 0
        let bytes = unsafe Runner.bytes(next.bytes)
        plain.begin(bytes, projection)
        isCountedReady = form.kind == .events
        if isCountedReady { counted.begin(bytes) }
        events.begin(bytes)
        // A byte order mark is passed over in front of a file only.
        offset = next.isFirst ? plain.offset : 0
        if form.isSingle && plain.skipSpace(offset) == bytes.count {
            throw failed(ReadFailure(code: .unexpectedEnd, offset: bytes.count), next)
        }
        return true
    }

    /// Counts the characters of the line that goes on in the next block.
    private func countColumns(_ bytes: Bytes) {
        var start = bytes.count
        var count = 0
        while start > 0 && bytes[start - 1] != 0x0A {
            start -= 1
            if bytes[start] & 0xC0 != 0x80 { count += 1 }
        }
        columnsBefore = start > 0 ? count : columnsBefore + count
    }

    /// Newlines in the block in front of `upto`, which only grows.
    private func lines(_ bytes: Bytes, _ upto: Int) -> Int {
        if upto < linesUpto.offset { return linesUpto.count }
        // Safety: `linesUpto.offset` <= `upto` <= the block's byte count.
        let more = unsafe TextScan(bytes.base + linesUpto.offset, upto - linesUpto.offset)
        let count = linesUpto.count + more.lineFeedCount()
        linesUpto = (upto, count)
        return count
    }

    // MARK: Texts

    private func readText(_ block: InputBlock, isOwned: Bool) throws(InputFailure) -> Value? {
        if form.isSequence { passSeparators(block) }
        do throws(ReadFailure) {
            if isOwned {
                if !isCountedReady { unsafe counted.begin(Runner.bytes(block.bytes)) }
                isCountedReady = true
                counted.offset = offset
                let value = try counted.readNext()
                offset = counted.offset
                if value != nil { try checkEnd(block) }
                return value
            }
            plain.offset = offset
            let value = try plain.readNext()
            offset = plain.offset
            isBorrowed = true
            if value != nil { try checkEnd(block) }
            return value
        } catch {
            throw failed(error, block)
        }
    }

    /// Refuses what follows the text of a file that is to be one text.
    private func checkEnd(_ block: InputBlock) throws(ReadFailure) {
        if !form.isSingle { return }
        let end = plain.skipSpace(offset)
        if unsafe end < block.bytes.count { throw ReadFailure(code: .trailingBytes, offset: end) }
    }

    /// An input of a program that only passes it on.
    public enum Copied {
        /// Its text was appended, compact; false for `null` and `false`.
        case text(isTrue: Bool)
        /// It has to be read and written as a value.
        case document(Document)
    }

    /// The next input, its text copied to `out` where that takes no values. Only for texts that are
    /// neither slurped nor a sequence.
    public func copyNext(to out: inout OutputBuffer) throws(InputFailure) -> Copied? {
        precondition(form.kind == .texts && !form.slurps && !form.isSequence)
        for block in held { source.giveBack(block) }
        held.removeAll(keepingCapacity: true)
        isBorrowed = false
        if transcoder == nil {
            transcoder = JSONTranscoder(
                heap: runner.heap, budget: runner.budget, depthMax: runner.limits.depthMax,
                isLenient: form.isLenient)
        }
        while !isDone {
            guard let block, unsafe offset < block.bytes.count else {
                if try !advance() { return nil }
                continue
            }
            pass(block)
            let bytes = unsafe Runner.bytes(block.bytes)
            plain.offset = offset
            offset = plain.skipSpace(offset)
            if offset >= bytes.count { continue }
            do throws(ReadFailure) {
                if case .readable(let isTrue, let end) = try transcoder!.read(bytes, from: offset) {
                    offset = end
                    try checkEnd(block)
                    do throws(Stop) { try transcoder!.copy(to: &out) } catch {
                        throw ReadFailure(code: .limit, offset: end)
                    }
                    showPlace()
                    return .text(isTrue: isTrue)
                }
            } catch {
                throw failed(error, block)
            }
            guard let value = try readText(block, isOwned: false) else { continue }
            showPlace()
            return .document(Document(value: value, isOwned: projection.changes))
        }
        return nil
    }

    private func readEvent(_ block: InputBlock) throws(InputFailure) -> Value? {
        if form.isSequence && events.isAtTop { passSeparators(block) }
        do throws(ReadFailure) {
            let value = try events.next(&counted, &offset)
            if value != nil && events.isAtTop { try checkEnd(block) }
            return value
        } catch {
            let failure = failed(error, block)
            guard form.reportsErrors, case .malformed(let message) = failure else { throw failure }
            isDone = true
            offset = unsafe block.bytes.count
            defer { unsafe events.begin(Runner.bytes(block.bytes)) }
            return try limited { () throws(Stop) in try events.errorEvent(message) }
        }
    }

    private func passSeparators(_ block: InputBlock) {
        let bytes = unsafe Runner.bytes(block.bytes)
        while offset < bytes.count && (bytes[offset] == 0x1E || bytes[offset] <= 0x20) {
            offset += 1
        }
    }

    /// Goes on behind the next record separator; false where there is none.
    public func skipToSeparator() -> Bool {
        guard let block else { return false }
        let bytes = unsafe Runner.bytes(block.bytes)
        offset = min(offset + 1, bytes.count)
        while offset < bytes.count && bytes[offset] != 0x1E { offset += 1 }
        return true
    }

    private func failed(_ error: ReadFailure, _ block: InputBlock) -> InputFailure {
        if error.code == .limit { return .limit(runner.heap.limit) }
        let bytes = unsafe Runner.bytes(block.bytes)
        let before = linesBefore
        offset = min(error.offset, bytes.count)
        // Of a bad word jq says where the byte behind it is; at the end, how many characters the
        // last line has.
        let stop = error.wordEnd(bytes)
        let isAtEnd = stop >= bytes.count
        let isNewline = !isAtEnd && stop > error.offset && bytes[stop] == 0x0A
        let place = unsafe TextPlace(offset: isNewline ? stop + 1 : stop, in: block.bytes)
        let column =
            place.column - (isAtEnd || isNewline ? 1 : 0) + (place.line == 1 ? columnsBefore : 0)
        // jq gives no offset; strict texts are not its own.
        return .malformed(
            "\(error.sentence(bytes))\(isAtEnd ? " at EOF" : "") at line \(before + place.line), "
                + "column \(column)\(form.isLenient ? "" : ", offset \(bytesBefore + offset)")")
    }

    // MARK: Lines

    private func readLine(_ block: InputBlock) throws(InputFailure) -> Value? {
        let bytes = unsafe Runner.bytes(block.bytes)
        let start = offset
        // Safety: `offset` is below the block's byte count.
        let found = unsafe memchr(bytes.base + start, 0x0A, bytes.count - start)
        var end = bytes.count
        if let found = unsafe found {
            end = unsafe UnsafePointer(bytes.base).distance(
                to: found.assumingMemoryBound(to: UInt8.self))
        }
        offset = min(end + 1, bytes.count)
        return try limited { () throws(Stop) in try text(bytes.slice(start, end)) }
    }

    private func readAllText() throws(InputFailure) -> Value {
        try limited { () throws(Stop) in
            var all = try runner.heap.string("")
            do throws(InputFailure) {
                while try advance() {
                    guard let block else { break }
                    let part = try limited { () throws(Stop) in
                        try unsafe text(Runner.bytes(block.bytes))
                    }
                    try limited { () throws(Stop) in
                        try runner.heap.append(&all, part.bytes, flags: part.word)
                    }
                    runner.heap.release(part)
                    offset = unsafe block.bytes.count
                }
            } catch { throw .limit }
            return all
        }
    }

    /// The bytes as a string; what is no UTF-8 is replaced.
    private func text(_ bytes: Bytes) throws(Stop) -> Value {
        if bytes.count == 0 { return try runner.heap.string("") }
        if unsafe UTF8Text.firstInvalid(bytes.base, bytes.count) == nil {
            return try runner.heap.string(bytes)
        }
        return try runner.heap.string(bytes.text)
    }
}

extension ReadFailure {
    /// What is wrong, in jq's words where it has some.
    func sentence(_ text: Bytes) -> String {
        let isNull = offset + 1 < text.count && text[offset + 1] == UInt8(ascii: "u")
        let byte = offset < text.count ? text[offset] : 0
        switch code {
        case .unexpectedEnd: return "Unfinished JSON term"
        case .tooDeep: return "Exceeds depth limit for parsing"
        case .badEscape: return "Invalid escape"
        case .badSurrogate: return "Invalid \\uXXXX\\uXXXX surrogate pair escape"
        case .badLiteral: return "Invalid literal"
        case .badNumber where byte == UInt8(ascii: "'"):
            return "Invalid string literal; expected \", but got '"
        case .badNumber: return "Invalid numeric literal"
        case .controlInString:
            return
                "Invalid string: control characters from U+0000 through U+001F must be escaped"
        case .badUTF8: return "Bytes that are not UTF-8"
        case .unexpectedByte where byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}"):
            return "Unmatched '\(Character(UnicodeScalar(byte)))'"
        case .unexpectedByte where byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":"):
            return "Expected value before '\(Character(UnicodeScalar(byte)))'"
        case .unexpectedByte where byte == UInt8(ascii: "'"):
            return "Invalid string literal; expected \", but got '"
        case .unexpectedByte where byte == UInt8(ascii: "t") || byte == UInt8(ascii: "f"):
            return "Invalid literal"
        case .unexpectedByte where byte == UInt8(ascii: "n") && isNull: return "Invalid literal"
        case .unexpectedByte: return "Invalid numeric literal"
        case .trailingBytes, .limit: return message
        }
    }

    /// The end of the word that is wrong; the offset where it is no word.
    func wordEnd(_ text: Bytes) -> Int {
        guard code == .badLiteral || code == .badNumber || code == .unexpectedByte else {
            return offset
        }
        var stop = offset
        while stop < text.count && !JSONReader.endsToken(text[stop]) { stop += 1 }
        return stop
    }
}
