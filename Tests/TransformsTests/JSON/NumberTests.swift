// Numbers as text and as values: the reader against strtod, the writer by its contract (its text
// reads back, and no shorter one does) and jq's layout, the power table against big integers, and
// literals as jq 1.8 prints and orders them.

import Glibc
import TestSupport
import Testing

@testable import Transforms

@Suite struct NumberTests {
    // MARK: Reading

    @Test(arguments: [
        "0", "-0", "0.0", "-0.0e10", "1", "-1", "7", "42", "123", "1234", "12345", "123456",
        "1234567", "12345678", "123456789", "0.1", "-0.1", "3.14", "1e0", "1E+5", "1e-5", "1.5e3",
        "65.613616999999977", "-141.00299072265625", "9007199254740993", "9007199254740992.5",
        "9007199254740993.0000000000000000000000000000000000001", "18446744073709551615",
        "18446744073709551616", "99999999999999999999", "0.000000000000000000000000012345",
        "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308",
        "17976931348623158079372897140530341507993413271003e259", "1e308", "1e309", "-1e309",
        "1e400", "1e-400", "-1e-400", "5e-324", "4.9e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014e-308",
        "1e99999999999999999999999", "1e-99999999999999999999999", "0e99999999999999999999999",
        "8.98846567431158e307", "1e22", "1e23", "-1e-22", "123456789012345678901234567890e-30",
        ".5", "-.5", "1.", "1.e3", ".5e1", "007", "00000000000000000000000000000000000012.50",
        "7.2057594037927933e16", "30078505129381147446200", "6250000000000000000000000e-10",
    ])
    func reads(_ text: String) {
        expectAsStrtod(text)
    }

