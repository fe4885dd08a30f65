// `GET /transforms` -> the loaded transforms. None are loaded yet by this version.

import HTTPKit
import NIOCore

struct TransformList: HTTPHandler {
    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        exchange.respond(
            Response(
                .ok, contentType: "application/json", content: .text("{\"transforms\":[]}")))
        return .drop
    }

    func handle(_ request: Request, content: ByteBuffer, _ exchange: Exchange) {}
}
