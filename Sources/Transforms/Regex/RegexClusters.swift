// Grapheme clusters: where `\y` and `\X` see a boundary. The rules of Unicode's UAX 29 for
// extended clusters, without those for Indic conjuncts.

extension RegexSubject {
    private enum ClusterClass {
        case control, extend, joiner, spacingMark, regional, pictograph, prepend
        case hangulL, hangulV, hangulT, hangulLV, hangulLVT
        case other
    }

    /// Whether a cluster ends here. A step back over joined emoji or flags is bounded.
    func isClusterBoundary(_ offset: Int) -> Bool {
        guard offset > 0, offset < count else { return true }
        let start = previous(offset)
        let before = scalar(at: start).scalar
        let after = scalar(at: offset).scalar
        if before == 0x0D, after == 0x0A { return false }
        let left = Self.clusterClass(before)
        let right = Self.clusterClass(after)
        if left == .control || right == .control { return true }
        switch (left, right) {
        case (_, .extend), (_, .joiner), (_, .spacingMark), (.prepend, _): return false
        case (.hangulL, .hangulL), (.hangulL, .hangulV), (.hangulL, .hangulLV),
            (.hangulL, .hangulLVT), (.hangulLV, .hangulV), (.hangulLV, .hangulT),
            (.hangulV, .hangulV), (.hangulV, .hangulT), (.hangulLVT, .hangulT),
            (.hangulT, .hangulT):
            return false
        case (.joiner, .pictograph): return !isPictographBefore(start)
        case (.regional, .regional): return regionalCount(before: offset) % 2 == 0
        default: return true
        }
    }

    /// How many characters are looked back over.
    private static let lookBackMax = 64

    private func isPictographBefore(_ offset: Int) -> Bool {
        var cursor = offset
        for _ in 0..<Self.lookBackMax where cursor > 0 {
            cursor = previous(cursor)
            switch Self.clusterClass(scalar(at: cursor).scalar) {
            case .extend: continue
            case .pictograph: return true
            default: return false
            }
        }
        return false
    }

    private func regionalCount(before offset: Int) -> Int {
        var cursor = offset
        var total = 0
        while cursor > 0, total < Self.lookBackMax {
            cursor = previous(cursor)
            guard Self.clusterClass(scalar(at: cursor).scalar) == .regional else { break }
            total += 1
        }
        return total
    }

    private static func clusterClass(_ value: UInt32) -> ClusterClass {
        switch value {
        case 0x20...0x7E: return .other
        case 0x0A, 0x0D, 0...0x1F, 0x7F...0x9F: return .control
        case 0x200D: return .joiner
        case 0x200C: return .extend
        case 0x1100...0x115F, 0xA960...0xA97C: return .hangulL
        case 0x1160...0x11A7, 0xD7B0...0xD7C6: return .hangulV
        case 0x11A8...0x11FF, 0xD7CB...0xD7FB: return .hangulT
        case 0xAC00...0xD7A3: return (value - 0xAC00) % 28 == 0 ? .hangulLV : .hangulLVT
        case 0x1F1E6...0x1F1FF: return .regional
        case 0x1F3FB...0x1F3FF: return .extend
        case 0x600...0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD:
            return .prepend
        default: break
        }
        guard let properties = Unicode.Scalar(value)?.properties else { return .other }
        if properties.isGraphemeExtend { return .extend }
        switch properties.generalCategory {
        case .spacingMark: return .spacingMark
        case .control, .lineSeparator, .paragraphSeparator, .format: return .control
        default: break
        }
        return properties.isEmoji && value >= 0xA9 ? .pictograph : .other
    }
}
