// The names that a text has had so far -> a quick reading of those that come again. A name is
// foreseen from the one before it in the object that stood at the same place:
//
//     [{"id":1,"at":{"x":2}},{"id":3,...       place 1: the text; place 2: its elements
//      ^^^^^ ^^^^^                             tokens of place 2: "id": then "at":
//                                              place 3: the value of "at", with tokens of its own
//
// A token is all from the separator before a name to the value behind it, white space too. What has
// its bytes needs no scan and no check, and as each token of a place is a bit, neither does the
// question whether the object has the name already. Memory is bounded and small: what finds no room
// is read as if it were new. It is a handle: copies share the memory.
//
// Safety: names and tokens borrow from the text that is being read; `places` and `tokens` have room
// for `placesMax` and `tokensMax`, which the counts stay below.

@safe struct ObjectShapes {
    struct Token {
        /// As it stands in the text, without escapes.
        var name = Value.absent
        /// The first 16 bytes from behind the separator on, and which of them are the token's. No
        /// text has those of a token that is not in use.
        var words = SIMD2<UInt64>(repeating: .max)
        var mask = SIMD2<UInt64>(repeating: 0)
        /// Which of its place's tokens this is.
        var bit: UInt64 = 0
        var byteCount = Int.max
        /// In the text.
        var address: UInt = 0
        /// The token that came behind this one last; 0 for none, as below.
        var next: Int32 = 0
        /// Another one that did before.
        var otherNext: Int32 = 0
        /// The place of the member's value; 0 before it is known, `unread` if none is kept.
        var child: Int32 = 0
        /// Another token of the same place.
        var sibling: Int32 = 0
        /// The name's first bytes.
        var head: UInt64 = 0

        /// Whether the first 16 bytes at a place, which can be read, are not its first ones.
        @inline(__always) func differs(_ text: UnsafeRawPointer) -> Bool {
            // Safety: the caller looks at the room.
            let first = unsafe text.loadUnaligned(as: UInt64.self) & mask[0]
            let second = unsafe text.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & mask[1]
            return (first ^ words[0]) | (second ^ words[1]) != 0
        }

        /// Whether the bytes at a place, which can be read, are its own from the 17th on, of which
        /// there is one. Words that overlap save the loop over the last bytes.
        @inline(__always) func hasRest(_ text: UnsafeRawPointer) -> Bool {
            // Safety: the token stood earlier in the same text, or is kept.
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

    /// Where objects or arrays stand.
    private struct Place {
        /// The token that an object began with last.
        var start: Int32 = 0
        /// Another one that an object began with before.
        var otherStart: Int32 = 0
        /// One of the tokens, whose siblings are the others.
        var token: Int32 = 0
        var tokenCount: Int32 = 0
        /// The place of an array's elements, and of members without a token.
        var element: Int32 = 0
        /// What is looked at of what stands here.
        var want = Projection.all
        /// Whether a container here may be read as an empty one: 1 an array, 2 an object.
        var bare: Int32 = 0
    }

    private static let placesMax = 1_024
    private static let tokensMax = 2_048
    /// Each is a bit of 64. A place with more names is no record but a dictionary.
    private static let placeTokensMax = 64

    private struct Counts {
        var places = 0
        var tokens = 0
        var projection = Projection.whole
        /// Of `kept`.
        var keptBytes = 0
        /// Something found no room, or borrows from a text: the next text begins anew.
        var isCrowded = true
    }

    private let places: UnsafeMutablePointer<Place>
    let tokens: UnsafeMutablePointer<Token>
    private let counts: UnsafeMutablePointer<Counts>
    /// Names and tokens that are kept from text to text.
    private let kept: UnsafeMutablePointer<UInt8>
    private static let keptBytesMax = 32 << 10
    /// With more tokens a text begins anew: the next may have others.
    private static let keptTokensMax = 512
    private let keepsNames: Bool

    /// What has no place of its own: nothing is learned there.
    static var nowhere: Int32 { 0 }
    /// The whole text.
    static var root: Int32 { 1 }
    /// What no text matches and nothing follows.
    static var noToken: Int32 { 0 }
    /// The place of values that nothing looks at.
    static var unread: Int32 { -1 }

    /// - Parameter keepsNames: whether what is known of names stays for later texts, if they are
    ///   read for the same.
    init(keepsNames: Bool = false) {
        // One block, of which a text with few names touches few pages.
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ObjectShapes.tokensOffset + ObjectShapes.tokensMax
                * MemoryLayout<Token>.stride + (keepsNames ? ObjectShapes.keptBytesMax : 0),
            alignment: 64)
        unsafe self.init(base, keepsNames: keepsNames)
        unsafe counts.initialize(to: Counts())
    }

    private init(_ base: UnsafeMutableRawPointer, keepsNames: Bool) {
        self.keepsNames = keepsNames
        unsafe counts = base.assumingMemoryBound(to: Counts.self)
        unsafe places = (base + ObjectShapes.placesOffset).assumingMemoryBound(to: Place.self)
        unsafe tokens = (base + ObjectShapes.tokensOffset).assumingMemoryBound(to: Token.self)
        unsafe kept = UnsafeMutableRawPointer(tokens + ObjectShapes.tokensMax)
            .assumingMemoryBound(to: UInt8.self)
    }

