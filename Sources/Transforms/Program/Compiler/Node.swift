// The compiled form of a program: one flat array of 32-byte nodes, read through raw pointers.
//
//     | operation 1 | cardinality 1 | aux 2 | offset 4 | a 4 | b 4 | value 16, or c d e f |
//
// Children are given by their distance from the node (`a`, `b`, `c`, `d`), lists by the first of a
// run of `link` nodes. `aux` and the fields that hold no child hold what else an operation needs:
// Operation.swift lists the operands of each operation, NodeRef+Operands.swift names them. A node's
// cardinality is the number of outputs that it can have: a node with at most one is evaluated as a
// plain function (`Evaluator.one`), the others as generators (`Evaluator.each`).

/// How many outputs a filter can have for an input.
enum Cardinality: UInt8, Comparable {
    /// Exactly one, or an error.
    case one
    /// One or none.
    case optional
    /// Any number.
    case many

    static func < (lhs: Cardinality, rhs: Cardinality) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The cardinality of `f | g`.
    func then(_ next: Cardinality) -> Cardinality { max(self, next) }
}

/// How `add` is fused with the pipe before it: `[t[].name] | add`, `map(.name) | add`.
enum SumFusion {
    static let none: UInt16 = 0
    /// The second half of the pipe is `add`.
    static let whole: UInt16 = 1
    /// The second half of the pipe begins with `add`.
    static let first: UInt16 = 2
}

struct Node {
    var operation: Operation
    var cardinality: Cardinality
    var aux: UInt16 = 0
    /// The term's offset in the program's text.
    var offset: UInt32
    var a: Int32 = 0
    var b: Int32 = 0
    var value = Value.absent

    init(_ operation: Operation, _ cardinality: Cardinality, offset: Int) {
        self.operation = operation
        self.cardinality = cardinality
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
    @inline(__always) var cardinality: Cardinality { unsafe pointer.pointee.cardinality }
    @inline(__always) var offset: UInt32 { unsafe pointer.pointee.offset }
    @inline(__always) var value: Value { unsafe pointer.pointee.value }
    @inline(__always) var a: NodeRef { unsafe at(pointer.pointee.a) }
    @inline(__always) var b: NodeRef { unsafe at(pointer.pointee.b) }
    @inline(__always) var c: NodeRef { unsafe at(pointer.pointee.c) }
    @inline(__always) var d: NodeRef { unsafe at(pointer.pointee.d) }
    @inline(__always) var hasOne: Bool { unsafe pointer.pointee.cardinality != .many }

    /// The `i`th of a run of nodes.
    @inline(__always) func link(_ i: Int) -> NodeRef { unsafe NodeRef(pointer + i) }
}
