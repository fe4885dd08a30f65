// Times against the C library's functions as the reference, and against fixed tables for zones: the
// library's own zone is the process's, which tests that run in parallel cannot set.

import Glibc
import TestSupport
import Testing

@testable import Transforms

private func libcFormat(_ format: String, _ seconds: Int) -> String {
    var time = unsafe libcTime(seconds)
    return unsafe String(
        unsafeUninitializedCapacity: 4096,
        initializingUTF8With: { buffer in
            // Safety: strftime writes at most the capacity that it is given.
            unsafe buffer.withMemoryRebound(to: CChar.self) { chars in
                unsafe strftime(chars.baseAddress!, 4096, format, &time)
            }
        })
}

private func ourFormat(
    _ format: String, _ time: BrokenDownTime, zone: TimeZoneFile = .gmt, offset: ZoneOffset? = nil,
    capacity: Int = 4096
) -> String? {
    var format = Array(format.utf8)
    let offset = offset ?? zone.offset(at: 0)
    var byteCount: Int?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        // Safety: both buffers live for the call.
        byteCount = unsafe format.withUnsafeMutableBufferPointer {
            unsafe TimeFormatter.format(
                UnsafeBufferPointer($0), time, zone: zone, offset: offset, to: buffer)
        }
        count = byteCount ?? 0
    }
    return byteCount == nil ? nil : String(decoding: bytes, as: UTF8.self)
}

private func ourParse(
    _ text: String, _ format: String, zone: TimeZoneFile = .utc
) -> (time: BrokenDownTime, end: Int)? {
    let text = Array(text.utf8)
    let format = Array(format.utf8)
    // Safety: both buffers live for the call.
    return unsafe text.withUnsafeBufferPointer { text in
        unsafe format.withUnsafeBufferPointer { format in
            unsafe TimeParser.parse(text, format: format, zone: zone)
        }
    }
}

private typealias Strptime =
    @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutablePointer<tm>)
    -> UnsafeMutablePointer<CChar>?

/// The Glibc module does not declare `strptime`, so it is looked up by name.
private func libcStrptime(
    _ text: UnsafePointer<CChar>, _ format: UnsafePointer<CChar>, _ fields: UnsafeMutablePointer<tm>
) -> UnsafeMutablePointer<CChar>? {
    // Safety: the type is that of POSIX's declaration.
    let function = unsafe unsafeBitCast(dlsym(dlopen(nil, RTLD_NOW), "strptime"), to: Strptime.self)
    return unsafe function(text, format, fields)
}

/// The C library's strptime, and then weekday and yearday as jq sets them.
private func libcParse(_ text: String, _ format: String) -> (time: BrokenDownTime, end: Int)? {
    var fields = unsafe tm()
    unsafe fields.tm_wday = 8
    unsafe fields.tm_yday = 367
    // Safety: both strings end in 0 and live for the call.
    let end: Int? = unsafe text.withCString { start in
        unsafe libcStrptime(start, format, &fields).map { unsafe UnsafePointer($0) - start }
    }
    guard let end else { return nil }
    var time = unsafe ours(fields)
    if (1...31).contains(time.day) {
        var computed = time
        computed.setWeekdayAndYearday()
        if time.weekday == 8 { time.weekday = computed.weekday }
        if time.yearday == 367 { time.yearday = computed.yearday }
    }
    return (time, end)
}

private func ours(_ fields: tm) -> BrokenDownTime {
    BrokenDownTime(
        year: unsafe Int(fields.tm_year) + 1900, month: unsafe Int(fields.tm_mon),
        day: unsafe Int(fields.tm_mday), hour: unsafe Int(fields.tm_hour),
        minute: unsafe Int(fields.tm_min), second: unsafe Double(fields.tm_sec),
        weekday: unsafe Int(fields.tm_wday), yearday: unsafe Int(fields.tm_yday))
}

private func libcTime(_ seconds: Int) -> tm {
    var seconds = seconds
    var fields = unsafe tm()
    _ = unsafe gmtime_r(&seconds, &fields)
    return unsafe fields
}

private func libcFields(_ seconds: Int) -> BrokenDownTime { unsafe ours(libcTime(seconds)) }

