// Names for the operands of a finished program's nodes: see the table in Operation.swift.
//
// Safety: a node's pointer is the program's own.

extension NodeRef {
    // MARK: Frames

    /// For a `variable`, `breakLabel`, `closureCall`, and for links to slots.
    @inline(__always) var slot: Int { unsafe Int(pointer.pointee.a) }
    /// How many functions out the slot's frame is; -1 is the program's own.
    @inline(__always) var framesOut: Int { unsafe Int(pointer.pointee.b) }
    /// For a `label`.
    @inline(__always) var labelSlot: Int { unsafe Int(pointer.pointee.b) }
    /// For a `bind`.
    @inline(__always) var boundSlot: Int { unsafe Int(pointer.pointee.c) }

    // MARK: Lists

    /// For a `comma`, `object`, `string`, `native`, or a pattern of an array or an object.
    @inline(__always) var partCount: Int { unsafe Int(pointer.pointee.b) }
    @inline(__always) func part(_ i: Int) -> NodeRef { a.link(i) }
    /// For a `destructure`, `reduce`, `foreach`: several are `?//`.
    @inline(__always) var patterns: NodeRef { unsafe at(pointer.pointee.e) }
    @inline(__always) var patternCount: Int { unsafe Int(pointer.pointee.f) }

    // MARK: Calls

    /// The callee's frame.
    @inline(__always) var slotCount: Int { unsafe Int(pointer.pointee.c) }
    /// Like `framesOut`, for the function that the callee is defined in.
    @inline(__always) var calleeFramesOut: Int { unsafe Int(pointer.pointee.d) }
    @inline(__always) var argumentCount: Int { unsafe Int(pointer.pointee.aux) }
    @inline(__always) func argument(_ i: Int) -> NodeRef { b.link(i) }
    /// Whether the frame may be left before the call.
    @inline(__always) var isTailCall: Bool { unsafe pointer.pointee.e != 0 }

    // MARK: Links

    /// One of `Link`.
    @inline(__always) var kind: UInt16 { unsafe pointer.pointee.aux }
    /// For a member: whether `b` is its value, for a pattern's: whether `b` is a pattern.
    @inline(__always) var hasValue: Bool { unsafe pointer.pointee.b != 0 }
    /// For a pattern's member: the slot of `$x`, 0 for none.
    @inline(__always) var memberSlot: Int { unsafe Int(pointer.pointee.c) }

    // MARK: Flags and tables

    /// For a `pipe`: one of `SumFusion`.
    @inline(__always) var sum: UInt16 { unsafe pointer.pointee.aux }
    /// For a `field`: where the evaluator remembers the member that it found last.
    @inline(__always) var cacheIndex: Int { unsafe Int(pointer.pointee.aux) }
    /// For an `object`: whether its names are constant and distinct.
    @inline(__always) var isRecord: Bool { unsafe pointer.pointee.aux != 0 }
    /// For an `attempt`: `catch`.
    @inline(__always) var hasHandler: Bool { unsafe pointer.pointee.b != 0 }
    /// For an `attempt`: whether it is the `?` after an access.
    @inline(__always) var isOptionalAccess: Bool { unsafe pointer.pointee.aux != 0 }
    /// For a `foreach`: whether it emits the outputs of `d`.
    @inline(__always) var hasExtract: Bool { unsafe pointer.pointee.d != 0 }
    /// For an update: whether its paths need not be listed (see `Compiler.isDirect`).
    @inline(__always) var isDirect: Bool { unsafe pointer.pointee.e != 0 }
    /// For an `updateArithmetic`.
    @inline(__always) var arithmetic: Operation {
        unsafe Operation(rawValue: UInt8(truncatingIfNeeded: pointer.pointee.aux)) ?? .add
    }
    /// For a `substitute`: whether it is `gsub`.
    @inline(__always) var isGlobal: Bool { unsafe pointer.pointee.aux == 1 }
    /// For a `string`: the format of its terms.
    @inline(__always) var format: Native? { unsafe Native(rawValue: pointer.pointee.aux) }
    /// For a `native`.
    @inline(__always) var native: Native {
        // Safety: the compiler stores raw values of cases, which count from 0.
        let number = unsafe pointer.pointee.aux
        assert(operation == .native && Native(rawValue: number) != nil)
        return unsafe unsafeBitCast(UInt8(truncatingIfNeeded: number), to: Native.self)
    }
    /// For a `native` that is `math1`, `math2` or `math3`.
    @inline(__always) var mathFunction: MathFunction {
        // Safety: as above.
        let number = unsafe UInt8(truncatingIfNeeded: pointer.pointee.c)
        assert(MathFunction(rawValue: number) != nil)
        return unsafe unsafeBitCast(number, to: MathFunction.self)
    }
}
