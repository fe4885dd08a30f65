// What became of each request -> whoever counts and logs it.
//
//     head read       requestBegan
//     answered        requestEnded(record)      its status, times and sizes
//     client gone     requestEnded(record)      status 499
//     head refused    requestEnded(record)      without a request: there was no whole head

/// Hears of every request of one event loop, those that this layer refuses included. All calls
/// come on that loop and must be short.
public protocol RequestObserver: AnyObject, Sendable {
    /// A head was read. One `requestEnded` with a request follows.
    func requestBegan()

    /// - Parameter request: nil where no whole head was read.
    func requestEnded(_ record: borrowing RequestRecord, _ request: Request?)
}

/// What a handler measured while it made an answer. This layer only passes it on.
public struct Measures: Sendable, Equatable {
    /// The time from being ready to being worked on; nil where nothing waited.
    public var waitNanoseconds: UInt64?
    /// The time that the work took; nil where there was none.
    public var workNanoseconds: UInt64?
    /// Memory that the work held at most.
    public var memoryBytes = 0
    /// Names what was worked with, as handler and observer agree; 0 where that is not known.
    public var tag: UInt64 = 0

    public init() {}
}

/// A request that is over.
public struct RequestRecord: ~Copyable, Sendable {
    /// The status in place of one that was never sent: the client had gone, or was cut.
    public static let clientGone: UInt16 = 499

    /// Of the server's event loops, which each belong to one thread.
    public internal(set) var loopIndex: Int
    public internal(set) var status: UInt16
    public internal(set) var method: Method
    /// Into the router's `templates`; nil for paths that it does not know.
    public internal(set) var routeIndex: Int?
    /// `Request.name`, or what the server's error content was named.
    public internal(set) var name: RequestName?
    public internal(set) var startNanoseconds: UInt64
    public internal(set) var endNanoseconds: UInt64
    /// Content without its coding.
    public internal(set) var requestByteCount: Int
    public internal(set) var responseByteCount: Int
    /// The answer began and was cut before its end.
    public internal(set) var isCut: Bool
    public internal(set) var measures: Measures

    public init(
        loopIndex: Int, status: UInt16, method: Method = .other, routeIndex: Int? = nil,
        name: RequestName? = nil, startNanoseconds: UInt64 = 0, endNanoseconds: UInt64 = 0,
        requestByteCount: Int = 0, responseByteCount: Int = 0, isCut: Bool = false,
        measures: Measures = Measures()
    ) {
        self.loopIndex = loopIndex
        self.status = status
        self.method = method
        self.routeIndex = routeIndex
        self.name = name
        self.startNanoseconds = startNanoseconds
        self.endNanoseconds = endNanoseconds
        self.requestByteCount = requestByteCount
        self.responseByteCount = responseByteCount
        self.isCut = isCut
        self.measures = measures
    }

    public var durationNanoseconds: UInt64 {
        endNanoseconds > startNanoseconds ? endNanoseconds &- startNanoseconds : 0
    }
}

/// What a connection notes of the request in work until it is over.
struct RequestTally {
    /// `requestBegan` was called.
    var hasBegun = false
    /// Of the answer; 0 before.
    var status: UInt16 = 0
    var requestByteCount = 0
    var responseByteCount = 0
    var measures = Measures()
}
