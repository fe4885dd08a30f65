// A compiled pattern: flat instructions, sets and literal bytes, immutable and shared by threads.
//
//     (a|b)+c     0: mark r0          the offset of the round
//                 1: save slot        of group 1's start
//                 2: split 3, 5
//                 3: byte a   4: jump 6   5: byte b
//                 6: save slot        of group 1's end
//                 7: check r0, 9      leaves the loop where nothing was taken
//                 8: split 0, 9
//                 9: byte c  10: match

/// What an instruction does.
enum RegexOperation: UInt8 {
    /// One character each: `x` is the byte, the scalar, or the index of the set.
    case byte, scalar, set, any, anyButNewline
    /// As many of one character as there are: kind in `single`, `x` as above, counts from `y`
    /// to `z` (-1: no bound), `flag` the greed.
    case run
    /// First `x`, then `y`.
    case split
    case jump
    /// Stores the offset in slot `x`; with `flag` 1 unsets it; with 2, a called group's end, the
    /// offset of the call becomes the group's start.
    case save
    /// `flag` is the `RegexAssertion`.
    case assert
    /// A loop's round begins: stores the offset in slot `x`.
    case mark
    /// A round ends: jumps to `y` where it took nothing since slot `x`.
    case check
    case match
    case fail
    // Only the backtracking matcher knows the following ones.
    /// Begins atomic section number `x`. When backtracking reaches it again, matching continues at
    /// `y`, or fails if that is -1.
    case beginAtomic
    /// Ends an atomic section: drops the choices made in it; `flag` is the `AtomicEnd`.
    case endAtomic
    /// Goes back `x` characters.
    case back
    /// Groups `x ..< x + y` of the list; `flag` 1 ignores case.
    case backreference
    /// Continues after this where a group of `x ..< x + y` is set, else at `z`.
    case condition
    case call
    case `return`
}

/// What else the end of an atomic section does.
enum AtomicEnd: UInt8 {
    /// Continues at the current offset.
    case stay
    /// Goes back to the section's offset.
    case rewind
    /// Undoes the captures and fails.
    case fail
}

/// One step of a program: 16 bytes.
struct RegexInstruction: BitwiseCopyable {
    var operation: RegexOperation
    var single = RegexOperation.any
    var flag: UInt8 = 0
    var x: Int32 = 0
    var y: Int32 = 0
    var z: Int32 = 0
}

/// A set as the matchers read it.
struct RegexSetEntry: BitwiseCopyable {
    /// A bit for each ASCII character.
    var low: UInt64 = 0
    var high: UInt64 = 0
    /// Its bounds beyond ASCII in the pool: lower, upper, lower, upper ...
    var firstBound: Int32 = 0
    var boundCount: Int32 = 0
}

/// A run of memory that its owner keeps alive and whose indexes debug builds check.
@safe struct RegexView<Element: BitwiseCopyable> {
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    /// Safety: the caller keeps `count` initialised elements at `base` alive.
    init(base: UnsafeMutablePointer<Element>, count: Int) {
        unsafe self.base = unsafe base
        self.count = count
    }

    static func allocate(copying elements: [Element]) -> RegexView {
        let base = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        for (index, element) in elements.enumerated() {
            unsafe (base + index).initialize(to: element)
        }
        return unsafe RegexView(base: base, count: elements.count)
    }

    func deallocate() { unsafe base.deallocate() }

    // Safety: indexes come from the compiler and the matchers' own counts; asserted here.
    subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < count)
            return unsafe base[index]
        }
        @inline(__always) nonmutating set {
            assert(index >= 0 && index < count)
            unsafe base[index] = newValue
        }
    }

    /// For libc's searches.
    var pointer: UnsafePointer<Element> { unsafe UnsafePointer(base) }
}

