// `GET /transforms` -> the loaded transforms; `GET /transforms/{name}` -> one, with its source:
//
//     {"transforms":[{"name":"top-n","description":"...","arguments":{"limit":10},
//       "outputs":"one","digest":"5feb..."}]}
//
// The digest is the ETag, so a client can revalidate cheaply.

import HTTPKit
import Synchronization

import struct NIOCore.ByteBuffer

final class TransformList: HTTPHandler {
    let service: Service

    init(service: Service) { self.service = service }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let set = service.transforms.current
        guard let name = request.pathParameter else {
            let response = service.transformListCache.response(nil, of: set) {
                var text = JSONText()
                text.open()
                text.member(
                    "transforms",
                    json: JSONText.array(set.all.map { Self.text($0, isWhole: false) }))
                text.close()
                return prepare(text.bytes, digest: set.digest)
            }
            response.respond(to: request, exchange)
            return .drop
        }
        if let transform = set[name] {
            let response = service.transformListCache.response(name, of: set) {
                prepare(Self.text(transform, isWhole: true), digest: transform.digest)
            }
            response.respond(to: request, exchange)
        } else {
            exchange.respond(
                TransformRequest.unknown(name).response(requestID: RequestID.of(request)))
        }
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}

    private func prepare(_ bytes: [UInt8], digest: String) -> PreparedResponse {
        PreparedResponse(
            ByteBuffer(bytes: bytes), contentType: "application/json", cacheControl: "no-cache",
            digest: digest, compressBytesMin: service.configuration.compressBytesMin)
    }

    /// - Parameter isWhole: whether to include the program's text and the names of its modules.
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
        if let combine = metadata.combine { text.member("combine", combine.text) }
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

/// Responses about the current transforms, shared by all event loops: made on first use, and kept
/// until the folder changes. There is at most one for each transform, and one for the list.
final class TransformListCache: Sendable {
    private struct State {
        /// The digest of the set that the responses belong to.
        var digest = ""
        /// By name; the list has none.
        var responses: [String?: PreparedResponse] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter name: one of the set's; nil for its list.
    func response(
        _ name: String?, of set: TransformSet, _ make: () -> PreparedResponse
    ) -> PreparedResponse {
        let kept = state.withLock { $0.digest == set.digest ? $0.responses[name] : nil }
        if let kept { return kept }
        // Without the lock: other event loops may need what is ready.
        let made = make()
        state.withLock { state in
            if state.digest != set.digest { state = State(digest: set.digest) }
            state.responses[name] = made
        }
        return made
    }
}