    /// No memory at all, for a reader that has not read yet.
    static var none: ObjectShapes {
        unsafe ObjectShapes(
            UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped, keepsNames: false)
    }

    private static let placesOffset = 64
    private static let tokensOffset = placesOffset + placesMax * MemoryLayout<Place>.stride

    /// Frees the memory; it belongs to the reader that made it.
    func destroy() { unsafe counts.deallocate() }

    /// Forgets the text before, or all of it but the names that it had.
    /// - Parameter isAlone: whether no value of an earlier text is in use.
    func begin(_ projection: Projection, isAlone: Bool) {
        let before = unsafe counts.pointee
        if keepsNames && !before.isCrowded && before.projection.id == projection.id
            && before.tokens <= ObjectShapes.keptTokensMax
        {
            return
        }
        unsafe places[Int(ObjectShapes.nowhere)] = Place(
            tokenCount: Int32(truncatingIfNeeded: ObjectShapes.placeTokensMax))
        unsafe places[Int(ObjectShapes.root)] = Place(
            want: projection.root, bare: projection.bare(projection.root))
        unsafe tokens[Int(ObjectShapes.noToken)] = Token()
        unsafe counts.pointee = Counts(
            places: 2, tokens: 1, projection: projection,
            keptBytes: isAlone ? 0 : before.keptBytes, isCrowded: false)
    }

    /// The token that an object at `place` will begin with.
    @inline(__always) func start(_ place: Int32) -> Int32 {
        assert(place < (unsafe counts.pointee.places))
        return unsafe places[Int(place)].start
    }

    // MARK: Places

    /// Where the value of a token stands.
    @inline(__always) func child(_ token: Int32) -> Int32 {
        let place = self[token].child
        return place > 0 ? place : makeChild(token)
    }

    /// Whether values of the token are kept.
    @inline(__always) func keeps(_ token: Int32) -> Bool {
        self[token].child != ObjectShapes.unread
    }

    /// Whether members with a name that has no token are kept: all of them, if they are.
    func keeps(_ place: Int32, _ name: Bytes) -> Bool {
        let want = unsafe counts.pointee.projection.member(want(place), name)
        return want != Projection.nothing
    }

    @inline(__always) func want(_ place: Int32) -> Projection.Want {
        assert(place < (unsafe counts.pointee.places))
        return unsafe places[Int(place)].want
    }

    /// Whether a container at the place may be read as an empty one.
    @inline(__always) func isBare(_ place: Int32, isObject: Bool) -> Bool {
        assert(place < (unsafe counts.pointee.places))
        return unsafe places[Int(place)].bare & (isObject ? 2 : 1) != 0
    }

    /// Where the elements of an array at `place` stand; 0 where that is not known.
    @inline(__always) func knownElement(_ place: Int32) -> Int32 {
        assert(place < (unsafe counts.pointee.places))
        return unsafe places[Int(place)].element
    }

    /// Where the elements of an array at `place`, or an object's members without a token, stand.
    @inline(__always) func element(_ place: Int32, isMember: Bool) -> Int32 {
        assert(place < (unsafe counts.pointee.places))
        let element = unsafe places[Int(place)].element
        return element != 0 && !isMember ? element : makeElement(place, isMember: isMember)
    }

    @inline(never) private func makeChild(_ token: Int32) -> Int32 {
        if !keeps(token) { return ObjectShapes.nowhere }
        let place = makePlace(Projection.all)
        unsafe tokens[Int(token)].child = place
        return place
    }

    @inline(never) private func makeElement(_ place: Int32, isMember: Bool) -> Int32 {
        // Of a member without a token it is not known what is looked at.
        if place == ObjectShapes.nowhere || isMember && want(place) != Projection.all {
            return ObjectShapes.nowhere
        }
        let known = unsafe places[Int(place)].element
        if known != 0 { return known }
        let want = unsafe counts.pointee.projection.elements(want(place))
        let element = makePlace(want == Projection.nothing ? Projection.all : want)
        unsafe places[Int(place)].element = element
        return element
    }

    private func makePlace(_ want: Projection.Want) -> Int32 {
        let count = unsafe counts.pointee.places
        if count == ObjectShapes.placesMax {
            unsafe counts.pointee.isCrowded = true
            return ObjectShapes.nowhere
        }
        unsafe places[count] = Place(
            want: want, bare: want == Projection.all ? 0 : counts.pointee.projection.bare(want))
        unsafe counts.pointee.places += 1
        return Int32(truncatingIfNeeded: count)
    }

    // MARK: Tokens

    /// The token that is to come behind another.
    @inline(__always) func next(_ token: Int32) -> Int32 { self[token].next }

    /// Bytes from the separator in front of a token's name to its value.
    @inline(__always) func byteCount(_ token: Int32) -> Int { self[token].byteCount }

    @inline(__always) subscript(token: Int32) -> Token {
        assert(token < (unsafe counts.pointee.tokens))
        return unsafe tokens[Int(token)]
    }

