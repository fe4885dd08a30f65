// `(...)` in all its forms -> tree: captures, options, look-around, conditions, calls, names.

extension RegexParser {
    /// The group whose `(` has been read; nil for one that only sets options.
    mutating func parseGroup() throws(RegexError) -> RegexNode? {
        if isAtEnd { throw failure("end pattern with unmatched parenthesis") }
        if take("*") { return try parseCallout() }
        guard take("?") else { return try parseCapture(name: nil) }
        if isAtEnd { throw failure("end pattern in group") }
        let start = offset
        let letter = bytes[offset]
        offset += 1
        switch letter {
        case UInt8(ascii: ":"): return try parseAlternation(inGroup: true)
        case UInt8(ascii: "="): return try parseLook(behind: false, negated: false)
        case UInt8(ascii: "!"): return try parseLook(behind: false, negated: true)
        case UInt8(ascii: ">"): return .atomic(try parseAlternation(inGroup: true))
        case UInt8(ascii: "'"):
            return try parseCapture(name: try parseDefinedName(closing: "'"))
        case UInt8(ascii: "<"):
            if isAtEnd { throw failure("end pattern with unmatched parenthesis") }
            if take("=") { return try parseLook(behind: true, negated: false) }
            if take("!") { return try parseLook(behind: true, negated: true) }
            return try parseCapture(name: try parseDefinedName(closing: ">"))
        case UInt8(ascii: "~"): return try parseAbsent()
        case UInt8(ascii: "{"): return try parseCalloutContents()
        case UInt8(ascii: "("): return try parseCondition()
        case UInt8(ascii: "&"):
            let name = try parseReference(closing: ")", numbers: false)
            return addCall(name, at: start)
        case UInt8(ascii: "R"):
            // Oniguruma reads the `)` twice: a call of the whole is `\g<0>`, and this is refused.
            guard isNext(")") else { throw failure("undefined group option") }
            throw failure("unmatched close parenthesis")
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            offset = start
            return addCall(try parseCallNumber(), at: start)
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            if !isAtEnd, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[offset] {
                offset = start
                return addCall(try parseCallNumber(), at: start)
            }
            fallthrough
        default:
            offset = start
            return try parseOptions()
        }
    }

    private mutating func parseCallNumber() throws(RegexError) -> GroupName {
        let name = try parseReference(closing: ")", numbers: true)
        if case .name = name { throw failure("invalid group name <>") }
        return name
    }

    private mutating func parseCapture(name: String?) throws(RegexError) -> RegexNode {
        groupCount += 1
        if groupCount > RegexLimits.groupsMax { throw failure("too many captures") }
        let index = groupCount
        if let name {
            names[name, default: []].append(index)
            if names[name, default: []].count > RegexLimits.groupsOfNameMax {
                throw failure("too many captures")
            }
        }
        return .capture(try parseAlternation(inGroup: true), index: index)
    }

    private mutating func parseLook(
        behind: Bool, negated: Bool
    ) throws(RegexError) -> RegexNode {
        let start = offset
        let outer = isBehind
        isBehind = outer || behind
        defer { isBehind = outer }
        let body = try parseAlternation(inGroup: true)
        return .look(body, behind: behind, negated: negated, offset: start)
    }

    /// `(?imsx-imsx)` and `(?imsx-imsx:...)`.
    private mutating func parseOptions() throws(RegexError) -> RegexNode? {
        let start = offset
        var changed = options
        var adds = true
        while true {
            if isAtEnd { throw failure("end pattern in group") }
            let letter = bytes[offset]
            offset += 1
            let option: RegexOptions
            switch letter {
            case UInt8(ascii: "-"):
                adds = false
                continue
            case UInt8(ascii: "i"): option = .ignoreCase
            case UInt8(ascii: "m"): option = .lineAnchors
            case UInt8(ascii: "s"): option = .dotAll
            case UInt8(ascii: "x"): option = .extended
            case UInt8(ascii: ")") where offset - start > 1:
                options = changed
                return nil
            case UInt8(ascii: ":"):
                let outer = options
                options = changed
                defer { options = outer }
                return .scoped(try parseAlternation(inGroup: true))
            default: throw failure("undefined group option")
            }
            if adds { changed.insert(option) } else { changed.remove(option) }
        }
    }

