// `GET /transforms` -> the loaded transforms; `GET /transforms/{name}` -> one, with its source:
//
//     {"transforms":[{"name":"top-n","description":"...","arguments":{"limit":10},
//       "outputs":"one","digest":"5feb..."}]}
//
// The digest is the ETag, so a client that asks again learns cheaply that nothing has changed.

import HTTPKit

import struct NIOCore.ByteBuffer

final class TransformList: HTTPHandler {
    let transforms: TransformLibrary

    init(transforms: TransformLibrary) { self.transforms = transforms }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let set = transforms.current
        guard let name = request.pathParameter else {
            var text = JSONText()
            text.open()
            text.member(
                "transforms", json: JSONText.array(set.all.map { Self.text($0, isWhole: false) }))
            text.close()
            respond(text.bytes, digest: set.digest, request, exchange)
            return .drop
        }
        if let transform = set[name] {
            respond(
                Self.text(transform, isWhole: true), digest: transform.digest, request, exchange)
        } else {
            exchange.respond(
                TransformRequest.unknown(name).response(requestID: RequestID.of(request)))
        }
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}

    private func respond(
        _ bytes: [UInt8], digest: String, _ request: Request, _ exchange: Exchange
    ) {
        var fields = ResponseFields()
        fields.add("ETag", "\"\(digest)\"" as String)
        fields.add("Cache-Control", "no-cache" as StaticString)
        if let known = request.joinedFields("if-none-match"), Self.matches(known, digest) {
            exchange.respond(Response(Status(304), fields: fields))
        } else {
            exchange.respond(
                Response(
                    .ok, contentType: "application/json", fields: fields, content: .bytes(bytes)))
        }
    }

    /// Whether an If-None-Match (RFC 9110 13.1.2) has the tag, weak or strong, or is `*`.
    static func matches(_ field: String, _ digest: String) -> Bool {
        field.split(separator: ",").contains { entry in
            var tag = entry.drop { $0 == " " || $0 == "\t" }
            while tag.last == " " || tag.last == "\t" { tag.removeLast() }
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "*" || tag == "\"\(digest)\""
        }
    }

    /// - Parameter isWhole: with the program's text and the names of its modules.
    private static func text(_ transform: NamedTransform, isWhole: Bool) -> [UInt8] {
        let metadata = transform.metadata
        var text = JSONText()
        text.open()
        text.member("name", transform.name)
        if let description = metadata.description { text.member("description", description) }
        if let arguments = metadata.arguments {
            text.member("arguments", json: NamedTransform.object(arguments))
        }
        text.member("outputs", metadata.outputs.name)
        if let timeout = metadata.timeoutNanoseconds {
            text.member("timeout_ms", Int(timeout / 1_000_000))
        }
        if let bytes = metadata.memoryBytesMax { text.member("memory_mib", bytes >> 20) }
        text.member("digest", transform.digest)
        if isWhole {
            let modules = transform.modules.keys.sorted().map(JSONText.string)
            text.member("modules", json: JSONText.array(modules))
            text.member("source", String(decoding: transform.text, as: UTF8.self))
        }
        text.close()
        return text.bytes
    }
}
