// Slices of arrays and strings, which share memory or are cut in place, against copies.

import TestSupport
import Testing

@testable import Transforms

@Suite struct SliceTests {
    // MARK: Arrays

    /// Random slices, cuts, appends and replacements of values that share memory and of those that
    /// do not. Elements are strings of the heap, so one that is released too often or too seldom
    /// shows in its count.
    @Test(arguments: [8, 60, 700, 6000], [1, 2, 3] as [UInt64])
    func arraysAgainstCopies(_ size: Int, _ seed: UInt64) throws {
        let heap = Heap(bytesMax: 256 << 20)
        defer { heap.destroy() }
        var pool = ArrayPool(heap: heap, seed: seed &+ UInt64(size) &* 1000)
        for _ in 0..<3 { try pool.make(size) }
        for _ in 0..<(size > 100 ? 100_000 / size : 1000) { try pool.step(size) }
        pool.expectSame()
        pool.releaseAll()
        #expect(heap.liveBlocks == 0)
    }

    private struct ArrayPool {
        let heap: Heap
        var random: SeededGenerator
        var values: [(Value, [Int])] = []

        init(heap: Heap, seed: UInt64) {
            self.heap = heap
            random = SeededGenerator(state: seed)
        }

        private mutating func below(_ count: Int) -> Int { random.below(count) }

        private mutating func range(_ count: Int) -> Range<Int> {
            // The ends are as likely as the indices between them.
            func index(_ low: Int) -> Int {
                switch below(4) {
                case 0: low
                case 1: min(count, low + below(3))
                case 2: count - min(count - low, below(3))
                default: low + below(count - low + 1)
                }
            }
            let from = index(0)
            return from..<index(from)
        }

        mutating func make(_ count: Int) throws {
            var array = try heap.makeArray(capacity: below(count + 1))
            var copy: [Int] = []
            for _ in 0..<count {
                let number = below(1 << 20)
                try heap.push(&array, try element(number))
                copy.append(number)
            }
            values.append((array, copy))
        }

        private func element(_ number: Int) throws -> Value {
            number % 2 == 0 ? Value(integer: number) : try heap.string("n\(number)")
        }

        private func number(_ element: Value) -> Int {
            element.isString
                ? Int(element.bytes.text.dropFirst()) ?? -1 : element.integer
        }

        mutating func step(_ size: Int) throws {
            if values.count < 2 { try make(below(size)) }
            let i = below(values.count)
            let (array, copy) = values[i]
            let range = range(copy.count)
            switch below(12) {
            case 0: try make(below(size))
            case 1: values.append((heap.retain(array), copy))
            case 2, 3:
                // A slice of an array that is kept.
                let part = try heap.subarray(array, range.lowerBound, range.upperBound)
                values.append((part, Array(copy[range])))
            case 4, 5, 6:
                let rest = try heap.slice(array, range.lowerBound, range.upperBound)
                values[i] = (rest, Array(copy[range]))
            case 7:
                let number = below(1 << 20)
                try heap.push(&values[i].0, try element(number))
                values[i].1.append(number)
            case 8:
                let other = values[below(values.count)]
                if copy.count + other.1.count > 3 * size { return }
                try heap.append(&values[i].0, contentsOf: other.0)
                values[i].1 += other.1
            case 9:
                let other = values[below(values.count)]
                if copy.count + other.1.count > 3 * size { return }
                try heap.prepend(&values[i].0, heap.retain(other.0))
                values[i].1 = other.1 + copy
            case 10:
                let other = values[below(values.count)]
                if copy.count + other.1.count > 3 * size { return }
                try heap.replace(
                    &values[i].0, range.lowerBound, range.upperBound, with: heap.retain(other.0))
                values[i].1.replaceSubrange(range, with: other.1)
            default:
                try change(i)
            }
            if values.count > 8 { remove(below(values.count)) }
            if below(size) < 20 && below(20) == 0 { expectSame() }
        }

        /// Changes an element in place, of an array that is made unique for it.
        private mutating func change(_ i: Int) throws {
            let index = below(values[i].1.count)
            if values[i].1.isEmpty { return }
            try heap.makeUniqueArray(&values[i].0)
            let number = below(1 << 20)
            heap.release(values[i].0.slots[index])
            values[i].0.slots[index] = try element(number)
            values[i].1[index] = number
        }

        private mutating func remove(_ i: Int) {
            heap.release(values[i].0)
            values.remove(at: i)
        }

