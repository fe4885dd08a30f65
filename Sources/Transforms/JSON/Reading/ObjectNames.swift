// The names met so far -> a quick reading of the same names in later objects at the same place, for
// the transcoder. Every name of a place is a token, added as it is met; each token remembers which
// one followed it last, so rows of one shape are read by their order alone:
//
//     [{"id":1,"at":{"x":2}},{"id":3,...       place 1: the text; place 2: its elements
//      "id": -> "at":                          tokens of place 2; "x": is one of the place of "at"
//
// A name that has the bytes of its token needs no scan and no check. Which tokens an object has had
// are bits in its frame, so a name that stands twice is known. Memory is bounded and small: what
// finds no room is read as if it were new. It is a handle: copies share the memory.
//
// Safety: tokens point into the text that is being read; indices stay below the capacities.

import Glibc

@safe struct ObjectNames {
    /// A name as it stood in the text, its quotes and its colon next to it.
    @safe struct Token {
        fileprivate var text: UnsafeMutablePointer<UInt8>
        var byteCount: Int
        /// What an object's frame marks it with.
        var bit: UInt64
        /// Of the member's value; 0 as long as that was no container.
        fileprivate var place: Int32 = 0
        /// The token that followed it last.
        var next: Int32
        /// The next token of the same object, in the order they were met.
        fileprivate var link: Int32 = 0

        /// The name itself.
        var name: Value {
            unsafe Value(string: Bytes(text + 1, byteCount - 3), flags: Value.plain)
        }
    }

    private struct Place {
        var firstToken: Int32 = 0
        var lastToken: Int32 = 0
        var tokenCount = 0
        /// Of an array's elements, and of the members whose names are no tokens.
        var innerPlace: Int32 = 0
    }

    private struct Counts {
        var places = 2
        // Token 0 is none.
        var tokens = 1
    }

    private static let placesMax = 512
    private static let tokensMax = 1_024
    /// A token is a bit in 64.
    static let namesMax = 64
    /// Successors that are tried before all tokens of the place.
    private static let hopsMax = 4

    private let places: UnsafeMutablePointer<Place>
    private let tokens: UnsafeMutablePointer<Token>
    private let counts: UnsafeMutablePointer<Counts>

    /// What has no place of its own: no tokens are made there.
    static let nowhere = 0
    /// The whole text.
    static let root = 1

