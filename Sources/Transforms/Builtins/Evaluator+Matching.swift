// Regular expressions: `match`, `test`, `split/2`, `sub`, `gsub`. Matches have byte offsets; code
// points are counted from match to match.

extension Evaluator {
    /// What a pattern and its flags request.
    private struct Search {
        let regex: Regex
        let isGlobal: Bool
    }

    private func search(_ input: Value, _ pattern: Value, _ flags: Value, _ node: NodeRef)
        throws(Stop) -> Search
    {
        // Where jq adds "g" to the flags, they are checked first.
        let addsFlag = node.operation == .substitute ? node.isGlobal : node.native == .splitRegex
        if addsFlag && !flags.isString && !flags.isNull {
            let flag = try heap.string("g")
            throw raiseOperands(.cannotAdd, retain(flags), flag, node)
        }
        if !input.isString { throw raise(.cannotMatch, input, at: node) }
        if !pattern.isString { throw raise(.notString, pattern, at: node) }
        if !flags.isString && !flags.isNull { throw raise(.notString, flags, at: node) }
        var options: RegexOptions = []
        var isGlobal = false
        if flags.isString {
            let letters = flags.bytes
            for i in 0..<letters.count {
                try heap.chargeElement(i)
                if letters[i] == UInt8(ascii: "g") { isGlobal = true }
                guard let option = RegexOptions(jqFlag: letters[i]) else {
                    var text = retain(flags)
                    if addsFlag { try append(&text, "g") }
                    try append(&text, " is not a valid modifier string")
                    throw raise(text, at: node)
                }
                options.formUnion(option)
            }
        }
        let hash = try heap.hash(pattern.bytes)
        try charge(min(pattern.count, RegexLimits.patternBytesMax))
        do throws(RegexError) {
            let regex = unsafe try state.pointee.regexes.regex(pattern.bytes, options, hash: hash)
            return Search(regex: regex, isGlobal: isGlobal)
        } catch {
            throw raise(text: "Regex failure: \(error.message)", at: node)
        }
    }

    /// Runs `body` after each match, whose groups are in the matcher. After an empty match the
    /// search continues one character later; jq 1.8 continues one byte later, and finds such
    /// matches again inside a character.
    private func eachMatch(
        _ search: Search, _ input: Value, _ body: (Range<Int>) throws(Stop) -> Flow
    ) throws(Stop) {
        let bytes = input.bytes
        let subject = unsafe UnsafeBufferPointer(
            start: UnsafePointer(bytes.base), count: bytes.count)
        var from = 0
        while from <= bytes.count {
            try charge(1)
            if unsafe try !firstMatch(search.regex, subject, from) { return }
            guard let range = unsafe state.pointee.regexes.matcher.range(ofGroup: 0) else { return }
            if try body(range) == .stop || !search.isGlobal { return }
            from = range.upperBound
            guard range.isEmpty else { continue }
            repeat { from += 1 } while unsafe from < bytes.count && subject[from] & 0xC0 == 0x80
        }
    }

    private func firstMatch(_ regex: Regex, _ subject: UnsafeBufferPointer<UInt8>, _ from: Int)
        throws(Stop) -> Bool
    {
        do throws(RegexStop) {
            return unsafe try state.pointee.regexes.matcher.firstMatch(
                regex, in: subject, from: from
            ) {
                (steps) throws(RegexStop) in
                do throws(Stop) { try charge(steps) } catch { throw .budget }
            }
        } catch {
            throw error == .memory ? heap.stop(.memory) : .limit
        }
    }

    /// `_match`, `_test`, `split/2`
    func match(_ input: Value, _ pattern: Value, _ flags: Value, _ native: Native, _ node: NodeRef)
        throws(Stop) -> Value
    {
        let search = try search(input, pattern, flags, node)
        switch native {
        case .testRegex:
            var isFound = false
            try eachMatch(Search(regex: search.regex, isGlobal: false), input) { _ throws(Stop) in
                isFound = true
                return .stop
            }
            return Value(isFound)
        case .splitRegex:
            var parts = try heap.makeArray(capacity: 4)
            var start = 0
            try eachMatch(Search(regex: search.regex, isGlobal: true), input) {
                range throws(Stop) in
                try heap.push(&parts, try heap.substring(input, start, range.lowerBound))
                start = range.upperBound
                return .more
            }
            try heap.push(&parts, try heap.substring(input, start, input.count))
            return parts
        default:
            var matches = try heap.makeArray(capacity: 1)
            var counter = CodePointCounter(input)
            try eachMatch(search, input) { range throws(Stop) in
                try heap.push(&matches, try matchObject(search.regex, input, range, &counter))
                return .more
            }
            return matches
        }
    }

    /// Counts code points up to offsets that usually grow.
    private struct CodePointCounter {
        private let input: Value
        private var offset = 0
        private var count = 0

        init(_ input: Value) { self.input = input }

        /// The number of code points before `upto`. Going on from the last offset costs the bytes
        /// between.
        mutating func index(_ upto: Int, _ heap: Heap) throws(Stop) -> Int {
            if input.isASCII { return upto }
            if upto < offset { (offset, count) = (0, 0) }
            count += try heap.codePointCount(input.bytes.slice(offset, upto))
            offset = upto
            return count
        }

        /// The code points in a range, without moving.
        func count(_ range: Range<Int>, _ heap: Heap) throws(Stop) -> Int {
            if input.isASCII { return range.count }
            return try heap.codePointCount(input.bytes.slice(range.lowerBound, range.upperBound))
        }
    }

