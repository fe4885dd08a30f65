// Seeds -> damaged gzip and deflate streams -> the content or failure of the reference
// implementation, however the bytes are cut and however little room the output has.

import CZlib
import TestSupport
import Testing
import Transforms

import struct NIOCore.ByteBuffer

@testable import TransformService

@Suite struct FuzzInflatingTests {
    /// The result of inflating.
    enum Outcome: Equatable {
        case content([UInt8])
        case failure(CodingFailure)
        /// The inflater broke its contract; the text says how.
        case broken(String)
    }

    /// Bytes with runs, repeats and noise, so that blocks of each kind are made of them.
    private static func content(_ random: inout SeededGenerator) -> [UInt8] {
        var content: [UInt8] = []
        for _ in 0..<random.below(6) {
            let count = random.below(random.below(8) == 0 ? 3_000 : 60)
            switch random.below(4) {
            case 0: content += [UInt8](repeating: UInt8(random.below(256)), count: count)
            case 1: content += (0..<count).map { _ in UInt8(random.below(256)) }
            case 2: content += content.suffix(count)
            default: content += (0..<count).map { _ in UInt8(0x41 + random.below(6)) }
            }
        }
        return content
    }

    /// A file of RFC 1952 with the optional fields that `flags` names.
    private static func file(_ content: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        let plain = CodingTests.deflated(content, .gzip)
        let flags = UInt8(random.below(32))
        var head = Array(plain[..<3]) + [flags] + plain[4..<10]
        if flags & 4 != 0 { head += [3, 0, 1, 2, 3] }
        if flags & 8 != 0 { head += Array("name".utf8) + [0] }
        if flags & 16 != 0 { head += Array("comment".utf8) + [0] }
        if flags & 2 != 0 {
            // Safety: the count is that of the pointer.
            let sum = unsafe head.withUnsafeBufferPointer {
                unsafe crc32(0, $0.baseAddress, UInt32($0.count))
            }
            head += [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8)]
        }
        return head + plain[10...]
    }

    private static func stream(
        _ coding: ContentCoding, _ random: inout SeededGenerator
    ) -> [UInt8] {
        let content = content(&random)
        switch coding {
        case .gzip:
            let rest = random.below(4) == 0 ? Self.stream(.gzip, &random) : []
            return file(content, &random) + rest
        case .deflate where random.below(3) == 0: return CodingTests.deflated(content, .zlib)
        case .deflate: return CodingTests.deflated(content, .raw)
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        let offset = random.below(bytes.count + 1)
        let end = min(bytes.count, offset + 1 + random.below(5))
        switch random.below(7) {
        case 0, 1:
            // A bit near the start is one of a head or of a block's codes.
            let near = random.below(min(bytes.count, 40))
            if near < bytes.count { bytes[near] ^= 1 << UInt8(random.below(8)) }
        case 2 where offset < bytes.count: bytes[offset] ^= 1 << UInt8(random.below(8))
        case 3 where offset < bytes.count: bytes[offset] = UInt8(random.below(256))
        case 4: bytes.removeSubrange(offset..<end)
        case 5: bytes.insert(contentsOf: bytes[offset..<end], at: random.below(bytes.count + 1))
        default: bytes.removeSubrange(offset...)
        }
    }

    /// Inflates pieces that end at the cuts, with room for `step` bytes at a time.
    static func outcome(
        _ bytes: [UInt8], _ coding: ContentCoding, cuts: [Int] = [], step: Int = 1 << 20
    ) -> Outcome {
        let inflater = Inflater(coding)
        var output = ByteBuffer()
        var start = 0
        do throws(CodingFailure) {
            for cut in cuts + [bytes.count] {
                var piece = ByteBuffer(bytes: bytes[start..<cut])
                repeat {
                    let before = (piece.readableBytes, output.readableBytes)
                    try inflater.inflate(&piece, into: &output, byteCountMax: step)
                    let grown = output.readableBytes - before.1
                    if grown > step { return .broken("\(grown) bytes of \(step)") }
                    if grown == 0, piece.readableBytes > 0, piece.readableBytes == before.0 {
                        return .broken("no progress at \(start) of \(bytes.count)")
                    }
                } while piece.readableBytes > 0 || inflater.hasMore
                start = cut
            }
            try inflater.finish()
        } catch { return .failure(error) }
        return .content(Array(output.readableBytesView))
    }

    private static func whole(_ bytes: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
        let content = try? WholeContent.inflate(
            ByteBuffer(bytes: bytes), coding, bytesMax: 64 << 20, deadlineNanoseconds: .max,
            cancel: CancelFlag())
        return content.map { Array($0.readableBytesView) }
    }

    /// What is wrong with the results for these bytes; nil if nothing is.
    private static func complaint(
        _ bytes: [UInt8], _ coding: ContentCoding, cuts: [Int], step: Int
    ) -> String? {
        let plain = outcome(bytes, coding)
        let expected =
            coding == .gzip ? InflateReference.gzip(bytes) : InflateReference.deflate(bytes)
        switch plain {
        case .content(let content) where content == expected: break
        case .failure where expected == nil: break
        default: return "\(coding) \(bytes): \(plain), not \(expected.debugDescription)"
        }
        for (cuts, step) in [(cuts, step), (Array(0..<bytes.count), 64), ([], 1)] {
            let other = outcome(bytes, coding, cuts: cuts, step: step)
            if other != plain {
                return "\(coding) \(bytes) cut at \(cuts), \(step) a step: \(other), not \(plain)"
            }
        }
        if whole(bytes, coding) != expected { return "\(coding) \(bytes) as a whole" }
        return nil
    }

    @Test func damagedStreams() {
        FuzzLoop.run("inflating", 300) { random in
            let coding: ContentCoding = random.below(2) == 0 ? .gzip : .deflate
            var bytes = Self.stream(coding, &random)
            for _ in 0..<random.below(4) { Self.damage(&bytes, &random) }
            let cuts = (0..<random.below(6)).map { _ in random.below(bytes.count + 1) }.sorted()
            return Self.complaint(bytes, coding, cuts: cuts, step: 1 + random.below(300))
        }
    }

    /// Each stream truncated at every byte, and with a byte more after its end.
    @Test func everyEnd() {
        var random = SeededGenerator(state: 5)
        for index in 0..<6 {
            let coding: ContentCoding = index % 2 == 0 ? .gzip : .deflate
            let bytes = Array(Self.stream(coding, &random).prefix(150))
            for count in 0...bytes.count {
                let part = Array(bytes[..<count])
                let complaint = Self.complaint(part, coding, cuts: [count / 2], step: 9)
                #expect(complaint == nil)
            }
            let complaint = Self.complaint(bytes + [UInt8(index)], coding, cuts: [], step: 9)
            #expect(complaint == nil)
        }
    }
}
