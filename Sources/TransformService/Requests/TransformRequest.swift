// The head of `POST /transform` -> what it asks for. The program may be in the query, with
// arguments; else the content is an envelope (see Envelope.swift).
//
//     POST /transform?program=.a%2B$b&b=1&outputs=array
//     POST /transform/shop/top-n?limit=3

import HTTPKit

/// What a failing input of a batch does.
enum ErrorMode: Sendable, Equatable {
    /// It ends the batch.
    case fail
    /// Its problem stands in the place of its outputs.
    case inline

    init?(name: String) {
        switch name {
        case "fail": self = .fail
        case "inline": self = .inline
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
    /// The form that the query asks for.
    var form: OutputForm?
    /// The media types that Accept asks for.
    var acceptance: Acceptance
    /// The transforms as they were when the request came.
    var transforms: TransformSet
    /// The one that the path names: then the content is its input.
    var transform: NamedTransform?
    var requestID: String
    /// What a failing input of a batch does.
    var errors: ErrorMode?
    /// The content is an array whose elements are the inputs.
    var isEach = false
    /// Of the content; nil for none.
    var contentCoding: ContentCoding?
    /// That the client wants the answer in; nil for none.
    var answerCoding: ContentCoding?
    /// Of `MonotonicClock`.
    var deadlineNanoseconds: UInt64
    var firstByteNanoseconds: UInt64

    init(
        _ request: Request, _ transforms: TransformSet, timeoutNanoseconds: UInt64
    ) throws(Problem) {
        requestID = RequestID.of(request)
        self.transforms = transforms
        var timeout = min(
            try Deadline.timeout(of: request) ?? timeoutNanoseconds, timeoutNanoseconds)
        if let name = request.pathParameter {
            guard let transform = transforms[name] else { throw Self.unknown(name) }
            self.transform = transform
            timeout = min(timeout, transform.metadata.timeoutNanoseconds ?? timeout)
        }
        firstByteNanoseconds = request.firstByteNanoseconds
        deadlineNanoseconds = firstByteNanoseconds &+ timeout
        acceptance = try MediaType.acceptance(request)
        if request.hasQuery { try readQuery(request) }
        contentCoding = try ContentCoding.content(of: request)
        answerCoding = ContentCoding.answer(to: request)
    }

    static func unknown(_ name: String) -> Problem {
        Problem(
            .unknownTransform,
            "No transform `\(name.prefix(FolderListing.nameBytesMax))` is loaded; GET /transforms "
                + "lists those that are.")
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
        for (i, parameter) in parameters.enumerated() {
            let isNew =
                parameters.count > 8
                ? names.insert(parameter.name).inserted
                : !parameters[..<i].contains { $0.name == parameter.name }
            guard isNew else {
                throw Problem(
                    .malformedRequest, "The query parameter `\(parameter.name)` is repeated.")
            }
            switch parameter.name {
            case "program" where transform == nil: program = parameter.value
            case "outputs":
                guard let named = OutputForm(name: parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `outputs` is `one` or `array`.")
                }
                form = named
            case "errors":
                guard let mode = ErrorMode(name: parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `errors` is `fail` or `inline`.")
                }
                errors = mode
            case "each":
                guard ["", "true"].contains(parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `each` is empty or `true`.")
                }
                isEach = true
            default: arguments.append(parameter)
            }
        }
        if let transform {
            for argument in arguments { try transform.check(argument: argument.name) }
            return
        }
        if program == nil, let first = arguments.first {
            throw Problem(
                .malformedRequest,
                "The query parameter `\(first.name)` means nothing without `program`; "
                    + "an envelope has its arguments in `args`.")
        }
    }
}
