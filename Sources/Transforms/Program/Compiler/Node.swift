// The compiled form of a program: one flat array of 32-byte nodes, read through raw pointers.
//
//     | operation 1 | arity 1 | aux 2 | offset 4 | a 4 | b 4 | value 16, or c 4, d 4, e 4, f 4 |
//
// Children are given by their distance from the node (`a`, `b`, `c`, `d`), lists by the first of a
// run of `link` nodes. A node's arity says how many outputs it can have: what has at most one is
// evaluated as a plain function (`Evaluator.one`), the rest as generators (`Evaluator.each`).

/// How many outputs a filter can have for an input.
enum Arity: UInt8, Comparable {
    /// Exactly one, or an error.
    case one
    /// One or none.
    case optional
    /// Any number.
    case many

    static func < (lhs: Arity, rhs: Arity) -> Bool { lhs.rawValue < rhs.rawValue }

    /// Of `f | g`.
    func then(_ next: Arity) -> Arity { max(self, next) }
}

enum Operation: UInt8 {
    // Leaves
    case identity, constant, variable, empty, recurseDefault, environment, breakLabel
    // Access: a is the target, b, c the index or the bounds; `field` has its name in `value`
    case field, index, slice, iterate
    // Composition
    case pipe, comma, array, object, string, format, negate
    case add, subtract, multiply, divide, remainder
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case and, or, alternative
    case conditional, attempt, label
    case bind, destructure, reduce, foreach
    // Calls
    case call, closureCall, native, link
    // Updates: a is the path, b the right-hand side
    case assign, modify, updateArithmetic, updateAlternative, delete, path
    // Natives that take filters
    case select, map, mapValues, recurse, first, last, limit, skip, until, range, rangeBy
    case isEmpty, any, all, addOf, sortBy, groupBy, minBy, maxBy, uniqueBy, walk
    case getpath, error, inputs, toStream, paths, repeats
    /// `sub`, `gsub`: a = pattern, b = the filter of the replacement, c = flags, aux 1 for `gsub`
    case substitute
}

/// A pipe's `aux`, where it adds up a field of elements: `[t[].name] | add`, `map(.name) | add`.
enum Sum {
    /// Its second half is `add`.
    static let whole: UInt16 = 1
    /// Its second half begins with `add`.
    static let first: UInt16 = 2
}

struct Node {
    var operation: Operation
    var arity: Arity
    var aux: UInt16 = 0
    /// Where the term stands in the program's text.
    var offset: UInt32
    var a: Int32 = 0
    var b: Int32 = 0
    var value = Value.absent

    init(_ operation: Operation, _ arity: Arity, offset: Int) {
        self.operation = operation
        self.arity = arity
        self.offset = UInt32(truncatingIfNeeded: offset)
    }

    var c: Int32 {
        get { Int32(truncatingIfNeeded: value.word) }
        set { value.word = value.word & ~0xFFFF_FFFF | UInt64(UInt32(bitPattern: newValue)) }
    }
    var d: Int32 {
        get { Int32(truncatingIfNeeded: value.word >> 32) }
        set { value.word = value.word & 0xFFFF_FFFF | UInt64(UInt32(bitPattern: newValue)) << 32 }
    }
    var e: Int32 {
        get { Int32(truncatingIfNeeded: value.payload) }
        set { value.payload = value.payload & ~0xFFFF_FFFF | UInt64(UInt32(bitPattern: newValue)) }
    }
    var f: Int32 {
        get { Int32(truncatingIfNeeded: value.payload >> 32) }
        set {
            value.payload = value.payload & 0xFFFF_FFFF | UInt64(UInt32(bitPattern: newValue)) << 32
        }
    }
}

/// A node of a finished program.
@safe struct NodeRef {
    // Safety: points into a program's nodes, which outlive every run of it; distances are the
    // compiler's.
    let pointer: UnsafePointer<Node>

    @inline(__always) init(_ pointer: UnsafePointer<Node>) { unsafe self.pointer = pointer }

    @inline(__always) func at(_ distance: Int32) -> NodeRef {
        unsafe NodeRef(pointer + Int(distance))
    }
    @inline(__always) var operation: Operation { unsafe pointer.pointee.operation }
    @inline(__always) var arity: Arity { unsafe pointer.pointee.arity }
    @inline(__always) var aux: UInt16 { unsafe pointer.pointee.aux }
    @inline(__always) var offset: UInt32 { unsafe pointer.pointee.offset }
    @inline(__always) var value: Value { unsafe pointer.pointee.value }
    @inline(__always) var a: NodeRef { unsafe at(pointer.pointee.a) }
    @inline(__always) var b: NodeRef { unsafe at(pointer.pointee.b) }
    @inline(__always) var c: NodeRef { unsafe at(pointer.pointee.c) }
    @inline(__always) var d: NodeRef { unsafe at(pointer.pointee.d) }
    @inline(__always) var rawA: Int { unsafe Int(pointer.pointee.a) }
    @inline(__always) var rawB: Int { unsafe Int(pointer.pointee.b) }
    @inline(__always) var rawC: Int { unsafe Int(pointer.pointee.c) }
    @inline(__always) var rawD: Int { unsafe Int(pointer.pointee.d) }
    @inline(__always) var rawE: Int { unsafe Int(pointer.pointee.e) }
    @inline(__always) var rawF: Int { unsafe Int(pointer.pointee.f) }
    /// Of an `attempt`: whether it is the `?` behind an access.
    @inline(__always) var isOptionalAccess: Bool { aux != 0 }
    /// Of a `native`.
    @inline(__always) var native: Native {
        // Safety: the compiler stores raw values of cases, which count from 0.
        assert(operation == .native && Native(rawValue: aux) != nil)
        return unsafe unsafeBitCast(UInt8(truncatingIfNeeded: aux), to: Native.self)
    }
    /// Of a `native` that is `math1`, `math2` or `math3`.
    @inline(__always) var mathFunction: MathFunction {
        // Safety: as above.
        assert(MathFunction(rawValue: UInt8(truncatingIfNeeded: rawC)) != nil)
        return unsafe unsafeBitCast(UInt8(truncatingIfNeeded: rawC), to: MathFunction.self)
    }
    @inline(__always) var hasOne: Bool { unsafe pointer.pointee.arity != .many }

    /// The `i`th of a run of nodes.
    @inline(__always) func link(_ i: Int) -> NodeRef { unsafe NodeRef(pointer + i) }
}
