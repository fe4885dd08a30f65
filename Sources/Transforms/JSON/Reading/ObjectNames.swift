// The names met so far -> a fast way to read them again in later objects of the same shape, for the
// transcoder. Every name is made a token of its shape when it is met; each token remembers which
// one followed it last, so rows of one shape are read by their order alone:
//
//     [{"id":1,"at":{"x":2}},{"id":3,...       shape 1: the text; shape 2: its elements
//      "id": -> "at":                          tokens of shape 2; "x": is one of the shape of "at"
//
// A name that equals its token's bytes needs no scan and no check. The tokens that an object has
// had are bits in its frame, so a repeated name is noticed. Memory is bounded and small: a name for
// which there is no room is read as if it were new. This is a handle: copies share the memory.
//
// Safety: tokens point into the text that is being read; indices stay below the capacities.

import Glibc

@safe struct ObjectNames {
    /// A name as it is in the text, with its quotes and its colon next to it.
    @safe struct NameToken {
        fileprivate var text: UnsafeMutablePointer<UInt8>
        var byteCount: Int
        /// The bit that marks it in an object's frame.
        var bit: UInt64
        /// The shape of the member's value; 0 as long as that was not a container.
        fileprivate var shape: Int32 = 0
        /// The token that followed it last.
        var next: Int32
        /// The next token of the same shape, in the order they were met.
        fileprivate var link: Int32 = 0

        /// The name itself.
        var name: Value {
            unsafe Value(string: Bytes(text + 1, byteCount - 3), flags: Value.plain)
        }
    }

    private struct Shape {
        var firstToken: Int32 = 0
        var lastToken: Int32 = 0
        var tokenCount = 0
        /// The shape of an array's elements, and of the members whose names are no tokens.
        var elementShape: Int32 = 0
    }

    private struct Counts {
        var shapes = 2
        // Index 0 means no token.
        var tokens = 1
    }

    private static let shapesMax = 512
    private static let tokensMax = 1_024
    /// Each token is a bit of 64.
    static let namesMax = 64
    /// Successors that are tried before all tokens of the shape are.
    private static let hopsMax = 4

    private let shapes: UnsafeMutablePointer<Shape>
    private let tokens: UnsafeMutablePointer<NameToken>
    private let counts: UnsafeMutablePointer<Counts>

    /// The shape of values without a shape of their own: no tokens are made there.
    static let noShape = 0
    /// The whole text.
    static let root = 1

