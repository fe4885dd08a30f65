// Program and text -> first match: finds candidates for the start, tries each by backtracking, and
// changes over to the linear matcher when that takes too long.
//
// The loop of a global search, as in jq 1.8: `from` begins at 0; after a match it is the match's
// end, after an empty match its end + 1 byte; it continues while `from <= byteCount`. An offset
// inside a character is moved to the next one. Look-behind, `\b` and `^` see the whole text; `\G`
// is `from`.

/// Searches, with memory that is kept from one search to the next: one for each evaluator.
struct RegexMatcher: ~Copyable {
    /// Bytes that one search may hold for its frames or threads.
    let memoryBytesMax: Int

    private var slots = RegexBuffer<Int>()
    private var firstCapture = 0
    private var captureCount = 0
    private var backtracker = BacktrackMatcher()
    private var pike = PikeMatcher()

    /// Which matcher searches.
    enum Engine: Sendable {
        /// Backtracking, then linear where that is possible.
        case automatic
        case backtracking
        case linear
    }

    /// How much memory is kept between searches; the rest is freed after the search.
    private static let keptBytesMax = 1 << 20

    init(memoryBytesMax: Int = 64 << 20) {
        self.memoryBytesMax = memoryBytesMax
    }

    /// Byte offsets of a group in the last match, which must exist; 0 is the whole. Nil where the
    /// group took no part.
    func range(ofGroup group: Int) -> Range<Int>? {
        precondition(group >= 0 && group < captureCount)
        let start = slots.view[firstCapture + 2 * group]
        let end = slots.view[firstCapture + 2 * group + 1]
        // A `\K` in a look-ahead may put the start after the end: an empty match there.
        if group == 0 { return min(start, end)..<end }
        return start >= 0 && end >= start ? start..<end : nil
    }

    /// Finds the first match that starts at `offset` or later.
    ///
    /// `charge` is called about every 1,000 steps (a step is an instruction, or 16 bytes of a
    /// run) with the steps since, and ends the search by throwing.
    /// - Throws: what `charge` throws, or `RegexStop.memory`.
    /// - Complexity: linear in the text times the program for patterns without references,
    ///   look-around, atomic groups and calls.
    mutating func firstMatch(
        _ regex: borrowing Regex, in subject: UnsafeBufferPointer<UInt8>, from offset: Int,
        engine: Engine = .automatic, charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Bool {
        captureCount = regex.groupCount + 1
        // Safety: the caller's buffer lives as long as this call.
        let text = unsafe RegexSubject(subject, searchStart: offset)
        return try search(regex, text, engine: engine, charge: charge)
    }

    private mutating func search(
        _ regex: borrowing Regex, _ subject: RegexSubject, engine: Engine,
        charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Bool {
        let start = subject.searchStart
        if start > subject.count { return false }
        slots.grow(to: regex.slotCount, filling: -1)
        firstCapture = regex.registerCount
        let task = RegexTask(
            code: RegexCode(regex), subject: subject, slots: slots.view,
            slotCount: regex.slotCount,
            notEmpty: regex.options.contains(.notEmpty),
            longest: regex.options.contains(.longest), memoryBytesMax: memoryBytesMax)
        var steps = RegexSteps()
        var isFound = false
        if regex.search == .literal {
            if let found = try Self.candidate(regex, subject, start, &steps, charge) {
                clearSlots(task)
                slots.view[firstCapture] = found
                slots.view[firstCapture + 1] = found + regex.prefix.count
                isFound = true
            }
        } else if regex.isLinear, engine == .linear {
            isFound = try searchLinearly(regex, task, start, &steps, charge)
        } else {
            let isBounded = regex.isLinear && engine == .automatic
            isFound = try searchBacktracking(
                regex, task, start, &steps,
                stepsMax: isBounded ? 4_096 + 8 * (subject.count - start) : .max, charge)
        }
        if steps.pending > 0 { try charge(steps.flush()) }
        trim()
        return isFound
    }

    private func clearSlots(_ task: RegexTask) {
        for index in 0..<task.slots.count { task.slots[index] = -1 }
    }

    private mutating func trim() {
        if backtracker.byteCount > Self.keptBytesMax { backtracker = BacktrackMatcher() }
        if pike.byteCount > Self.keptBytesMax { pike = PikeMatcher() }
    }

    private mutating func searchLinearly(
        _ regex: borrowing Regex, _ task: RegexTask, _ start: Int, _ steps: inout RegexSteps,
        _ charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Bool {
        clearSlots(task)
        let copy = copy regex
        return try pike.search(
            task, from: start, steps: &steps,
            candidate: { offset, steps throws(RegexStop) in
                try Self.candidate(copy, task.subject, offset, &steps, charge)
            }, charge: charge)
    }

    private mutating func searchBacktracking(
        _ regex: borrowing Regex, _ task: RegexTask, _ start: Int, _ steps: inout RegexSteps,
        stepsMax: Int, _ charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Bool {
        clearSlots(task)
        let end = firstCapture + 1
        var bestLength = -1
        var best: [Int] = []
        var offset = start
        while let candidate = try Self.candidate(regex, task.subject, offset, &steps, charge) {
            switch try backtracker.match(
                task, at: candidate, steps: &steps, stepsMax: stepsMax, charge: charge)
            {
            case .matched:
                if !task.longest { return true }
                let length = task.slots[end] - candidate
                if length > bestLength {
                    bestLength = length
                    best = (0..<task.slotCount).map { task.slots[$0] }
                }
                clearSlots(task)
            case .abandoned:
                let from = task.longest ? start : candidate
                return try searchLinearly(regex, task, from, &steps, charge)
            case .failed: break
            }
            offset = task.subject.next(candidate)
            if case .leadingRun(let index) = regex.search, !task.longest {
                // What failed from here fails from everywhere in the same run.
                let run = task.code.instructions[index]
                let runEnd = try task.code.wholeRun(
                    run, in: task.subject, from: candidate, &steps, charge)
                offset = max(offset, runEnd)
            }
        }
        for index in best.indices { task.slots[index] = best[index] }
        return bestLength >= 0
    }

    /// How many bytes are searched between two charges.
    private static let chunkBytes = 1 << 18

    /// The first offset from `start` on at which a match may begin; nil where there is none.
    private static func candidate(
        _ regex: borrowing Regex, _ subject: RegexSubject, _ start: Int,
        _ steps: inout RegexSteps, _ charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Int? {
        switch regex.search {
        case .everywhere: return start <= subject.count ? start : nil
        case .textStart: return start == 0 ? 0 : nil
        case .searchStart: return start == subject.searchStart ? start : nil
        case .prefix, .literal:
            var matches = subject.matches(of: regex.prefix, from: start)
            let found = try matches.next { (byteCount) throws(RegexStop) in
                if steps.take(byteCount >> 6) { try charge(steps.flush()) }
            }
            return found.map { $0 + start }
        default: break
        }
        var offset = start
        while offset < subject.count {
            let end = min(offset + Self.chunkBytes, subject.count)
            let found: Int? =
                switch regex.search {
                case .byte(let byte): subject.firstOffset(of: byte, in: offset..<end)
                default: subject.firstOffset(in: regex.firstBytes, offset..<end)
                }
            let scanned = (found ?? end) - offset
            if steps.take(scanned >> 6) { try charge(steps.flush()) }
            if let found { return found }
            offset = end
        }
        return nil
    }
}
