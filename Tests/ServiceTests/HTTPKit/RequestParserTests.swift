// Parts of the parser and the writer, each against a reference implementation or a table: scans,
// heads, targets, dates.

import Foundation
import TestSupport
import Testing

import struct NIOCore.ByteBuffer

@testable import HTTPKit

@Suite struct RequestParserTests {
    /// Runs of ordinary bytes with some random ones, at every length and start from 0 to 66.
    @Test func scansAgreeWithTheirReferences() {
        var random = SeededGenerator(state: 1)
        for length in 0...66 {
            for start in 0...length {
                var bytes = (0..<length).map { _ in UInt8.random(in: 0x21...0x7E, using: &random) }
                for index in bytes.indices where Int.random(in: 0..<24, using: &random) == 0 {
                    bytes[index] = UInt8.random(in: 0...255, using: &random)
                }
                let array = bytes
                withBytes(array) { bytes in
                    let value = (start..<length).first {
                        array[$0] < 0x20 && array[$0] != 9 || array[$0] == 0x7F
                    }
                    #expect(bytes.endOfFieldValue(from: start, to: length) == value ?? length)
                    let target = (start..<length).first { array[$0] < 0x21 || array[$0] > 0x7E }
                    #expect(bytes.endOfTarget(from: start, to: length) == target ?? length)
                    let token = (start..<length).first { !isToken(array[$0]) }
                    #expect(bytes.endOfToken(from: start, to: length) == token ?? length)
                }
            }
        }
    }

