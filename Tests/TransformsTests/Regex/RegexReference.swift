// The reference implementation of regular expressions: no bytes, no program, no analysis. It walks
// the tree of a pattern over an array of characters; the rest of the match is a closure.
//
//     PatternMaker -> PatternNode -> its pattern's text -> the engine    } equal answers
//                                 -> ReferenceMatcher                    }

import TestSupport

/// A pattern as a tree that prints itself.
indirect enum PatternNode {
    case text(Unicode.Scalar)
    case any
    case oneOf([Unicode.Scalar], negated: Bool)
    case sequence([PatternNode])
    case either([PatternNode])
    case group(Int, name: String?, PatternNode)
    case atomic(PatternNode)
    /// `max` is -1 where there is no upper bound.
    case repeated(PatternNode, min: Int, max: Int, isLazy: Bool)
    case anchor(String)
    case look(PatternNode, behind: Bool, negated: Bool)
    case backreference(Int)

    /// Whether a quantifier after it is refused.
    var isAssertion: Bool {
        switch self {
        case .anchor, .look: true
        case .either(let branches): branches.contains { $0.isAssertion }
        default: false
        }
    }

    /// The pattern; with `gap` between the parts of a sequence, for the flag `x`.
    func pattern(gap: String) -> String {
        switch self {
        case .text(let scalar): Self.escaped(scalar)
        case .any: "."
        case .oneOf(let scalars, let negated):
            (negated ? "[^" : "[") + scalars.map { Self.escaped($0) }.joined() + "]"
        case .sequence(let nodes):
            nodes.map { $0.wrapped(gap, always: false) }.joined(separator: gap)
        case .either(let branches):
            branches.map { $0.pattern(gap: gap) }.joined(separator: gap + "|" + gap)
        case .group(_, let name, let body):
            (name.map { "(?<\($0)>" } ?? "(") + body.pattern(gap: gap) + ")"
        case .atomic(let body): "(?>" + body.pattern(gap: gap) + ")"
        case .repeated(let body, let min, let max, let isLazy):
            body.wrapped(gap, always: true) + Self.counts(min, max) + (isLazy ? "?" : "")
        case .anchor(let text): text
        case .look(let body, let behind, let negated):
            (behind ? "(?<" : "(?") + (negated ? "!" : "=") + body.pattern(gap: gap) + ")"
        case .backreference(let group): "\\k<\(group)>"
        }
    }

    private func wrapped(_ gap: String, always: Bool) -> String {
        switch self {
        case .either: "(?:" + pattern(gap: gap) + ")"
        case .sequence, .repeated, .anchor, .look:
            always ? "(?:" + pattern(gap: gap) + ")" : pattern(gap: gap)
        default: pattern(gap: gap)
        }
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        scalar == "\n" ? "\\n" : scalar == " " ? "\\ " : String(scalar)
    }

    private static func counts(_ min: Int, _ max: Int) -> String {
        switch (min, max) {
        case (0, -1): "*"
        case (1, -1): "+"
        case (0, 1): "?"
        case (_, -1): "{\(min),}"
        default: min == max ? "{\(min)}" : "{\(min),\(max)}"
        }
    }
}

/// Matches a tree over characters.
final class ReferenceMatcher {
    typealias Groups = [Range<Int>?]

    private let text: [Unicode.Scalar]
    private let flags: String
    private let stepsMax: Int
    private var steps = 0
    private var searchStart = 0

    init(_ text: [Unicode.Scalar], flags: String, stepsMax: Int) {
        self.text = text
        self.flags = flags
        self.stepsMax = stepsMax
    }

    var isStopped: Bool { steps > stepsMax }

    /// The flag `l` asks for the most bytes.
    private func byteCount(_ range: Range<Int>) -> Int {
        text[range].reduce(0) { $0 + UTF8.width($1) }
    }

    /// All matches, group by group in characters, or the first one alone.
    func matches(_ root: PatternNode, groupCount: Int, isGlobal: Bool) -> [Groups] {
        var found: [Groups] = []
        searchStart = 0
        while searchStart <= text.count, let groups = firstMatch(root, groupCount) {
            found.append(groups)
            guard isGlobal, let whole = groups[0] else { break }
            searchStart = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
        }
        return found
    }

