// The operators between two terms of an expression, and how tightly they bind:
//
//     .a // .b = 1 or 2 and 3 == 4 + 5 * 6      .a // (.b = (1 or (2 and (3 == (4 + (5 * 6))))))

enum Operator {
    case binary(BinaryOperator)
    case update(UpdateOperator)

    enum Associativity { case left, right, none }

    init?(_ token: Token.Kind) {
        switch token {
        case .slashSlash: self = .binary(.alternative)
        case .or: self = .binary(.or)
        case .and: self = .binary(.and)
        case .equalEqual: self = .binary(.equal)
        case .bangEqual: self = .binary(.notEqual)
        case .less: self = .binary(.less)
        case .lessEqual: self = .binary(.lessOrEqual)
        case .greater: self = .binary(.greater)
        case .greaterEqual: self = .binary(.greaterOrEqual)
        case .plus: self = .binary(.add)
        case .minus: self = .binary(.subtract)
        case .star: self = .binary(.multiply)
        case .slash: self = .binary(.divide)
        case .percent: self = .binary(.remainder)
        case .equal: self = .update(.assign)
        case .pipeEqual: self = .update(.modify)
        case .plusEqual: self = .update(.add)
        case .minusEqual: self = .update(.subtract)
        case .starEqual: self = .update(.multiply)
        case .slashEqual: self = .update(.divide)
        case .percentEqual: self = .update(.remainder)
        case .slashSlashEqual: self = .update(.alternative)
        default: return nil
        }
    }

    /// Higher binds tighter: from 2 to 8; `|` and `,` bind less tightly than all of them.
    var precedence: Int {
        switch self {
        case .binary(.alternative): 2
        case .update: 3
        case .binary(.or): 4
        case .binary(.and): 5
        case .binary(.equal), .binary(.notEqual), .binary(.less), .binary(.lessOrEqual),
            .binary(.greater), .binary(.greaterOrEqual):
            6
        case .binary(.add), .binary(.subtract): 7
        case .binary(.multiply), .binary(.divide), .binary(.remainder): 8
        }
    }

    var associativity: Associativity {
        switch precedence {
        case 2: .right
        case 3, 6: .none
        default: .left
        }
    }
}
