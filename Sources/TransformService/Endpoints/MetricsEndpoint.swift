// `GET /metrics` -> Prometheus text, made on the event loop from counts that nobody waits for.

import HTTPKit
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

final class MetricsEndpoint: HTTPHandler {
    let service: Service

    init(service: Service) { self.service = service }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let answer = service.metricsPage.answer(now: MonotonicClock.nanoseconds()) {
            PreparedAnswer(
                ByteBuffer(bytes: service.metrics.text(service.gauges())),
                contentType: MetricsText.contentType, cacheControl: "no-store",
                compressBytesMin: service.configuration.compressBytesMin)
        }
        answer.respond(to: request, exchange)
        return .drop
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}

/// The text of the metrics, which all event loops share. It is made for each scrape while those are
/// few, so that a scrape tells what was before it. Making it takes half a millisecond and more, so
/// that whoever asks without pause is told what was up to `periodNanoseconds` ago: each period pays
/// for one making, and at most `savedCountMax` that were not used are saved up.
final class MetricsPage: Sendable {
    static let periodNanoseconds: UInt64 = 100_000_000
    static let savedCountMax: UInt64 = 10

    private struct State {
        var answer: PreparedAnswer?
        /// Up to here all periods are used; `MonotonicClock`.
        var paidNanoseconds: UInt64 = 0
    }

    private let state = Mutex(State())

    func answer(now: UInt64, _ make: () -> PreparedAnswer) -> PreparedAnswer {
        let kept = state.withLock { state -> PreparedAnswer? in
            let saved = Self.savedCountMax * Self.periodNanoseconds
            let paid = max(state.paidNanoseconds, now > saved ? now - saved : 0)
            if let answer = state.answer, paid + Self.periodNanoseconds > now { return answer }
            state.paidNanoseconds = min(now, paid + Self.periodNanoseconds)
            return nil
        }
        if let kept { return kept }
        // Not under the lock: other event loops may send what there is.
        let made = make()
        state.withLock { $0.answer = made }
        return made
    }
}
