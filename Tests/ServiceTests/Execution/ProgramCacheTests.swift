// The cache of compiled programs: what it finds, and its bounds.

import Testing
import Transforms

@testable import TransformService

struct ProgramCacheTests {
    private static func find(_ cache: ProgramCache, _ text: String, _ names: [String] = [])
        -> Program?
    {
        // Safety: the bytes are looked at while the closure runs.
        unsafe Array(text.utf8).withUnsafeBytes {
            unsafe cache.find(ProgramKey.of($0, names), $0, names)
        }
    }

    private static func insert(_ cache: ProgramCache, _ text: String, _ names: [String] = []) throws
    {
        let bytes = Array(text.utf8)
        let program = try Program.compile(bytes, argumentNames: names)
        // Safety: the bytes are looked at while the closure runs.
        let hash = unsafe bytes.withUnsafeBytes { unsafe ProgramKey.of($0, names) }
        cache.insert(hash, bytes, program)
    }

    @Test func findsByTextAndNames() throws {
        let cache = ProgramCache(countMax: 10, bytesMax: 1 << 20)
        try Self.insert(cache, "$a", ["a"])
        #expect(Self.find(cache, "$a", ["a"]) != nil)
        #expect(Self.find(cache, "$a") == nil)
        #expect(Self.find(cache, "$a", ["a", "b"]) == nil)
        #expect(Self.find(cache, "$a ", ["a"]) == nil)
    }

    @Test func isBoundedInCount() throws {
        let cache = ProgramCache(countMax: 3, bytesMax: 1 << 20)
        for i in 0..<3 { try Self.insert(cache, "\(i)") }
        #expect(Self.find(cache, "1") != nil)
        for i in 3..<5 { try Self.insert(cache, "\(i)") }
        #expect(cache.count == 3)
        // What was used since goes last.
        #expect(Self.find(cache, "1") != nil)
        #expect(Self.find(cache, "0") == nil)
        #expect(Self.find(cache, "4") != nil)
    }

    @Test func isBoundedInBytes() throws {
        let cache = ProgramCache(countMax: 1_000, bytesMax: 20_000)
        for i in 0..<200 { try Self.insert(cache, "\(i)") }
        #expect(cache.byteCount <= 20_000)
        #expect(cache.count > 1)
        #expect(Self.find(cache, "199") != nil)
    }
}