private func array(_ time: BrokenDownTime) -> [Double] {
    [
        Double(time.year), Double(time.month), Double(time.day), Double(time.hour),
        Double(time.minute), time.second, Double(time.weekday), Double(time.yearday),
    ]
}

/// Years -5000...9999 in seconds.
private let someSeconds = -219_951_936_000...253_402_300_799

@Suite("Broken down time")
struct BrokenDownTimeTests {
    @Test("gmtime and timegm are the C library's over years -5000...9999")
    func againstLibc() {
        var generator = SeededGenerator(state: 1)
        for _ in 0..<20_000 {
            let seconds = Int.random(in: someSeconds, using: &generator)
            let time = BrokenDownTime.gmtime(wholeSeconds: seconds)
            #expect(time == libcFields(seconds))
            #expect(time?.timegm() == seconds)
        }
    }

    @Test("Fields out of range carry over as in the C library")
    func normalization() {
        var generator = SeededGenerator(state: 2)
        for _ in 0..<5000 {
            func field(_ bound: Int) -> Int { Int.random(in: -bound...bound, using: &generator) }
            let bound = generator.next() % 4 == 0 ? Int(Int32.max) : 400
            var time = BrokenDownTime(
                year: 1900 + field(9000), month: field(bound), day: field(bound),
                hour: field(bound), minute: field(bound), second: Double(field(bound)))
            var fields = unsafe tm()
            unsafe fields.tm_year = Int32(time.year - 1900)
            unsafe fields.tm_mon = Int32(time.month)
            unsafe fields.tm_mday = Int32(time.day)
            unsafe fields.tm_hour = Int32(time.hour)
            unsafe fields.tm_min = Int32(time.minute)
            unsafe fields.tm_sec = Int32(time.second)
            time.weekday = field(bound)
            let seconds = unsafe timegm(&fields)
            #expect(time.timegm() == seconds)
            let expected = unsafe ours(fields)
            #expect(time.normalized() == expected)
        }
    }

    @Test(
        "jq's own values",
        arguments: [
            (1425599621.25, [2015, 2, 5, 23, 53, 41.25, 4, 63]),
            (-1, [1969, 11, 31, 23, 59, 59, 3, 364]),
            (-0.5, [1970, 0, 1, 0, 0, 0.5, 4, 0]),
            (-1.25, [1969, 11, 31, 23, 59, 59.75, 3, 364]),
            (1e12, [33658, 8, 27, 1, 46, 40, 5, 269]),
            (-1e13, [-314_918, 7, 13, 6, 13, 20, 0, 224]),
            (-62_167_219_201, [-1, 11, 31, 23, 59, 59, 5, 364]),
            (-67_768_040_609_740_800, [-2_147_481_748, 0, 1, 0, 0, 0, 4, 0]),
        ] as [(Double, [Double])])
    func values(seconds: Double, expected: [Double]) {
        #expect(BrokenDownTime.gmtime(seconds: seconds).map(array) == expected)
    }

    @Test(
        "Seconds without a calendar year",
        arguments: [.nan, .infinity, -.infinity, 1e17, -1e17, 1e18, 1e300, 67_768_036_191_676_800])
    func outOfRange(seconds: Double) {
        #expect(BrokenDownTime.gmtime(seconds: seconds) == nil)
        #expect(BrokenDownTime.localtime(seconds: seconds, zone: .utc) == nil)
    }

    @Test("Fields at and beyond the bounds")
    func bounds() {
        #expect(BrokenDownTime.field(.nan) == 0)
        #expect(BrokenDownTime.field(-59.9) == -59)
        #expect(BrokenDownTime.field(1e300) == Int(Int32.max))
        #expect(BrokenDownTime.yearField(1e10) == 2_147_485_547)
        var time = BrokenDownTime(year: BrokenDownTime.yearField(1e10), month: 0, day: 1)
        #expect(time.timegm() == 67_768_036_160_140_800)
        time.month = 12
        #expect(time.timegm() == nil)
        let extreme = BrokenDownTime(
            year: .min, month: .max, day: .min, hour: .max, minute: .min, second: 1e300)
        #expect(extreme.timegm() == nil)
    }
}

