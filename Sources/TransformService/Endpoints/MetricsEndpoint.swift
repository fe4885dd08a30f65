// `GET /metrics` -> Prometheus text, made on the event loop from counts that nobody waits for.

import HTTPKit

import struct NIOCore.ByteBuffer

final class MetricsEndpoint: HTTPHandler {
    let service: Service

    init(service: Service) { self.service = service }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        var fields = ResponseFields()
        fields.add("Cache-Control", "no-store" as StaticString)
        exchange.respond(
            Response(
                .ok, contentType: MetricsText.contentType, fields: fields,
                content: .bytes(service.metrics.text(service.gauges()))))
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}
