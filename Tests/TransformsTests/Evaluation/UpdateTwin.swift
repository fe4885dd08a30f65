// The slow twin of updates: a document as a tree, a path filter that lists the places it leads to,
// and an update that sets one place after the other and deletes at last what is to go, as jq's
// `|=` does. It shares nothing with the evaluator.

/// A JSON value; objects in the order of their members.
indirect enum Tree: Equatable {
    case null, bool(Bool), number(Double), string(String), array([Tree])
    case object([(name: String, value: Tree)])

    static func == (lhs: Tree, rhs: Tree) -> Bool { lhs.text == rhs.text }

    var text: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let number):
            number == number.rounded() ? "\(Int(number))" : "\(number)"
        case .string(let string): "\"\(string)\""
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\"\($0.name)\":\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }

    var isTrue: Bool { self != .null && self != .bool(false) }
}

/// An error of the twin; its sentence does not matter.
struct TwinError: Error {}

enum TwinKey {
    case name(String), index(Double), slice(Double?, Double?)

    /// As a program's text: `.a`, `.[1.5]`, `.[1:]`.
    var text: String {
        switch self {
        case .name(let name): ".\(name)"
        case .index(let index): ".[\(Tree.number(index).text)]"
        case .slice(let from, let upto):
            ".[\(from.map { Tree.number($0).text } ?? "null"):"
                + "\(upto.map { Tree.number($0).text } ?? "null")]"
        }
    }

    /// As a part of a path that is a value.
    var tree: Tree {
        switch self {
        case .name(let name): .string(name)
        case .index(let index): .number(index)
        case .slice(let from, let upto):
            .object([
                ("start", from.map { .number($0) } ?? .null),
                ("end", upto.map { .number($0) } ?? .null),
            ])
        }
    }
}

// MARK: - One key

extension Tree {
    private static func bounds(_ from: Double?, _ upto: Double?, _ count: Int) -> Range<Int> {
        func place(_ bound: Double, _ rule: FloatingPointRoundingRule) -> Int {
            let place = bound < 0 ? bound + Double(count) : bound
            return Int(Swift.max(0, Swift.min(place.rounded(rule), Double(count))))
        }
        let start = from.map { place($0, .down) } ?? 0
        let end = upto.map { place($0, .up) } ?? count
        return start..<Swift.max(start, end)
    }

    private static func place(_ index: Double, _ count: Int) -> Int {
        let whole = Int(index.rounded(.towardZero))
        return whole < 0 ? whole + count : whole
    }

    func part(_ key: TwinKey) throws(TwinError) -> Tree {
        switch (self, key) {
        case (.null, _): return .null
        case (.object(let members), .name(let name)):
            return members.first { $0.name == name }?.value ?? .null
        case (.array(let elements), .index(let index)):
            let place = Tree.place(index, elements.count)
            return elements.indices.contains(place) ? elements[place] : .null
        case (.array(let elements), .slice(let from, let upto)):
            return .array(Array(elements[Tree.bounds(from, upto, elements.count)]))
        case (.string(let string), .slice(let from, let upto)):
            let letters = Array(string.unicodeScalars)
            let range = Tree.bounds(from, upto, letters.count)
            return .string(String(String.UnicodeScalarView(letters[range])))
        default: throw TwinError()
        }
    }

    func setting(_ key: TwinKey, _ part: Tree) throws(TwinError) -> Tree {
        switch (self, key) {
        case (.null, .name(let name)): return .object([(name, part)])
        case (.object(var members), .name(let name)):
            if let place = members.firstIndex(where: { $0.name == name }) {
                members[place].value = part
            } else {
                members.append((name, part))
            }
            return .object(members)
        case (.null, .index): return try Tree.array([]).setting(key, part)
        case (.array(var elements), .index(let index)):
            let place = Tree.place(index, elements.count)
            if place < 0 { throw TwinError() }
            while elements.count <= place { elements.append(.null) }
            elements[place] = part
            return .array(elements)
        case (.null, .slice): return try Tree.array([]).setting(key, part)
        case (.array(var elements), .slice(let from, let upto)):
            guard case .array(let new) = part else { throw TwinError() }
            elements.replaceSubrange(Tree.bounds(from, upto, elements.count), with: new)
            return .array(elements)
        default: throw TwinError()
        }
    }

    // MARK: Paths

