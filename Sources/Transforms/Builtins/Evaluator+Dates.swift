// Dates: seconds since the epoch <-> broken down time <-> text (see Time/).
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

import Glibc

extension Evaluator {
    /// `now`, `gmtime`, `localtime`, `mktime`
    func date(_ input: Value, _ native: Native, _ node: NodeRef) throws(Stop) -> Value {
        try charge(16)
        switch native {
        case .now:
            var time = timespec()
            unsafe clock_gettime(CLOCK_REALTIME, &time)
            return Value(
                double: Double(time.tv_sec) + (Double(time.tv_nsec) / 1000).rounded(.down) / 1e6)
        case .mktime:
            if !input.isArray { throw raise("mktime requires array inputs", at: node) }
            guard let time = brokenDown(input) else {
                throw raise("mktime requires parsed datetime inputs", at: node)
            }
            guard let seconds = time.timegm() else {
                throw raise("invalid gmtime representation", at: node)
            }
            return Evaluator.number(Double(seconds))
        default:
            let isLocal = native == .localtime
            if !input.isNumber {
                throw raise(
                    isLocal
                        ? "localtime() requires numeric inputs"
                        : "gmtime() requires numeric inputs",
                    at: node)
            }
            return try array(of: try time(input, isLocal: isLocal, node).time)
        }
    }

    /// `strftime`, `strflocaltime`, `strptime`
    func date(_ input: Value, _ format: Value, _ native: Native, _ node: NodeRef) throws(Stop)
        -> Value
    {
        try charge(16)
        if native == .strptime { return try parseDate(input, format, node) }
        let isLocal = native == .strflocaltime
        let name = isLocal ? "strflocaltime/1" : "strftime/1"
        var zone = TimeZoneFile.gmt
        var offset = zone.offset(at: 0)
        let fields: BrokenDownTime
        if input.isNumber {
            (fields, offset) = try time(input, isLocal: isLocal, node)
            if isLocal { zone = .system }
        } else {
            guard input.isArray, let given = brokenDown(input) else {
                throw raise(text: "\(name) requires parsed datetime inputs", at: node)
            }
            if !format.isString { throw raise(text: "\(name) requires a string format", at: node) }
            if isLocal {
                zone = .system
                guard let seconds = given.mktime(zone: zone),
                    let local = BrokenDownTime.localtime(seconds: Double(seconds), zone: zone)
                else { throw raise(text: "\(name): unknown system failure", at: node) }
                (fields, offset) = local
            } else {
                guard let normal = given.normalized() else {
                    throw raise("invalid gmtime representation", at: node)
                }
                fields = normal
            }
        }
        if !format.isString { throw raise(text: "\(name) requires a string format", at: node) }
        if format.count > Evaluator.dateByteCountMax {
            throw raise(text: "\(name): format too long", at: node)
        }
        return try write(fields, format, zone, offset, name, node)
    }

    private func write(
        _ fields: BrokenDownTime, _ format: Value, _ zone: TimeZoneFile, _ offset: ZoneOffset,
        _ name: String, _ node: NodeRef
    ) throws(Stop) -> Value {
        let bytes = format.bytes
        let room = TimeFormatter.capacity(for: bytes.count)
        let text = try heap.makeString(room)
        try charge(room / 16)
        let count = unsafe TimeFormatter.format(
            UnsafeBufferPointer(start: bytes.base, count: bytes.count), fields, zone: zone,
            offset: offset,
            to: UnsafeMutableBufferPointer(start: text.bytes.base, count: room))
        guard let count else {
            release(text)
            throw raise(text: "\(name): unknown system failure", at: node)
        }
        Heap.setUsed(UInt(text.payload), count)
        return text.with(count: count)
    }

    private func time(_ input: Value, isLocal: Bool, _ node: NodeRef)
        throws(Stop) -> (time: BrokenDownTime, offset: ZoneOffset)
    {
        let seconds = heap.double(input)
        let zone = TimeZoneFile.gmt
        if isLocal {
            if let local = BrokenDownTime.localtime(seconds: seconds, zone: .system) {
                return local
            }
        } else if let time = BrokenDownTime.gmtime(seconds: seconds) {
            return (time, zone.offset(at: 0))
        }
        throw raise("error converting number of seconds since epoch to datetime", at: node)
    }

    /// `[year, month, day, hours, minutes, seconds, weekday, yearday]`
    private func array(of time: BrokenDownTime) throws(Stop) -> Value {
        var array = try heap.makeArray(capacity: 8)
        for field in [time.year, time.month, time.day, time.hour, time.minute] {
            try heap.push(&array, Value(integer: field))
        }
        try heap.push(&array, Evaluator.number(time.second))
        try heap.push(&array, Value(integer: time.weekday))
        try heap.push(&array, Value(integer: time.yearday))
        return array
    }

    /// The fields of an array; nil where one of the first eight is not a number.
    private func brokenDown(_ array: Value) -> BrokenDownTime? {
        var fields = [1900.0, 0, 0, 0, 0, 0, 0, 0]
        for i in 0..<min(array.count, 8) {
            let field = array.slots[i]
            if !field.isNumber || heap.double(field).isNaN { return nil }
            fields[i] = heap.double(field)
        }
        var time = BrokenDownTime()
        time.year = BrokenDownTime.yearField(fields[0])
        time.month = BrokenDownTime.field(fields[1])
        time.day = BrokenDownTime.field(fields[2])
        time.hour = BrokenDownTime.field(fields[3])
        time.minute = BrokenDownTime.field(fields[4])
        time.second = Double(BrokenDownTime.field(fields[5]))
        time.weekday = BrokenDownTime.field(fields[6])
        time.yearday = BrokenDownTime.field(fields[7])
        return time
    }

    /// Bound on the formats of dates and on texts that are read as dates: they are processed in one
    /// go.
    private static let dateByteCountMax = 1 << 18

    private func parseDate(_ input: Value, _ format: Value, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isString || !format.isString {
            throw raise("strptime/1 requires string inputs and arguments", at: node)
        }
        let (text, pattern) = (input.bytes, format.bytes)
        if text.count > Evaluator.dateByteCountMax || pattern.count > Evaluator.dateByteCountMax {
            throw raise("strptime/1: date or format too long", at: node)
        }
        try charge((text.count + pattern.count) / 8)
        let parsed = unsafe TimeParser.parse(
            UnsafeBufferPointer(start: text.base, count: text.count),
            format: UnsafeBufferPointer(start: pattern.base, count: pattern.count),
            zone: .system)
        if let parsed {
            var end = parsed.end
            while end < text.count && text[end] != 0 { end += 1 }
            let isWhole = parsed.end == end
            if isWhole || isSpace(text[parsed.end]) {
                var result = try array(of: parsed.time)
                if !isWhole {
                    try heap.push(&result, try heap.substring(input, parsed.end, end))
                }
                return result
            }
        }
        var sentence = try heap.string("date \"")
        try heap.append(&sentence, text.upToNUL, flags: 0)
        try append(&sentence, "\" does not match format \"")
        try heap.append(&sentence, pattern.upToNUL, flags: 0)
        try append(&sentence, "\"")
        throw raise(sentence, at: node)
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
