// Names of classes and properties -> sets of scalars.
//
// General categories come from the standard library; one walk over all scalars, when the first set
// is needed, records where the category changes. Sets are unions of such runs.

/// The sets of `\w`, `[[:alpha:]]` and `\p{..}`.
enum UnicodeSets {
    /// `\d`: decimal numbers of all scripts.
    static let digit = ScalarSet(sortedBounds: WordTable.digit)
    /// `\s`: blanks and line ends.
    static let space = ScalarSet([
        0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
        0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ])
    /// `\w`: letters, marks, decimal numbers and connectors.
    static let word = ScalarSet(sortedBounds: WordTable.word)

    private static let letters: Set<Unicode.GeneralCategory> = [
        .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
    ]
    private static let marks: Set<Unicode.GeneralCategory> = [
        .nonspacingMark, .spacingMark, .enclosingMark,
    ]
    private static let numbers: Set<Unicode.GeneralCategory> = [
        .decimalNumber, .letterNumber, .otherNumber,
    ]
    private static let punctuation: Set<Unicode.GeneralCategory> = [
        .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
        .initialPunctuation, .finalPunctuation, .otherPunctuation,
    ]
    private static let symbols: Set<Unicode.GeneralCategory> = [
        .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol,
    ]
    private static let separators: Set<Unicode.GeneralCategory> = [
        .spaceSeparator, .lineSeparator, .paragraphSeparator,
    ]
    private static let others: Set<Unicode.GeneralCategory> = [
        .control, .format, .surrogate, .privateUse, .unassigned,
    ]

    /// What one walk over all scalars finds.
    private struct Runs {
        /// First scalar and category of each run.
        var categories: [(start: UInt32, category: Unicode.GeneralCategory)] = []
        var alphabetic = ScalarSet()
        var uppercase = ScalarSet()
        var lowercase = ScalarSet()

        /// Adds a scalar and those like it up to `end`. The category answers most questions; the
        /// slower properties are queried for the rest.
        mutating func add(_ scalar: Unicode.Scalar, through end: UInt32) {
            let properties = scalar.properties
            let category = properties.generalCategory
            let range = scalar.value...end
            if category != categories.last?.category {
                categories.append((range.lowerBound, category))
            }
            switch category {
            case .unassigned, .control, .privateUse: return
            case .uppercaseLetter: uppercase.insert(range)
            case .lowercaseLetter: lowercase.insert(range)
            case .modifierLetter, .otherLetter:
                if properties.isLowercase { lowercase.insert(range) }
            case .letterNumber, .otherSymbol, .nonspacingMark, .spacingMark:
                if properties.isUppercase { uppercase.insert(range) }
                if properties.isLowercase { lowercase.insert(range) }
                if category != .letterNumber, !properties.isAlphabetic { return }
            case .titlecaseLetter: break
            default: return
            }
            alphabetic.insert(range)
        }
    }

    /// Blocks whose scalars are alike, from the first to the last.
    private static let uniformBlocks: [ClosedRange<UInt32>] = [
        0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xE000...0xF8FF, 0x17000...0x187F7,
        0x20000...0x2A6DF, 0x2B740...0x2B81D, 0x2B820...0x2CEAD, 0x2CEB0...0x2EBE0,
        0x30000...0x3134A, 0x31350...0x323AF, 0x40000...0x4FFFD, 0x50000...0x5FFFD,
        0x60000...0x6FFFD, 0x70000...0x7FFFD, 0x80000...0x8FFFD, 0x90000...0x9FFFD,
        0xA0000...0xAFFFD, 0xB0000...0xBFFFD, 0xC0000...0xCFFFD, 0xD0000...0xDFFFD,
        0xE0200...0xEFFFD, 0xF0000...0xFFFFD, 0x100000...0x10FFFD,
    ]

    private static let runs: Runs = {
        var runs = Runs()
        var blocks = uniformBlocks[...]
        var value: UInt32 = 0
        while value <= ScalarSet.last {
            while let first = blocks.first, first.upperBound < value { blocks.removeFirst() }
            var end = value
            if let block = blocks.first, block.contains(value) { end = block.upperBound }
            if let scalar = Unicode.Scalar(value) {
                runs.add(scalar, through: end)
            } else {
                end = 0xDFFF
                runs.categories.append((value, .surrogate))
            }
            value = end + 1
        }
        return runs
    }()

    static var alphabetic: ScalarSet { runs.alphabetic }

    private static func categorySet(_ categories: Set<Unicode.GeneralCategory>) -> ScalarSet {
        var set = ScalarSet()
        let all = runs.categories
        for index in all.indices where categories.contains(all[index].category) {
            let next = index + 1 < all.count ? all[index + 1].start : ScalarSet.last + 1
            set.insert(all[index].start...next - 1)
        }
        return set
    }

