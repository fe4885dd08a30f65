// The names met so far in a text -> a fast way to read them again. Each shape stands for one
// position in the nesting of the text, such as "elements of the array under `rows`", and holds the
// names of the objects found there. A name is predicted from the one before it in the last object
// of the same shape:
//
//     [{"id":1,"at":{"x":2}},{"id":3,...       shape 1: the text; shape 2: its elements
//      ^^^^^ ^^^^^                             tokens of shape 2: "id": then "at":
//                                              shape 3: the value of "at", with tokens of its own
//
// A token is the bytes from after the separator before a name up to the value, white space
// included. Bytes that equal a predicted token need no scan and no check, and since each token of a
// shape is one bit, a repeated name is found by a bit test. Memory is bounded and small: a name for
// which there is no room is read as if it were new. This is a handle: copies share the memory.
//
// Benchmark: twitter.json: 13.1 -> 6.9 instructions a byte, with strings scanned by 16 bytes.
//
// Safety: names and tokens borrow from the text that is being read; `shapes` and `tokens` have room
// for `shapesMax` and `tokensMax`, and the counts stay below those.

@safe struct ObjectShapes {
    struct NameToken {
        /// As it is in the text, without escapes.
        var name = Value.absent
        /// The first 16 bytes after the separator, and a mask of those that belong to the token.
        /// The words of an unused token match no text.
        var words = SIMD2<UInt64>(repeating: .max)
        var mask = SIMD2<UInt64>(repeating: 0)
        /// The token's bit among those of its shape.
        var bit: UInt64 = 0
        var byteCount = Int.max
        /// The address of its bytes in the text.
        var address: UInt = 0
        /// The token that followed this one last; 0 for none, as below.
        var next: Int32 = 0
        /// The token that followed it before that one.
        var otherNext: Int32 = 0
        /// The shape of the member's value; 0 before it is known, `unread` if no value is kept.
        var child: Int32 = 0
        /// Another token of the same shape.
        var sibling: Int32 = 0
        /// The name's first bytes.
        var head: UInt64 = 0

        /// Whether the 16 bytes at an address, which can be read, differ from its first ones.
        @inline(__always) func differs(_ text: UnsafeRawPointer) -> Bool {
            // Safety: the caller checks that 16 bytes remain.
            let first = unsafe text.loadUnaligned(as: UInt64.self) & mask[0]
            let second = unsafe text.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & mask[1]
            return (first ^ words[0]) | (second ^ words[1]) != 0
        }

        /// Whether the bytes at an address, which can be read, equal its own from the 17th on;
        /// there is a 17th. Words that overlap save the loop over the last bytes.
        @inline(__always) func hasRest(_ text: UnsafeRawPointer) -> Bool {
            // Safety: the token was met earlier in the same text, or is kept.
            let all = unsafe UnsafeRawPointer(bitPattern: address).unsafelyUnwrapped
            let last = byteCount &- 16
            var i = 16
            while i < last {
                if unsafe ObjectShapes.difference(all, text, i)
                    | ObjectShapes.difference(all, text, i &+ 8) != 0
                {
                    return false
                }
                i &+= 16
            }
            return unsafe ObjectShapes.difference(all, text, last)
                | ObjectShapes.difference(all, text, last &+ 8) == 0
        }
    }

    /// What is known of the objects or arrays at one position in the nesting.
    private struct Shape {
        /// The token that the last object began with.
        var start: Int32 = 0
        /// The token that an earlier object began with.
        var otherStart: Int32 = 0
        /// One of the tokens; its siblings are the others.
        var token: Int32 = 0
        var tokenCount: Int32 = 0
        /// The shape of an array's elements, and of members without a token.
        var element: Int32 = 0
        /// Which parts of these values are used.
        var want = Projection.all
        /// Which containers here may be read as empty ones: 1 arrays, 2 objects.
        var shallowKinds: Int32 = 0
    }

    private static let shapesMax = 1_024
    private static let tokensMax = 2_048
    /// Each is a bit of 64. Objects with more names are dictionaries rather than records.
    private static let shapeTokensMax = 64

    private struct Counts {
        var shapes = 0
        var tokens = 0
        var projection = Projection.whole
        /// How many bytes of `kept` are in use.
        var keptBytes = 0
        /// Something found no room, or borrows from a text: the next text starts without names.
        var isCrowded = true
    }

    private let shapes: UnsafeMutablePointer<Shape>
    let tokens: UnsafeMutablePointer<NameToken>
    private let counts: UnsafeMutablePointer<Counts>
    /// Names and tokens that are kept from text to text.
    private let kept: UnsafeMutablePointer<UInt8>
    private static let keptBytesMax = 32 << 10
    /// After a text with more tokens than this, the next one starts without names: its own may
    /// differ.
    private static let keptTokensMax = 512
    private let names: NameKeeping

