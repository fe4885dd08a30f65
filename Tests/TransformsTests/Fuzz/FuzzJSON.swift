// Any bytes as a JSON text -> what is wrong with how they are read, copied and written, or nil. The
// reference is a recursive checker of RFC 8259's grammar.

@testable import Transforms

/// What a fuzzing run feeds bytes to.
protocol FuzzTarget: AnyObject, SendableMetatype {
    /// Pieces that mutations insert.
    static var words: [String] { get }
    init()
    /// What is wrong with the results for these bytes; nil if nothing is.
    func complaint(_ input: [UInt8]) -> String?
}

/// RFC 8259's grammar by recursive descent; surrogates must come in pairs.
struct GrammarChecker {
    private let text: [UInt8]
    private var offset = 0
    private let depthMax: Int

    /// Whether the bytes are one JSON text, nested no deeper than `depthMax`.
    static func accepts(_ text: [UInt8], depthMax: Int) -> Bool {
        var checker = GrammarChecker(text: text, depthMax: depthMax)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { checker.offset = 3 }
        guard checker.value(0) else { return false }
        checker.space()
        return checker.offset == text.count
            && String(validating: text, as: UTF8.self) != nil
    }

    private init(text: [UInt8], depthMax: Int) {
        self.text = text
        self.depthMax = depthMax
    }

    private var next: UInt8? { offset < text.count ? text[offset] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func space() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { offset += 1 }
    }

    private mutating func value(_ depth: Int) -> Bool {
        space()
        switch next {
        case UInt8(ascii: "{"): return container("}", depth + 1, isObject: true)
        case UInt8(ascii: "["): return container("]", depth + 1, isObject: false)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        default: return number()
        }
    }

    private mutating func word(_ word: String) -> Bool {
        guard text[offset...].starts(with: word.utf8) else { return false }
        offset += word.utf8.count
        return true
    }

    private mutating func container(
        _ close: Unicode.Scalar, _ depth: Int, isObject: Bool
    ) -> Bool {
        if depth > depthMax { return false }
        offset += 1
        space()
        if take(close) { return true }
        repeat {
            if isObject {
                space()
                guard next == UInt8(ascii: "\""), string() else { return false }
                space()
                if !take(":") { return false }
            }
            guard value(depth) else { return false }
            space()
        } while take(",")
        return take(close)
    }

    private mutating func string() -> Bool {
        offset += 1
        // A first half of a pair came just before.
        var isHalf = false
        while let byte = next {
            offset += 1
            let isEscape = byte == UInt8(ascii: "\\")
            if isHalf && !isEscape { return false }
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            guard isEscape else { continue }
            guard let escape = next else { return false }
            offset += 1
            if escape == UInt8(ascii: "u") {
                guard let unit = unit() else { return false }
                if isHalf != (0xDC00...0xDFFF).contains(unit) { return false }
                isHalf = (0xD800...0xDBFF).contains(unit)
            } else if isHalf {
                return false
            } else if !"\"\\/bfnrt".utf8.contains(escape) {
                return false
            }
        }
        return false
    }

    private mutating func unit() -> UInt16? {
        let digits = text[offset...].prefix(4)
        guard digits.count == 4,
            digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
        else { return nil }
        offset += 4
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func digits() -> Int {
        let start = offset
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
        return offset - start
    }

    private mutating func number() -> Bool {
        _ = take("-")
        let startsWithZero = next == UInt8(ascii: "0")
        let count = digits()
        if count == 0 || startsWithZero && count > 1 { return false }
        if take("."), digits() == 0 { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { return false }
        }
        return true
    }
}

/// The reader, the reader of events and the writer.
final class FuzzJSON: FuzzTarget {
    static let words = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud83d", "\\ude00", "true", "null",
        "-0", "1e999", "0.", "1E-7", "123456789012345678901", "{\"a\":", "\u{7F}", "é", "\u{FEFF}",
        "nan", "Infinity", "{\"k\":1,\"k\":2}", "[[[[[[[[", "\\/", "\\u00e9", "    \n",
    ]
    private static let depthMax = 40
    private let runner: Runner
    private let keeper: Runner
    private var earlier: [UInt8] = []

    init() {
        var limits = RunLimits()
        limits.depthMax = FuzzJSON.depthMax
        runner = Runner(limits: limits)
        keeper = Runner(limits: limits)
    }

    private enum Reading: Equatable {
        case text([UInt8], end: Int)
        case failed(ReadFailure)
    }

