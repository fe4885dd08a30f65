// A server whose handlers answer in all the ways that HTTPKit offers.

import Dispatch
import Synchronization
import Testing

import struct NIOCore.ByteBuffer

@testable import HTTPKit
@testable import TransformService

/// Records what happened, for tests that wait for it.
final class Events: Sendable {
    let cancelled = Atomic<Int>(0)
    let handled = Atomic<Int>(0)
    let held = Mutex<Exchange?>(nil)

    func answerHeld() {
        held.withLock { $0 }?.respond(Response(.ok, content: .bytes(Array("held".utf8))))
    }

    /// Waits up to a minute for a handler to be called.
    func waitUntilHandled() async -> Bool {
        await wait { handled.load(ordering: .acquiring) > 0 }
    }

    /// Waits up to a minute for a cancel.
    func waitUntilCancelled() async -> Bool {
        await wait { cancelled.load(ordering: .acquiring) > 0 }
    }

    private func wait(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        return false
    }
}

/// Answers on the loop with method, path and content.
private final class Echo: HTTPHandler {
    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        var answer = ByteBuffer(string: "\(request.method.name) \(request.rawPath) ")
        answer.writeImmutableBuffer(content.buffer())
        exchange.respond(
            Response(.ok, contentType: "text/plain", content: .buffer(answer)))
    }
}

/// Answers from another thread with the content's length.
private final class Later: HTTPHandler {
    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        let count = content.byteCount
        DispatchQueue.global().async {
            var fields = ResponseFields()
            fields.add("X-Count", "\(count)" as String)
            exchange.respond(Response(.ok, fields: fields, content: .bytes(Array("later".utf8))))
        }
    }
}

/// Never answers; counts cancels.
private final class Silent: HTTPHandler {
    let events: Events

    init(events: Events) { self.events = events }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        let events = events
        exchange.onCancel { _ = events.cancelled.add(1, ordering: .releasing) }
        events.handled.add(1, ordering: .releasing)
    }
}

/// Answers when `Events.answerHeld` is called, on that caller's thread.
private final class Held: HTTPHandler {
    let events: Events

    init(events: Events) { self.events = events }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        events.held.withLock { $0 = exchange }
        events.handled.add(1, ordering: .releasing)
    }
}

/// Streams each piece of content back, pausing the client while a piece is written.
private final class StreamBack: HTTPHandler {
    private final class Receiver: BodyReceiver {
        func receive(_ piece: ByteBuffer, _ exchange: Exchange) {
            exchange.pauseContent()
            exchange.write(piece) { hasRoom in
                if hasRoom { exchange.resumeContent() }
            }
        }

        func finish(_ exchange: Exchange) { exchange.finish() }
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        exchange.start(Response(.ok, contentType: "application/octet-stream"))
        return .stream(Receiver(), bytesMax: .max)
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}

/// Begins an answer and aborts it.
private final class Aborting: HTTPHandler {
    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        exchange.start(Response(.ok))
        exchange.write(ByteBuffer(string: "half"))
        exchange.abort()
    }
}

/// Streams without end until the exchange is cancelled because nobody reads.
private final class Endless: HTTPHandler {
    let events: Events

    init(events: Events) { self.events = events }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        let events = events
        exchange.onCancel { _ = events.cancelled.add(1, ordering: .releasing) }
        exchange.start(Response(.ok))
        Self.more(exchange)
    }

    private static func more(_ exchange: Exchange) {
        exchange.write(ByteBuffer(repeating: 0x61, count: 60_000)) { hasRoom in
            if hasRoom { exchange.eventLoop.execute { more(exchange) } }
        }
    }
}

/// A server on a free port with a handler for each kind of answer.
struct TestServer {
    let server: HTTPServer
    let events = Events()

    init(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) async throws {
        var routes = Routes()
        routes.add([.get, .post], "/echo", Echo())
        routes.add([.get], "/get", Echo())
        routes.add([.post], "/named/{name...}", Echo())
        routes.add([.post, .get], "/later", Later())
        routes.add([.get], "/silent", Silent(events: events))
        routes.add([.get], "/held", Held(events: events))
        routes.add([.post], "/stream", StreamBack())
        routes.add([.get], "/abort", Aborting())
        routes.add([.get], "/endless", Endless(events: events))
        var configuration = HTTPServer.Configuration(.tcp(host: "127.0.0.1", port: 0)) {
            Thread.start(name: $0, stackBytes: 1 << 20, $1)
        }
        change(&configuration)
        server = try HTTPServer.start(configuration, handler: { _ in Router(routes) })
    }

    func client(receiveBufferBytes: Int32? = nil) throws -> RawClient {
        try RawClient(
            port: try #require(server.port), receiveBufferBytes: receiveBufferBytes)
    }

    func stop() async { await server.shutdown(graceNanoseconds: 0) }
}