    init() {
        // One block; a text with few names touches few of its pages.
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ObjectNames.tokensOffset + ObjectNames.tokensMax
                * MemoryLayout<NameToken>.stride, alignment: 16)
        unsafe counts = base.assumingMemoryBound(to: Counts.self)
        unsafe shapes = (base + ObjectNames.shapesOffset).assumingMemoryBound(to: Shape.self)
        unsafe tokens = (base + ObjectNames.tokensOffset).assumingMemoryBound(to: NameToken.self)
    }

    private static let shapesOffset = 64
    private static let tokensOffset = shapesOffset + shapesMax * MemoryLayout<Shape>.stride

    /// Frees the memory; it belongs to the transcoder that made it.
    func destroy() { unsafe counts.deallocate() }

    /// Forgets the previous text.
    func begin() {
        unsafe shapes[ObjectNames.noShape] = Shape()
        unsafe shapes[ObjectNames.root] = Shape()
        unsafe counts.pointee = Counts()
    }

    private func makeShape() -> Int32 {
        let made = unsafe counts.pointee.shapes
        if made == ObjectNames.shapesMax { return 0 }
        unsafe shapes[made] = Shape()
        unsafe counts.pointee.shapes += 1
        return Int32(made)
    }

    /// The shape of an array's elements, or of a member whose name is not a token.
    @inline(__always) func elementShape(_ shape: Int) -> Int {
        unsafe assert(shape < counts.pointee.shapes)
        if shape == ObjectNames.noShape { return shape }
        if unsafe shapes[shape].elementShape == 0 {
            let made = makeShape()
            unsafe shapes[shape].elementShape = made
        }
        return unsafe Int(shapes[shape].elementShape)
    }

    /// The shape of a token's value.
    @inline(__always) func memberShape(_ token: Int) -> Int {
        if unsafe tokens[token].shape == 0 {
            let made = makeShape()
            unsafe tokens[token].shape = made
        }
        return unsafe Int(tokens[token].shape)
    }

    /// The token that an object of `shape` is expected to begin with; 0 for none.
    @inline(__always) func first(_ shape: Int) -> Int {
        unsafe assert(shape < counts.pointee.shapes)
        return unsafe Int(shapes[shape].firstToken)
    }

    @inline(__always) func token(_ index: Int) -> NameToken {
        unsafe assert(index > 0 && index < counts.pointee.tokens)
        return unsafe tokens[index]
    }

    /// Whether a token's bytes begin at `text`, with `available` bytes remaining; false unless 8
    /// bytes follow them.
    @inline(__always) func matches(
        _ index: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Bool {
        unsafe assert(index > 0 && index < counts.pointee.tokens)
        let count = unsafe tokens[index].byteCount
        // Safety: `available` is at least the token's bytes and 8 more; the token was met earlier
        // in the same text, so at least as many bytes follow it.
        if count &+ 8 > available { return false }
        let known = unsafe UnsafeRawPointer(tokens[index].text)
        let raw = UnsafeRawPointer(text)
        var i = 0
        while i &+ 8 <= count {
            if unsafe known.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                != raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            {
                return false
            }
            i &+= 8
        }
        let difference =
            unsafe known.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            ^ raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
        return difference & ((1 &<< UInt64(truncatingIfNeeded: (count &- i) &* 8)) &- 1) == 0
    }

    /// The same, also near the end of the text: no name may be made a token twice.
    @inline(__always) private func isSame(
        _ index: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Bool {
        let count = unsafe tokens[index].byteCount
        if count &+ 8 <= available { return unsafe matches(index, text, available) }
        return unsafe count <= available && memcmp(tokens[index].text, text, count) == 0
    }

    /// The token of `shape` whose bytes begin at `text`, trying the usual successors of `expected`
    /// first; 0 where there is none.
    func find(
        _ shape: Int, expected: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Int {
        var index = expected
        var hops = 0
        while index != 0 && hops < ObjectNames.hopsMax {
            if unsafe isSame(index, text, available) { return index }
            index = unsafe Int(tokens[index].next)
            hops += 1
        }
        index = unsafe Int(shapes[shape].firstToken)
        while index != 0 {
            if unsafe isSame(index, text, available) { return index }
            index = unsafe Int(tokens[index].link)
        }
        return 0
    }

    /// Records that `next` follows `token` in the object that is being read.
    @inline(__always) func follow(_ token: Int, _ next: Int) {
        if token != 0 { unsafe tokens[token].next = Int32(next) }
    }

    /// Makes a token of the `byteCount` bytes at `text`, before `expected`.
    /// - Returns: its index; 0 where there is no room.
    func add(
        _ shape: Int, expected: Int, _ text: UnsafeMutablePointer<UInt8>, _ byteCount: Int
    ) -> Int {
        let made = unsafe counts.pointee.tokens
        let bit = unsafe shapes[shape].tokenCount
        if shape == ObjectNames.noShape || bit == ObjectNames.namesMax
            || made == ObjectNames.tokensMax
        {
            return 0
        }
        unsafe counts.pointee.tokens += 1
        unsafe tokens[made] = NameToken(
            text: text, byteCount: byteCount, bit: 1 << UInt64(bit), next: Int32(expected))
        let last = unsafe Int(shapes[shape].lastToken)
        if last == 0 {
            unsafe shapes[shape].firstToken = Int32(made)
        } else {
            unsafe tokens[last].link = Int32(made)
        }
        unsafe shapes[shape].lastToken = Int32(made)
        unsafe shapes[shape].tokenCount += 1
        return made
    }

    /// Calls `body` with the tokens of `shape` that `matched` marks.
    func each(
        _ shape: Int, _ matched: UInt64, _ body: (NameToken) throws(ReadFailure) -> Void
    ) throws(ReadFailure) {
        var index = unsafe Int(shapes[shape].firstToken)
        while index != 0 {
            if unsafe tokens[index].bit & matched != 0 { unsafe try body(tokens[index]) }
            index = unsafe Int(tokens[index].link)
        }
    }
}
