// The interpretation of a request of `POST /transform`: that of its head, with its own name and
// time.

import HTTPKit

/// It keeps what is needed of the head, so that the request may be dropped.
struct TransformRequest: Sendable {
    let head: TransformHead
    let requestID: RequestName
    /// On `MonotonicClock`.
    let firstByteNanoseconds: UInt64

    /// On `MonotonicClock`.
    var deadlineNanoseconds: UInt64 { firstByteNanoseconds &+ head.timeoutNanoseconds }
    var query: TransformQuery { head.query }
    var acceptance: Acceptance { head.acceptance }
    var transform: NamedTransform? { head.transform }
    var contentCoding: ContentCoding? { head.contentCoding }
    var responseCoding: ContentCoding? { head.responseCoding }
    /// The program in the query: then the content is its input.
    var program: String? { head.query.program }
    /// Arguments in the query.
    var arguments: [QueryParameter] { head.query.arguments }
    /// The form in the query.
    var form: OutputForm? { head.query.form }
    /// How a failing input affects its batch.
    var errors: ErrorMode? { head.query.errors }

    /// - Parameter transform: the one that has run; it may allow less time than the request does.
    func response(of problem: Problem, running transform: NamedTransform? = nil) -> Response {
        let allowed = min(
            head.timeoutNanoseconds, transform?.metadata.timeoutNanoseconds ?? .max)
        return problem.naming(timeoutNanoseconds: allowed).response(requestID: requestID)
    }

    static func unknown(_ name: String) -> Problem {
        Problem(
            .unknownTransform,
            "No transform `\(name.prefix(FolderListing.nameBytesMax))` is loaded; GET /transforms "
                + "lists those that are.")
    }
}
