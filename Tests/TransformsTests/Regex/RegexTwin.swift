// A slow matcher, for the regular expression engine to be compared with: no bytes, no program, no
// analysis. It walks the tree of a pattern over an array of characters, and what is left to match
// is a closure.
//
//     TwinMaker -> TwinNode -> its pattern's text -> the engine    } equal answers
//                           -> TwinMatcher                         }

/// A pattern as a tree that prints itself.
indirect enum TwinNode {
    case text(Unicode.Scalar)
    case any
    case oneOf([Unicode.Scalar], negated: Bool)
    case sequence([TwinNode])
    case either([TwinNode])
    case group(Int, name: String?, TwinNode)
    case atomic(TwinNode)
    /// `max` is -1 where there is no upper bound.
    case repeated(TwinNode, min: Int, max: Int, isLazy: Bool)
    case anchor(String)
    case look(TwinNode, behind: Bool, negated: Bool)
    case reference(Int)

    /// Whether a quantifier behind it is refused.
    var isPlace: Bool {
        switch self {
        case .anchor, .look: true
        case .either(let branches): branches.contains { $0.isPlace }
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
        case .reference(let group): "\\k<\(group)>"
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
final class TwinMatcher {
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
    func matches(_ root: TwinNode, groupCount: Int, isGlobal: Bool) -> [Groups] {
        var found: [Groups] = []
        searchStart = 0
        while searchStart <= text.count, let groups = firstMatch(root, groupCount) {
            found.append(groups)
            guard isGlobal, let whole = groups[0] else { break }
            searchStart = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
        }
        return found
    }

    private func firstMatch(_ root: TwinNode, _ groupCount: Int) -> Groups? {
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
        _ node: TwinNode, _ place: Int, _ groups: Groups, _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        steps += 1
        if isStopped { return nil }
        switch node {
        case .text, .any, .oneOf:
            return place < text.count && takes(node, text[place]) ? next(place + 1, groups) : nil
        case .sequence(let nodes): return walkAll(nodes[...], place, groups, next)
        case .either(let branches):
            for branch in branches {
                if let found = walk(branch, place, groups, next) { return found }
            }
            return nil
        case .group(let index, _, let body):
            return walk(body, place, groups) { end, groups in
                var groups = groups
                groups[index] = place..<end
                return next(end, groups)
            }
        case .atomic(let body):
            var after = 0
            guard
                let found = walk(
                    body, place, groups,
                    { end, groups in
                        after = end
                        return groups
                    })
            else { return nil }
            return next(after, found)
        case .repeated(let body, let min, let max, let isLazy):
            return walkRounds(body, (min, max, isLazy), 0, place, groups, next)
        case .anchor(let name): return holds(name, place) ? next(place, groups) : nil
        case .look(let body, let behind, let negated):
            let found = look(body, behind, place, groups)
            if negated { return found == nil && !isStopped ? next(place, groups) : nil }
            return found.flatMap { next(place, $0) }
        case .reference(let group):
            guard let range = groups[group], place + range.count <= text.count else { return nil }
            for distance in 0..<range.count
            where !isEqual(text[range.lowerBound + distance], text[place + distance]) {
                return nil
            }
            return next(place + range.count, groups)
        }
    }

    private func walkAll(
        _ nodes: ArraySlice<TwinNode>, _ place: Int, _ groups: Groups,
        _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        guard let head = nodes.first else { return next(place, groups) }
        return walk(head, place, groups) { end, groups in
            self.walkAll(nodes.dropFirst(), end, groups, next)
        }
    }

    /// A round that takes nothing leaves the repeat.
    private func walkRounds(
        _ body: TwinNode, _ counts: (min: Int, max: Int, isLazy: Bool), _ done: Int, _ place: Int,
        _ groups: Groups, _ next: (Int, Groups) -> Groups?
    ) -> Groups? {
        if done == counts.max { return next(place, groups) }
        if done >= counts.min, counts.isLazy, let found = next(place, groups) { return found }
        let found = walk(body, place, groups) { end, groups in
            if end == place { return next(end, groups) }
            return self.walkRounds(body, counts, done + 1, end, groups, next)
        }
        if let found { return found }
        return done >= counts.min && !counts.isLazy ? next(place, groups) : nil
    }

    private func look(
        _ body: TwinNode, _ behind: Bool, _ place: Int, _ groups: Groups
    ) -> Groups? {
        if !behind { return walk(body, place, groups) { _, groups in groups } }
        for start in (0...place).reversed() {
            let found = walk(body, start, groups) { end, groups in end == place ? groups : nil }
            if let found { return found }
        }
        return nil
    }

    // MARK: Characters and places

    private func takes(_ node: TwinNode, _ scalar: Unicode.Scalar) -> Bool {
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

    private func holds(_ anchor: String, _ place: Int) -> Bool {
        switch anchor {
        case "^", "\\A": place == 0
        case "$", "\\Z": place == text.count || place == text.count - 1 && text[place] == "\n"
        case "\\z": place == text.count
        case "\\G": place == searchStart
        case "\\b": isWord(place - 1) != isWord(place)
        default: isWord(place - 1) == isWord(place)
        }
    }

    private func isWord(_ place: Int) -> Bool {
        guard text.indices.contains(place) else { return false }
        return text[place].properties.isAlphabetic || text[place] == "1"
    }
}

/// Makes random patterns with texts that they may match.
struct TwinMaker {
    private var random: RegexRandom
    /// The characters of this pattern and its text.
    private var pool: [Unicode.Scalar] = []
    private(set) var groupNames: [String?] = []
    /// Groups that are read to their end, for references.
    private var closedGroups: [Int] = []
    private var isPlain = false

    /// Of 1 to 4 bytes; some begin with the same bytes, some are the others' other case.
    private static let alphabet: [Unicode.Scalar] = [
        "a", "b", "A", "1", " ", "\n", "é", "É", "ê", "日", "旦", "★", "😀", "😁",
    ]

    init(seed: UInt64) { random = RegexRandom(state: seed) }

    mutating func next() -> (root: TwinNode, flags: String, text: [Unicode.Scalar]) {
        groupNames = []
        closedGroups = []
        pool = (0..<2 + random.next(3)).map { _ in Self.alphabet[random.next(14)] }
        isPlain = random.next(4) == 0
        let root = tree(depth: 1 + random.next(4))
        var flags = random.next(2) == 0 ? "g" : ""
        for flag in ["i", "x", "s", "l", "n", "p"] where random.next(6) == 0 { flags += flag }
        let length = random.next(random.next(8) == 0 ? 90 : 9)
        let text = (0..<length).map { _ in pool[random.next(pool.count)] }
        return (root, flags, text)
    }

    private mutating func single() -> TwinNode {
        let scalar = pool[random.next(pool.count)]
        switch isPlain ? 9 : random.next(10) {
        case 0: return .any
        case 1, 2:
            let other = Self.alphabet[random.next(14)]
            return .oneOf([scalar, other], negated: random.next(3) == 0)
        default: return .text(scalar)
        }
    }

    private mutating func tree(depth: Int) -> TwinNode {
        if depth == 0 { return quantified(single()) }
        switch random.next(isPlain ? 6 : 13) {
        case 0: return quantified(single())
        case 1, 2, 3:
            return .sequence((0..<2 + random.next(2)).map { _ in tree(depth: depth - 1) })
        case 4, 5: return quantified(group(depth))
        case 6, 7: return quantified(.either([tree(depth: depth - 1), tree(depth: depth - 1)]))
        case 8: return quantified(tree(depth: depth - 1))
        case 9: return .anchor(random.pick(["^", "$", "\\A", "\\Z", "\\z", "\\G", "\\b", "\\B"]))
        case 10: return look(depth)
        case 11: return .atomic(tree(depth: depth - 1))
        default:
            if closedGroups.isEmpty { return single() }
            return quantified(.reference(closedGroups[random.next(closedGroups.count)]))
        }
    }

    private mutating func group(_ depth: Int) -> TwinNode {
        let name = random.next(2) == 0 ? random.pick(["x", "日", "x", "y"]) : nil
        groupNames.append(name)
        let index = groupNames.count
        let body = tree(depth: depth - 1)
        closedGroups.append(index)
        return .group(index, name: name, body)
    }

    private mutating func quantified(_ node: TwinNode) -> TwinNode {
        if isPlain || node.isPlace || random.next(2) == 0 { return node }
        let counts = [(0, -1), (1, -1), (0, 1), (0, -1), (1, -1), (2, 2), (1, 2), (0, 2), (2, -1)]
        let (min, max) = counts[random.next(counts.count)]
        return .repeated(node, min: min, max: max, isLazy: min != max && random.next(3) == 0)
    }

    /// A look-behind is of one length, but for a repeat at its head.
    private mutating func look(_ depth: Int) -> TwinNode {
        let negated = random.next(2) == 0
        if random.next(2) == 0 {
            return .look(tree(depth: depth - 1), behind: false, negated: negated)
        }
        let length = random.next(3)
        let branches = (0..<1 + random.next(2)).map { _ -> TwinNode in
            let fixed = (0..<length).map { _ in single() }
            if random.next(2) == 0 { return .sequence(fixed) }
            return .sequence(
                [.repeated(single(), min: 0, max: 1 + random.next(2), isLazy: false)] + fixed)
        }
        return .look(.either(branches), behind: true, negated: negated)
    }
}
