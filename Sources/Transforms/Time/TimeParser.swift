// Text and a `strptime` format -> a broken down time, as glibc reads it in the C locale.
//
//     "5 Mar 2015 23:51 pm"  with  "%d %b %Y %H:%M"  ->  fields, and where reading stopped
//
// White space in the format matches any white space, or none; `%` conversions match what they name;
// everything else must match exactly. Fields that the text leaves open and the others determine
// (the weekday of a date, the date of a day of the year or of a week) are filled in at the end. A
// NUL byte ends the text and the format, as in C.

/// Reads one text. Fields that the format does not name keep their initial values.
struct TimeParser {
    private let text: ByteText
    private let zone: TimeZoneFile
    private var offset = 0
    private var time: BrokenDownTime
    private var seen = Seen()

    /// Which fields have been read so far.
    private struct Seen {
        var weekday = false
        var yearday = false
        var month = false
        var day = false
        var weekFromSunday = false
        var weekFromMonday = false
        var week = 0
        var century: Int?
        /// Whether only a year of the century was given, to which the century is added.
        var yearOfCentury = false
        /// Whether there is a date to compute weekday and yearday from.
        var date = false
        var afternoon = false
        var hourOfHalfDay = false
    }

    /// `strptime` as jq calls it: fields are cleared first (1 January 1900 with day 0), weekday and
    /// yearday are computed from the date, or remain 8 and 367 without one.
    /// - Parameter zone: the local zone, which `%s` refers to.
    /// - Returns: the time and the offset of the first byte not read; nil when the text does not
    ///   match. jq takes a rest that begins with white space and appends it to its array.
    static func parse(
        _ text: UnsafeBufferPointer<UInt8>, format: UnsafeBufferPointer<UInt8>, zone: TimeZoneFile
    ) -> (time: BrokenDownTime, end: Int)? {
        let unset = (weekday: 8, yearday: 367)
        var start = BrokenDownTime()
        start.weekday = unset.weekday
        start.yearday = unset.yearday
        // Safety: `ByteText` checks each offset against the buffer's count.
        var parser = TimeParser(text: unsafe ByteText(text), zone: zone, time: start)
        guard unsafe parser.run(ByteText(format)) else { return nil }
        parser.complete()
        var time = parser.time
        var computed = time
        computed.setWeekdayAndYearday()
        if (1...31).contains(time.day) {
            if time.weekday == unset.weekday { time.weekday = computed.weekday }
            if time.yearday == unset.yearday { time.yearday = computed.yearday }
        }
        return (time, parser.offset)
    }

    private init(text: ByteText, zone: TimeZoneFile, time: BrokenDownTime) {
        self.text = text
        self.zone = zone
        self.time = time
    }

    private mutating func run(_ format: ByteText) -> Bool {
        var i = 0
        while format[i] != 0 {
            let byte = format[i]
            i += 1
            if TimeParser.isSpace(byte) {
                skipSpace()
                continue
            }
            guard byte == UInt8(ascii: "%") else {
                guard text[offset] == byte else { return false }
                offset += 1
                continue
            }
            // Flags and widths of `strftime` are ignored here.
            while TimeParser.isFlag(format[i]) { i += 1 }
            let isEra = format[i] == UInt8(ascii: "E")
            let isAlternative = format[i] == UInt8(ascii: "O")
            if isEra || isAlternative { i += 1 }
            let letter = Unicode.Scalar(format[i])
            i += 1
            if isEra, !TimeParser.hasEra(letter) { return false }
            if isAlternative, !TimeParser.hasAlternative(letter) { return false }
            let yearOfCentury = seen.yearOfCentury
            guard convert(letter) else { return false }
            // glibc lets `%C` add to the year of `%y`, not to that of `%Oy`.
            if isAlternative { seen.yearOfCentury = yearOfCentury }
        }
        return true
    }

    private mutating func run(_ format: StaticString) -> Bool {
        // Safety: a StaticString literal's pointer holds for `utf8CodeUnitCount` bytes.
        run(
            unsafe ByteText(
                UnsafeBufferPointer(start: format.utf8Start, count: format.utf8CodeUnitCount)))
    }

    // MARK: - Conversions