    /// What becomes of the names when the next text is read.
    enum NameKeeping {
        /// They are forgotten.
        case none
        /// They stay as long as the reader.
        case kept
        /// Those that the heap knows, too, so that programs find them from run to run. One reader
        /// of a heap has such names.
        case known
    }

    /// The shape of values without a shape of their own: nothing is learned there.
    static var noShape: Int32 { 0 }
    /// The whole text.
    static var root: Int32 { 1 }
    /// The token that no text matches and none follows.
    static var noToken: Int32 { 0 }
    /// The shape of values that are not used.
    static var unread: Int32 { -1 }

    /// - Parameter names: where they are kept, for later texts that are read with the same
    ///   projection.
    init(names: NameKeeping) {
        // One block; a text with few names touches few of its pages.
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ObjectShapes.tokensOffset + ObjectShapes.tokensMax
                * MemoryLayout<NameToken>.stride + (names == .none ? 0 : ObjectShapes.keptBytesMax),
            alignment: 64)
        unsafe self.init(base, names: names)
        unsafe counts.initialize(to: Counts())
    }

    private init(_ base: UnsafeMutableRawPointer, names: NameKeeping) {
        self.names = names
        unsafe counts = base.assumingMemoryBound(to: Counts.self)
        unsafe shapes = (base + ObjectShapes.shapesOffset).assumingMemoryBound(to: Shape.self)
        unsafe tokens = (base + ObjectShapes.tokensOffset).assumingMemoryBound(to: NameToken.self)
        unsafe kept = UnsafeMutableRawPointer(tokens + ObjectShapes.tokensMax)
            .assumingMemoryBound(to: UInt8.self)
    }

    /// Without memory, for a reader that has not read yet.
    static var none: ObjectShapes {
        unsafe ObjectShapes(
            UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped, names: .none)
    }

    private static let shapesOffset = 64
    private static let tokensOffset = shapesOffset + shapesMax * MemoryLayout<Shape>.stride

    /// Frees the memory; it belongs to the reader that made it.
    func destroy() { unsafe counts.deallocate() }

    /// Forgets the previous text, or all of it but its names.
    /// - Parameter isAlone: whether no value of an earlier text is in use.
    func begin(_ projection: Projection, isAlone: Bool, _ heap: Heap) {
        let before = unsafe counts.pointee
        if names != .none && !before.isCrowded && before.projection.id == projection.id
            && before.tokens <= ObjectShapes.keptTokensMax
        {
            return
        }
        if names == .known {
            let start = unsafe UInt64(UInt(bitPattern: kept))
            let end = start + UInt64(ObjectShapes.keptBytesMax)
            unsafe heap.state.pointee.keptNames = start..<end
            unsafe heap.state.pointee.keptNamesVersion &+= 1
        }
        unsafe shapes[Int(ObjectShapes.noShape)] = Shape(
            tokenCount: Int32(truncatingIfNeeded: ObjectShapes.shapeTokensMax))
        unsafe shapes[Int(ObjectShapes.root)] = Shape(
            want: projection.root, shallowKinds: projection.shallowKinds(projection.root))
        unsafe tokens[Int(ObjectShapes.noToken)] = NameToken()
        unsafe counts.pointee = Counts(
            shapes: 2, tokens: 1, projection: projection,
            keptBytes: isAlone ? 0 : before.keptBytes, isCrowded: false)
    }

    /// The token that an object of `shape` is predicted to begin with.
    @inline(__always) func start(_ shape: Int32) -> Int32 {
        assert(shape < (unsafe counts.pointee.shapes))
        return unsafe shapes[Int(shape)].start
    }

    // MARK: Shapes

    /// The shape of a token's value.
    @inline(__always) func child(_ token: Int32) -> Int32 {
        let shape = self[token].child
        return shape > 0 ? shape : makeChild(token)
    }

    /// Whether values of the token are kept.
    @inline(__always) func keeps(_ token: Int32) -> Bool {
        self[token].child != ObjectShapes.unread
    }

    /// Whether members whose names have no token are kept: either all of them are, or none.
    func keeps(_ shape: Int32, _ name: Bytes) -> Bool {
        let want = unsafe counts.pointee.projection.member(want(shape), name)
        return want != Projection.nothing
    }

    @inline(__always) func want(_ shape: Int32) -> Projection.Want {
        assert(shape < (unsafe counts.pointee.shapes))
        return unsafe shapes[Int(shape)].want
    }

    /// Whether only the existence of containers of the shape matters: they may be read as empty
    /// ones.
    @inline(__always) func isShallow(_ shape: Int32, isObject: Bool) -> Bool {
        assert(shape < (unsafe counts.pointee.shapes))
        return unsafe shapes[Int(shape)].shallowKinds & (isObject ? 2 : 1) != 0
    }

    /// The shape of the elements of an array of `shape`; 0 where it is not known.
    @inline(__always) func knownElement(_ shape: Int32) -> Int32 {
        assert(shape < (unsafe counts.pointee.shapes))
        return unsafe shapes[Int(shape)].element
    }

    /// The shape of the elements of an array of `shape`, or of an object's members without a token.
    @inline(__always) func element(_ shape: Int32, isMember: Bool) -> Int32 {
        assert(shape < (unsafe counts.pointee.shapes))
        let element = unsafe shapes[Int(shape)].element
        return element != 0 && !isMember ? element : makeElement(shape, isMember: isMember)
    }

    @inline(never) private func makeChild(_ token: Int32) -> Int32 {
        if !keeps(token) { return ObjectShapes.noShape }
        let shape = makeShape(Projection.all)
        unsafe tokens[Int(token)].child = shape
        return shape
    }

    @inline(never) private func makeElement(_ shape: Int32, isMember: Bool) -> Int32 {
        // Which parts of a member without a token are used is not known.
        if shape == ObjectShapes.noShape || isMember && want(shape) != Projection.all {
            return ObjectShapes.noShape
        }
        let known = unsafe shapes[Int(shape)].element
        if known != 0 { return known }
        let want = unsafe counts.pointee.projection.elements(want(shape))
        let element = makeShape(want == Projection.nothing ? Projection.all : want)
        unsafe shapes[Int(shape)].element = element
        return element
    }

    private func makeShape(_ want: Projection.Want) -> Int32 {
        let count = unsafe counts.pointee.shapes
        if count == ObjectShapes.shapesMax {
            unsafe counts.pointee.isCrowded = true
            return ObjectShapes.noShape
        }
        unsafe shapes[count] = Shape(
            want: want,
            shallowKinds: want == Projection.all ? 0 : counts.pointee.projection.shallowKinds(want))
        unsafe counts.pointee.shapes += 1
        return Int32(truncatingIfNeeded: count)
    }

    // MARK: Tokens

    /// The token that is predicted after another.
    @inline(__always) func next(_ token: Int32) -> Int32 { self[token].next }

    /// Bytes from after the separator before a token's name up to its value.
    @inline(__always) func byteCount(_ token: Int32) -> Int { self[token].byteCount }

    @inline(__always) subscript(token: Int32) -> NameToken {
        assert(token < (unsafe counts.pointee.tokens))
        return unsafe tokens[Int(token)]
    }

    /// The token's byte count if `text`, with `available` bytes remaining, begins with its bytes;
    /// else 0.
    @inline(__always) func match(
        _ token: Int32, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Int {
        assert(token < (unsafe counts.pointee.tokens))
        // Safety: as many bytes as are loaded here remain, in the token too, which was met earlier
        // in the same text.
        let known = unsafe tokens + Int(token)
        let count = unsafe known.pointee.byteCount
        if count > available || available < 16 { return 0 }
        let raw = UnsafeRawPointer(text)
        if unsafe known.pointee.differs(raw) { return 0 }
        return unsafe count <= 16 || known.pointee.hasRest(raw) ? count : 0
    }

    /// Not 0 if 8 bytes differ.
    @inline(__always) fileprivate static func difference(
        _ lhs: UnsafeRawPointer, _ rhs: UnsafeRawPointer, _ offset: Int
    ) -> UInt64 {
        // Safety: `match` checks that the bytes remain.
        unsafe lhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            ^ rhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// The token that was predicted here before the current prediction, if the text begins with it.
    /// It becomes the prediction.
    func matchOtherPrediction(
        _ shape: Int32, after previous: Int32, _ text: UnsafeMutablePointer<UInt8>,
        _ available: Int, isFirst: Bool
    ) -> Int32? {
        let other: Int32
        if isFirst {
            other = unsafe shapes[Int(shape)].otherStart
        } else {
            other = self[previous].otherNext
        }
        if unsafe match(other, text, available) == 0 { return nil }
        predict(shape, after: previous, other, isFirst: isFirst)
        return other
    }

    /// Makes the token the prediction, and the one before it the second choice.
    private func predict(
        _ shape: Int32, after previous: Int32, _ token: Int32, isFirst: Bool
    ) {
        if isFirst {
            let shape = unsafe shapes + Int(shape)
            if unsafe shape.pointee.start == token { return }
            unsafe shape.pointee.otherStart = shape.pointee.start
            unsafe shape.pointee.start = token
        } else if previous != ObjectShapes.noToken {
            let known = unsafe tokens + Int(previous)
            if unsafe known.pointee.next == token { return }
            unsafe known.pointee.otherNext = known.pointee.next
            unsafe known.pointee.next = token
        }
    }

    /// The token of a name that was not predicted; it will be predicted next time.
    /// - Parameters:
    ///   - previous: the token before it in its object; `noToken` if there is none.
    ///   - name: a part of `bytes`.
    ///   - bytes: from after the separator before the name up to the value.
    /// - Returns: `noToken` where there is no room for another.
    func learn(
        _ shape: Int32, after previous: Int32, _ name: Value, _ bytes: Bytes, isFirst: Bool
    ) -> Int32 {
        let head = ObjectShapes.head(name.bytes)
        var token = unsafe shapes[Int(shape)].token
        while token != ObjectShapes.noToken, !isNamed(token, name, head) {
            token = self[token].sibling
        }
        let isKnown = token != ObjectShapes.noToken
        if isKnown && isSpelled(token, bytes) {
            predict(shape, after: previous, token, isFirst: isFirst)
            return token
        }
        let (name, bytes) = keep(name, bytes)
        if !isKnown {
            token = makeToken(shape, name, head)
            if token == ObjectShapes.noToken { return token }
        }
        // The last spelling, white space included, is the likeliest to come again.
        unsafe tokens[Int(token)].address = UInt(bitPattern: bytes.base)
        unsafe tokens[Int(token)].byteCount = bytes.count
        for i in 0..<2 {
            let count = min(max(bytes.count - 8 * i, 0), 8)
            let rest = unsafe Bytes(bytes.base + (bytes.count < 8 * i ? 0 : 8 * i), count)
            unsafe tokens[Int(token)].words[i] = ObjectShapes.head(rest)
            unsafe tokens[Int(token)].mask[i] =
                count == 8 ? .max : (1 << UInt64(8 * count)) - 1
        }
        predict(shape, after: previous, token, isFirst: isFirst)
        return token
    }

    /// The same name and bytes, in memory that is kept, if there is room.
    private func keep(_ name: Value, _ bytes: Bytes) -> (Value, Bytes) {
        if names == .none { return (name, bytes) }
        let used = unsafe counts.pointee.keptBytes
        if used + bytes.count > ObjectShapes.keptBytesMax {
            unsafe counts.pointee.isCrowded = true
            return (name, bytes)
        }
        let room = unsafe kept + used
        unsafe bytes.copyUncharged(to: room)
        unsafe counts.pointee.keptBytes = used + bytes.count
        let offset = unsafe UInt(truncatingIfNeeded: name.payload) - UInt(bitPattern: bytes.base)
        var copy = name
        copy.payload = UInt64(UInt(bitPattern: room) + offset)
        return unsafe (copy, Bytes(room, bytes.count))
    }

    /// The first 8 bytes of a name, or all if there are fewer; the first byte is the lowest.
    private static func head(_ name: Bytes) -> UInt64 {
        if name.count >= 8 {
            return unsafe UnsafeRawPointer(name.base).loadUnaligned(as: UInt64.self)
        }
        var head: UInt64 = 0
        for i in 0..<name.count { head |= UInt64(name[i]) << UInt64(8 * i) }
        return head
    }

    private func isNamed(_ token: Int32, _ name: Value, _ head: UInt64) -> Bool {
        if self[token].head != head { return false }
        let known = self[token].name
        return known.count == name.count && known.bytes.hasSameBytesUncharged(name.bytes)
    }

    /// Whether these are the token's bytes.
    private func isSpelled(_ token: Int32, _ bytes: Bytes) -> Bool {
        let address = self[token].address
        guard self[token].byteCount == bytes.count,
            let base = unsafe UnsafeMutablePointer<UInt8>(bitPattern: address)
        else { return false }
        return unsafe Bytes(base, bytes.count).hasSameBytesUncharged(bytes)
    }

    private func makeToken(_ shape: Int32, _ name: Value, _ head: UInt64) -> Int32 {
        let count = unsafe counts.pointee.tokens
        let index = unsafe Int(shapes[Int(shape)].tokenCount)
        if count == ObjectShapes.tokensMax || index == ObjectShapes.shapeTokensMax {
            unsafe counts.pointee.isCrowded = true
            return ObjectShapes.noToken
        }
        unsafe tokens[count] = NameToken(
            name: name, bit: 1 << UInt64(index), sibling: shapes[Int(shape)].token, head: head)
        let want = unsafe counts.pointee.projection.member(want(shape), name.bytes)
        if want != Projection.all {
            let isKept = want != Projection.nothing
            unsafe tokens[count].child = isKept ? makeShape(want) : ObjectShapes.unread
        }
        unsafe counts.pointee.tokens += 1
        unsafe shapes[Int(shape)].token = Int32(truncatingIfNeeded: count)
        unsafe shapes[Int(shape)].tokenCount += 1
        return Int32(truncatingIfNeeded: count)
    }
}