    /// How many bytes the token has if `text`, of which `available` bytes remain, begins with
    /// them; else 0.
    @inline(__always) func match(
        _ token: Int32, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Int {
        assert(token < (unsafe counts.pointee.tokens))
        // Safety: as many bytes as are loaded here remain, of the token too, which stood earlier
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
        // Safety: `match` looks at the room.
        unsafe lhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            ^ rhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// The token that came at the same place before the one that was foreseen, if the text begins
    /// with it; it will be foreseen next.
    func secondGuess(
        _ place: Int32, behind previous: Int32, _ text: UnsafeMutablePointer<UInt8>,
        _ available: Int, isFirst: Bool
    ) -> Int32? {
        let guess: Int32
        if isFirst {
            guess = unsafe places[Int(place)].otherStart
        } else {
            guess = self[previous].otherNext
        }
        if unsafe match(guess, text, available) == 0 { return nil }
        foresee(place, behind: previous, guess, isFirst: isFirst)
        return guess
    }

    /// Foresees the token, and second to it the one that was.
    private func foresee(
        _ place: Int32, behind previous: Int32, _ token: Int32, isFirst: Bool
    ) {
        if isFirst {
            let place = unsafe places + Int(place)
            if unsafe place.pointee.start == token { return }
            unsafe place.pointee.otherStart = place.pointee.start
            unsafe place.pointee.start = token
        } else if previous != ObjectShapes.noToken {
            let known = unsafe tokens + Int(previous)
            if unsafe known.pointee.next == token { return }
            unsafe known.pointee.otherNext = known.pointee.next
            unsafe known.pointee.next = token
        }
    }

    /// The token of a name that was not foreseen, which will be the next time.
    /// - Parameters:
    ///   - previous: the token before it in its object; `noToken` if there is none.
    ///   - name: in `bytes`, as it stands there.
    ///   - bytes: from the separator in front of the name to the value.
    /// - Returns: `noToken` where there is no room for it.
    func learn(
        _ place: Int32, behind previous: Int32, _ name: Value, _ bytes: Bytes, isFirst: Bool
    ) -> Int32 {
        let head = ObjectShapes.head(name.bytes)
        var token = unsafe places[Int(place)].token
        while token != ObjectShapes.noToken, !isNamed(token, name, head) {
            token = self[token].sibling
        }
        let isKnown = token != ObjectShapes.noToken
        if isKnown && isSpelled(token, bytes) {
            foresee(place, behind: previous, token, isFirst: isFirst)
            return token
        }
        let (name, bytes) = keep(name, bytes)
        if !isKnown {
            token = makeToken(place, name, head)
            if token == ObjectShapes.noToken { return token }
        }
        // The last spelling, in its white space, is the likeliest.
        unsafe tokens[Int(token)].address = UInt(bitPattern: bytes.base)
        unsafe tokens[Int(token)].byteCount = bytes.count
        for i in 0..<2 {
            let count = min(max(bytes.count - 8 * i, 0), 8)
            let rest = unsafe Bytes(bytes.base + (bytes.count < 8 * i ? 0 : 8 * i), count)
            unsafe tokens[Int(token)].words[i] = ObjectShapes.head(rest)
            unsafe tokens[Int(token)].mask[i] =
                count == 8 ? .max : (1 << UInt64(8 * count)) - 1
        }
        foresee(place, behind: previous, token, isFirst: isFirst)
        return token
    }

    /// The same name and bytes in memory that stays, if there is room.
    private func keep(_ name: Value, _ bytes: Bytes) -> (Value, Bytes) {
        if !keepsNames { return (name, bytes) }
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

    /// The first 8 bytes, or as many as there are, the first lowest.
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

    /// Whether the token has these bytes.
    private func isSpelled(_ token: Int32, _ bytes: Bytes) -> Bool {
        let address = self[token].address
        guard self[token].byteCount == bytes.count,
            let base = unsafe UnsafeMutablePointer<UInt8>(bitPattern: address)
        else { return false }
        return unsafe Bytes(base, bytes.count).hasSameBytesUncharged(bytes)
    }

    private func makeToken(_ place: Int32, _ name: Value, _ head: UInt64) -> Int32 {
        let count = unsafe counts.pointee.tokens
        let index = unsafe Int(places[Int(place)].tokenCount)
        if count == ObjectShapes.tokensMax || index == ObjectShapes.placeTokensMax {
            unsafe counts.pointee.isCrowded = true
            return ObjectShapes.noToken
        }
        unsafe tokens[count] = Token(
            name: name, bit: 1 << UInt64(index), sibling: places[Int(place)].token, head: head)
        let want = unsafe counts.pointee.projection.member(want(place), name.bytes)
        if want != Projection.all {
            let isKept = want != Projection.nothing
            unsafe tokens[count].child = isKept ? makePlace(want) : ObjectShapes.unread
        }
        unsafe counts.pointee.tokens += 1
        unsafe places[Int(place)].token = Int32(truncatingIfNeeded: count)
        unsafe places[Int(place)].tokenCount += 1
        return Int32(truncatingIfNeeded: count)
    }
}
