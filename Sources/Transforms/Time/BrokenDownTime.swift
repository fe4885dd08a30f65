// Seconds since the epoch <-> jq's broken down time, in UTC or in a zone.
//
//     1425599621.25 <-> [2015, 2, 5, 23, 53, 41.25, 4, 63]
//                        year  |  |   hms           |  day of the year, 0...365
//                           month 0...11, day 1...31  weekday, 0 is Sunday
//
// The calendar is Gregorian without beginning or end; days are counted in cycles of 400 years that
// begin on 1 March, so that a leap day is the last day of its year. Source: H. Hinnant,
// "chrono-compatible low-level date algorithms". Years are those of C's `struct tm`: 1900 plus an
// Int32.

/// jq's broken down time. Fields may be out of range until `normalized()`.
struct BrokenDownTime: Equatable, Sendable {
    /// Full year: 2015, 0 is 1 BC.
    var year = 1900
    /// 0...11.
    var month = 0
    /// Day of the month, 1...31; 0 where nothing was given, as in a cleared `struct tm`.
    var day = 0
    var hour = 0
    var minute = 0
    /// Seconds with their fraction.
    var second = 0.0
    /// 0 is Sunday.
    var weekday = 0
    /// Days since 1 January.
    var yearday = 0

    static let secondsPerDay = 86400
    /// The years that C's `tm_year` can hold.
    static let years = Int(Int32.min) + 1900...Int(Int32.max) + 1900

    /// `gmtime`: seconds since the epoch -> UTC. As in jq the fields come from the number cut
    /// towards zero and the fraction from the number less its floor. Nil when not finite or the
    /// year is out of range.
    static func gmtime(seconds: Double) -> BrokenDownTime? {
        guard let (whole, fraction) = parts(of: seconds),
            var time = gmtime(wholeSeconds: whole)
        else { return nil }
        time.second += fraction
        return time
    }

    /// Whole seconds since the epoch -> UTC. Nil when the year is out of range.
    static func gmtime(wholeSeconds: Int) -> BrokenDownTime? {
        let days = floorDivide(wholeSeconds, secondsPerDay)
        guard abs(days) < 1 << 40 else { return nil }
        let rest = wholeSeconds - days * secondsPerDay
        var time = civil(day: days)
        guard years.contains(time.year) else { return nil }
        time.hour = rest / 3600
        time.minute = rest / 60 % 60
        time.second = Double(rest % 60)
        return time
    }

    /// `localtime`: seconds since the epoch -> the zone's clock, and what the zone had in force.
    static func localtime(
        seconds: Double, zone: TimeZoneFile
    ) -> (time: BrokenDownTime, offset: ZoneOffset)? {
        guard let (whole, fraction) = parts(of: seconds) else { return nil }
        let offset = zone.offset(at: whole)
        guard var time = gmtime(wholeSeconds: whole + offset.seconds) else { return nil }
        time.second += fraction
        return (time, offset)
    }

    /// `timegm`: the fields as UTC -> whole seconds since the epoch; weekday and yearday do not
    /// count, fields out of range carry over. Nil when the year is out of range after that.
    func timegm() -> Int? {
        // Safety: `clamped` bounds each field by 2^32, so no product below reaches 2^60.
        let fields = clamped
        let monthYear = fields.year + BrokenDownTime.floorDivide(fields.month, 12)
        let month = fields.month - BrokenDownTime.floorDivide(fields.month, 12) * 12
        let days = BrokenDownTime.days(year: monthYear, month: month) + fields.day - 1
        let seconds =
            days * BrokenDownTime.secondsPerDay + fields.hour * 3600 + fields.minute * 60
            + Int(fields.second)
        guard let time = BrokenDownTime.gmtime(wholeSeconds: seconds),
            BrokenDownTime.years.contains(time.year)
        else { return nil }
        return seconds
    }