    /// `(?~X)`; the range forms `(?~|...)` are not supported.
    private mutating func parseAbsent() throws(RegexError) -> RegexNode {
        if isAtEnd { throw failure("end pattern in group") }
        if isNext("|") { throw failure("invalid absent group pattern") }
        return .absent(try parseAlternation(inGroup: true, isHead: true))
    }

    /// `(*FAIL)` and the callouts that have no effect on a match.
    private mutating func parseCallout() throws(RegexError) -> RegexNode {
        if isAtEnd { throw failure("invalid callout pattern") }
        let start = offset
        while !isAtEnd, !isNext(")"), !isNext("["), !isNext("{") { offset += 1 }
        if isAtEnd { throw failure("end pattern in group") }
        let name = bytes[start..<offset]
        guard isCalloutName(name) else { throw failure("invalid callout name") }
        try skipCalloutTag()
        let known = String(decoding: name, as: UTF8.self)
        guard ["FAIL", "MISMATCH", "SKIP"].contains(known) else {
            throw failure("undefined callout name")
        }
        if isNext("{") { throw failure("invalid callout arg") }
        guard take(")") else { throw failure("invalid callout pattern") }
        return known == "SKIP" ? .callout : .failure
    }

    /// An ASCII word that does not begin with a digit.
    private func isCalloutName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, !(0x30...0x39 ~= first) else { return false }
        return name.allSatisfy { $0 < 0x80 && UnicodeSets.word.contains(UInt32($0)) }
    }

    private mutating func skipCalloutTag() throws(RegexError) {
        if !take("[") { return }
        let start = offset
        while !isAtEnd, !isNext("]") { offset += 1 }
        guard isCalloutName(bytes[start..<offset]) else {
            throw failure("invalid callout tag name")
        }
        _ = take("]")
        if isAtEnd { throw failure("end pattern in group") }
    }

    /// `(?{...})` runs nothing: it matches the empty text.
    private mutating func parseCalloutContents() throws(RegexError) -> RegexNode {
        var braces = 1
        while take("{") { braces += 1 }
        var closed = 0
        while closed < braces {
            if isAtEnd { throw failure("invalid callout pattern") }
            closed = take("}") ? closed + 1 : 0
            if closed == 0 { offset += 1 }
        }
        try skipCalloutTag()
        // When it would be called.
        _ = take("X") || take("<") || take(">")
        if isAtEnd { throw failure("end pattern in group") }
        guard take(")") else { throw failure("invalid callout pattern") }
        return .callout
    }

    /// `(?(1)yes|no)`, `(?(<name>)yes|no)`, `(?(pattern)yes|no)`; the second `(` has been read.
    private mutating func parseCondition() throws(RegexError) -> RegexNode {
        // One character after the parenthesis is not enough.
        let others = bytes[min(offset + 1, bytes.count)...]
        if others.allSatisfy({ $0 & 0xC0 == 0x80 }) { throw failure("end pattern in group") }
        let groups = try parseConditionGroups()
        var condition = RegexNode.empty
        if groups == nil { condition = try parseAlternation(inGroup: true) }
        if isAtEnd { throw failure("end pattern in group") }
        var yes = RegexNode.empty
        var no = RegexNode.empty
        if take(")") {
            guard let groups else { throw failure("invalid if-else syntax") }
            return .scoped(.groupCondition(groups, yes: .empty, no: .failure))
        }
        if take("|") {
            no = try parseAlternation(inGroup: true)
        } else {
            yes = try parseAlternation(inGroup: true, isHead: true)
            if case .alternation(let branches) = yes {
                yes = branches[0]
                no = branches.count == 2 ? branches[1] : .alternation(Array(branches[1...]))
            }
        }
        if let groups { return .groupCondition(groups, yes: yes, no: no) }
        return .condition(condition, yes: yes, no: no)
    }

    /// The groups that a condition tests; nil where it is a pattern.
    private mutating func parseConditionGroups() throws(RegexError) -> [Int]? {
        let start = offset
        let closing: Unicode.Scalar
        switch bytes[offset] {
        case UInt8(ascii: "<"): closing = ">"
        case UInt8(ascii: "'"): closing = "'"
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            closing = ")"
        default: return nil
        }
        if closing != ")" {
            offset += 1
            let groups = try parseLevelReference(closing: closing, at: start)
            guard take(")") else { throw failure("end pattern in group") }
            return groups
        }
        do {
            return try parseLevelReference(closing: ")", at: start)
        } catch {
            offset = start
            return nil
        }
    }
}
