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

    /// Whether the term is a list of constants, joined by `,`.
    private var isConstantList: Bool {
        guard case .comma(let terms) = kind else { return constantKind != nil }
        return terms.allSatisfy { $0.constantKind != nil }
    }
}
