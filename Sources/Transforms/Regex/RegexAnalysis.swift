// A program -> where a search should try, and which runs never need to give back.

/// Looks through the instructions of one program.
struct RegexAnalysis {
    let instructions: [RegexInstruction]
    let sets: [ScalarSet]

    /// What may follow an instruction.
    private struct Start {
        var bytes = ByteSet()
        /// The text may end, or any byte follow, besides those bytes.
        var isOpen = false
    }

    /// Where to try a match.
    struct Plan {
        var search = RegexSearchStrategy.everywhere
        var prefix: [UInt8] = []
        var first = ByteSet.all
    }

    /// How many instructions one query visits.
    private static let visitsMax = 200

    init(_ instructions: [RegexInstruction], sets: [ScalarSet]) {
        self.instructions = instructions
        self.sets = sets
    }

    /// The program with its greedy runs made possessive where nothing that may follow begins
    /// with a character of the run: then giving back cannot help.
    func possessified() -> [RegexInstruction] {
        var result = instructions
        for (index, instruction) in instructions.enumerated()
        where instruction.operation == .run && instruction.flag == 0 {
            let own = firstBytes(instruction.single, instruction.x)
            let next = start(at: index + 1, newlineEnds: true)
            if !next.isOpen, own.isDisjoint(with: next.bytes) { result[index].flag = 2 }
        }
        return result
    }

    func search(of program: [RegexInstruction], usesCaptures: Bool) -> Plan {
        var plan = Plan()
        var index = 0
        while index < program.count, program[index].operation == .save, program[index].x != 0 {
            index += 1
        }
        if program[index].operation == .assert {
            if program[index].flag == RegexAssertion.textStart.rawValue {
                plan.search = .textStart
                return plan
            }
            if program[index].flag == RegexAssertion.searchStart.rawValue {
                plan.search = .searchStart
                return plan
            }
        }
        let first = start(at: 0, newlineEnds: false)
        if first.isOpen { return plan }
        plan.first = first.bytes
        plan.search = .firstBytes
        literalPrefix(program, into: &plan)
        if plan.prefix.isEmpty {
            if !usesCaptures, let run = leadingRun(program, from: index) {
                plan.search = .leadingRun(run)
            } else if first.bytes.count == 1 {
                plan.search = .byte((UInt8(0)...255).first { first.bytes.contains($0) } ?? 0)
            }
        }
        return plan
    }

    /// The bytes that every match begins with. They are the whole match where no capture that a
    /// matcher would have to record is among them.
    private func literalPrefix(_ program: [RegexInstruction], into plan: inout Plan) {
        var isPlain = true
        for instruction in program {
            switch instruction.operation {
            case .byte: plan.prefix.append(UInt8(instruction.x))
            case .scalar:
                if let scalar = Unicode.Scalar(UInt32(instruction.x)) {
                    plan.prefix += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                }
            case .save: isPlain = false
            case .match where isPlain:
                plan.search = .literal
                return
            default:
                if plan.prefix.count == 1 {
                    plan.search = .byte(plan.prefix[0])
                } else if plan.prefix.count > 1 {
                    plan.search = .prefix
                }
                return
            }
        }
    }

    /// `x+` or `x*` at the head: the run's index.
    private func leadingRun(_ program: [RegexInstruction], from start: Int) -> Int? {
        var index = start
        let head = program[index]
        var isSingle = false
        switch head.operation {
        case .byte, .scalar, .set, .any, .anyButNewline: isSingle = true
        default: break
        }
        if isSingle { index += 1 }
        let run = program[index]
        guard run.operation == .run, run.y == 0, run.z == -1 else { return nil }
        if isSingle, run.single != head.operation || run.x != head.x { return nil }
        return index
    }

    private func firstBytes(_ operation: RegexOperation, _ x: Int32) -> ByteSet {
        var bytes = ByteSet()
        switch operation {
        case .byte: bytes.insert(UInt8(x))
        case .scalar: bytes.insertFirstBytes(of: ScalarSet([UInt32(x)...UInt32(x)]))
        case .set: bytes.insertFirstBytes(of: sets[Int(x)])
        case .any: bytes = .all
        case .anyButNewline:
            bytes.insertFirstBytes(of: ScalarSet.newline.inverted())
        default: bytes = .all
        }
        return bytes
    }

    /// The bytes that a match from an instruction on may begin with. With `newlineEnds` the
    /// question is what may follow inside a text: its end cannot, so `\z` is nothing, and `$`
    /// only a line feed.
    private func start(at index: Int, newlineEnds: Bool) -> Start {
        var result = Start()
        var stack = [index]
        var seen: Set<Int> = []
        while let index = stack.popLast() {
            guard seen.insert(index).inserted else { continue }
            if seen.count > Self.visitsMax {
                result.isOpen = true
                return result
            }
            let instruction = instructions[index]
            switch instruction.operation {
            case .byte, .scalar, .set, .any, .anyButNewline:
                result.bytes.formUnion(firstBytes(instruction.operation, instruction.x))
            case .run:
                result.bytes.formUnion(firstBytes(instruction.single, instruction.x))
                if instruction.y == 0 { stack.append(index + 1) }
            case .split: stack += [Int(instruction.x), Int(instruction.y)]
            case .jump: stack.append(Int(instruction.x))
            case .save, .mark: stack.append(index + 1)
            case .check: stack += [index + 1, Int(instruction.y)]
            case .fail: break
            case .assert:
                let assertion = RegexAssertion(rawValue: instruction.flag)
                switch assertion {
                case .textEnd where newlineEnds: break
                case .textEndOrLastLine where newlineEnds, .lineEnd where newlineEnds:
                    result.bytes.insert(0x0A)
                default: stack.append(index + 1)
                }
            case .beginAtomic: stack += successors(ofAtomic: index)
            case .endAtomic: stack.append(index + 1)
            case .match, .back, .backreference, .condition, .call, .return:
                result.isOpen = true
            }
            if result.isOpen { return result }
        }
        return result
    }

    /// Where matching continues from the start of an atomic section. Look-around takes nothing:
    /// after its end.
    private func successors(ofAtomic index: Int) -> [Int] {
        let start = instructions[index]
        var end = index
        while instructions[end].operation != .endAtomic || instructions[end].x != start.x {
            end += 1
        }
        if instructions[end].flag != AtomicEnd.stay.rawValue { return [end + 1] }
        return start.y < 0 ? [index + 1] : [index + 1, Int(start.y)]
    }
}
