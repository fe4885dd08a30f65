// The fate of each request -> its observer, which counts and logs it.
//
//     head read       requestBegan
//     answered        requestEnded(record)      its status, times and sizes
//     client gone     requestEnded(record)      status 499
//     head rejected   requestEnded(record)      without a request: no whole head was read

/// Observes all requests of one event loop, including those that this layer rejects. All calls come
/// on that loop and must be short.
public protocol RequestObserver: AnyObject, Sendable {
    /// A head was read. One `requestEnded` with a request follows.
    func requestBegan()

    /// - Parameter request: nil where no whole head was read.
    func requestEnded(_ record: borrowing RequestRecord, _ request: Request?)
}

/// What a handler measured while it made a response. This layer only passes it on.
public struct Measures: Sendable, Equatable {
    /// The time from being ready to the start of the work; nil if nothing waited.
    public var waitNanoseconds: UInt64?
    /// The duration of the work; nil if there was none.
    public var workNanoseconds: UInt64?
    /// The peak memory of the work.
    public var memoryBytes = 0
    /// Identifies what was run, as handler and observer agree; 0 if unknown.
    public var tag: UInt64 = 0

    public init() {}
}

/// A request that has ended.
public struct RequestRecord: ~Copyable, Sendable {
    /// The status recorded if none was sent: the client had gone, or was cut.
    public static let clientGone: UInt16 = 499

    /// Index of the event loop; each belongs to one thread.
    public internal(set) var loopIndex: Int
    public internal(set) var status: UInt16
    public internal(set) var method: Method
    /// Index in the router's `templates`; nil for unknown paths.
    public internal(set) var routeIndex: Int?
    /// `Request.name`, or the name in the server's error content.
    public internal(set) var name: RequestName?
    public internal(set) var startNanoseconds: UInt64
    public internal(set) var endNanoseconds: UInt64
    /// Content without its coding.
    public internal(set) var requestByteCount: Int
    public internal(set) var responseByteCount: Int
    /// The response began and was cut before its end.
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

/// What a connection records of the current request until it ends.
struct RequestTally {
    /// `requestBegan` was called.
    var hasBegun = false
    /// The status of the response; 0 before it begins.
    var status: UInt16 = 0
    var requestByteCount = 0
    var responseByteCount = 0
    var measures = Measures()
}