@Suite("strftime")
struct TimeFormatterTests {
    private static let letters = "aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ%QiJLNf"

    @Test("Every conversion, flag, width and modifier is the C library's")
    func againstLibc() {
        var generator = SeededGenerator(state: 3)
        for _ in 0..<30_000 {
            let seconds = Int.random(in: someSeconds, using: &generator)
            var format = ""
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                format += "%"
                for _ in 0..<Int.random(in: 0...2, using: &generator) / 2 {
                    format.append("_-0^#".randomElement(using: &generator)!)
                }
                if generator.next() % 4 == 0 {
                    format += String(Int.random(in: 0...30, using: &generator))
                }
                if generator.next() % 6 == 0 { format += generator.next() % 2 == 0 ? "E" : "O" }
                format.append(Self.letters.randomElement(using: &generator)!)
                format += ["", " ", "é", "-"].randomElement(using: &generator)!
            }
            let time = BrokenDownTime.gmtime(wholeSeconds: seconds)!
            let expected = libcFormat(format, seconds)
            #expect(ourFormat(format, time) == expected, "\(format) of \(seconds)")
        }
    }

    @Test("The days around each of 400 new years have the C library's weeks")
    func weeks() {
        let format = "%U %W %V %G %g %u %w %j"
        for year in 1800..<2200 {
            let newYear = BrokenDownTime.days(year: year, month: 0)
            for day in newYear - 8...newYear + 8 {
                let time = BrokenDownTime.gmtime(wholeSeconds: day * 86400)!
                #expect(ourFormat(format, time) == libcFormat(format, day * 86400))
            }
        }
    }

    @Test(
        "A table of all letters",
        arguments: [
            ("%A, %B %d, %Y", "Thursday, March 05, 2015"), ("%a %b %h", "Thu Mar Mar"),
            ("%c", "Thu Mar  5 23:51:47 2015"), ("%C %y %g %G", "20 15 15 2015"),
            ("%D %x", "03/05/15 03/05/15"), ("%F %T %R", "2015-03-05 23:51:47 23:51"),
            ("%e %k %l %I", " 5 23 11 11"), ("%r %p %P", "11:51:47 PM PM pm"), ("%j", "064"),
            ("%u %w %U %W %V", "4 4 09 09 10"), ("%Z %z", "GMT +0000"), ("%n%t%%", "\n\t%"),
            ("%s", "1425599507"), ("%-d %_d %0e %^a %#Z %10Y", "5  5 05 THU gmt 0000002015"),
            ("%Q %", "%Q %"), ("%Ey %Od %Ed", "15 05 %Ed"), ("é\u{0}%Y", "é"), ("", ""),
        ])
    func table(format: String, expected: String) {
        let time = BrokenDownTime.gmtime(wholeSeconds: 1_425_599_507)!
        #expect(ourFormat(format, time) == expected)
    }

    @Test("Text that does not fit is refused, at the bound and one past it")
    func capacity() {
        let time = BrokenDownTime.gmtime(wholeSeconds: 0)!
        #expect(ourFormat("%F", time, capacity: 10) == "1970-01-01")
        #expect(ourFormat("%F", time, capacity: 9) == nil)
        #expect(ourFormat("%99999999999999999999d", time) == nil)
        #expect(ourFormat("", time, capacity: 0)?.isEmpty == true)
        // jq gives a format its own length and 99 bytes: 49 years fit, 50 do not.
        for (count, fits) in [(49, true), (50, false)] {
            let format = String(repeating: "%Y", count: count)
            let capacity = TimeFormatter.capacity(for: format.utf8.count)
            #expect((ourFormat(format, time, capacity: capacity) != nil) == fits)
        }
    }
}

@Suite("strptime")
struct TimeParserTests {
    private static let pieces = [
        "%a", "%A", "%b", "%B", "%h", "%c", "%C", "%d", "%e", "%D", "%F", "%H", "%I", "%j", "%k",
        "%l", "%m", "%M", "%n", "%p", "%r", "%R", "%S", "%t", "%T", "%u", "%U", "%V", "%w", "%W",
        "%x", "%X", "%y", "%Y", "%z", "%Z", "%%", "%g", "%G", "%-d", "%_H", "%Q", "%P", "%05m",
    ]
    /// Alone in their format: in glibc they change how the conversions after them are read.
    private static let modified = "aAbBcCdDeFgGhHIjklmMnpQrRsStTuUVwWxXYzZ".map(String.init)

