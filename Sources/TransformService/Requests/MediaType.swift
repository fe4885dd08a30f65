// Content-Type and Accept -> the facts that this service needs.

import HTTPKit

enum MediaType {
    /// Refuses content whose type is certainly not JSON. Clients that send no type, or their tool's
    /// default (`curl -d` sends that of a form), are served, as the reader is strict anyway.
    static func check(_ request: Request) throws(Problem) {
        guard let type = request.field(.contentType) else { return }
        let essence = Acceptance.essence(type)
        let plain = [
            "", "text/json", "text/plain", "application/octet-stream", "application/x-json",
            "application/x-www-form-urlencoded",
        ]
        if plain.contains(essence) || essence.hasSuffix("+json") { return }
        throw Problem(
            .unsupportedMediaType,
            "Content-Type \(essence) is not served here; send application/json.")
    }

    /// The media types that the client accepts.
    static func acceptance(_ request: Request) throws(Problem) -> Acceptance {
        if request.field(.accept, is: "*/*") { return .anything }
        if request.field(.accept, is: "application/json") { return .json }
        guard let accept = request.joinedFields("accept") else { return .anything }
        if let acceptance = Acceptance(accept) { return acceptance }
        let offered = OutputMedia.allCases.map(\.essence).joined(separator: ", ")
        throw Problem(
            .notAcceptable, "None of what Accept names is served; offered are \(offered).")
    }

    /// Whether the content is JSON texts, one per line.
    static func isLines(_ request: Request) -> Bool {
        return request.field(.contentType).map { lineTypes.contains(Acceptance.essence($0)) }
            ?? false
    }

    private static var lineTypes: [String] {
        [
            "application/x-ndjson", "application/ndjson", "application/jsonl",
            "application/x-jsonlines", "application/jsonlines",
        ]
    }
}