    private func firstMatch(_ root: PatternNode, _ groupCount: Int) -> Groups? {
        let isLongest = flags.contains("l")
        var best: Groups?
        for start in searchStart...text.count {
            let unset = Groups(repeating: nil, count: groupCount + 1)
            let found = walk(root, start, unset) { end, groups in
                if self.flags.contains("n"), end == start { return nil }
                var groups = groups
                groups[0] = start..<end
                guard isLongest else { return groups }
                let bestCount = best?[0].map { self.byteCount($0) } ?? -1
                if self.byteCount(start..<end) > bestCount { best = groups }
                return nil
            }
            if let found { return found }
        }
        return best
    }

    private func walk(
        _ node: PatternNode, _ index: Int, _ groups: Groups, _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        steps += 1
        if isStopped { return nil }
        switch node {
        case .text, .any, .oneOf:
            return index < text.count && takes(node, text[index]) ? next(index + 1, groups) : nil
        case .sequence(let nodes): return walkAll(nodes[...], index, groups, next)
        case .either(let branches):
            for branch in branches {
                if let found = walk(branch, index, groups, next) { return found }
            }
            return nil
        case .group(let group, _, let body):
            return walk(body, index, groups) { end, groups in
                var groups = groups
                groups[group] = index..<end
                return next(end, groups)
            }
        case .atomic(let body):
            var after = 0
            guard
                let found = walk(
                    body, index, groups,
                    { end, groups in
                        after = end
                        return groups
                    })
            else { return nil }
            return next(after, found)
        case .repeated(let body, let min, let max, let isLazy):
            return walkRounds(body, (min, max, isLazy), 0, index, groups, next)
        case .anchor(let name): return holds(name, index) ? next(index, groups) : nil
        case .look(let body, let behind, let negated):
            let found = look(body, behind, index, groups)
            if negated { return found == nil && !isStopped ? next(index, groups) : nil }
            return found.flatMap { next(index, $0) }
        case .backreference(let group):
            guard let range = groups[group], index + range.count <= text.count else { return nil }
            for distance in 0..<range.count
            where !isEqual(text[range.lowerBound + distance], text[index + distance]) {
                return nil
            }
            return next(index + range.count, groups)
        }
    }

    private func walkAll(
        _ nodes: ArraySlice<PatternNode>, _ index: Int, _ groups: Groups,
        _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        guard let head = nodes.first else { return next(index, groups) }
        return walk(head, index, groups) { end, groups in
            self.walkAll(nodes.dropFirst(), end, groups, next)
        }
    }

    /// A round that matches nothing ends the repeat.
    private func walkRounds(
        _ body: PatternNode, _ counts: (min: Int, max: Int, isLazy: Bool), _ done: Int,
        _ index: Int,
        _ groups: Groups, _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        if done == counts.max { return next(index, groups) }
        if done >= counts.min, counts.isLazy, let found = next(index, groups) { return found }
        let found = walk(body, index, groups) { end, groups in
            if end == index { return next(end, groups) }
            return self.walkRounds(body, counts, done + 1, end, groups, next)
        }
        if let found { return found }
        return done >= counts.min && !counts.isLazy ? next(index, groups) : nil
    }

    private func look(
        _ body: PatternNode, _ behind: Bool, _ index: Int, _ groups: Groups
    ) -> Groups? {
        if !behind { return walk(body, index, groups) { _, groups in groups } }
        for start in (0...index).reversed() {
            let found = walk(body, start, groups) { end, groups in end == index ? groups : nil }
            if let found { return found }
        }
        return nil
    }

    // MARK: Characters and assertions

    private func takes(_ node: PatternNode, _ scalar: Unicode.Scalar) -> Bool {
        switch node {
        case .text(let own): isEqual(own, scalar)
        case .any: scalar != "\n" || flags.contains("p")
        case .oneOf(let scalars, let negated):
            scalars.contains { isEqual($0, scalar) } != negated
        default: false
        }
    }

    private func isEqual(_ lhs: Unicode.Scalar, _ rhs: Unicode.Scalar) -> Bool {
        if lhs == rhs { return true }
        return flags.contains("i")
            && lhs.properties.lowercaseMapping == rhs.properties.lowercaseMapping
    }

    private func holds(_ anchor: String, _ index: Int) -> Bool {
        switch anchor {
        case "^", "\\A": index == 0
        case "$", "\\Z": index == text.count || index == text.count - 1 && text[index] == "\n"
        case "\\z": index == text.count
        case "\\G": index == searchStart
        case "\\b": isWord(index - 1) != isWord(index)
        default: isWord(index - 1) == isWord(index)
        }
    }