    @Test func readsRandomBitPatterns() {
        var random = SeededGenerator(state: 1)
        for _ in 0..<30_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = value.description
            #expect(double(text).bitPattern == value.bitPattern, "\(text)")
        }
    }

    @Test func readsRandomTexts() {
        var random = SeededGenerator(state: 2)
        for index in 0..<20_000 {
            var text = random.below(2) == 0 ? "-" : ""
            text += random.digits(1 + random.below(21))
            if random.below(3) > 0 {
                text += "." + random.digits(1 + random.below(index % 100 == 0 ? 900 : 24))
            }
            if random.below(2) == 0 {
                text += ["e", "E-", "e+"][random.below(3)]
                text += "\(random.below(random.below(2) == 0 ? 400 : 30))"
            }
            expectAsStrtod(text)
        }
    }

    @Test func readsEveryLength() {
        var random = SeededGenerator(state: 3)
        for count in 1...66 {
            for pointOffset in 0...count {
                let text = random.digits(count)
                let point = text.index(text.startIndex, offsetBy: pointOffset)
                expectAsStrtod(text[..<point] + "." + text[point...])
                expectAsStrtod("-" + text[..<point] + "." + text[point...] + "e-7")
            }
        }
    }

    /// Decimals of every length before and after the point, without and with an exponent.
    @Test func readsDecimalsOfEveryLength() {
        var random = SeededGenerator(state: 20_261_127)
        for before in 1...9 {
            for after in 1...18 {
                for sign in ["", "-"] {
                    for digit in ["", "0", "9"] {
                        func digits(_ count: Int) -> String {
                            digit == ""
                                ? random.digits(count) : String(repeating: digit, count: count)
                        }
                        let text = "\(sign)\(digits(before)).\(digits(after))"
                        for end in ["", "e1", "E-1", "e+10", "e-300"] { expectAsStrtod(text + end) }
                    }
                }
            }
        }
    }

    @Test func readsPowersOfTenAndTheirNeighbours() {
        for exponent in -345...310 {
            for text in ["1e\(exponent)", "9e\(exponent)", "18014398509481985e\(exponent)"] {
                expectAsStrtod(text)
            }
            let value = oracle("1e\(exponent)")
            for neighbour in [value.nextUp, value.nextDown] where neighbour.isFinite {
                #expect(double(neighbour.description) == neighbour)
                #expect(double(text(neighbour)) == neighbour)
            }
        }
    }

    /// Half-way points in full, with up to 800 digits, and the numbers just beside them.
    @Test func readsHalfwayPoints() {
        var random = SeededGenerator(state: 4)
        for biased in stride(from: UInt64(0), to: 2047, by: 13) {
            for fraction in [0, 1, (1 << 52) - 1, random.next() >> 12] as [UInt64] {
                let value = Double(bitPattern: biased << 52 | fraction)
                let half = halfway(above: value)
                let even = value.bitPattern & 1 == 0 ? value : value.nextUp
                #expect(double(half) == even, "\(half)")
                #expect(double(half + "0000000000000000000000000000") == even)
                #expect(double(half + String(repeating: "0", count: 100) + "1") == value.nextUp)
                #expect(double(justBelow(half)) == value, "\(half)")
            }
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("-7", -7), ("12345678", 12_345_678), ("123456789", 123_456_789),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("007", 7),
            ("1000000000000000000", 1_000_000_000_000_000_000), ("-1", -1),
            ("00000000000000000001", nil),
            ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("9999999999999999999", nil),
            ("99999999999999999999", nil), ("-0", nil), ("1.0", nil), ("1e2", nil), ("1.", nil),
            ("123456789012345678901234567890", nil),
        ] as [(String, Int64?)])
    func readsIntegers(_ text: String, _ expected: Int64?) {
        #expect(integer(text) == expected)
    }

    @Test func integersMakeTheRoundTrip() {
        var random = SeededGenerator(state: 5)
        for _ in 0..<20_000 {
            let value = Int64(bitPattern: random.next()) >> Int64(random.below(64))
            #expect(text(value) == "\(value)")
            #expect(integer("\(value)") == value)
            #expect(double("\(value)") == Double(value))
        }
    }

    // MARK: Writing

    @Test(
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (1.5, "1.5"), (100, "100"),
            (.nan, "null"), (.infinity, "1.7976931348623157e+308"),
            (-.infinity, "-1.7976931348623157e+308"),
            (-.greatestFiniteMagnitude, "-1.7976931348623157e+308"),
            (.leastNonzeroMagnitude, "5e-324"),
            (1e-4, "0.0001"), (1e-5, "1e-05"), (1.5e-5, "1.5e-05"), (0.0000999, "9.99e-05"),
            (0.00011, "0.00011"), (1e-7, "1e-07"), (1e-10, "1e-10"), (1.1e-100, "1.1e-100"),
            (1e15, "1000000000000000"), (1e16, "1e+16"), (1.5e16, "15000000000000000"),
            (1e17, "1e+17"), (1.25e18, "1.25e+18"), (1e22, "1e+22"), (1.2e20, "1.2e+20"),
            (9_007_199_254_740_991, "9007199254740991"),
            (9_007_199_254_740_994, "9007199254740994"),
            (1.2345678901234567e19, "12345678901234567000"), (1e100, "1e+100"),
            (1.2345678901234567e30, "1234567890123456700000000000000"),
            (-1.2345678901234567e31, "-12345678901234567000000000000000"),
            (1.2345678901234567e32, "1.2345678901234567e+32"), (123.456, "123.456"),
            (12345678.9, "12345678.9"), (123456789.5, "123456789.5"),
            (1234567890123456.5, "1234567890123456.5"),
            (0.00012345678901234567, "0.00012345678901234567"),
            (9.5367431640625e-07, "9.5367431640625e-07"), (65.613616999999977, "65.61361699999998"),
            (4.35, "4.35"), (2e-44, "2e-44"), (1.2e-307, "1.2e-307"), (123456.0e-3, "123.456"),
        ] as [(Double, String)])
    func writesAsJQ(_ value: Double, _ expected: String) {
        #expect(text(value) == expected)
    }

    /// The standard library's own shortest digits, in jq's layout.
    @Test func writesShortestDigits() {
        var random = SeededGenerator(state: 6)
        let divisors: [Double] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e15, 1e20]
        for index in 0..<30_000 {
            let value =
                switch index % 4 {
                case 0: Double(bitPattern: random.next())
                case 1:
                    Double(Int64(bitPattern: random.next()) >> Int64(random.below(63)))
                        / divisors[random.below(divisors.count)]
                case 2: Double(bitPattern: random.next() & 0x800F_FFFF_FFFF_FFFF)
                default: Double(bitPattern: random.next() % 2047 << 52 &+ random.next() % 3 &- 1)
                }
            guard value.isFinite else { continue }
            #expect(text(value) == referenceText(value))
            #expect(double(text(value)).bitPattern == value.bitPattern)
        }
    }

    @Test func writesEveryExponentAndLength() {
        for biased in UInt64(0)..<2047 {
            for fraction in [0, 1, 2, (1 << 52) - 1, 1 << 51] as [UInt64] {
                let value = Double(bitPattern: biased << 52 | fraction)
                #expect(text(value) == referenceText(value))
                #expect(double(text(value)) == value)
            }
        }
        for count in 1...17 {
            for exponent in -40...40 {
                let digits = String("12345678912345678".prefix(count))
                let value = oracle("-\(digits)e\(exponent)")
                #expect(text(value) == referenceText(value))
            }
        }
    }

    // MARK: Power table

    @Test func powersAreAsDescribed() {
        for q in PowerTable.exponentMin...PowerTable.exponentMax {
            let (high, low) = referenceSignificand(q)
            let entry = PowerTable.significand(q)
            #expect(entry.high == high && entry.low == low, "10^\(q)")
            #expect(entry.low != .max)
        }
        var power: UInt64 = 1
        for q in 0...19 {
            #expect(PowerTable.integer(q) == power)
            power = power &* 10
        }
    }

    // MARK: Literals

    @Test(arguments: [
        ("1E2", "1E+2"), ("100e-2", "1.00"), ("1.000", "1.000"), ("0.0001e4", "1"), ("-0", "-0"),
        ("1e1000", "1E+1000"), ("-1e1000", "-1E+1000"), ("1e-1000", "1E-1000"), ("-0.0", "-0.0"),
        ("0e10", "0E+10"), ("0e-10", "0E-10"), ("-0e5", "-0E+5"), ("0.0e3", "0E+2"),
        ("0e-6", "0.000000"), ("0e-7", "0E-7"), ("0.00e1", "0.0"), ("-0.000e1", "-0.00"),
        ("0.000001", "0.000001"), ("1e-6", "0.000001"), ("1e-7", "1E-7"), ("1e0", "1"),
        ("12e-7", "0.0000012"), ("123e-10", "1.23E-8"), ("1e+0", "1"), ("1e-0", "1"),
        ("1E+5", "1E+5"), ("1.5E1", "15"), ("1.50e3", "1.50E+3"), ("0.0000e5", "0E+1"),
        ("123456789012345678901234567890e5", "1.23456789012345678901234567890E+34"),
        ("13911860366432393", "13911860366432393"), ("1.50e-3", "0.00150"), ("150e-9", "1.50E-7"),
        ("1e999999999", "1E+999999999"), ("10e999999999", "1.7976931348623157e+308"),
        ("-1e1000000000", "-1.7976931348623157e+308"), ("0e1000000000", "0E+999999999"),
        ("9999999999E999999990", "9.999999999E+999999999"), ("1E-999999999", "1E-999999999"),
        ("0.000000001E-999999990", "1E-999999999"), ("1E-1000000000", "1E-1000000000"),
        ("1E-2000000000", "0E-1147483646"), ("1e-1147483646", "1E-1147483646"),
        ("5E-5000000000", "0E-1147483646"), ("-0e-99999999999", "-0E-1147483646"),
        ("1e99999999999999999999", "1.7976931348623157e+308"), ("5E500000000", "5E+500000000"),
        ("1e-99999999999999999999", "0E-1147483646"), ("15e-1147483647", "2E-1147483646"),
        ("5e-1147483647", "1E-1147483646"), ("5e-1147483648", "0E-1147483646"),
        ("99e-1147483647", "1.0E-1147483645"), ("996e-1147483648", "1.0E-1147483645"),
        ("123456e-1147483648", "1.235E-1147483643"), ("10e-1147483647", "1E-1147483646"),
        (".5", "0.5"), ("-.5", "-0.5"), ("1.", "1"), ("1.e3", "1E+3"), (".5e1", "5"),
        ("00012", "12"), (".5e-10", "5E-11"), ("0.50", "0.50"), ("0.", "0"), ("0.e3", "0E+3"),
    ])
    func printsLiterals(_ token: String, _ expected: String) {
        #expect(canonical(token) == expected)
        // The printed form is printed as it is, except that of an infinity.
        if !expected.contains("e") { #expect(canonical(expected) == expected) }
    }

    /// The literals of a group are equal, and less than those of the next.
    @Test func ordersLiterals() {
        let groups = [
            ["-1e1000000000", "-2e2000000000"], ["-1e999999999"], ["-13911860366432393"],
            ["-13911860366432392", "-1.3911860366432392e16"], ["-1.01"],
            ["-1", "-1.000", "-10e-1"],
            ["-1e-10"], ["-1e-1147483646"],
            ["0", "-0", "0.000", "0e5", "-0e-9", ".0", "0.", "1e-2000000000"],
            ["1e-1147483646", "0.1e-1147483645"], ["1e-999999999"], ["0.1e-3", "1e-4", "0.0001"],
            ["0.1", ".1", "1e-1", "0.10000000000000000000000000000"],
            ["0.10000000000000000000000000001"], ["1", "1.0", "001", "1.", "100e-2", "0.0001e4"],
            ["1.00000000000000000000000000000000000000000001"], ["9"], ["10", "1e1"],
            ["100", "1e2"], ["13911860366432392"], ["13911860366432393"],
            ["100000000000000000000000000000000", "1e32"], ["1e500000000", "10000E499999996"],
            ["9.99e999999999"], ["1e1000000000", "10e999999999", "1e99999999999999999999"],
        ]
        for (i, lhs) in groups.enumerated() {
            for (j, rhs) in groups.enumerated() {
                for a in lhs {
                    for b in rhs {
                        #expect(compare(a, b) == (i - j).signum(), "\(a) \(b)")
                    }
                }
            }
        }
    }
}

