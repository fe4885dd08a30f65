// A broken down time and a `strftime` format -> text, as glibc writes it in the C locale.
//
//     %  -  10  E  Y        flags, width, modifier, conversion
//        |  |   |  |
//        |  |   |  the field               |
//        |  |   E or O, which the C locale accepts on some conversions and ignores
//        |  least width; filled with zeros on the left of numbers, with spaces on the left of text
//        _ spaces, - nothing, 0 zeros, ^ upper case, # the other case
//
// An unknown conversion is written unchanged. A NUL byte ends the format, as in C.

/// Writes one time. The output is a caller's buffer: `nil` where the text does not fit.
struct TimeFormatter {
    let time: BrokenDownTime
    let zone: TimeZoneFile
    let offset: ZoneOffset
    private var output: ByteOutput

    /// The greatest width that a format can ask for, in bytes.
    static let widthMax = 1 << 20

    /// The buffer that jq allots to a format of `byteCount` bytes; a longer text makes its
    /// `strftime` fail.
    static func capacity(for byteCount: Int) -> Int { byteCount + 99 }

    /// `strftime`: appends nothing beyond `output`'s end; `zone` and `offset` give `%Z`, `%z` and
    /// `%s` (`.gmt` and its `offset(at: 0)` for UTC).
    /// - Returns: the byte count; nil when the text needs more than the buffer has.
    static func format(
        _ format: UnsafeBufferPointer<UInt8>, _ time: BrokenDownTime,
        zone: TimeZoneFile, offset: ZoneOffset, to output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        var formatter = TimeFormatter(
            time: time, zone: zone, offset: offset, output: unsafe ByteOutput(output))
        // Safety: `ByteText` checks each offset against the buffer's count.
        unsafe formatter.run(ByteText(format), Style())
        return formatter.output.isFull ? nil : formatter.output.byteCount
    }

    /// The flags and width between `%` and the conversion.
    struct Style {
        /// 0 where the format has no flag.
        var pad: UInt8 = 0
        /// -1 where the format has none.
        var width = -1
        var modifier: UInt8 = 0
        var isUpper = false
        var isSwapped = false
    }

    private mutating func run(_ format: ByteText, _ outer: Style) {
        var i = 0
        while i < format.byteCount, !output.isFull {
            let byte = format[i]
            if byte == 0 { return }
            if byte != UInt8(ascii: "%") {
                output.append(byte)
                i += 1
                continue
            }
            let start = i
            i += 1
            var style = Style()
            style.isUpper = outer.isUpper
            readStyle(format, &i, &style)
            let letter = i < format.byteCount ? format[i] : 0
            if convert(letter, style) {
                i += 1
                continue
            }
            // Not a conversion: all of it is text, its last byte included unless that is the end.
            if letter != 0 { i += 1 }
            pad(style, textByteCount: i - start)
            let isUpper = style.isUpper || (style.isSwapped && TimeFormatter.isMonthName(letter))
            for j in start..<i {
                output.append(isUpper ? TimeFormatter.upper(format[j]) : format[j])
            }
        }
    }