    private func isWord(_ index: Int) -> Bool {
        guard text.indices.contains(index) else { return false }
        return text[index].properties.isAlphabetic || text[index] == "1"
    }
}

/// Makes random patterns with texts that they may match.
struct PatternMaker {
    private var random: SeededGenerator
    /// The characters of this pattern and its text.
    private var pool: [Unicode.Scalar] = []
    private(set) var groupNames: [String?] = []
    /// Groups that are complete, to which references may refer.
    private var closedGroups: [Int] = []
    private var isPlain = false

    /// Characters of 1 to 4 bytes; some begin with the same bytes, some differ only in case.
    private static let alphabet: [Unicode.Scalar] = [
        "a", "b", "A", "1", " ", "\n", "é", "É", "ê", "日", "旦", "★", "😀", "😁",
    ]

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    mutating func next() -> (root: PatternNode, flags: String, text: [Unicode.Scalar]) {
        groupNames = []
        closedGroups = []
        pool = (0..<2 + random.below(3)).map { _ in Self.alphabet[random.below(14)] }
        isPlain = random.below(4) == 0
        let root = tree(depth: 1 + random.below(4))
        var flags = random.below(2) == 0 ? "g" : ""
        for flag in ["i", "x", "s", "l", "n", "p"] where random.below(6) == 0 { flags += flag }
        let length = random.below(random.below(8) == 0 ? 90 : 9)
        let text = (0..<length).map { _ in pool[random.below(pool.count)] }
        return (root, flags, text)
    }

    private mutating func single() -> PatternNode {
        let scalar = pool[random.below(pool.count)]
        switch isPlain ? 9 : random.below(10) {
        case 0: return .any
        case 1, 2:
            let other = Self.alphabet[random.below(14)]
            return .oneOf([scalar, other], negated: random.below(3) == 0)
        default: return .text(scalar)
        }
    }

    private mutating func tree(depth: Int) -> PatternNode {
        if depth == 0 { return quantified(single()) }
        switch random.below(isPlain ? 6 : 13) {
        case 0: return quantified(single())
        case 1, 2, 3:
            return .sequence((0..<2 + random.below(2)).map { _ in tree(depth: depth - 1) })
        case 4, 5: return quantified(group(depth))
        case 6, 7: return quantified(.either([tree(depth: depth - 1), tree(depth: depth - 1)]))
        case 8: return quantified(tree(depth: depth - 1))
        case 9: return .anchor(random.pick(["^", "$", "\\A", "\\Z", "\\z", "\\G", "\\b", "\\B"]))
        case 10: return look(depth)
        case 11: return .atomic(tree(depth: depth - 1))
        default:
            if closedGroups.isEmpty { return single() }
            return quantified(.backreference(closedGroups[random.below(closedGroups.count)]))
        }
    }

    private mutating func group(_ depth: Int) -> PatternNode {
        let name = random.below(2) == 0 ? random.pick(["x", "日", "x", "y"]) : nil
        groupNames.append(name)
        let index = groupNames.count
        let body = tree(depth: depth - 1)
        closedGroups.append(index)
        return .group(index, name: name, body)
    }

    private mutating func quantified(_ node: PatternNode) -> PatternNode {
        if isPlain || node.isAssertion || random.below(2) == 0 { return node }
        let counts = [(0, -1), (1, -1), (0, 1), (0, -1), (1, -1), (2, 2), (1, 2), (0, 2), (2, -1)]
        let (min, max) = counts[random.below(counts.count)]
        return .repeated(node, min: min, max: max, isLazy: min != max && random.below(3) == 0)
    }

    /// A look-behind has one length, except for a repeat at its start.
    private mutating func look(_ depth: Int) -> PatternNode {
        let negated = random.below(2) == 0
        if random.below(2) == 0 {
            return .look(tree(depth: depth - 1), behind: false, negated: negated)
        }
        let length = random.below(3)
        let branches = (0..<1 + random.below(2)).map { _ -> PatternNode in
            let fixed = (0..<length).map { _ in single() }
            if random.below(2) == 0 { return .sequence(fixed) }
            return .sequence(
                [.repeated(single(), min: 0, max: 1 + random.below(2), isLazy: false)] + fixed)
        }
        return .look(.either(branches), behind: true, negated: negated)
    }
}
