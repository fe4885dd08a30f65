// Sockets, times and other threads' tasks -> calls on one thread, iteration by iteration.
//
//     wait (epoll) -> ready sockets -> tasks -> due timers -> the iteration's end
//
// Level-triggered: a ready socket is reported again in every iteration, so nothing needs to read or
// write until EAGAIN.
//
// Benchmark: 42 bytes with SwiftNIO's loops: 66,500 requests/s, with these 89,000.

internal import CEpoll
internal import Glibc
internal import Synchronization

/// What a socket is ready for, or which readiness is awaited: epoll's event bits.
struct Readiness: OptionSet {
    let rawValue: UInt32

    static let read = Readiness(rawValue: EPOLL_READABLE)
    static let write = Readiness(rawValue: EPOLL_WRITABLE)
    /// Always reported: an error, or both directions are shut down.
    static let broken = Readiness(rawValue: EPOLL_BROKEN)
    /// If several loops wait for one socket, not all of them are woken.
    static let exclusive = Readiness(rawValue: EPOLL_ONE_WAITER)
}

/// A socket that an event loop watches. Subclasses handle its events.
class EventSource {
    let descriptor: Int32
    /// The readiness it waits for, as registered with its loop.
    fileprivate(set) var interest = Readiness()
    fileprivate var slot = -1
    /// It takes much of its loop's time: other sources go first.
    var isGreedy = false
    /// The socket's readiness, while the source is deferred.
    fileprivate var lateReadiness = Readiness()

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The socket is ready. Called on the loop.
    func ready(_ readiness: Readiness) {}

    /// The iteration requested by `continueNextIteration` has come.
    func continueIteration() {}
}

/// One thread that waits for many sockets. A loop's state is accessed on its thread only, and
/// `execute` brings other threads' work there: therefore it may be `Sendable`.
@safe public final class EventLoop: @unchecked Sendable {
    private struct Slot {
        var source: EventSource?
        /// Distinguishes stale events of a previous socket in this slot from those of the current
        /// one.
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
    /// The part of an iteration for deferred sources.
    private static var deferredNanosecondsMax: UInt64 { 500_000 }

    let system: SystemCalls
    private let inbox = Mutex(Inbox())
    /// The thread waits, or is about to; adding a task must wake it.
    private let isWaiting = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    /// When the current iteration began; 0 between iterations.
    private let iterationStart = Atomic<UInt64>(0)
    // The loop's variables.
    // Safety: allocated by `init`, freed by `deinit`, used for `eventCountMax` events.
    private let events: UnsafeMutablePointer<epoll_watch>
    private var slots = ContiguousArray<Slot>()
    private var freeSlots: [Int] = []
    private var timers = TimerHeap()
    /// The time that the system's timer is armed for.
    private var armedTime: UInt64 = 0
    private var tasks: [@Sendable () -> Void] = []
    /// Sources that gave up the rest of an iteration, for the next one.
    private var deferred: [EventSource] = []
    /// Called after the events, tasks and timers of an iteration.
    private var iterationEnd: (() -> Void)?
    /// Counts iterations.
    public private(set) var iteration: UInt64 = 0

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

    /// The duration of the current iteration so far; 0 between iterations.
    func iterationTime(now: UInt64) -> UInt64 {
        let start = iterationStart.load(ordering: .relaxed)
        return start == 0 || now < start ? 0 : now - start
    }

    /// Calls `task` on the loop, in this iteration or the next, after earlier tasks. A loop that
    /// has ended calls nothing.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        let isTaken = inbox.withLock { inbox in
            if !inbox.isStopped { inbox.tasks.append(task) }
            return !inbox.isStopped
        }
        // The loop sets `isWaiting` before it checks for tasks, so one of the two sees the other.
        if isTaken, isWaiting.exchange(false, ordering: .sequentiallyConsistent) { system.wake() }
    }

    /// Waits until the loop has run all earlier tasks.
    func settle() async {
        await withCheckedContinuation { done in execute { done.resume() } }
    }

    /// Ends the loop after all earlier tasks.
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

    /// - Parameter action: called at the end of each iteration.
    func onIterationEnd(_ action: @escaping () -> Void) { iterationEnd = action }

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

    /// - Returns: false if the system refused; then the registration is unchanged.
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

    /// Calls the source's `continueIteration` in the next iteration, after the sockets ready then.
    func continueNextIteration(_ source: EventSource) {
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
        while runIteration() {}
        // Nothing is called any more, but the loop's state is released on its own thread.
        iterationEnd = nil
        timers.removeAll()
        deferred.removeAll()
        slots.removeAll()
        let waiter = inbox.withLock { inbox in
            inbox.hasEnded = true
            return inbox.endWaiter.take()
        }
        waiter?.resume()
    }

    /// Makes the calling thread the loop's thread.
    func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Whether the next iteration has work other than socket events.
    var hasWork: Bool {
        nextTimerTime <= now || !deferred.isEmpty || inbox.withLock { !$0.tasks.isEmpty }
    }

    /// When the first timer is due; the largest number for none.
    var nextTimerTime: UInt64 { timers.firstTime }

    /// - Returns: whether there is another iteration.
    func runIteration() -> Bool {
        isWaiting.store(true, ordering: .sequentiallyConsistent)
        let (hasTasks, isStopped) = inbox.withLock { (!$0.tasks.isEmpty, $0.isStopped) }
        if isStopped, !hasTasks { return false }
        iterationStart.store(0, ordering: .relaxed)
        let isPolling = hasTasks || !deferred.isEmpty
        if !isPolling { armClock() }
        // Safety: there is room for `eventCountMax` events.
        let count = unsafe system.wait(events, Self.eventCountMax, isPolling: isPolling)
        isWaiting.store(false, ordering: .relaxed)
        iterationStart.store(now, ordering: .relaxed)
        iteration &+= 1
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
        iterationEnd?()
        return true
    }

    private func putOff(_ source: EventSource, _ readiness: Readiness) {
        if source.lateReadiness.isEmpty { deferred.append(source) }
        source.lateReadiness = readiness
    }

    /// Runs deferred sources, in FIFO order, for a bounded part of the iteration; the rest wait for
    /// the next one.
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
                source.continueIteration()
            } else if source.slot >= 0 {
                source.ready(readiness)
            }
        } while count < sources.count && now < end
        if count < sources.count { deferred.insert(contentsOf: sources[count...], at: 0) }
    }

    /// Arms the system's timer for the first of the loop's timers.
    private func armClock() {
        let time = timers.firstTime
        if time == armedTime || time == .max { return }
        armedTime = time
        system.arm(time)
    }

    /// Tasks that are added meanwhile run in the next iteration.
    private func runTasks() {
        inbox.withLock { if !$0.tasks.isEmpty { swap(&$0.tasks, &tasks) } }
        if tasks.isEmpty { return }
        for task in tasks { task() }
        tasks.removeAll(keepingCapacity: true)
    }
}
