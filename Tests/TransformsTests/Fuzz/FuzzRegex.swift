// Any bytes as options, pattern and subject -> what is wrong with the answer, or nil: both matchers
// agree, ranges stay in the subject, and errors stay in the pattern.
//
//     input: options 1 | pattern | 0xFF | subject

@testable import Transforms

final class FuzzRegex: FuzzTarget {
    static let words = [
        "(", ")", "[", "]", "{2,3}", "*", "+", "?", "|", "^", "$", ".", "\\b", "\\w", "(?:", "(?=",
        "(?!", "(?<=", "(?<!", "(?<n>", "\\k<n>", "\\1", "(?i)", "(?x)", "[[:alpha:]]", "\\p{L}",
        "é",
        "(?>", "(?~", "\\K", "\\X", "\\R", "a", "b", "[^a-c&&[b]]", "\\g<n>", "(?(1)a|b)", "??",
        "*+",
        "{0,1000}", "\\x{10FFFF}", "\\A", "\\z", "\\G", "ß", "(?m)", "\u{FFFF}",
    ]

    init() {}

    func complaint(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let rest = input.dropFirst()
        let cut = rest.firstIndex(of: 0xFF) ?? rest.endIndex
        let pattern = Array(rest[..<cut])
        let subject = Array(rest[cut...].dropFirst())
        let regex: Regex
        do throws(RegexError) {
            regex = try Regex(bytes: pattern, options: RegexOptions(rawValue: first & 63))
        } catch {
            return (0...pattern.count).contains(error.offset) ? nil : "offset \(error.offset)"
        }
        guard let both = matches(regex, subject, .automatic) else { return nil }
        for groups in both {
            for group in groups {
                guard let group else { continue }
                if group.upperBound > subject.count { return "a group ends at \(group.upperBound)" }
                if String(validating: subject, as: UTF8.self) != nil,
                    !group.isEmpty,
                    isInside(group.lowerBound, subject) || isInside(group.upperBound, subject)
                {
                    return "a group cuts a character: \(group)"
                }
            }
        }
        guard regex.isLinear, regex.registerCount <= 4,
            let slow = matches(regex, subject, .backtracking)
        else { return nil }
        if slow != both { return "automatic \(both), backtracking \(slow)" }
        guard let fast = matches(regex, subject, .linear) else { return nil }
        if slow != fast { return "linear \(fast), backtracking \(slow)" }
        return nil
    }

    private func isInside(_ offset: Int, _ subject: [UInt8]) -> Bool {
        offset < subject.count && subject[offset] & 0xC0 == 0x80
    }

    /// All matches; nil where a bound stopped the search.
    private func matches(
        _ regex: borrowing Regex, _ subject: [UInt8], _ engine: RegexMatcher.Engine
    ) -> [[Range<Int>?]]? {
        var matcher = RegexMatcher(memoryBytesMax: 4 << 20)
        var matches: [[Range<Int>?]] = []
        var steps = 0
        // Safety: the buffer is used within the closure.
        let isStopped = unsafe subject.withUnsafeBufferPointer { buffer in
            var from = 0
            do throws(RegexStop) {
                while from <= buffer.count {
                    let isFound = try unsafe matcher.firstMatch(
                        regex, in: buffer, from: from, engine: engine
                    ) { count throws(RegexStop) in
                        steps += count
                        if steps > 200_000 { throw .budget }
                    }
                    guard isFound, let whole = matcher.range(ofGroup: 0) else { break }
                    matches.append((0...regex.groupCount).map { matcher.range(ofGroup: $0) })
                    from = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
                }
            } catch {
                return true
            }
            return false
        }
        return isStopped ? nil : matches
    }
}
