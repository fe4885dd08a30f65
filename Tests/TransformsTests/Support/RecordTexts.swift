// Arrays of records that are alike, with a value of any kind in some of them: what the fast loop
// over records reads, and where it must stop.

enum RecordTexts {
    /// Scalars of every length and kind, containers, and malformed values.
    static let values: [String] = {
        var values = [
            "null", "true", "false", "nul", "truee", "{}", "[]", "{ }", "[1]", "{\"x\":1}", "[[]]",
            "-",
            "-0", "-7", "007", "0", "00", "0.", ".5", "1.", "1.e3", "1e3", "1E+2", "1e", "0.0e-1",
            "-0.5",
            "1 ", " 1", "\"a\" ", "\"a\" x", "", ",", "}", "1}", "1,", "\"", "\"\u{1F}\"",
            "\"\u{7F}\"",
            "\"\\\"\"", "\"\\u00e9\"", "\"\\ud83d\"", "\"\\x\"", "\"Łódź\"", "\"a\u{0}b\"", "1.2.3",
            "12a", "+1", "nan", "\"\\\\\"",
        ]
        for count in 1...34 {
            let digits = String(repeating: "9", count: count)
            values += [
                digits, "1.\(digits)", "\(digits).5", "0.\(digits)", "-\(digits)", "\(digits)e1",
            ]
            let plain = String(repeating: "-", count: count)
            values += ["\"\(plain)\"", "\"\(plain)é\"", "\"\(plain)\\n\"", "\"\(plain)"]
        }
        return values
    }()

    /// - Parameter value: becomes the middle, the last and the first value of a record.
    static func texts(_ value: String) -> [String] {
        let plain = #"{"a":1,"b":"two","c":3.25}"#
        let middle = "{\"a\":1,\"b\":\(value),\"c\":3}"
        let last = "{\"a\":1,\"b\":2,\"c\":\(value)}"
        let first = "{\"a\":\(value),\"b\":2,\"c\":3}"
        let nested = "{\"a\":1,\"b\":{\"a\":\(value),\"b\":2},\"c\":[\(middle),\(last)]}"
        let other = #"{"b":1,"a":2,"c":3},{},{"c":1},{"a":1,"a":2},{"a":1,"b":2,"c":3,"d":4}"#
        let compact = [
            [plain, middle, plain, last, other, first, plain, plain, nested, plain, plain, plain],
            [plain, plain, middle], [plain, plain, last], [plain, nested, other, first],
        ].map { "[\($0.joined(separator: ","))]" }
        return compact + compact[0...1].flatMap { [indented($0, by: 1), indented($0, by: 9)] }
    }

    /// The text with white space outside its strings, as in texts that are formatted for people.
    static func indented(_ text: String, by width: Int) -> String {
        var result = ""
        var depth = 0
        var (isInString, isEscaped) = (false, false)
        func breakLine() { result += "\n" + String(repeating: " ", count: max(0, depth) * width) }
        for character in text.unicodeScalars {
            if isInString {
                isInString = character != "\"" || isEscaped
                isEscaped = character == "\\" && !isEscaped
                result.unicodeScalars.append(character)
                continue
            }
            switch character {
            case "}", "]":
                depth -= 1
                breakLine()
                result.unicodeScalars.append(character)
            case "{", "[", ",":
                depth += character == "," ? 0 : 1
                result.unicodeScalars.append(character)
                breakLine()
            case ":": result += ": "
            default:
                isInString = character == "\""
                result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
