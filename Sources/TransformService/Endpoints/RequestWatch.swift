// Each request's begin and end -> counts and the access log.

import HTTPKit

final class RequestWatch: RequestObserver {
    private let metrics: Metrics
    private let log: AccessLog?

    init(metrics: Metrics, log: AccessLog?) {
        self.metrics = metrics
        self.log = log
    }

    func requestBegan(loopIndex: Int) { metrics.loops[loopIndex].requestBegan() }

    func requestEnded(_ record: borrowing RequestRecord, _ request: Request?) {
        metrics.requestEnded(record, hasBegun: request != nil)
        log?.requestEnded(record, request)
    }
}
