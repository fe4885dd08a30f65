// The state shared by all connections of a server, and by those of one event loop.

internal import Synchronization

/// Read by all loops; changed only through atomics.
final class ServerContext: Sendable {
    let limits: ConnectionLimits
    let errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent
    let connectionsMax: Int
    let memory: MemoryAccount
    let connectionCount = Atomic<Int>(0)
    /// Clients that were cut because their unread responses took the memory of others.
    let droppedReaderCount = Atomic<Int>(0)

    init(_ configuration: borrowing HTTPServer.Configuration) {
        limits = configuration.limits
        errorContent = configuration.errorContent
        connectionsMax = configuration.connectionsMax
        memory = configuration.memory
    }
}

/// Belongs to its event loop, the only thread that accesses its variables: therefore it may be
/// passed between threads.
final class LoopContext: @unchecked Sendable {
    /// A response that has waited this long for the iteration's other events is sent at once.
    private static var unsentNanosecondsMax: UInt64 { 1_000_000 }

    let server: ServerContext
    let eventLoop: EventLoop
    let index: Int
    let handler: any HTTPHandler
    let observer: (any RequestObserver)?
    var date = DateClock()
    /// The buffer that sockets are read into.
    let readBuffer = ReadBuffer()
    let heads = HeadMemo()
    /// The responses of this iteration that are still to be sent.
    var output = IterationOutput()
    private(set) var isDraining = false
    private var connections: [Connection] = []
    /// Connections with bytes in `output`, and when the first was added.
    private var unsent: [Connection] = []
    private var unsentTime: UInt64 = 0

    init(
        server: ServerContext, eventLoop: EventLoop, index: Int, handler: any HTTPHandler,
        observer: (any RequestObserver)?
    ) {
        self.server = server
        self.eventLoop = eventLoop
        self.index = index
        self.handler = handler
        self.observer = observer
        // Keeps this object alive until the loop ends.
        eventLoop.onIterationEnd { self.sendAll() }
    }

    /// The connection's responses in `output` are sent after the pending events. If each were sent
    /// at once, the system would wake the client for each and run it in between: with 100
    /// connections that took a third of a small request's time.
    func sendAtIterationEnd(_ connection: Connection, now: UInt64) {
        if unsent.isEmpty { unsentTime = now }
        unsent.append(connection)
    }

    /// Sends responses that are overdue; call it before an event is processed, which may take long.
    /// - Returns: the time afterwards.
    func sendOverdue(now: UInt64) -> UInt64 {
        let isOverdue = !unsent.isEmpty && now &- unsentTime >= Self.unsentNanosecondsMax
        guard isOverdue || output.isFull else { return now }
        sendAll()
        return eventLoop.now
    }

    private func sendAll() {
        if unsent.isEmpty { return }
        // Sending may add connections again.
        var waiting: [Connection] = []
        swap(&waiting, &unsent)
        let now = eventLoop.now
        for connection in waiting {
            connection.isToBeSent = false
            connection.sendOutput(now: now)
        }
        waiting.removeAll(keepingCapacity: true)
        guard unsent.isEmpty else { return }
        swap(&waiting, &unsent)
        output.removeAll()
    }

    // MARK: Connections

    /// - Parameter descriptor: of a new connection.
    func adopt(_ descriptor: Int32, isOverloaded: Bool) {
        Connection(self, descriptor).begin(isOverloaded: isOverloaded)
    }

    func add(_ connection: Connection) {
        connection.indexInLoop = connections.count
        connections.append(connection)
    }

    func remove(_ connection: Connection) {
        let index = connection.indexInLoop
        guard index >= 0 else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.indexInLoop = index
        }
        connection.indexInLoop = -1
        server.memory.add(-Connection.byteCount, .connections)
        server.connectionCount.subtract(1, ordering: .relaxed)
    }

    /// Called when there was no room. Cuts the connection with the most unread output, among those
    /// whose client reads none of it or, if the bound is exceeded, among all.
    func dropReader() {
        let memory = server.memory
        memory.shortageHandled()
        let now = eventLoop.now
        let isOver = memory.isOver
        var largest: Connection?
        for connection in connections where connection.responseBytesHeld > 0 {
            guard isOver || connection.hasStalled(now: now),
                connection.responseBytesHeld > largest?.responseBytesHeld ?? 0
            else { continue }
            largest = connection
        }
        guard let largest else { return }
        server.droppedReaderCount.add(1, ordering: .relaxed)
        largest.cut()
    }

    func drain() {
        isDraining = true
        let now = eventLoop.now
        for connection in connections { connection.drain(now: now) }
    }

    /// Closes connections between two requests.
    func closeIdle() {
        let now = eventLoop.now
        for connection in connections { connection.closeIfIdle(now: now) }
    }

    func cutAll() {
        for connection in connections { connection.cut() }
    }
}

/// The buffer into which one socket's bytes are read, and in which they are parsed before those of
/// the next socket. Bytes that are needed later are copied.
@safe final class ReadBuffer {
    /// Room for most requests as a whole. Only pages that were written take memory.
    static let byteCount = 128 * 1024

    // Safety: allocated by `init` and freed by `deinit`; it holds one socket's bytes at a time.
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: ReadBuffer.byteCount, alignment: 64)

    deinit { unsafe bytes.deallocate() }
}

/// The responses of one iteration, concatenated. Ranges identify their connections.
@safe struct IterationOutput: ~Copyable {
    private static var capacityMin: Int { 16 * 1024 }
    /// At this size, the output is sent before more is processed.
    private static var fullByteCount: Int { 256 * 1024 }
    /// Memory above this size is released at the end of the iteration.
    private static var keptByteCount: Int { 512 * 1024 }

    // Safety: owned; `count` bytes of it are written.
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init() { unsafe memory = .allocate(byteCount: Self.capacityMin, alignment: 64) }

    deinit { unsafe memory.deallocate() }

    var isFull: Bool { count >= Self.fullByteCount }

    /// Appends what `write` writes; it has room for `byteCountMax` bytes.
    /// - Returns: the range of the appended bytes.
    mutating func append(
        byteCountMax: Int, _ write: (inout HeadCursor) -> Void
    ) -> Range<Int> {
        reserve(byteCountMax)
        let start = count
        // Safety: the room was reserved; the cursor checks each append against it.
        var cursor = unsafe HeadCursor(
            UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + byteCountMax]))
        write(&cursor)
        count = start + cursor.byteCount
        return start..<count
    }

    /// The bytes of a range that was returned since the last `removeAll`; valid until the next
    /// append.
    @unsafe func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= count)
        return unsafe UnsafeRawBufferPointer(rebasing: memory[range])
    }

    mutating func removeAll() {
        count = 0
        if unsafe memory.count > Self.keptByteCount {
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: Self.capacityMin, alignment: 64)
        }
    }

    private mutating func reserve(_ byteCount: Int) {
        guard unsafe memory.count - count < byteCount else { return }
        let larger = unsafe UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(2 * memory.count, count + byteCount), alignment: 64)
        // Safety: the larger memory has room for the written bytes.
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        unsafe memory.deallocate()
        unsafe memory = larger
    }
}