    private func readStyle(_ format: ByteText, _ i: inout Int, _ style: inout Style) {
        flags: while i < format.byteCount {
            switch format[i] {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "0"):
                style.pad = format[i]
            case UInt8(ascii: "^"): style.isUpper = true
            case UInt8(ascii: "#"): style.isSwapped = true
            default: break flags
            }
            i += 1
        }
        while i < format.byteCount, (0x30...0x39).contains(format[i]) {
            style.width = min(
                TimeFormatter.widthMax, max(0, style.width) * 10 + Int(format[i] - 0x30))
            i += 1
        }
        if i < format.byteCount, format[i] == UInt8(ascii: "E") || format[i] == UInt8(ascii: "O") {
            style.modifier = format[i]
            i += 1
        }
    }

    // MARK: - Conversions

    /// Writes one conversion; false when the letter, or the letter with its modifier, is not a
    /// conversion.
    private mutating func convert(_ letter: UInt8, _ style: Style) -> Bool {
        if style.modifier != 0, !TimeFormatter.takes(letter, style.modifier) { return false }
        switch Unicode.Scalar(letter) {
        case "a", "A", "b", "B", "h", "p", "P", "Z", "%", "n", "t": text(letter, style)
        case "c": composite("%a %b %e %H:%M:%S %Y", style)
        case "D", "x": composite("%m/%d/%y", style)
        case "F": composite("%Y-%m-%d", style)
        case "R": composite("%H:%M", style)
        case "T", "X": composite("%H:%M:%S", style)
        case "r": composite("%I:%M:%S %p", style)
        case "d": number(time.day, 2, style)
        case "e": number(time.day, 2, spaced(style))
        case "H": number(time.hour, 2, style)
        case "k": number(time.hour, 2, spaced(style))
        case "I": number(hourOfHalfDay, 2, style)
        case "l": number(hourOfHalfDay, 2, spaced(style))
        case "j": number(time.yearday + 1, 3, style)
        case "M": number(time.minute, 2, style)
        case "m": number(time.month + 1, 2, style)
        case "S": number(BrokenDownTime.field(time.second), 2, style)
        case "s": number(time.mktime(zone: zone) ?? -1, 1, style)
        case "U": number((time.yearday - time.weekday + 7) / 7, 2, style)
        case "W": number((time.yearday - (time.weekday + 6) % 7 + 7) / 7, 2, style)
        case "u": number((time.weekday + 6) % 7 + 1, 1, style)
        case "w": number(time.weekday, 1, style)
        case "V": number(isoWeek.week, 2, style)
        case "G": number(isoWeek.year, 1, style)
        case "g": number(twoDigits(isoWeek.year), 2, style)
        case "C": number(BrokenDownTime.floorDivide(time.year, 100), 1, style)
        case "Y": number(time.year, 1, style)
        case "y": number(twoDigits(time.year), 2, style)
        case "z": difference(style)
        default: return false
        }
        return true
    }

    private static func takes(_ letter: UInt8, _ modifier: UInt8) -> Bool {
        switch Unicode.Scalar(letter) {
        case "a", "A", "D", "F": false
        case "c", "x", "X", "Y": modifier == UInt8(ascii: "E")
        case "b", "h", "B", "d", "e", "H", "I", "j", "k", "l", "M", "m", "S", "U", "V", "W", "w",
            "G", "g":
            modifier == UInt8(ascii: "O")
        default: true
        }
    }

    private static func isMonthName(_ letter: UInt8) -> Bool {
        switch Unicode.Scalar(letter) {
        case "b", "B", "h": true
        default: false
        }
    }

    private mutating func text(_ letter: UInt8, _ style: Style) {
        var isUpper = style.isUpper
        var isLower = false
        let literal: StaticString
        switch Unicode.Scalar(letter) {
        case "a", "A":
            isUpper = isUpper || style.isSwapped
            literal = TimeNames.weekday(time.weekday)
        case "b", "B", "h":
            isUpper = isUpper || style.isSwapped
            literal = TimeNames.month(time.month)
        case "p", "P":
            literal = time.hour > 11 ? "PM" : "AM"
            isLower = letter == UInt8(ascii: "P") || style.isSwapped
        case "Z":
            zoneName(style)
            return
        case "n": literal = "\n"
        case "t": literal = "\t"
        default: literal = "%"
        }
        let isShort = letter != UInt8(ascii: "A") && letter != UInt8(ascii: "B")
        let count = isShort ? min(3, literal.utf8CodeUnitCount) : literal.utf8CodeUnitCount
        pad(style, textByteCount: count)
        for i in 0..<count {
            // Safety: `count` is at most the literal's own byte count.
            let byte = unsafe literal.utf8Start[i]
            if isLower {
                output.append(byte | 0x20)
            } else {
                output.append(isUpper ? TimeFormatter.upper(byte) : byte)
            }
        }
    }

    private mutating func zoneName(_ style: Style) {
        pad(style, textByteCount: offset.nameByteCount)
        for byte in zone.names[offset.nameOffset..<offset.nameOffset + offset.nameByteCount] {
            if style.isSwapped {
                output.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
            } else {
                output.append(style.isUpper ? TimeFormatter.upper(byte) : byte)
            }
        }
    }

    /// A conversion that is short for several others: padded on the left with spaces or zeros.
    private mutating func composite(_ format: StaticString, _ style: Style) {
        var inner = Style()
        inner.isUpper = style.isUpper
        // Safety: a StaticString literal's pointer holds for `utf8CodeUnitCount` bytes.
        let text = unsafe ByteText(
            UnsafeBufferPointer(start: format.utf8Start, count: format.utf8CodeUnitCount))
        let start = output.byteCount
        run(text, inner)
        let byteCount = output.byteCount - start
        guard byteCount < style.width, !output.isFull else { return }
        // It is written again after the padding, whose length is known only once it has been
        // written.
        output.byteCount = start
        pad(style, textByteCount: byteCount)
        run(text, inner)
    }

    private func spaced(_ style: Style) -> Style {
        var style = style
        if style.pad != UInt8(ascii: "0"), style.pad != UInt8(ascii: "-") {
            style.pad = UInt8(ascii: "_")
        }
        return style
    }

    /// A number and its sign, padded on the left with zeros or spaces to the conversion's own
    /// digits or the width; `-` leaves out the digits' padding, and the width is then filled with
    /// spaces.
    private mutating func number(_ value: Int, _ digitsMin: Int, _ style: Style) {
        let magnitude = value.magnitude
        var digits = 1
        var power: UInt = 1
        var rest = magnitude / 10
        while rest > 0 {
            digits += 1
            power *= 10
            rest /= 10
        }
        let byteCount = digits + (value < 0 ? 1 : 0)
        let isUnpadded = style.pad == UInt8(ascii: "-")
        let fill = max(0, max(isUnpadded ? 0 : digitsMin, style.width) - byteCount)
        let isSpaced = isUnpadded || style.pad == UInt8(ascii: "_")
        if isSpaced { output.append(0x20, count: fill) }
        if value < 0 { output.append(UInt8(ascii: "-")) }
        if !isSpaced { output.append(UInt8(ascii: "0"), count: fill) }
        while power > 0 {
            output.append(UInt8(truncatingIfNeeded: magnitude / power % 10) + 0x30)
            power /= 10
        }
    }

    /// `%z`: a sign, then hhmm as a number; the width applies to each of the two.
    private mutating func difference(_ style: Style) {
        let minutes = abs(offset.seconds) / 60
        pad(style, textByteCount: 1)
        output.append(offset.seconds < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        number(minutes / 60 * 100 + minutes % 60, 4, style)
    }

    private mutating func pad(_ style: Style, textByteCount: Int) {
        guard style.width > textByteCount else { return }
        let isZero = style.pad == UInt8(ascii: "0")
        output.append(isZero ? UInt8(ascii: "0") : 0x20, count: style.width - textByteCount)
    }

    // MARK: - Fields

    private var hourOfHalfDay: Int {
        let hour = time.hour > 12 ? time.hour - 12 : time.hour
        return hour == 0 ? 12 : hour
    }

    private func twoDigits(_ year: Int) -> Int {
        year - BrokenDownTime.floorDivide(year, 100) * 100
    }

    /// ISO 8601: weeks begin on Monday, and the first is that of the year's first Thursday.
    private var isoWeek: (year: Int, week: Int) {
        func daysSinceFirstWeek(_ yearday: Int) -> Int {
            // The Thursday of the day's own week decides the year.
            let toMonday = (yearday - time.weekday + 382) % 7
            return yearday - toMonday + 3
        }
        var year = time.year
        var days = daysSinceFirstWeek(time.yearday)
        if days < 0 {
            year -= 1
            days = daysSinceFirstWeek(time.yearday + (BrokenDownTime.isLeap(year) ? 366 : 365))
        } else {
            let next = daysSinceFirstWeek(
                time.yearday - (BrokenDownTime.isLeap(year) ? 366 : 365))
            if next >= 0 {
                year += 1
                days = next
            }
        }
        return (year, days / 7 + 1)
    }

    private static func upper(_ byte: UInt8) -> UInt8 {
        (0x61...0x7A).contains(byte) ? byte - 0x20 : byte
    }
}
