// Which terms are constants: literals, and arrays and objects of them. Module metadata must be a
// constant, and a constant as a member's name must be a string:
//
//     module {name: "m", tags: [1, null]};        {(1): 2}

extension Term {
    enum ConstantKind: String {
        case null, boolean, number, string, array, object
    }

    /// The kind of the term's value if that does not depend on the input; nil for all but literals.
    var constantKind: ConstantKind? {
        switch kind {
        case .number: return .number
        case .call("null", let arguments) where arguments.isEmpty: return .null
        case .call("true", let arguments) where arguments.isEmpty: return .boolean
        case .call("false", let arguments) where arguments.isEmpty: return .boolean
        case .string(_, let parts):
            return parts.allSatisfy { if case .text = $0 { true } else { false } } ? .string : nil
        case .location: return .object
        case .array(nil): return .array
        case .array(let elements?): return elements.isConstantList ? .array : nil
        case .object(let members):
            return members.allSatisfy {
                $0.name.constantKind == .string && $0.value?.constantKind != nil
            } ? .object : nil
        default: return nil
        }
    }

    /// A constant as JSON text, for messages: at least as much of it as they show.
    var constantText: String {
        var text = ""
        appendConstant(to: &text)
        return text
    }

    private static let constantBytesShown = 64

    private func appendConstant(to text: inout String) {
        if text.utf8.count > Term.constantBytesShown { return }
        switch kind {
        case .number(let digits): text += digits
        case .call(let name, _): text += name
        case .string(_, let parts):
            text += "\""
            for case .text(let part) in parts { Term.escape(part, to: &text) }
            text += "\""
        case .location(let line): text += "{\"file\":\"<top-level>\",\"line\":\(line)}"
        case .comma(let terms):
            for (index, term) in terms.enumerated() {
                if index > 0 { text += "," }
                term.appendConstant(to: &text)
            }
        case .array(let elements):
            text += "["
            elements?.appendConstant(to: &text)
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                member.name.appendConstant(to: &text)
                text += ":"
                member.value?.appendConstant(to: &text)
            }
            text += "}"
        default: break
        }
    }

    private static func escape(_ part: String, to text: inout String) {
        for scalar in part.unicodeScalars.prefix(constantBytesShown) {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// Whether the term is a list of constants, joined by `,`.
    private var isConstantList: Bool {
        guard case .comma(let terms) = kind else { return constantKind != nil }
        return terms.allSatisfy { $0.constantKind != nil }
    }
}
