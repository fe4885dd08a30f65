// One attempt to match a program at one offset, choice by choice: a stack of frames holds the
// choices left to try and the changes to undo. Implements every instruction.

/// What to do when an alternative fails.
struct RegexFrame: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        /// Continues with instruction `x` at offset `a`.
        case branch
        /// Sets slot `x` back to `a`.
        case slot
        /// A run from `a` to `b` gives back a character and continues with instruction `x`.
        case greedy
        /// Run instruction `x` takes one more at offset `a`; it may still take `b`.
        case lazy
        /// Atomic section number `x`, begun at offset `a`; continues at `b` unless that is -1.
        case atomic
        /// The call stack was record `a`, and record memory `b` long.
        case call
    }

    var kind = Kind.branch
    var x: Int32 = 0
    var a = 0
    var b = 0
}

/// How an attempt ended.
enum RegexOutcome {
    case matched
    case failed
    /// It took more steps than a linear matcher would.
    case abandoned
}

/// What a search needs of its caller.
struct RegexTask {
    let code: RegexCode
    let subject: RegexSubject
    let slots: RegexView<Int>
    let slotCount: Int
    let notEmpty: Bool
    let longest: Bool
    /// Bytes for frames, call records and thread lists.
    let memoryBytesMax: Int
}

/// The backtracking matcher with its memory.
struct BacktrackMatcher: ~Copyable {
    private var frames = RegexBuffer<RegexFrame>()
    private var depth = 0
    /// Call records: return address, record of the caller, offset of the call, then the caller's
    /// registers.
    private var records = RegexBuffer<Int>()
    private var recordTop = 0
    private var currentRecord = -1
    private var pc = 0
    private var offset = 0
    /// The best match so far, where the longest is wanted.
    private var best = RegexBuffer<Int>()
    private var bestLength = -1
    /// Whether slots were set without a frame that would undo it.
    private var isDirty = false

    var byteCount: Int { frames.byteCount + records.byteCount + best.byteCount }

