// The types shared by the regular expression engine: options, limits, errors and the syntax tree.
//
//     "a(b|c)*" bytes -> RegexParser -> RegexNode -> RegexCompiler -> Regex -> RegexMatcher
//
// The dialect is jq's: Oniguruma 6.9 with its Perl_NG syntax, both plain and named groups
// capturing, UTF-8. `^` and `$` are the text's edges unless `(?m)` is on.

/// The options that the letters of jq's flags argument switch on.
struct RegexOptions: OptionSet, Sendable, Hashable {
    let rawValue: UInt8

    /// `i`: letters match their other cases.
    static let ignoreCase = RegexOptions(rawValue: 1)
    /// `x`: blanks and `#` comments in the pattern are ignored.
    static let extended = RegexOptions(rawValue: 2)
    /// `m` and `p` in jq, `(?s)` in a pattern: `.` matches a line feed too.
    static let dotAll = RegexOptions(rawValue: 4)
    /// `(?m)` in a pattern: `^` and `$` match at lines.
    static let lineAnchors = RegexOptions(rawValue: 8)
    /// `l`: the longest match of the whole text.
    static let longest = RegexOptions(rawValue: 16)
    /// `n`: empty matches do not count.
    static let notEmpty = RegexOptions(rawValue: 32)

    /// The option of one letter of jq's flags; nil where the letter is not known.
    /// `g` and `s` have none: the first is the caller's loop, the second is always on.
    init?(jqFlag letter: UInt8) {
        switch letter {
        case UInt8(ascii: "g"), UInt8(ascii: "s"): self = []
        case UInt8(ascii: "i"): self = .ignoreCase
        case UInt8(ascii: "x"): self = .extended
        case UInt8(ascii: "m"), UInt8(ascii: "p"): self = .dotAll
        case UInt8(ascii: "l"): self = .longest
        case UInt8(ascii: "n"): self = .notEmpty
        default: return nil
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// Bounds of a pattern. Beyond them compiling ends in a `RegexError`.
enum RegexLimits {
    /// Bytes of a pattern.
    static let patternBytesMax = 65_536
    /// Groups inside groups.
    static let depthMax = 250
    /// The largest number in `{n,m}`.
    static let repeatMax = 100_000
    /// Instructions of a program, after repeats are written out.
    static let instructionsMax = 50_000
    /// Capturing groups.
    static let groupsMax = 2_000
    /// Groups of one name.
    static let groupsOfNameMax = 100
    /// A longer look-behind is refused, in characters.
    static let lookBehindMax = 65_535
}

/// Why a pattern cannot be compiled, in Oniguruma's words.
struct RegexError: Error, Equatable {
    /// jq shows it as `Regex failure: MESSAGE`.
    var message: String
    /// The parser's offset, in bytes from the pattern's start.
    var offset: Int

    static var tooLong: RegexError {
        RegexError(message: "too long pattern", offset: RegexLimits.patternBytesMax)
    }
}

/// Why a search ended without an answer.
enum RegexStop: Error, Equatable {
    /// The caller's budget refused more steps.
    case budget
    /// The matcher's memory bound.
    case memory
}

/// How a repeat chooses among its counts.
enum RegexGreed: Sendable {
    case greedy
    case lazy
    case possessive
}

/// A condition on an offset, which takes no character.
enum RegexAssertion: UInt8, Sendable {
    /// `\A`, and `^` outside `(?m)`.
    case textStart
    /// `\z`.
    case textEnd
    /// `\Z`, and `$` outside `(?m)`: the end, or before a last line feed.
    case textEndOrLastLine
    /// `^` in `(?m)`.
    case lineStart
    /// `$` in `(?m)`.
    case lineEnd
    /// `\G`: where the search began.
    case searchStart
    /// `\b` and `\B`.
    case wordBoundary
    case notWordBoundary
    /// `\y` and `\Y`: between two grapheme clusters.
    case clusterBoundary
    case notClusterBoundary
}

/// The syntax tree. Sets are in the parser's table and are referred to by index.
indirect enum RegexNode {
    case empty
    /// Matches nowhere.
    case failure
    case scalar(UInt32, ignoreCase: Bool)
    case set(Int)
    /// `.`, which takes a line feed only where `newline` is set.
    case any(newline: Bool)
    case sequence([RegexNode])
    case alternation([RegexNode])
    /// `max` is -1 where there is no upper bound.
    case repetition(RegexNode, min: Int, max: Int, greed: RegexGreed)
    case capture(RegexNode, index: Int)
    /// `(?>...)`, and bodies that count as one in a quantifier (`\R`, `\X`).
    case atomic(RegexNode)
    /// `(?~X)`: as much text as has no match of X in it.
    case absent(RegexNode)
    /// A group with options, `(?i:...)`: itself, but a valid target of a quantifier.
    case scoped(RegexNode)
    case look(RegexNode, behind: Bool, negated: Bool, offset: Int)
    case assertion(RegexAssertion)
    /// The last set group of those wins.
    case backreference([Int], ignoreCase: Bool)
    case call(Int)
    /// `(?(1)...|...)`.
    case groupCondition([Int], yes: RegexNode, no: RegexNode)
    /// `(?(...)...|...)`.
    case condition(RegexNode, yes: RegexNode, no: RegexNode)
    /// `\K`.
    case keep
    /// `(?{...})` and `(*SKIP)`, which run nothing and match the empty text.
    case callout

    /// Whether Oniguruma refuses a quantifier after it.
    var refusesQuantifier: Bool {
        switch self {
        case .assertion, .look, .keep, .failure, .callout: true
        case .alternation(let branches): branches.contains { $0.refusesQuantifier }
        default: false
        }
    }

    /// Whether it takes exactly one character.
    var isSingle: Bool {
        switch self {
        case .scalar, .set, .any: true
        default: false
        }
    }
}
