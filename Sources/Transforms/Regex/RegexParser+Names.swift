// Names and numbers of groups, where they are defined and referred to. The messages, and the part
// of a wrong name that they show, are Oniguruma's.

extension RegexParser {
    /// The content of `<...>`: a group's number or its name.
    enum GroupName {
        case number(Int, text: String)
        case name(String)
    }

    mutating func parseDefinedName(
        closing: Unicode.Scalar
    ) throws(RegexError) -> String {
        let name = try parseReference(closing: closing, numbers: false)
        guard case .name(let text) = name else { throw failure("invalid group name") }
        return text
    }

    /// A name through `closing`; signed numbers are turned into absolute ones.
    mutating func parseReference(
        closing: Unicode.Scalar, numbers: Bool
    ) throws(RegexError) -> GroupName {
        if isAtEnd || isNext(closing) { throw failure("group name is empty") }
        let start = offset
        let head = nextScalar()
        let isNumber = Self.isDigit(head) || Self.isSign(head)
        let isWord = UnicodeSets.word.contains(head)
        while !isAtEnd, !isNext(closing), !isNext(")") { offset += 1 }
        if !isWord && !Self.isSign(head) || isNumber && !numbers {
            let end = offset + 1 >= bytes.count ? bytes.count : offset
            let what = isWord || isNumber ? "group name" : "char in group name"
            throw invalid(what, start..<end)
        }
        guard isNext(closing) else {
            // Oniguruma's message leaves out the last character of the pattern.
            var end = isAtEnd && offset - start > 1 ? offset - 1 : offset
            while end < bytes.count, end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            throw invalid("group name", start..<(end > start ? end : offset))
        }
        let name = start..<offset
        offset += 1
        // Oniguruma checks only the first character of a name.
        let digits = bytes[name].dropFirst(Self.isSign(head) ? 1 : 0)
        if isNumber, digits.allSatisfy({ 0x30...0x39 ~= $0 }) { return try number(name) }
        return .name(String(decoding: bytes[name], as: UTF8.self))
    }

    /// A group's number, relative if it has a sign.
    private func number(_ range: Range<Int>) throws(RegexError) -> GroupName {
        let text = String(decoding: bytes[range], as: UTF8.self)
        let isRelative = Self.isSign(UInt32(bytes[range.lowerBound]))
        let digits = bytes[range].dropFirst(isRelative ? 1 : 0)
        guard let number = Int32(String(decoding: digits, as: UTF8.self)).map({ Int($0) }) else {
            throw failure(digits.isEmpty ? "invalid group name <\(text)>" : "too big number")
        }
        if !isRelative { return .number(number, text: text) }
        if number == 0 { throw failure("invalid group name <\(text)>") }
        let isBack = bytes[range.lowerBound] == UInt8(ascii: "-")
        return .number(isBack ? groupCount + 1 - number : groupCount + number, text: text)
    }

    /// A back-reference's name through `closing`, perhaps with a level, `n+1`: the depth of calls,
    /// relative to this one, whose group is meant. Without calls only level 0 exists.
    /// - Returns: the groups; none for another level.
    mutating func parseLevelReference(
        closing: Unicode.Scalar, at referenceStart: Int
    ) throws(RegexError) -> [Int] {
        if isAtEnd || isNext(closing) { throw failure("group name is empty") }
        let start = offset
        var end = bytes.count
        var last = nextScalar()
        var isNumber = Self.isDigit(last) || Self.isSign(last)
        var hasDigits = Self.isDigit(last)
        var wrong = isNumber || UnicodeSets.word.contains(last) ? nil : "char in group name"
        while !isAtEnd {
            end = offset
            last = nextScalar()
            if last == closing.value || last == 0x29 || Self.isSign(last) {
                if isNumber, !hasDigits { wrong = "group name" }
                break
            }
            if !isNumber {
                if !UnicodeSets.word.contains(last) { wrong = "char in group name" }
            } else if Self.isDigit(last) {
                hasDigits = true
            } else {
                wrong = "group name"
                isNumber = false
            }
        }
        var level = 0
        if wrong == nil, last != closing.value {
            if Self.isSign(last), isAtEnd {
                wrong = "char in group name"
            } else if Self.isSign(last), let given = try parseLevel(closing: closing) {
                level = given
            } else {
                (wrong, end) = ("group name", bytes.count)
            }
        }
        if let wrong { throw invalid(wrong, start..<end) }
        let name =
            isNumber
            ? try number(start..<end) : .name(String(decoding: bytes[start..<end], as: UTF8.self))
        if level != 0 || last != closing.value { usesLevels = true }
        let groups = try groupNumbers(name, at: referenceStart)
        return level == 0 ? groups : []
    }

    /// The digits of a level, and what closes the name; nil for anything else.
    private mutating func parseLevel(closing: Unicode.Scalar) throws(RegexError) -> Int? {
        guard let level = parseNumber(max: Int(Int32.max)) else { return nil }
        if level > Int(Int32.max) { throw failure("too big number") }
        return take(closing) ? level : nil
    }

    private func invalid(_ what: String, _ name: Range<Int>) -> RegexError {
        failure("invalid \(what) <\(String(decoding: bytes[name], as: UTF8.self))>")
    }

    private static func isDigit(_ scalar: UInt32) -> Bool { 0x30...0x39 ~= scalar }

    private static func isSign(_ scalar: UInt32) -> Bool { scalar == 0x2B || scalar == 0x2D }

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
