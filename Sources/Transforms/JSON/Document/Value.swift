// One value of a run: parsed, built or constant, always these 16 bytes, trivially copyable.
//
//     word     0        8       13                 32                                63
//              | tag    | flags | distance         | count                           |
//     payload  | integer, double, or pointer                                         |
//
//     tag       count            payload
//     null, false, true
//     integer                    Int64, |x| < 10^18; computed ones stay within 2^53
//     double                     bits of a Double
//     literal   bytes            pointer to the number's text, kept as jq keeps literals
//     string    bytes            pointer to UTF-8 bytes
//     array     elements         pointer to Values
//     object    members          pointer to (name, value) pairs in insertion order
//
// A pointer leads either to memory that is fixed for the run (a document, a program's constants)
// or, with the flag `counted`, to a block of the run's heap that counts its references (see
// `Heap`). There is no ARC: whoever holds an owned value passes it on or releases it.
//
// `distance` is used by parts of counted arrays and strings that share the whole's memory and have
// the flag `part` instead of `counted`: it is how far before their start the block begins (see
// Heap+Parts.swift).

import Glibc

/// A pointer to values or members, without a count: the owner of the memory knows it.
@safe struct Slots {
    // Safety: bounds are the owner's (a value's count, a frame's size); see each use.
    let base: UnsafeMutablePointer<Value>

    @inline(__always) init(_ base: UnsafeMutablePointer<Value>) { unsafe self.base = base }

    @inline(__always) init(address: UInt64) {
        unsafe self.base = UnsafeMutablePointer(bitPattern: UInt(address)).unsafelyUnwrapped
    }

    @inline(__always) var address: UInt64 { unsafe UInt64(UInt(bitPattern: base)) }

    @inline(__always) subscript(index: Int) -> Value {
        get { unsafe base[index] }
        nonmutating set { unsafe base[index] = newValue }
    }

    @inline(__always) func advanced(by count: Int) -> Slots { unsafe Slots(base + count) }

    @inline(__always) func advanced(byBytes byteCount: Int) -> Slots {
        Slots(address: address &+ UInt64(byteCount))
    }
}

/// A pointer to bytes and their count.
@safe struct Bytes {
    // Safety: made only from memory of `count` bytes that outlives the run or is counted by it.
    let base: UnsafeMutablePointer<UInt8>
    let count: Int

    @inline(__always) init(_ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
        unsafe self.base = base
        self.count = count
    }

    /// The bytes of a text, which are not changed.
    init(_ text: UnsafeRawBufferPointer) {
        // Safety: nothing is read at the address that stands for no bytes.
        let empty = unsafe UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
        let start = unsafe UnsafeMutableRawPointer(mutating: text.baseAddress ?? empty)
        unsafe self.init(start.assumingMemoryBound(to: UInt8.self), text.count)
    }

    @inline(__always) subscript(offset: Int) -> UInt8 {
        get { unsafe base[offset] }
        nonmutating set { unsafe base[offset] = newValue }
    }

    @inline(__always) func slice(_ from: Int, _ upto: Int) -> Bytes {
        assert(0 <= from && from <= upto && upto <= count)
        return unsafe Bytes(base + from, upto - from)
    }

    /// The bytes before the first NUL: what C would take as the string.
    var upToNUL: Bytes {
        var end = 0
        while end < count && self[end] != 0 { end += 1 }
        return slice(0, end)
    }

    /// The bytes as text; what is not UTF-8 is replaced.
    var text: String {
        unsafe String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
    }
}

struct Value {
    var word: UInt64
    var payload: UInt64

    enum Tag: UInt8 {
        /// No value: the result of a filter that yields nothing, an unset slot.
        case absent
        case null, no, yes
        case integer, double, literal
        case string, array, object
        /// A filter with the frame that it runs in; only in frames.
        case closure
    }

    static let counted: UInt64 = 1 << 8
    /// On strings: all bytes are ASCII.
    static let ascii: UInt64 = 1 << 9
    /// On strings: no byte needs an escape when written.
    static let plain: UInt64 = 1 << 10

    /// Instead of `counted`: the value is a part of a counted block, whose start is elsewhere.
    static let part: UInt64 = 1 << 12
    static let distanceShift: UInt64 = 13
    /// The bits in which a part differs from the whole.
    static let partMask: UInt64 = 0xFFFF_F000

    @inline(__always) init(word: UInt64, payload: UInt64) {
        self.word = word
        self.payload = payload
    }

