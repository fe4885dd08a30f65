// How many characters a tree takes, which look-behind and loops ask; and which recursions end.

extension RegexNode {
    var children: [RegexNode] {
        switch self {
        case .sequence(let nodes), .alternation(let nodes): nodes
        case .repetition(let body, _, _, _), .capture(let body, _), .atomic(let body),
            .scoped(let body), .look(let body, _, _, _):
            [body]
        case .groupCondition(_, let yes, let no): [yes, no]
        case .condition(let condition, let yes, let no): [condition, yes, no]
        default: []
        }
    }

    /// Whether a look-behind of it says nothing: only empty parts.
    var isTrivial: Bool {
        switch self {
        case .empty: true
        case .sequence, .alternation, .scoped: children.allSatisfy { $0.isTrivial }
        case .repetition(_, _, let max, _): max == 0
        default: false
        }
    }
}

extension RegexCompiler {
    /// A number of characters that stands for "without end".
    static let endless = Int(Int32.max)

    private static func add(_ lhs: Int, _ rhs: Int) -> Int { min(lhs + rhs, endless) }

    /// Whether it matches the empty text; looks no further than it must.
    func isNullable(_ node: RegexNode) -> Bool {
        switch node {
        case .scalar, .set, .any: return false
        case .alternation(let branches): return branches.contains { isNullable($0) }
        case .repetition(let body, let min, _, _): return min == 0 || isNullable(body)
        case .call(let index): return lengthOfGroup(calls[index].group).min == 0
        case .look, .backreference: return true
        case .groupCondition(_, let yes, let no): return isNullable(yes) || isNullable(no)
        case .condition(let condition, let yes, let no):
            return isNullable(no) || isNullable(condition) && isNullable(yes)
        default: return node.children.allSatisfy { isNullable($0) }
        }
    }

    /// Fewest and most characters of a match; notes those of the groups inside.
    private mutating func lengths(_ node: RegexNode) -> (min: Int, max: Int) {
        switch node {
        case .scalar, .set, .any: return (1, 1)
        case .empty, .failure, .assertion, .keep: return (0, 0)
        case .look(let body, _, _, _):
            _ = lengths(body)
            return (0, 0)
        case .sequence(let nodes): return total(nodes)
        case .alternation(let branches): return widest(branches)
        case .repetition(let body, let low, let high, _):
            let one = lengths(body)
            let most = high == -1 ? (one.max == 0 ? 0 : Self.endless) : one.max * high
            return (min(one.min * low, Self.endless), min(most, Self.endless))
        case .capture(let body, let index):
            let length = lengths(body)
            groupLengths[index] = length
            return length
        case .atomic(let body), .scoped(let body): return lengths(body)
        case .backreference(let groups, _):
            return (0, groups.map { lengthOfGroup($0).max }.max() ?? 0)
        case .call(let index): return lengthOfGroup(calls[index].group)
        case .groupCondition(_, let yes, let no): return widest([yes, no])
        case .condition(let condition, let yes, let no):
            return widest([.sequence([condition, yes]), no])
        }
    }

    private func lengthOfGroup(_ group: Int) -> (min: Int, max: Int) {
        groupLengths[group] ?? (0, Self.endless)
    }

    /// Measures all groups, for those that ask by call or back-reference; a group within
    /// itself counts as of any length.
    mutating func measureGroups(_ tree: RegexNode) {
        groupLengths[0] = nil
        _ = lengths(tree)
        groupLengths[0] = lengths(tree)
    }

    private mutating func total(_ nodes: [RegexNode]) -> (min: Int, max: Int) {
        var sum = (min: 0, max: 0)
        for node in nodes {
            let next = lengths(node)
            sum = (Self.add(sum.min, next.min), Self.add(sum.max, next.max))
        }
        return sum
    }

    private mutating func widest(_ nodes: [RegexNode]) -> (min: Int, max: Int) {
        var all = (min: Self.endless, max: 0)
        for node in nodes {
            let next = lengths(node)
            all = (Swift.min(all.min, next.min), Swift.max(all.max, next.max))
        }
        return all
    }