    /// - Parameter isWhole: nothing but white space may follow the value; else texts may.
    private func read(_ input: [UInt8], counts: Bool, isWhole: Bool) -> Reading {
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: FuzzJSON.depthMax, counts: counts)
        var out = OutputBuffer(bytesMax: 1 << 24)
        return unsafe input.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                let bytes = unsafe Bytes(raw)
                reader.begin(bytes)
                let value = isWhole ? try reader.readText(bytes) : try reader.readNext()
                guard let value else {
                    return .failed(ReadFailure(code: .unexpectedEnd, offset: reader.offset))
                }
                try? runner.write(Document(value: value), to: &out)
                runner.heap.release(value)
                return .text(unsafe out.withUnsafeBytes { unsafe Array($0) }, end: reader.offset)
            } catch { return .failed(error) }
        }
    }

    /// A text followed by memory that continues like an earlier one, by a reader that keeps the
    /// names of earlier texts.
    private func readFollowed(_ input: [UInt8]) -> Reading {
        keeper.begin()
        var out = OutputBuffer(bytesMax: 1 << 24)
        let memory = input + earlier.suffix(200) + [0x7D, 0x5D, 0x0A]
        return unsafe memory.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                let text = unsafe UnsafeRawBufferPointer(rebasing: raw[..<input.count])
                let document = unsafe try keeper.read(
                    text, readableAfter: raw.count - input.count)
                try? keeper.write(document, to: &out)
                return .text(unsafe out.withUnsafeBytes { unsafe Array($0) }, end: input.count)
            } catch { return .failed(error) }
        }
    }

    /// Equal, or refused by both: of a text that is too deep and truncated, either may be reported.
    private func isAlike(_ lhs: Reading, _ rhs: Reading) -> Bool {
        if lhs == rhs { return true }
        guard case .failed(let left) = lhs, case .failed(let right) = rhs else { return false }
        return left.code == .tooDeep || right.code == .tooDeep
    }

    /// How many events all texts have; nil where one is refused.
    private func eventCount(_ input: [UInt8]) -> Int? {
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: FuzzJSON.depthMax, counts: true)
        var events = EventReader(
            heap: runner.heap, depthMax: FuzzJSON.depthMax, isSequence: false)
        return unsafe input.withUnsafeBytes { raw in
            let bytes = unsafe Bytes(raw)
            reader.begin(bytes)
            events.move(to: bytes)
            var offset = reader.offset
            var count = 0
            do throws(ReadFailure) {
                while let event = try events.next(&reader, &offset) {
                    runner.heap.release(event)
                    count += 1
                }
                return runner.liveBlocks == 0 ? count : -1
            } catch { return nil }
        }
    }

    /// Whether all of several texts are read.
    private func readsAll(_ input: [UInt8]) -> Bool {
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: FuzzJSON.depthMax, counts: false)
        return unsafe input.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                reader.begin(unsafe Bytes(raw))
                while try reader.readNext() != nil {}
                return true
            } catch { return false }
        }
    }

    func complaint(_ input: [UInt8]) -> String? {
        defer { earlier = input }
        let isText = GrammarChecker.accepts(input, depthMax: FuzzJSON.depthMax)
        let whole = read(input, counts: false, isWhole: true)
        switch whole {
        case .failed(let failure):
            if isText { return "refused a text: \(failure)" }
            if !(0...input.count).contains(failure.offset) { return "offset \(failure)" }
        case .text(let text, _):
            if !isText { return "accepted what is no text" }
            guard case .text(let again, _) = read(text, counts: false, isWhole: true) else {
                return "what was written is refused"
            }
            // What is too large for a literal is written as the largest double, a literal itself.
            let third = read(again, counts: false, isWhole: true)
            if third != .text(again, end: again.count) { return "written otherwise again" }
        }
        let counted = read(input, counts: true, isWhole: true)
        if !isAlike(counted, whole) { return "counted \(counted), borrowed \(whole)" }
        if case .failed = counted, runner.liveBlocks != 0 { return "a failure leaves blocks" }
        if isText && runner.liveBlocks != 0 { return "\(runner.liveBlocks) blocks are left" }
        let near = readFollowed(input)
        if near != whole { return "followed by other bytes \(near), alone \(whole)" }
        let events = eventCount(input)
        if events == -1 { return "events leave blocks behind" }
        if (events != nil) != readsAll(input) { return "events \(events ?? -2)" }
        return nil
    }
}
