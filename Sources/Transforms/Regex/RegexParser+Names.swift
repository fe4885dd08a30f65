// Names and numbers of groups in a pattern, and what refers to them.

extension RegexParser {
    /// What stands in `<...>`: a group's number or its name.
    enum GroupName {
        case number(Int, text: String)
        case name(String)
    }

    mutating func parseDefinedName(
        closing: Unicode.Scalar
    ) throws(RegexError) -> String {
        let name = try parseReference(closing: closing, numbers: false, levels: false)
        guard case .name(let text) = name else { throw failure("invalid group name") }
        return text
    }

    /// A name up to and with `closing`; signed numbers are turned into absolute ones.
    mutating func parseReference(
        closing: Unicode.Scalar, numbers: Bool
    ) throws(RegexError) -> GroupName {
        if isAtEnd || isNext(closing) { throw failure("group name is empty") }
        let start = offset
        let head = nextScalar()
        let isHeadDigit = head >= 0x30 && head <= 0x39
        let isHeadSign = head == 0x2B || head == 0x2D
        let isHeadWord = UnicodeSets.word.contains(head)
        while !isAtEnd, !isNext(closing), !isNext(")") { offset += 1 }
        if !isHeadWord && !isHeadSign || (isHeadDigit || isHeadSign) && !numbers {
            let end = offset + 1 >= bytes.count ? bytes.count : offset
            let what = isHeadWord || isHeadSign ? "group name" : "char in group name"
            throw failure("invalid \(what) <\(text(start, end))>")
        }
        guard isNext(closing) else {
            var end = offset
            // Oniguruma's message leaves out the last character of the pattern.
            if isAtEnd, end - start > 1 { end -= 1 }
            while end < bytes.count, end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            throw failure("invalid group name <\(text(start, end))>")
        }
        let text = text(start, offset)
        offset += 1
        if !isHeadDigit && !isHeadSign { return .name(text) }
        let digits = text.utf8.dropFirst(isHeadSign ? 1 : 0)
        if !digits.allSatisfy({ 0x30...0x39 ~= $0 }) { return .name(text) }
        guard let number = number(text) else { throw failure("invalid group name <\(text)>") }
        return number
    }

    private func text(_ start: Int, _ end: Int) -> String {
        String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// A signed or unsigned number, if it is one of a group.
    private func number(_ text: String) -> GroupName? {
        let isSigned = text.hasPrefix("+") || text.hasPrefix("-")
        guard let number = Int(text), number != 0 || !isSigned, abs(number) < 1 << 24 else {
            return nil
        }
        if !isSigned { return .number(number, text: text) }
        let group = number > 0 ? groupCount + number : groupCount + 1 + number
        return .number(group, text: text)
    }

    /// A name as of `\k<n>`, and its level, `\k<n+1>`, for groups that calls have set: other levels
    /// than 0 are never set where there are none. Told as Oniguruma does, which looks at all
    /// characters, and shows the name up to where it stopped.
    mutating func parseLeveledReference(
        closing: Unicode.Scalar
    ) throws(RegexError) -> (name: GroupName, level: Int) {
        if isAtEnd || isNext(closing) { throw failure("group name is empty") }
        let start = offset
        var end = bytes.count
        var last = nextScalar()
        let isSigned = last == 0x2B || last == 0x2D
        var isNumber = isSigned || 0x30...0x39 ~= last
        var hasDigits = !isSigned
        var what: String?
        if !isNumber && !UnicodeSets.word.contains(last) { what = "char in group name" }
        while !isAtEnd {
            end = offset
            last = nextScalar()
            if last == closing.value || last == 0x29 || last == 0x2B || last == 0x2D {
                if isNumber && !hasDigits { what = "group name" }
                break
            }
            if isNumber {
                hasDigits = true
                if 0x30...0x39 ~= last { continue }
                what = "group name"
                isNumber = false
            } else if !UnicodeSets.word.contains(last) {
                what = "char in group name"
            }
        }
        var level = 0
        if what == nil && last != closing.value {
            let isLevel = last == 0x2B || last == 0x2D
            if isLevel && isAtEnd {
                what = "char in group name"
            } else if isLevel, let digits = parseNumber(max: 1 << 24), take(closing) {
                level = last == 0x2B ? digits : -digits
                usesLevels = true
            } else {
                what = "group name"
                end = bytes.count
            }
        }
        let name = text(start, end)
        if let what { throw failure("invalid \(what) <\(name)>") }
        if !isNumber { return (.name(name), level) }
        guard let number = number(name) else { throw failure("invalid group name <\(name)>") }
        return (number, level)
    }

    /// The groups of a back-reference; a name must be known by now.
    mutating func groupNumbers(
        _ name: GroupName, at start: Int
    ) throws(RegexError) -> [Int] {
        switch name {
        case .number(let group, _):
            if group <= 0 { throw failure("invalid backref number/name") }
            references.append((group, start))
            return [group]
        case .name(let text):
            guard let groups = names[text] else {
                throw failure("undefined name <\(text)> reference")
            }
            referenced.formUnion(groups)
            return groups
        }
    }

    mutating func addCall(_ name: GroupName, at start: Int) -> RegexNode {
        switch name {
        case .number(let group, let text):
            let known = group < 0 ? Int.max : group
            calls.append(PendingCall(name: nil, group: known, text: text, offset: start))
        case .name(let text):
            calls.append(PendingCall(name: text, group: 0, text: text, offset: start))
        }
        return .call(calls.count - 1)
    }
}
