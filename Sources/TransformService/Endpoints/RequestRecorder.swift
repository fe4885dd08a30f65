// Each request's start and end -> counters and the access log.

import HTTPKit

/// The observer of one event loop.
final class RequestRecorder: RequestObserver {
    private let loop: LoopMetrics
    private let metrics: Metrics
    private let log: AccessLog?

    init(metrics: Metrics, log: AccessLog?, loopIndex: Int) {
        loop = metrics.loops[loopIndex]
        self.metrics = metrics
        self.log = log
    }

    func requestBegan() { loop.requestBegan() }

    func requestEnded(_ record: borrowing RequestRecord, _ request: Request?) {
        loop.requestEnded(record, hasBegun: request != nil)
        if request == nil && record.status == 503 { metrics.connectionRejected() }
        log?.requestEnded(record, request)
    }
}
