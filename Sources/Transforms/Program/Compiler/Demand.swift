// Which parts of its input a filter uses, derived backwards from the parts of its outputs that are
// used:
//
//     .[] | {city: .customer.city, n: (.items | length)}        all of the outputs
//         -> each element: customer.city, and how many items there are
//
// A filter that is not known to use only a part is assumed to use all of its input: updates, paths,
// recursion, calls of definitions, and whatever may show its input in an error message. Scalars are
// always used: `Projection` keeps them.
//
// Benchmark: 12 MB of orders grouped: 29.6 -> 24.8 ms.

indirect enum Demand {
    case all
    /// - Parameters:
    ///   - names: the members that are used, and which parts of them.
    ///   - others: which parts of an object's other members are used; nil: not even their number.
    ///   - elements: which parts of an array's elements are used; nil: not even their number.
    ///   - size: the number of parts in all.
    case parts(names: [(name: [UInt8], demand: Demand)], others: Demand?, elements: Demand?, Int)

    /// None of the parts is used, only whether the value exists, its type, and whether it is true.
    static var shallow: Demand { .parts(names: [], others: nil, elements: nil, 1) }

    /// Programs that use more parts are assumed to use everything.
    private static var sizeMax: Int { 200 }

    var isAll: Bool { if case .all = self { true } else { false } }

    private var size: Int { if case .parts(_, _, _, let size) = self { size } else { 1 } }

    static func of(
        names: [(name: [UInt8], demand: Demand)] = [], others: Demand? = nil,
        elements: Demand? = nil
    ) -> Demand {
        let size = names.reduce(1 + (others?.size ?? 0) + (elements?.size ?? 0)) {
            $0 + $1.demand.size
        }
        return size > sizeMax
            ? .all : .parts(names: names, others: others, elements: elements, size)
    }

    /// Which parts of the member with a name are used; nil for none.
    func member(_ name: [UInt8]) -> Demand? {
        guard case .parts(let names, let others, _, _) = self else { return .all }
        return names.first { $0.name == name }?.demand ?? others
    }

    /// Which parts of an array's elements are used; nil: not even their number.
    var elements: Demand? {
        if case .parts(_, _, let elements, _) = self { elements } else { .all }
    }

    /// The parts that at least one of the two uses.
    func combined(with other: Demand) -> Demand {
        guard case .parts(let names, let others, let elements, _) = self,
            case .parts(let otherNames, let otherOthers, let otherElements, _) = other
        else { return .all }
        var all = names.map { ($0.name, Demand.either($0.demand, other.member($0.name)) ?? .all) }
        for (name, demand) in otherNames where !names.contains(where: { $0.name == name }) {
            all.append((name, Demand.either(demand, member(name)) ?? .all))
        }
        return .of(
            names: all, others: Demand.either(others, otherOthers),
            elements: Demand.either(elements, otherElements))
    }

    private static func either(_ lhs: Demand?, _ rhs: Demand?) -> Demand? {
        guard let lhs, let rhs else { return lhs ?? rhs }
        return lhs.combined(with: rhs)
    }
}

/// Finds the parts that the nodes of a program use.
final class DemandFinder {
    /// Bound on nesting; more deeply nested nodes are assumed to use everything.
    private static let depthMax = 100

    /// The parts of its input that a program uses.
    static func find(_ root: NodeRef) -> Demand { DemandFinder().find(root, .all) }

    private var depth = 0
    /// The parts that the nodes met so far use of the variables around them, by slot.
    private var variables: [Int: Demand] = [:]

    /// The parts of its input that a node uses.
    /// - Parameter wanted: the parts of its outputs that are used.
    private func find(_ node: NodeRef, _ wanted: Demand) -> Demand {
        if depth == DemandFinder.depthMax { return giveUp() }
        depth += 1
        defer { depth -= 1 }
        return look(node, wanted)
    }

    /// A node that is not analysed may use all of its input and of any variable.
    private func giveUp() -> Demand {
        for slot in variables.keys { variables[slot] = .all }
        return .all
    }

