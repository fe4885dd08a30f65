// gzip and deflate in both directions: whole, in pieces, truncated, damaged; and how a coding is
// chosen.

import TestSupport
import Testing
import Transforms

import struct NIOCore.ByteBuffer

@testable import TransformService

struct CodingTests {
    private static func bytes(_ count: Int, seed: UInt64 = 3) -> [UInt8] {
        var random = SeededGenerator(state: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 16 + 0x41) }
    }

    static func deflated(_ content: [UInt8], _ format: Deflater.Format) -> [UInt8] {
        var deflater = Deflater(format)
        var output = ByteBuffer()
        // Safety: the bytes stay while the closure runs.
        unsafe content.withUnsafeBytes { unsafe deflater.deflate($0, into: &output, .finish) }
        return Array(output.readableBytesView)
    }

    /// Inflates pieces that end at the cuts, with room for `step` bytes at a time.
    static func inflated(
        _ bytes: [UInt8], _ coding: ContentCoding, cuts: [Int] = [], step: Int = 1 << 20
    ) throws(CodingFailure) -> [UInt8] {
        let inflater = Inflater(coding)
        var output = ByteBuffer()
        var start = 0
        for cut in cuts + [bytes.count] {
            var piece = ByteBuffer(bytes: bytes[start..<cut])
            repeat {
                let before = output.readableBytes
                try inflater.inflate(&piece, into: &output, byteCountMax: step)
                #expect(output.readableBytes - before <= step)
            } while piece.readableBytes > 0 || inflater.hasMore
            start = cut
        }
        try inflater.finish()
        return Array(output.readableBytesView)
    }

    static let formats: [(Deflater.Format, ContentCoding)] = [
        (.gzip, .gzip), (.zlib, .deflate), (.raw, .deflate),
    ]

    @Test func everyCut() throws {
        let content = Self.bytes(300)
        for (format, coding) in Self.formats {
            let compressed = Self.deflated(content, format)
            for cut in 0...compressed.count {
                #expect(try Self.inflated(compressed, coding, cuts: [cut], step: 7) == content)
            }
            #expect(try Self.inflated(Self.deflated([], format), coding) == [])
        }
    }

    @Test func everyTruncation() {
        for (format, coding) in Self.formats {
            let compressed = Self.deflated(Self.bytes(100), format)
            for count in 0..<compressed.count {
                let part = Array(compressed[..<count])
                #expect(throws: CodingFailure.truncated, "\(format) \(count)") {
                    try Self.inflated(part, coding)
                }
            }
        }
    }

    @Test func garbage() {
        let gzip = Self.deflated(Self.bytes(100), .gzip)
        var broken = gzip
        broken[gzip.count - 6] ^= 1
        let cases: [([UInt8], ContentCoding)] = [
            (Array("{\"a\":1}".utf8), .gzip), (gzip + [0], .gzip), (gzip + Array("x".utf8), .gzip),
            (broken, .gzip), (Self.deflated([1], .zlib) + [1], .deflate),
            (Self.deflated([1], .raw) + [1], .deflate), (gzip, .deflate),
        ]
        for (bytes, coding) in cases {
            #expect(throws: CodingFailure.self, "\(coding) \(bytes)") {
                try Self.inflated(bytes, coding)
            }
        }
    }

    @Test func severalMembers() throws {
        let (one, two) = (Self.bytes(50), Self.bytes(70, seed: 9))
        let files = Self.deflated(one, .gzip) + Self.deflated([], .gzip) + Self.deflated(two, .gzip)
        for cut in 0...files.count {
            #expect(try Self.inflated(files, .gzip, cuts: [cut], step: 64) == one + two)
        }
    }

    @Test(arguments: [0, 1, 2, 100, 70_000])
    func piecesCanBeConcatenated(_ count: Int) throws {
        let all = Self.bytes(count)
        for coding in ContentCoding.allCases {
            for pieceCount in [1, 2, 5] {
                var content = CodedContent(coding)
                for index in 0..<pieceCount {
                    var piece = CodedContent(coding)
                    let range = count * index / pieceCount..<count * (index + 1) / pieceCount
                    // Safety: the bytes stay while the closure runs.
                    unsafe all.withUnsafeBytes {
                        unsafe piece.append(UnsafeRawBufferPointer(rebasing: $0[range]))
                    }
                    content.append(piece)
                    content.append(UInt8(ascii: ","))
                }
                let bytes =
                    content.head + Array(content.takeBytes().readableBytesView) + content.tail
                let expected = (0..<pieceCount).flatMap { index in
                    all[count * index / pieceCount..<count * (index + 1) / pieceCount]
                        + [UInt8(ascii: ",")]
                }
                #expect(try Self.inflated(bytes, coding) == expected)
            }
        }
    }

    @Test func excessiveRatiosAreRefused() throws {
        let zeros = [UInt8](repeating: 0, count: 12 << 20)
        let compressed = Self.deflated(zeros, .gzip)
        #expect(throws: CodingFailure.ratioTooLarge) {
            let count = try Self.inflated(compressed, .gzip).count
            return count
        }
        let few = [UInt8](repeating: 0, count: 4 << 20)
        let isKept = try Self.inflated(Self.deflated(few, .gzip), .gzip) == few
        #expect(isKept)
    }

    @Test func wholeContentIsBounded() throws {
        let content = Self.bytes(5_000)
        let compressed = ByteBuffer(bytes: Self.deflated(content, .gzip))
        func whole(_ bytesMax: Int, _ deadline: UInt64 = .max) throws -> ByteBuffer? {
            try WholeContent.inflate(
                compressed, .gzip, bytesMax: bytesMax, deadlineNanoseconds: deadline,
                cancel: CancelFlag())
        }
        #expect(try whole(5_000) == ByteBuffer(bytes: content))
        #expect(throws: Problem.self) { try whole(4_999) }
        #expect(try whole(5_000, 1) == nil)
        for coding in ContentCoding.allCases {
            let coded = WholeContent.deflate(
                ByteBuffer(bytes: content), coding, deadlineNanoseconds: .max, cancel: CancelFlag())
            let bytes = Array(coded?.readableBytesView ?? ByteBuffer().readableBytesView)
            #expect(try Self.inflated(bytes, coding) == content)
        }
    }

    static let accepted: [(field: String, coding: ContentCoding?)] = [
        ("", nil), ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate, br", .gzip),
        ("GZIP", .gzip), ("x-gzip", .gzip), ("br", nil), ("*", .gzip), ("identity", nil),
        ("gzip;q=0", nil), ("gzip;q=0, deflate", .deflate), ("gzip;q=0, *", .deflate),
        ("gzip;q=0.5, deflate;q=0.8", .deflate), ("gzip;q=0.5, identity", nil),
        ("gzip;q=0.5, identity;q=0.5", .gzip), ("*;q=0", nil), ("identity;q=0, gzip;q=0.1", .gzip),
        ("gzip ; q=1 , deflate", .gzip), ("gzip;q=2", .gzip), ("gzip;q=x", nil), (",,gzip,", .gzip),
    ]

    @Test func choice() {
        for test in Self.accepted {
            #expect(ContentCoding.response(accepting: test.field) == test.coding, "\(test.field)")
        }
    }

    @Test func contentField() throws {
        #expect(try ContentCoding.content("gzip") == .gzip)
        #expect(try ContentCoding.content(" identity , deflate") == .deflate)
        #expect(try ContentCoding.content("identity") == nil)
        for field in ["br", "gzip, gzip", "gzip, deflate", "zstd, gzip", "gz"] {
            #expect(throws: Problem.self) { try ContentCoding.content(field) }
        }
    }
}
