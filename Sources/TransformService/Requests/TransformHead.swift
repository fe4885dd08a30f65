// The head of `POST /transform` -> what it asks for, read once for all requests of a connection
// that have it. The program may be in the query, with arguments (TransformQuery.swift); else the
// content is an envelope (Envelope.swift).
//
//     POST /transform?program=.a%2B$b&b=1&outputs=array
//     POST /transform/shop/top-n?limit=3

import HTTPKit

final class TransformHead: Sendable {
    let query: TransformQuery
    /// The media types that Accept asks for.
    let acceptance: Acceptance
    /// The transforms as they were when the head was read.
    let transforms: TransformSet
    /// The one that the path names: then the content is its input.
    let transform: NamedTransform?
    /// Of the content; nil for none.
    let contentCoding: ContentCoding?
    /// That the client wants the answer in; nil for none.
    let answerCoding: ContentCoding?
    /// From the request's first byte to its deadline.
    let timeoutNanoseconds: UInt64
    /// The content is JSON texts, one a line.
    let isLines: Bool

    /// - Parameters:
    ///   - queries: what earlier queries asked for.
    ///   - timeoutNanoseconds: the longest that a client may ask for, and the usual one.
    init(
        _ request: Request, _ transforms: TransformSet, queries: QueryMemo,
        timeoutNanoseconds: UInt64
    ) throws(Problem) {
        if request.field(.contentType, is: "application/json") {
            isLines = false
        } else {
            isLines = MediaType.isLines(request)
            if !isLines { try MediaType.check(request) }
        }
        self.transforms = transforms
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
        query = try TransformQuery.of(request, transform, queries)
        contentCoding = try ContentCoding.content(of: request)
        answerCoding = ContentCoding.answer(to: request)
    }

    /// Each line of the content, or each element of its array, is an input of the program.
    var isBatch: Bool { isLines || query.isEach }
}
