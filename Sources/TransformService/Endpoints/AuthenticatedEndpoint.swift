// A request's Authorization field -> its endpoint, or 401:
//
//     Authorization: Bearer 6b7f...
//
// Health, metrics and the contract need no token: orchestrators and scrapers have none.

import HTTPKit
import Synchronization

import struct NIOCore.ByteBuffer

/// The valid tokens. They may be replaced while the service runs.
final class AccessTokens: Sendable {
    private let tokens: Mutex<[[UInt8]]>

    init(_ tokens: [[UInt8]]) { self.tokens = Mutex(tokens) }

    func replace(with tokens: [[UInt8]]) { self.tokens.withLock { $0 = tokens } }

    /// Whether it is one of the tokens. The time does not depend on how many bytes were guessed.
    func contains(_ given: [UInt8]) -> Bool {
        tokens.withLock { tokens in
            var isKnown = false
            for token in tokens where Self.isEqual(token, given) { isKnown = true }
            return isKnown
        }
    }

    /// Compares in time that depends on the given bytes' count only.
    private static func isEqual(_ token: [UInt8], _ given: [UInt8]) -> Bool {
        var difference = UInt64(truncatingIfNeeded: token.count ^ given.count)
        for i in given.indices {
            difference |= UInt64((i < token.count ? token[i] : 0) ^ given[i])
        }
        return difference == 0
    }
}

/// An endpoint that requires a token.
final class AuthenticatedEndpoint: HTTPHandler {
    let endpoint: any HTTPHandler
    let tokens: AccessTokens

    init(endpoint: any HTTPHandler, tokens: AccessTokens) {
        self.endpoint = endpoint
        self.tokens = tokens
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let field = request.field("authorization")
        if let field, let given = Self.token(field), tokens.contains(given) {
            return endpoint.receive(request, exchange)
        }
        let problem = Problem(
            .unauthorized,
            field == nil
                ? "Send the field Authorization: Bearer with a token."
                : "The Authorization field has no token that is known here.")
        var response = problem.response(requestID: RequestID.of(request))
        response.fields.add(
            "WWW-Authenticate",
            field == nil ? "Bearer" : "Bearer error=\"invalid_token\"" as StaticString)
        exchange.respond(response)
        return .drop
    }

    func handle(
        _ request: Request, content: consuming RequestContent, _ exchange: Exchange
    ) {
        endpoint.handle(request, content: content, exchange)
    }

    /// `bearer  abc` -> `abc`. Source: RFC 6750 2.1, RFC 9110 11.1.
    static func token(_ field: String) -> [UInt8]? {
        let scheme = Array("bearer".utf8)
        let bytes = Array(field.utf8)
        guard bytes.count > scheme.count, bytes[scheme.count] == 0x20 else { return nil }
        for (i, letter) in scheme.enumerated() where bytes[i] | 0x20 != letter { return nil }
        return Array(bytes[scheme.count...].drop { $0 == 0x20 })
    }
}
