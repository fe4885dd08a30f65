// A reference implementation of inflating: RFC 1951, 1950 and 1952, bit by bit, simple rather than
// fast. What zlib refuses beyond the RFCs (incomplete codes, a missing end) is refused here too.

/// Compressed bytes -> content.
struct InflateReference {
    private struct Refused: Error {}

    /// Canonical codes: how many there are of each length, and their symbols in order.
    private struct Codes {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int] = []
        /// Codes that no symbol has; negative if there are fewer codes than symbols.
        var left = 1

        init(_ lengths: ArraySlice<Int>) {
            for length in lengths { counts[length] += 1 }
            for length in 1..<16 { left = left * 2 - counts[length] }
            for length in 1..<16 {
                symbols += lengths.enumerated().filter { $0.element == length }.map(\.offset)
            }
        }

        /// Whether the codes are complete. Of the incomplete sets, two are allowed: a single code
        /// of one bit, and none at all.
        var isAllowed: Bool { left == 0 || left > 0 && symbols.count == counts[1] }
    }

    private static let lengthBases =
        Array(3...10) + [11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115]
        + [131, 163, 195, 227, 258]
    private static let distanceBases =
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025]
        + [1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]

    private let bytes: [UInt8]
    private var bitOffset = 0
    private var content: [UInt8] = []

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Members of RFC 1952, one after another; nil if one is malformed.
    static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
        var inflater = InflateReference(bytes)
        var all: [UInt8] = []
        do {
            repeat {
                inflater.content = []
                try inflater.file()
                all += inflater.content
            } while inflater.bitOffset < bytes.count * 8
            return all
        } catch { return nil }
    }

    /// A stream of RFC 1950, or of RFC 1951 if the first two bytes are no header of RFC 1950.
    static func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        var inflater = InflateReference(bytes)
        guard bytes.count >= 2 else { return nil }
        let pair = Int(bytes[0]) << 8 | Int(bytes[1])
        let isZlib = bytes[0] & 15 == 8 && bytes[0] >> 4 <= 7 && pair % 31 == 0
        do {
            if isZlib {
                if bytes[1] & 0x20 != 0 { return nil }
                inflater.bitOffset = 16
            }
            try inflater.blocks()
            if isZlib {
                let check = try (0..<4).reduce(0) { sum, _ in try sum << 8 | inflater.take(8) }
                if check != adler(inflater.content) { return nil }
            }
        } catch { return nil }
        return inflater.bitOffset == bytes.count * 8 ? inflater.content : nil
    }

    private static func adler(_ content: [UInt8]) -> Int {
        let sums = content.reduce((1, 0)) { sums, byte in
            let low = (sums.0 + Int(byte)) % 65521
            return (low, (sums.1 + low) % 65521)
        }
        return sums.1 << 16 | sums.0
    }

    private static func crc(_ content: some Sequence<UInt8>) -> Int {
        var sum: UInt32 = .max
        for byte in content {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return Int(~sum)
    }

    private mutating func take(_ count: Int) throws -> Int {
        guard bitOffset + count <= bytes.count * 8 else { throw Refused() }
        var number = 0
        for index in 0..<count {
            let bit = Int(bytes[bitOffset / 8] >> UInt8(bitOffset % 8) & 1)
            number |= bit << index
            bitOffset += 1
        }
        return number
    }

    private mutating func file() throws {
        let start = bitOffset / 8
        guard try take(16) == 0x8B1F, try take(8) == 8 else { throw Refused() }
        let flags = try take(8)
        if flags & 0xE0 != 0 { throw Refused() }
        for _ in 0..<6 { _ = try take(8) }
        if flags & 4 != 0 { for _ in 0..<(try take(16)) { _ = try take(8) } }
        if flags & 8 != 0 { while try take(8) != 0 {} }
        if flags & 16 != 0 { while try take(8) != 0 {} }
        if flags & 2 != 0 {
            let check = Self.crc(bytes[start..<bitOffset / 8]) & 0xFFFF
            if try take(16) != check { throw Refused() }
        }
        try blocks()
        guard try take(32) == Self.crc(content), try take(32) == content.count & 0xFFFF_FFFF
        else { throw Refused() }
    }

    /// Blocks to the last one, and on to a whole byte.
    private mutating func blocks() throws {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1:
                let lengths =
                    Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112)
                    + Array(repeating: 7, count: 24) + Array(repeating: 8, count: 8)
                try coded(Codes(lengths[...]), Codes(Array(repeating: 5, count: 30)[...]))
            case 2: try dynamic()
            default: throw Refused()
            }
        }
        bitOffset = (bitOffset + 7) & ~7
    }

    private mutating func stored() throws {
        bitOffset = (bitOffset + 7) & ~7
        let count = try take(16)
        guard try take(16) == ~count & 0xFFFF else { throw Refused() }
        for _ in 0..<count { content.append(UInt8(try take(8))) }
    }

    private mutating func dynamic() throws {
        let lengthCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let codeCount = try take(4) + 4
        guard lengthCount <= 286, distanceCount <= 30 else { throw Refused() }
        var lengths = [Int](repeating: 0, count: 19)
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        for index in order.prefix(codeCount) { lengths[index] = try take(3) }
        let codes = Codes(lengths[...])
        guard codes.left == 0 else { throw Refused() }
        lengths = []
        while lengths.count < lengthCount + distanceCount {
            let symbol = try self.symbol(codes)
            switch symbol {
            case 16:
                guard let last = lengths.last else { throw Refused() }
                lengths += Array(repeating: last, count: 3 + (try take(2)))
            case 17: lengths += Array(repeating: 0, count: 3 + (try take(3)))
            case 18: lengths += Array(repeating: 0, count: 11 + (try take(7)))
            default: lengths.append(symbol)
            }
        }
        guard lengths.count == lengthCount + distanceCount, lengths[256] != 0 else {
            throw Refused()
        }
        let (literals, distances) = (
            Codes(lengths[..<lengthCount]), Codes(lengths[lengthCount...])
        )
        guard literals.isAllowed, distances.isAllowed else { throw Refused() }
        try coded(literals, distances)
    }

    private mutating func symbol(_ codes: Codes) throws -> Int {
        var (code, first, index) = (0, 0, 0)
        for length in 1..<16 {
            code |= try take(1)
            let count = codes.counts[length]
            if code - count < first { return codes.symbols[index + code - first] }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        throw Refused()
    }

    private mutating func coded(_ literals: Codes, _ distances: Codes) throws {
        while true {
            let symbol = try self.symbol(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                content.append(UInt8(symbol))
                continue
            }
            let index = symbol - 257
            guard index < Self.lengthBases.count else { throw Refused() }
            let lengthBits = index < 8 || index == 28 ? 0 : (index - 4) / 4
            let count = Self.lengthBases[index] + (try take(lengthBits))
            let step = try self.symbol(distances)
            guard step < Self.distanceBases.count else { throw Refused() }
            let distance = Self.distanceBases[step] + (try take(max(0, step / 2 - 1)))
            guard distance <= content.count else { throw Refused() }
            for _ in 0..<count { content.append(content[content.count - distance]) }
        }
    }
}