// MARK: Calls

private func double(_ text: some StringProtocol) -> Double {
    var text = String(text)
    return text.withUTF8 { unsafe DecimalReader.double($0.baseAddress!, $0.count) }
}

private func integer(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { unsafe DecimalReader.integer($0.baseAddress!, $0.count) }
}

/// What `body` writes; it must not change the bytes after the room that it is given.
private func written(_ room: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
    var bytes = [UInt8](repeating: 0xAA, count: room + 8)
    let count = unsafe bytes.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress!) }
    #expect(count <= room && bytes[room...].allSatisfy { $0 == 0xAA })
    return String(decoding: bytes[..<count], as: UTF8.self)
}

private func text(_ value: Double) -> String {
    unsafe written(DoubleWriter.roomMax) { unsafe DoubleWriter.write(value, to: $0) }
}

private func text(_ value: Int64) -> String {
    unsafe written(24) { unsafe DoubleWriter.write(value, to: $0) }
}

private func canonical(_ token: String) -> String {
    var token = token
    return token.withUTF8 { bytes in
        unsafe written(bytes.count + 24) {
            unsafe LiteralText.canonical(bytes.baseAddress!, bytes.count, to: $0)
        }
    }
}

private func compare(_ a: String, _ b: String) -> Int {
    var a = a
    var b = b
    return a.withUTF8 { left in
        b.withUTF8 { right in
            unsafe LiteralText.compare(
                left.baseAddress!, left.count, right.baseAddress!, right.count)
        }
    }
}