    private func look(_ node: NodeRef, _ wanted: Demand) -> Demand {
        switch node.operation {
        case .identity: return wanted
        case .constant, .empty, .environment, .breakLabel: return .shallow
        case .variable:
            if let known = variables[node.slot] {
                variables[node.slot] = known.combined(with: wanted)
            }
            return .shallow
        case .bind: return lookAtBinding(node, wanted)
        case .reduce, .foreach: return lookAtFold(node)
        case .field:
            return find(node.a, .of(names: [(name(node), wanted)]))
        case .index, .slice: return lookAtIndexed(node, wanted)
        case .iterate: return find(node.a, .of(others: wanted, elements: wanted))
        case .pipe: return find(node.a, find(node.b, wanted))
        case .comma: return lookAtLinks(node) { find($0.a, wanted) }
        case .string:
            return lookAtLinks(node) { $0.operation == .link ? find($0.a, .all) : .shallow }
        case .array:
            return wanted.elements.map { find(node.a, $0) } ?? find(node.a, .shallow)
        case .object: return lookAtLinks(node) { lookAtMember($0, wanted) }
        case .negate, .addOf: return find(node.a, .all)
        case .add, .subtract, .multiply, .divide, .remainder, .equal, .notEqual, .less,
            .lessOrEqual, .greater, .greaterOrEqual:
            return find(node.a, .all).combined(with: find(node.b, .all))
        case .and, .or: return find(node.a, .shallow).combined(with: find(node.b, .shallow))
        case .alternative: return find(node.a, wanted).combined(with: find(node.b, wanted))
        case .conditional:
            return find(node.a, .shallow).combined(with: find(node.b, wanted)).combined(
                with: find(node.c, wanted))
        case .attempt:
            // A handler sees messages, and the operand of `error`, which uses everything.
            if node.hasHandler { _ = find(node.b, wanted) }
            return find(node.a, wanted)
        case .label, .first, .last: return find(node.a, wanted)
        case .isEmpty: return find(node.a, .shallow)
        case .limit, .skip: return find(node.a, .all).combined(with: find(node.b, wanted))
        case .any, .all: return find(node.a, find(node.b, .shallow))
        case .select: return wanted.combined(with: find(node.a, .shallow))
        case .map:
            let element = find(node.a, wanted.elements ?? .shallow)
            return .of(others: element, elements: element)
        case .sortBy, .groupBy, .uniqueBy, .minBy, .maxBy: return lookAtKeyed(node, wanted)
        case .native: return lookAtNative(node, wanted)
        default: return giveUp()
        }
    }

    /// `f as $x | g`
    private func lookAtBinding(_ node: NodeRef, _ wanted: Demand) -> Demand {
        variables[node.boundSlot] = .shallow
        let body = find(node.b, wanted)
        return find(node.a, variables.removeValue(forKey: node.boundSlot) ?? .all).combined(
            with: body)
    }

    /// `reduce f as $x (g; h)`: whatever becomes the result is used as a whole.
    private func lookAtFold(_ node: NodeRef) -> Demand {
        let pattern = node.patterns
        guard node.patternCount == 1, pattern.kind == Link.variable else { return giveUp() }
        variables[pattern.slot] = .shallow
        _ = find(node.c, .all)
        if node.operation == .foreach, node.hasExtract { _ = find(node.d, .all) }
        let items = find(node.a, variables.removeValue(forKey: pattern.slot) ?? .all)
        return items.combined(with: find(node.b, .all))
    }

    /// The name of a field, or of a constant that is a string.
    private func name(_ node: NodeRef) -> [UInt8] {
        let bytes = node.value.bytes
        // Safety: the bytes are the program's.
        return unsafe Array(UnsafeBufferPointer(start: bytes.base, count: bytes.count))
    }

    private func lookAtLinks(_ node: NodeRef, _ look: (NodeRef) -> Demand) -> Demand {
        (0..<node.partCount).reduce(.shallow) { $0.combined(with: look(node.part($1))) }
    }

    /// `.[0]`, `.["name"]`, `.[1:3]`
    private func lookAtIndexed(_ node: NodeRef, _ wanted: Demand) -> Demand {
        let bounds = node.operation == .index ? [node.b] : [node.c, node.d]
        let areKnown = bounds.allSatisfy {
            $0.operation == .constant && ($0.value.isNumber || $0.value.isNull)
        }
        guard areKnown else {
            return bounds.reduce(find(node.a, .all)) { $0.combined(with: find($1, .all)) }
        }
        // The number of elements is used in any case.
        let elements = node.operation == .index ? wanted : wanted.elements
        return find(node.a, .of(elements: elements ?? .shallow))
    }

    private func lookAtMember(_ member: NodeRef, _ wanted: Demand) -> Demand {
        if member.a.operation == .constant {
            let value = wanted.member(name(member.a))
            return find(member.b, value ?? .shallow)
        }
        let name = find(member.a, .all)
        return member.hasValue ? name.combined(with: find(member.b, .all)) : .all
    }

    /// A value that is not an array is shown in the error's message.
    private func lookAtKeyed(_ node: NodeRef, _ wanted: Demand) -> Demand {
        let element: Demand?
        switch node.operation {
        case .groupBy: element = wanted.elements?.elements
        case .minBy, .maxBy: element = wanted
        default: element = wanted.elements
        }
        return .of(others: .all, elements: find(node.a, .all).combined(with: element ?? .shallow))
    }

    private func lookAtNative(_ node: NodeRef, _ wanted: Demand) -> Demand {
        if node.partCount != 0 { return giveUp() }
        let native = node.native
        if native.isTypeFilter { return wanted }
        switch native {
        case .not, .type: return .shallow
        case .length, .keys, .keysUnsorted: return .of(others: .shallow, elements: .shallow)
        default: return .all
        }
    }
}
