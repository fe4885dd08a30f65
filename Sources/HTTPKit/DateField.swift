// Seconds since 1970 -> the bytes of a Date field, written once a second for each event loop.

internal import Glibc

/// Civil time of a Unix second, in UTC.
enum DateField {
    /// IMF-fixdate, 29 bytes: `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110 5.6.7.
    static func bytes(unixSeconds: Int) -> [UInt8] {
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        let date = CivilDate(days: days)
        let (year, month) = (date.year, date.month)
        let dayNames = Array("ThuFriSatSunMonTueWed".utf8)
        let monthNames = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)
        func twoDigits(_ number: Int) -> [UInt8] {
            [UInt8(0x30 + number / 10 % 10), UInt8(0x30 + number % 10)]
        }
        var bytes = Array(dayNames[days % 7 * 3..<days % 7 * 3 + 3])
        bytes += Array(", ".utf8) + twoDigits(date.day) + [Byte.space]
        bytes += monthNames[(month - 1) * 3..<month * 3]
        bytes += [Byte.space] + twoDigits(year / 100) + twoDigits(year % 100) + [Byte.space]
        bytes += twoDigits(second / 3_600) + [0x3A] + twoDigits(second / 60 % 60) + [0x3A]
        bytes += twoDigits(second % 60) + Array(" GMT".utf8)
        return bytes
    }
}

/// The Date field that a loop's connections share. It belongs to its event loop.
struct DateClock {
    /// The field's value.
    private(set) var bytes: [UInt8] = []
    /// The start of most responses: their status line, and the Date field without its line end.
    private(set) var okStart: [UInt8] = []
    private var end: UInt64 = 0

    /// Updates both for the monotonic time `now`.
    mutating func update(now: UInt64) {
        if now >= end {
            var time = timespec()
            // Safety: the call writes the one timespec that it is given.
            _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
            bytes = DateField.bytes(unixSeconds: max(0, Int(time.tv_sec)))
            okStart = Array("HTTP/1.1 200 OK\r\nDate: ".utf8) + bytes
            end = now &+ UInt64(1_000_000_000 - time.tv_nsec)
        }
    }
}
