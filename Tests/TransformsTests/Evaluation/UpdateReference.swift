// The reference implementation of updates: a document as a tree, a path filter that lists what it
// matches, and an update that sets one match after the other and deletes at the end, as jq's `|=`
// does. It shares nothing with the evaluator.

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

/// An error of the reference implementation; its message does not matter.
struct ReferenceError: Error {}

enum PathKey {
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
        func index(_ bound: Double, _ rule: FloatingPointRoundingRule) -> Int {
            let index = bound < 0 ? bound + Double(count) : bound
            return Int(Swift.max(0, Swift.min(index.rounded(rule), Double(count))))
        }
        let start = from.map { index($0, .down) } ?? 0
        let end = upto.map { index($0, .up) } ?? count
        return start..<Swift.max(start, end)
    }

    private static func wholeIndex(_ index: Double, _ count: Int) -> Int {
        let whole = Int(index.rounded(.towardZero))
        return whole < 0 ? whole + count : whole
    }

    func part(_ key: PathKey) throws(ReferenceError) -> Tree {
        switch (self, key) {
        case (.null, _): return .null
        case (.object(let members), .name(let name)):
            return members.first { $0.name == name }?.value ?? .null
        case (.array(let elements), .index(let index)):
            let whole = Tree.wholeIndex(index, elements.count)
            return elements.indices.contains(whole) ? elements[whole] : .null
        case (.array(let elements), .slice(let from, let upto)):
            return .array(Array(elements[Tree.bounds(from, upto, elements.count)]))
        case (.string(let string), .slice(let from, let upto)):
            let letters = Array(string.unicodeScalars)
            let range = Tree.bounds(from, upto, letters.count)
            return .string(String(String.UnicodeScalarView(letters[range])))
        default: throw ReferenceError()
        }
    }

    func setting(_ key: PathKey, _ part: Tree) throws(ReferenceError) -> Tree {
        switch (self, key) {
        case (.null, .name(let name)): return .object([(name, part)])
        case (.object(var members), .name(let name)):
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].value = part
            } else {
                members.append((name, part))
            }
            return .object(members)
        case (.null, .index): return try Tree.array([]).setting(key, part)
        case (.array(var elements), .index(let index)):
            let whole = Tree.wholeIndex(index, elements.count)
            if whole < 0 { throw ReferenceError() }
            while elements.count <= whole { elements.append(.null) }
            elements[whole] = part
            return .array(elements)
        case (.null, .slice): return try Tree.array([]).setting(key, part)
        case (.array(var elements), .slice(let from, let upto)):
            guard case .array(let new) = part else { throw ReferenceError() }
            elements.replaceSubrange(Tree.bounds(from, upto, elements.count), with: new)
            return .array(elements)
        default: throw ReferenceError()
        }
    }

    // MARK: Paths

    func part(_ path: [PathKey]) throws(ReferenceError) -> Tree {
        var part = self
        for key in path { part = try part.part(key) }
        return part
    }

    func setting(_ path: [PathKey], _ new: Tree) throws(ReferenceError) -> Tree {
        guard let key = path.first else { return new }
        let part = try part(key).setting(Array(path.dropFirst()), new)
        return try setting(key, part)
    }

    /// All paths refer to the value before any deletion.
    func deleting(_ paths: [[PathKey]]) throws(ReferenceError) -> Tree {
        if paths.contains(where: \.isEmpty) { return .null }
        // Paths into a part that is deleted itself are ignored.
        let ends = paths.filter { $0.count == 1 }.map { $0[0] }
        var result = self
        var groups: [(key: PathKey, rests: [[PathKey]])] = []
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
    private static func precedes(_ lhs: PathKey, _ rhs: PathKey) -> Bool {
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

    private func deletingParts(_ keys: [PathKey]) throws(ReferenceError) -> Tree {
        switch self {
        case .null: return .null
        case .object(var members):
            for key in keys {
                guard case .name(let name) = key else { throw ReferenceError() }
                members.removeAll { $0.name == name }
            }
            return .object(members)
        case .array(let elements):
            var gone = Set<Int>()
            for key in keys {
                switch key {
                case .name: throw ReferenceError()
                case .index(let index):
                    // A negative index counts from the end; -0.5 is that after the last element.
                    let whole = Int(index.rounded(.towardZero))
                    gone.insert(index < 0 ? whole + elements.count : whole)
                case .slice(let from, let upto):
                    gone.formUnion(Tree.bounds(from, upto, elements.count))
                }
            }
            return .array(elements.enumerated().filter { !gone.contains($0.offset) }.map(\.element))
        default: throw ReferenceError()
        }
    }

    /// `path |= change`
    func updating(_ path: PathFilter, _ change: (Tree) throws(ReferenceError) -> Tree?)
        throws(ReferenceError) -> Tree
    {
        var result = self
        var gone: [[PathKey]] = []
        for (keys, _) in try path.matches(in: self) {
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

indirect enum PathFilter {
    case identity, empty, recurse, iterate, key(PathKey)
    case optional(PathFilter), attempt(PathFilter)
    case pipe(PathFilter, PathFilter), comma(PathFilter, PathFilter)
    case alternative(PathFilter, PathFilter)
    /// `if .name then ... else ... end`
    case conditional(PathFilter, PathFilter, PathFilter)
    case select(PathFilter), type(String), first(PathFilter), limit(Int, PathFilter)
    case getpath([PathKey])

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

    typealias Match = (keys: [PathKey], value: Tree)

    /// What the filter matches, and whether it fails after these matches.
    private func list(_ value: Tree) -> (matches: [Match], failed: Bool) {
        do throws(ReferenceError) {
            switch self {
            case .identity: return ([([], value)], false)
            case .empty: return ([], false)
            case .key(let key): return ([([key], try value.part(key))], false)
            case .iterate: return (try PathFilter.parts(value), false)
            case .recurse: return (PathFilter.all(value), false)
            case .optional(let access): return (access.list(value).matches, false)
            case .attempt(let body): return (body.list(value).matches, false)
            case .getpath(let keys): return ([(keys, try value.part(keys))], false)
            case .type(let name):
                return (PathFilter.isOf(value, name) ? [([], value)] : [], false)
            case .pipe(let first, let second):
                let (matches, failed) = first.list(value)
                var all: [Match] = []
                for (keys, part) in matches {
                    let (inner, failed) = second.list(part)
                    all += inner.map { (keys + $0.keys, $0.value) }
                    if failed { return (all, true) }
                }
                return (all, failed)
            case .comma(let first, let second):
                let (matches, failed) = first.list(value)
                if failed { return (matches, true) }
                let (more, failedLater) = second.list(value)
                return (matches + more, failedLater)
            case .alternative(let first, let second):
                let (all, failed) = first.list(value)
                let matches = all.filter { $0.value.isTrue }
                return matches.isEmpty && !failed ? second.list(value) : (matches, failed)
            case .conditional, .select: return try choose(value)
            case .first(let body):
                let (matches, failed) = body.list(value)
                return (Array(matches.prefix(1)), failed && matches.isEmpty)
            case .limit(let count, let body):
                if count == 0 { return ([], false) }
                let (matches, failed) = body.list(value)
                return (Array(matches.prefix(count)), failed && matches.count < count)
            }
        } catch { return ([], true) }
    }

    /// Once for each output of the test.
    private func choose(_ value: Tree) throws(ReferenceError) -> (matches: [Match], failed: Bool) {
        let (test, yes, no): (PathFilter, PathFilter, PathFilter)
        switch self {
        case .conditional(let condition, let first, let second):
            (test, yes, no) = (condition, first, second)
        case .select(let condition): (test, yes, no) = (condition, .identity, .empty)
        default: return ([], false)
        }
        let (tests, failed) = test.list(value)
        var all: [Match] = []
        for (_, flag) in tests {
            let (matches, failed) = (flag.isTrue ? yes : no).list(value)
            all += matches
            if failed { return (all, true) }
        }
        return (all, failed)
    }

    /// - Throws: if the filter fails; what it matched before does not matter then.
    func matches(in value: Tree) throws(ReferenceError) -> [Match] {
        let (matches, failed) = list(value)
        if failed { throw ReferenceError() }
        return matches
    }

    private static func parts(_ value: Tree) throws(ReferenceError) -> [Match] {
        switch value {
        case .array(let elements):
            return elements.enumerated().map { ([.index(Double($0.offset))], $0.element) }
        case .object(let members): return members.map { ([.name($0.name)], $0.value) }
        default: throw ReferenceError()
        }
    }

    private static func all(_ value: Tree) -> [Match] {
        var matches: [Match] = [([], value)]
        for (keys, part) in (try? parts(value)) ?? [] {
            matches += all(part).map { (keys + $0.keys, $0.value) }
        }
        return matches
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