    @Test("Texts, intact and damaged, are read as the C library reads them")
    func againstLibc() {
        var generator = SeededGenerator(state: 4)
        for _ in 0..<40_000 {
            var format = ""
            if generator.next() % 8 == 0 {
                format += generator.next() % 2 == 0 ? "%E" : "%O"
                format += Self.modified.randomElement(using: &generator)!
            }
            let pieceCount = format.isEmpty ? Int.random(in: 1...5, using: &generator) : 0
            for _ in 0..<pieceCount {
                format += Self.pieces.randomElement(using: &generator)!
                format += [" ", "", "-", "/", "T", "é"].randomElement(using: &generator)!
            }
            let seconds = Int.random(in: -62_135_596_800...253_402_300_799, using: &generator)
            var text = Array(libcFormat(format, seconds).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &generator) where !text.isEmpty {
                let at = Int.random(in: 0..<text.count, using: &generator)
                switch generator.next() % 4 {
                case 0: text.remove(at: at)
                case 1: text.insert(Array(" 0123456789aZ:+-".utf8).randomElement()!, at: at)
                case 2: text[at] ^= 0x20
                default: break
                }
            }
            text.removeAll { $0 == 0 }
            let string = String(decoding: text, as: UTF8.self)
            let result = ourParse(string, format)
            let expected = libcParse(string, format)
            // glibc's weekdays are off by one in January and February of the year 0, and it reads
            // outside its table of months for day 366 of 365 and for days before the year's first.
            if let time = expected?.time {
                let lacksDay = time.yearday == 365 && !BrokenDownTime.isLeap(time.year)
                if time.year == 0 || lacksDay || (time.yearday < 0 && time.month != 0) { continue }
            }
            #expect(result?.time == expected?.time, "\(string) as \(format)")
            #expect(result?.end == expected?.end, "\(string) as \(format)")
        }
    }

    @Test(
        "jq's own values",
        arguments: [
            ("2015-03-05T23:51:47Z", "%Y-%m-%dT%H:%M:%SZ", [2015, 2, 5, 23, 51, 47, 4, 63]),
            ("2015-02-30T23:51:60Z", "%Y-%m-%dT%H:%M:%SZ", [2015, 1, 30, 23, 51, 60, 1, 60]),
            ("2024", "%Y", [2024, 0, 0, 0, 0, 0, 0, -1]),
            ("Friday", "%A", [1900, 0, 0, 0, 0, 0, 5, 367]),
            ("2024 060", "%Y %j", [2024, 1, 29, 0, 0, 0, 4, 59]),
            ("2024 10 3", "%Y %U %w", [2024, 2, 13, 0, 0, 0, 3, 72]),
            ("2024 10 Wed", "%Y %W %a", [2024, 2, 6, 0, 0, 0, 3, 65]),
            ("12:34", "%H:%M", [1900, 0, 0, 12, 34, 0, 8, 367]),
            ("1720000000", "%s", [2024, 6, 3, 9, 46, 40, 3, 184]),
            ("2 100", "%m %j", [1900, 1, 10, 0, 0, 0, 6, 99]),
            ("2024-01-02 EST", "%F %Z", [2024, 0, 2, 0, 0, 0, 2, 1]),
            ("24 5", "%Oy %Od", [2024, 0, 5, 0, 0, 0, 5, 4]),
            ("PM 3", "%p %I", [1900, 0, 0, 15, 0, 0, 8, 367]),
        ] as [(String, String, [Double])])
    func values(text: String, format: String, expected: [Double]) throws {
        let result = try #require(ourParse(text, format))
        #expect(array(result.time) == expected)
        #expect(result.end == text.utf8.count)
    }

