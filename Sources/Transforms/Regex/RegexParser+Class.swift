// `[...]` -> set, and its other cases where letters match theirs.
//
// The Perl_NG syntax knows no sets in sets and no `&&`: `[a[b]c]` is `[a\[b]` and then `c]`.

extension RegexParser {
    /// One item of a class.
    private enum ClassItem {
        case close
        case hyphen
        case code(UInt32, isCrude: Bool)
        case type(ScalarSet)
    }

    /// The state of the class parser within a range.
    private enum ClassState {
        case start
        /// A character, maybe a range's lower end.
        case value
        /// A character and a hyphen.
        case range
        /// A whole range.
        case complete
    }

    /// Collects a class.
    private struct ClassBuilder {
        var set = ScalarSet()
        var state = ClassState.start
        /// The character that waits for a hyphen; nil after a type such as `\d`.
        var current: UInt32?
        /// Codes still to come of `\x{41-43 45}`.
        var pending: [ClassItem] = []

        mutating func flush() {
            if state == .value, let current, current <= ScalarSet.last {
                set.insert(current...current)
            }
            current = nil
        }
    }

    /// The class whose `[` has been read.
    mutating func parseClass() throws(RegexError) -> RegexNode {
        var builder = ClassBuilder()
        let isNegated = take("^")
        if isNext("]") {
            guard bytes[(offset + 1)...].contains(UInt8(ascii: "]")) else {
                offset += 1
                throw failure("empty char-class")
            }
            offset += 1
            try add(0x5D, to: &builder)
        }
        while true {
            let item = try parseClassItem(&builder)
            if case .close = item { break }
            try add(item, to: &builder)
        }
        builder.flush()
        return finish(builder.set, isNegated: isNegated)
    }

    private mutating func add(
        _ item: ClassItem, to builder: inout ClassBuilder
    ) throws(RegexError) {
        switch item {
        case .close: return
        case .code(let code, let isCrude):
            // A byte that begins no character is in no text, but may end a range.
            let isByte = isCrude && code >= 0x80
            if isByte, builder.state != .range { return }
            try add(isByte ? 0x7F : code, to: &builder)
        case .type(let types):
            if builder.state == .range {
                throw failure("char-class value at end of range")
            }
            builder.flush()
            builder.set.formUnion(types)
            builder.state = .value
        case .hyphen:
            try addHyphen(to: &builder)
        }
    }

    private mutating func add(
        _ code: UInt32, to builder: inout ClassBuilder
    ) throws(RegexError) {
        if builder.state == .range, let lower = builder.current {
            if lower > code { throw failure("empty range in char class") }
            let upper = min(code, ScalarSet.last)
            if lower <= upper { builder.set.insert(lower...upper) }
            builder.current = nil
            builder.state = .complete
            return
        }
        builder.flush()
        builder.state = .value
        builder.current = code
    }

    private mutating func addHyphen(to builder: inout ClassBuilder) throws(RegexError) {
        switch builder.state {
        case .value:
            if builder.pending.isEmpty, isNext("]") || builder.current == nil {
                // `[x-]` and `[\w-a]`: a hyphen like any other.
                if isAtEnd { throw failure("premature end of char-class") }
                return try add(0x2D, to: &builder)
            }
            builder.state = .range
        case .start, .range, .complete:
            try add(0x2D, to: &builder)
        }
    }

    private mutating func parseClassItem(
        _ builder: inout ClassBuilder
    ) throws(RegexError) -> ClassItem {
        if !builder.pending.isEmpty { return builder.pending.removeFirst() }
        if isAtEnd { throw failure("premature end of char-class") }
        switch bytes[offset] {
        case UInt8(ascii: "]"):
            offset += 1
            return .close
        case UInt8(ascii: "-"):
            offset += 1
            return .hyphen
        case UInt8(ascii: "\\"):
            offset += 1
            return try parseClassEscape(&builder)
        case UInt8(ascii: "["):
            if let set = try parsePosixBracket() { return .type(set) }
            fallthrough
        default:
            return .code(nextScalar(), isCrude: false)
        }
    }

