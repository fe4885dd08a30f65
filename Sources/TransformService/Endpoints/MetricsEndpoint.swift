// `GET /metrics` -> Prometheus text, generated on the event loop from counters without locks.

import HTTPKit
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

final class MetricsEndpoint: HTTPHandler {
    let service: Service

    init(service: Service) { self.service = service }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let response = service.metricsCache.response(now: MonotonicClock.nanoseconds()) {
            PreparedResponse(
                ByteBuffer(bytes: service.metrics.text(service.gauges())),
                contentType: MetricsText.contentType, cacheControl: "no-store",
                compressBytesMin: service.configuration.compressBytesMin)
        }
        response.respond(to: request, exchange)
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}

/// The text of the metrics, shared by all event loops. Generating it takes half a millisecond or
/// more. While scrapes are few, each generates it, so that it is current. A client that asks
/// without pause gets a text that is up to `periodNanoseconds` old: each period earns one
/// generation, and at most `savedCountMax` unused ones are saved up.
final class MetricsCache: Sendable {
    static let periodNanoseconds: UInt64 = 100_000_000
    static let savedCountMax: UInt64 = 10

    private struct State {
        var response: PreparedResponse?
        /// The end of the periods that are used up, on `MonotonicClock`.
        var paidNanoseconds: UInt64 = 0
    }

    private let state = Mutex(State())

    func response(now: UInt64, _ make: () -> PreparedResponse) -> PreparedResponse {
        let kept = state.withLock { state -> PreparedResponse? in
            let saved = Self.savedCountMax * Self.periodNanoseconds
            let paid = max(state.paidNanoseconds, now > saved ? now - saved : 0)
            if let response = state.response, paid + Self.periodNanoseconds > now {
                return response
            }
            state.paidNanoseconds = min(now, paid + Self.periodNanoseconds)
            return nil
        }
        if let kept { return kept }
        // Without the lock: other event loops may need what is ready.
        let made = make()
        state.withLock { $0.response = made }
        return made
    }
}
