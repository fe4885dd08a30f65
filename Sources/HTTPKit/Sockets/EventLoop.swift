// Sockets, times and other threads' tasks -> calls on one thread, turn after turn.
//
//     wait (epoll) -> sockets that are ready -> tasks -> timers that are due -> the turn's end
//
// A socket is told of again in each turn for as long as it is ready (level-triggered), so nothing
// needs to read or write until the system says that it would block.

internal import CEpoll
internal import Glibc
internal import Synchronization

/// What a socket is ready for, or what one waits for: bits of epoll.
struct Readiness: OptionSet {
    let rawValue: UInt32

    static let read = Readiness(rawValue: EPOLL_READABLE)
    static let write = Readiness(rawValue: EPOLL_WRITABLE)
    /// Told without being waited for: an error, or both directions are shut.
    static let broken = Readiness(rawValue: EPOLL_BROKEN)
    /// Where several loops wait for one socket, not all of them are woken.
    static let exclusive = Readiness(rawValue: EPOLL_ONE_WAITER)
}

/// A socket that an event loop watches. Its class says what becomes of its events.
class EventSource {
    let descriptor: Int32
    /// What it waits for, as its loop knows it.
    fileprivate(set) var interest = Readiness()
    fileprivate var slot = -1
    /// It takes much of its loop's time: others go first.
    var isGreedy = false
    /// What its socket is ready for, while it waits for others.
    fileprivate var lateReadiness = Readiness()

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The socket is ready. Called on the loop.
    func ready(_ readiness: Readiness) {}

    /// The turn has come that was asked for by `continueNextTurn`.
    func continueTurn() {}
}

/// One thread that waits for many sockets. What belongs to a loop is touched on its thread only,
/// and `execute` brings other threads' work there: that is why it may be `Sendable`.
@safe public final class EventLoop: @unchecked Sendable {
    private struct Slot {
        var source: EventSource?
        /// Tells an event of a socket that is gone, and whose slot is another's, from its own.
        var generation: UInt32 = 0
    }

    private struct Inbox {
        var tasks: [@Sendable () -> Void] = []
        var isStopped = false
        /// The thread has left the loop.
        var hasEnded = false
        var endWaiter: CheckedContinuation<Void, Never>?
    }

    private static var eventCountMax: Int { 256 }
    /// Of a turn, for those that were put off.
    private static var deferredNanosecondsMax: UInt64 { 500_000 }

    let system: SystemCalls
    private let inbox = Mutex(Inbox())
    /// The thread waits, or is about to: whoever adds a task wakes it.
    private let isWaiting = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    /// When the turn that is going on began; 0 between turns.
    private let turnStart = Atomic<UInt64>(0)
    // The loop's variables.
    // Safety: allocated by `init`, freed by `deinit`, used for `eventCountMax` events.
    private let events: UnsafeMutablePointer<epoll_watch>
    private var slots = ContiguousArray<Slot>()
    private var freeSlots: [Int] = []
    private var timers = TimerHeap()
    /// What the system was told to wake the loop at.
    private var armedTime: UInt64 = 0
    private var tasks: [@Sendable () -> Void] = []
    /// Those that gave up the rest of a turn, for the next one.
    private var deferred: [EventSource] = []
    /// Called when a turn's events, tasks and timers are done with.
    private var turnEnd: (() -> Void)?
    /// Counts turns.
    public private(set) var turn: UInt64 = 0

    init(_ system: SystemCalls) {
        self.system = system
        unsafe events = .allocate(capacity: Self.eventCountMax)
    }

    /// - Throws: the system's error.
    convenience init() throws(SocketError) { self.init(try SystemCalls.make()) }

    deinit { unsafe events.deallocate() }

    // MARK: From any thread

    /// Whether the caller runs on the loop.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Monotonic time, nanoseconds.
    public var now: UInt64 { system.now() }

    /// How long its turn has lasted by now; 0 between turns.
    func turnTime(now: UInt64) -> UInt64 {
        let start = turnStart.load(ordering: .relaxed)
        return start == 0 || now < start ? 0 : now - start
    }