    @inline(__always) init(_ tag: Tag, flags: UInt64 = 0, count: Int = 0, payload: UInt64 = 0) {
        assert(count >= 0 && count <= Int(UInt32.max))
        word = UInt64(tag.rawValue) | flags | UInt64(truncatingIfNeeded: count) << 32
        self.payload = payload
    }

    @inline(__always) static var absent: Value { Value(word: 0, payload: 0) }
    @inline(__always) static var null: Value { Value(.null) }
    /// An empty container has no memory; its address only has to differ from null.
    @inline(__always) static var emptyArray: Value { Value(.array, payload: 16) }
    @inline(__always) static var emptyObject: Value { Value(.object, payload: 16) }
    @inline(__always) static var no: Value { Value(.no) }
    @inline(__always) static var yes: Value { Value(.yes) }

    @inline(__always) init(_ flag: Bool) { self.init(flag ? .yes : .no) }

    /// A number that fits the exact range; `integer` must be within ±10^18.
    @inline(__always) init(integer: Int) {
        self.init(.integer, payload: UInt64(bitPattern: Int64(integer)))
    }

    @inline(__always) init(double: Double) { self.init(.double, payload: double.bitPattern) }

    @inline(__always) init(string bytes: Bytes, flags: UInt64) {
        self.init(.string, flags: flags, count: bytes.count, payload: 0)
        payload = unsafe UInt64(UInt(bitPattern: bytes.base))
    }

    // Safety: every word is made by the initialisers above, whose low byte is a tag.
    @inline(__always) var tag: Tag {
        unsafe unsafeBitCast(UInt8(truncatingIfNeeded: word), to: Tag.self)
    }
    @inline(__always) var count: Int { Int(word >> 32) }
    @inline(__always) var isCounted: Bool { word & (Value.counted | Value.part) != 0 }
    @inline(__always) var isPart: Bool { word & Value.part != 0 }
    @inline(__always) var isASCII: Bool { word & Value.ascii != 0 }
    @inline(__always) var isAbsent: Bool { UInt8(truncatingIfNeeded: word) == 0 }
    @inline(__always) var isPresent: Bool { !isAbsent }
    @inline(__always) var isNull: Bool { tag == .null }
    @inline(__always) var isString: Bool { tag == .string }
    @inline(__always) var isArray: Bool { tag == .array }
    @inline(__always) var isObject: Bool { tag == .object }
    @inline(__always) var isContainer: Bool { tag == .array || tag == .object }

    @inline(__always) var isNumber: Bool {
        // integer, double and literal have consecutive raw values
        UInt8(truncatingIfNeeded: word) &- Tag.integer.rawValue <= 2
    }

    /// All but `null` and `false`.
    @inline(__always) var isTrue: Bool { UInt8(truncatingIfNeeded: word) > Tag.no.rawValue }

    @inline(__always) var integer: Int { Int(Int64(bitPattern: payload)) }
    @inline(__always) var storedDouble: Double { Double(bitPattern: payload) }

    /// The elements of an array; the names (2 i) and values (2 i + 1) of an object.
    @inline(__always) var slots: Slots { Slots(address: payload) }

    /// The bytes of a string or of a literal.
    @inline(__always) var bytes: Bytes {
        unsafe Bytes(UnsafeMutablePointer(bitPattern: UInt(payload)).unsafelyUnwrapped, count)
    }

    /// The same value with another count.
    @inline(__always) func with(count: Int) -> Value {
        Value(word: word & 0xFFFF_FFFF | UInt64(truncatingIfNeeded: count) << 32, payload: payload)
    }

    @inline(__always) func with(flags: UInt64) -> Value {
        Value(word: word | flags, payload: payload)
    }

    /// Whether both are the same bits: the same scalar, or the same memory.
    @inline(__always) func isIdentical(to other: Value) -> Bool {
        word == other.word && payload == other.payload
    }

    /// The value of a number in any form. The evaluator uses `Heap.double`, which charges for it.
    @inline(__always) var double: Double {
        switch tag {
        case .integer: return Double(integer)
        case .double: return storedDouble
        default: return literalDouble
        }
    }

    @inline(never) var literalDouble: Double {
        let text = bytes
        return unsafe DecimalReader.double(text.base, text.count)
    }

    /// The name of its type for messages, as jq's `type`.
    var kindName: StaticString {
        switch tag {
        case .null, .absent, .closure: "null"
        case .no, .yes: "boolean"
        case .integer, .double, .literal: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
