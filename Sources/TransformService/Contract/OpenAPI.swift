// The HTTP contract -> the OpenAPI 3.1 document that `GET /openapi.json` serves, as JSON text: its
// paths (OpenAPI+Paths.swift) and its components (OpenAPI+Components.swift).

import HTTPKit

enum OpenAPI {
    /// The whole document.
    static let text = """
        {
        "openapi": "3.1.0",
        "info": {
        "title": "transform-service",
        "version": "\(Build.version)",
        "summary": "Runs jq \(Build.jqVersion) programs on JSON.",
        "description": "A transform is a jq program, sent with the request or loaded from the \
        service's transforms folder. It is stopped at its deadline and bounded in memory. All \
        errors are RFC 9457 problems.",
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{"url": "/"}],
        "tags": [
        {"name": "transforms", "description": "Running programs."},
        {"name": "operation", "description": "Health, metrics and this document."}
        ],
        "paths": {
        \(transformPaths),
        \(operationPaths)
        },
        "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer",
        "description": "Asked for where the service was started with --auth-token-file."}},
        "parameters": {\(parameters)},
        "headers": {\(headers)},
        "responses": {\(responses)},
        "schemas": {\(schemas)}
        }
        }

        """
}

/// `GET /openapi.json` -> the document.
final class OpenAPIEndpoint: HTTPHandler {
    let contract: PreparedResponse

    init(_ contract: PreparedResponse) { self.contract = contract }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        contract.respond(to: request, exchange)
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}