    /// `mktime`: the fields as the zone's clock -> whole seconds since the epoch. A clock time that
    /// happens twice is the first; one that is left out counts on from before the gap.
    func mktime(zone: TimeZoneFile) -> Int? {
        guard let clock = timegm() else { return nil }
        let before = zone.offset(at: clock - BrokenDownTime.secondsPerDay).seconds
        let after = zone.offset(at: clock + BrokenDownTime.secondsPerDay).seconds
        if before != after, zone.offset(at: clock - before).seconds != before,
            zone.offset(at: clock - after).seconds == after
        {
            return clock - after
        }
        return clock - before
    }

    /// The same instant with every field in range, weekday and yearday from the date; the second's
    /// fraction is cut, as C's `timegm` has none.
    func normalized() -> BrokenDownTime? {
        guard let seconds = timegm() else { return nil }
        return BrokenDownTime.gmtime(wholeSeconds: seconds)
    }

    /// Sets weekday and yearday from year, month and day, which may be out of range by a little (jq
    /// does this to what `strptime` left open).
    mutating func setWeekdayAndYearday() {
        guard (0...11).contains(month) else { return }
        let days = BrokenDownTime.days(year: year, month: month) + day - 1
        weekday = BrokenDownTime.weekday(day: days)
        yearday = days - BrokenDownTime.days(year: year, month: 0)
    }

    /// A number as C's `int` field: cut towards zero, held within Int32; NaN is 0.
    static func field(_ number: Double) -> Int {
        guard !number.isNaN else { return 0 }
        return Int(max(Double(Int32.min), min(Double(Int32.max), number)))
    }

    /// A year as `1900 + field`.
    static func yearField(_ number: Double) -> Int { field(number - 1900) + 1900 }

    // MARK: - The calendar

    /// Days from the epoch to the first of a month, 0...11.
    static func days(year: Int, month: Int) -> Int {
        let shifted = month < 2 ? year - 1 : year
        let cycle = floorDivide(shifted, 400)
        let yearOfCycle = shifted - cycle * 400
        let monthFromMarch = month < 2 ? month + 10 : month - 2
        let dayOfYear = (153 * monthFromMarch + 2) / 5
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        return cycle * 146_097 + dayOfCycle - 719_468
    }

    static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// 0 is Sunday; day 0, 1 January 1970, was a Thursday.
    static func weekday(day: Int) -> Int {
        let shifted = day + 4
        return shifted - floorDivide(shifted, 7) * 7
    }

    static func floorDivide(_ lhs: Int, _ rhs: Int) -> Int {
        let quotient = lhs / rhs
        return lhs % rhs < 0 ? quotient - 1 : quotient
    }

    private static func civil(day: Int) -> BrokenDownTime {
        let shifted = day + 719_468
        let cycle = floorDivide(shifted, 146_097)
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle =
            (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        var time = BrokenDownTime()
        time.month = monthFromMarch < 10 ? monthFromMarch + 2 : monthFromMarch - 10
        time.year = cycle * 400 + yearOfCycle + (time.month < 2 ? 1 : 0)
        time.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        time.weekday = weekday(day: day)
        time.yearday = day - days(year: time.year, month: 0)
        return time
    }

    private static func parts(of seconds: Double) -> (whole: Int, fraction: Double)? {
        // No year in range lies beyond 2^57 seconds, and with this bound no sum below overflows.
        guard abs(seconds) < 0x1p57 else { return nil }
        return (Int(seconds), seconds - seconds.rounded(.down))
    }

    private var clamped: BrokenDownTime {
        func bounded(_ field: Int) -> Int { max(-(1 << 32), min(1 << 32, field)) }
        var fields = self
        fields.year = bounded(year)
        fields.month = bounded(month)
        fields.day = bounded(day)
        fields.hour = bounded(hour)
        fields.minute = bounded(minute)
        fields.second = Double(BrokenDownTime.field(second))
        return fields
    }
}
