// All attempts at once, one character at a time: threads in the order of their preference, one per
// instruction, each with its own captures (Thompson's simulation with Pike's captures). Linear in
// the text for programs without atomic sections, references and calls; its result is the
// backtracking matcher's.

/// The linear matcher with its memory.
struct PikeMatcher: ~Copyable {
    /// Threads in order, by instruction; for this character and for the next.
    private var threads = RegexBuffer<Int32>()
    private var nextThreads = RegexBuffer<Int32>()
    private var threadCount = 0
    private var nextCount = 0
    /// Slots of the thread at an instruction, one row each; for this character and for the next.
    private var rows = RegexBuffer<Int>()
    private var nextRows = RegexBuffer<Int>()
    /// The generation in which an instruction was last reached, for each set of loops whose round
    /// has taken nothing so far: that set decides where matching continues.
    private var marks = RegexBuffer<Int>()
    /// The generation in which an instruction was last put on a list.
    private var listed = RegexBuffer<Int>()
    private var generation = 0
    private var stack = RegexBuffer<RegexFrame>()
    /// The slots of the thread being put on a list.
    private var work = RegexBuffer<Int>()
    private var bestLength = -1

    var byteCount: Int {
        rows.byteCount + nextRows.byteCount + marks.byteCount + stack.byteCount
            + threads.byteCount + nextThreads.byteCount
    }

    /// How many nested or consecutive loops are distinguished exactly.
    private static let loopBitsMax = 4

    private static func loopBits(_ task: RegexTask) -> Int {
        min(task.code.registerCount, loopBitsMax)
    }

    private mutating func reserve(_ task: RegexTask) throws(RegexStop) {
        let count = task.code.instructions.count
        let (rowWords, overflow) = count.multipliedReportingOverflow(by: task.slotCount)
        let words = 2 * rowWords + 8 * (count << Self.loopBits(task))
        if overflow || words > task.memoryBytesMax / MemoryLayout<Int>.stride { throw .memory }
        threads.grow(to: count, filling: 0)
        nextThreads.grow(to: count, filling: 0)
        rows.grow(to: rowWords, filling: 0)
        nextRows.grow(to: rowWords, filling: 0)
        let states = count << Self.loopBits(task)
        marks.grow(to: states, filling: 0)
        listed.grow(to: count, filling: 0)
        // A state leaves at most a branch and a slot to restore.
        stack.grow(to: 2 * states + 2, filling: RegexFrame())
        work.grow(to: task.slotCount, filling: -1)
    }

