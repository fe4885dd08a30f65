// A finished run -> the response, with its times:
//
//     Server-Timing: queue;dur=0.012, read;dur=0.003, run;dur=0.045, write;dur=0.001
//
// and `compile`, in front of `run`, where the program was not compiled before.

import HTTPKit

import struct NIOCore.ByteBuffer

enum Answer {
    /// - Parameters:
    ///   - buffer: a copy of the executor's output.
    ///   - fields: empty; memory for the answer's fields.
    static func output(
        _ buffer: ByteBuffer, _ request: borrowing TransformRequest, _ executor: Executor,
        queued: UInt64, fields: consuming ResponseFields = ResponseFields()
    ) -> Response {
        fields.add("X-Request-Id", request.requestID)
        addServerTiming(executor.timing, queued: queued, to: &fields)
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
        addServerTiming(executor.timing, queued: queued, to: &response.fields)
        if let transform = executor.transform ?? request.transform {
            response.fields.add("Transform-Digest", transform.digest)
        }
        response.measures = executor.measures(queued: queued)
        return response
    }

    static func addServerTiming(
        _ timing: Timing, queued: UInt64, to fields: inout ResponseFields
    ) {
        // Safety: five durations at most, each in the room that one needs.
        unsafe fields.add("Server-Timing", byteCountMax: 5 * durationByteCountMax) { bytes in
            guard let out = bytes.baseAddress else { return 0 }
            var count = 0
            unsafe append("queue;dur=", queued, to: out, &count)
            unsafe append(", read;dur=", timing.read, to: out, &count)
            if timing.compile > 0 {
                unsafe append(", compile;dur=", timing.compile, to: out, &count)
            }
            unsafe append(", run;dur=", timing.run, to: out, &count)
            unsafe append(", write;dur=", timing.write, to: out, &count)
            return count
        }
    }

    /// A name of up to 16 bytes, and the milliseconds of 2^64 nanoseconds with three decimals.
    private static var durationByteCountMax: Int { 16 + 14 + 4 }

    /// Milliseconds with three decimals.
    @inline(__always) private static func append(
        _ name: StaticString, _ nanoseconds: UInt64, to out: UnsafeMutablePointer<UInt8>,
        _ count: inout Int
    ) {
        // Safety: the name is ASCII of `utf8CodeUnitCount` bytes, and `out` has room for
        // `durationByteCountMax` more.
        unsafe (out + count).update(from: name.utf8Start, count: name.utf8CodeUnitCount)
        count += name.utf8CodeUnitCount
        func put(_ digit: UInt64) {
            unsafe out[count] = 0x30 + UInt8(truncatingIfNeeded: digit)
            count += 1
        }
        let microseconds = nanoseconds / 1_000 + (nanoseconds % 1_000 >= 500 ? 1 : 0)
        let whole = microseconds / 1_000
        var divisor: UInt64 = 1
        while whole / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            put(whole / divisor % 10)
            divisor /= 10
        }
        unsafe out[count] = UInt8(ascii: ".")
        count += 1
        let part = microseconds % 1_000
        put(part / 100)
        put(part / 10 % 10)
        put(part % 10)
    }
}
