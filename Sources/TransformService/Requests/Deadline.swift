// Deadline fields -> how long the client will wait, in nanoseconds from the request's first byte:
//
//     X-Request-Timeout-Ms: 250
//     x-envoy-expected-rq-timeout-ms: 250     if the first is missing
//     grpc-timeout: 250m                      if both are missing

import HTTPKit

enum Deadline {
    /// The units of `grpc-timeout`: hour, minute, second, milli-, micro-, nanosecond.
    private static func nanoseconds(unit: UInt8) -> UInt64? {
        switch unit {
        case UInt8(ascii: "H"): 3_600_000_000_000
        case UInt8(ascii: "M"): 60_000_000_000
        case UInt8(ascii: "S"): 1_000_000_000
        case UInt8(ascii: "m"): 1_000_000
        case UInt8(ascii: "u"): 1_000
        case UInt8(ascii: "n"): 1
        default: nil
        }
    }

    /// The client's timeout in nanoseconds; nil if it gives none.
    static func timeout(of request: Request) throws(Problem) -> UInt64? {
        if let text = request.field("x-request-timeout-ms") {
            return try milliseconds(text, "X-Request-Timeout-Ms")
        }
        if let text = request.field("x-envoy-expected-rq-timeout-ms") {
            return try milliseconds(text, "x-envoy-expected-rq-timeout-ms")
        }
        guard let text = request.field("grpc-timeout") else { return nil }
        guard let timeout = grpcTimeout(text) else {
            throw Problem(
                .malformedRequest,
                "grpc-timeout is not 1 to 8 digits with one of the units H, M, S, m, u, n.")
        }
        return timeout
    }

    private static func milliseconds(_ text: String, _ name: String) throws(Problem) -> UInt64 {
        guard let count = digits(text.utf8, countMax: 12) else {
            throw Problem(
                .malformedRequest, "\(name) is not a whole number of milliseconds.")
        }
        return count * 1_000_000
    }

    /// `250m` -> 250,000,000
    static func grpcTimeout(_ text: String) -> UInt64? {
        let bytes = text.utf8
        guard let unit = bytes.last, let factor = nanoseconds(unit: unit) else { return nil }
        return digits(bytes.dropLast(), countMax: 8).map { count in
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: factor)
            return isTooLarge ? .max : product
        }
    }

    /// The number of digits is bounded, so that no product overflows.
    private static func digits(_ bytes: some Collection<UInt8>, countMax: Int) -> UInt64? {
        guard !bytes.isEmpty, bytes.count <= countMax else { return nil }
        var number: UInt64 = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            number = number * 10 + UInt64(byte - 0x30)
        }
        return number
    }
}
