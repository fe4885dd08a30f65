// The elements of field values that are lists: `gzip;q=0.5, deflate`.
// Source: RFC 9110 5.6.1 (lists), 12.4.2 (weights).

public enum FieldList {
    /// The text without the spaces and tabs around it.
    public static func trimmed<Text: StringProtocol>(_ text: Text) -> Text.SubSequence {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = text.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }

    /// The weight among an element's parameters, from 0 to 1: 1 if there is none, 0 if it is not a
    /// number.
    /// - Parameter parameters: the texts between the semicolons.
    public static func weight(_ parameters: ArraySlice<Substring>) -> Double {
        for parameter in parameters {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]).lowercased() == "q" else { continue }
            guard let weight = Double(trimmed(parts[1])), weight >= 0 else { return 0 }
            return min(weight, 1)
        }
        return 1
    }
}
