// Blocks of bytes -> the inputs of a program, one after another: JSON texts, lines, or the events
// of `--stream`, each by itself or all in one array.
//
// A main input borrows from its block, which is kept until the next input. What a program reads
// with `input` is copied, so that reading on takes constant memory.
//
// As in jq, files are read as if they were one: a text that is unfinished at the end of a file
// continues in the next, and is then in one block with bytes of both.

@safe public final class InputReader {
    let heap: Heap
    private let budget: Budget
    let depthMax: Int
    /// Keeps the memory of heap and state.
    private let owner: AnyObject
    // Safety: as long-lived as the owner.
    private let state: UnsafeMutablePointer<Evaluator.State>
    private let source: any InputBlocks
    let form: InputForm
    /// Which parts of borrowing inputs are used.
    private let projection: Projection
    /// Whether inputs are texts that follow one another, with nothing between them.
    private let readsPlainTexts: Bool
    var plain: JSONReader
    private var counted: JSONReader
    /// Whether `counted` has begun with the current block.
    private var isCountedReady = false
    var events: EventReader
    var block: InputBlock?
    /// The very last block, kept in case its line numbers are needed.
    var lastBlock: InputBlock?
    var offset = 0
    /// How many bytes of the block jq has read when it notices that the last input has ended.
    private var readUpto = 0
    /// The offset that the source was last given as passed.
    private var passedUpto = 0
    private static let passedByteCount = 1 << 18
    /// Blocks that the current input borrows from, besides the current block.
    private var held: [InputBlock] = []
    /// Whether the current input borrows from the current block.
    private var isBorrowed = false
    private var isDone = false
    /// Whether reading has ended because the end of the inputs was malformed.
    var hasFailedAtEnd = false
    /// Whether a byte order mark may still precede all inputs.
    private var awaitsMark: Bool
    private var isMarkCut = false
    /// Whether the last file that was opened has no bytes.
    private var isAfterBytes = false
    /// Whether the first record of a sequence is still to come.
    private var awaitsRecord: Bool
    /// The inputs so far, when all go into one array.
    private var slurped: Value?
    var lines = LineCounter()
    /// Bytes of the file in earlier blocks.
    private(set) var bytesBefore = 0
    /// What `input_filename` gives; nil before the first input.
    public private(set) var fileName: String? { didSet { isNameShown = false } }
    /// Whether the program has the name: setting it for each input takes two atomic operations.
    private var isNameShown = true
    /// Whether `input_line_number` is used: counting costs time.
    public var countsLines = false

