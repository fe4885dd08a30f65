// The head of `POST /transform` -> its interpretation, made once for consecutive requests of a
// connection with the same head, until other transforms are loaded. The program may be in the
// query, with arguments (TransformQuery.swift); else the content is an envelope (Envelope.swift).
//
//     POST /transform?program=.a%2B$b&b=1&outputs=array
//     POST /transform/shop/top-n?limit=3

import HTTPKit

final class TransformHead: Sendable {
    let query: TransformQuery
    /// The media types of Accept.
    let acceptance: Acceptance
    /// The set of transforms when the head was read.
    let transforms: TransformSet
    /// The library's version before that: with another one, this interpretation is stale.
    let version: UInt64
    /// The transform that the path names: then the content is its input.
    let transform: NamedTransform?
    /// The coding of the content; nil for none.
    let contentCoding: ContentCoding?
    /// The coding of the response; nil for none.
    let responseCoding: ContentCoding?
    /// From the request's first byte to its deadline.
    let timeoutNanoseconds: UInt64
    /// Whether the client names its requests.
    let hasRequestID: Bool
    /// The content is JSON texts, one per line.
    let isLines: Bool

    /// - Parameters:
    ///   - version: of the library, read before `transforms`.
    ///   - timeoutNanoseconds: the longest that a client may ask for, and the default.
    init(
        _ request: Request, _ transforms: TransformSet, version: UInt64,
        timeoutNanoseconds: UInt64
    ) throws(Problem) {
        if request.field(.contentType, is: "application/json") {
            isLines = false
        } else {
            isLines = MediaType.isLines(request)
            if !isLines { try MediaType.check(request) }
        }
        self.transforms = transforms
        self.version = version
        var timeout = min(
            try Deadline.timeout(of: request) ?? timeoutNanoseconds, timeoutNanoseconds)
        if let name = request.pathParameter {
            guard let named = transforms[name] else { throw TransformRequest.unknown(name) }
            transform = named
            timeout = min(timeout, named.metadata.timeoutNanoseconds ?? timeout)
        } else {
            transform = nil
        }
        self.timeoutNanoseconds = timeout
        acceptance = try MediaType.acceptance(request)
        query = try TransformQuery.of(request, transform)
        guard query.combiningProgram == nil || isLines || query.isEach else {
            throw Problem(
                .malformedRequest, "The query parameter `combine` is for lines and for `each`.")
        }
        contentCoding = try ContentCoding.content(of: request)
        responseCoding = ContentCoding.response(to: request)
        hasRequestID = RequestID.given(request) != nil
    }

    /// Whether each line of the content, or each element of its array, is an input of the program.
    var isBatch: Bool { isLines || query.isEach }
}
