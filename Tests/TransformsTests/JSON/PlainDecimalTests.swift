// The order of numbers by their bytes, against the order by their digits.

import Testing

@testable import Transforms

struct PlainDecimalTests {
    private func orders(_ a: String, _ b: String) -> (quick: Int?, reference: Int) {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        // Safety: the arrays outlive the call.
        return unsafe a.withUnsafeBufferPointer { left in
            unsafe b.withUnsafeBufferPointer { right in
                let quick = unsafe PlainDecimal.compare(
                    left.baseAddress!, left.count, right.baseAddress!, right.count)
                let reference = unsafe LiteralText.compare(
                    left.baseAddress!, left.count, right.baseAddress!, right.count)
                return (quick, reference)
            }
        }
    }

    private static let texts: [String] = {
        var texts = [
            "0", "0.0", "0.000000000000", "1", "1.0", "1.00000000000000000", "10", "10.0", "9",
            "9.999999999999999999", "0.1", "0.10", "0.01", "0.09999999999999999", "1.5", "15",
            "65.613616999999977", "65.613616999999978", "65.6136169999999770", "65.61361699999997",
            "123456789012345678901234567890", "123456789012345678901234567890.5",
            "123456789012345678901234567891", "99999999", "999999999", "12345678", "12345678.9",
        ]
        texts += texts.map { "-" + $0 }
        return texts
    }()

    @Test func agreesOnChosenTexts() {
        for a in Self.texts {
            for b in Self.texts {
                let (quick, reference) = orders(a, b)
                let isMixed = (a.first == "-") != (b.first == "-")
                #expect((quick == nil) == isMixed, "\(a) \(b)")
                if let quick { #expect(quick == reference, "\(a) \(b)") }
            }
        }
    }

    /// Texts that are no plain decimals are left to the other comparison.
    @Test(arguments: ["1e3", "1E3", "1.5e-3", "007", ".5", "+1", "-", "nan", "00", "01.5", "-.5"])
    func leavesWhatIsNotPlain(_ text: String) {
        let sign = text.first == "-" ? "-" : ""
        for other in ["1", "1.5", "1000"] {
            for (a, b) in [(text, sign + other), (sign + other, text)] {
                let (a, b) = (Array(a.utf8), Array(b.utf8))
                // Safety: the arrays outlive the call.
                let order = unsafe a.withUnsafeBufferPointer { left in
                    unsafe b.withUnsafeBufferPointer { right in
                        unsafe PlainDecimal.compare(
                            left.baseAddress!, left.count, right.baseAddress!, right.count)
                    }
                }
                #expect(order == nil, "\(text) \(other)")
            }
        }
    }

    @Test func agreesOnRandomTexts() {
        func digits(_ most: Int) -> String {
            String((0..<Int.random(in: 1...most)).map { _ in "0123456789".randomElement()! })
        }
        for _ in 0..<30_000 {
            let sign = Bool.random() ? "-" : ""
            let whole = Bool.random() ? "\(Int.random(in: 0...1_200))" : "1" + digits(20)
            let fraction = digits(24)
            let a = sign + whole + (Bool.random() ? "." + fraction : "")
            // A similar number: a digit more, a digit less or another digit; or any number.
            var b = Array(sign + whole + "." + fraction)
            switch Int.random(in: 0..<5) {
            case 0: b.append("0")
            case 1: b.append("1")
            case 2: b.removeLast()
            case 3: b[Int.random(in: sign.count..<b.count)] = "123456789".randomElement()!
            default: b = Array(sign + "\(Int.random(in: 0...1_200))." + digits(20))
            }
            let (quick, reference) = orders(a, String(b))
            if let quick { #expect(quick == reference, "\(a) \(String(b))") }
        }
    }
}
