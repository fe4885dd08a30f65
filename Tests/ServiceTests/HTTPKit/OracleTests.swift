// Random valid requests: our parser reads from them what NIO's HTTP parser does.

import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HTTPKit

/// Turns the parts that NIO's decoder delivers into an outcome.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let continuation: AsyncStream<Outcome>.Continuation
    private var head: HTTPRequestHead?
    private var content: [UInt8] = []

    init(_ continuation: AsyncStream<Outcome>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let buffer): content += Array(buffer: buffer)
        case .end:
            guard let head else { return }
            continuation.yield(
                .request(
                    method: "\(head.method)".lowercased(), target: head.uri,
                    fields: head.headers.map { "\($0.name): \(trimmed($0.value))" },
                    content: content))
            context.close(promise: nil)
        }
    }
}

/// NIO leaves white space after a value, which RFC 9112 5.1 excludes from it.
private func trimmed(_ value: String) -> String {
    String(value.reversed().drop { $0 == " " }.reversed())
}

@Suite struct OracleTests {
    @Test func validRequestsReadAsNIOReadsThem() async throws {
        let (stream, continuation) = AsyncStream<Outcome>.makeStream()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    try operations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try operations.addHandler(Collector(continuation))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        var theirs = stream.makeAsyncIterator()
        var random = SeededGenerator(state: 7)
        for _ in 0..<150 {
            let text = randomRequest(&random)
            let client = try RawClient(port: port)
            client.send(text)
            let expected = await theirs.next()
            #expect(outcomes(text) == [try #require(expected)], "\(text)")
        }
        try await channel.close().get()
    }

    private func randomRequest(_ random: inout SeededGenerator) -> String {
        let names = ["Accept", "X-A", "content-type", "User-Agent", "A.b|c", "Via"]
        let values = ["*/*", "", "a b\tc", "text/html; q=0.5", "caf\u{E9}", "\"q, r\""]
        let method = ["GET", "POST", "DELETE", "PATCH"].randomElement(using: &random)!
        let target = ["/", "/a/b?c=d&e", "/%41?x=%20"].randomElement(using: &random)!
        var text = "\(method) \(target) HTTP/1.1\r\nHost: h\r\n"
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let value = values.randomElement(using: &random)!
            text += "\(names.randomElement(using: &random)!): \(value) \r\n"
        }
        let content = String(repeating: "x", count: Int.random(in: 0...40, using: &random))
        if Bool.random(using: &random) {
            return text + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        }
        text += "Transfer-Encoding: chunked\r\n\r\n"
        if !content.isEmpty {
            text += "\(String(content.utf8.count, radix: 16));e=f\r\n\(content)\r\n"
        }
        return text + "0\r\nT: u\r\n\r\n"
    }
}
