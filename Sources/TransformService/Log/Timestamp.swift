// The wall clock -> the time that stands in a line of the log.

import Glibc

/// A moment of the wall clock, in UTC.
struct Timestamp: Sendable {
    var unixSeconds: Int
    var milliseconds: Int

    static var now: Timestamp {
        var time = timespec()
        // Safety: the call writes the one timespec that it is given.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(
            unixSeconds: max(0, Int(time.tv_sec)), milliseconds: Int(time.tv_nsec) / 1_000_000)
    }

    var seconds: Double { Double(unixSeconds) + Double(milliseconds) / 1_000 }

    /// RFC 3339, 24 bytes: `2026-11-22T22:15:44.123Z`.
    func append(to bytes: inout [UInt8]) {
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        // Years begin in March here, so that a leap day is a year's last. 719,468 days lie between
        // 0000-03-01 and 1970-01-01; 146,097 days are 400 years.
        let shifted = days + 719_468
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + shifted / 146_097 * 400 + (month <= 2 ? 1 : 0)
        func digits(_ number: Int, _ count: Int) {
            var divisor = count == 4 ? 1_000 : count == 3 ? 100 : 10
            while divisor > 0 {
                bytes.append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        digits(year, 4)
        bytes.append(0x2D)
        digits(month, 2)
        bytes.append(0x2D)
        digits(dayOfYear - (153 * marchMonth + 2) / 5 + 1, 2)
        bytes.append(UInt8(ascii: "T"))
        digits(second / 3_600, 2)
        bytes.append(0x3A)
        digits(second / 60 % 60, 2)
        bytes.append(0x3A)
        digits(second % 60, 2)
        bytes.append(0x2E)
        digits(milliseconds, 3)
        bytes.append(UInt8(ascii: "Z"))
    }
}
