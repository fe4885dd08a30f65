// Parameters, fields, responses and schemas, as members of the OpenAPI document's `components`.

import HTTPKit

extension OpenAPI {
    static let parameters = """
        "outputs": {"name": "outputs", "in": "query",
        "description": "How a program's outputs become the answer: exactly `one`, or all in an \
        `array`.",
        "schema": {"type": "string", "enum": ["one", "array"], "default": "one"}},
        "errors": {"name": "errors", "in": "query",
        "description": "Of a batch: whether the first failing line ends it, or its problem \
        replaces the line's outputs.",
        "schema": {"type": "string", "enum": ["fail", "inline"], "default": "fail"}},
        "each": {"name": "each", "in": "query", "allowEmptyValue": true,
        "description": "The body is an array, each element of which is an input of its own.",
        "schema": {"type": "string", "enum": ["", "true"]}},
        "combine": {"name": "combine", "in": "query",
        "description": "Of a batch: a jq program that is run once, with `null`; its `inputs` are \
        the outputs of all inputs, in order, and its output is the answer, as for a single input.",
        "schema": {"type": "string"}, "example": "reduce inputs as $x (0; . + $x)"},
        "requestID": {"name": "X-Request-Id", "in": "header",
        "description": "1 to 128 visible ASCII characters; else the service makes one.",
        "schema": {"type": "string"}, "example": "order-import-17"},
        "traceparent": {"name": "traceparent", "in": "header",
        "description": "W3C Trace Context; goes to the log.",
        "schema": {"type": "string"},
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        "timeout": {"name": "X-Request-Timeout-Ms", "in": "header",
        "description": "How long the client waits, in milliseconds from the request's first byte. \
        The smaller of this and the server's own timeout holds. `x-envoy-expected-rq-timeout-ms` \
        and `grpc-timeout` are looked at where it is missing.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999999999999}, "example": 2000}
        """

    static let headers = """
        "requestID": {"description": "The request's, or one made here.",
        "schema": {"type": "string"}},
        "serverTiming": {"description": "Milliseconds of queue, read, run and write.",
        "schema": {"type": "string"},
        "example": "queue;dur=0.000, read;dur=0.002, run;dur=0.010, write;dur=0.001"},
        "retryAfter": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
        "challenge": {"description": "Bearer.", "schema": {"type": "string"}}
        """

    static let responses = """
        "Outputs": {
        "description": "The output, all of them in an array, or one a line; strings as they are \
        in the text types.",
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/requestID"},
        "Server-Timing": {"$ref": "#/components/headers/serverTiming"}},
        "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Any"}, "example": ["pen"]},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": "1\\n2\\n"},
        "text/csv": {"schema": {"type": "string"}, "example": "1,\\"pen\\"\\n"},
        "text/tab-separated-values": {"schema": {"type": "string"}, "example": "1\\tpen\\n"},
        "text/plain": {"schema": {"type": "string"}, "example": "pen\\n"}
        }},
        \(problems)
        """

    private static let problems = [
        problem("BadRequest", "The request or its JSON is malformed.", example: malformed),
        problem(
            "Unauthorized", "A bearer token is asked for.", field: "WWW-Authenticate",
            is: "challenge"),
        problem("Forbidden", "Only loaded transforms run here."),
        problem("NotFound", "There is no such transform or path."),
        problem("NotAcceptable", "No acceptable media type is offered."),
        problem("TimedOut", "The request did not arrive in time."),
        problem("LengthRequired", "The request has no body."),
        problem("TooLarge", "The body, the target or the fields are too long."),
        problem("UnsupportedMediaType", "The content's type or coding is not served."),
        problem(
            "Unprocessable",
            "The program does not compile, raised an error, did not yield one output, or met a "
                + "limit.", example: raised),
        problem("Failed", "The service failed."),
        problem(
            "Unavailable", "There is no room for more work now, or the service ends.",
            field: "Retry-After", is: "retryAfter"),
        problem("DeadlineExceeded", "The deadline passed; the work was stopped."),
    ].joined(separator: ",\n")

    private static let malformed = """
        {"type": "/problems/malformed-json", "title": "The JSON text is malformed", "status": 400, \
        "detail": "Invalid literal at line 1, column 8", "request_id": "5tq6w1r4cz0yg", \
        "offset": 7, "line": 1, "column": 8}
        """