    /// Searches from an offset on; `candidate` returns where a match may begin next.
    mutating func search(
        _ task: RegexTask, from start: Int, steps: inout RegexSteps,
        candidate: (Int, inout RegexSteps) throws(RegexStop) -> Int?,
        charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Bool {
        try reserve(task)
        let subject = task.subject
        bestLength = -1
        threadCount = 0
        generation += 1
        var offset = start
        var mayBegin: Int? = start
        while true {
            if threadCount == 0, bestLength < 0 || task.longest {
                guard let next = try candidate(offset, &steps) else { break }
                offset = next
                mayBegin = next
            } else if let begin = mayBegin, begin < offset, bestLength < 0 || task.longest {
                mayBegin = try candidate(offset, &steps)
            }
            if mayBegin == offset, bestLength < 0 || task.longest {
                for slot in 0..<task.slotCount { work.view[slot] = -1 }
                work.view[task.code.registerCount] = offset
                threadCount = add(0, task, offset, threads.view, rows.view, threadCount)
            }
            if steps.take(1 + threadCount) { try charge(steps.flush()) }
            let byteCount = advance(task, offset)
            if offset >= subject.count || (nextCount == 0 && bestLength >= 0 && !task.longest) {
                break
            }
            offset += byteCount
            swap(&threads, &nextThreads)
            swap(&rows, &nextRows)
            threadCount = nextCount
        }
        return bestLength >= 0
    }

    /// Moves all threads over the character at an offset; returns its byte count.
    private mutating func advance(_ task: RegexTask, _ offset: Int) -> Int {
        let code = task.code
        let isInside = offset < task.subject.count
        let (scalar, byteCount) = isInside ? task.subject.scalar(at: offset) : (0, 0)
        nextCount = 0
        generation += 1
        for index in 0..<threadCount {
            let pc = Int(threads.view[index])
            let instruction = code.instructions[pc]
            if instruction.operation == .match {
                if accept(task, row: pc * task.slotCount, at: offset), !task.longest { break }
                continue
            }
            guard isInside else { continue }
            let isRun = instruction.operation == .run
            let single = isRun ? instruction.single : instruction.operation
            guard code.accepts(single, instruction.x, scalar) else { continue }
            let row = pc * task.slotCount
            for slot in 0..<task.slotCount { work.view[slot] = rows.view[row + slot] }
            nextCount = add(
                isRun ? pc : pc + 1, task, offset + byteCount, nextThreads.view, nextRows.view,
                nextCount)
        }
        return byteCount
    }

    private mutating func accept(_ task: RegexTask, row: Int, at offset: Int) -> Bool {
        let registers = task.code.registerCount
        let start = rows.view[row + registers]
        if task.notEmpty, start == offset { return false }
        if task.longest, offset - start <= bestLength { return false }
        bestLength = max(offset - start, 0)
        for slot in 0..<task.slotCount { task.slots[slot] = rows.view[row + slot] }
        task.slots[registers + 1] = offset
        return true
    }

    /// Puts the thread in `work` on a list, at all instructions that it reaches without taking a
    /// character; returns the list's new length.
    private func add(
        _ start: Int, _ task: RegexTask, _ offset: Int, _ list: RegexView<Int32>,
        _ listRows: RegexView<Int>, _ listCount: Int
    ) -> Int {
        var count = listCount
        let loopBits = Self.loopBits(task)
        // A bit for each loop whose round began here.
        var fresh = 0
        let code = task.code
        let stack = stack.view
        let work = work.view
        let marks = marks.view
        var depth = 1
        stack[0] = RegexFrame(kind: .branch, x: Int32(start))
        while depth > 0 {
            depth -= 1
            let frame = stack[depth]
            var pc = Int(frame.x)
            if frame.kind == .slot {
                work[pc] = frame.a
                if pc < loopBits, frame.a != offset { fresh &= ~(1 << pc) }
                continue
            }
            if frame.kind == .lazy {
                append(pc, task.slotCount, list, listRows, &count)
                continue
            }
            while marks[pc << loopBits | fresh] != generation {
                marks[pc << loopBits | fresh] = generation
                let instruction = code.instructions[pc]
                switch instruction.operation {
                case .jump: pc = Int(instruction.x)
                case .split:
                    stack[depth] = RegexFrame(kind: .branch, x: instruction.y)
                    depth += 1
                    pc = Int(instruction.x)
                case .save, .mark:
                    let slot = Int(instruction.x)
                    stack[depth] = RegexFrame(kind: .slot, x: instruction.x, a: work[slot])
                    depth += 1
                    work[slot] = offset
                    if slot < loopBits { fresh |= 1 << slot }
                    pc += 1
                case .assert:
                    let assertion = RegexAssertion(rawValue: instruction.flag) ?? .textEnd
                    // If it does not hold, the mark that was just set ends this path.
                    if task.subject.holds(assertion, at: offset) { pc += 1 }
                case .check:
                    pc = work[Int(instruction.x)] == offset ? Int(instruction.y) : pc + 1
                case .run where instruction.flag == 1:
                    stack[depth] = RegexFrame(kind: .lazy, x: Int32(pc))
                    depth += 1
                    pc += 1
                case .run:
                    append(pc, task.slotCount, list, listRows, &count)
                    pc += 1
                case .fail: break
                default: append(pc, task.slotCount, list, listRows, &count)
                }
            }
        }
        return count
    }

    @inline(__always)
    private func append(
        _ pc: Int, _ slotCount: Int, _ list: RegexView<Int32>, _ listRows: RegexView<Int>,
        _ count: inout Int
    ) {
        guard listed.view[pc] != generation else { return }
        listed.view[pc] = generation
        list[count] = Int32(pc)
        count += 1
        for slot in 0..<slotCount { listRows[pc * slotCount + slot] = work.view[slot] }
    }
}
