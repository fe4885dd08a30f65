// The name of a request in answers and in the log: the client's own, or one made here.

import HTTPKit
import Synchronization

enum RequestID {
    /// Characters of a client's name for its request.
    static let countMax = 128

    /// Where the names made by this process begin, and how many there were.
    private static let base = UInt64.random(in: 0...UInt64.max)
    private static let counter = Atomic<UInt64>(0)

    /// `X-Request-Id` if it is 1 to 128 visible ASCII characters, else a new one.
    /// The same one for as long as the request lives.
    static func of(_ request: Request) -> String {
        if let name = request.name { return name }
        var name = request.field("x-request-id") ?? ""
        if !isValid(name) { name = make() }
        request.name = name
        return name
    }

    static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= countMax
            && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// 13 letters and digits. They differ within a process and almost surely between two; being
    /// shorter than 16 bytes they need no memory of their own.
    static func make() -> String {
        // An odd factor permutes the numbers of 64 bits, so the names do not repeat.
        let count = counter.add(1, ordering: .relaxed).newValue
        var number = base &+ count &* 0x9E37_79B9_7F4A_7C15
        return unsafe String(unsafeUninitializedCapacity: 13) { bytes in
            for i in 0..<13 {
                let digit = UInt8(truncatingIfNeeded: number & 31)
                // Safety: 13 bytes of capacity.
                unsafe bytes[i] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
                number >>= 5
            }
            return 13
        }
    }
}
