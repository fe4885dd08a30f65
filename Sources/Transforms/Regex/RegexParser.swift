// Pattern bytes -> syntax tree: alternations, branches, quantifiers. Groups, escapes and classes
// have files of their own.
//
// The grammar is read in one pass without tokens. Ignored blanks and comments are skipped wherever
// an atom or a quantifier is allowed, so `a(?#x)+` repeats `a`.

/// Reads one pattern.
struct RegexParser {
    let bytes: [UInt8]
    var offset = 0
    var options: RegexOptions
    var depth = 0

    /// Sets that the tree refers to by index.
    var sets: [ScalarSet] = []
    private var setIndexes: [ScalarSet: Int] = [:]
    var groupCount = 0
    /// The groups of each name, in their order.
    var names: [String: [Int]] = [:]
    /// Groups that back-references and conditions use.
    var referenced: Set<Int> = []
    /// Sets of properties and POSIX classes met so far.
    var namedSets: [String: ScalarSet] = [:]
    /// The calls that `.call` numbers refer to, until `resolveReferences`.
    var calls: [PendingCall] = []
    /// Group numbers that back-references use, with the offset that names them.
    var references: [(group: Int, offset: Int)] = []
    /// Whether a back-reference names a level.
    var usesLevels = false
    /// The remaining scalars of a `\x{41 42}`.
    var pendingScalars: [UInt32] = []
    /// Whether the reader is in a look-behind.
    var isBehind = false

    /// A sub-expression call, maybe of a group further on.
    struct PendingCall {
        var name: String?
        var group: Int
        var text: String
        var offset: Int
    }

    init(_ bytes: [UInt8], options: RegexOptions) {
        self.bytes = bytes
        self.options = options
    }

    var isAtEnd: Bool { offset >= bytes.count }

    /// The byte `distance` further on; 0 beyond the end.
    func peek(_ distance: Int = 0) -> UInt8 {
        offset + distance < bytes.count ? bytes[offset + distance] : 0
    }

    func isNext(_ character: Unicode.Scalar) -> Bool {
        !isAtEnd && bytes[offset] == UInt8(ascii: character)
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard isNext(character) else { return false }
        offset += 1
        return true
    }

    /// The next scalar; the pattern is not at its end.
    mutating func nextScalar() -> UInt32 {
        let first = bytes[offset]
        offset += 1
        if first < 0x80 { return UInt32(first) }
        let count = Self.byteCount(first: first)
        guard count > 1, offset + count - 1 <= bytes.count else { return 0xFFFD }
        var scalar = UInt32(first) & (count == 2 ? 0x1F : count == 3 ? 0x0F : 0x07)
        for index in offset..<offset + count - 1 {
            guard bytes[index] & 0xC0 == 0x80 else { return 0xFFFD }
            scalar = scalar << 6 | UInt32(bytes[index] & 0x3F)
        }
        offset += count - 1
        return scalar
    }

