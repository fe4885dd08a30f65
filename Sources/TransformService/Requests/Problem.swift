// An error -> a response of `application/problem+json` (RFC 9457):
//
//     {"type":"/problems/malformed-json","title":"The JSON text is malformed","status":400,
//      "detail":"unexpected byte at line 1, column 7","request_id":"...",
//      "offset":6,"line":1,"column":7}

import HTTPKit

/// The response to a failed request.
struct Problem: Error, Sendable, Equatable {
    /// The types, each with its path below `/problems/`, its title and its status.
    enum Kind: Sendable, Equatable, CaseIterable {
        case malformedRequest, malformedJSON, malformedEnvelope, lengthRequired
        case unsupportedMediaType, unknownTransform, unknownArgument, notAcceptable
        case inlineProgramRefused, outputNotText, unauthorized
        case unsupportedCoding, malformedCoding, bodyTooLong
        case compileError, programTooLong, programError, outputCount
        case memoryLimit, outputLimit, depthLimit
        case internalError, reducedCapacity, deadlineExceeded

        var slug: StaticString {
            switch self {
            case .malformedRequest: "malformed-request"
            case .malformedJSON: "malformed-json"
            case .malformedEnvelope: "malformed-envelope"
            case .lengthRequired: "length-required"
            case .unsupportedMediaType: "unsupported-media-type"
            case .unsupportedCoding: "unsupported-content-coding"
            case .malformedCoding: "malformed-content-coding"
            case .bodyTooLong: "body-too-long"
            case .unknownTransform: "unknown-transform"
            case .unknownArgument: "unknown-argument"
            case .notAcceptable: "not-acceptable"
            case .inlineProgramRefused: "inline-program-refused"
            case .outputNotText: "output-not-text"
            case .unauthorized: "unauthorized"
            case .compileError: "compile-error"
            case .programTooLong: "program-too-long"
            case .programError: "program-error"
            case .outputCount: "output-count"
            case .memoryLimit: "memory-limit"
            case .outputLimit: "output-limit"
            case .depthLimit: "depth-limit"
            case .internalError: "internal-error"
            case .reducedCapacity: "temporary-reduced-capacity"
            case .deadlineExceeded: "deadline-exceeded"
            }
        }

        var title: StaticString {
            switch self {
            case .malformedRequest: "The request's parameters or fields are malformed"
            case .malformedJSON: "The JSON text is malformed"
            case .malformedEnvelope: "The body is not an envelope"
            case .lengthRequired: "The request has no body"
            case .unsupportedMediaType: "The content's type is not served"
            case .unsupportedCoding: "The content's coding is not served"
            case .malformedCoding: "The compressed content is malformed"
            case .bodyTooLong: "The content is longer than allowed"
            case .unknownTransform: "There is no transform of this name"
            case .unknownArgument: "The transform has no argument of this name"
            case .notAcceptable: "No acceptable media type is offered"
            case .inlineProgramRefused: "Only loaded transforms run here"
            case .outputNotText: "An output is no string"
            case .unauthorized: "A token is asked for"
            case .compileError: "The program does not compile"
            case .programTooLong: "The program is too long"
            case .programError: "The program raised an error"
            case .outputCount: "The program did not yield exactly one output"
            case .memoryLimit: "The run needs more memory than allowed"
            case .outputLimit: "The output is larger than allowed"
            case .depthLimit: "The program or its values nest too deeply"
            case .internalError: "The service failed"
            case .reducedCapacity: "The service has no room for more work now"
            case .deadlineExceeded: "The deadline has passed"
            }
        }

        var status: Status {
            switch self {
            case .malformedRequest, .malformedJSON, .malformedEnvelope, .malformedCoding,
                .unknownArgument:
                .badRequest
            case .inlineProgramRefused: Status(403)
            case .notAcceptable: Status(406)
            case .lengthRequired: Status(411)
            case .unsupportedMediaType, .unsupportedCoding: Status(415)
            case .bodyTooLong: Status(413)
            case .unknownTransform: .notFound
            case .unauthorized: Status(401)
            case .compileError, .programTooLong, .programError, .outputCount, .memoryLimit,
                .outputLimit, .depthLimit, .outputNotText:
                .unprocessableContent
            case .internalError: .internalServerError
            case .reducedCapacity: .serviceUnavailable
            case .deadlineExceeded: .gatewayTimeout
            }
        }
    }

    /// A location in the JSON text or in the program's text.
    struct Location: Sendable, Equatable {
        var offset: Int
        var line: Int
        var column: Int
        /// For a program: the line, and under it a caret.
        var excerpt: String?
        /// For a named transform: the file in the transforms folder.
        var file: String?
    }