    private mutating func parseClassEscape(
        _ builder: inout ClassBuilder
    ) throws(RegexError) -> ClassItem {
        if isAtEnd { throw failure("end pattern at escape") }
        let start = offset
        if let set = try parseTypeEscape() { return .type(set) }
        offset = start
        if let byte = try parseCrudeByte(inClass: true) {
            guard let scalar = try parseCrudeTail(byte) else {
                return .code(UInt32(byte), isCrude: true)
            }
            return .code(scalar, isCrude: false)
        }
        if let codes = try parseCodePoints(ranges: true) {
            for (code, isRange) in codes {
                builder.pending.append(.code(code, isCrude: false))
                if isRange { builder.pending.append(.hyphen) }
            }
            return builder.pending.removeFirst()
        }
        return .code(try parseControlEscape(inClass: true), isCrude: false)
    }

    /// `[:alpha:]`; nil, with nothing read, where `[` is a character.
    private mutating func parsePosixBracket() throws(RegexError) -> ScalarSet? {
        guard peek(1) == UInt8(ascii: ":") else { return nil }
        let start = offset + 2
        guard let end = bytes[start...].firstIndex(of: UInt8(ascii: ":")), end > start,
            end + 1 < bytes.count, bytes[end + 1] == UInt8(ascii: "]")
        else { return nil }
        var name = String(decoding: bytes[start..<end], as: UTF8.self)
        let isNegated = name.hasPrefix("^")
        if isNegated { name.removeFirst() }
        if let alpha = UnicodeSets.posix("alpha"),
            !name.unicodeScalars.allSatisfy({ alpha.contains($0.value) })
        {
            return nil
        }
        guard let set = namedSets[":" + name] ?? UnicodeSets.posix(name) else {
            throw failure("invalid POSIX bracket type")
        }
        namedSets[":" + name] = set
        offset = end + 2
        return isNegated ? set.inverted() : set
    }

    /// The set with the other cases of its letters; `[ß]` matches `ss` too.
    private mutating func finish(_ explicit: ScalarSet, isNegated: Bool) -> RegexNode {
        var set = explicit
        var branches: [RegexNode] = []
        if options.contains(.ignoreCase) {
            CaseFolding.shared.addEquivalents(to: &set)
            if !isNegated, explicit.count <= 2_000 {
                for expansion in CaseFolding.shared.expansions
                where explicit.contains(expansion.scalar) {
                    branches.append(
                        .sequence(expansion.folded.map { .scalar($0, ignoreCase: true) }))
                }
            }
        }
        if isNegated { set = set.inverted() }
        let node = RegexNode.set(index(of: set))
        return branches.isEmpty ? node : .alternation([node] + branches)
    }

    /// Adjacent literals that together fold like one character match it: `ss` matches `ß`; and
    /// a literal `ß` matches `ss`. In a look-behind each character matches one.
    func joinFolded(_ nodes: [RegexNode]) -> [RegexNode] {
        var hasFolding = false
        for case .scalar(_, true) in nodes { hasFolding = true }
        guard hasFolding else { return nodes }
        let folding = CaseFolding.shared
        var result: [RegexNode] = []
        var index = 0
        while index < nodes.count {
            guard case .scalar(let scalar, true) = nodes[index] else {
                result.append(nodes[index])
                index += 1
                continue
            }
            var run: [UInt32] = []
            while run.count < 3, index + run.count < nodes.count,
                case .scalar(let next, true) = nodes[index + run.count]
            {
                run.append(folding.simple(next))
            }
            if let folded = folding.expansion(of: scalar) {
                let letters = RegexNode.sequence(folded.map { .scalar($0, ignoreCase: true) })
                let whole = folding.composites(of: folded).map {
                    RegexNode.scalar($0, ignoreCase: false)
                }
                result.append(.alternation(isBehind ? whole : [letters] + whole))
                index += 1
            } else if !isBehind,
                let count = (2...3).last(where: {
                    run.count >= $0 && !folding.composites(of: Array(run[..<$0])).isEmpty
                })
            {
                let whole = folding.composites(of: Array(run[..<count])).map {
                    RegexNode.scalar($0, ignoreCase: false)
                }
                result.append(
                    .alternation([.sequence(Array(nodes[index..<index + count]))] + whole))
                index += count
            } else {
                result.append(nodes[index])
                index += 1
            }
        }
        return result
    }
}
