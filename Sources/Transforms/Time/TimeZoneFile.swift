// A time zone's history: TZif bytes (RFC 9636) or a POSIX TZ text -> the offset in force at any
// second.
//
//     transitions   | t0 | t1 | t2 | ...   seconds since the epoch, rising
//     types            3    1    3         which of `offsets` applies from there on
//     rule          what applies from the last transition on, if present
//
// The bytes may be hostile: every count is checked against the bytes that exist before it is used.

/// What a zone's clock shows: its difference from UTC, and its abbreviation.
struct ZoneOffset: Equatable, Sendable {
    /// Seconds east of UTC, within ±26 hours.
    var seconds: Int
    var isDaylight: Bool
    /// The offset of the abbreviation ("CET") in the zone's `names`.
    var nameOffset: Int
    var nameByteCount: Int
}

/// A zone's offsets over time. Immutable; `TimeZoneFile.load` loads it, the caller keeps it.
struct TimeZoneFile: Sendable {
    private let transitions: [Int]
    private let types: [UInt8]
    private let offsets: [ZoneOffset]
    private let rule: PosixTimeZone?
    /// All abbreviations, in UTF-8, one after the other.
    let names: [UInt8]

    /// UTC as C's `gmtime` names it.
    static let gmt = TimeZoneFile(fixed: "GMT")
    /// UTC as the zone `UTC` names it.
    static let utc = TimeZoneFile(fixed: "UTC")

    /// The longest file read, in bytes. The largest in the public database has under 4 KB.
    static let byteCountMax = 256 * 1024
    /// The widest offset accepted, in seconds (RFC 9636 wants at most 26 hours).
    static let offsetMax = 26 * 3600

    private init(fixed name: StaticString) {
        transitions = []
        types = []
        // Safety: a StaticString literal's pointer holds for `utf8CodeUnitCount` bytes.
        names = unsafe Array(
            UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        offsets = [
            ZoneOffset(seconds: 0, isDaylight: false, nameOffset: 0, nameByteCount: names.count)
        ]
        rule = nil
    }

    /// A zone that is only a rule: `EST5EDT,M3.2.0,M11.1.0`. Nil when the text is not a rule.
    init?(posix text: ArraySlice<UInt8>) {
        var names: [UInt8] = []
        guard let rule = PosixTimeZone(text, names: &names) else { return nil }
        transitions = []
        types = []
        offsets = [rule.standard]
        self.rule = rule
        self.names = names
    }

    /// A TZif file's bytes. Nil when they are not a whole one.
    init?(tzif bytes: [UInt8]) {
        guard bytes.count <= TimeZoneFile.byteCountMax,
            let first = TZifBlock(bytes, at: 0, timeByteCount: 4)
        else { return nil }
        var block = first
        if first.version >= UInt8(ascii: "2") {
            guard let second = TZifBlock(bytes, at: first.end, timeByteCount: 8) else { return nil }
            block = second
        }
        var names = block.names
        var rule: PosixTimeZone?
        if block.timeByteCount == 8 {
            // The footer is the rule between two line feeds; empty where the future is not known.
            guard block.end < bytes.count, bytes[block.end] == 0x0A,
                let close = bytes[(block.end + 1)...].firstIndex(of: 0x0A)
            else { return nil }
            let footer = bytes[(block.end + 1)..<close]
            if !footer.isEmpty {
                guard let parsed = PosixTimeZone(footer, names: &names) else { return nil }
                rule = parsed
            }
        }
        transitions = block.transitions
        types = block.types
        offsets = block.offsets
        self.rule = rule
        self.names = names
    }

    /// What is in force at a second since the epoch.
    /// - Complexity: O(log transitions).
    func offset(at seconds: Int) -> ZoneOffset {
        guard let last = transitions.last, seconds < last else {
            if let rule { return rule.offset(at: seconds) }
            return types.last.map { offsets[Int($0)] } ?? earliest
        }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? earliest : offsets[Int(types[low - 1])]
    }

    /// Before the first transition C's library takes the first type that is not daylight saving
    /// time.
    private var earliest: ZoneOffset {
        offsets.first { !$0.isDaylight } ?? offsets[0]
    }
}

/// One of a TZif file's one or two blocks: header, transition times, types, abbreviations.
private struct TZifBlock {
    let version: UInt8
    let timeByteCount: Int
    let transitions: [Int]
    let types: [UInt8]
    let offsets: [ZoneOffset]
    let names: [UInt8]
    /// Offset of the first byte after the block.
    let end: Int

    private static let headerByteCount = 44

    init?(_ bytes: [UInt8], at start: Int, timeByteCount: Int) {
        guard bytes.count - start >= TZifBlock.headerByteCount,
            bytes[start..<start + 4].elementsEqual("TZif".utf8)
        else { return nil }
        func number(_ offset: Int, _ byteCount: Int) -> Int {
            var value = Int(Int8(bitPattern: bytes[offset]))
            for i in 1..<byteCount { value = value << 8 | Int(bytes[offset + i]) }
            return value
        }
        let counts = (0..<6).map { number(start + 20 + 4 * $0, 4) }
        // A count above the file's length is wrong, and with smaller ones no sum overflows.
        guard counts.allSatisfy({ $0 >= 0 && $0 <= bytes.count }) else { return nil }
        let (utcCount, standardCount, leapCount) = (counts[0], counts[1], counts[2])
        let (timeCount, typeCount, nameByteCount) = (counts[3], counts[4], counts[5])
        let times = start + TZifBlock.headerByteCount
        let indices = times + timeCount * timeByteCount
        let records = indices + timeCount
        let nameStart = records + typeCount * 6
        end =
            nameStart + nameByteCount + leapCount * (timeByteCount + 4) + standardCount + utcCount
        guard end <= bytes.count, typeCount > 0, nameByteCount > 0 else { return nil }
        version = bytes[start + 4]
        self.timeByteCount = timeByteCount
        transitions = (0..<timeCount).map { number(times + $0 * timeByteCount, timeByteCount) }
        types = Array(bytes[indices..<records])
        names = Array(bytes[nameStart..<nameStart + nameByteCount])
        guard types.allSatisfy({ $0 < typeCount }),
            zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        var offsets: [ZoneOffset] = []
        for i in 0..<typeCount {
            let record = records + i * 6
            let seconds = number(record, 4)
            let name = Int(bytes[record + 5])
            guard abs(seconds) <= TimeZoneFile.offsetMax, name < nameByteCount,
                let nameEnd = names[name...].firstIndex(of: 0)
            else { return nil }
            offsets.append(
                ZoneOffset(
                    seconds: seconds, isDaylight: bytes[record + 4] != 0,
                    nameOffset: name, nameByteCount: nameEnd - name))
        }
        self.offsets = offsets
    }
}