    /// - Parameters:
    ///   - owner: keeps the memory of `state`.
    ///   - projection: which parts of the inputs of `next` are used.
    @unsafe init(
        _ state: UnsafeMutablePointer<Evaluator.State>, of owner: AnyObject, depthMax: Int,
        _ source: any InputBlocks, _ form: InputForm, _ projection: Projection
    ) {
        self.owner = owner
        unsafe self.state = unsafe state
        heap = unsafe state.pointee.heap
        budget = unsafe state.pointee.budget
        self.depthMax = depthMax
        self.projection = form.kind == .texts && !form.slurps ? projection : .whole
        self.source = source
        self.form = form
        readsPlainTexts =
            form.kind == .texts && !form.slurps && !form.isSequence && !form.isSingle
        plain = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false,
            isLenient: form.isLenient, names: .known)
        counted = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: true,
            isLenient: form.isLenient, names: .kept)
        events = EventReader(heap: heap, depthMax: depthMax, isSequence: form.isSequence)
        awaitsMark = form.isLenient && !form.isSingle && form.kind != .lines
        awaitsRecord = form.isSequence && form.kind != .lines
    }

    /// The names that its reader kept are gone.
    deinit {
        unsafe heap.state.pointee.keptNames = 0..<0
        unsafe heap.state.pointee.keptNamesVersion &+= 1
    }

    /// The next input; valid until the runner's next `begin`, which precedes the next call. When
    /// all inputs go into one array, a call that failed may be followed by another one, without
    /// `begin`.
    public func next() throws(InputFailure) -> Document? {
        var failure: ReadFailure?
        if readsPlainTexts, let value = nextOfBlock(&failure) {
            return Document(value: value, isOwned: projection.changes)
        }
        beginInput()
        // The values of the previous input are gone; those of this one stay when a program reads
        // on.
        plain.isAlone = slurped == nil
        defer { plain.isAlone = false }
        var next: Value?
        if let failure, let block { next = try fail(failure, block, from: offset) }
        if next == nil { next = try read(isOwned: false) }
        guard let value = next else { return nil }
        showLocation()
        return Document(value: value, isOwned: projection.changes)
    }

    /// The next input where that is one more text of the current block, as it is for most lines;
    /// nil leaves everything as it was. It saves 300 of the instructions of a line of 60 bytes.
    @inline(__always) private func nextOfBlock(_ failure: inout ReadFailure?) -> Value? {
        guard offset < plain.end, offset - passedUpto < InputReader.passedByteCount,
            held.isEmpty, isNameShown, !countsLines, !awaitsMark, !isMarkCut
        else { return nil }
        plain.offset = offset
        let value: Value
        do throws(ReadFailure) {
            guard let next = try plain.readNext() else { return nil }
            value = next
        } catch {
            failure = error
            return nil
        }
        let end = plain.offset
        if !endsItself(plain.byte(end &- 1)) {
            // A number or word may continue in the next block.
            if end == plain.end {
                heap.release(value)
                return nil
            }
            readUpto = end + 1
        }
        offset = end
        isBorrowed = true
        return value
    }

    /// Gives back the blocks that the previous input borrowed from.
    private func beginInput() {
        if slurped != nil { return }
        for block in held { source.giveBack(block) }
        held.removeAll(keepingCapacity: true)
        isBorrowed = false
    }

    /// Sets the results of `input_filename` and `input_line_number`.
    func showLocation() {
        if !isNameShown {
            unsafe state.pointee.host.inputFileName = fileName
            isNameShown = true
        }
        if countsLines { unsafe state.pointee.host.inputLineNumber = lineNumber() }
    }

    /// The location for messages: `FILE:LINE`.
    public var location: String {
        guard let fileName else { return "<unknown>" }
        return "\(fileName):\(lineNumber())"
    }

    /// How many lines have been read, including the one with the end of the last input.
    private func lineNumber() -> Int {
        if isAfterBytes { return 0 }
        guard let block = block ?? lastBlock else { return 0 }
        let bytes = unsafe Bytes(block.bytes)
        return lines.lines(
            upto: min(max(readUpto, offset), bytes.count), bytes, lineRest: block.lineRest)
    }

    /// An owned value, or one that borrows from the blocks.
    func read(isOwned: Bool) throws(InputFailure) -> Value? {
        if isDone { return nil }
        if !form.slurps { return try readOne(isOwned: isOwned) }
        if form.kind == .lines {
            isDone = true
            return try readAllText()
        }
        if slurped == nil {
            slurped = try limited { () throws(Stop) in try heap.makeArray(capacity: 4) }
        }
        while let element = try readOne(isOwned: isOwned) {
            try limited { () throws(Stop) in try heap.push(&slurped!, element) }
        }
        isDone = true
        defer { slurped = nil }
        return slurped
    }

    /// Turns a refusal of the heap into a limit.
    func limited<T>(_ body: () throws(Stop) -> T) throws(InputFailure) -> T {
        do throws(Stop) { return try body() } catch { throw .limit(heap.limit) }
    }

    private func readOne(isOwned: Bool) throws(InputFailure) -> Value? {
        while !hasFailedAtEnd {
            guard let block, hasMore(block) else {
                if try advance() { continue }
                return awaitsRecord ? try failWithoutRecord() : nil
            }
            try checkMark()
            try pass(block)
            if awaitsRecord && !findRecord(block) { continue }
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

    private func hasMore(_ block: InputBlock) -> Bool {
        unsafe offset < block.bytes.count || form.kind == .events && !events.isAtTop
    }

    @inline(__always) private func pass(_ block: InputBlock) throws(InputFailure) {
        if offset - passedUpto < InputReader.passedByteCount { return }
        passedUpto = offset
        source.pass(block, upto: offset)
        try lookAtBudget()
    }

    /// For bytes that no run is charged for: those between records, and inputs that are put into an
    /// array.
    private func lookAtBudget() throws(InputFailure) {
        try limited { () throws(Stop) in try budget.charge(Budget.sliceStepCount) }
    }

    // MARK: Blocks

    /// Goes on to the next block; false at the end.
    func advance() throws(InputFailure) -> Bool {
        try lookAtBudget()
        if let next = source.next() {
            let byteCount = unsafe block?.bytes.count ?? 0
            // The skipped bytes may continue in the next block.
            offset = next.isFirst || block == nil ? 0 : max(offset - byteCount, 0)
            try enter(next, passing: byteCount)
            if awaitsMark { try findMark() }
            return true
        }
        try noteEnd()
        if let block {
            offset = unsafe block.bytes.count
            lastBlock = block
            self.block = nil
        }
        return false
    }

    /// The last file may be empty: `input_filename` gives its name all the same.
    private func noteEnd() throws(InputFailure) {
        if source.limitMet != .none {
            heap.limit = source.limitMet
            throw .limit(heap.limit)
        }
        guard let name = source.trailingFileName else { return }
        fileName = name
        isAfterBytes = true
    }

    private func leave(_ block: InputBlock) {
        if isBorrowed { held.append(block) } else { source.giveBack(block) }
        isBorrowed = false
    }

    /// Takes the rest of a block from `start` on, and the next block, as one block; false where
    /// there is no next block.
    func join(_ block: InputBlock, from start: Int) throws(InputFailure) -> Bool {
        if form.isSingle { return false }
        guard let joined = source.joined(block, from: start) else {
            try noteEnd()
            return false
        }
        offset = 0
        try enter(joined, passing: start)
        return true
    }

    /// - Parameter byteCount: bytes of the previous block that are not in this one.
    private func enter(_ next: InputBlock, passing byteCount: Int) throws(InputFailure) {
        let bytes = unsafe Bytes(next.bytes)
        var before = next.before ?? InputBlock.Before()
        if let block {
            let last = unsafe Bytes(block.bytes)
            if !next.isFirst {
                _ = lines.lines(upto: byteCount, last, lineRest: block.lineRest)
                lines.move(by: byteCount, to: bytes, lineRest: next.lineRest)
            } else if !form.isSingle && form.kind != .lines && next.before == nil {
                // A location counts lines through all files.
                before.location = lines.location(upto: last.count, last, lineRest: block.lineRest)
            }
            leave(block)
        }
        block = next
        fileName = next.fileName
        passedUpto = 0
        readUpto = 0
        bytesBefore += byteCount
        plain.begin(bytes, projection)
        isCountedReady = form.kind == .events
        if isCountedReady { counted.begin(bytes) }
        events.move(to: bytes)
        if before.location.isAfterBytes { awaitsMark = false }
        if next.isFirst || next.before != nil {
            if next.isFirst {
                bytesBefore = -next.fileStart
                // A byte order mark before all texts, or before a text that is alone in its file,
                // is skipped; in lines it is a part of the first.
                if (awaitsMark || form.isSingle) && next.fileStart == 0 { offset = plain.offset }
            }
            lines.begin(
                bytes, at: next.fileStart, lineRest: next.lineRest, markByteCount: offset,
                lineCount: before.lineCount, lineByteCount: before.lineByteCount,
                after: before.location)
        }
        if form.isSingle && plain.skipSpace(offset) == bytes.count {
            try fail(ReadFailure(code: .unexpectedEnd, offset: bytes.count), next, from: offset)
        }
    }

    /// A byte order mark before all inputs that is cut off: jq then reads no input.
    private func findMark() throws(InputFailure) {
        let mark = JSONReader.byteOrderMark
        while let block {
            let bytes = unsafe Bytes(block.bytes)
            var count = 0
            while count < min(bytes.count, 3), bytes[count] == mark[count] { count += 1 }
            if count < 3 && count == bytes.count, try join(block, from: 0) { continue }
            awaitsMark = false
            if count == 0 { return }
            offset = count
            lines.begin(
                bytes, at: block.fileStart, lineRest: block.lineRest,
                markByteCount: count - block.fileStart, lineCount: 0, after: InputLocation())
            isMarkCut = count < min(bytes.count, 3) && !form.isSequence
            return
        }
    }

    private func checkMark() throws(InputFailure) {
        if isMarkCut { throw .malformed("Malformed BOM") }
    }

    // MARK: Texts

    private func readText(_ block: InputBlock, isOwned: Bool) throws(InputFailure) -> Value? {
        if form.isSequence { passSeparators(block) }
        let start = offset
        do throws(ReadFailure) {
            let value: Value?
            if isOwned {
                if !isCountedReady { unsafe counted.begin(Bytes(block.bytes)) }
                isCountedReady = true
                counted.offset = offset
                value = try counted.readNext()
                offset = counted.offset
            } else {
                plain.offset = offset
                value = try plain.readNext()
                offset = plain.offset
            }
            guard let value else { return nil }
            try checkEnd(block)
            if try goesOn(value, block, from: start) { return nil }
            if !isOwned { isBorrowed = true }
            return value
        } catch {
            return try fail(error, block, from: start)
        }
    }

    /// Whether the last byte of an input shows that it is the last.
    @inline(__always) private func endsItself(_ last: UInt8) -> Bool {
        switch last {
        case UInt8(ascii: "]"), UInt8(ascii: "}"): true
        case UInt8(ascii: "\""): form.kind != .events || events.isAtTop
        default: false
        }
    }

    /// Whether a number or word at the block's end must be read again together with the next block.
    private func goesOn(
        _ value: Value, _ block: InputBlock, from start: Int
    ) throws(ReadFailure) -> Bool {
        // Safety: an input that has been read has bytes.
        if unsafe endsItself(block.bytes[offset - 1]) { return false }
        // Its end is recognised by the byte after it.
        readUpto = offset + 1
        if unsafe offset < block.bytes.count { return false }
        do throws(InputFailure) {
            if try join(block, from: start) {
                heap.release(value)
                return true
            }
        } catch { throw ReadFailure(code: .limit, offset: offset) }
        if form.isSequence && form.kind == .texts && value.isNumber {
            throw ReadFailure(code: .badNumber, offset: offset)
        }
        return false
    }

    /// Refuses anything after the text of a file that must be one text.
    private func checkEnd(_ block: InputBlock) throws(ReadFailure) {
        if !form.isSingle { return }
        let end = plain.skipSpace(offset)
        if unsafe end < block.bytes.count { throw ReadFailure(code: .trailingBytes, offset: end) }
    }

    // MARK: Events

    private func readEvent(_ block: InputBlock) throws(InputFailure) -> Value? {
        if form.isSequence && events.isAtTop { passSeparators(block) }
        let (start, checkpoint) = (offset, events.checkpoint)
        do throws(ReadFailure) {
            let value = try events.next(&counted, &offset)
            guard let value else { return nil }
            if events.isAtTop { try checkEnd(block) }
            return try goesOn(value, block, from: start) ? nil : value
        } catch {
            events.go(to: checkpoint)
            return try fail(error, block, from: start)
        }
    }

    // MARK: Records

    /// Goes to the first record separator; false where the next bytes have none.
    private func findRecord(_ block: InputBlock) -> Bool {
        let bytes = unsafe Bytes(block.bytes)
        let end = min(bytes.count, offset + InputReader.passedByteCount)
        while offset < end && bytes[offset] != JSONReader.recordSeparator { offset += 1 }
        awaitsRecord = offset == end
        return !awaitsRecord
    }

    private func passSeparators(_ block: InputBlock) {
        let bytes = unsafe Bytes(block.bytes)
        while true {
            offset = plain.skipSpace(offset)
            if offset >= bytes.count || bytes[offset] != JSONReader.recordSeparator { return }
            offset += 1
        }
    }
}
