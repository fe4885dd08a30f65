// The head of `POST /transform` -> what it asks for. The program may be in the query, with
// arguments; else the content is an envelope (see Envelope.swift).
//
//     POST /transform?program=.a%2B$b&b=1&outputs=array

import HTTPKit

/// How a program's outputs become an answer.
enum OutputForm: Sendable, Equatable {
    /// Exactly one output, which is the content.
    case one
    /// All, in an array.
    case array
    /// All, one a line.
    case lines

    init?(name: String) {
        switch name {
        case "one": self = .one
        case "array": self = .array
        default: return nil
        }
    }
}

/// What a head says, so that the request may be dropped.
struct TransformRequest: Sendable {
    /// The most arguments of a program.
    static let argumentCountMax = 1_000

    /// The program in the query: then the content is its input.
    var program: String?
    /// Arguments in the query.
    var arguments: [QueryParameter] = []
    /// The form that the query or Accept asks for.
    var form: OutputForm?
    var requestID: String
    /// Passed on to the log.
    var traceparent: String?
    /// Of `MonotonicClock`.
    var deadlineNanoseconds: UInt64

    init(_ request: Request, timeoutNanoseconds: UInt64, isLogging: Bool) throws(Problem) {
        requestID = RequestID.of(request)
        let timeout = try Deadline.timeout(of: request) ?? timeoutNanoseconds
        deadlineNanoseconds =
            request.firstByteNanoseconds &+ min(timeout, timeoutNanoseconds)
        if isLogging { traceparent = request.field("traceparent") }
        if request.rawQuery != nil { try readQuery(request) }
        if MediaType.wantsLines(request) { form = .lines }
    }

    private mutating func readQuery(_ request: Request) throws(Problem) {
        let parameters: [QueryParameter]
        do throws(ProtocolError) { parameters = try request.queryParameters() } catch {
            throw Problem(.malformedRequest, "\(error.detail)")
        }
        guard parameters.count <= Self.argumentCountMax else {
            throw Problem(
                .malformedRequest, "More than \(Self.argumentCountMax) query parameters.")
        }
        var names = Set<String>()
        for parameter in parameters {
            guard names.insert(parameter.name).inserted else {
                throw Problem(
                    .malformedRequest, "The query parameter `\(parameter.name)` is repeated.")
            }
            switch parameter.name {
            case "program": program = parameter.value
            case "outputs":
                guard let named = OutputForm(name: parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `outputs` is `one` or `array`.")
                }
                form = named
            default: arguments.append(parameter)
            }
        }
        if program == nil, let first = arguments.first {
            throw Problem(
                .malformedRequest,
                "The query parameter `\(first.name)` means nothing without `program`; "
                    + "an envelope has its arguments in `args`.")
        }
    }
}
