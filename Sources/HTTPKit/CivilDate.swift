// Days since 1970 -> year, month and day, in UTC.

/// A day of the Gregorian calendar.
public struct CivilDate: Sendable, Equatable {
    public let year: Int
    /// Counted from 1, like the day.
    public let month: Int
    public let day: Int

    /// - Parameter days: since 1970-01-01; not negative.
    /// - Complexity: O(1)
    public init(days: Int) {
        // Years begin in March here, so that a leap day is the last of its year. There are 719,468
        // days from 0000-03-01 to 1970-01-01, and 146,097 days in 400 years.
        let shifted = days + 719_468
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + shifted / 146_097 * 400 + (month <= 2 ? 1 : 0)
    }
}
