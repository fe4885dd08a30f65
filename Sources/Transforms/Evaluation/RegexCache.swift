// Compiled regular expressions, kept from match to match and from run to run of one runner.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

/// A direct-mapped table of compiled patterns, and the scratch memory for matching them.
struct RegexCache: ~Copyable {
    private struct Entry {
        let pattern: [UInt8]
        let regex: Regex
    }

    private var entries: [Entry?] = Array(repeating: nil, count: entryCount)
    private static let entryCount = 64
    var matcher = RegexMatcher()

    /// The compiled pattern; known ones are recognised by their bytes and options.
    mutating func regex(_ pattern: Bytes, _ options: RegexOptions, hash: UInt64)
        throws(RegexError) -> Regex
    {
        let slot =
            Int(truncatingIfNeeded: hash ^ UInt64(options.rawValue)) & (RegexCache.entryCount - 1)
        if let known = entries[slot], known.regex.options == options,
            RegexCache.isSame(known.pattern, pattern)
        {
            return known.regex
        }
        if pattern.count > RegexLimits.patternBytesMax { throw .tooLong }
        let bytes = unsafe Array(UnsafeBufferPointer(start: pattern.base, count: pattern.count))
        let regex = try Regex(bytes: bytes, options: options)
        entries[slot] = Entry(pattern: bytes, regex: regex)
        return regex
    }

    private static func isSame(_ known: [UInt8], _ pattern: Bytes) -> Bool {
        if known.count != pattern.count { return false }
        for i in 0..<known.count where known[i] != pattern[i] { return false }
        return true
    }
}