    func part(_ path: [TwinKey]) throws(TwinError) -> Tree {
        var part = self
        for key in path { part = try part.part(key) }
        return part
    }

    func setting(_ path: [TwinKey], _ new: Tree) throws(TwinError) -> Tree {
        guard let key = path.first else { return new }
        let part = try part(key).setting(Array(path.dropFirst()), new)
        return try setting(key, part)
    }

    /// All paths mean places in the value as it is now.
    func deleting(_ paths: [[TwinKey]]) throws(TwinError) -> Tree {
        if paths.contains(where: \.isEmpty) { return .null }
        // What lies in a place that goes is not looked at.
        let ends = paths.filter { $0.count == 1 }.map { $0[0] }
        var result = self
        var groups: [(key: TwinKey, rests: [[TwinKey]])] = []
        for path in paths where path.count > 1 {
            if ends.contains(where: { $0.tree == path[0].tree }) { continue }
            let rest = Array(path.dropFirst())
            if let i = groups.firstIndex(where: { $0.key.tree == path[0].tree }) {
                groups[i].rests.append(rest)
            } else {
                groups.append((path[0], [rest]))
            }
        }
        groups.sort { Tree.precedes($0.key, $1.key) }
        for (key, rests) in groups {
            let part = try result.part(key)
            if part == .null { continue }
            result = try result.setting(key, try part.deleting(rests))
        }
        return ends.isEmpty ? result : try result.deletingParts(ends)
    }

    /// The order in which jq sorts keys: numbers, names, slices.
    private static func precedes(_ lhs: TwinKey, _ rhs: TwinKey) -> Bool {
        switch (lhs, rhs) {
        case (.index(let a), .index(let b)): a < b
        case (.name(let a), .name(let b)): a < b
        case (.slice(let a, let b), .slice(let c, let d)):
            // By `end`, the first name, then by `start`.
            (b ?? -.infinity, a ?? -.infinity) < (d ?? -.infinity, c ?? -.infinity)
        case (.index, _): true
        case (.name, .slice): true
        default: false
        }
    }

    private func deletingParts(_ keys: [TwinKey]) throws(TwinError) -> Tree {
        switch self {
        case .null: return .null
        case .object(var members):
            for key in keys {
                guard case .name(let name) = key else { throw TwinError() }
                members.removeAll { $0.name == name }
            }
            return .object(members)
        case .array(let elements):
            var gone = Set<Int>()
            for key in keys {
                switch key {
                case .name: throw TwinError()
                case .index(let index):
                    // Below 0 counts from the end, -0.5 from behind it.
                    let whole = Int(index.rounded(.towardZero))
                    gone.insert(index < 0 ? whole + elements.count : whole)
                case .slice(let from, let upto):
                    gone.formUnion(Tree.bounds(from, upto, elements.count))
                }
            }
            return .array(elements.enumerated().filter { !gone.contains($0.offset) }.map(\.element))
        default: throw TwinError()
        }
    }

    /// `path |= change`
    func updating(_ path: TwinPath, _ change: (Tree) throws(TwinError) -> Tree?)
        throws(TwinError) -> Tree
    {
        var result = self
        var gone: [[TwinKey]] = []
        for (keys, _) in try path.places(in: self) {
            if let new = try change(try result.part(keys)) {
                result = try result.setting(keys, new)
            } else {
                gone.append(keys)
            }
        }
        return gone.isEmpty ? result : try result.deleting(gone)
    }
}

// MARK: - Path filters