    /// The number of characters that a look-behind goes back, and the body to match there.
    ///
    /// The Perl_NG syntax wants one length. A repeat of one character that stands alone is cut
    /// to its least count: what else it might take changes nothing.
    mutating func lookBehindLength(
        _ body: RegexNode, negated: Bool, offset: Int
    ) throws(RegexError) -> (length: Int, body: RegexNode) {
        let error = RegexError(message: "invalid pattern in look-behind", offset: offset)
        guard isAllowedBehind(body, negated: negated) else { throw error }
        var reduced = body
        if case .alternation(let branches) = body {
            reduced = .alternation(branches.map { cut($0) })
        } else {
            reduced = cut(body)
        }
        var (low, high) = lengths(reduced)
        if case .backreference(let groups, _) = reduced {
            low = groups.map { lengthOfGroup($0).min }.min() ?? 0
        }
        if low != high || high > RegexLimits.lookBehindMax { throw error }
        return (low, reduced)
    }

    private func cut(_ node: RegexNode) -> RegexNode {
        guard case .repetition(let body, let min, _, let greed) = node, body.isSingle else {
            return node
        }
        return .repetition(body, min: min, max: min, greed: greed)
    }

    private func isAllowedBehind(_ node: RegexNode, negated: Bool) -> Bool {
        switch node {
        case .capture where negated: return false
        case .look(_, let behind, let isNegated, _):
            guard behind, negated || !isNegated else { return false }
        case .assertion(.textEnd), .assertion(.textEndOrLastLine): return false
        default: break
        }
        return node.children.allSatisfy { isAllowedBehind($0, negated: negated) }
    }

    // MARK: Recursion

    /// How often the groups are gone through; longer chains of calls are refused.
    private static let recursionPassesMax = 32

    /// Refuses groups that call themselves on every way, or before they take a character.
    func checkRecursion() throws(RegexError) {
        let heads = Dictionary(
            uniqueKeysWithValues: called.map { ($0, headCalls(bodies[$0] ?? .empty)) })
        var ending: Set<Int> = []
        var advancing: Set<Int> = []
        for _ in 0..<Self.recursionPassesMax {
            for group in called where !ending.contains(group) {
                if canEnd(bodies[group] ?? .failure, ending) { ending.insert(group) }
            }
            for group in called where heads[group]?.isSubset(of: advancing) == true {
                advancing.insert(group)
            }
        }
        for call in calls
        where !ending.contains(call.group) || !advancing.contains(call.group) {
            throw RegexError(message: "never ending recursion", offset: call.offset)
        }
    }

    private func canEnd(_ node: RegexNode, _ ending: Set<Int>) -> Bool {
        switch node {
        case .call(let index): return ending.contains(calls[index].group)
        case .alternation(let branches): return branches.contains { canEnd($0, ending) }
        case .repetition(let body, let min, _, _): return min == 0 || canEnd(body, ending)
        case .groupCondition(_, let yes, let no): return canEnd(yes, ending) || canEnd(no, ending)
        case .condition(let condition, let yes, let no):
            return canEnd(no, ending) || (canEnd(condition, ending) && canEnd(yes, ending))
        default: return node.children.allSatisfy { canEnd($0, ending) }
        }
    }

    /// Groups that may be called at the very start of a match.
    private func headCalls(_ node: RegexNode) -> Set<Int> {
        switch node {
        case .call(let index): return [calls[index].group]
        case .sequence(let nodes):
            var groups: Set<Int> = []
            for node in nodes {
                groups.formUnion(headCalls(node))
                if !isNullable(node) { break }
            }
            return groups
        case .capture(let body, let index):
            // A called group's definition is a call of it.
            return called.contains(index) ? [index] : headCalls(body)
        default:
            return node.children.reduce(into: []) { $0.formUnion(headCalls($1)) }
        }
    }
}
