// The head of `POST /transform` -> what it asks for. The program may be in the query, with
// arguments (TransformQuery.swift); else the content is an envelope (Envelope.swift).
//
//     POST /transform?program=.a%2B$b&b=1&outputs=array
//     POST /transform/shop/top-n?limit=3

import HTTPKit

/// What a head says, so that the request may be dropped.
struct TransformRequest: Sendable {
    let query: TransformQuery
    /// The media types that Accept asks for.
    var acceptance: Acceptance
    /// The transforms as they were when the request came.
    var transforms: TransformSet
    /// The one that the path names: then the content is its input.
    var transform: NamedTransform?
    var requestID: RequestName
    /// Of the content; nil for none.
    var contentCoding: ContentCoding?
    /// That the client wants the answer in; nil for none.
    var answerCoding: ContentCoding?
    /// Of `MonotonicClock`.
    var deadlineNanoseconds: UInt64
    var firstByteNanoseconds: UInt64

    /// - Parameter queries: what earlier queries asked for.
    static func read(
        _ request: Request, _ transforms: TransformSet, queries: QueryMemo, requestID: RequestName,
        timeoutNanoseconds: UInt64
    ) throws(Problem) -> TransformRequest {
        var timeout = min(
            try Deadline.timeout(of: request) ?? timeoutNanoseconds, timeoutNanoseconds)
        var transform: NamedTransform?
        if let name = request.pathParameter {
            guard let named = transforms[name] else { throw Self.unknown(name) }
            transform = named
            timeout = min(timeout, named.metadata.timeoutNanoseconds ?? timeout)
        }
        let acceptance = try MediaType.acceptance(request)
        let query = try TransformQuery.of(request, transform, queries)
        let contentCoding = try ContentCoding.content(of: request)
        let firstByte = request.firstByteNanoseconds
        return TransformRequest(
            query: query, acceptance: acceptance, transforms: transforms, transform: transform,
            requestID: requestID, contentCoding: contentCoding,
            answerCoding: ContentCoding.answer(to: request),
            deadlineNanoseconds: firstByte &+ timeout, firstByteNanoseconds: firstByte)
    }

    /// The program in the query: then the content is its input.
    var program: String? { query.program }
    /// Arguments in the query.
    var arguments: [QueryParameter] { query.arguments }
    /// The form that the query asks for.
    var form: OutputForm? { query.form }
    /// What a failing input of a batch does.
    var errors: ErrorMode? { query.errors }
    /// The content is an array whose elements are the inputs.
    var isEach: Bool { query.isEach }

    static func unknown(_ name: String) -> Problem {
        Problem(
            .unknownTransform,
            "No transform `\(name.prefix(FolderListing.nameBytesMax))` is loaded; GET /transforms "
                + "lists those that are.")
    }
}
