// Sixteen bytes of a text -> a bit for each byte of some kind, the first byte's bit lowest.

#if arch(x86_64)
    internal import CIntrinsics
#endif

@safe struct ByteBlock {
    private let bytes: SIMD16<UInt8>

    /// - Parameter address: of sixteen bytes that can be read.
    @unsafe @inline(__always) init(_ address: UnsafePointer<UInt8>) {
        unsafe bytes = UnsafeRawPointer(address).loadUnaligned(as: SIMD16<UInt8>.self)
    }

    /// The bytes that are not plain characters of a string: quotes, backslashes, controls, DEL, and
    /// bytes from 0x80 on.
    @inline(__always) var stringStops: UInt32 {
        // Bytes from 0x80 on are negative.
        let signed = unsafe unsafeBitCast(bytes, to: SIMD16<Int8>.self)
        return ByteBlock.bits(
            (signed .== SIMD16<Int8>(repeating: 0x22))
                .| (signed .== SIMD16<Int8>(repeating: 0x5C))
                .| (signed .< SIMD16<Int8>(repeating: 0x20))
                .| (signed .== SIMD16<Int8>(repeating: 0x7F)))
    }

    /// The bytes that interrupt a string whatever its other bytes are: quotes, backslashes,
    /// controls and DEL.
    @inline(__always) var wideStops: UInt32 {
        ByteBlock.bits(
            (bytes .== SIMD16<UInt8>(repeating: 0x22))
                .| (bytes .== SIMD16<UInt8>(repeating: 0x5C))
                .| (bytes .< SIMD16<UInt8>(repeating: 0x20))
                .| (bytes .== SIMD16<UInt8>(repeating: 0x7F)))
    }

    @inline(__always) var backslashes: UInt32 {
        ByteBlock.bits(bytes .== SIMD16<UInt8>(repeating: 0x5C))
    }

    /// - Parameter address: of sixteen bytes that can be written.
    @unsafe @inline(__always) func store(to address: UnsafeMutablePointer<UInt8>) {
        unsafe UnsafeMutableRawPointer(address).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
    }

    /// The bytes that are not JSON's white space.
    @inline(__always) var nonSpaces: UInt32 {
        ByteBlock.bits(
            (bytes .== SIMD16<UInt8>(repeating: 0x20))
                .| (bytes .== SIMD16<UInt8>(repeating: 0x0A))
                .| (bytes .== SIMD16<UInt8>(repeating: 0x0D))
                .| (bytes .== SIMD16<UInt8>(repeating: 0x09))) ^ 0xFFFF
    }

    /// The bytes that are not digits.
    @inline(__always) var nonDigits: UInt32 {
        ByteBlock.bits(
            (bytes &- SIMD16<UInt8>(repeating: 0x30)) .> SIMD16<UInt8>(repeating: 9))
    }

    /// The bytes from 0x80 on.
    @inline(__always) var high: UInt32 {
        #if arch(x86_64)
            // Safety: both are sixteen bytes.
            return unsafe UInt32(
                bitPattern: highest_bits(unsafeBitCast(bytes, to: SIMD16<Int8>.self)))
        #else
            return bits(0x80, 0x80)
        #endif
    }

    /// The roles of the bytes from 0x80 on in UTF-8.
    @inline(__always) var sequences: Sequences {
        let continuations = bits(0xC0, 0x80)
        let triples = bits(0xF0, 0xE0)
        let pairs = bits(0xE0, 0xC0)
        let checked = ByteBlock.bits(
            (bytes .== SIMD16<UInt8>(repeating: 0xE0))
                .| (bytes .== SIMD16<UInt8>(repeating: 0xED))
                .| (bytes & SIMD16<UInt8>(repeating: 0xFE) .== SIMD16<UInt8>(repeating: 0xC0)))
        return Sequences(
            pairs: pairs, triples: triples, continuations: continuations,
            others: checked | high & ~(continuations | triples | pairs))
    }

    /// The bytes that have this value under the mask.
    @inline(__always) private func bits(_ mask: UInt8, _ value: UInt8) -> UInt32 {
        ByteBlock.bits(
            (bytes & SIMD16<UInt8>(repeating: mask)) .== SIMD16<UInt8>(repeating: value))
    }

    /// A bit for each byte that is of a kind.
    struct Sequences {
        /// Leads of two bytes, and of three.
        let pairs: UInt32
        let triples: UInt32
        let continuations: UInt32
        /// Leads that need further checks, and bytes that are no leads.
        let others: UInt32

        /// Where continuations must be if the leads are right.
        @inline(__always) var expected: UInt32 { pairs << 1 | triples << 1 | triples << 2 }

        /// How many bytes precede a sequence that continues after the block, or all sixteen.
        @inline(__always) var wholeCount: Int {
            let last = (pairs | triples) >> 15 & 1
            return Int(truncatingIfNeeded: 16 &- (triples >> 14 & 1) << 1 &- last)
        }
    }

    @inline(__always) private static func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt32 {
        // Safety: a mask has the size and layout of its sixteen bytes.
        #if arch(x86_64)
            return unsafe UInt32(
                bitPattern: highest_bits(unsafeBitCast(mask, to: SIMD16<Int8>.self)))
        #else
            let words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
            return bits(words[0]) | bits(words[1]) << 8
        #endif
    }

    /// A bit for each byte of a word that is all ones; the others are zero.
    @inline(__always) private static func bits(_ word: UInt64) -> UInt32 {
        // The product has the lowest bit of byte `i` at 56 + i.
        UInt32(truncatingIfNeeded: ((word & 0x0101_0101_0101_0101) &* 0x0102_0408_1020_4080) >> 56)
    }
}
