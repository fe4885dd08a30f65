// How many characters a tree takes, as needed for look-behind and loops; and which recursions end.

extension RegexNode {
    var children: [RegexNode] {
        switch self {
        case .sequence(let nodes), .alternation(let nodes): nodes
        case .repetition(let body, _, _, _), .capture(let body, _), .atomic(let body),
            .absent(let body), .scoped(let body), .look(let body, _, _, _):
            [body]
        case .groupCondition(_, let yes, let no): [yes, no]
        case .condition(let condition, let yes, let no): [condition, yes, no]
        default: []
        }
    }
}

/// How many characters a tree takes.
struct RegexLength {
    var min: Int
    var max: Int
    /// Whether a match of the fewest characters needs only that many characters: it tests no
    /// condition and sets no group.
    var isFree = true

    /// The number of characters that means "without bound".
    static let endless = Int(Int32.max)

    init(_ min: Int, _ max: Int, isFree: Bool = true) {
        self.min = min
        self.max = max
        self.isFree = isFree
    }

    /// The length of one after the other.
    static func + (lhs: RegexLength, rhs: RegexLength) -> RegexLength {
        RegexLength(
            Swift.min(lhs.min + rhs.min, endless), Swift.min(lhs.max + rhs.max, endless),
            isFree: lhs.isFree && rhs.isFree)
    }

    /// The length of either.
    static func | (lhs: RegexLength, rhs: RegexLength) -> RegexLength {
        let isFree =
            lhs.min == rhs.min
            ? lhs.isFree || rhs.isFree : lhs.min < rhs.min ? lhs.isFree : rhs.isFree
        return RegexLength(
            Swift.min(lhs.min, rhs.min), Swift.max(lhs.max, rhs.max), isFree: isFree)
    }

    func repeated(_ low: Int, _ high: Int) -> RegexLength {
        if high == 0 { return RegexLength(0, 0) }
        let most = high == -1 ? Self.endless : Swift.min(max * high, Self.endless)
        return RegexLength(Swift.min(min * low, Self.endless), most, isFree: isFree)
    }
}

extension RegexCompiler {
    /// Whether it matches the empty text; examines no more than it must.
    /// - Parameter inside: groups around it, besides `open`: within themselves they are not set.
    func isNullable(_ node: RegexNode, inside: Set<Int> = []) -> Bool {
        switch node {
        case .scalar, .set, .any: return false
        case .alternation(let branches):
            return branches.contains { isNullable($0, inside: inside) }
        case .repetition(let body, let min, _, _):
            return min == 0 || isNullable(body, inside: inside)
        case .capture(let body, let index): return isNullable(body, inside: inside.union([index]))
        case .call(let index): return lengthOfGroup(calls[index].group).min == 0
        case .look, .absent: return true
        case .backreference(let groups, _):
            return groups.contains {
                open.contains($0) || inside.contains($0) || lengthOfGroup($0).min == 0
            }
        case .groupCondition(_, let yes, let no):
            return isNullable(yes, inside: inside) || isNullable(no, inside: inside)
        case .condition(let condition, let yes, let no):
            return isNullable(no, inside: inside)
                || isNullable(condition, inside: inside) && isNullable(yes, inside: inside)
        default: return node.children.allSatisfy { isNullable($0, inside: inside) }
        }
    }

