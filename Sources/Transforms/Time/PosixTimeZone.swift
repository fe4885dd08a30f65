// A POSIX TZ text -> the offset in force at any second, the same every year.
//
//     EST5EDT,M3.2.0,M11.1.0/2      names and hours WEST of UTC; then the day and the clock time at
//     |  | |  |      |              which daylight saving time begins and ends:
//     |  | |  begin  end            Mm.w.d: month, week (5 is the last), weekday; Jn: day 1...365
//     |  | daylight                 without 29 February; n: day 0...365
//     standard, 5 hours west
//
// Source: POSIX.1-2024 XBD 8.3, RFC 9636 section 3.3.2 (clock times from -167 to 167 hours).

/// Standard time, and daylight saving time where the zone has it.
struct PosixTimeZone: Sendable {
    let standard: ZoneOffset
    private let daylight: ZoneOffset?
    private let begin: Change
    private let end: Change

    /// A day of the year and the clock time of that day, in seconds.
    private struct Change {
        enum Day {
            case julian(Int)
            case ordinal(Int)
            case weekday(month: Int, week: Int, weekday: Int)
        }
        var day: Day
        var seconds = 2 * 3600

        /// Seconds since the epoch, as if the clock were UTC's.
        func clock(year: Int) -> Int {
            let newYear = BrokenDownTime.days(year: year, month: 0)
            let days: Int
            switch day {
            case .julian(let number):
                days = newYear + number - (BrokenDownTime.isLeap(year) && number >= 60 ? 0 : 1)
            case .ordinal(let number):
                days = newYear + number
            case .weekday(let month, let week, let weekday):
                let first = BrokenDownTime.days(year: year, month: month)
                let next =
                    month == 11
                    ? BrokenDownTime.days(year: year + 1, month: 0)
                    : BrokenDownTime.days(year: year, month: month + 1)
                let shift = (weekday - BrokenDownTime.weekday(day: first) + 7) % 7
                let wanted = first + shift + (week - 1) * 7
                days = wanted < next ? wanted : wanted - 7
            }
            return days * BrokenDownTime.secondsPerDay + seconds
        }
    }

    /// Reads the whole text; the abbreviations are appended to `names`. Nil when the text is not a
    /// rule.
    init?(_ text: ArraySlice<UInt8>, names: inout [UInt8]) {
        var reader = Reader(rest: text)
        guard let standardName = reader.name(), let west = reader.clock(hoursMax: 24) else {
            return nil
        }
        func offset(_ seconds: Int, _ name: ArraySlice<UInt8>, _ isDaylight: Bool) -> ZoneOffset {
            names.append(contentsOf: name)
            return ZoneOffset(
                seconds: seconds, isDaylight: isDaylight,
                nameOffset: names.count - name.count, nameByteCount: name.count)
        }
        standard = offset(-west, standardName, false)
        // The rule of the United States is used where a text names daylight saving time without
        // dates.
        var begin = Change(day: .weekday(month: 2, week: 2, weekday: 0))
        var end = Change(day: .weekday(month: 10, week: 1, weekday: 0))
        var daylight: ZoneOffset?
        if !reader.rest.isEmpty {
            guard let name = reader.name() else { return nil }
            var seconds = 3600 - west
            if let first = reader.rest.first, first != UInt8(ascii: ",") {
                guard let west = reader.clock(hoursMax: 24) else { return nil }
                seconds = -west
            }
            daylight = offset(seconds, name, true)
            if !reader.rest.isEmpty {
                guard let from = reader.change(), let to = reader.change(), reader.rest.isEmpty
                else { return nil }
                begin = from
                end = to
            }
        }
        self.daylight = daylight
        self.begin = begin
        self.end = end
    }

    func offset(at seconds: Int) -> ZoneOffset {
        // The year is that of standard time's clock; far outside C's range it can't be computed.
        guard let daylight,
            let year = BrokenDownTime.gmtime(
                wholeSeconds: max(-(1 << 56), min(1 << 56, seconds)) + standard.seconds)?.year
        else { return standard }
        let from = begin.clock(year: year) - standard.seconds
        let to = end.clock(year: year) - daylight.seconds
        let isDaylight =
            from < to ? from <= seconds && seconds < to : !(to <= seconds && seconds < from)
        return isDaylight ? daylight : standard
    }

    /// Consumes the text's parts from its front.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ byte: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: byte) else { return false }
            rest.removeFirst()
            return true
        }

        /// Three letters or more, or anything printable between angle brackets.
        mutating func name() -> ArraySlice<UInt8>? {
            let isQuoted = take("<")
            let name = rest.prefix { byte in
                let isLetter = (0x61...0x7A).contains(byte | 0x20)
                guard isQuoted else { return isLetter }
                return isLetter || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: "-")
            }
            guard name.count >= 3, name.count <= 32 else { return nil }
            rest = rest[name.endIndex...]
            return isQuoted && !take(">") ? nil : name
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            var value = 0
            var digits = 0
            while let byte = rest.first, (0x30...0x39).contains(byte), digits < 4 {
                value = value * 10 + Int(byte - 0x30)
                digits += 1
                rest.removeFirst()
            }
            return digits > 0 && range.contains(value) ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` -> seconds.
        mutating func clock(hoursMax: Int) -> Int? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(0...hoursMax) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] {
                guard take(":") else { break }
                guard let part = number(0...59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        /// `,date[/time]`.
        mutating func change() -> Change? {
            guard take(",") else { return nil }
            var change: Change
            if take("M") {
                guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                    let weekday = number(0...6)
                else { return nil }
                change = Change(day: .weekday(month: month - 1, week: week, weekday: weekday))
            } else if take("J") {
                guard let day = number(1...365) else { return nil }
                change = Change(day: .julian(day))
            } else {
                guard let day = number(0...365) else { return nil }
                change = Change(day: .ordinal(day))
            }
            if take("/") {
                guard let seconds = clock(hoursMax: 167) else { return nil }
                change.seconds = seconds
            }
            return change
        }
    }
}
