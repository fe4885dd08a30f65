// An event loop's and its connections' calls to the operating system, in one place.
//
//     wait, watch, arm, wake       socket readiness, and how long to sleep
//     receive, send, ... close     one socket
//     now                          the monotonic clock
//
// The tests' simulator substitutes its own network and clock here. The service has no such
// subclass, and the compiler knows it: calls go straight to the functions below.

internal import CEpoll
internal import Glibc

/// The system's calls of one event loop. All but `wake` belong to the loop's thread.
class SystemCalls {
    private let poller: Int32
    private let waker: Int32
    private let clock: Int32

    /// Marks of the events for tasks and for a due timer; no slot has these numbers.
    static var wakerMark: UInt64 { .max }
    static var clockMark: UInt64 { .max - 1 }

    /// - Parameters: descriptors that this object closes, or -1 where a subclass needs none.
    init(poller: Int32 = -1, waker: Int32 = -1, clock: Int32 = -1) {
        self.poller = poller
        self.waker = waker
        self.clock = clock
    }

    deinit {
        for descriptor in [clock, waker, poller] where descriptor >= 0 {
            Socket.close(descriptor)
        }
    }

    /// - Throws: the system's error.
    static func make() throws(SocketError) -> SystemCalls {
        var made: [Int32] = []
        do {
            made.append(try SocketError.check(epoll_make(O_CLOEXEC), "epoll_create1"))
            made.append(
                try SocketError.check(event_make(0, O_CLOEXEC | O_NONBLOCK), "eventfd"))
            made.append(
                try SocketError.check(
                    timer_make(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK), "timerfd_create"))
            let calls = SystemCalls(poller: made[0], waker: made[1], clock: made[2])
            made = []
            try calls.check(calls.watch(EPOLL_ADD, calls.waker, .read, mark: wakerMark))
            try calls.check(calls.watch(EPOLL_ADD, calls.clock, .read, mark: clockMark))
            return calls
        } catch {
            for descriptor in made { Socket.close(descriptor) }
            throw error
        }
    }

    private func check(_ isDone: Bool) throws(SocketError) {
        if !isDone { throw SocketError(call: "epoll_ctl", errorNumber: errno) }
    }

    // MARK: Waiting

    /// Nanoseconds of CLOCK_MONOTONIC.
    func now() -> UInt64 { LoopClock.now }

    /// Waits until a socket is ready, a task was added or the armed time has come.
    /// - Parameter isPolling: whether to return at once.
    /// - Returns: how many events were written.
    func wait(
        _ events: UnsafeMutablePointer<epoll_watch>, _ countMax: Int, isPolling: Bool
    ) -> Int {
        // Safety: the events' memory holds as many as the call may write.
        let count = unsafe epoll_await(poller, events, Int32(countMax), isPolling ? 0 : -1)
        for i in 0..<Int(max(0, count)) {
            let mark = unsafe events[i].mark
            if mark >= Self.clockMark { drain(mark == Self.wakerMark ? waker : clock) }
        }
        return Int(max(0, count))
    }

    /// Drains an eventfd or timerfd so that it stops being ready.
    private func drain(_ descriptor: Int32) {
        var count: UInt64 = 0
        // Safety: the call writes the one word that it is given.
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Changes the interest in a descriptor.
    /// - Parameter operation: one of epoll's.
    /// - Returns: false if the system has no memory for it.
    func watch(
        _ operation: Int32, _ descriptor: Int32, _ interest: Readiness, mark: UInt64
    ) -> Bool {
        var event = epoll_watch(events: interest.rawValue, mark: mark)
        // Safety: the call reads the event while it runs.
        return unsafe epoll_change(poller, operation, descriptor, &event) == 0
    }

    /// Makes `wait` return at this time of the monotonic clock.
    func arm(_ time: UInt64) {
        var value = itimerspec()
        // A time of zero would disarm it.
        value.it_value.tv_sec = Int(time / 1_000_000_000)
        value.it_value.tv_nsec = Int(max(1, time % 1_000_000_000))
        // Safety: the call reads the one value that it is given.
        _ = unsafe timer_arm(clock, TIMER_ABSOLUTE, &value, nil)
    }

    /// Ends a `wait`, from any thread.
    func wake() {
        var one: UInt64 = 1
        // Safety: the call reads the one word that it is given.
        _ = unsafe write(waker, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: One socket

    func receive(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Socket.Reading {
        unsafe Socket.receive(descriptor, room)
    }

    func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Socket.Writing {
        unsafe Socket.send(descriptor, bytes)
    }

    /// Sends two byte ranges as one.
    func send(
        _ descriptor: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Socket.Writing {
        unsafe Socket.send(descriptor, first, second)
    }

    /// Bytes that were sent and that the peer has not acknowledged.
    func unacknowledgedByteCount(_ descriptor: Int32) -> Int {
        max(0, Int(socket_unsent(descriptor)))
    }

    /// Sends no more; bytes from the peer are still received.
    func shutWriting(_ descriptor: Int32) { Socket.shutWriting(descriptor) }

    /// - Parameter isReset: whether to discard unsent bytes and tell the peer that the connection
    ///   was aborted.
    func close(_ descriptor: Int32, isReset: Bool) {
        if isReset { Socket.resetOnClose(descriptor) }
        Socket.close(descriptor)
    }
}
