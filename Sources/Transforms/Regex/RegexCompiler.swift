// Syntax tree -> instructions. Repeats are expanded, so that both matchers need only splits; a
// bound on the program's size limits that.

/// Writes the program of one tree.
struct RegexCompiler {
    private(set) var instructions: [RegexInstruction] = []
    private(set) var sets: [ScalarSet]
    private(set) var groupLists: [Int32] = []
    private(set) var registerCount = 0
    private(set) var isLinear = true
    private(set) var usesCaptures = false

    let calls: [RegexParser.PendingCall]
    /// Groups that are called, with their bodies.
    private(set) var called: Set<Int> = []
    /// Groups that are compiled once and called wherever they occur: those that are called, and the
    /// groups inside them, as a call inside may reach such a group again before it has ended.
    private var subroutines: Set<Int> = []
    /// For each group the groups that contain it.
    private(set) var around: [Int: Set<Int>] = [:]
    /// Groups around what is being compiled or measured.
    var open: Set<Int> = []
    let referenced: Set<Int>
    private(set) var bodies: [Int: RegexNode] = [:]
    /// The characters of each group.
    var groupLengths: [Int: RegexLength] = [:]
    private var callSites: [(instruction: Int, group: Int)] = []
    private var foldedSets: [UInt32: Int] = [:]
    private var atomicCount: Int32 = 0
    private let patternEnd: Int

    init(_ parser: RegexParser) {
        sets = parser.sets
        calls = parser.calls
        referenced = parser.referenced.union(parser.references.map { $0.group })
        patternEnd = parser.bytes.count
    }

    mutating func compile(_ tree: RegexNode) throws(RegexError) {
        called = Set(calls.map { $0.group })
        collectBodies(tree, inside: [])
        bodies[0] = tree
        if !calls.isEmpty || !referenced.isEmpty { measureGroups(tree) }
        if !called.isEmpty {
            try checkRecursion(tree)
            collectSubroutines(tree, isInside: called.contains(0))
        }
        // The captures' slots follow the loops' registers, whose number is known at the end.
        if called.contains(0) { try emitCall(0) } else { try emit(tree) }
        try append(RegexInstruction(operation: .match))
        var starts: [Int: Int32] = [:]
        for group in subroutines.union(called).sorted() {
            starts[group] = here
            if group == 0 {
                try emit(bodies[0] ?? .empty)
            } else {
                try emitCapture(bodies[group] ?? .failure, index: group)
                instructions[instructions.count - 1].flag = 2
            }
            try append(RegexInstruction(operation: .return))
        }
        for site in callSites { instructions[site.instruction].x = starts[site.group] ?? 0 }
        for index in instructions.indices where instructions[index].operation == .save {
            instructions[index].x += Int32(registerCount)
        }
    }

    private mutating func append(_ instruction: RegexInstruction) throws(RegexError) {
        if instructions.count >= RegexLimits.instructionsMax {
            throw RegexError(message: "too big number for repeat range", offset: patternEnd)
        }
        instructions.append(instruction)
    }

    private var here: Int32 { Int32(instructions.count) }

    /// Appends an instruction whose targets are set later; returns its index.
    private mutating func reserve(
        _ operation: RegexOperation
    ) throws(RegexError) -> Int {
        try append(RegexInstruction(operation: operation))
        return instructions.count - 1
    }

    private mutating func emit(_ node: RegexNode) throws(RegexError) {
        switch node {
        case .empty, .callout: break
        case .failure: try append(RegexInstruction(operation: .fail))
        case .scalar, .set, .any: try append(single(node))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .alternation(let branches): try emitAlternation(branches)
        case .repetition(let body, let min, let max, let greed):
            try emitRepetition(body, min: min, max: max, greed: greed)
        case .capture(let body, let index):
            if subroutines.contains(index) {
                try emitCall(index)
            } else {
                try emitCapture(body, index: index)
            }
        case .scoped(let body): try emit(body)
        case .atomic(let body):
            try emitAtomic(end: .stay) { compiler throws(RegexError) in try compiler.emit(body) }
        case .absent(let body):
            let absent = RegexNode.look(body, behind: false, negated: true, offset: 0)
            try emitRepetition(
                .sequence([absent, .any(newline: true)]), min: 0, max: -1, greed: .greedy)
        case .look(let body, let behind, let negated, let offset):
            try emitLook(body, behind: behind, negated: negated, offset: offset)
        case .assertion(let assertion):
            try append(RegexInstruction(operation: .assert, flag: assertion.rawValue))
        case .backreference(let groups, let ignoreCase):
            let list = addGroups(groups)
            try append(
                RegexInstruction(
                    operation: .backreference, flag: ignoreCase ? 1 : 0, x: list.x, y: list.y))
        case .call(let index): try emitCall(calls[index].group)
        case .groupCondition(let groups, let yes, let no):
            let list = addGroups(groups)
            let test = instructions.count
            try append(RegexInstruction(operation: .condition, x: list.x, y: list.y))
            try emitBranches(yes: yes, no: no, patching: { $0.instructions[test].z = $1 })
        case .condition(let condition, let yes, let no):
            let start = try beginAtomic()
            try emit(condition)
            try endAtomic(start, end: .stay)
            try emitBranches(yes: yes, no: no, patching: { $0.instructions[start].y = $1 })
        case .keep: try append(RegexInstruction(operation: .save, x: 0))
        }
    }