    @Test(
        "Texts that do not match",
        arguments: [
            ("a", "%Y"), ("32", "%e"), ("0", "%d"), ("-5", "%Y"), ("13", "%m"), ("+5", "%z"),
            ("+1460", "%z"), ("z", "%z"), ("62", "%S"), ("1", "%Q"), ("x", "%"), ("-5", "%s"),
            ("99999999999999999999", "%s"), ("", "%"), ("", "x"),
        ])
    func refused(text: String, format: String) {
        #expect(ourParse(text, format) == nil)
    }

    @Test("What follows the format's end is left, and its offset returned")
    func rest() {
        #expect(ourParse("2024 x", "%Y")?.end == 4)
        #expect(ourParse("12345", "%Y")?.end == 4)
        #expect(ourParse("2024\u{0}z", "%Y\u{0}q")?.end == 4)
    }
}

@Suite("Time zones")
struct TimeZoneTests {
    /// Seconds from UTC, `+` for daylight saving time, and the name.
    private func shown(_ zone: TimeZoneFile, _ seconds: Int) -> String {
        let offset = zone.offset(at: seconds)
        let name = zone.names[offset.nameOffset..<offset.nameOffset + offset.nameByteCount]
        return "\(String(decoding: name, as: UTF8.self)) \(offset.seconds / 60)"
            + (offset.isDaylight ? "+" : "")
    }

