// The names of earlier objects -> a quick reading of the same names in the next object at the same
// place. Rows of one shape repeat their names byte for byte:
//
//     [{"id":1,"at":{"x":2}},{"id":3,...       place 1: the text; place 2: its elements
//      ^^^^^ ^^^^^                             shape of place 2: "id": "at":
//                                              place 3: the value of "at", with a shape of its own
//
// A name that has the bytes of its token needs no scan and no check; names that match tokens in
// their order differ from each other as the tokens do. Memory is bounded and small: what finds no
// room is read as if it were new. It is a handle: copies share the memory.
//
// Safety: names borrow from the text that is being read; `placeCount` and `tokenCount` stay below
// the capacities.

@safe struct ObjectShapes {
    /// A name that stood in the text between quotes, with its colon next to it.
    struct Token {
        var name = Value.absent
        /// The place of the member's value.
        var place: Int32 = 0
        /// Of the name, its quotes and its colon.
        var byteCount = 0
    }

    private struct Place {
        var firstToken = 0
        var tokenCount = 0
        /// The place of an array's elements; 0 as long as there is none.
        var elementPlace = 0
        var learnedCount = 0
    }

    private static let placesMax = 512
    private static let tokensMax = 1_024
    /// A place whose objects keep differing is not worth learning again.
    private static let learnedMax = 8
    /// Tokens that are passed over to find a name: optional members.
    static let passedMax = 4
    /// A matched token is a bit in 64.
    static let namesMax = 64

    private struct Counts {
        var places = 0
        var tokens = 0
    }

    private let places: UnsafeMutablePointer<Place>
    private let tokens: UnsafeMutablePointer<Token>
    private let counts: UnsafeMutablePointer<Counts>
    private var placeCount: Int { unsafe counts.pointee.places }
    private var tokenCount: Int { unsafe counts.pointee.tokens }

    /// What has no place of its own: nothing is learned there.
    static let nowhere = 0
    /// The whole text.
    static let root = 1

    init() {
        // One block, of which a text with few names touches few pages.
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ObjectShapes.tokensOffset + ObjectShapes.tokensMax
                * MemoryLayout<Token>.stride, alignment: 16)
        unsafe self.init(base)
        unsafe counts.initialize(to: Counts())
    }

    private init(_ base: UnsafeMutableRawPointer) {
        unsafe counts = base.assumingMemoryBound(to: Counts.self)
        unsafe places = (base + ObjectShapes.placesOffset).assumingMemoryBound(to: Place.self)
        unsafe tokens = (base + ObjectShapes.tokensOffset).assumingMemoryBound(to: Token.self)
    }

    /// No memory at all, for a reader that has not read yet.
    static var none: ObjectShapes {
        unsafe ObjectShapes(UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped)
    }

    private static let placesOffset = 64
    private static let tokensOffset = placesOffset + placesMax * MemoryLayout<Place>.stride

    /// Frees the memory; it belongs to the reader that made it.
    func destroy() { unsafe counts.deallocate() }

    /// Forgets the text before.
    func begin() {
        unsafe places[ObjectShapes.nowhere] = Place(learnedCount: ObjectShapes.learnedMax)
        unsafe places[ObjectShapes.root] = Place()
        unsafe counts.pointee = Counts(places: 2)
    }

    private func makePlace() -> Int {
        if placeCount == ObjectShapes.placesMax { return ObjectShapes.nowhere }
        unsafe places[placeCount] = Place()
        unsafe counts.pointee.places += 1
        return placeCount - 1
    }

    /// Where the elements of an array at `place` stand.
    func elementPlace(_ place: Int) -> Int {
        assert(place < placeCount)
        if place == ObjectShapes.nowhere { return place }
        if unsafe places[place].elementPlace == 0 {
            let made = makePlace()
            unsafe places[place].elementPlace = made
        }
        return unsafe places[place].elementPlace
    }

    /// The tokens of the objects at `place`.
    @inline(__always) func shape(_ place: Int) -> (first: Int, count: Int) {
        assert(place < placeCount)
        return unsafe (places[place].firstToken, places[place].tokenCount)
    }

    @inline(__always) func token(_ index: Int) -> Token {
        assert(index < tokenCount)
        return unsafe tokens[index]
    }

    /// Whether a token's bytes begin at `text`, of which `available` bytes remain.
    @inline(__always) func matches(
        _ index: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Bool {
        let token = self.token(index)
        let count = token.byteCount
        // Safety: `available` is at least the token's bytes and 8 more; the token stood earlier in
        // the same text, so as many bytes follow it.
        if count &+ 8 > available { return false }
        let known = unsafe UnsafeRawPointer(bitPattern: UInt(token.name.payload &- 1))
            .unsafelyUnwrapped
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

    /// The token from `first` on, a few at most, whose bytes begin at `text`: those before it are
    /// of members that an object may lack.
    func find(
        _ first: Int, _ end: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Int? {
        var index = first
        while index < min(end, first + ObjectShapes.passedMax) {
            if unsafe matches(index, text, available) { return index }
            index += 1
        }
        return nil
    }

    /// Takes the names of an object at `place` for the shape of the next, if each stood in the text
    /// as it is written.
    /// - Parameters:
    ///   - names: all different, at every `stride` slots.
    ///   - text: what the names may borrow from.
    func learn(_ place: Int, _ names: Slots, _ count: Int, stride: Int, _ text: Bytes) {
        assert(place < placeCount)
        guard unsafe places[place].learnedCount < ObjectShapes.learnedMax,
            count <= ObjectShapes.namesMax, tokenCount + count <= ObjectShapes.tokensMax
        else { return }
        let start = unsafe UInt64(UInt(bitPattern: text.base))
        for i in 0..<count {
            let name = names[stride * i]
            let offset = Int(truncatingIfNeeded: name.payload &- start)
            let isPlain = name.word & Value.plain != 0 && offset > 0
            guard isPlain, offset + name.count + 1 < text.count,
                text[offset + name.count + 1] == UInt8(ascii: ":")
            else { return }
        }
        unsafe places[place].learnedCount += 1
        unsafe places[place].firstToken = tokenCount
        unsafe places[place].tokenCount = count
        for i in 0..<count {
            let name = names[stride * i]
            unsafe tokens[tokenCount] = Token(
                name: name, place: Int32(makePlace()), byteCount: name.count + 3)
            unsafe counts.pointee.tokens += 1
        }
    }
}
