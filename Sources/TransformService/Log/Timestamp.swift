// The wall clock -> the time of a line in the log.

import Glibc
import HTTPKit

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
        let date = CivilDate(days: unixSeconds / 86_400)
        let second = unixSeconds % 86_400
        func digits(_ number: Int, _ count: Int) {
            Decimal.append(UInt64(number), digitCount: count, to: &bytes)
        }
        digits(date.year, 4)
        bytes.append(UInt8(ascii: "-"))
        digits(date.month, 2)
        bytes.append(UInt8(ascii: "-"))
        digits(date.day, 2)
        bytes.append(UInt8(ascii: "T"))
        digits(second / 3_600, 2)
        bytes.append(UInt8(ascii: ":"))
        digits(second / 60 % 60, 2)
        bytes.append(UInt8(ascii: ":"))
        digits(second % 60, 2)
        bytes.append(UInt8(ascii: "."))
        digits(milliseconds, 3)
        bytes.append(UInt8(ascii: "Z"))
    }
}