    /// `{offset, length, string, captures: [{offset, length, string, name}]}`
    private func matchObject(
        _ regex: Regex, _ input: Value, _ range: Range<Int>, _ counter: inout CodePointCounter
    ) throws(Stop) -> Value {
        var captures = try heap.makeArray(capacity: regex.groupCount)
        let start = try counter.index(range.lowerBound, heap)
        for group in 0..<regex.groupCount {
            let captured = unsafe state.pointee.regexes.matcher.range(ofGroup: group + 1)
            var local = counter
            let offset = try captured.map { range throws(Stop) in
                try local.index(range.lowerBound, heap)
            }
            var object: Value
            if let captured, let offset, !captured.isEmpty {
                object = try part(input, captured, offset, counter)
            } else {
                // jq's order of members, which differs for these.
                object = try heap.makeObject(capacity: 4)
                try set(&object, "offset", Value(integer: offset ?? -1))
                try set(&object, "string", captured == nil ? .null : heap.substring(input, 0, 0))
                try set(&object, "length", Value(integer: 0))
            }
            var name = Value.null
            if let text = regex.groupNames[group] { name = try heap.string(text) }
            try set(&object, "name", name)
            try heap.push(&captures, object)
        }
        var object = try part(input, range, start, counter)
        try set(&object, "captures", captures)
        return object
    }

    /// `_capture`: an output of `match` -> `{name: string}` of its named groups.
    func namedCaptures(_ match: Value) throws(Stop) -> Value {
        let captures = try heap.member(match, Evaluator.name("captures").bytes)
        guard captures.isArray else { return .null }
        var result = try heap.makeObject(capacity: captures.count)
        for i in 0..<captures.count {
            try heap.chargeElement(i)
            let name = try heap.member(captures.slots[i], Evaluator.name("name").bytes)
            let text = try heap.member(captures.slots[i], Evaluator.name("string").bytes)
            if name.isString { try heap.set(&result, retain(name), retain(text)) }
        }
        return result
    }

    private func part(
        _ input: Value, _ range: Range<Int>, _ offset: Int, _ counter: CodePointCounter
    )
        throws(Stop) -> Value
    {
        var object = try heap.makeObject(capacity: 4)
        try set(&object, "offset", Value(integer: offset))
        try set(&object, "length", Value(integer: try counter.count(range, heap)))
        try set(&object, "string", try heap.substring(input, range.lowerBound, range.upperBound))
        return object
    }

    private func set(_ object: inout Value, _ name: StaticString, _ value: Value) throws(Stop) {
        // Safety: a static string's bytes outlive every run.
        let bytes = unsafe Bytes(
            UnsafeMutablePointer(mutating: name.utf8Start), name.utf8CodeUnitCount)
        try heap.appendMember(
            &object, Value(string: bytes, flags: Value.ascii | Value.plain), value)
    }

    // MARK: Substitution

    /// `sub`, `gsub`: the text with each match replaced. Where the replacement has several outputs,
    /// the first ones of all matches make one result, the second ones the next; without any output,
    /// the result is the input.
    func eachSubstitute(_ node: NodeRef, _ frame: Slots, _ input: Value, _ emit: Emit)
        throws(Stop) -> Flow
    {
        let pattern = try one(node.a, frame, input)
        let flags = try one(node.c, frame, input)
        defer { releaseBoth(pattern, flags) }
        var search = try search(input, pattern, flags, node)
        if node.isGlobal { search = Search(regex: search.regex, isGlobal: true) }
        // The replacements may match too, so all matches are found before they are made.
        let matches = try substitutions(search, input)
        defer { release(matches) }
        var results = try heap.makeArray(capacity: 1)
        defer { release(results) }
        var previous = 0
        for i in stride(from: 0, to: matches.count, by: 3) {
            try charge(1)
            let gap = try heap.substring(input, previous, matches.slots[i].integer)
            defer { release(gap) }
            previous = matches.slots[i + 1].integer
            func insert(_ text: Value, _ index: Int) throws(Stop) {
                let insert = try add(retain(gap), text, node)
                if index == results.count { return try heap.push(&results, insert) }
                let before = results.slots[index]
                results.slots[index] = .null
                results.slots[index] = try add(before, insert, node)
            }
            if node.b.hasOne {
                let text = try one(node.b, frame, matches.slots[i + 2])
                if text.isPresent { try insert(text, 0) }
                continue
            }
            // As in jq all texts of a match are made before the first is added.
            let texts = try collect(node.b, frame, matches.slots[i + 2])
            defer { release(texts) }
            for index in 0..<texts.count { try insert(retain(texts.slots[index]), index) }
        }
        if results.count == 0 { return try emit(retain(input)) }
        let rest = try heap.substring(input, previous, input.count)
        defer { release(rest) }
        for i in 0..<results.count {
            let text = results.slots[i]
            results.slots[i] = .null
            if try emit(try add(text, retain(rest), node)) == .stop { return .stop }
        }
        return .more
    }

    /// Start, end and named captures of each match.
    private func substitutions(_ search: Search, _ input: Value) throws(Stop) -> Value {
        var matches = try heap.makeArray(capacity: 3)
        try eachMatch(search, input) { range throws(Stop) in
            var captures = try heap.makeObject(capacity: search.regex.groupCount)
            for group in 0..<search.regex.groupCount {
                guard let name = search.regex.groupNames[group] else { continue }
                var text = Value.null
                if let range = unsafe state.pointee.regexes.matcher.range(ofGroup: group + 1) {
                    text = try heap.substring(input, range.lowerBound, range.upperBound)
                }
                try heap.set(&captures, try heap.string(name), text)
            }
            try heap.push(&matches, Value(integer: range.lowerBound))
            try heap.push(&matches, Value(integer: range.upperBound))
            try heap.push(&matches, captures)
            return .more
        }
        return matches
    }
}
