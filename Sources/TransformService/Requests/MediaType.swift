// Content-Type and Accept -> what of them this service needs to know.

import HTTPKit

enum MediaType {
    /// Refuses content that is surely no JSON. Clients that name no type, or their tool's default
    /// (`curl -d` says form), are served: the reader is strict anyway.
    static func check(_ request: Request) throws(Problem) {
        if let coding = request.field(.contentEncoding), coding.lowercased() != "identity" {
            throw Problem(.unsupportedMediaType, "Content-Encoding \(coding) is not served.")
        }
        if request.field(.contentType, is: "application/json") { return }
        guard let type = request.field(.contentType) else { return }
        let essence = essence(type)
        let plain = [
            "", "text/json", "text/plain", "application/octet-stream", "application/x-json",
            "application/x-www-form-urlencoded",
        ]
        if plain.contains(essence) || essence.hasSuffix("+json") { return }
        throw Problem(
            .unsupportedMediaType,
            "Content-Type \(essence) is not served here; send application/json.")
    }

    /// `Application/JSON; charset=utf-8` -> `application/json`
    private static func essence(_ type: some StringProtocol) -> String {
        let end = type.utf8.firstIndex(of: UInt8(ascii: ";")) ?? type.endIndex
        return trimmed(type[..<end]).lowercased()
    }

    private static func trimmed<Text: StringProtocol>(_ text: Text) -> Text.SubSequence {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = text.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }

    /// Whether the client asks for one output a line: NDJSON is acceptable, and JSON not more so.
    static func wantsLines(_ request: Request) -> Bool {
        if request.field(.accept, is: "*/*") { return false }
        guard let accept = request.field(.accept) else { return false }
        return wantsLines(accept: accept)
    }

    static func wantsLines(accept: String) -> Bool {
        var lines = 0.0
        var json = 0.0
        for range in accept.split(separator: ",") {
            let quality = quality(range)
            switch essence(range) {
            case "application/x-ndjson", "application/jsonl", "application/x-jsonlines":
                lines = max(lines, quality)
            case "application/json": json = max(json, quality)
            default: break
            }
        }
        return lines > 0 && lines >= json
    }

    /// The weight of a media range (RFC 9110 12.4.2); 1 where it has none, 0 where it is no number.
    private static func quality(_ range: Substring) -> Double {
        for parameter in range.split(separator: ";").dropFirst() {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]).lowercased() == "q" else { continue }
            return Double(trimmed(parts[1])) ?? 0
        }
        return 1
    }
}
