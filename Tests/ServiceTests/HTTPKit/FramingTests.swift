// RFC 9112, rule by rule: the bytes of a request -> accepted, or the code of its refusal.

import TestSupport
import Testing

@testable import HTTPKit

private struct Rule: Sendable, CustomStringConvertible {
    let name: String
    let bytes: String
    /// nil: the first request is accepted.
    let code: ProtocolError.Code?

    init(_ name: String, _ bytes: String, _ code: ProtocolError.Code?) {
        self.name = name
        self.bytes = bytes
        self.code = code
    }

    var description: String { name }
}

/// A POST with these field lines and body.
private func post(_ fields: String, _ body: String = "") -> String {
    "POST /x HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
}

private func get(_ fields: String) -> String { "GET / HTTP/1.1\r\n\(fields)\r\n" }

private func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }

private let framingRules: [Rule] = [
    Rule("length", post("Content-Length: 3\r\n", "abc"), nil),
    Rule("length with leading zeros", post("Content-Length: 003\r\n", "abc"), nil),
    Rule("POST without length has no content", post(""), nil),
    Rule("both", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), .conflictingFraming),
    Rule(
        "both, other order", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        .conflictingFraming),
    Rule(
        "repeated length", post("Content-Length: 3\r\nContent-Length: 3\r\n"),
        .repeatedContentLength),
    Rule("list of lengths", post("Content-Length: 3, 3\r\n"), .badContentLength),
    Rule("positive sign", post("Content-Length: +3\r\n"), .badContentLength),
    Rule("negative sign", post("Content-Length: -3\r\n"), .badContentLength),
    Rule("blank length", post("Content-Length:  \r\n"), .badContentLength),
    Rule("no length", post("Content-Length:\r\n"), .badContentLength),
    Rule("hexadecimal length", post("Content-Length: 0x3\r\n"), .badContentLength),
    Rule("fraction", post("Content-Length: 3.0\r\n"), .badContentLength),
    Rule("length in two words", post("Content-Length: 1 2\r\n"), .badContentLength),
    Rule("length of 2^63", post("Content-Length: 9223372036854775808\r\n"), .badContentLength),
    Rule("length of 2^63 - 1", post("Content-Length: 9223372036854775807\r\n"), .bodyTooLong),
    Rule("length of 2^64 + 3", post("Content-Length: 18446744073709551619\r\n"), .badContentLength),
    Rule("chunked", chunked("3\r\nabc\r\n0\r\n\r\n"), nil),
    Rule("chunked in any case", post("transfer-encoding: ChunkeD\r\n", "0\r\n\r\n"), nil),
    Rule("chunked not last", post("Transfer-Encoding: chunked, gzip\r\n"), .badTransferEncoding),
    Rule("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n"), .badTransferEncoding),
    Rule(
        "chunked on two lines",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), .badTransferEncoding),
    Rule(
        "chunked with a parameter", post("Transfer-Encoding: chunked;a=b\r\n"),
        .badTransferEncoding),
    Rule("quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n"), .badTransferEncoding),
    Rule("empty coding", post("Transfer-Encoding: \r\n"), .badTransferEncoding),
    Rule("empty element", post("Transfer-Encoding: ,chunked\r\n"), .badTransferEncoding),
    Rule("trailing comma", post("Transfer-Encoding: chunked,\r\n"), .badTransferEncoding),
    Rule("vertical tab", post("Transfer-Encoding: \u{0B}chunked\r\n"), .badFieldValue),
    Rule("gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), .unsupportedTransferCoding),
    Rule("gzip", post("Transfer-Encoding: gzip\r\n"), .unsupportedTransferCoding),
    Rule("identity", post("Transfer-Encoding: identity\r\n"), .unsupportedTransferCoding),
    Rule("xchunked", post("Transfer-Encoding: xchunked\r\n"), .unsupportedTransferCoding),
    Rule(
        "coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        .transferEncodingInOldVersion),
]

private let chunkRules: [Rule] = [
    Rule("empty body", chunked("0\r\n\r\n"), nil),
    Rule("upper and lower case", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), nil),
    Rule("leading zeros", chunked("0003\r\nabc\r\n000\r\n\r\n"), nil),
    Rule("extensions", chunked("3;a;b=c;d=\"e f\"\r\nabc\r\n0;z\r\n\r\n"), nil),
    Rule("trailers", chunked("0\r\nA: b\r\nC:\r\n\r\n"), nil),
    Rule("empty size", chunked("\r\n\r\n"), .badChunkSize),
    Rule("sign", chunked("+3\r\nabc\r\n"), .badChunkSize),
    Rule("minus", chunked("-3\r\nabc\r\n"), .badChunkSize),
    Rule("0x", chunked("0x3\r\nabc\r\n"), .badChunkSize),
    Rule("space before", chunked(" 3\r\nabc\r\n"), .badChunkSize),
    Rule("space after", chunked("3 \r\nabc\r\n"), .badChunkLine),
    Rule(
        "white space around extensions",
        chunked("3 \t; a = b ;\tc\r\nabc\r\n0\t;y=\" \" ;z=\"\"\r\n\r\n"), nil),
    Rule(
        "quoted extension", chunked("3;a=\"\\\"\\\\;\u{E9}\t\"\r\nabc\r\n0\r\n\r\n"), nil),
    Rule("extension without name", chunked("3;\r\nabc\r\n"), .badChunkLine),
    Rule("extension without name, another", chunked("3;;a\r\nabc\r\n"), .badChunkLine),
    Rule("extension without value", chunked("3;a=\r\nabc\r\n"), .badChunkLine),
    Rule("extension of no name", chunked("3;=b\r\nabc\r\n"), .badChunkLine),
    Rule("extension with bracket", chunked("3;bad[=x\r\nabc\r\n"), .badChunkLine),
    Rule("extension with two words", chunked("3;a b\r\nabc\r\n"), .badChunkLine),
    Rule("extension with two values", chunked("3;a=b=c\r\nabc\r\n"), .badChunkLine),
    Rule("open quote in extension", chunked("3;a=\"b\r\nabc\r\n"), .badChunkLine),
    Rule("text after a quote", chunked("3;a=\"b\"c\r\nabc\r\n"), .badChunkLine),
    Rule("quote in a token", chunked("3;a=b\"c\"\r\nabc\r\n"), .badChunkLine),
    Rule("escaped CR in a quote", chunked("3;a=\"\\\r\nabc\r\n"), .badChunkLine),
    Rule("white space after an extension", chunked("3;a \r\nabc\r\n"), .badChunkLine),
    Rule("underscore", chunked("1_0\r\n"), .badChunkSize),
    Rule("2^63", chunked("8000000000000000\r\n"), .badChunkSize),
    Rule("2^64", chunked("10000000000000000\r\n"), .badChunkSize),
    Rule("2^63 - 1", chunked("7fffffffffffffff\r\n"), .bodyTooLong),
    Rule("seventeen digits", chunked("00000000000000003\r\n"), .badChunkSize),
    Rule("bare LF after size", chunked("3\nabc\r\n"), .badChunkSize),
    Rule("bare CR after size", chunked("3\rabc\r\n"), .badChunkLine),
    Rule("LF in extension", chunked("3;a\nabc\r\n"), .badChunkLine),
    Rule("NUL in extension", chunked("3;a\0\r\nabc\r\n"), .badChunkLine),
    Rule("content longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), .badChunkLine),
    Rule("bare LF after content", chunked("3\r\nabc\n0\r\n\r\n"), .badChunkLine),
    Rule("trailer without colon", chunked("0\r\nab\r\n\r\n"), .badTrailer),
    Rule("folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), .badTrailer),
    Rule("bare LF in trailer", chunked("0\r\nA: b\nC: d\r\n\r\n"), .badTrailer),
    Rule("bare LF at the end", chunked("0\r\n\n"), .badTrailer),
    Rule("NUL in trailer", chunked("0\r\nA: \0\r\n\r\n"), .badTrailer),
]

private let lineRules: [Rule] = [
    Rule("plain", get("Host: a\r\n"), nil),
    Rule("one leading line end", "\r\n" + get("Host: a\r\n"), nil),
    Rule("two leading line ends", "\r\n\r\n" + get("Host: a\r\n"), .badMethod),
    Rule("leading bare LF", "\n" + get("Host: a\r\n"), .badMethod),
    Rule("leading space", " " + get("Host: a\r\n"), .badMethod),
    Rule("obs-text in value", get("Host: a\r\nA: caf\u{E9}\r\n"), nil),
    Rule("empty value", get("Host: a\r\nA:\r\n"), nil),
    Rule("tabs around value", get("Host: a\r\nA:\t b \t\r\n"), nil),
    Rule("bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .badLineEnd),
    Rule("bare CR after request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", .badLineEnd),
    Rule("bare LF after field", get("Host: a\nA: b\r\n"), .badLineEnd),
    Rule("bare CR in value", get("Host: a\r\nA: b\rC: d\r\n"), .badLineEnd),
    Rule("bare LF ends head", "GET / HTTP/1.1\r\nHost: a\r\n\n", .badFieldName),
    Rule("bare CR ends head", "GET / HTTP/1.1\r\nHost: a\r\n\rx", .badLineEnd),
    Rule("obs-fold", get("Host: a\r\nA: b\r\n c\r\n"), .obsoleteFold),
    Rule("obs-fold with tab", get("Host: a\r\nA: b\r\n\tc\r\n"), .obsoleteFold),
    Rule("space before first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteFold),
    Rule("space before colon", get("Host : a\r\n"), .badFieldName),
    Rule("tab before colon", get("Host: a\r\nContent-Length\t: 3\r\n"), .badFieldName),
    Rule("no colon", get("Host: a\r\nabc\r\n"), .badFieldName),
    Rule("no name", get("Host: a\r\n: b\r\n"), .badFieldName),
    Rule("name with parentheses", get("Host: a\r\na(b): c\r\n"), .badFieldName),
    Rule("name with NUL", get("Host: a\r\na\0b: c\r\n"), .badFieldName),
    Rule("name with obs-text", get("Host: a\r\n\u{E9}: c\r\n"), .badFieldName),
    Rule("NUL in value", get("Host: a\r\nA: b\0c\r\n"), .badFieldValue),
    Rule("escape in value", get("Host: a\r\nA: \u{1B}\r\n"), .badFieldValue),
    Rule("DEL in value", get("Host: a\r\nA: b\u{7F}\r\n"), .badFieldValue),
]

private let requestLineRules: [Rule] = [
    Rule("unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    Rule("method with colon", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Rule("long method", String(repeating: "A", count: 33) + " / HTTP/1.1\r\n\r\n", .badMethod),
    Rule("no method", " / HTTP/1.1\r\n\r\n", .badMethod),
    Rule("TLS", "\u{16}\u{03}\u{01}\u{02}\0", .badMethod),
    Rule("no target", "GET HTTP/1.1\r\n\r\n", .badTarget),
    Rule("two spaces", "GET  / HTTP/1.1\r\n\r\n", .badTarget),
    Rule("tab", "GET\t/ HTTP/1.1\r\n\r\n", .badMethod),
    Rule("HTTP/0.9", "GET /\r\n", .badTarget),
    Rule("space in target", "GET /a b HTTP/1.1\r\n\r\n", .badVersion),
    Rule("obs-text in target", "GET /\u{E9} HTTP/1.1\r\n\r\n", .badTarget),
    Rule("fragment", "GET /a#b HTTP/1.1\r\n\r\n", .badTarget),
    Rule("asterisk for GET", "GET * HTTP/1.1\r\n\r\n", .badTarget),
    Rule("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    Rule("absolute-form", "GET http://a:80/b?c HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    Rule("absolute-form, user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Rule("absolute-form, no host", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Rule("authority-form", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Rule("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedMethod),
    Rule("lower-case version", "GET / http/1.1\r\n\r\n", .badVersion),
    Rule("no minor version", "GET / HTTP/1\r\n\r\n", .badVersion),
    Rule("two minor digits", "GET / HTTP/1.10\r\n\r\n", .badVersion),
    Rule("space after version", "GET / HTTP/1.1 \r\n\r\n", .badVersion),
    Rule("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .badTarget),
    Rule("HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", .unsupportedVersion),
    Rule("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", nil),
    Rule("HTTP/1.9 without a host", "GET / HTTP/1.9\r\n\r\n", .missingHost),
    Rule("HTTP/0.9 named", "GET / HTTP/0.9\r\n\r\n", .unsupportedVersion),
]

private let hostRules: [Rule] = [
    Rule("no host in 1.1", get(""), .missingHost),
    Rule("no host in 1.0", "GET / HTTP/1.0\r\n\r\n", nil),
    Rule("repeated host", get("Host: a\r\nHost: a\r\n"), .repeatedHost),
    Rule("repeated host in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n", .repeatedHost),
    Rule("empty host", get("Host:\r\n"), nil),
    Rule("port", get("Host: a-b.c_d~e:65535\r\n"), nil),
    Rule("empty port", get("Host: a:\r\n"), nil),
    Rule("IPv6", get("Host: [::1]:80\r\n"), nil),
    Rule("future address", get("Host: [v1.a:b]\r\n"), nil),
    Rule("future address and port", get("Host: [VfF.~!a;:]:80\r\n"), nil),
    Rule("future address, no version", get("Host: [v.a]\r\n"), .badHost),
    Rule("future address, no dot", get("Host: [v1]\r\n"), .badHost),
    Rule("future address, empty", get("Host: [v1.]\r\n"), .badHost),
    Rule("future address, escape", get("Host: [v1.%41]\r\n"), .badHost),
    Rule("future address, open", get("Host: [v1.a\r\n"), .badHost),
    Rule("escape", get("Host: a%20b\r\n"), nil),
    Rule("bad escape", get("Host: a%2\r\n"), .badHost),
    Rule("port too large", get("Host: a:65536\r\n"), .badHost),
    Rule("port not a number", get("Host: a:b\r\n"), .badHost),
    Rule("slash", get("Host: a/b\r\n"), .badHost),
    Rule("user", get("Host: u@a\r\n"), .badHost),
    Rule("space", get("Host: a b\r\n"), .badHost),
    Rule("list", get("Host: a,b c\r\n"), .badHost),
    Rule("port only", get("Host: :80\r\n"), .badHost),
    Rule("open bracket", get("Host: [::1\r\n"), .badHost),
    Rule("text after bracket", get("Host: [::1]a\r\n"), .badHost),
    Rule("obs-text", get("Host: \u{E9}\r\n"), .badHost),
    Rule("expectation", post("Expect: 100-Continue\r\n"), nil),
    Rule("other expectation", post("Expect: 200-ok\r\n"), .expectationFailed),
    Rule("other expectation in 1.0", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n", nil),
]

@Suite struct FramingTests {
    @Test(
        "Each rule has its verdict, however the bytes are cut",
        arguments: framingRules + chunkRules + lineRules + requestLineRules + hostRules)
    fileprivate func verdict(_ rule: Rule) {
        // Latin-1: one byte for each character.
        let bytes = rule.bytes.unicodeScalars.map { UInt8($0.value) }
        let whole = outcomes(bytes)
        if let code = rule.code {
            guard case .refused(code, _) = whole.last else {
                Issue.record("\(rule.name): \(whole) instead of \(code)")
                return
            }
        } else {
            #expect(!whole.contains { $0.isRefused } && whole != [.unfinished], "\(whole)")
            #expect(whole.count >= 1)
        }
        for cut in 0...bytes.count { #expect(outcomes(bytes, cuts: [cut]) == whole) }
        #expect(outcomes(bytes, cuts: Array(1..<max(2, bytes.count))) == whole)
    }

    @Test func limitsHoldAtTheBoundAndOnePast() {
        var limits = ConnectionLimits()
        limits.targetBytesMax = 10
        limits.fieldBytesMax = 40
        limits.fieldCountMax = 3
        limits.bodyBytesMax = 5
        limits.chunkExtensionBytesMax = 4
        limits.trailerBytesMax = 8
        func code(_ text: String) -> ProtocolError.Code? {
            let whole = outcomes(text, limits: limits)
            for cut in 0...text.utf8.count {
                #expect(outcomes(text, cuts: [cut], limits: limits) == whole)
            }
            guard case .refused(let code, _) = whole.last else { return nil }
            return code
        }
        #expect(code("GET /234567890 HTTP/1.0\r\n\r\n") == nil)
        #expect(code("GET /2345678901 HTTP/1.0\r\n\r\n") == .targetTooLong)
        let value = String(repeating: "v", count: 33)
        #expect(code("GET / HTTP/1.0\r\na: \(value)\r\n\r\n") == nil)
        #expect(code("GET / HTTP/1.0\r\na: \(value)v\r\n\r\n") == .fieldsTooLong)
        #expect(code("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\n\r\n") == nil)
        #expect(code("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n") == .tooManyFields)
        #expect(code("PUT / HTTP/1.0\r\nContent-Length: 5\r\n\r\n12345") == nil)
        #expect(code("PUT / HTTP/1.0\r\nContent-Length: 6\r\n\r\n") == .bodyTooLong)
        let head = "PUT / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding:chunked"
        limits.fieldBytesMax = 100
        #expect(code("\(head)\r\n\r\n5\r\n12345\r\n0\r\n\r\n") == nil)
        #expect(code("\(head)\r\n\r\n3\r\n123\r\n3\r\n") == .bodyTooLong)
        #expect(code("\(head)\r\n\r\n1;1\r\nx\r\n0 ;1\r\n\r\n") == nil)
        #expect(code("\(head)\r\n\r\n1;1\r\nx\r\n0 ;123\r\n\r\n") == .chunkExtensionsTooLong)
        #expect(code("\(head)\r\n\r\n0\r\na:234\r\n\r\n") == nil)
        #expect(code("\(head)\r\n\r\n0\r\na:23456\r\n\r\n") == .trailersTooLong)
    }

    /// Pipelined requests with a few bytes changed: no trap, and one verdict for all cuts.
    @Test func damagedRequestsHaveOneVerdict() {
        let whole =
            post("Content-Length: 3\r\nAccept: */*\r\n", "abc") + chunked("3;x\r\nabc\r\n0\r\n\r\n")
            + get("Host: [::1]:80\r\nConnection: close, x\r\n")
        var random = SeededGenerator(state: 9)
        let odd = Array("\r\n\0 \t:;,0123456789abcdefxX/?%#[]@+-".utf8) + [0x7F, 0x80, 0xFF]
        for _ in 0..<2_000 {
            var bytes = Array(whole.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = odd.randomElement(using: &random)!
                case 1: bytes.insert(odd.randomElement(using: &random)!, at: index)
                default: bytes.remove(at: index)
                }
            }
            let verdict = outcomes(bytes)
            let all = Array(0...bytes.count)
            let cuts = (0..<6).map { _ in all.randomElement(using: &random)! }.sorted()
            #expect(outcomes(bytes, cuts: cuts) == verdict)
            #expect(outcomes(bytes, cuts: Array(1..<bytes.count)) == verdict)
        }
    }

    @Test func eachCodeHasItsStatus() {
        let expected: [(ProtocolError.Code, UInt16)] = [
            (.targetTooLong, 414), (.fieldsTooLong, 431), (.tooManyFields, 431),
            (.bodyTooLong, 413), (.headTimedOut, 408), (.bodyTimedOut, 408),
            (.expectationFailed, 417), (.unsupportedTransferCoding, 501),
            (.unsupportedVersion, 505), (.badChunkSize, 400), (.conflictingFraming, 400),
            (.notFound, 404), (.methodNotAllowed, 405), (.tooManyConnections, 503),
        ]
        for (code, status) in expected { #expect(ProtocolError(code).status.code == status) }
        for code in ProtocolError.Code.allCases {
            #expect(ProtocolError(code).detail.utf8CodeUnitCount > 10)
            #expect(ProtocolError(code).status.reason.utf8CodeUnitCount > 0)
        }
    }
}