// MARK: Reference implementations

private func oracle(_ text: some StringProtocol) -> Double { unsafe strtod(String(text), nil) }

private func expectAsStrtod(
    _ text: some StringProtocol, sourceLocation: SourceLocation = #_sourceLocation
) {
    let value = double(text)
    let expected = oracle(text)
    #expect(value.bitPattern == expected.bitPattern, "\(text)", sourceLocation: sourceLocation)
}

/// jq's layout of the digits that the standard library gives.
private func referenceText(_ value: Double) -> String {
    let parts = value.magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = Array(mantissa.joined())
    var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1])! : 0)
    while digits.count > 1, digits[0] == "0" {
        digits.removeFirst()
        point -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    let sign = value.sign == .minus ? "-" : ""
    if digits == ["0"] { return sign + "0" }
    if point <= -4 || point > digits.count + 15 {
        let exponent = point - 1
        let fraction = digits.count > 1 ? "." + String(digits[1...]) : ""
        let power = (exponent < 0 ? "e-" : "e+") + (abs(exponent) < 10 ? "0" : "")
        return "\(sign)\(digits[0])\(fraction)\(power)\(abs(exponent))"
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + String(digits) }
    while digits.count < point { digits.append("0") }
    let fraction = digits.count > point ? "." + String(digits[point...]) : ""
    return sign + String(digits[..<point]) + fraction
}

/// A natural number as decimal digits, the lowest first: simple rather than fast.
private struct DecimalDigits {
    var digits: [UInt8]

    init(_ number: UInt64) {
        digits = String(number).reversed().map { UInt8($0.wholeNumberValue!) }
    }

