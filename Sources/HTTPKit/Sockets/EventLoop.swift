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
}

/// A socket that an event loop watches. Its class says what becomes of its events.
class EventSource {
    let descriptor: Int32
    /// What it waits for, as its loop knows it.
    fileprivate(set) var interest = Readiness()
    fileprivate var slot = -1

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The socket is ready. Called on the loop.
    func ready(_ readiness: Readiness) {}
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
    /// Of an event that says that there are tasks, and of one that says that a timer is due: no
    /// slots' numbers.
    private static var wakerMark: UInt64 { .max }
    private static var clockMark: UInt64 { .max - 1 }

    private let poller: Int32
    private let waker: Int32
    private let clock: Int32
    private let inbox = Mutex(Inbox())
    /// The thread waits, or is about to: whoever adds a task wakes it.
    private let isWaiting = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    // The loop's variables.
    // Safety: allocated by `init`, freed by `deinit`, used for `eventCountMax` events.
    private let events: UnsafeMutablePointer<epoll_watch>
    private var slots = ContiguousArray<Slot>()
    private var freeSlots: [Int] = []
    private var timers = TimerHeap()
    /// What `clock` is set to.
    private var armedTime: UInt64 = 0
    private var tasks: [@Sendable () -> Void] = []
    /// Called when a turn's events, tasks and timers are done with.
    private var turnEnd: (() -> Void)?
    /// Counts turns.
    public private(set) var turn: UInt64 = 0

    /// - Throws: the system's error.
    init() throws(SocketError) {
        poller = try SocketError.check(epoll_make(O_CLOEXEC), "epoll_create1")
        do {
            waker = try SocketError.check(event_make(0, O_CLOEXEC | O_NONBLOCK), "eventfd")
        } catch {
            Socket.close(poller)
            throw error
        }
        do {
            clock = try SocketError.check(
                timer_make(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK), "timerfd_create")
        } catch {
            Socket.close(poller)
            Socket.close(waker)
            throw error
        }
        unsafe events = .allocate(capacity: Self.eventCountMax)
        control(EPOLL_ADD, waker, .read, mark: Self.wakerMark)
        control(EPOLL_ADD, clock, .read, mark: Self.clockMark)
    }

    deinit {
        unsafe events.deallocate()
        Socket.close(clock)
        Socket.close(waker)
        Socket.close(poller)
    }

    // MARK: From any thread

    /// Whether the caller runs on the loop.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Calls `task` on the loop, in this turn or the next, behind those that were passed before. A
    /// loop that has ended calls nothing.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        let isTaken = inbox.withLock { inbox in
            if !inbox.isStopped { inbox.tasks.append(task) }
            return !inbox.isStopped
        }
        // The loop says that it waits before it looks for tasks: one of both sees the other.
        if isTaken, isWaiting.exchange(false, ordering: .sequentiallyConsistent) { wake() }
    }

    /// Waits until the loop has done what was passed to it before.
    func settle() async {
        await withCheckedContinuation { done in execute { done.resume() } }
    }

    /// Lets the loop end when it has called the tasks that were passed before.
    func stop() {
        inbox.withLock { $0.isStopped = true }
        if isWaiting.exchange(false, ordering: .sequentiallyConsistent) { wake() }
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

    private func wake() {
        var one: UInt64 = 1
        // Safety: the call reads the one word that it is given.
        _ = unsafe write(waker, &one, MemoryLayout<UInt64>.size)
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

    func register(_ source: EventSource, _ interest: Readiness) {
        assert(isCurrent)
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot()) }
        slots[slot].source = source
        source.slot = slot
        source.interest = interest
        control(EPOLL_ADD, source.descriptor, interest, mark: mark(of: source))
    }

    func setInterest(_ source: EventSource, _ interest: Readiness) {
        assert(isCurrent)
        guard source.slot >= 0, source.interest != interest else { return }
        source.interest = interest
        control(EPOLL_CHANGE, source.descriptor, interest, mark: mark(of: source))
    }

    /// Call it before the socket is closed.
    func deregister(_ source: EventSource) {
        assert(isCurrent)
        guard source.slot >= 0 else { return }
        control(EPOLL_REMOVE, source.descriptor, [], mark: 0)
        slots[source.slot].source = nil
        slots[source.slot].generation &+= 1
        freeSlots.append(source.slot)
        source.slot = -1
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

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ interest: Readiness, mark: UInt64
    ) {
        var event = epoll_watch(events: interest.rawValue, mark: mark)
        // Safety: the call reads the event while it runs. It fails only where the system has no
        // memory for a watch, and such a socket's time runs out.
        _ = unsafe epoll_change(poller, operation, descriptor, &event)
    }

    // MARK: The thread

    /// Runs the loop on the calling thread until `stop`.
    func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        while takeTurn() {}
        // Nobody is called any more, but what stands here is let go of on its own thread.
        turnEnd = nil
        timers.removeAll()
        slots.removeAll()
        let waiter = inbox.withLock { inbox in
            inbox.hasEnded = true
            return inbox.endWaiter.take()
        }
        waiter?.resume()
    }

    /// - Returns: whether there is another turn.
    private func takeTurn() -> Bool {
        isWaiting.store(true, ordering: .sequentiallyConsistent)
        let (hasTasks, isStopped) = inbox.withLock { (!$0.tasks.isEmpty, $0.isStopped) }
        if isStopped, !hasTasks { return false }
        if !hasTasks { armClock() }
        // Safety: the events' memory holds as many as the call may write.
        let count = unsafe epoll_await(
            poller, events, Int32(Self.eventCountMax),
            hasTasks ? 0 : -1)
        isWaiting.store(false, ordering: .relaxed)
        turn &+= 1
        for i in 0..<Int(max(0, count)) {
            let event = unsafe events[i]
            let mark = event.mark
            if mark >= Self.clockMark {
                forget(mark == Self.wakerMark ? waker : clock)
                continue
            }
            let slot = slots[Int(UInt32(truncatingIfNeeded: mark))]
            guard let source = slot.source, slot.generation == UInt32(mark >> 32) else { continue }
            source.ready(Readiness(rawValue: event.events))
        }
        runTasks()
        if timers.firstTime != .max {
            let now = LoopClock.now
            while let timer = timers.popDue(now) { timer.fire(now: now) }
        }
        turnEnd?()
        return true
    }

    /// The system is to say when the first timer is due.
    private func armClock() {
        let time = timers.firstTime
        if time == armedTime || time == .max { return }
        armedTime = time
        var value = itimerspec()
        // A time of zero would disarm it.
        value.it_value.tv_sec = Int(time / 1_000_000_000)
        value.it_value.tv_nsec = Int(max(1, time % 1_000_000_000))
        // Safety: the call reads the one value that it is given.
        _ = unsafe timer_arm(clock, TIMER_ABSOLUTE, &value, nil)
    }

    /// An event that was told of is not told of again.
    private func forget(_ descriptor: Int32) {
        var count: UInt64 = 0
        // Safety: the call writes the one word that it is given.
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Those that tasks pass on have their turn in the next.
    private func runTasks() {
        inbox.withLock { if !$0.tasks.isEmpty { swap(&$0.tasks, &tasks) } }
        if tasks.isEmpty { return }
        for task in tasks { task() }
        tasks.removeAll(keepingCapacity: true)
    }
}