    private func isToken(_ byte: UInt8) -> Bool {
        let others = Array("!#$%&'*+-.^_`|~".utf8)
        return (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            || (0x61...0x7A).contains(byte) || others.contains(byte)
    }

    @Test func byteSetsHoldWhatTheyShould() {
        let host = Array("-._~!$&'()*+,;=".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(ASCIISet.token.contains(byte) == isToken(byte))
            let isAlphanumeric = isToken(byte) && !Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
            #expect(ASCIISet.host.contains(byte) == (isAlphanumeric || host.contains(byte)))
            let digit = UInt8(String(UnicodeScalar(byte)), radix: 16)
            #expect(HexDigit.value(of: byte) == (byte < 128 && byte != 0x2B ? digit : nil))
        }
    }

    @Test func methodsAreCaseSensitive() {
        for method in Method.allCases where method != .other {
            let name = Array("\(method.name)".utf8)
            withBytes(name) { #expect(Method($0, 0..<name.count) == method) }
            let lower = Array("\(method.name)".lowercased().utf8)
            withBytes(lower) { #expect(Method($0, 0..<lower.count) == .other) }
        }
    }

    private func request(_ text: String) throws -> Request {
        let bytes = Array(text.utf8)
        let request = Request()
        var parser = RequestHeadParser()
        let isComplete = try withBytes(bytes) { bytes in
            Result { () throws(ProtocolError) in
                try parser.parse(bytes, into: &request.head, limits: ConnectionLimits())
            }
        }.get()
        try #require(isComplete)
        // Safety: the bytes are copied while the array lives.
        unsafe bytes.withUnsafeBytes {
            unsafe request.begin($0, firstByteNanoseconds: 0)
            request.keepHead()
        }
        return request
    }

    @Test func aHeadIsReadInPlace() throws {
        let request = try request(
            "\r\nPOST /a%20b?x=1&y=%41+b&z&&=q HTTP/1.1\r\nhOsT: h:1\r\nContent-Type:  "
                + "Application/JSON ; a=b \r\nX-A: 1\r\nx-a:2\r\nContent-Length: 12\r\n\r\n")
        #expect(request.method == .post && request.head.minorVersion == 1)
        #expect(request.rawPath == "/a%20b" && request.rawQuery == "x=1&y=%41+b&z&&=q")
        #expect(try request.path() == "/a b")
        let expected = [("x", "1"), ("y", "A b"), ("z", ""), ("", "q")]
        #expect(
            try request.queryParameters()
                == expected.map { QueryParameter(name: $0.0, value: $0.1) })
        #expect(request.field(.host) == "h:1" && request.field("host") == "h:1")
        #expect(request.field(.contentType, is: "application/json"))
        #expect(!request.field(.contentType, is: "application/jso"))
        #expect(request.field(.accept) == nil && request.field("x-b") == nil)
        #expect(request.field("x-a") == "1" && request.joinedFields("x-a") == "1, 2")
        #expect(request.contentLength == 12 && request.hasContent)
        #expect(request.head.fields.count == 5)
    }

    @Test func targetsHaveTheirForms() throws {
        let options = try request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(options.isAsterisk)
        let whole = try request("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(whole.isAsterisk)
        let absolute = try request("GET HTTP://[::1]:8/p?q HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(absolute.rawPath == "/p" && absolute.rawQuery == "q")
        let bare = try request("GET https://a?q HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(try bare.path() == "/")
        #expect(bare.rawPath == "/" && bare.rawQuery == "q")
    }

    @Test(arguments: [
        ("%", 0), ("%4", 0), ("%4g", 0), ("%g4", 0), ("a%", 1), ("a=%+1", 2), ("%%41", 0),
    ])
    func badEscapesAreRefused(_ text: String, _ offset: Int) throws {
        let query = try request("GET /?\(text) HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(throws: ProtocolError(.badPercentEscape, at: 6 + offset)) {
            try query.queryParameters()
        }
        let path = try request("GET /\(text) HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(throws: ProtocolError(.badPercentEscape, at: 5 + offset)) { try path.path() }
    }

    /// A search by eight bytes at a time finds the same offset as one byte by byte.
    @Test func theFirstOccurrenceOfAByteIsFound() {
        var random = SeededGenerator(state: 7)
        let near: [UInt8] = [0x26, 0x25, 0x27, 0x00, 0xA6, 0xFF]
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                near[Int.random(in: 0..<near.count, using: &random)]
            }
            let start = Int.random(in: 0...bytes.count, using: &random)
            let end = Int.random(in: start...bytes.count, using: &random)
            let found = withBytes(bytes) { $0.firstOffset(of: 0x26, from: start, to: end) }
            #expect(found == bytes[start..<end].firstIndex(of: 0x26))
        }
    }

    @Test func persistenceFollowsVersionAndConnection() throws {
        let cases: [(String, String, Bool)] = [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
            ("1.1", "Connection: x, CLOSE ,y\r\n", false),
            ("1.1", "Connection: closed\r\n", true),
            ("1.1", "Connection: a\r\nConnection: close\r\n", false),
            ("1.0", "Connection: keep-alive, close\r\n", false),
        ]
        for (version, line, isKept) in cases {
            let request = try request("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n")
            #expect(request.head.wantsKeepAlive == isKept, "\(version) \(line)")
        }
    }

    @Test func datesAgreeWithFoundation() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        var random = SeededGenerator(state: 3)
        var seconds = [0, 784_111_777, 951_782_400, 951_868_800, 4_107_542_400, 253_402_300_799]
        seconds += (0..<500).map { _ in Int.random(in: 0...4_200_000_000, using: &random) }
        for second in seconds {
            let text = String(decoding: DateField.bytes(unixSeconds: second), as: UTF8.self)
            let date = Date(timeIntervalSince1970: TimeInterval(second))
            #expect(text == formatter.string(from: date))
        }
    }

    @Test func chunkSizesAreHexadecimal() {
        var random = SeededGenerator(state: 4)
        let large = (0..<200).map { _ in Int.random(in: 1...(.max), using: &random) }
        let sizes = Array(1...300) + large
        for size in sizes {
            var output = IterationOutput()
            let range = output.append(byteCountMax: ResponseWriter.chunkSizeByteCountMax) {
                ResponseWriter.writeChunkSize(size, to: &$0)
            }
            // Safety: the bytes are copied at once.
            let text = unsafe String(decoding: output.bytes(range), as: UTF8.self)
            #expect(text == String(size, radix: 16) + "\r\n")
        }
    }

    @Test func fieldValuesCannotEndTheirLine() {
        var fields = ResponseFields()
        fields.add("X-Echo", "a\r\nSet-Cookie: b\u{0}" as String)
        #expect(String(buffer: fields.lines) == "X-Echo: a  Set-Cookie: b \r\n")
    }
}

extension Request {
    /// The path with its percent-escapes decoded.
    fileprivate func path() throws(ProtocolError) -> String {
        guard !head.path.isEmpty else { return "/" }
        return try withBytes { (bytes) throws(ProtocolError) in
            String(
                decoding: try PercentDecoding.decode(bytes, head.path, plusIsSpace: false),
                as: UTF8.self)
        }
    }
}
