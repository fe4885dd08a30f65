// The endpoints, as members of the OpenAPI document's `paths`.

extension OpenAPI {
    /// The responses that any request with a body may get.
    private static let runResponses = """
        "200": {"$ref": "#/components/responses/Outputs"},
        "400": {"$ref": "#/components/responses/BadRequest"},
        "401": {"$ref": "#/components/responses/Unauthorized"},
        "403": {"$ref": "#/components/responses/Forbidden"},
        "404": {"$ref": "#/components/responses/NotFound"},
        "406": {"$ref": "#/components/responses/NotAcceptable"},
        "408": {"$ref": "#/components/responses/TimedOut"},
        "411": {"$ref": "#/components/responses/LengthRequired"},
        "413": {"$ref": "#/components/responses/TooLarge"},
        "414": {"$ref": "#/components/responses/TooLarge"},
        "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
        "417": {"$ref": "#/components/responses/BadRequest"},
        "422": {"$ref": "#/components/responses/Unprocessable"},
        "431": {"$ref": "#/components/responses/TooLarge"},
        "500": {"$ref": "#/components/responses/Failed"},
        "503": {"$ref": "#/components/responses/Unavailable"},
        "504": {"$ref": "#/components/responses/DeadlineExceeded"}
        """

    private static let runParameters = """
        {"$ref": "#/components/parameters/outputs"},
        {"$ref": "#/components/parameters/errors"},
        {"$ref": "#/components/parameters/each"},
        {"$ref": "#/components/parameters/combine"},
        {"$ref": "#/components/parameters/requestID"},
        {"$ref": "#/components/parameters/traceparent"},
        {"$ref": "#/components/parameters/timeout"}
        """

    static let transformPaths = """
        "/transform": {
        "post": {
        "tags": ["transforms"],
        "operationId": "transform",
        "summary": "Run a program.",
        "description": "The body is an envelope with the program, its input and arguments. With \
        `?program=` the body is the raw input, and every other query parameter that is not listed \
        here is a string argument. With Content-Type application/x-ndjson each line of the body is \
        an input, and the answer is lines.",
        "security": [{}, {"token": []}],
        "parameters": [
        {"name": "program", "in": "query", "description": "A jq program; the body is its input.",
        "schema": {"type": "string"}, "example": ".a"},
        \(runParameters)
        ],
        "requestBody": {
        "required": true,
        "content": {
        "application/json": {
        "schema": {"$ref": "#/components/schemas/Envelope"},
        "examples": {
        "program": {"summary": "A program and its input",
        "value": {"program": "map(select(.price < 10) | .name)",
        "input": [{"name": "pen", "price": 2}, {"name": "lamp", "price": 30}]}},
        "arguments": {"summary": "Arguments are bound as variables",
        "value": {"program": ".total * (1 + $rate)", "input": {"total": 100},
        "args": {"rate": 0.2}}},
        "outputs": {"summary": "All outputs in an array",
        "value": {"program": ".[]", "input": [1, 2], "outputs": "array"}},
        "null": {"summary": "Without an input: null", "value": {"program": "[range(3)]"}}
        }
        },
        "application/x-ndjson": {"schema": {"type": "string"},
        "example": "{\\"a\\": 1}\\n{\\"a\\": 2}\\n"}
        }
        },
        "responses": {\(runResponses)}
        }
        },
        "/transform/{name}": {
        "post": {
        "tags": ["transforms"],
        "operationId": "transformNamed",
        "summary": "Run a loaded transform.",
        "description": "The body is the raw input; every query parameter that is not listed here \
        is a string argument.",
        "security": [{}, {"token": []}],
        "parameters": [
        {"name": "name", "in": "path", "required": true, "description": "As GET /transforms lists \
        it.", "schema": {"type": "string", "minLength": 1}, "example": "orders/summary"},
        \(runParameters)
        ],
        "requestBody": {
        "required": true,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Any"},
        "example": {"orders": [{"sku": "a", "count": 2}]}}}
        },
        "responses": {\(runResponses)}
        }
        },
        "/transforms": {
        "get": {
        "tags": ["transforms"],
        "operationId": "listTransforms",
        "summary": "The loaded transforms.",
        "security": [{}, {"token": []}],
        "responses": {
        "200": {"description": "What is loaded.",
        "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/TransformList"},
        "example": {"transforms": []}}}},
        "401": {"$ref": "#/components/responses/Unauthorized"}
        }
        }
        },
        "/transforms/{name}": {
        "get": {
        "tags": ["transforms"],
        "operationId": "showTransform",
        "summary": "A loaded transform with its source.",
        "security": [{}, {"token": []}],
        "parameters": [
        {"name": "name", "in": "path", "required": true, "description": "As GET /transforms lists \
        it.", "schema": {"type": "string", "minLength": 1}, "example": "orders/summary"}
        ],
        "responses": {
        "200": {"description": "The transform.", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Transform"}}}},
        "304": {"description": "It is the one of If-None-Match."},
        "400": {"$ref": "#/components/responses/BadRequest"},
        "401": {"$ref": "#/components/responses/Unauthorized"},
        "404": {"$ref": "#/components/responses/NotFound"}
        }
        }
        }
        """

    static let operationPaths = """
        \(health("/livez", "isAlive", "Whether the process works; if not, replace it.")),
        \(health("/readyz", "isReady", "Whether requests should be sent here.")),
        \(health("/healthz", "isHealthy", "As /readyz.")),
        "/metrics": {
        "get": {
        "tags": ["operation"],
        "operationId": "metrics",
        "summary": "Counts and times in Prometheus text format 0.0.4.",
        "responses": {
        "200": {"description": "The text.", "content": {"text/plain": {
        "schema": {"type": "string"},
        "example": "# HELP transform_workers Threads that run programs.\\n# TYPE \
        transform_workers gauge\\ntransform_workers 2\\n"}}}
        }
        }
        },
        "/openapi.json": {
        "get": {
        "tags": ["operation"],
        "operationId": "openapi",
        "summary": "This document.",
        "responses": {
        "200": {"description": "OpenAPI 3.1.", "content": {"application/json": {
        "schema": {"type": "object"}}}}
        }
        }
        }
        """

    private static func health(_ path: String, _ name: String, _ summary: String) -> String {
        """
        "\(path)": {
        "get": {
        "tags": ["operation"],
        "operationId": "\(name)",
        "summary": "\(summary)",
        "parameters": [{"name": "verbose", "in": "query", "allowEmptyValue": true,
        "description": "Adds the parts.", "schema": {"type": "string"}}],
        "responses": {
        "200": {"description": "Yes.", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Health"}, "example": {"status": "pass"}}}},
        "503": {"description": "No.", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Health"},
        "example": {"status": "fail", "reason": "draining"}}}}
        }
        }
        }
        """
    }
}