    private mutating func addGroups(_ groups: [Int]) -> (x: Int32, y: Int32) {
        let start = Int32(groupLists.count)
        groupLists += groups.map { Int32($0) }
        isLinear = false
        usesCaptures = true
        return (start, Int32(groups.count))
    }

    /// Emits the yes branch, and the no branch, whose index `patching` gets.
    private mutating func emitBranches(
        yes: RegexNode, no: RegexNode, patching: (inout RegexCompiler, Int32) -> Void
    ) throws(RegexError) {
        try emit(yes)
        let exit = try reserve(.jump)
        patching(&self, here)
        try emit(no)
        instructions[exit].x = here
    }

    private mutating func emitAlternation(_ branches: [RegexNode]) throws(RegexError) {
        var exits: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index + 1 < branches.count else {
                try emit(branch)
                break
            }
            let split = try reserve(.split)
            instructions[split].x = here
            try emit(branch)
            exits.append(try reserve(.jump))
            instructions[split].y = here
        }
        for exit in exits { instructions[exit].x = here }
    }

    private mutating func emitCapture(_ body: RegexNode, index: Int) throws(RegexError) {
        try append(RegexInstruction(operation: .save, x: Int32(2 * index)))
        if referenced.contains(index) {
            // A reference to a group from inside it finds it not set.
            try append(RegexInstruction(operation: .save, flag: 1, x: Int32(2 * index + 1)))
        }
        open.insert(index)
        try emit(body)
        open.remove(index)
        try append(RegexInstruction(operation: .save, x: Int32(2 * index + 1)))
    }

    private mutating func emitCall(_ group: Int) throws(RegexError) {
        isLinear = false
        callSites.append((instructions.count, group))
        try append(RegexInstruction(operation: .call))
    }

    // MARK: Atomic sections

    private mutating func beginAtomic() throws(RegexError) -> Int {
        isLinear = false
        let start = try reserve(.beginAtomic)
        instructions[start].x = atomicCount
        instructions[start].y = -1
        atomicCount += 1
        return start
    }

    private mutating func endAtomic(_ start: Int, end: AtomicEnd) throws(RegexError) {
        try append(
            RegexInstruction(
                operation: .endAtomic, flag: end.rawValue, x: instructions[start].x))
    }

    private mutating func emitAtomic(
        end: AtomicEnd, _ body: (inout RegexCompiler) throws(RegexError) -> Void
    ) throws(RegexError) {
        let start = try beginAtomic()
        try body(&self)
        try endAtomic(start, end: end)
        if end == .fail { instructions[start].y = here }
    }

    private mutating func emitLook(
        _ body: RegexNode, behind: Bool, negated: Bool, offset: Int
    ) throws(RegexError) {
        let end = negated ? AtomicEnd.fail : .rewind
        guard behind else {
            return try emitAtomic(end: end) { compiler throws(RegexError) in
                try compiler.emit(body)
            }
        }
        guard let (length, reduced) = try lookBehind(body, negated: negated, offset: offset) else {
            if negated { try append(RegexInstruction(operation: .fail)) }
            return
        }
        try emitAtomic(end: end) { compiler throws(RegexError) in
            try compiler.append(RegexInstruction(operation: .back, x: Int32(length)))
            try compiler.emit(reduced)
        }
    }

    // MARK: Characters and repeats

    private mutating func single(_ node: RegexNode) -> RegexInstruction {
        switch node {
        case .scalar(let scalar, let ignoreCase):
            if ignoreCase {
                let equivalents = CaseFolding.shared.equivalents(of: scalar)
                if equivalents.count > 1 {
                    return RegexInstruction(
                        operation: .set, x: Int32(folded(scalar, equivalents)))
                }
            }
            return RegexInstruction(
                operation: scalar < 0x80 ? .byte : .scalar, x: Int32(scalar))
        case .set(let index): return RegexInstruction(operation: .set, x: Int32(index))
        case .any(let newline):
            return RegexInstruction(operation: newline ? .any : .anyButNewline)
        default: preconditionFailure("a single character")
        }
    }

    private mutating func folded(_ scalar: UInt32, _ equivalents: ScalarSet) -> Int {
        let key = CaseFolding.shared.simple(scalar)
        if let known = foldedSets[key] { return known }
        sets.append(equivalents)
        foldedSets[key] = sets.count - 1
        return sets.count - 1
    }

    /// Up to this many copies of one character are expanded; more are counted at run time, which
    /// only the backtracking matcher does.
    private static let singleCopiesMax = 256

    private mutating func emitRepetition(
        _ body: RegexNode, min: Int, max: Int, greed: RegexGreed
    ) throws(RegexError) {
        if max == 0 { return }
        if body.isSingle {
            return try emitSingleRepetition(body, min: min, max: max, greed: greed)
        }
        if greed == .possessive {
            return try emitAtomic(end: .stay) { compiler throws(RegexError) in
                try compiler.emitRepetition(body, min: min, max: max, greed: .greedy)
            }
        }
        let isNullable = max != 1 && isNullable(body)
        let register = isNullable ? Int32(registerCount) : -1
        if isNullable { registerCount += 1 }
        var checks: [Int] = []
        let copies = max == -1 ? Swift.max(min - 1, 0) : min
        for _ in 0..<copies {
            let before = instructions.count
            try emitRound(body, register, &checks)
            if instructions.count == before { return }
        }
        if max == -1 {
            try emitLoop(body, register, &checks, atLeastOnce: min > 0, greed: greed)
        } else {
            try emitOptional(body, register, &checks, count: max - min, greed: greed)
        }
        for check in checks { instructions[check].y = here }
    }

    /// One round of a repeat. A round that takes nothing leaves the repeat even if its least count
    /// is not reached, as in Oniguruma.
    private mutating func emitRound(
        _ body: RegexNode, _ register: Int32, _ checks: inout [Int]
    ) throws(RegexError) {
        if register < 0 { return try emit(body) }
        try append(RegexInstruction(operation: .mark, x: register))
        let before = instructions.count
        try emit(body)
        if instructions.count == before {
            instructions.removeLast()
            return
        }
        checks.append(try reserve(.check))
        instructions[instructions.count - 1].x = register
    }

    private mutating func setSplit(_ split: Int, inside: Int32, exit: Int32, _ greed: RegexGreed) {
        instructions[split].x = greed == .lazy ? exit : inside
        instructions[split].y = greed == .lazy ? inside : exit
    }

    private mutating func emitLoop(
        _ body: RegexNode, _ register: Int32, _ checks: inout [Int], atLeastOnce: Bool,
        greed: RegexGreed
    ) throws(RegexError) {
        let entry = atLeastOnce ? nil : try reserve(.split)
        let start = here
        try emitRound(body, register, &checks)
        if here == start {
            if entry != nil { instructions.removeLast() }
            return
        }
        let again = try reserve(.split)
        setSplit(again, inside: start, exit: here, greed)
        if let entry { setSplit(entry, inside: start, exit: here, greed) }
    }

    private mutating func emitOptional(
        _ body: RegexNode, _ register: Int32, _ checks: inout [Int], count: Int,
        greed: RegexGreed
    ) throws(RegexError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(try reserve(.split))
            let before = here
            try emitRound(body, register, &checks)
            if here == before {
                instructions.removeLast()
                splits.removeLast()
                break
            }
        }
        for split in splits {
            setSplit(split, inside: Int32(split + 1), exit: here, greed)
        }
    }

    private mutating func emitSingleRepetition(
        _ body: RegexNode, min: Int, max: Int, greed: RegexGreed
    ) throws(RegexError) {
        let one = single(body)
        var run = RegexInstruction(operation: .run, single: one.operation, x: one.x)
        run.flag = greed == .greedy ? 0 : greed == .lazy ? 1 : 2
        run.z = Int32(max)
        if Swift.max(min, max) > Self.singleCopiesMax || (greed == .possessive && max != -1) {
            isLinear = false
            run.y = Int32(min)
            return try append(run)
        }
        for _ in 0..<min { try append(one) }
        if max == -1 {
            if greed == .possessive { isLinear = false }
            try append(run)
        } else {
            var checks: [Int] = []
            try emitOptional(body, -1, &checks, count: max - min, greed: greed)
        }
    }

    private mutating func collectSubroutines(_ node: RegexNode, isInside: Bool) {
        var isInside = isInside
        if case .capture(_, let index) = node {
            isInside = isInside || called.contains(index)
            if isInside { subroutines.insert(index) }
        }
        for child in node.children { collectSubroutines(child, isInside: isInside) }
    }

    private mutating func collectBodies(_ node: RegexNode, inside: Set<Int>) {
        var inside = inside
        if case .capture(let body, let index) = node {
            bodies[index] = body
            inside.insert(index)
            around[index] = inside
        }
        for child in node.children { collectBodies(child, inside: inside) }
    }
}
