// Seeds -> damaged requests in random pieces, and random events -> the same outcome however the
// bytes are cut, the content that a reference decoder finds, and no step out of bounds.

import Foundation
import TestSupport
import Testing

@testable import HTTPKit

@Suite struct FuzzConnectionTests {
    private static let corpus: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /x?y=%20 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /t HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
            + "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n"
            + "0123456789\r\n0\r\nTrailer: x\r\n\r\n"
            + "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        "PUT http://a:80/ HTTP/1.1\r\nHost: a:80\r\nExpect: 100-continue\r\n"
            + "Content-Length: 1\r\n\r\nx",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nConnection: close, x\r\n\r\n",
    ]
    private static let words = [
        "\r\n", "\r", "\n", " ", "\t", ":", "Host: b\r\n", "Content-Length: 3\r\n", "0\r\n\r\n",
        "chunked",
        "Transfer-Encoding: gzip, chunked\r\n", "Connection: close\r\n", "HTTP/1.1", "HTTP/2.0",
        "%00",
        "ffffffffffffffff\r\n", "7fffffffffffffff\r\n", "\u{0}",
        "Content-Length: 18446744073709551616\r\n",
        ";x=\"y\"", " ; x\t= \"\\\"\"",
        "Expect: 100-continue\r\n", "é", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST",
        "-1", "+3",
    ]

    private struct Source {
        var random: SeededGenerator

        mutating func below(_ bound: Int) -> Int { random.below(bound) }

        mutating func text() -> [UInt8] {
            var text = Array(corpus[below(corpus.count)].utf8)
            if below(3) == 0 { text += Array(corpus[below(corpus.count)].utf8) }
            for _ in 0..<below(7) {
                let offset = below(text.count + 1)
                let end = min(text.count, offset + 1 + below(5))
                switch below(6) {
                case 0 where offset < text.count: text[offset] ^= 1 << UInt8(below(8))
                case 1 where offset < text.count: text[offset] = UInt8(below(256))
                case 2: text.removeSubrange(offset..<end)
                case 3: text.insert(contentsOf: text[offset..<end], at: below(text.count + 1))
                default: text.insert(contentsOf: words[below(words.count)].utf8, at: offset)
                }
            }
            return text
        }

        mutating func cuts(_ count: Int) -> [Int] {
            (0..<below(12)).map { _ in below(count + 1) }.sorted()
        }
    }

    private func repeats(
        _ name: String, _ count: Int, _ body: (inout Source) -> String?
    ) {
        FuzzLoop.run(name, count) { random in
            var source = Source(random: random)
            defer { random = source.random }
            return body(&source)
        }
    }

    @Test func verdictsDoNotDependOnCuts() {
        repeats("connection", 1_500) { source in
            let text = source.text()
            let whole = outcomes(text)
            let cut = source.cuts(text.count)
            if outcomes(text, cuts: cut) == whole,
                outcomes(text, cuts: Array(0..<text.count)) == whole
            {
                return nil
            }
            return "\(String(decoding: text, as: UTF8.self).debugDescription) cut at \(cut)"
        }
    }

    /// Requests whose heads are repeated, unchanged or almost; connections share a memo.
    @Test func repeatedHeads() {
        let heads = [
            ("POST /?p=.a HTTP/1.1\r\nHost: a\r\nContent-Length: ", "\r\nAccept: *\r\n\r\n"),
            ("POST /?p=.b HTTP/1.1\r\nHost: a\r\nContent-Length: ", "\r\nAccept: *\r\n\r\n"),
            ("\r\nPUT / HTTP/1.1\r\ncontent-length:\t0", " \r\nHost: [::1]:80\r\n\r\n"),
            ("GET /", " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        ]
        repeats("memo", 1_500) { source in
            let memo = HeadMemo()
            for _ in 0..<4 {
                var text: [UInt8] = []
                let usual = source.below(heads.count)
                for _ in 0..<8 {
                    let index = source.below(4) == 0 ? source.below(heads.count) : usual
                    let count = [0, 3, 3, 5, 5, 12][source.below(6)]
                    var head = Array("\(heads[index].0)\(count)\(heads[index].1)".utf8)
                    if source.below(10) == 0 {
                        head[source.below(head.count)] = UInt8(source.below(128))
                    }
                    text += head
                    if index < 3 { text += Array("hello, world".utf8.prefix(count)) }
                }
                let cut = source.cuts(text.count)
                let known = outcomes(text, cuts: cut, memo: memo)
                if known != outcomes(text) {
                    return "\(String(decoding: text, as: UTF8.self).debugDescription): \(known)"
                }
            }
            return nil
        }
    }

    /// A chunk's size line, in Latin-1.
    private static let sizeLine: NSRegularExpression = {
        let token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
        let quoted = #""([\t !\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t\x20-\x7E\x80-\xFF])*""#
        let value = "(\\s*=\\s*(\(token)|\(quoted)))?"
        let pattern = "([0-9A-Fa-f]{1,16})(\\s*;\\s*\(token)\(value))*"
        // The pattern is a constant.
        return try! NSRegularExpression(
            pattern: "^\(pattern)$".replacingOccurrences(of: "\\s", with: "[ \\t]"))
    }()

    private func chunkSize(_ line: [UInt8]) -> Int? {
        let text = String(String.UnicodeScalarView(line.map { Unicode.Scalar($0) }))
        let whole = NSRange(location: 0, length: line.count)
        guard let match = Self.sizeLine.firstMatch(in: text, range: whole),
            let digits = Range(match.range(at: 1), in: text)
        else { return nil }
        return Int(text[digits], radix: 16)
    }

    /// A reference decoder of chunked content, line by line: strict, but without the limits of
    /// extensions and trailers.
    private func reference(_ body: [UInt8]) -> (content: [UInt8], end: Int)? {
        var content: [UInt8] = []
        var offset = 0
        func line() -> [UInt8]? {
            guard let end = body[offset...].firstIndex(of: 13), end + 1 < body.count,
                body[end + 1] == 10
            else { return nil }
            defer { offset = end + 2 }
            let line = Array(body[offset..<end])
            return line.contains { $0 < 32 && $0 != 9 || $0 == 127 } ? nil : line
        }
        while let sizeLine = line() {
            guard let size = chunkSize(sizeLine) else { return nil }
            if size == 0 {
                while let trailer = line() {
                    if trailer.isEmpty { return (content, offset) }
                    let name = trailer.prefix { $0 != 0x3A }
                    guard !name.isEmpty, name.count < trailer.count,
                        name.allSatisfy({ ASCIISet.token.contains($0) })
                    else { return nil }
                }
                return nil
            }
            guard size <= body.count - offset - 2, body[offset + size] == 13,
                body[offset + size + 1] == 10
            else { return nil }
            content += body[offset..<offset + size]
            offset += size + 2
        }
        return nil
    }

    @Test func chunksAreDecodedAsTheReferenceDoes() {
        let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        let body = Array("5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n".utf8)
        repeats("chunks", 3_000) { source in
            var text = body
            for _ in 0..<source.below(4) {
                let offset = source.below(text.count)
                switch source.below(4) {
                case 0: text[offset] ^= 1 << UInt8(source.below(8))
                case 1: text.remove(at: offset)
                case 2: text.insert(UInt8(source.below(128)), at: offset)
                default:
                    text.insert(
                        contentsOf: Self.words[source.below(Self.words.count)].utf8, at: offset)
                }
            }
            let expected = reference(text)
            var content: [UInt8]?
            if case .request(_, _, _, let read)? = outcomes(head + text).first { content = read }
            if content == expected?.content { return nil }
            return "\(String(decoding: text, as: UTF8.self).debugDescription): \(content ?? [])"
        }
    }

    /// Any order of events that a caller may cause.
    @Test func eventsInAnyOrder() {
        repeats("events", 1_500) { source in
            var limits = ConnectionLimits()
            limits.bodyBytesMax = 1_000
            limits.discardBytesMax = 20
            var state = ConnectionState(limits: limits, now: 0)
            var head = RequestHead()
            var pending: [UInt8] = []
            var now: UInt64 = 0
            for _ in 0..<60 {
                now += UInt64(source.below(4)) * 2_000_000_000
                var action = ConnectionState.Action.wait
                switch source.below(10) {
                case 0: action = state.timeOut(now: now)
                case 1: state.drain(now: now)
                case 2: state.pauseBody()
                case 3: state.resumeBody(now: now)
                case 4: state.waitForWrites(now: now)
                case 5 where state.hasExchange && !state.hasResponseBegun:
                    let hasLength = source.below(2) == 0
                    _ = state.startResponse(hasLength: hasLength, isRejection: source.below(5) == 0)
                case 5 where state.hasResponseBegun: _ = state.finishResponse(now: now)
                case 6: pending += source.text().prefix(source.below(80))
                default:
                    let step = withBytes(pending) { state.next($0, into: &head, now: now) }
                    guard (0...pending.count).contains(step.consumed) else { return "\(step)" }
                    if case .content(let offset, let count) = step.action,
                        offset < 0 || count < 0 || offset + count > step.consumed
                    {
                        return "\(step)"
                    }
                    action = step.action
                    if action == .head { try? state.startBody(bytesMax: 1_000, now: now) }
                    _ = state.takeContinue()
                    pending.removeFirst(step.consumed)
                }
                if case .reject = action, !state.hasResponseBegun {
                    _ = state.startResponse(hasLength: true, isRejection: true)
                    if state.finishResponse(now: now) { return "goes on after a refusal" }
                }
                if action == .close {
                    if state.phase != .closed { return "closes in \(state.phase)" }
                    return nil
                }
            }
            return nil
        }
    }
}