    private static let raised = """
        {"type": "/problems/program-error", "title": "The program raised an error", \
        "status": 422, "detail": "no price", "request_id": "5tq6w1r4cz0yh", "offset": 9, \
        "line": 1, "column": 10, "value": "no price"}
        """

    private static func problem(
        _ name: String, _ description: String, example: String? = nil, field: String? = nil,
        is header: String? = nil
    ) -> String {
        let own =
            if let field, let header {
                ", \"\(field)\": {\"$ref\": \"#/components/headers/\(header)\"}"
            } else { "" }
        let shown = example.map { ", \"example\": " + $0 } ?? ""
        return """
            "\(name)": {
            "description": "\(description)",
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/requestID"}\(own)},
            "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"}\(shown)}}}
            """
    }

    /// All values of `type`: the service's, and those of the HTTP layer.
    private static let problemTypes: String = {
        let slugs =
            Problem.Kind.allCases.map { "\($0.slug)" }
            + ProtocolError.Code.allCases.map { Problem.slug("\($0)") }
        return Set(slugs).sorted().map { "\"/problems/\($0)\"" }.joined(separator: ",\n")
    }()

    static let schemas = """
        "Any": {"description": "Any JSON value. A number that the program does not compute with \
        keeps every digit."},
        "Envelope": {
        "type": "object",
        "properties": {
        "program": {"type": ["string", "null"], "description": "A jq program."},
        "transform": {"type": ["string", "null"],
        "description": "The name of a loaded transform."},
        "input": {"$ref": "#/components/schemas/Any"},
        "args": {"type": ["object", "null"], "maxProperties": 1000,
        "description": "Each is bound as a variable, and in $ARGS.named."},
        "outputs": {"enum": ["one", "array", null],
        "description": "As the query parameter."}
        },
        "oneOf": [
        {"required": ["program"], "properties": {"program": {"type": "string"},
        "transform": {"type": "null"}}},
        {"required": ["transform"], "properties": {"transform": {"type": "string"},
        "program": {"type": "null"}}}
        ],
        "additionalProperties": false
        },
        "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
        "type": {"type": "string", "enum": [
        \(problemTypes)]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "offset": {"type": "integer", "description": "In bytes, of the JSON text or the program."},
        "line": {"type": "integer", "minimum": 1},
        "column": {"type": "integer", "minimum": 1},
        "excerpt": {"type": "string", "description": "The program's line, and a caret below it."},
        "value": {"description": "What the program raised."},
        "file": {"type": "string", "description": "Of a loaded transform, below its folder."},
        "index": {"type": "integer", "description": "Of the element of a batch, from 0."},
        "count": {"type": "integer", "description": "Outputs that the program yielded."},
        "limit_ms": {"type": "integer", "description": "The time that was allowed."},
        "limit_bytes": {"type": "integer", "description": "The bound of memory or length."}
        }
        },
        "TransformList": {
        "type": "object",
        "required": ["transforms"],
        "properties": {"transforms": {"type": "array",
        "items": {"$ref": "#/components/schemas/Transform"}}}
        },
        "Transform": {
        "type": "object",
        "required": ["name"],
        "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "arguments": {"type": "object", "description": "Names and default values."},
        "outputs": {"type": "string"},
        "combine": {"type": "string", "description": "The program that combines a batch."},
        "timeout_ms": {"type": "integer", "description": "Its own timeout, where it has one."},
        "memory_mib": {"type": "integer", "description": "Its own memory limit, likewise."},
        "digest": {"type": "string"},
        "modules": {"type": "array", "items": {"type": "string"},
        "description": "Of one transform: the modules that it imports."},
        "source": {"type": "string", "description": "Of one transform: its program."}
        }
        },
        "Health": {
        "type": "object",
        "required": ["status"],
        "properties": {
        "status": {"enum": ["pass", "fail"]},
        "reason": {"type": "string"},
        "version": {"type": "string"},
        "uptime_seconds": {"type": "integer"},
        "draining": {"type": "boolean"},
        "workers": {"type": "integer"},
        "workers_busy": {"type": "integer"},
        "workers_wedged": {"type": "boolean"},
        "queue_jobs": {"type": "integer"},
        "queue_bytes": {"type": "integer"},
        "event_loops": {"type": "integer"},
        "event_loop_lag_ms": {"type": "integer"},
        "connections": {"type": "integer"},
        "programs_cached": {"type": "integer"},
        "programs_cached_bytes": {"type": "integer"}
        }
        }
        """
}
