// What the connections of a server share, and what those of one event loop share.

internal import Synchronization

/// Read by all loops; changed only through atomics.
final class ServerContext: Sendable {
    let limits: Limits
    let errorContent: @Sendable (ProtocolError, Request?) -> ErrorContent
    let connectionsMax: Int
    let memory: MemoryAccount
    let connectionCount = Atomic<Int>(0)
    /// Clients that were cut because what they did not read took the memory of others.
    let droppedReaderCount = Atomic<Int>(0)

    init(_ configuration: borrowing HTTPServer.Configuration) {
        limits = configuration.limits
        errorContent = configuration.errorContent
        connectionsMax = configuration.connectionsMax
        memory = configuration.memory
    }
}

/// Belongs to its event loop, which is the only thread that touches its variables: that is why it
/// may be passed between threads.
final class LoopContext: @unchecked Sendable {
    /// An answer that has waited so long for the turn's other events waits for no further one.
    private static var unsentNanosecondsMax: UInt64 { 1_000_000 }

    let server: ServerContext
    let eventLoop: EventLoop
    let index: Int
    let handler: any HTTPHandler
    let observer: (any RequestObserver)?
    var date = DateClock()
    /// Where sockets' bytes are read to.
    let input = InputMemory()
    let heads = HeadMemo()
    /// The answers of this turn that are still to be sent.
    var output = TurnOutput()
    private(set) var isDraining = false
    private var connections: [Connection] = []
    /// Those that have something in `output`, and since when.
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
        // Until the loop ends.
        eventLoop.onTurnEnd { self.sendAll() }
    }

    /// The connection's answers in `output` are sent behind the events that are at hand. Were each
    /// sent at once, the system would wake the client for each and run it in between: with 100
    /// connections that took a third of a small request's time.
    func sendAtTurnEnd(_ connection: Connection, now: UInt64) {
        if unsent.isEmpty { unsentTime = now }
        unsent.append(connection)
    }

    /// Before an event is worked through, which may take its time.
    /// - Returns: the time after it.
    func sendOverdue(now: UInt64) -> UInt64 {
        let isOverdue = !unsent.isEmpty && now &- unsentTime >= Self.unsentNanosecondsMax
        guard isOverdue || output.isFull else { return now }
        sendAll()
        return eventLoop.now
    }

    private func sendAll() {
        if unsent.isEmpty { return }
        // What is sent may have connections come in again.
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

    /// Something found no room. If a client takes nothing of what is kept for it, that is dropped;
    /// where more is held than allowed, so is the most that one client keeps waiting.
    func relieve() {
        let memory = server.memory
        memory.shortageSeen()
        let now = eventLoop.now
        let isOver = memory.isOver
        var largest: Connection?
        for connection in connections where connection.answerBytesHeld > 0 {
            guard isOver || connection.hasStalled(now: now),
                connection.answerBytesHeld > largest?.answerBytesHeld ?? 0
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

/// Memory that one socket's bytes are read to and worked through in place, before those of the
/// next. What is needed later is copied.
@safe final class InputMemory {
    /// Room for most requests as a whole. Only pages that were read to take memory.
    static let byteCount = 128 * 1024

    // Safety: allocated by `init` and freed by `deinit`; one socket's bytes are there at a time.
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: InputMemory.byteCount, alignment: 64)

    deinit { unsafe bytes.deallocate() }
}

/// The answers of one turn, one behind the other. Ranges say whose they are.
@safe struct TurnOutput: ~Copyable {
    private static var capacityMin: Int { 16 * 1024 }
    /// From here on what is there is sent before more is worked on.
    private static var fullByteCount: Int { 256 * 1024 }
    /// Memory beyond this is given back at the turn's end.
    private static var keptByteCount: Int { 512 * 1024 }

    // Safety: owned; `count` bytes of it are written.
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init() { unsafe memory = .allocate(byteCount: Self.capacityMin, alignment: 64) }

    deinit { unsafe memory.deallocate() }

    var isFull: Bool { count >= Self.fullByteCount }

    /// Appends what `write` writes, which is given room for `byteCountMax` bytes.
    /// - Returns: where it stands.
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
        // Safety: the larger memory has room for what is written.
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        unsafe memory.deallocate()
        unsafe memory = larger
    }
}