    init() {
        // One block, of which a text with few names touches few pages.
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ObjectNames.tokensOffset + ObjectNames.tokensMax
                * MemoryLayout<Token>.stride, alignment: 16)
        unsafe counts = base.assumingMemoryBound(to: Counts.self)
        unsafe places = (base + ObjectNames.placesOffset).assumingMemoryBound(to: Place.self)
        unsafe tokens = (base + ObjectNames.tokensOffset).assumingMemoryBound(to: Token.self)
    }

    private static let placesOffset = 64
    private static let tokensOffset = placesOffset + placesMax * MemoryLayout<Place>.stride

    /// Frees the memory; it belongs to the transcoder that made it.
    func destroy() { unsafe counts.deallocate() }

    /// Forgets the text before.
    func begin() {
        unsafe places[ObjectNames.nowhere] = Place()
        unsafe places[ObjectNames.root] = Place()
        unsafe counts.pointee = Counts()
    }

    private func makePlace() -> Int32 {
        let made = unsafe counts.pointee.places
        if made == ObjectNames.placesMax { return 0 }
        unsafe places[made] = Place()
        unsafe counts.pointee.places += 1
        return Int32(made)
    }

    /// The place of an array's elements, or of a member whose name is no token.
    @inline(__always) func innerPlace(_ place: Int) -> Int {
        unsafe assert(place < counts.pointee.places)
        if place == ObjectNames.nowhere { return place }
        if unsafe places[place].innerPlace == 0 {
            let made = makePlace()
            unsafe places[place].innerPlace = made
        }
        return unsafe Int(places[place].innerPlace)
    }

    /// The place of a token's value.
    @inline(__always) func memberPlace(_ token: Int) -> Int {
        if unsafe tokens[token].place == 0 {
            let made = makePlace()
            unsafe tokens[token].place = made
        }
        return unsafe Int(tokens[token].place)
    }

    /// The token that an object at `place` is expected to begin with; 0 is none.
    @inline(__always) func first(_ place: Int) -> Int {
        unsafe assert(place < counts.pointee.places)
        return unsafe Int(places[place].firstToken)
    }

    @inline(__always) func token(_ index: Int) -> Token {
        unsafe assert(index > 0 && index < counts.pointee.tokens)
        return unsafe tokens[index]
    }

    /// Whether a token's bytes begin at `text`, of which `available` bytes remain: at least 8
    /// behind them, else false.
    @inline(__always) func matches(
        _ index: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Bool {
        unsafe assert(index > 0 && index < counts.pointee.tokens)
        let count = unsafe tokens[index].byteCount
        // Safety: `available` is at least the token's bytes and 8 more; the token stood earlier in
        // the same text, so as many bytes follow it.
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

    /// The same at the end of the text too: no name may be made a token twice.
    @inline(__always) private func isSame(
        _ index: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Bool {
        let count = unsafe tokens[index].byteCount
        if count &+ 8 <= available { return unsafe matches(index, text, available) }
        return unsafe count <= available && memcmp(tokens[index].text, text, count) == 0
    }

    /// The token of `place` whose bytes begin at `text`, those first that mostly follow `expected`;
    /// 0 where there is none.
    func find(
        _ place: Int, expected: Int, _ text: UnsafeMutablePointer<UInt8>, _ available: Int
    ) -> Int {
        var index = expected
        var hops = 0
        while index != 0 && hops < ObjectNames.hopsMax {
            if unsafe isSame(index, text, available) { return index }
            index = unsafe Int(tokens[index].next)
            hops += 1
        }
        index = unsafe Int(places[place].firstToken)
        while index != 0 {
            if unsafe isSame(index, text, available) { return index }
            index = unsafe Int(tokens[index].link)
        }
        return 0
    }

    /// `next` stands behind `token` in the object that is being read.
    @inline(__always) func follow(_ token: Int, _ next: Int) {
        if token != 0 { unsafe tokens[token].next = Int32(next) }
    }

    /// Makes a token of `byteCount` bytes that stand at `text`, before `expected`.
    /// - Returns: its index; 0 where there is no room.
    func add(
        _ place: Int, expected: Int, _ text: UnsafeMutablePointer<UInt8>, _ byteCount: Int
    ) -> Int {
        let made = unsafe counts.pointee.tokens
        let bit = unsafe places[place].tokenCount
        if place == ObjectNames.nowhere || bit == ObjectNames.namesMax
            || made == ObjectNames.tokensMax
        {
            return 0
        }
        unsafe counts.pointee.tokens += 1
        unsafe tokens[made] = Token(
            text: text, byteCount: byteCount, bit: 1 << UInt64(bit), next: Int32(expected))
        let last = unsafe Int(places[place].lastToken)
        if last == 0 {
            unsafe places[place].firstToken = Int32(made)
        } else {
            unsafe tokens[last].link = Int32(made)
        }
        unsafe places[place].lastToken = Int32(made)
        unsafe places[place].tokenCount += 1
        return made
    }

    /// Calls `body` with the tokens of `place` that `matched` marks.
    func each(
        _ place: Int, _ matched: UInt64, _ body: (Token) throws(ReadFailure) -> Void
    ) throws(ReadFailure) {
        var index = unsafe Int(places[place].firstToken)
        while index != 0 {
            if unsafe tokens[index].bit & matched != 0 { unsafe try body(tokens[index]) }
            index = unsafe Int(tokens[index].link)
        }
    }
}
