// Files of every size class of the mapping: their bytes, before and after their pages are given
// back.
//
// Safety: bytes are read while their mapping lives.

import Foundation
import Testing

@testable import TransformService

@Suite struct FileBytesTests {
    /// Sizes at and past the bounds between what is mapped at once, by small pages and by huge
    /// pages.
    @Test(arguments: [1, 4095, 4 << 20, 4 << 20 + 1, 5_000_123, 16 << 20, 16 << 20 + 1])
    func bytesAreThoseOfTheFile(_ byteCount: Int) throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("FileBytesTests-\(byteCount)-\(getpid())")
        // Its length is prime, so that no two pages are the same.
        let pattern = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
        var data = Data()
        while data.count < byteCount { data.append(contentsOf: pattern) }
        data.count = byteCount
        try data.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        for start in [0, byteCount / 2] {
            let descriptor = try FileBytes.open(url.path)
            lseek(descriptor, off_t(start), SEEK_SET)
            let mapping = try #require(FileBytes(mapping: descriptor))
            close(descriptor)
            #expect(unsafe Data(mapping.bytes) == data[start...])
            mapping.pass(upto: (byteCount - start) / 3)
            mapping.pass(upto: byteCount - start)
            #expect(unsafe Data(mapping.bytes) == data[start...])
        }
    }

    /// The end of one mapping unmaps no page beside it.
    @Test func mappingsAreIndependent() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("FileBytesTests-\(getpid())")
        try Data(repeating: 7, count: 6 << 20).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let descriptor = try FileBytes.open(url.path)
        defer { close(descriptor) }
        let kept = try (0..<4).map { _ in try #require(FileBytes(mapping: descriptor)) }
        for _ in 0..<40 { _ = try #require(FileBytes(mapping: descriptor)) }
        for mapping in kept {
            #expect(unsafe mapping.bytes.count == 6 << 20)
            for offset in stride(from: 0, to: 6 << 20, by: 4096) {
                #expect(unsafe mapping.bytes[offset] == 7)
            }
        }
    }
}