    /// Tries to match at `start`. All slots are -1 before; after a match they hold its captures.
    mutating func match(
        _ task: RegexTask, at start: Int, steps: inout RegexSteps, stepsMax: Int,
        charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> RegexOutcome {
        begin(task, at: start)
        // The loop's state lives in locals; `pc` and `offset` of self carry it to the helpers.
        let instructions = task.code.instructions
        let subject = task.subject
        var pc = 0
        var offset = start
        var ticks = 0
        defer { _ = steps.take(ticks) }
        while true {
            ticks &+= 1
            if ticks >= RegexSteps.slice {
                _ = steps.take(ticks)
                ticks = 0
                try charge(steps.flush())
                if steps.total > stepsMax { return .abandoned }
            }
            let instruction = instructions[pc]
            var isGoingOn = true
            switch instruction.operation {
            case .byte:
                isGoingOn =
                    offset < subject.count
                    && Int32(subject[offset]) == instruction.x
                offset += 1
                pc += 1
            case .scalar, .set, .any, .anyButNewline:
                isGoingOn = takeOne(instruction, task, &offset)
                pc += 1
            case .run:
                offset = try takeRun(instruction, pc, offset, task, &steps, charge)
                isGoingOn = offset >= 0
                pc += 1
            case .split:
                try push(RegexFrame(kind: .branch, x: instruction.y, a: offset), task)
                pc = Int(instruction.x)
            case .jump: pc = Int(instruction.x)
            case .save, .mark:
                try save(instruction, offset, task)
                pc += 1
            case .assert:
                isGoingOn = subject.holds(assertion(instruction), at: offset)
                pc += 1
            case .check:
                let isEmpty = task.slots[Int(instruction.x)] == offset
                pc = isEmpty ? Int(instruction.y) : pc + 1
            case .fail: isGoingOn = false
            default:
                self.pc = pc
                self.offset = offset
                if instruction.operation == .match {
                    if accept(task, start) { return .matched }
                    isGoingOn = false
                } else {
                    isGoingOn = try stepRare(instruction, task)
                    pc = self.pc
                    offset = self.offset
                }
            }
            if !isGoingOn {
                guard try resume(task, &ticks) else { return finish(task) ? .matched : .failed }
                pc = self.pc
                offset = self.offset
            }
        }
    }

    private mutating func begin(_ task: RegexTask, at start: Int) {
        depth = 0
        recordTop = 0
        currentRecord = -1
        bestLength = -1
        isDirty = false
        task.slots[task.code.registerCount] = start
    }

    @inline(__always)
    private func assertion(_ instruction: RegexInstruction) -> RegexAssertion {
        RegexAssertion(rawValue: instruction.flag) ?? .textEnd
    }

    /// Accepts a match; false where the search must continue.
    private mutating func accept(_ task: RegexTask, _ start: Int) -> Bool {
        if task.notEmpty, offset == start { return false }
        let registers = task.code.registerCount
        if !task.longest {
            task.slots[registers + 1] = offset
            return true
        }
        if offset - start > bestLength {
            bestLength = offset - start
            best.grow(to: task.slotCount, filling: -1)
            for index in 0..<task.slotCount { best.view[index] = task.slots[index] }
            best.view[registers + 1] = offset
        }
        return false
    }

    private func finish(_ task: RegexTask) -> Bool {
        guard bestLength >= 0 else {
            if isDirty {
                for index in 0..<task.slotCount { task.slots[index] = -1 }
            }
            return false
        }
        for index in 0..<task.slotCount { task.slots[index] = best.view[index] }
        return true
    }

    @inline(__always)
    private mutating func push(
        _ frame: RegexFrame, _ task: RegexTask
    ) throws(RegexStop) {
        if depth == frames.capacity { try growFrames(task) }
        frames.view[depth] = frame
        depth += 1
    }

    @inline(never)
    private mutating func growFrames(_ task: RegexTask) throws(RegexStop) {
        let count = max(64, 2 * frames.capacity)
        if count * MemoryLayout<RegexFrame>.stride + records.byteCount > task.memoryBytesMax {
            throw .memory
        }
        frames.grow(to: count, filling: RegexFrame())
    }

    @inline(__always)
    private func takeOne(
        _ instruction: RegexInstruction, _ task: RegexTask, _ offset: inout Int
    ) -> Bool {
        guard offset < task.subject.count else { return false }
        let (scalar, byteCount) = task.subject.scalar(at: offset)
        offset += byteCount
        return task.code.accepts(instruction.operation, instruction.x, scalar)
    }

    /// The end of a run; -1 where it is too short.
    private mutating func takeRun(
        _ run: RegexInstruction, _ pc: Int, _ start: Int, _ task: RegexTask,
        _ steps: inout RegexSteps, _ charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Int {
        var least = start
        if run.y > 0 {
            let (end, count) = task.code.counted(
                run, in: task.subject, from: start, count: Int(run.y))
            if count < Int(run.y) { return -1 }
            least = end
        }
        if run.flag == 1 {
            let left = run.z < 0 ? -1 : Int(run.z - run.y)
            try push(RegexFrame(kind: .lazy, x: Int32(pc), a: least, b: left), task)
            return least
        }
        let end: Int
        if run.z < 0 {
            end = try task.code.wholeRun(run, in: task.subject, from: least, &steps, charge)
        } else {
            end =
                task.code.counted(
                    run, in: task.subject, from: least, count: Int(run.z - run.y)
                ).end
        }
        if run.flag == 0, end > least {
            try push(RegexFrame(kind: .greedy, x: Int32(pc + 1), a: least, b: end), task)
        }
        return end
    }

    @inline(__always)
    private mutating func save(
        _ instruction: RegexInstruction, _ offset: Int, _ task: RegexTask
    ) throws(RegexStop) {
        let slot = Int(instruction.x)
        if depth > 0 {
            try push(RegexFrame(kind: .slot, x: instruction.x, a: task.slots[slot]), task)
        } else {
            // There is no choice left to go back to: if this one fails, so does the attempt.
            isDirty = true
        }
        task.slots[slot] = instruction.flag == 1 ? -1 : offset
        if instruction.flag == 2 { try saveCallStart(slot - 1, task) }
    }

    @inline(never)
    private mutating func saveCallStart(_ slot: Int, _ task: RegexTask) throws(RegexStop) {
        try push(RegexFrame(kind: .slot, x: Int32(slot), a: task.slots[slot]), task)
        task.slots[slot] = records.view[currentRecord + 2]
    }

    /// Goes back to the last choice; false where none is left.
    private mutating func resume(
        _ task: RegexTask, _ ticks: inout Int
    ) throws(RegexStop) -> Bool {
        while depth > 0 {
            depth -= 1
            let frame = frames.view[depth]
            switch frame.kind {
            case .branch:
                pc = Int(frame.x)
                offset = frame.a
                return true
            case .slot: task.slots[Int(frame.x)] = frame.a
            case .greedy:
                offset = task.subject.previous(frame.b)
                pc = Int(frame.x)
                if offset > frame.a {
                    frames.view[depth].b = offset
                    depth += 1
                }
                return true
            case .lazy:
                if try takeLazily(frame, task) { return true }
            case .atomic:
                if frame.b >= 0 {
                    pc = frame.b
                    offset = frame.a
                    return true
                }
            case .call:
                currentRecord = frame.a
                recordTop = frame.b
            }
            ticks &+= 1
        }
        return false
    }

    private mutating func takeLazily(
        _ frame: RegexFrame, _ task: RegexTask
    ) throws(RegexStop) -> Bool {
        let instruction = task.code.instructions[Int(frame.x)]
        guard frame.b != 0, frame.a < task.subject.count else { return false }
        let (scalar, byteCount) = task.subject.scalar(at: frame.a)
        guard task.code.accepts(instruction.single, instruction.x, scalar) else { return false }
        offset = frame.a + byteCount
        pc = Int(frame.x) + 1
        let left = frame.b < 0 ? -1 : frame.b - 1
        try push(RegexFrame(kind: .lazy, x: frame.x, a: offset, b: left), task)
        return true
    }
}

// MARK: Atomic sections, groups, calls

extension BacktrackMatcher {
    @inline(never)
    private mutating func stepRare(
        _ instruction: RegexInstruction, _ task: RegexTask
    ) throws(RegexStop) -> Bool {
        switch instruction.operation {
        case .beginAtomic:
            try push(
                RegexFrame(kind: .atomic, x: instruction.x, a: offset, b: Int(instruction.y)), task)
            pc += 1
            return true
        case .endAtomic: return endAtomic(instruction, task)
        case .back:
            for _ in 0..<instruction.x {
                guard offset > 0 else { return false }
                offset = task.subject.previous(offset)
            }
            pc += 1
            return true
        case .backreference:
            pc += 1
            return takeReference(instruction, task)
        case .condition:
            let isSet = firstSetGroup(instruction, task) != nil
            pc = isSet ? pc + 1 : Int(instruction.z)
            return true
        case .call:
            try call(instruction, task)
            return true
        case .return:
            try returnToCaller(task)
            return true
        default: return false
        }
    }

    /// Drops the choices since the section began, but keeps the changes that they would undo.
    private mutating func endAtomic(_ instruction: RegexInstruction, _ task: RegexTask) -> Bool {
        var start = depth - 1
        while frames.view[start].kind != .atomic || frames.view[start].x != instruction.x {
            start -= 1
        }
        let opened = frames.view[start]
        let end = AtomicEnd(rawValue: instruction.flag) ?? .stay
        if end == .fail {
            for index in stride(from: depth - 1, to: start, by: -1) {
                let frame = frames.view[index]
                if frame.kind == .slot { task.slots[Int(frame.x)] = frame.a }
                if frame.kind == .call {
                    currentRecord = frame.a
                    recordTop = frame.b
                }
            }
            depth = start
            return false
        }
        var kept = start
        for index in start + 1..<depth {
            let frame = frames.view[index]
            if frame.kind == .slot || frame.kind == .call {
                frames.view[kept] = frame
                kept += 1
            }
        }
        depth = kept
        if end == .rewind { offset = opened.a }
        pc += 1
        return true
    }

    private func firstSetGroup(_ instruction: RegexInstruction, _ task: RegexTask) -> Int? {
        for index in (instruction.x..<instruction.x + instruction.y).reversed() {
            let slot = slot(of: task.code.groupLists[Int(index)], task)
            if task.slots[slot] >= 0, task.slots[slot + 1] >= 0 { return slot }
        }
        return nil
    }

    private func slot(of group: Int32, _ task: RegexTask) -> Int {
        task.code.registerCount + 2 * Int(group)
    }

    /// Takes the text of the last of the groups that is set and occurs here.
    private mutating func takeReference(
        _ instruction: RegexInstruction, _ task: RegexTask
    ) -> Bool {
        for index in (instruction.x..<instruction.x + instruction.y).reversed() {
            let slot = slot(of: task.code.groupLists[Int(index)], task)
            let start = task.slots[slot]
            let end = task.slots[slot + 1]
            guard start >= 0, end >= start else { continue }
            if let after = equalEnd(start, end, ignoreCase: instruction.flag == 1, task) {
                offset = after
                return true
            }
        }
        return false
    }

    /// The end of the text `start..<end` where it occurs again at the current offset. Where case is
    /// ignored, its other form may take fewer bytes, but as many must remain: as in Oniguruma.
    private func equalEnd(
        _ start: Int, _ end: Int, ignoreCase: Bool, _ task: RegexTask
    ) -> Int? {
        let subject = task.subject
        var source = start
        var cursor = offset
        let limit = offset + (end - start)
        guard limit <= subject.count else { return nil }
        while source < end {
            guard cursor < limit else { return nil }
            if subject[source] < 0x80 || !ignoreCase {
                var byte = subject[source]
                var other = subject[cursor]
                if ignoreCase {
                    byte = byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
                    other = other >= 0x41 && other <= 0x5A ? other + 0x20 : other
                }
                guard byte == other else { return nil }
                source += 1
                cursor += 1
                continue
            }
            let (scalar, byteCount) = subject.scalar(at: source)
            let (other, otherCount) = subject.scalar(at: cursor)
            let folding = CaseFolding.shared
            guard folding.simple(scalar) == folding.simple(other), cursor + otherCount <= limit
            else { return nil }
            source += byteCount
            cursor += otherCount
        }
        return cursor
    }

    private mutating func call(
        _ instruction: RegexInstruction, _ task: RegexTask
    ) throws(RegexStop) {
        let registers = task.code.registerCount
        try push(RegexFrame(kind: .call, a: currentRecord, b: recordTop), task)
        let needed = recordTop + 3 + registers
        if needed > records.capacity {
            let bytes = 2 * needed * MemoryLayout<Int>.stride + frames.byteCount
            if bytes > task.memoryBytesMax { throw .memory }
            records.grow(to: needed, filling: 0)
        }
        records.view[recordTop] = pc + 1
        records.view[recordTop + 1] = currentRecord
        records.view[recordTop + 2] = offset
        for index in 0..<registers { records.view[recordTop + 3 + index] = task.slots[index] }
        currentRecord = recordTop
        recordTop = needed
        pc = Int(instruction.x)
    }

    private mutating func returnToCaller(_ task: RegexTask) throws(RegexStop) {
        let record = currentRecord
        try push(RegexFrame(kind: .call, a: record, b: recordTop), task)
        for index in 0..<task.code.registerCount {
            try push(RegexFrame(kind: .slot, x: Int32(index), a: task.slots[index]), task)
            task.slots[index] = records.view[record + 3 + index]
        }
        pc = records.view[record]
        currentRecord = records.view[record + 1]
    }
}
