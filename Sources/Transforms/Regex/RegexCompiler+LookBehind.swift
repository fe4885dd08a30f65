// `(?<=...)` and `(?<!...)` -> how far to go back, and what to match from there.
//
// The Perl_NG syntax requires one length in characters. Repeats at the head are first cut to their
// least counts: `(?<=b{1,2}c)` holds where `(?<=bc)` does, as the further characters of the repeat
// put no condition on the text before it.

extension RegexCompiler {
    /// The number of characters that a look-behind goes back, and the body to match there; nil
    /// where it holds everywhere.
    mutating func lookBehind(
        _ body: RegexNode, negated: Bool, offset: Int
    ) throws(RegexError) -> (length: Int, body: RegexNode)? {
        let error = RegexError(message: "invalid pattern in look-behind", offset: offset)
        guard isAllowedBehind(body, negated: negated) else { throw error }
        let reduced = cut(body)
        let length = length(reduced)
        if length.min == 0, length.isFree, !isNoticed(reduced) { return nil }
        if length.min != length.max || length.max > RegexLimits.lookBehindMax { throw error }
        return (length.min, reduced)
    }

    /// The body with the repeats at its head cut to their least counts. A possessive one is kept,
    /// as what follows depends on how much it takes.
    private func cut(_ node: RegexNode) -> RegexNode {
        switch node {
        case .repetition(let body, let min, _, let greed) where greed != .possessive:
            if setsGroups(body) { return node }
            return min == 0 ? .empty : .repetition(body, min: min, max: min, greed: greed)
        case .alternation(let branches): return .alternation(branches.map { cut($0) })
        case .scoped(let body): return .scoped(cut(body))
        case .sequence(let nodes):
            for index in nodes.indices {
                let head = cut(nodes[index])
                switch head {
                case .empty, .callout: continue
                default: return .sequence([head] + nodes[(index + 1)...])
                }
            }
            return .empty
        default: return node
        }
    }

    private func setsGroups(_ node: RegexNode) -> Bool {
        switch node {
        case .capture, .call, .keep: true
        default: node.children.contains { setsGroups($0) }
        }
    }

    /// Whether anything else depends on its match.
    private func isNoticed(_ node: RegexNode) -> Bool {
        switch node {
        case .keep: true
        case .capture(_, let index) where referenced.contains(index) || called.contains(index):
            true
        default: node.children.contains { isNoticed($0) }
        }
    }

    private func isAllowedBehind(_ node: RegexNode, negated: Bool) -> Bool {
        switch node {
        case .capture where negated: return false
        case .absent: return true
        case .look(_, let behind, let isNegated, _):
            guard behind, negated || !isNegated else { return false }
        case .assertion(.textEnd), .assertion(.textEndOrLastLine): return false
        default: break
        }
        return node.children.allSatisfy { isAllowedBehind($0, negated: negated) }
    }
}
