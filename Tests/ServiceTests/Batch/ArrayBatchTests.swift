// `?each`, and compressed content in both directions, over HTTP.

import Testing

import struct NIOCore.ByteBuffer

@testable import TransformService

@Suite(.timeLimit(.minutes(3)))
struct ArrayBatchTests {
    struct Case: Sendable {
        let content: String
        var program = "."
        var query = ""
        var fields = ""
        var status = 200
        let expected: String
    }

    static let cases: [Case] = [
        Case(content: "[1,2,3]", program: ".*2", expected: "[2,4,6]"),
        Case(content: " [ ] ", expected: "[]"),
        Case(content: "[[1,2],[],[3]]", program: ".[]", expected: "[1,2,3]"),
        Case(
            content: "[[1,2],[]]", program: ".[]", query: "&outputs=array", expected: "[[1,2],[]]"),
        Case(content: "[1,2]", program: "empty", expected: "[]"),
        Case(
            content: "[1,2]", fields: "Accept: application/x-ndjson\r\n", expected: "1\n2\n"),
        Case(content: "[1,2]", program: "$x", query: "&x=a", expected: #"["a","a"]"#),
        Case(
            content: "[1,[2]]", program: ".%2B1", query: "", status: 422,
            expected: #""index":1,"#),
        Case(
            content: "[1,[]]", program: ".[]?", query: "&outputs=one", status: 422,
            expected: #""index":0,"#),
        Case(content: "[1,]", status: 400, expected: #""offset":3,"#),
        Case(content: "[,1]", status: 400, expected: #""offset":1,"#),
        Case(content: "[1,\u{FEFF}2]", status: 400, expected: #""offset":3,"#),
        Case(content: "\u{FEFF}[1,2]", expected: "[1,2]"),
        Case(content: "[1 2]", status: 400, expected: #""offset":3,"#),
        Case(content: "[1", status: 400, expected: "malformed-json"),
        Case(content: "", status: 400, expected: "malformed-json"),
        Case(content: "[1]]", status: 400, expected: #""offset":3,"#),
        // Malformed input is reported rather than a failing program, even if that fails earlier.
        Case(content: "[1,2,}]", program: "error", status: 400, expected: #""offset":5,"#),
        Case(
            content: "[1,nul]", query: "&errors=inline", status: 400, expected: "malformed-json"),
        Case(content: "{}", status: 400, expected: "malformed-request"),
        Case(content: "[1]", program: "(", status: 422, expected: "compile-error"),
        Case(content: "[1,2]", program: ".*2", query: "&e%61ch=true", expected: "[2,4]"),
        Case(content: "[1]", query: "&each=no", status: 400, expected: "malformed-request"),
    ]

    @Test func answersEveryCase() async throws {
        try await RunningService.with { running in
            for test in Self.cases {
                let target = "/transform?each&program=\(test.program)\(test.query)"
                let reply = try await running.post(
                    test.content,
                    target: test.query.contains("ch=")
                        ? "/transform?program=\(test.program)\(test.query)" : target,
                    fields: test.fields)
                #expect(reply.status == test.status, "\(test.content): \(reply.content)")
                if test.status == 200 {
                    #expect(reply.content == test.expected)
                } else {
                    #expect(reply.content.contains(test.expected), "\(reply.content)")
                }
            }
            #expect(await running.wait { running.service.batches.count == 0 })
        }
    }

    @Test func putsProblemsInTheirPlaces() async throws {
        try await RunningService.with { running in
            let reply = try await running.post(
                "[1,[],3]", target: "/transform?each&program=.%2B1&errors=inline")
            #expect(reply.status == 200)
            #expect(reply.content.hasPrefix("[2,{\"type\":\"/problems/program-error\""))
            #expect(reply.content.hasSuffix(",4]"))
            #expect(reply.content.contains(#""index":1,"#))
        }
    }

    @Test func manyElementsKeepTheirOrder() async throws {
        try await RunningService.with {
            $0.timeoutNanoseconds = 60_000_000_000
        } _: { running in
            let count = 80_000
            let text = "[" + (1...count).map { "{\"n\": \($0)}" }.joined(separator: ",") + "]"
            for accept in ["", "Accept-Encoding: gzip\r\n"] {
                let request =
                    "POST /transform?each&program=.n HTTP/1.1\r\nHost: a\r\n\(accept)"
                    + "Content-Length: \(text.utf8.count)\r\n\r\n" + text
                let reply = try await running.batch(Array(request.utf8))
                #expect(reply.status == 200)
                #expect(reply.has("Vary: Accept-Encoding"))
                var content = reply.content
                if !accept.isEmpty {
                    #expect(reply.has("Content-Encoding: gzip"))
                    #expect(content.count < 300_000)
                    content = try Self.inflated(content)
                }
                let expected = "[" + (1...count).map { "\($0)" }.joined(separator: ",") + "]"
                #expect(content == Array(expected.utf8))
            }
        }
    }

    // MARK: Codings

    static func inflated(_ bytes: [UInt8], _ coding: ContentCoding = .gzip) throws -> [UInt8] {
        let inflater = Inflater(coding)
        var input = ByteBuffer(bytes: bytes)
        var output = ByteBuffer()
        try inflater.inflate(&input, into: &output, byteCountMax: 1 << 28)
        try inflater.finish()
        return Array(output.readableBytesView)
    }

    private static func gzipped(_ text: String) -> [UInt8] {
        var content = CodedContent(.gzip)
        // Safety: the bytes stay while the closure runs.
        unsafe Array(text.utf8).withUnsafeBytes { unsafe content.append($0) }
        return content.head + Array(content.takeBytes().readableBytesView) + content.tail
    }

    private static func request(
        _ content: [UInt8], _ target: String, _ fields: String = ""
    ) -> [UInt8] {
        let head =
            "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
            + "Content-Length: \(content.count)\r\n" + fields + "\r\n"
        return Array(head.utf8) + content
    }

    @Test func readsCompressedContent() async throws {
        try await RunningService.with { running in
            let envelope = try await running.batch(
                Self.request(Self.gzipped(#"{"program":".a","input":{"a":5}}"#), "/transform"))
            #expect(envelope.text == "5")
            let lines = (1...50_000).map { "\($0)\n" }.joined()
            let batch = try await running.batch(
                Self.request(
                    Self.gzipped(lines), "/transform?program=.",
                    "Content-Type: application/x-ndjson\r\nAccept-Encoding: gzip\r\n"))
            #expect(batch.has("Content-Encoding: gzip"))
            #expect(batch.isWhole)
            #expect(try Self.inflated(batch.content) == Array(lines.utf8))
            let each = try await running.batch(
                Self.request(Self.gzipped("[1,2]"), "/transform?each&program=.%2B1"))
            #expect(each.text == "[2,3]")
        }
    }

    @Test func refusesWrongContent() async throws {
        try await RunningService.with {
            $0.bodyBytesMax = 100_000
        } _: { running in
            let good = Self.gzipped("[" + String(repeating: "1,", count: 20) + "1]")
            let long = Self.gzipped("[" + String(repeating: "1,", count: 100_000) + "1]")
            let cases: [([UInt8], Int, String)] = [
                (Array("[1]".utf8), 400, "malformed-content-coding"),
                (Array(good.dropLast(3)), 400, "malformed-content-coding"),
                (good + [1], 400, "malformed-content-coding"), (long, 413, "body-too-long"),
                ([], 400, "malformed-content-coding"),
            ]
            for (content, status, problem) in cases {
                for target in ["/transform?program=.", "/transform?each&program=."] {
                    let reply = try await running.batch(Self.request(content, target))
                    #expect(reply.status == status, "\(target) \(problem): \(reply.text)")
                    #expect(reply.text.contains(problem))
                }
            }
            let broken = try await running.batch(
                Self.request(
                    Array(good.dropLast(3)), "/transform?program=.",
                    "Content-Type: application/x-ndjson\r\n"))
            #expect(broken.status == 400)
            let unknown = try await running.post(
                "1", target: "/transform?program=.", fields: "Content-Encoding: zstd\r\n")
            #expect(unknown.status == 415)
            #expect(unknown.field("Accept-Encoding") == "gzip, deflate")
        }
    }

    @Test func compressesLongAnswers() async throws {
        try await RunningService.with { running in
            let content = "{\"program\":\"[range(\(2_000))]\"}"
            func ask(_ fields: String, _ content: String) async throws -> BatchReply {
                try await running.batch(
                    Array(RunningService.request(content, fields: fields).utf8))
            }
            let expected = "[" + (0..<2_000).map { "\($0)" }.joined(separator: ",") + "]"
            // The second time the loop may run the program.
            for _ in 1...2 {
                let coded = try await ask("Accept-Encoding: gzip, deflate\r\n", content)
                #expect(coded.has("Content-Encoding: gzip"))
                #expect(coded.has("Vary: Accept-Encoding"))
                #expect(try Self.inflated(coded.content) == Array(expected.utf8))
                let plain = try await ask("", content)
                #expect(plain.text == expected)
                let kept = try await ask(
                    "Accept-Encoding: gzip\r\nCache-Control: no-transform\r\n", content)
                #expect(kept.text == expected)
                let short = try await ask("Accept-Encoding: gzip\r\n", #"{"program":"1"}"#)
                #expect(short.text == "1")
                #expect(!short.has("Content-Encoding"))
            }
        }
    }
}