    mutating func multiply(by factor: Int) {
        var carry = 0
        for index in digits.indices {
            let product = Int(digits[index]) * factor + carry
            digits[index] = UInt8(product % 10)
            carry = product / 10
        }
        while carry > 0 {
            digits.append(UInt8(carry % 10))
            carry /= 10
        }
    }
}

/// The point half-way from `value` to the next Double, as `ddd.ddd` without an exponent.
private func halfway(above value: Double) -> String {
    let biased = Int(value.bitPattern >> 52)
    let fraction = value.bitPattern & (1 << 52 - 1)
    let significand = biased == 0 ? fraction : fraction | 1 << 52
    let exponent = max(biased, 1) - 1076
    var number = DecimalDigits(2 * significand + 1)
    for _ in 0..<abs(exponent) { number.multiply(by: exponent > 0 ? 2 : 5) }
    var text = String(number.digits.reversed().map { Character("\($0)") })
    guard exponent < 0 else { return text + ".0" }
    while text.count <= -exponent { text = "0" + text }
    let point = text.index(text.endIndex, offsetBy: exponent)
    return text[..<point] + "." + text[point...]
}

/// A number with a point, less one unit of its last digit that is not zero, and then many nines.
private func justBelow(_ text: String) -> String {
    var characters = Array(text)
    let last = characters.lastIndex { $0 != "0" && $0 != "." }!
    characters[last] = Character("\(characters[last].wholeNumberValue! - 1)")
    for index in characters.indices where index > last && characters[index] != "." {
        characters[index] = "9"
    }
    return String(characters) + "99999999999999999999999"
}

/// The significand of 10^q, from 5^|q| in 32-bit words, the lowest first.
private func referenceSignificand(_ q: Int) -> (UInt64, UInt64) {
    var power: [UInt64] = [1]
    for _ in 0..<abs(q) {
        var carry: UInt64 = 0
        for index in power.indices {
            carry += power[index] * 5
            power[index] = carry & 0xFFFF_FFFF
            carry >>= 32
        }
        if carry > 0 { power.append(carry) }
    }
    var bits = power.reversed().flatMap { word in (0..<32).map { word >> (31 - $0) & 1 == 1 } }
    bits.removeFirst(bits.firstIndex(of: true)!)
    if q < 0 { bits = quotientBits(of: bits, count: 128) }
    bits += Array(repeating: false, count: max(0, 128 - bits.count))
    var (high, low): (UInt64, UInt64) = (0, 0)
    for bit in bits[..<64] { high = high << 1 | (bit ? 1 : 0) }
    for bit in bits[64..<128] { low = low << 1 | (bit ? 1 : 0) }
    return (high, -27 <= q && q < 0 ? low + 1 : low)
}

/// The first `count` bits of a power of two divided by an odd number above 1, by long division.
private func quotientBits(of divisor: [Bool], count: Int) -> [Bool] {
    let divisorCount = divisor.count
    // One word a bit, the highest first; the remainder starts as the power of two just above.
    var remainder = [1] + Array(repeating: 0, count: divisorCount)
    let subtrahend = [0] + divisor.map { $0 ? 1 : 0 }
    var quotient: [Bool] = []
    while quotient.count < count {
        let fits = !remainder.lexicographicallyPrecedes(subtrahend)
        quotient.append(fits)
        if fits {
            for index in stride(from: divisorCount, through: 0, by: -1) {
                remainder[index] -= subtrahend[index]
                if remainder[index] < 0 {
                    remainder[index] += 2
                    remainder[index - 1] -= 1
                }
            }
        }
        remainder.removeFirst()
        remainder.append(0)
    }
    return quotient
}

extension SeededGenerator {
    fileprivate mutating func digits(_ count: Int) -> String {
        String((0..<count).map { _ in Character("\(below(10))") })
    }
}

/// The sign of zero is jq's: a literal loses it, a computed number keeps it.
@Test(arguments: [
    ("-0", "0"), ("[-.]", "[0]"), ("-(-.)", "0"), ("0 * -1", "-0"), ("-0.0", "0.0"),
    ("[-0.0, -0e3]", "[0.0,0E+3]"), ("\"-0\" | tonumber | ., abs, length", "-0 -0 0"),
])
func signsOfZero(_ program: String, _ outputs: String) {
    #expect(Harness.run(program, input: "0").outputs.joined(separator: " ") == outputs)
}
