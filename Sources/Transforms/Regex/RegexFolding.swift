// Letters -> their other cases. The table is made once from the standard library's case mappings: a
// scalar folds to the lower case of its upper case, as Unicode's full case folding does, a few
// scalars apart. Scalars that fold to the same sequence, `ß` and `ẞ`, are each other's cases too.

/// Which scalars are equal where case is ignored.
struct CaseFolding: Sendable {
    static let shared = CaseFolding()

    /// A scalar that folds to several: `ß` to "ss".
    struct Expansion: Sendable {
        var scalar: UInt32
        var folded: [UInt32]
    }

    private(set) var expansions: [Expansion] = []
    private var folds: [UInt32: UInt32] = [:]
    /// Scalars that fold alike, by what they fold to.
    private var groups: [UInt32: [UInt32]] = [:]

    /// Blocks with letters that have cases.
    private static let blocks: [ClosedRange<UInt32>] = [
        0x41...0x7A, 0xB5...0x587, 0x10A0...0x10FF, 0x13A0...0x13FD, 0x1C80...0x1CBF,
        0x1D79...0x1D8E, 0x1E00...0x1FFC, 0x2126...0x2188, 0x24B6...0x24E9, 0x2C00...0x2D2D,
        0xA640...0xA7F6, 0xAB53...0xABBF, 0xFB00...0xFB17, 0xFF21...0xFF5A, 0x10400...0x104FB,
        0x10570...0x105BC, 0x10C80...0x10CF2, 0x10D50...0x10D85, 0x118A0...0x118DF,
        0x16E40...0x16E7F, 0x1E900...0x1E943,
    ]

    private init() {
        var firstOfExpansion: [[UInt32]: UInt32] = [:]
        for block in Self.blocks {
            for value in block {
                guard let scalar = Unicode.Scalar(value) else { continue }
                let folded = Self.fold(scalar)
                if folded.count > 1 {
                    expansions.append(Expansion(scalar: value, folded: folded))
                    if let first = firstOfExpansion[folded] {
                        addSimpleFold(of: value, to: first)
                    } else {
                        firstOfExpansion[folded] = value
                    }
                } else if folded[0] != value {
                    addSimpleFold(of: value, to: folded[0])
                }
            }
        }
    }

    private mutating func addSimpleFold(of scalar: UInt32, to folded: UInt32) {
        folds[scalar] = folded
        groups[folded, default: [folded]].append(scalar)
    }

    private static func fold(_ scalar: Unicode.Scalar) -> [UInt32] {
        // The dotless i and the dotted I are letters of their own.
        if scalar == "\u{131}" { return [scalar.value] }
        if scalar == "\u{130}" { return [0x69, 0x307] }
        // The capital sharp s, whose lower case is the small one.
        if scalar == "\u{1E9E}" { return [0x73, 0x73] }
        var folded: [UInt32] = []
        for upper in scalar.properties.uppercaseMapping.unicodeScalars {
            folded += upper.properties.lowercaseMapping.unicodeScalars.map { $0.value }
        }
        return folded
    }

    /// The one scalar it folds to, itself where it folds to none or to several.
    func simple(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 {
            return scalar >= 0x41 && scalar <= 0x5A ? scalar + 0x20 : scalar
        }
        return folds[scalar] ?? scalar
    }

    /// All scalars that fold like this one.
    func equivalents(of scalar: UInt32) -> ScalarSet {
        let folded = simple(scalar)
        var set = ScalarSet([folded...folded])
        for other in groups[folded] ?? [] { set.insert(other...other) }
        return set
    }

    func addEquivalents(to set: inout ScalarSet) {
        let explicit = set
        if explicit.count <= 512 {
            for index in 0..<explicit.rangeCount {
                for scalar in explicit.range(index) {
                    for member in groups[simple(scalar)] ?? [] { set.insert(member...member) }
                }
            }
            return
        }
        for (_, members) in groups where members.contains(where: { explicit.contains($0) }) {
            for member in members { set.insert(member...member) }
        }
    }

    func expansion(of scalar: UInt32) -> [UInt32]? {
        scalar < 0x80 ? nil : expansions.first { $0.scalar == scalar }?.folded
    }

    /// Scalars that fold to exactly these.
    func composites(of folded: [UInt32]) -> [UInt32] {
        expansions.filter { $0.folded == folded }.map { $0.scalar }
    }
}
