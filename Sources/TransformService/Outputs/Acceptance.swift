// Accept -> the media types that the client accepts, and its preferences (RFC 9110 12.5.1).
//
//     text/csv, application/json;q=0.5, */*;q=0.1

import HTTPKit

enum Acceptance: Sendable, Equatable {
    /// No field, or `*/*`.
    case anything
    /// `application/json` alone.
    case json
    /// For each `OutputMedia` by its number: 0 if it is refused, else 2 x thousandths of its
    /// weight, plus 1 if it is named itself.
    case ranked([Int])

    /// - Returns: nil if no media type of the service is acceptable.
    init?(_ accept: String) {
        var best = [Int](repeating: 0, count: OutputMedia.allCases.count)
        // How specific the range is that determines a type's weight: the most specific range
        // determines it.
        var closeness = [Int](repeating: -1, count: best.count)
        var isEmpty = true
        for range in accept.split(separator: ",") {
            let name = Self.essence(range)
            if name.isEmpty { continue }
            isEmpty = false
            let quality = Self.quality(range)
            for media in OutputMedia.allCases {
                let close = Self.closeness(of: name, to: media.essence)
                guard close >= 0, close >= closeness[media.rawValue] else { continue }
                let rank = quality == 0 ? 0 : 2 * quality + (close == 2 ? 1 : 0)
                best[media.rawValue] =
                    close == closeness[media.rawValue] ? max(best[media.rawValue], rank) : rank
                closeness[media.rawValue] = close
            }
        }
        if isEmpty {
            self = .anything
        } else if best.allSatisfy({ $0 == 0 }) {
            return nil
        } else {
            self = .ranked(best)
        }
    }

    /// The type that the client prefers; among equals one that it names, lines before all, then the
    /// default one, then JSON.
    func choice(defaultMedia: OutputMedia) -> OutputMedia {
        switch self {
        case .anything: return defaultMedia
        case .json: return .json
        case .ranked(let ranks):
            let highest = ranks.max() ?? 0
            let order: [OutputMedia] = [
                defaultMedia, .json, .plain, .csv, .tsv, .lines, .linesText,
            ]
            let lines: [OutputMedia] = highest % 2 == 1 ? [.lines, .linesText] : []
            return (lines + order).first { ranks[$0.rawValue] == highest } ?? defaultMedia
        }
    }

    /// 2: the type itself, 1: `text/*`, 0: `*/*`, -1: another type.
    private static func closeness(of range: String, to essence: String) -> Int {
        if range == essence { return 2 }
        if range == "application/x-jsonlines" && essence == OutputMedia.lines.essence { return 2 }
        if range == "*/*" || range == "*" { return 0 }
        guard range.hasSuffix("/*") else { return -1 }
        return essence.hasPrefix(range.dropLast()) ? 1 : -1
    }

    /// `Application/JSON; charset=utf-8` -> `application/json`
    static func essence(_ type: some StringProtocol) -> String {
        let end = type.utf8.firstIndex(of: UInt8(ascii: ";")) ?? type.endIndex
        return FieldList.trimmed(type[..<end]).lowercased()
    }

    /// Thousandths of a range's weight.
    private static func quality(_ range: Substring) -> Int {
        Int((FieldList.weight(range.split(separator: ";").dropFirst()) * 1_000).rounded())
    }
}