/// A compiled pattern.
///
/// `@unchecked Sendable`: all it holds, the memory behind its views too, is written by `init`
/// alone.
final class Regex: @unchecked Sendable {
    let options: RegexOptions
    /// How many groups capture; the whole match, group 0, is not counted.
    let groupCount: Int
    /// The name of group `index + 1`; several groups may have the same name.
    let groupNames: [String?]

    let instructions: RegexView<RegexInstruction>
    let sets: RegexView<RegexSetEntry>
    let bounds: RegexView<UInt32>
    /// Groups of back-references and conditions.
    let groupLists: RegexView<Int32>
    /// Slots that loops use, before the captures'.
    let registerCount: Int
    /// Whether one pass suffices: no back-reference, look-around, atomic section or call.
    let isLinear: Bool

    /// How a search finds where to try.
    let search: RegexSearchStrategy
    let prefix: RegexView<UInt8>
    /// 1 for each byte that a match may begin with.
    let firstBytes: RegexView<UInt8>

    /// - Throws: `RegexError` where the pattern is not valid or too large.
    init(bytes: [UInt8], options: RegexOptions) throws(RegexError) {
        if bytes.count > RegexLimits.patternBytesMax {
            throw .tooLong
        }
        var parser = RegexParser(bytes, options: options)
        let tree = try parser.parse()
        var compiler = RegexCompiler(parser)
        try compiler.compile(tree)
        let analysis = RegexAnalysis(compiler.instructions, sets: compiler.sets)
        let program = analysis.possessified()

        self.options = options
        groupCount = parser.groupCount
        var names = [String?](repeating: nil, count: parser.groupCount)
        for (name, groups) in parser.names {
            for group in groups { names[group - 1] = name }
        }
        groupNames = names
        registerCount = compiler.registerCount
        isLinear = compiler.isLinear
        instructions = RegexView.allocate(copying: program)
        var entries: [RegexSetEntry] = []
        var pool: [UInt32] = []
        for set in compiler.sets { entries.append(RegexSetEntry(set, pool: &pool)) }
        sets = RegexView.allocate(copying: entries)
        bounds = RegexView.allocate(copying: pool)
        groupLists = RegexView.allocate(copying: compiler.groupLists)
        let plan = analysis.search(of: program, usesCaptures: compiler.usesCaptures)
        search = plan.search
        prefix = RegexView.allocate(copying: plan.prefix)
        firstBytes = RegexView.allocate(
            copying: (0...255).map { plan.first.contains(UInt8($0)) ? 1 : 0 })
    }

    deinit {
        instructions.deallocate()
        sets.deallocate()
        bounds.deallocate()
        groupLists.deallocate()
        prefix.deallocate()
        firstBytes.deallocate()
    }

    /// Slots of a match with all captures.
    var slotCount: Int { registerCount + 2 * (groupCount + 1) }
}

/// Where a search tries to match.
enum RegexSearchStrategy: Equatable, Sendable {
    /// At every character.
    case everywhere
    /// At the start of the text only.
    case textStart
    /// Where the search begins only.
    case searchStart
    /// At each byte of a set.
    case firstBytes
    /// At each occurrence of a byte.
    case byte(UInt8)
    /// At each occurrence of the prefix.
    case prefix
    /// The same, and the prefix is the whole match.
    case literal
    /// Like `firstBytes`. Where an attempt fails, so do those that start in the same run of
    /// characters, which the instruction with this index takes.
    case leadingRun(Int)
}

extension RegexSetEntry {
    init(_ set: ScalarSet, pool: inout [UInt32]) {
        firstBound = Int32(pool.count)
        for index in 0..<set.rangeCount {
            let range = set.range(index)
            var value = range.lowerBound
            while value < 0x80, value <= range.upperBound {
                if value < 64 { low |= 1 << UInt64(value) } else { high |= 1 << UInt64(value - 64) }
                value += 1
            }
            if range.upperBound >= 0x80 {
                pool.append(max(range.lowerBound, 0x80))
                pool.append(range.upperBound)
            }
        }
        boundCount = Int32(pool.count) - firstBound
    }
}