    /// The input of a batch that failed: a line, counted from 1, or an array's element, from 0.
    enum Input: Sendable, Equatable {
        case line(Int)
        case element(Int)
    }

    /// The longest `detail`, in code points: an error that a program raises may be longer.
    private static let detailCountMax = 2_000

    var kind: Kind
    var detail: String
    var location: Location?
    /// JSON text of the error that the program raised.
    var value: [UInt8]?
    /// How many outputs the program yielded.
    var count: Int?
    var retryAfterSeconds: Int?
    /// The limit that was reached: milliseconds of a deadline, else bytes.
    var limit: Int?
    /// For a line, `location` is relative to that line.
    var input: Input?
    /// The response's status, if it is not the kind's.
    var statusOverride: Status?

    var status: Status { statusOverride ?? kind.status }

    init(_ kind: Kind, _ detail: String, location: Location? = nil, limit: Int? = nil) {
        self.kind = kind
        self.detail = detail
        self.location = location
        self.limit = limit
    }

    /// Adds the allowed time to a problem of a deadline, unless it has one.
    func naming(timeoutNanoseconds: UInt64) -> Problem {
        var problem = self
        if kind == .deadlineExceeded, limit == nil {
            problem.limit = Int(clamping: timeoutNanoseconds / 1_000_000)
        }
        return problem
    }

    func response(requestID: RequestName) -> Response {
        var fields = ResponseFields()
        fields.add("X-Request-Id", requestID.text)
        if let retryAfterSeconds { fields.add("Retry-After", "\(retryAfterSeconds)" as String) }
        if kind == .unsupportedCoding {
            fields.add("Accept-Encoding", "gzip, deflate" as StaticString)
        }
        return Response(
            status, contentType: Self.contentType, fields: fields,
            content: .bytes(text(requestID: requestID)))
    }

    /// The JSON text.
    func text(requestID: RequestName) -> [UInt8] {
        var text = Self.start(
            slug: "\(kind.slug)", title: "\(kind.title)", status: status,
            detail: detail, requestID: requestID)
        var isLine = false
        switch input {
        case .line(let number)?:
            text.member("line", number)
            isLine = true
        case .element(let index)?: text.member("index", index)
        case nil: break
        }
        if let location {
            text.member("offset", location.offset)
            if !isLine { text.member("line", location.line) }
            text.member("column", location.column)
            if let excerpt = location.excerpt { text.member("excerpt", excerpt) }
            if let file = location.file { text.member("file", file) }
        }
        if let value { text.member("value", json: value) }
        if let count { text.member("count", count) }
        if let limit {
            text.member(kind == .deadlineExceeded ? "limit_ms" : "limit_bytes", limit)
        }
        text.close()
        return text.bytes
    }

    /// The content of an error response that the HTTP layer makes itself.
    /// - Parameter bodyBytesMax: the longest content.
    static func content(
        of error: ProtocolError, _ request: Request?, bodyBytesMax: Int
    ) -> ErrorContent {
        let requestID = request.map(RequestID.of) ?? RequestID.make()
        var text = start(
            slug: slug("\(error.code)"), title: "\(error.status.reason)", status: error.status,
            detail: "\(error.detail)", requestID: requestID)
        if error.code == .bodyTooLong { text.member("limit_bytes", bodyBytesMax) }
        text.close()
        var fields = ResponseFields()
        fields.add("X-Request-Id", requestID.text)
        if error.status == .serviceUnavailable { fields.add("Retry-After", "1" as StaticString) }
        return ErrorContent(
            contentType: contentType, bytes: text.bytes, fields: fields, name: requestID)
    }

    private static var contentType: StaticString { "application/problem+json" }

    private static func start(
        slug: String, title: String, status: Status, detail: String, requestID: RequestName
    ) -> JSONText {
        var text = JSONText()
        text.open()
        text.member("type", "/problems/" + slug)
        text.member("title", title)
        text.member("status", Int(status.code))
        let scalars = detail.unicodeScalars
        text.member(
            "detail",
            scalars.count <= detailCountMax
                ? detail : String(scalars.prefix(detailCountMax)) + "...")
        text.member("request_id", requestID.text)
        return text
    }

    /// `bodyTooLong` -> `body-too-long`
    static func slug(_ name: String) -> String {
        var slug = ""
        for scalar in name.unicodeScalars {
            if ("A"..."Z").contains(scalar) { slug += "-" }
            slug.unicodeScalars.append(scalar)
        }
        return slug.lowercased()
    }
}