    private mutating func convert(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "%":
            guard text[offset] == UInt8(ascii: "%") else { return false }
            offset += 1
        case "n", "t": skipSpace()
        case "a", "A", "b", "B", "h", "p": return name(letter)
        case "c", "D", "x", "F", "R", "T", "X", "r": return composite(letter)
        case "C", "Y", "y", "d", "e", "m", "j", "u", "w", "U", "W": return date(letter)
        case "g": return number(0...99, 2) != nil
        case "V": return number(0...53, 2) != nil
        case "G":
            guard isDigit(text[offset]) else { return false }
            while isDigit(text[offset]) { offset += 1 }
        case "Z":
            skipSpace()
            while text[offset] != 0, !TimeParser.isSpace(text[offset]) { offset += 1 }
        case "z": return difference()
        case "s": return epochSeconds()
        default: return clock(letter)
        }
        return true
    }

    private mutating func composite(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "c":
            guard run("%a %b %e %H:%M:%S %Y") else { return false }
            seen.date = true
        case "D", "x":
            guard run("%m/%d/%y") else { return false }
            seen.date = true
        case "F":
            guard run("%Y-%m-%d") else { return false }
            seen.date = true
        case "R": return run("%H:%M")
        case "r": return run("%I:%M:%S %p")
        default: return run("%H:%M:%S")
        }
        return true
    }

    private mutating func date(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "C":
            guard let value = number(0...99, 2) else { return false }
            seen.century = value
            seen.date = true
        case "Y":
            guard let value = number(0...9999, 4) else { return false }
            time.year = value
            seen.yearOfCentury = false
            seen.date = true
        case "y":
            guard let value = number(0...99, 2) else { return false }
            time.year = value >= 69 ? 1900 + value : 2000 + value
            seen.yearOfCentury = true
            seen.date = true
        case "d", "e":
            guard let value = number(1...31, 2) else { return false }
            time.day = value
            seen.day = true
            seen.date = true
        case "m":
            guard let value = number(1...12, 2) else { return false }
            time.month = value - 1
            seen.month = true
            seen.date = true
        case "j":
            guard let value = number(1...366, 3) else { return false }
            time.yearday = value - 1
            seen.yearday = true
        case "u", "w":
            guard let value = number(letter == "u" ? 1...7 : 0...6, 1) else { return false }
            time.weekday = value % 7
            seen.weekday = true
        default:
            guard let value = number(0...53, 2) else { return false }
            seen.week = value
            if letter == "U" { seen.weekFromSunday = true } else { seen.weekFromMonday = true }
        }
        return true
    }

    private mutating func clock(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "H", "k":
            guard let value = number(0...23, 2) else { return false }
            time.hour = value
            seen.hourOfHalfDay = false
        case "I", "l":
            guard let value = number(1...12, 2) else { return false }
            time.hour = value % 12
            seen.hourOfHalfDay = true
        case "M":
            guard let value = number(0...59, 2) else { return false }
            time.minute = value
        case "S":
            guard let value = number(0...61, 2) else { return false }
            time.second = Double(value)
        default: return false
        }
        return true
    }

    private mutating func name(_ letter: Unicode.Scalar) -> Bool {
        if letter == "p" {
            if take("AM", upTo: 2) {
                seen.afternoon = false
            } else if take("PM", upTo: 2) {
                seen.afternoon = true
            } else {
                return false
            }
            return true
        }
        let isWeekday = letter == "a" || letter == "A"
        for number in 0..<(isWeekday ? 7 : 12) {
            let name = isWeekday ? TimeNames.weekday(number) : TimeNames.month(number)
            guard take(name, upTo: name.utf8CodeUnitCount) || take(name, upTo: 3) else { continue }
            if isWeekday {
                time.weekday = number
                seen.weekday = true
            } else {
                time.month = number
                seen.month = true
                seen.date = true
            }
            return true
        }
        return false
    }

    /// `Z`, or a sign and hours, with minutes, with or without a colon. jq does not use the value.
    private mutating func difference() -> Bool {
        skipSpace()
        if text[offset] == UInt8(ascii: "Z") {
            offset += 1
            return true
        }
        guard text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") else {
            return false
        }
        offset += 1
        var value = 0
        var digits = 0
        while digits < 4, isDigit(text[offset]) {
            value = value * 10 + Int(text[offset] - 0x30)
            digits += 1
            offset += 1
            if digits == 2, text[offset] == UInt8(ascii: ":"), isDigit(text[offset + 1]) {
                offset += 1
            }
        }
        return digits == 2 || (digits == 4 && value % 100 < 60)
    }

    /// `%s`: digits -> every field of that second in the local zone.
    private mutating func epochSeconds() -> Bool {
        guard isDigit(text[offset]) else { return false }
        var value = 0
        while isDigit(text[offset]) {
            // A number that is too long for a time is clamped to one that no calendar has.
            value = min(1 << 57, value * 10 + Int(text[offset] - 0x30))
            offset += 1
        }
        guard let local = BrokenDownTime.localtime(seconds: Double(value), zone: zone) else {
            return false
        }
        time = local.time
        return true
    }

    /// The conversions that allow `%E`; the C locale has no eras, so a year of one (`%Ey`) cannot
    /// be read.
    private static func hasEra(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "c", "C", "x", "X", "Y": true
        default: false
        }
    }

    private static func hasAlternative(_ letter: Unicode.Scalar) -> Bool {
        switch letter {
        case "b", "B", "h", "d", "e", "H", "I", "m", "M", "S", "U", "W", "V", "w", "y": true
        default: false
        }
    }

    // MARK: - What follows from what was read

    private mutating func complete() {
        if seen.hourOfHalfDay, seen.afternoon { time.hour += 12 }
        if let century = seen.century {
            time.year = century * 100 + (seen.yearOfCentury ? (time.year - 1900) % 100 : 0)
        }
        if seen.date, !seen.weekday {
            if !(seen.month && seen.day), seen.yearday { setDateFromYearday() }
            time.weekday = weekday(month: time.month, day: time.day)
        }
        if seen.date, !seen.yearday {
            var date = time
            date.setWeekdayAndYearday()
            time.yearday = date.yearday
        }
        if seen.weekFromSunday || seen.weekFromMonday, seen.weekday { setDateFromWeek() }
    }

    private mutating func setDateFromYearday() {
        var month = 0
        while month < 11, yearday(ofMonth: month + 1) <= time.yearday { month += 1 }
        if !seen.month { time.month = month }
        if !seen.day { time.day = time.yearday - yearday(ofMonth: month) + 1 }
        seen.month = true
        seen.day = true
    }

    private mutating func setDateFromWeek() {
        let shift = seen.weekFromSunday ? 0 : 1
        let newYear = weekday(month: 0, day: 1)
        if !seen.day { time.day = 1 }
        if !seen.month { time.month = 0 }
        if !seen.yearday {
            time.yearday =
                (7 - (newYear - shift)) % 7 + (seen.week - 1) * 7 + (time.weekday - shift + 7) % 7
        }
        if !seen.day || !seen.month { setDateFromYearday() }
    }

    private func yearday(ofMonth month: Int) -> Int {
        BrokenDownTime.days(year: time.year, month: month)
            - BrokenDownTime.days(year: time.year, month: 0)
    }

    private func weekday(month: Int, day: Int) -> Int {
        BrokenDownTime.weekday(day: BrokenDownTime.days(year: time.year, month: month) + day - 1)
    }

    // MARK: - Bytes

    /// Leading white space, then digits as long as another one can keep the number in range.
    private mutating func number(_ range: ClosedRange<Int>, _ digitsMax: Int) -> Int? {
        skipSpace()
        guard isDigit(text[offset]) else { return nil }
        var value = 0
        var digits = 0
        repeat {
            value = value * 10 + Int(text[offset] - 0x30)
            offset += 1
            digits += 1
        } while digits < digitsMax && value * 10 <= range.upperBound && isDigit(text[offset])
        return range.contains(value) ? value : nil
    }

    /// Reads the first bytes of a name, in either case.
    private mutating func take(_ name: StaticString, upTo count: Int) -> Bool {
        let count = min(count, name.utf8CodeUnitCount)
        for i in 0..<count {
            // Safety: `count` is at most the literal's own byte count.
            guard unsafe text[offset + i] | 0x20 == name.utf8Start[i] | 0x20 else { return false }
        }
        offset += count
        return true
    }

    private mutating func skipSpace() {
        while TimeParser.isSpace(text[offset]) { offset += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    private static func isFlag(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "-", "_", "^", "#", "0"..."9": true
        default: false
        }
    }
}
