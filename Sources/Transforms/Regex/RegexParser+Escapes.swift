// `\...` outside classes -> tree; and the characters that escapes stand for, anywhere.

extension RegexParser {
    /// The atom of an escape whose `\` has been read.
    mutating func parseEscape() throws(RegexError) -> RegexNode {
        if isAtEnd { throw failure("end pattern at escape") }
        let start = offset
        let letter = bytes[offset]
        if let set = try parseTypeEscape() { return .set(index(of: set)) }
        offset = start + 1
        switch letter {
        case UInt8(ascii: "b"): return .assertion(.wordBoundary)
        case UInt8(ascii: "B"): return .assertion(.notWordBoundary)
        case UInt8(ascii: "y"): return .assertion(.clusterBoundary)
        case UInt8(ascii: "Y"): return .assertion(.notClusterBoundary)
        case UInt8(ascii: "A"): return .assertion(.textStart)
        case UInt8(ascii: "Z"): return .assertion(.textEndOrLastLine)
        case UInt8(ascii: "z"): return .assertion(.textEnd)
        case UInt8(ascii: "G"): return .assertion(.searchStart)
        case UInt8(ascii: "K"): return .keep
        case UInt8(ascii: "N"): return .any(newline: false)
        case UInt8(ascii: "O"): return .any(newline: true)
        case UInt8(ascii: "R"): return generalNewline()
        case UInt8(ascii: "X"):
            // `\X` is one character and all that follow without a boundary between.
            let more = RegexNode.sequence([.assertion(.notClusterBoundary), .any(newline: true)])
            return .atomic(
                .sequence([
                    .any(newline: true),
                    .repetition(more, min: 0, max: -1, greed: .greedy),
                ]))
        case UInt8(ascii: "Q"): return parseQuote()
        case UInt8(ascii: "k"), UInt8(ascii: "g"):
            guard isNext("<") || isNext("'") else { return literal(UInt32(letter)) }
            let closing: Unicode.Scalar = take("<") ? ">" : "'"
            if closing == "'" { offset += 1 }
            let isCall = letter == UInt8(ascii: "g")
            if isCall {
                return addCall(try parseReference(closing: closing, numbers: true), at: start)
            }
            let groups = try parseLevelReference(closing: closing, at: start)
            if groups.isEmpty { return .scoped(.failure) }
            return .backreference(groups, ignoreCase: options.contains(.ignoreCase))
        case UInt8(ascii: "1")...UInt8(ascii: "9"):
            return try parseNumberEscape(start)
        default:
            offset = start
            return try parseCharacterEscape()
        }
    }

    /// `\1`: a back-reference, else octal, else the digit itself.
    private mutating func parseNumberEscape(_ start: Int) throws(RegexError) -> RegexNode {
        offset = start
        let digit = bytes[start]
        if let number = parseNumber(max: 1000), number <= 1000, number <= max(groupCount, 9) {
            references.append((number, start))
            return .backreference([number], ignoreCase: options.contains(.ignoreCase))
        }
        if digit >= UInt8(ascii: "8") {
            offset = start + 1
            return literal(UInt32(digit))
        }
        offset = start
        return try parseCharacterEscape()
    }

    /// `\Q...\E`: its characters are literals; a quantifier takes the last one alone.
    private mutating func parseQuote() -> RegexNode {
        var scalars: [UInt32] = []
        while !isAtEnd {
            if isNext("\\"), peek(1) == UInt8(ascii: "E") {
                offset += 2
                break
            }
            scalars.append(nextScalar())
        }
        pendingScalars = Array(scalars.dropFirst())
        return scalars.first.map { literal($0) } ?? .empty
    }

