// Seconds since 1970 -> the bytes of a Date field, written once a second for each event loop.

internal import Glibc

/// Civil time of a Unix second, in UTC.
enum DateField {
    /// IMF-fixdate, 29 bytes: `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110 5.6.7.
    static func bytes(unixSeconds: Int) -> [UInt8] {
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        let date = CivilDate(days: days)
        let dayNames = Array("ThuFriSatSunMonTueWed".utf8)
        let monthNames = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)
        var bytes: [UInt8] = []
        func append(_ number: Int, _ digitCount: Int, _ end: StaticString) {
            Decimal.append(UInt64(number), digitCount: digitCount, to: &bytes)
            bytes += "\(end)".utf8
        }
        bytes += dayNames[days % 7 * 3..<days % 7 * 3 + 3]
        bytes += ", ".utf8
        append(date.day, 2, " ")
        bytes += monthNames[(date.month - 1) * 3..<date.month * 3]
        bytes.append(Byte.space)
        append(date.year, 4, " ")
        append(second / 3_600, 2, ":")
        append(second / 60 % 60, 2, ":")
        append(second % 60, 2, " GMT")
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