    @Test(
        "A rule's offsets, at the change and one second before",
        arguments: [
            ("EST5EDT,M3.2.0,M11.1.0", 1_710_054_000, "EST -300", "EDT -240+"),
            ("EST5EDT", 1_730_613_600, "EDT -240+", "EST -300"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_800, "CET 60", "CEST 120+"),
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", 1_712_412_000, "NZDT 780+", "NZST 720"),
            ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 1_711_846_800, "-03 -180", "-02 -120+"),
            ("IST-2IDT,M3.4.4/26,M10.5.0", 1_711_670_400, "IST 120", "IDT 180+"),
            ("AAA0BBB,J60/0,J300/0", 1_709_254_800 - 3600, "AAA 0", "BBB 60+"),
            ("AAA0BBB,59/0,300/0", 1_709_164_800, "AAA 0", "BBB 60+"),
            ("XXX3EDT4,0/0,J365/23", 1_704_078_000, "EDT -240+", "EDT -240+"),
            ("UTC0", 0, "UTC 0", "UTC 0"), ("<+0530>-5:30", 0, "+0530 330", "+0530 330"),
        ])
    func rules(text: String, seconds: Int, before: String, after: String) throws {
        let zone = try #require(TimeZoneFile.load(text))
        #expect(shown(zone, seconds - 1) == before)
        #expect(shown(zone, seconds) == after)
    }

    @Test(
        "Texts that are neither names nor rules",
        arguments: [
            "../../etc/passwd", "/etc/localtime", "America/../../../etc/passwd", "a/./b", "x",
            "America//New_York", "/usr/share/zoneinfo/../localtime", "EST", "EST5EDT,", "E5",
            "EST25", "EST5EDT,M13.1.0,M1.1.0", "EST5EDT,M3.2.0", "<EST5", "EST5EDT,J0,J1",
            "EST5EDT,M3.2.0,M11.1.0x", "No/Such_Zone", "America", "EST5EDT,M3.2.0/168,M11.1.0",
            String(repeating: "A", count: 300), "UTC\u{0}0", ":/etc/localtime",
        ])
    func refused(name: String) {
        // The database has a file EST, where there is a database.
        if name == "EST", TimeZoneFile.load("Etc/UTC") != nil { return }
        #expect(TimeZoneFile.load(name) == nil)
    }

    /// A TZif file with two changes, in both versions of its block.
    private func file(footer: String, leapCount: Int = 0, times: [Int] = [1000, 2000]) -> [UInt8] {
        func big(_ value: Int, _ byteCount: Int) -> [UInt8] {
            (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        func block(_ timeByteCount: Int) -> [UInt8] {
            var bytes = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
            for count in [0, 0, leapCount, times.count, 3, 12] { bytes += big(count, 4) }
            for time in times { bytes += big(time, timeByteCount) }
            bytes += times.indices.map { UInt8($0 % 2 + 1) }
            for (seconds, daylight, name) in [(100, 0, 0), (7200, 1, 4), (3600, 0, 8)] {
                bytes += big(seconds, 4) + [UInt8(daylight), UInt8(name)]
            }
            bytes += Array("LMT\u{0}DST\u{0}STD\u{0}".utf8)
            return bytes + [UInt8](repeating: 0, count: leapCount * (timeByteCount + 4))
        }
        return block(4) + block(8) + Array("\n\(footer)\n".utf8)
    }

    @Test("A file's table, and its rule from the last change on")
    func table() throws {
        let zone = try #require(TimeZoneFile(tzif: file(footer: "STD-1DST", leapCount: 2)))
        #expect(shown(zone, 999) == "LMT 1")
        #expect(shown(zone, 1000) == "DST 120+")
        #expect(shown(zone, 1999) == "DST 120+")
        #expect(shown(zone, 2000) == "STD 60")
        #expect(shown(zone, 1_720_000_000) == "DST 120+")
        let ruleless = try #require(TimeZoneFile(tzif: file(footer: "")))
        #expect(shown(ruleless, 1_720_000_000) == "STD 60")
        #expect(
            shown(try #require(TimeZoneFile(tzif: file(footer: "AAA0", times: []))), 0) == "AAA 0")
    }

    @Test("Truncated and damaged files are refused, or read within their bytes")
    func hostile() {
        let whole = file(footer: "STD-1DST")
        for count in 0..<whole.count {
            #expect(TimeZoneFile(tzif: Array(whole[..<count])) == nil)
        }
        var generator = SeededGenerator(state: 5)
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
                    generator.next() % 2 == 0 ? 0xFF : UInt8(truncatingIfNeeded: generator.next())
            }
            guard let zone = TimeZoneFile(tzif: bytes) else { continue }
            for seconds in [Int.min, -1, 0, 1500, 1_720_000_000, Int.max] {
                _ = shown(zone, seconds)
            }
        }
        #expect(TimeZoneFile(tzif: file(footer: "bad")) == nil)
        #expect(TimeZoneFile(tzif: file(footer: "", times: [2, 1])) == nil)
        let long = [UInt8](repeating: 0, count: TimeZoneFile.byteCountMax + 1)
        #expect(TimeZoneFile(tzif: long) == nil)
    }

    @Test(
        "Clock times to seconds: ordinary, skipped in March, repeated in November",
        arguments: [
            ([2024, 6, 1, 12, 0], 1_719_849_600, "Mon Jul  1 12:00:00 2024 EDT -0400 1719849600"),
            ([2024, 1, 30, 1, 2], 1_709_272_920, "Fri Mar  1 01:02:00 2024 EST -0500 1709272920"),
            ([2024, 2, 10, 2, 30], 1_710_055_800, "Sun Mar 10 03:30:00 2024 EDT -0400 1710055800"),
            ([2024, 10, 3, 1, 30], 1_730_611_800, "Sun Nov  3 01:30:00 2024 EDT -0400 1730611800"),
        ] as [([Int], Int, String)])
    func clock(fields: [Int], seconds: Int, text: String) throws {
        let zone = try #require(TimeZoneFile.load("EST5EDT,M3.2.0,M11.1.0"))
        let time = BrokenDownTime(
            year: fields[0], month: fields[1], day: fields[2], hour: fields[3], minute: fields[4])
        #expect(time.mktime(zone: zone) == seconds)
        let local = try #require(BrokenDownTime.localtime(seconds: Double(seconds), zone: zone))
        #expect(ourFormat("%c %Z %z %s", local.time, zone: zone, offset: local.offset) == text)
    }

    @Test("A second's clock time gives that second again, except in the hour that occurs twice")
    func roundTrip() throws {
        for text in ["EST5EDT", "NZST-12NZDT,M9.5.0,M4.1.0/3", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"] {
            let zone = try #require(TimeZoneFile.load(text))
            var generator = SeededGenerator(state: 6)
            for _ in 0..<5000 {
                let seconds = Int.random(in: -100_000_000_000...100_000_000_000, using: &generator)
                let local = try #require(
                    BrokenDownTime.localtime(seconds: Double(seconds), zone: zone))
                let again = local.time.mktime(zone: zone)
                #expect(again == seconds || (again == seconds - 3600 && !local.offset.isDaylight))
            }
        }
    }
}