    /// `\R`: CR LF, or any one line end.
    private mutating func generalNewline() -> RegexNode {
        let ends = index(of: ScalarSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029]))
        let pair = RegexNode.sequence([
            .scalar(0x0D, ignoreCase: false), .scalar(0x0A, ignoreCase: false),
        ])
        return .atomic(.alternation([pair, .set(ends)]))
    }

    /// `\d \w \s \p{..}` and their negations; nil, with the offset anywhere, for other letters.
    mutating func parseTypeEscape() throws(RegexError) -> ScalarSet? {
        let letter = bytes[offset]
        offset += 1
        switch letter {
        case UInt8(ascii: "d"): return UnicodeSets.digit
        case UInt8(ascii: "D"): return UnicodeSets.digit.inverted()
        case UInt8(ascii: "w"): return UnicodeSets.word
        case UInt8(ascii: "W"): return UnicodeSets.word.inverted()
        case UInt8(ascii: "s"): return UnicodeSets.space
        case UInt8(ascii: "S"): return UnicodeSets.space.inverted()
        case UInt8(ascii: "p"), UInt8(ascii: "P"):
            guard take("{") else { return nil }
            var negated = letter == UInt8(ascii: "P")
            if take("^") { negated.toggle() }
            let set = try parseProperty()
            return negated ? set.inverted() : set
        default: return nil
        }
    }

    private mutating func parseProperty() throws(RegexError) -> ScalarSet {
        let start = offset
        while !isAtEnd {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "}"):
                let name = String(decoding: bytes[start..<offset], as: UTF8.self)
                guard let set = namedSets[name] ?? UnicodeSets.property(name) else {
                    throw failure("invalid character property name {\(name)}")
                }
                namedSets[name] = set
                offset += 1
                return set
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "|"):
                throw failure("end pattern with unmatched parenthesis")
            default: offset += 1
            }
        }
        throw failure("end pattern with unmatched parenthesis")
    }

    /// An escape that stands for a character: `\n`, `\x41`, `\x{41 42}`, `\101`, `\.`
    private mutating func parseCharacterEscape() throws(RegexError) -> RegexNode {
        if let byte = try parseCrudeByte() {
            guard let scalar = try parseCrudeTail(byte) else {
                if byte < 0xC0 { throw failure("invalid code point value") }
                return .set(index(of: ScalarSet()))
            }
            return literal(scalar)
        }
        if let scalars = try parseCodePoints(ranges: false) {
            pendingScalars = scalars.dropFirst().map { $0.code }
            return codePoint(scalars[0].code)
        }
        return literal(try parseControlEscape(inClass: false))
    }

    /// The literal of a code; one that is not a scalar matches nothing.
    mutating func codePoint(_ code: UInt32) -> RegexNode {
        code > ScalarSet.last ? .set(index(of: ScalarSet())) : literal(code)
    }

    /// `\xHH`, `\0`, `\ooo`: a byte, maybe of a longer character. Nil, with nothing read, for
    /// other escapes.
    mutating func parseCrudeByte(inClass: Bool = false) throws(RegexError) -> UInt8? {
        switch bytes[offset] {
        case UInt8(ascii: "x"):
            guard offset + 1 < bytes.count, peek(1) != UInt8(ascii: "{") else { return nil }
            offset += 1
            var value: UInt32 = 0
            var count = 0
            while count < 2, !isAtEnd, let digit = HexDigit.value(of: bytes[offset]) {
                value = value << 4 | UInt32(digit)
                offset += 1
                count += 1
            }
            return UInt8(value)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var value: UInt32 = 0
            var count = 0
            while count < 3, !isAtEnd, case UInt8(ascii: "0")...UInt8(ascii: "7") = bytes[offset] {
                value = value << 3 | UInt32(bytes[offset] - UInt8(ascii: "0"))
                offset += 1
                count += 1
            }
            if value > 255, inClass { throw failure("too big number") }
            return UInt8(truncatingIfNeeded: value)
        default: return nil
        }
    }

    /// The character that a crude byte begins, its other bytes read from further escapes; nil
    /// where no character begins with it.
    mutating func parseCrudeTail(_ first: UInt8) throws(RegexError) -> UInt32? {
        if first < 0x80 { return UInt32(first) }
        let count = Self.byteCount(first: first)
        if count == 1 { return nil }
        var encoded = [first]
        for _ in 1..<count {
            guard isNext("\\"), offset + 1 < bytes.count else {
                throw failure("too short multibyte code string")
            }
            offset += 1
            guard let byte = try parseCrudeByte() else {
                throw failure("too short multibyte code string")
            }
            encoded.append(byte)
        }
        let text = String(decoding: encoded, as: UTF8.self)
        guard text.unicodeScalars.count == 1, let scalar = text.unicodeScalars.first,
            scalar.value != 0xFFFD || encoded == [0xEF, 0xBF, 0xBD]
        else {
            throw failure("invalid code point value")
        }
        return scalar.value
    }

    /// `\x{41 42}`, `\o{101 102}` and, in a class, `\x{41-43}`: codes in turn, `isRange` where
    /// a `-` follows the code. Nil, with nothing read, where it is not that.
    mutating func parseCodePoints(
        ranges: Bool
    ) throws(RegexError) -> [(code: UInt32, isRange: Bool)]? {
        let start = offset
        let isOctal = isNext("o")
        guard isOctal || isNext("x"), peek(1) == UInt8(ascii: "{") else { return nil }
        offset += 2
        var codes: [(code: UInt32, isRange: Bool)] = []
        while true {
            while !codes.isEmpty, isNext(" ") || isNext("\n") { offset += 1 }
            if take("}"), !codes.isEmpty { return codes }
            if ranges, take("-") {
                if codes.isEmpty || codes[codes.count - 1].isRange {
                    throw failure("invalid code point value")
                }
                codes[codes.count - 1].isRange = true
                continue
            }
            let before = offset
            var value: UInt64 = 0
            while !isAtEnd, let digit = HexDigit.value(of: bytes[offset]),
                !isOctal || digit < 8
            {
                value = value << (isOctal ? 3 : 4) | UInt64(digit)
                offset += 1
                if offset - before > (isOctal ? 11 : 8) {
                    throw failure("too long wide-char value")
                }
            }
            if offset == before {
                if isOctal, isNext("8") || isNext("9") {
                    throw failure("too long wide-char value")
                }
                if codes.isEmpty {
                    offset = start
                    return nil
                }
                throw failure("invalid code point value")
            }
            if value >= 0xFFFF_FFFE { throw failure("invalid code point value") }
            codes.append((UInt32(value), false))
        }
    }

    /// `\t \n \r \f \a \e \cX`, `\b` in a class; any other character means itself.
    mutating func parseControlEscape(inClass: Bool) throws(RegexError) -> UInt32 {
        if isAtEnd { throw failure("end pattern at escape") }
        let scalar = nextScalar()
        guard let letter = UInt8(exactly: scalar) else { return scalar }
        switch letter {
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "a"): return 0x07
        case UInt8(ascii: "e"): return 0x1B
        case UInt8(ascii: "b") where inClass: return 0x08
        case UInt8(ascii: "c"):
            if isAtEnd { throw failure("end pattern at control") }
            if take("?") { return 0x7F }
            var value = UInt32(0)
            if take("\\") {
                try enter()
                value = try parseControlEscape(inClass: inClass)
                depth -= 1
            } else {
                value = nextScalar()
            }
            return value & 0x9F
        default: return scalar
        }
    }
}
