// A finished run -> the response, with its timing:
//
//     Server-Timing: queue;dur=0.012, read;dur=0.003, run;dur=0.045, write;dur=0.001
//
// and `compile`, before `run`, if the program had to be compiled.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

enum RunResponse {
    /// - Parameters:
    ///   - buffer: a copy of the executor's output.
    static func output(
        _ buffer: ByteBuffer, _ request: borrowing TransformRequest, _ executor: Executor,
        queued: UInt64
    ) -> Response {
        var fields = ResponseFields()
        let (name, timing, digest) = (
            request.requestID, executor.timing, executor.transform?.digest
        )
        fields.add(byteCountMax: fieldsByteCountMax(name, digest)) {
            write(name, timing, queued: queued, digest, to: &$0)
        }
        var response = Response(
            .ok, contentType: executor.choice.media.contentType, fields: fields,
            content: .buffer(buffer))
        response.measures = executor.measures(queued: queued)
        return response
    }

    /// Responds with the executor's output, on the loop.
    static func respondHere(
        _ exchange: Exchange, _ request: borrowing TransformRequest, _ executor: Executor
    ) {
        let (name, timing, digest) = (
            request.requestID, executor.timing, executor.transform?.digest
        )
        let response = DirectResponse(
            .ok, contentType: executor.choice.media.contentType,
            fieldsByteCountMax: fieldsByteCountMax(name, digest),
            measures: executor.measures(queued: 0), now: executor.endNanoseconds)
        // Safety: the output does not change while the response is written.
        unsafe executor.output.withUnsafeBytes { content in
            unsafe exchange.respondHere(response, content: content) {
                write(name, timing, queued: 0, digest, to: &$0)
            }
        }
    }

    private static func fieldsByteCountMax(_ name: RequestName, _ digest: String?) -> Int {
        256 + 5 * durationByteCountMax + name.byteCount + (digest?.utf8.count ?? 0)
    }

    private static func write(
        _ name: RequestName, _ timing: Timing, queued: UInt64, _ digest: String?,
        to cursor: inout HeadCursor
    ) {
        cursor.field("X-Request-Id", name)
        write(timing, queued: queued, to: &cursor)
        if let digest { cursor.field("Transform-Digest", digest) }
    }

    static func problem(
        _ problem: Problem, _ request: borrowing TransformRequest, _ executor: Executor,
        queued: UInt64
    ) -> Response {
        let transform = executor.transform ?? request.transform
        var response = request.response(of: problem, running: transform)
        addServerTiming(executor.timing, queued: queued, to: &response.fields)
        if let transform {
            response.fields.add("Transform-Digest", transform.digest)
        }
        response.measures = executor.measures(queued: queued)
        return response
    }

    static func addServerTiming(
        _ timing: Timing, queued: UInt64, to fields: inout ResponseFields
    ) {
        fields.add(byteCountMax: 32 + 5 * durationByteCountMax) {
            write(timing, queued: queued, to: &$0)
        }
    }

    private static func write(_ timing: Timing, queued: UInt64, to cursor: inout HeadCursor) {
        // Safety: at most five durations, each within its bound.
        unsafe cursor.field("Server-Timing", byteCountMax: 5 * durationByteCountMax) { bytes in
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

    /// A name of up to 16 bytes, and 2^64 nanoseconds as milliseconds with three decimals.
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
        let microseconds = nanoseconds / 1_000 + (nanoseconds % 1_000 >= 500 ? 1 : 0)
        let whole = microseconds / 1_000
        let digitCount = Decimal.digitCount(whole)
        unsafe Decimal.write(whole, digitCount: digitCount, to: out + count)
        count += digitCount
        unsafe out[count] = UInt8(ascii: ".")
        unsafe Decimal.write(microseconds % 1_000, digitCount: 3, to: out + count + 1)
        count += 4
    }
}
