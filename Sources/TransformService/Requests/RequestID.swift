// The name of a request in answers and in the log: the client's own, or one made here.

import HTTPKit
import Synchronization

enum RequestID {
    /// Where the names made by this process begin.
    private static let base = UInt64.random(in: 0...UInt64.max)
    /// How many were made that are no series' own.
    private static let counter = Atomic<UInt64>(0)

    /// Names of one event loop's own making: all loops would wait for one counter.
    struct Series {
        private static var countMax: UInt64 { 256 }

        private var next: UInt64

        /// - Parameter index: below 255, or names are the other series' too.
        init(_ index: Int) { next = UInt64(index) % (Self.countMax - 1) + 1 }

        /// As `RequestID.of`.
        mutating func name(of request: Request) -> RequestName {
            if let name = request.name { return name }
            let name = RequestID.given(request) ?? RequestID.name(next)
            next &+= Self.countMax
            request.name = name
            return name
        }

        /// A number that no series uses.
        static func other(_ count: UInt64) -> UInt64 { count &* countMax }
    }

    /// `X-Request-Id` if it is 1 to 128 visible ASCII characters, else a new one.
    /// The same one for as long as the request lives.
    static func of(_ request: Request) -> RequestName {
        if let name = request.name { return name }
        let name = given(request) ?? make()
        request.name = name
        return name
    }

    /// The names differ within a process, and almost surely between two.
    static func make() -> RequestName {
        name(Series.other(counter.add(1, ordering: .relaxed).newValue))
    }

    private static func given(_ request: Request) -> RequestName? {
        request.field("x-request-id").flatMap { RequestName(given: $0) }
    }

    private static func name(_ count: UInt64) -> RequestName {
        // An odd factor permutes the numbers of 64 bits, so the names do not repeat.
        .number(base &+ count &* 0x9E37_79B9_7F4A_7C15)
    }
}