indirect enum TwinPath {
    case identity, empty, recurse, iterate, key(TwinKey)
    case optional(TwinPath), attempt(TwinPath)
    case pipe(TwinPath, TwinPath), comma(TwinPath, TwinPath), alternative(TwinPath, TwinPath)
    /// `if .name then ... else ... end`
    case conditional(TwinPath, TwinPath, TwinPath)
    case select(TwinPath), type(String), first(TwinPath), limit(Int, TwinPath)
    case getpath([TwinKey])

    var text: String {
        switch self {
        case .identity: "."
        case .empty: "empty"
        case .recurse: ".."
        case .iterate: ".[]"
        case .key(let key): key.text
        case .optional(let access): access.text + "?"
        case .attempt(let body): "(try (\(body.text)))"
        case .pipe(let a, let b): "(\(a.text) | \(b.text))"
        case .comma(let a, let b): "(\(a.text), \(b.text))"
        case .alternative(let a, let b): "(\(a.text) // \(b.text))"
        case .conditional(let test, let a, let b):
            "(if \(test.text) then \(a.text) else \(b.text) end)"
        case .select(let test): "select(\(test.text))"
        case .type(let name): name
        case .first(let body): "first(\(body.text))"
        case .limit(let count, let body): "limit(\(count); \(body.text))"
        case .getpath(let keys): "getpath(\(Tree.array(keys.map(\.tree)).text))"
        }
    }

    typealias Place = (keys: [TwinKey], value: Tree)

    /// The places that the filter leads to; an error behind some of them is the last thing there.
    private func list(_ value: Tree) -> (places: [Place], failed: Bool) {
        do throws(TwinError) {
            switch self {
            case .identity: return ([([], value)], false)
            case .empty: return ([], false)
            case .key(let key): return ([([key], try value.part(key))], false)
            case .iterate: return (try TwinPath.parts(value), false)
            case .recurse: return (TwinPath.all(value), false)
            case .optional(let access): return (access.list(value).places, false)
            case .attempt(let body): return (body.list(value).places, false)
            case .getpath(let keys): return ([(keys, try value.part(keys))], false)
            case .type(let name):
                return (TwinPath.isOf(value, name) ? [([], value)] : [], false)
            case .pipe(let first, let second):
                let (places, failed) = first.list(value)
                var all: [Place] = []
                for (keys, part) in places {
                    let (inner, failed) = second.list(part)
                    all += inner.map { (keys + $0.keys, $0.value) }
                    if failed { return (all, true) }
                }
                return (all, failed)
            case .comma(let first, let second):
                let (places, failed) = first.list(value)
                if failed { return (places, true) }
                let (more, failedLater) = second.list(value)
                return (places + more, failedLater)
            case .alternative(let first, let second):
                let (all, failed) = first.list(value)
                let places = all.filter { $0.value.isTrue }
                return places.isEmpty && !failed ? second.list(value) : (places, failed)
            case .conditional, .select: return try choose(value)
            case .first(let body):
                let (places, failed) = body.list(value)
                return (Array(places.prefix(1)), failed && places.isEmpty)
            case .limit(let count, let body):
                if count == 0 { return ([], false) }
                let (places, failed) = body.list(value)
                return (Array(places.prefix(count)), failed && places.count < count)
            }
        } catch { return ([], true) }
    }

    /// Once for each output of the test.
    private func choose(_ value: Tree) throws(TwinError) -> (places: [Place], failed: Bool) {
        let (test, yes, no): (TwinPath, TwinPath, TwinPath)
        switch self {
        case .conditional(let condition, let first, let second):
            (test, yes, no) = (condition, first, second)
        case .select(let condition): (test, yes, no) = (condition, .identity, .empty)
        default: return ([], false)
        }
        let (tests, failed) = test.list(value)
        var all: [Place] = []
        for (_, flag) in tests {
            let (places, failed) = (flag.isTrue ? yes : no).list(value)
            all += places
            if failed { return (all, true) }
        }
        return (all, failed)
    }

    /// - Throws: where the listing fails; what was listed before does not matter then.
    func places(in value: Tree) throws(TwinError) -> [Place] {
        let (places, failed) = list(value)
        if failed { throw TwinError() }
        return places
    }

    private static func parts(_ value: Tree) throws(TwinError) -> [Place] {
        switch value {
        case .array(let elements):
            return elements.enumerated().map { ([.index(Double($0.offset))], $0.element) }
        case .object(let members): return members.map { ([.name($0.name)], $0.value) }
        default: throw TwinError()
        }
    }

    private static func all(_ value: Tree) -> [Place] {
        var places: [Place] = [([], value)]
        for (keys, part) in (try? parts(value)) ?? [] {
            places += all(part).map { (keys + $0.keys, $0.value) }
        }
        return places
    }

    private static func isOf(_ value: Tree, _ name: String) -> Bool {
        switch (value, name) {
        case (.number, "numbers"), (.string, "strings"), (.array, "arrays"), (.null, "nulls"),
            (.object, "objects"), (.array, "iterables"), (.object, "iterables"),
            (.bool, "booleans"):
            true
        case (.null, "scalars"), (.bool, "scalars"), (.number, "scalars"), (.string, "scalars"):
            true
        case (.null, "values"): false
        case (_, "values"): true
        default: false
        }
    }
}
