// Values that are the same for all inputs: `--arg`, `--slurpfile`, positional arguments. They live
// in their own heap, uncounted, so runs on any number of threads share them.

import Glibc

/// Named and positional arguments. Built by one thread, then only read, by any number of threads:
/// that makes it `@unchecked Sendable`.
@safe public final class ArgumentValues: @unchecked Sendable {
    let heap: Heap
    private let budget: Budget
    private let depthMax: Int
    private let isLenient: Bool
    // Safety: allocated by `keep`, freed by `deinit`; values borrow from them.
    private var texts = unsafe [UnsafeMutablePointer<UInt8>]()
    private var named: [(name: String, value: Value)] = []
    private var positional: [Value] = []
    private var all: Value = .null

    /// - Parameter isLenient: whether JSON texts are read as jq reads them.
    public init(limits: RunLimits, isLenient: Bool = false) {
        self.isLenient = isLenient
        heap = Heap(bytesMax: limits.memoryBytesMax)
        budget = Budget(heap: heap)
        budget.begin(deadlineNanoseconds: .max, stepsMax: .max, cancel: nil)
        depthMax = limits.depthMax
    }

    deinit {
        while let text = unsafe texts.popLast() { unsafe text.deallocate() }
        budget.destroy()
        heap.destroy()
    }

    /// Whether the name is bound; the first binding of a name is kept.
    public func contains(_ name: String) -> Bool { named.contains { $0.name == name } }

    /// The names, including `ARGS`.
    public var names: [String] { named.map(\.name) + ["ARGS"] }

    public func bind(_ name: String, string: [UInt8]) throws(ReadFailure) {
        named.append((name, try self.string(string)))
    }

    /// Binds the JSON text's value.
    public func bind(_ name: String, json: [UInt8]) throws(ReadFailure) {
        named.append((name, try read(json)))
    }

    /// Binds an array of all the JSON texts' values.
    public func bind(_ name: String, slurped texts: [UInt8]) throws(ReadFailure) {
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false, isLenient: isLenient)
        // As with inputs, a byte order mark that is all there is does not count as one.
        let isMark = isLenient && JSONReader.byteOrderMark.starts(with: texts)
        reader.begin(keep(isMark ? [] : texts))
        var values: [Value] = []
        while let value = try reader.readNext() { values.append(value) }
        named.append((name, try array(values)))
    }

    public func append(string: [UInt8]) throws(ReadFailure) {
        positional.append(try self.string(string))
    }

    public func append(json: [UInt8]) throws(ReadFailure) { positional.append(try read(json)) }

    /// Makes `$ARGS`, and the hash indexes, which runs would otherwise make in heaps that are
    /// reset.
    public func finish() throws(ReadFailure) {
        do throws(Stop) {
            var members = try heap.makeObject(capacity: named.count)
            for (name, value) in named { try heap.set(&members, try heap.string(name), value) }
            var object = try heap.makeObject(capacity: 2)
            try heap.set(&object, try heap.string("positional"), try list(positional))
            try heap.set(&object, try heap.string("named"), members)
            all = fixed(object)
        } catch { throw ReadFailure(code: .limit, offset: 0) }
        if !named.isEmpty || !positional.isEmpty { index(all) }
    }

    /// The values of these names.
    public func documents(_ names: [String]) -> [Document] {
        names.map { name in
            Document(value: named.first { $0.name == name }?.value ?? all)
        }
    }

    // MARK: Making values

    /// A copy of the bytes that lives as long as this object.
    private func keep(_ bytes: [UInt8]) -> Bytes {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        for i in 0..<bytes.count { unsafe copy[i] = bytes[i] }
        unsafe texts.append(copy)
        return unsafe Bytes(copy, bytes.count)
    }

    private func read(_ text: [UInt8]) throws(ReadFailure) -> Value {
        var reader = JSONReader(
            heap: heap, budget: budget, depthMax: depthMax, counts: false, isLenient: isLenient)
        return try reader.readText(keep(text))
    }

    private func string(_ bytes: [UInt8]) throws(ReadFailure) -> Value {
        let text = keep(bytes)
        if unsafe UTF8Text.firstInvalid(text.base, text.count) == nil {
            return Value(string: text, flags: 0)
        }
        do throws(Stop) { return fixed(try heap.string(repairing: text)) } catch {
            throw ReadFailure(code: .limit, offset: 0)
        }
    }

    private func array(_ values: [Value]) throws(ReadFailure) -> Value {
        do throws(Stop) { return try list(values) } catch {
            throw ReadFailure(code: .limit, offset: 0)
        }
    }

    private func list(_ values: [Value]) throws(Stop) -> Value {
        var array = try heap.makeArray(capacity: values.count)
        for value in values { try heap.push(&array, value) }
        return fixed(array)
    }

    /// The value and its direct parts, without reference counts.
    private func fixed(_ value: Value) -> Value {
        let slotCount = value.isArray ? value.count : value.isObject ? 2 * value.count : 0
        for i in 0..<slotCount { value.slots[i] = fixed(value.slots[i]) }
        return Value(word: value.word & ~Value.counted, payload: value.payload)
    }

    /// Looks up names until the heap has made the index of each object that may have one.
    private func index(_ value: Value) {
        var pending = [value]
        while let value = pending.popLast() {
            if value.isArray {
                for i in 0..<value.count where value.slots[i].isContainer {
                    pending.append(value.slots[i])
                }
            } else if value.isObject {
                for i in 0..<value.count where value.slots[2 * i + 1].isContainer {
                    pending.append(value.slots[2 * i + 1])
                }
                if value.count <= Heap.scanCountMax || value.word & Heap.indexable == 0 {
                    continue
                }
                let name = value.slots[0].bytes
                while !heap.hasIndex(UInt(value.payload)) && heap.limit == .none {
                    guard (try? heap.find(value, name)) != nil else { return }
                }
            }
        }
    }
}
