// What is kept of queries, and comparisons by words, against plain ones.

import Testing

import struct NIOCore.ByteBuffer

@testable import HTTPKit

struct QueryMemoTests {
    private final class Kept {}

    private func request(_ query: String) throws -> Request {
        let bytes = Array("POST /t?\(query) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let request = Request()
        var parser = RequestHeadParser()
        let isWhole = try withBytesOf(bytes) { bytes in
            try parser.parse(bytes, into: &request.head, limits: Limits())
        }
        #expect(isWhole)
        request.begin(copying: bytes, firstByteNanoseconds: 1)
        return request
    }

    private func withBytesOf<Result>(
        _ array: [UInt8], _ body: (Bytes) throws -> Result
    ) throws -> Result {
        // Safety: the array outlives the call, and `body` keeps nothing.
        try unsafe array.withUnsafeBytes { try body(unsafe Bytes($0)) }
    }

    @Test func findsWhatWasKeptForTheSameBytes() throws {
        let memo = QueryMemo()
        let values = (0..<300).map { _ in Kept() }
        for (i, value) in values.enumerated() {
            let query = "program=.a\(i)&x=\(String(repeating: "y", count: i % 30))"
            #expect(memo.find(try request(query)) == nil)
            memo.keep(value, for: try request(query))
            #expect(memo.find(try request(query)) === value)
            #expect(memo.find(try request(query + "z")) == nil)
            #expect(memo.find(try request(String(query.dropLast()))) !== value)
        }
        // Others have come in their places, but none in the place of another's.
        for (i, value) in values.enumerated() {
            let query = "program=.a\(i)&x=\(String(repeating: "y", count: i % 30))"
            let found = memo.find(try request(query))
            #expect(found == nil || found === value)
        }
    }

    @Test func keepsNoLongQueries() throws {
        let memo = QueryMemo()
        let query = "program=" + String(repeating: "1", count: 5_000)
        memo.keep(Kept(), for: try request(query))
        #expect(memo.find(try request(query)) == nil)
        #expect(memo.find(try request("")) == nil)
    }

    @Test(
        arguments: [
            "host", "accept", "connection", "content-type", "transfer-encoding", "a", "ab", "abc",
            "application/json", "*/*", "100-continue", "x-request-timeout-ms",
        ] as [StaticString])
    func namesAreComparedWithoutCase(_ name: StaticString) {
        let text = Array("\(name)".utf8)
        for place in text.indices {
            for byte in UInt8.min...UInt8.max {
                var other = text
                other[place] = byte
                let isSame =
                    String(decoding: [byte], as: UTF8.self).lowercased()
                    == String(decoding: [text[place]], as: UTF8.self) && byte < 0x80
                let padded = [0x20] + other + [0x20]
                let found = withBytes(padded) {
                    $0.equals(1..<padded.count - 1, ignoringCase: name)
                }
                #expect(found == isSame, "\(name): \(byte) at \(place)")
            }
        }
        let isLonger = withBytes(text + [0x61]) {
            $0.equals(0..<text.count + 1, ignoringCase: name)
        }
        #expect(!isLonger)
    }
}