    /// Calls `task` on the loop, in this turn or the next, behind those that were passed before. A
    /// loop that has ended calls nothing.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        let isTaken = inbox.withLock { inbox in
            if !inbox.isStopped { inbox.tasks.append(task) }
            return !inbox.isStopped
        }
        // The loop says that it waits before it looks for tasks: one of both sees the other.
        if isTaken, isWaiting.exchange(false, ordering: .sequentiallyConsistent) { system.wake() }
    }

    /// Waits until the loop has done what was passed to it before.
    func settle() async {
        await withCheckedContinuation { done in execute { done.resume() } }
    }

    /// Lets the loop end when it has called the tasks that were passed before.
    func stop() {
        inbox.withLock { $0.isStopped = true }
        if isWaiting.exchange(false, ordering: .sequentiallyConsistent) { system.wake() }
    }

    /// Stops the loop and waits until its thread has left it.
    func end() async {
        stop()
        await withCheckedContinuation { done in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.endWaiter = done }
                return inbox.hasEnded
            }
            if hasEnded { done.resume() }
        }
    }

    // MARK: On the loop

    /// Calls `task` on the loop at a monotonic time.
    public func schedule(
        atNanoseconds time: UInt64, _ task: @escaping @Sendable () -> Void
    ) -> LoopTimer {
        let timer = TaskTimer(self, task)
        timer.set(time)
        return timer
    }

    /// - Parameter action: is called at the end of each turn.
    func onTurnEnd(_ action: @escaping () -> Void) { turnEnd = action }

    /// - Returns: false where the system cannot watch the socket.
    func register(_ source: EventSource, _ interest: Readiness) -> Bool {
        assert(isCurrent)
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot()) }
        slots[slot].source = source
        source.slot = slot
        source.interest = interest
        if system.watch(EPOLL_ADD, source.descriptor, interest, mark: mark(of: source)) {
            return true
        }
        release(source)
        return false
    }

    /// - Returns: false where the system refused: the socket is watched as before.
    func setInterest(_ source: EventSource, _ interest: Readiness) -> Bool {
        assert(isCurrent)
        guard source.slot >= 0, source.interest != interest else { return true }
        guard system.watch(EPOLL_CHANGE, source.descriptor, interest, mark: mark(of: source))
        else { return false }
        source.interest = interest
        return true
    }

    /// Call it before the socket is closed.
    func deregister(_ source: EventSource) {
        assert(isCurrent)
        guard source.slot >= 0 else { return }
        _ = system.watch(EPOLL_REMOVE, source.descriptor, [], mark: 0)
        release(source)
    }

    private func release(_ source: EventSource) {
        slots[source.slot].source = nil
        slots[source.slot].generation &+= 1
        freeSlots.append(source.slot)
        source.slot = -1
    }

    /// Calls the source's `continueTurn` in the next turn, behind what is ready then.
    func continueNextTurn(_ source: EventSource) {
        assert(isCurrent)
        deferred.append(source)
    }

    func set(_ timer: LoopTimer, _ time: UInt64) {
        assert(isCurrent)
        timers.set(timer, time)
    }

    func remove(_ timer: LoopTimer) {
        assert(isCurrent)
        timers.remove(timer)
    }

    private func mark(of source: EventSource) -> UInt64 {
        UInt64(slots[source.slot].generation) << 32 | UInt64(source.slot)
    }

    // MARK: The thread

    /// Runs the loop on the calling thread until `stop`.
    func run() {
        adoptThread()
        while takeTurn() {}
        // Nobody is called any more, but what stands here is let go of on its own thread.
        turnEnd = nil
        timers.removeAll()
        deferred.removeAll()
        slots.removeAll()
        let waiter = inbox.withLock { inbox in
            inbox.hasEnded = true
            return inbox.endWaiter.take()
        }
        waiter?.resume()
    }

    /// The calling thread is the loop's.
    func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Whether the next turn has something to do besides what sockets bring.
    var hasWork: Bool {
        nextTimerTime <= now || !deferred.isEmpty || inbox.withLock { !$0.tasks.isEmpty }
    }

    /// When the first timer is due; the largest number for none.
    var nextTimerTime: UInt64 { timers.firstTime }

    /// - Returns: whether there is another turn.
    func takeTurn() -> Bool {
        isWaiting.store(true, ordering: .sequentiallyConsistent)
        let (hasTasks, isStopped) = inbox.withLock { (!$0.tasks.isEmpty, $0.isStopped) }
        if isStopped, !hasTasks { return false }
        turnStart.store(0, ordering: .relaxed)
        let isPolling = hasTasks || !deferred.isEmpty
        if !isPolling { armClock() }
        // Safety: there is room for so many events.
        let count = unsafe system.wait(events, Self.eventCountMax, isPolling: isPolling)
        isWaiting.store(false, ordering: .relaxed)
        turnStart.store(now, ordering: .relaxed)
        turn &+= 1
        for i in 0..<count {
            let event = unsafe events[i]
            let mark = event.mark
            if mark >= SystemCalls.clockMark { continue }
            let slot = slots[Int(UInt32(truncatingIfNeeded: mark))]
            guard let source = slot.source, slot.generation == UInt32(mark >> 32) else { continue }
            let readiness = Readiness(rawValue: event.events)
            if source.isGreedy { putOff(source, readiness) } else { source.ready(readiness) }
        }
        continueDeferred()
        runTasks()
        if timers.firstTime != .max {
            let now = now
            while let timer = timers.popDue(now) { timer.fire(now: now) }
        }
        turnEnd?()
        return true
    }

    private func putOff(_ source: EventSource, _ readiness: Readiness) {
        if source.lateReadiness.isEmpty { deferred.append(source) }
        source.lateReadiness = readiness
    }

    /// Those that waited for others, the first ones first, for a part of the turn; then others have
    /// theirs.
    private func continueDeferred() {
        if deferred.isEmpty { return }
        var sources: [EventSource] = []
        swap(&sources, &deferred)
        let end = now &+ Self.deferredNanosecondsMax
        var count = 0
        repeat {
            let source = sources[count]
            count += 1
            let readiness = source.lateReadiness
            source.lateReadiness = []
            if readiness.isEmpty {
                source.continueTurn()
            } else if source.slot >= 0 {
                source.ready(readiness)
            }
        } while count < sources.count && now < end
        if count < sources.count { deferred.insert(contentsOf: sources[count...], at: 0) }
    }

    /// The system is to say when the first timer is due.
    private func armClock() {
        let time = timers.firstTime
        if time == armedTime || time == .max { return }
        armedTime = time
        system.arm(time)
    }

    /// Those that tasks pass on have their turn in the next.
    private func runTasks() {
        inbox.withLock { if !$0.tasks.isEmpty { swap(&$0.tasks, &tasks) } }
        if tasks.isEmpty { return }
        for task in tasks { task() }
        tasks.removeAll(keepingCapacity: true)
    }
}