    static func byteCount(first: UInt8) -> Int {
        switch first {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    func failure(_ message: String) -> RegexError {
        RegexError(message: message, offset: offset)
    }

    mutating func enter() throws(RegexError) {
        depth += 1
        if depth > RegexLimits.depthMax { throw failure("parse depth limit over") }
    }

    mutating func index(of set: ScalarSet) -> Int {
        if let known = setIndexes[set] { return known }
        sets.append(set)
        setIndexes[set] = sets.count - 1
        return sets.count - 1
    }

    /// The tree of the whole pattern.
    mutating func parse() throws(RegexError) -> RegexNode {
        let tree = try parseAlternation(inGroup: false)
        try resolveReferences()
        return tree
    }

    /// Branches up to the end, or through the `)` of a group.
    /// - Parameter isHead: whether a `(?:...)` that comes first may be repeated whatever it holds.
    mutating func parseAlternation(
        inGroup: Bool, isHead: Bool = false
    ) throws(RegexError) -> RegexNode {
        try enter()
        defer { depth -= 1 }
        let outerOptions = options
        var branches: [RegexNode] = []
        repeat {
            branches.append(
                try parseBranch(inGroup: inGroup, isHead: isHead && branches.isEmpty))
        } while take("|")
        if inGroup {
            guard take(")") else {
                throw failure("end pattern with unmatched parenthesis")
            }
        }
        options = outerOptions
        return branches.count == 1 ? branches[0] : .alternation(branches)
    }

    private mutating func parseBranch(
        inGroup: Bool, isHead: Bool
    ) throws(RegexError) -> RegexNode {
        var nodes: [RegexNode] = []
        while true {
            if pendingScalars.isEmpty {
                try skipIgnored()
                if isAtEnd || isNext("|") { break }
                if isNext(")") {
                    if inGroup { break }
                    throw failure("unmatched close parenthesis")
                }
            }
            let isGroup = pendingScalars.isEmpty && bytes[offset...].starts(with: "(?:".utf8)
            guard var atom = try parseAtom() else { continue }
            if isHead && isGroup && nodes.isEmpty { atom = .scoped(atom) }
            nodes.append(try parseQuantifiers(of: atom))
        }
        nodes = joinFolded(nodes)
        return nodes.isEmpty ? .empty : nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    /// Skips `(?#...)`, and blanks and `#` lines in extended mode.
    mutating func skipIgnored() throws(RegexError) {
        while !isAtEnd {
            if isNext("("), peek(1) == UInt8(ascii: "?"), peek(2) == UInt8(ascii: "#") {
                offset += 3
                try skipComment()
                continue
            }
            guard options.contains(.extended) else { return }
            switch bytes[offset] {
            case UInt8(ascii: " "), 0x09, 0x0A, 0x0C, 0x0D:
                offset += 1
            case UInt8(ascii: "#"):
                while !isAtEnd, bytes[offset] != 0x0A { offset += 1 }
            default:
                return
            }
        }
    }

    private mutating func skipComment() throws(RegexError) {
        while true {
            if isAtEnd { throw failure("end pattern in group") }
            let byte = bytes[offset]
            offset += 1
            if byte == UInt8(ascii: ")") { return }
            if byte == UInt8(ascii: "\\"), !isAtEnd { offset += 1 }
        }
    }

    /// One atom; nil where it only changed options.
    private mutating func parseAtom() throws(RegexError) -> RegexNode? {
        if !pendingScalars.isEmpty { return codePoint(pendingScalars.removeFirst()) }
        switch bytes[offset] {
        case UInt8(ascii: "("):
            offset += 1
            return try parseGroup()
        case UInt8(ascii: "["):
            offset += 1
            return try parseClass()
        case UInt8(ascii: "."):
            offset += 1
            return .any(newline: options.contains(.dotAll))
        case UInt8(ascii: "^"):
            offset += 1
            return .assertion(options.contains(.lineAnchors) ? .lineStart : .textStart)
        case UInt8(ascii: "$"):
            offset += 1
            return .assertion(options.contains(.lineAnchors) ? .lineEnd : .textEndOrLastLine)
        case UInt8(ascii: "\\"):
            offset += 1
            return try parseEscape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            throw failure("target of repeat operator is not specified")
        case UInt8(ascii: "{"):
            if try parseInterval() != nil {
                throw failure("target of repeat operator is not specified")
            }
            return literal(nextScalar())
        default:
            return literal(nextScalar())
        }
    }

    func literal(_ scalar: UInt32) -> RegexNode {
        .scalar(scalar, ignoreCase: options.contains(.ignoreCase))
    }

    /// Wraps an atom in the quantifiers that follow it.
    private mutating func parseQuantifiers(of atom: RegexNode) throws(RegexError) -> RegexNode {
        var node = atom
        var count = 0
        while pendingScalars.isEmpty {
            try skipIgnored()
            guard let (min, max) = try parseCounts() else { break }
            if node.refusesQuantifier {
                throw failure("target of repeat operator is invalid")
            }
            count += 1
            if count + depth > RegexLimits.depthMax { throw failure("parse depth limit over") }
            var greed = RegexGreed.greedy
            if take("?") { greed = .lazy } else if take("+") { greed = .possessive }
            if min == 1, max == 1 { continue }
            if case .scalar = node { node = joinFolded([node])[0] }
            node = try repeated(node, min: min, max: max, greed: greed)
        }
        return node
    }

    /// `x**` is `x*`, `(?:x?)?` is `x?`, `x{2}{3}` is `x{6}`; else a repeat of a repeat.
    private func repeated(
        _ node: RegexNode, min: Int, max: Int, greed: RegexGreed
    ) throws(RegexError) -> RegexNode {
        if case .repetition(let body, let innerMin, let innerMax, let innerGreed) = node,
            innerGreed == .greedy, greed == .greedy
        {
            if innerMin == innerMax, min == max {
                let (product, overflow) = min.multipliedReportingOverflow(by: innerMin)
                if overflow || product > Int(Int32.max) {
                    throw failure("too big number for repeat range")
                }
                return .repetition(body, min: product, max: product, greed: .greedy)
            }
            if innerMin <= 1, min <= 1, abs(innerMax) == 1, abs(max) == 1 {
                return .repetition(
                    body, min: min * innerMin, max: Swift.min(innerMax, max), greed: .greedy)
            }
        }
        return .repetition(node, min: min, max: max, greed: greed)
    }

    private mutating func parseCounts() throws(RegexError) -> (min: Int, max: Int)? {
        if take("*") { return (0, -1) }
        if take("+") { return (1, -1) }
        if take("?") { return (0, 1) }
        guard isNext("{") else { return nil }
        return try parseInterval()
    }

    /// `{n}`, `{n,}`, `{n,m}`; nil, with nothing read, where it is text and not an interval.
    private mutating func parseInterval() throws(RegexError) -> (min: Int, max: Int)? {
        let start = offset
        offset += 1
        guard let min = try parseRepeatNumber() else {
            offset = start
            return nil
        }
        var max = min
        if take(",") { max = try parseRepeatNumber() ?? -1 }
        guard take("}") else {
            offset = start
            return nil
        }
        if max >= 0, min > max {
            throw failure("upper is smaller than lower in repeat range")
        }
        return (min, max)
    }

    private mutating func parseRepeatNumber() throws(RegexError) -> Int? {
        guard let number = parseNumber(max: RegexLimits.repeatMax) else { return nil }
        if number > RegexLimits.repeatMax {
            throw failure("too big number for repeat range")
        }
        return number
    }

    /// A decimal number, `max + 1` for anything larger; nil where there is no digit.
    mutating func parseNumber(max: Int) -> Int? {
        var number: Int?
        while !isAtEnd, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[offset] {
            number = min((number ?? 0) * 10 + Int(bytes[offset] - UInt8(ascii: "0")), max + 1)
            offset += 1
        }
        return number
    }

    /// Resolves numbers and names that came before their group.
    private mutating func resolveReferences() throws(RegexError) {
        if usesLevels, !calls.isEmpty { throw failure("invalid backref number/name") }
        for reference in references where reference.group > groupCount {
            throw RegexError(message: "invalid backref number/name", offset: reference.offset)
        }
        for index in calls.indices {
            let call = calls[index]
            if let name = call.name {
                let groups = names[name] ?? []
                if groups.isEmpty {
                    throw RegexError(
                        message: "undefined name <\(call.text)> reference", offset: call.offset)
                }
                if groups.count > 1 {
                    throw RegexError(
                        message: "multiplex definition name <\(call.text)> call",
                        offset: call.offset)
                }
                calls[index].group = groups[0]
            } else if call.group > groupCount {
                throw RegexError(
                    message: "undefined group <\(call.text)> reference", offset: call.offset)
            }
        }
    }
}
