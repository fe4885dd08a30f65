// A finished run -> the response, with its times:
//
//     Server-Timing: queue;dur=0.012, read;dur=0.003, run;dur=0.045, write;dur=0.001
//
// and `compile`, in front of `run`, where the program was not compiled before.

import HTTPKit
import NIOCore

enum Answer {
    /// - Parameter buffer: a copy of the executor's output.
    static func output(
        _ buffer: ByteBuffer, _ request: borrowing TransformRequest, _ executor: Executor,
        queued: UInt64
    ) -> Response {
        var fields = ResponseFields()
        fields.add("X-Request-Id", request.requestID)
        fields.add("Server-Timing", serverTiming(executor.timing, queued: queued))
        if let transform = executor.transform {
            fields.add("Transform-Digest", transform.digest)
        }
        var response = Response(
            .ok, contentType: executor.choice.media.contentType, fields: fields,
            content: .buffer(buffer))
        response.measures = executor.measures(queued: queued)
        return response
    }

    static func problem(
        _ problem: Problem, _ request: borrowing TransformRequest, _ executor: Executor,
        queued: UInt64
    ) -> Response {
        var response = problem.response(requestID: request.requestID)
        response.fields.add("Server-Timing", serverTiming(executor.timing, queued: queued))
        if let transform = executor.transform ?? request.transform {
            response.fields.add("Transform-Digest", transform.digest)
        }
        response.measures = executor.measures(queued: queued)
        return response
    }

    static func serverTiming(_ timing: Timing, queued: UInt64) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(128)
        append(&text, "queue;dur=", queued)
        append(&text, ", read;dur=", timing.read)
        if timing.compile > 0 { append(&text, ", compile;dur=", timing.compile) }
        append(&text, ", run;dur=", timing.run)
        append(&text, ", write;dur=", timing.write)
        return String(decoding: text, as: UTF8.self)
    }

    /// Milliseconds with three decimals.
    private static func append(_ text: inout [UInt8], _ name: StaticString, _ nanoseconds: UInt64) {
        // Safety: the buffer is the static string's own, used while it is copied.
        name.withUTF8Buffer { unsafe text.append(contentsOf: $0) }
        let microseconds = (nanoseconds &+ 500) / 1_000
        let whole = microseconds / 1_000
        var divisor: UInt64 = 1
        while whole / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text.append(0x30 + UInt8(truncatingIfNeeded: whole / divisor % 10))
            divisor /= 10
        }
        text.append(UInt8(ascii: "."))
        let part = microseconds % 1_000
        text.append(0x30 + UInt8(truncatingIfNeeded: part / 100))
        text.append(0x30 + UInt8(truncatingIfNeeded: part / 10 % 10))
        text.append(0x30 + UInt8(truncatingIfNeeded: part % 10))
    }
}