        func expectSame() {
            for (array, copy) in values {
                let numbers = (0..<array.count).map { number(array.slots[$0]) }
                #expect(numbers == copy)
            }
        }

        mutating func releaseAll() {
            while !values.isEmpty { remove(values.count - 1) }
        }
    }

    // MARK: Strings

    private static let scalars: [Unicode.Scalar] = ["a", "b", "é", "ß", "€", "中", "😀", "x"]

    /// Random substrings and appends, and their code points.
    @Test(arguments: [20, 700, 3000, 40_000], [1, 2, 3] as [UInt64])
    func stringsAgainstCopies(_ size: Int, _ seed: UInt64) throws {
        let heap = Heap(bytesMax: 256 << 20)
        defer { heap.destroy() }
        var random = SeededGenerator(state: seed &+ UInt64(size) &* 77)
        func below(_ count: Int) -> Int { random.below(count) }
        func text(_ count: Int) -> [Unicode.Scalar] {
            let kinds = below(5) == 0 ? 2 : Self.scalars.count
            return (0..<count).map { _ in Self.scalars[below(kinds)] }
        }
        func string(_ scalars: [Unicode.Scalar]) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            return String(view)
        }
        var pool: [(Value, [Unicode.Scalar])] = []
        for _ in 0..<(size > 1000 ? 100 : 400) {
            if pool.count < 2 || below(12) == 0 {
                let scalars = text(below(size))
                pool.append((try heap.string(string(scalars)), scalars))
            }
            let i = below(pool.count)
            let (value, copy) = pool[i]
            #expect(try heap.codePointCount(of: value) == copy.count)
            switch below(5) {
            case 0: pool.append((heap.retain(value), copy))
            case 1:
                let more = text(below(40))
                let added = try heap.string(string(more))
                try heap.append(&pool[i].0, added.bytes, flags: 0)
                heap.release(added)
                pool[i].1 += more
            default:
                let from = below(3) == 0 ? min(1, copy.count) : below(copy.count + 1)
                let upto = below(3) == 0 ? copy.count : from + below(copy.count - from + 1)
                let (first, last) = try heap.byteOffsets(
                    ofCodePoints: from, upto, of: copy.count, in: value)
                let part = try heap.substring(value, first, last)
                if below(2) == 0 {
                    pool.append((part, Array(copy[from..<upto])))
                } else {
                    heap.release(value)
                    pool[i] = (part, Array(copy[from..<upto]))
                }
            }
            if pool.count > 6 { heap.release(pool.remove(at: below(pool.count)).0) }
            for (value, copy) in pool where below(4) == 0 {
                #expect(value.bytes.text == string(copy))
            }
        }
        for (value, _) in pool { heap.release(value) }
        #expect(heap.liveBlocks == 0)
    }

    // MARK: Programs

    /// Definitions that make each array anew.
    private static let copying = """
        def cut($f; $t): [range($f; $t) as $i | .[$i]];
        def put($f; $t; $x): [cut(0; $f)[], $x[], cut($t; length)[]];

        """

    /// Programs of random steps over three arrays, each step with one that copies.
    @Test(arguments: 1...8) func programsAgainstCopies(_ seed: UInt64) {
        var random = SeededGenerator(state: seed &* 104_729)
        func below(_ count: Int) -> Int { random.below(count) }
        for _ in 0..<12 {
            var (steps, copies): ([String], [String]) = ([], [])
            for _ in 0..<(4 + below(12)) {
                let names = ["a", "b", "c"]
                let (x, y) = (names[below(3)], names[below(3)])
                let f = below(3) == 0 ? below(300) : below(3)
                let bounds =
                    "([\(f), length] | min) as $f | ([$f, length - \(below(3))] | max) as $t"
                let (step, copy): (String, String)
                switch below(8) {
                case 0: (step, copy) = (".\(x) |= .[\(f):]", ".\(x) |= cut(\(f); length)")
                case 1:
                    (step, copy) = (".\(x) = .\(y)[\(f):]", ".\(x) = (.\(y) | cut(\(f); length))")
                case 2:
                    (step, copy) = (
                        ".\(x) |= (\(bounds) | .[$f:$t])", ".\(x) |= (\(bounds) | cut($f; $t))"
                    )
                case 3:
                    (step, copy) = (
                        ".\(x)[\(f):] += [\(f), .\(y)[0]]",
                        ".\(x) = (. as $v | .\(x) | [.[], \(f), $v.\(y)[0]])"
                    )
                case 4:
                    (step, copy) = (
                        ".\(y)[:7] as $s | .\(x) |= (\(bounds) | .[$f:$t] = $s)",
                        "(.\(y) | cut(0; [7, length] | min)) as $s"
                            + " | .\(x) |= (\(bounds) | put($f; $t; $s))"
                    )
                case 5: (step, copy) = ("del(.\(x)[0:\(f)])", ".\(x) |= cut(\(f); length)")
                case 6:
                    (step, copy) = (".\(x) |= .[1:] + [\(f)]", ".\(x) |= [cut(1; length)[], \(f)]")
                default:
                    (step, copy) = (
                        ".\(x) = .\(y)[:-1] + .\(y)[-1:]", ".\(x) = [.\(y)[]]"
                    )
                }
                steps.append(step)
                copies.append(copy)
            }
            let start = "{a: [range(\(below(400)))], b: [range(40) | [.]], c: [\"x\", \"y\"]}"
            let program = start + " | " + steps.joined(separator: " | ")
            let copy = Self.copying + start + " | " + copies.joined(separator: " | ")
            let (outcome, expected) = (Harness.run(program), Harness.run(copy))
            #expect(outcome.outputs == expected.outputs, "\(program)")
            #expect(outcome.error == nil && expected.error == nil, "\(program)")
            #expect(outcome.liveBlocks == 0, "\(program)")
        }
    }

    /// Loops that take values apart piece by piece: a few steps for each element.
    @Test(arguments: [
        "[range($n)] | until(length < 2; .[1:])", "[range($n)] | until(length < 2; .[:-1])",
        "[range($n)] | until(length < 3; .[1:-1])",
        "[range($n)] | until(length < 2; . as [$h] | .[1:])",
        "[[range($n)] | while(length > 1; .[1:])]",
        "reduce range($n) as $i ({a: [range($n)]}; .s += .a[0] | .a = .a[1:])",
        "reduce range($n) as $i ([range($n)]; .[1:] + [$i])",
        "reduce range($n) as $i ([range($n)]; del(.[0]))",
        "reduce range($n - 1) as $i ([range($n)]; del(.[1]))",
        "reduce range($n / 2) as $i ([range($n)]; .[0:2] = [])",
        "reduce range($n) as $i ([range($n)]; .[1:3] |= [.[1], .[0]])",
        "reduce range($n) as $i ([0, 1, 2]; .[1:] += [$i])",
        "[range($n)] as $a | [range($n) | $a[.:] | .[0]]",
        "[range($n)] as $a | [range($n) | $a[:.] | .[0]]",
        "\"x\" * $n | until(length < 2; .[1:])", "\"é\" * $n | until(length < 2; .[1:])",
        "\"é€\" * ($n / 2) | until(length < 2; .[:-1])",
        "\"é\" * $n | until(length < 3; .[1:-1])",
        "(\"é\" * $n) as $s | [range($n) | $s[.:. + 1]]",
        "reduce range($n) as $i (\"é\" * $n; .[1:] + \"ü\")",
        "reduce range($n) as $i (\"\"; . + \"ü\" | select(length > 0))",
    ]) func loopsAreLinear(_ program: String) {
        var limits = RunLimits()
        limits.memoryBytesMax = 64 << 20
        limits.stepsMax = 30 * 40_000
        let outcome = Harness.run("40000 as $n | \(program) | length", limits: limits)
        #expect(outcome.limit == .none && outcome.outputs.count == 1, "\(outcome)")
    }

    /// A small part that is kept does not keep the whole value.
    @Test(arguments: [
        "[range(2e4)] | .[:20]", "[range(2e4)] | .[5000:5100]", "[range(2e4)] as $a | $a[-300:]",
        "[range(2e4)] | until(length < 100; .[1:])", "[range(2e4)] | until(length < 100; .[:-1])",
        "\"é\" * 4e5 | .[-300:]", "(\"é\" * 4e5) as $s | $s[10:900]", "\"é\" * 4e5 | .[:9]",
    ]) func smallPartsFreeTheRest(_ program: String) {
        var limits = RunLimits()
        limits.memoryBytesMax = 6 << 20
        let outcome = Harness.run("[range(50) | \(program)] | length", limits: limits)
        #expect(outcome.outputs == ["50"], "\(outcome)")
    }
}
