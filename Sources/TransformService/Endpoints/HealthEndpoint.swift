// `/livez`, `/readyz`, `/healthz` -> JSON, on the event loop, independent of the workers:
//
//     {"status":"pass"}        200
//     {"status":"fail","reason":"draining"}        503
//
// `?verbose` adds the components.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

final class HealthEndpoint: HTTPHandler {
    enum Probe: Sendable { case liveness, readiness }

    let service: Service
    let probe: Probe

    init(service: Service, probe: Probe) {
        self.service = service
        self.probe = probe
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let isVerbose = request.rawQuery.map { query in
            query.split(separator: "&").contains { $0 == "verbose" || $0.hasPrefix("verbose=") }
        }
        let health = service.health()
        let failure = probe == .liveness ? health.livenessFailure : health.readinessFailure
        var text = JSONText()
        text.open()
        text.member("status", failure == nil ? "pass" : "fail")
        if let failure { text.member("reason", failure) }
        if isVerbose == true {
            text.member("version", Build.version)
            text.member("uptime_seconds", health.uptimeSeconds)
            text.member("draining", health.isDraining)
            text.member("workers", health.workerCount)
            text.member("workers_busy", health.busyCount)
            text.member("workers_wedged", health.isWedged)
            text.member("queue_jobs", health.load.count)
            text.member("queue_bytes", health.load.byteCount)
            text.member("event_loops", health.loopCount)
            text.member("event_loop_lag_ms", health.lagMilliseconds)
            text.member("connections", health.connectionCount)
            text.member("programs_cached", health.programCount)
            text.member("programs_cached_bytes", health.programBytes)
            text.member("transforms", json: Self.text(health.transforms))
        }
        text.close()
        var fields = ResponseFields()
        fields.add("Cache-Control", "no-store" as StaticString)
        exchange.respond(
            Response(
                failure == nil ? .ok : .serviceUnavailable, contentType: "application/json",
                fields: fields, content: .bytes(text.bytes)))
        return .drop
    }

    /// The transforms, and the faults of their folder in its current state.
    private static func text(_ state: TransformLibrary.State) -> [UInt8] {
        var text = JSONText()
        text.open()
        text.member("count", state.set.count)
        text.member("digest", state.set.digest)
        text.member("reloads", state.reloadCount)
        text.member("failed_reloads", state.failureCount)
        if !state.faults.isEmpty {
            text.member("faults_count", state.faults.count)
            text.member(
                "faults",
                json: JSONText.array(
                    state.faults.prefix(faultsShownMax).map { JSONText.string($0.description) }))
        }
        text.close()
        return text.bytes
    }

    private static var faultsShownMax: Int { 20 }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {}
}

/// The state of the service at one moment.
struct Health: Sendable {
    /// Shedding load for this long makes it unready.
    static let saturatedNanosecondsMax: UInt64 = 10_000_000_000
    /// An event loop whose periodic task has not run for this long counts as hung.
    static let silentNanosecondsMax: UInt64 = 10_000_000_000

    var isDraining: Bool
    var isWedged: Bool
    var workerCount: Int
    var busyCount: Int
    var load: WorkQueue<TransformJob, any Slice>.Load
    var programCount: Int
    var transforms: TransformLibrary.State
    var programBytes = 0
    var connectionCount = 0
    var loopCount = 0
    /// The lag of the event loops' periodic tasks.
    var lagMilliseconds = 0
    var silenceNanoseconds: UInt64 = 0
    var uptimeSeconds = 0
    var now: UInt64

    /// Why the process should be restarted.
    var livenessFailure: String? {
        if isWedged { return "a worker does not come back from its job" }
        return silenceNanoseconds > Self.silentNanosecondsMax ? "an event loop stands still" : nil
    }

    /// Why no requests should be routed here.
    var readinessFailure: String? {
        if isDraining { return "draining" }
        if let since = load.saturatedSince, now > since &+ Self.saturatedNanosecondsMax {
            return "saturated"
        }
        return livenessFailure
    }
}
