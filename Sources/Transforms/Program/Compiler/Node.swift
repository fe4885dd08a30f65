// The compiled form of a program: one flat array of 32-byte nodes, read through raw pointers.
//
//     | operation 1 | arity 1 | aux 2 | offset 4 | a 4 | b 4 | value 16, or c 4, d 4, e 4, f 4 |
//
// Children are given by their distance from the node (`a`, `b`, `c`, `d`), lists by the first of a
// run of `link` nodes. What else an operation needs stands in `aux` and in the fields that it has
// no child in: Operation.swift tells which operation has what, NodeRef+Operands.swift names it. A
// node's arity says how many outputs it can have: what has at most one is evaluated as a plain
// function (`Evaluator.one`), the rest as generators (`Evaluator.each`).

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

/// Where a pipe adds up a field of elements: `[t[].name] | add`, `map(.name) | add`.
enum Sum {
    static let none: UInt16 = 0
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
    @inline(__always) var offset: UInt32 { unsafe pointer.pointee.offset }
    @inline(__always) var value: Value { unsafe pointer.pointee.value }
    @inline(__always) var a: NodeRef { unsafe at(pointer.pointee.a) }
    @inline(__always) var b: NodeRef { unsafe at(pointer.pointee.b) }
    @inline(__always) var c: NodeRef { unsafe at(pointer.pointee.c) }
    @inline(__always) var d: NodeRef { unsafe at(pointer.pointee.d) }
    @inline(__always) var hasOne: Bool { unsafe pointer.pointee.arity != .many }

    /// The `i`th of a run of nodes.
    @inline(__always) func link(_ i: Int) -> NodeRef { unsafe NodeRef(pointer + i) }
}