    /// The characters of a match; records those of the groups inside.
    mutating func length(_ node: RegexNode) -> RegexLength {
        switch node {
        case .scalar, .set, .any: return RegexLength(1, 1)
        case .empty, .failure, .keep, .callout: return RegexLength(0, 0)
        case .assertion: return RegexLength(0, 0, isFree: false)
        case .look(let body, true, let negated, let offset):
            // One that holds everywhere tests nothing, and an invalid one is refused elsewhere.
            do throws(RegexError) {
                if try lookBehind(body, negated: negated, offset: offset) == nil {
                    return RegexLength(0, 0)
                }
            } catch {}
            return RegexLength(0, 0, isFree: false)
        case .look(let body, false, _, _):
            _ = length(body)
            return RegexLength(0, 0, isFree: false)
        case .absent(let body):
            _ = length(body)
            return RegexLength(0, RegexLength.endless)
        case .sequence(let nodes):
            return nodes.reduce(RegexLength(0, 0)) { $0 + length($1) }
        case .alternation(let branches):
            return branches.dropFirst().reduce(length(branches[0])) { $0 | length($1) }
        case .repetition(let body, let low, let high, _): return length(body).repeated(low, high)
        case .capture(let body, let index):
            let isOpen = !open.insert(index).inserted
            var inside = length(body)
            if !isOpen { open.remove(index) }
            inside.isFree = false
            groupLengths[index] = inside
            return inside
        case .atomic(let body), .scoped(let body): return length(body)
        case .backreference(let groups, _):
            // A group within itself is not set.
            if !open.isDisjoint(with: groups) { return RegexLength(0, 0, isFree: false) }
            let all = groups.map { lengthOfGroup($0) }
            return all.dropFirst().reduce(all[0]) { $0 | $1 }
        case .call(let index): return lengthOfGroup(calls[index].group)
        case .groupCondition(_, let yes, let no):
            return RegexLength(0, 0, isFree: false) + length(yes) | length(no)
        case .condition(let condition, let yes, let no):
            return length(condition) + length(yes) | length(no)
        }
    }

    private func lengthOfGroup(_ group: Int) -> RegexLength {
        groupLengths[group] ?? RegexLength(0, RegexLength.endless, isFree: false)
    }

    /// Measures all groups, for calls and back-references; a group within itself counts as of any
    /// length.
    mutating func measureGroups(_ tree: RegexNode) {
        groupLengths[0] = nil
        _ = length(tree)
        groupLengths[0] = length(tree)
    }

    // MARK: Recursion

    /// How many passes are made over the groups; longer chains of calls are refused.
    private static let recursionPassesMax = 32

    /// Refuses groups that call themselves on every path, or before they take a character.
    mutating func checkRecursion(_ tree: RegexNode) throws(RegexError) {
        var heads: [Int: Set<Int>] = [:]
        for group in called {
            open = around[group] ?? []
            heads[group] = headCalls(bodies[group] ?? .empty)
        }
        open = []
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
        for call in reachedCalls(tree)
        where !ending.contains(call.group) || !advancing.contains(call.group) {
            throw RegexError(message: "never ending recursion", offset: call.offset)
        }
    }

    /// The calls except those in what is repeated no times, which Oniguruma ignores.
    private func reachedCalls(_ node: RegexNode) -> [RegexParser.PendingCall] {
        switch node {
        case .call(let index): [calls[index]]
        case .repetition(_, _, 0, _): []
        default: node.children.flatMap { reachedCalls($0) }
        }
    }

    private func canEnd(_ node: RegexNode, _ ending: Set<Int>) -> Bool {
        switch node {
        case .call(let index): return ending.contains(calls[index].group)
        case .alternation(let branches): return branches.contains { canEnd($0, ending) }
        case .absent: return true
        case .repetition(let body, let min, _, _): return min == 0 || canEnd(body, ending)
        case .groupCondition(_, let yes, let no): return canEnd(yes, ending) || canEnd(no, ending)
        case .condition(let condition, let yes, let no):
            return canEnd(no, ending) || (canEnd(condition, ending) && canEnd(yes, ending))
        default: return node.children.allSatisfy { canEnd($0, ending) }
        }
    }

    /// Groups that may be called at the very start of a match.
    private func headCalls(_ node: RegexNode, inside: Set<Int> = []) -> Set<Int> {
        switch node {
        case .call(let index): return [calls[index].group]
        case .repetition(_, _, 0, _): return []
        case .sequence(let nodes):
            var groups: Set<Int> = []
            for node in nodes {
                groups.formUnion(headCalls(node, inside: inside))
                if !isNullable(node, inside: inside) { break }
            }
            return groups
        case .capture(let body, let index):
            // A called group's definition is a call of it.
            return called.contains(index) ? [index] : headCalls(body, inside: inside.union([index]))
        default:
            return node.children.reduce(into: []) { $0.formUnion(headCalls($1, inside: inside)) }
        }
    }
}