    /// A POSIX class, by its name in lower case; nil where there is none.
    static func posix(_ name: String) -> ScalarSet? {
        switch name {
        case "alpha": return alphabetic
        case "digit": return digit
        case "space": return space
        case "word": return word
        case "upper": return runs.uppercase
        case "lower": return runs.lowercase
        case "alnum":
            var set = alphabetic
            set.formUnion(digit)
            return set
        case "punct": return categorySet(punctuation.union(symbols))
        case "cntrl": return categorySet([.control])
        case "blank":
            var set = categorySet([.spaceSeparator])
            set.formUnion(ScalarSet([0x09...0x09]))
            return set
        case "xdigit": return ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "ascii": return ScalarSet([0...0x7F])
        case "graph", "print":
            var blank = categorySet([.control, .surrogate, .unassigned])
            blank.formUnion(space)
            var set = blank.inverted()
            if name == "print" { set.formUnion(categorySet([.spaceSeparator])) }
            return set
        default: return nil
        }
    }

    /// The set of `\p{name}`; case, blanks, `-` and `_` do not count. Nil where there is none.
    static func property(_ text: String) -> ScalarSet? {
        let name = String(
            text.unicodeScalars.filter { $0 != " " && $0 != "-" && $0 != "_" }.map {
                Character($0.value < 0x80 ? Unicode.Scalar(lower(UInt8($0.value))) : $0)
            })
        if let set = posix(name) { return set }
        if let categories = categories(name) { return categorySet(categories) }
        if let bounds = ScriptTable.bounds[name] { return ScalarSet(sortedBounds: bounds) }
        return named(name)
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
    }

    private static func named(_ name: String) -> ScalarSet? {
        switch name {
        case "any": return .all
        case "assigned": return categorySet([.unassigned]).inverted()
        case "alphabetic": return alphabetic
        case "uppercase": return runs.uppercase
        case "lowercase": return runs.lowercase
        case "whitespace": return space
        case "emoji": return scan { $0.isEmoji }
        case "emojipresentation": return scan { $0.isEmojiPresentation }
        case "emojimodifier": return scan { $0.isEmojiModifier }
        case "ideographic": return scan { $0.isIdeographic }
        case "hexdigit": return scan { $0.isHexDigit }
        case "math": return scan { $0.isMath }
        case "dash": return scan { $0.isDash }
        case "diacritic": return scan { $0.isDiacritic }
        case "idstart": return scan { $0.isIDStart }
        case "idcontinue": return scan { $0.isIDContinue }
        case "ingreekandcoptic": return ScalarSet([0x370...0x3FF])
        case "inbasiclatin": return ScalarSet([0...0x7F])
        case "inlatin1supplement": return ScalarSet([0x80...0xFF])
        case "incyrillic": return ScalarSet([0x400...0x4FF])
        default: return nil
        }
    }

    /// All assigned scalars with a property; the planes of private use have none.
    private static func scan(
        _ holds: (Unicode.Scalar.Properties) -> Bool
    ) -> ScalarSet {
        var set = ScalarSet()
        for value in UInt32(0)..<0x3_3480 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            if holds(scalar.properties) { set.insert(value...value) }
        }
        return set
    }

    private static func categories(_ name: String) -> Set<Unicode.GeneralCategory>? {
        switch name {
        case "l", "letter": letters
        case "lu", "uppercaseletter": [.uppercaseLetter]
        case "ll", "lowercaseletter": [.lowercaseLetter]
        case "lt", "titlecaseletter": [.titlecaseLetter]
        case "lc", "casedletter": [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter]
        case "lm", "modifierletter": [.modifierLetter]
        case "lo", "otherletter": [.otherLetter]
        case "m", "mark", "combiningmark": marks
        case "mn", "nonspacingmark": [.nonspacingMark]
        case "mc", "spacingmark": [.spacingMark]
        case "me", "enclosingmark": [.enclosingMark]
        case "n", "number": numbers
        case "nd", "decimalnumber": [.decimalNumber]
        case "nl", "letternumber": [.letterNumber]
        case "no", "othernumber": [.otherNumber]
        case "p", "punctuation": punctuation
        case "pc", "connectorpunctuation": [.connectorPunctuation]
        case "pd", "dashpunctuation": [.dashPunctuation]
        case "ps", "openpunctuation": [.openPunctuation]
        case "pe", "closepunctuation": [.closePunctuation]
        case "pi", "initialpunctuation": [.initialPunctuation]
        case "pf", "finalpunctuation": [.finalPunctuation]
        case "po", "otherpunctuation": [.otherPunctuation]
        case "s", "symbol": symbols
        case "sm", "mathsymbol": [.mathSymbol]
        case "sc", "currencysymbol": [.currencySymbol]
        case "sk", "modifiersymbol": [.modifierSymbol]
        case "so", "othersymbol": [.otherSymbol]
        case "z", "separator": separators
        case "zs", "spaceseparator": [.spaceSeparator]
        case "zl", "lineseparator": [.lineSeparator]
        case "zp", "paragraphseparator": [.paragraphSeparator]
        case "c", "other": others
        case "cc", "control": [.control]
        case "cf", "format": [.format]
        case "cs", "surrogate": [.surrogate]
        case "co", "privateuse": [.privateUse]
        case "cn", "unassigned": [.unassigned]
        default: nil
        }
    }
}
