// A trap or an invalid address in any thread -> a line on the standard error for each running job,
// then the process ends as it would have without this:
//
//     transform-service: crashed by signal 11
//     transform-service: job in work at the crash: request_id=5tq6w1r4 program=458e3818183c8aec
//
// One job's crash ends all jobs, so the lines name every possible culprit. A signal handler may
// call few functions: this one reads a table of fixed size in plain memory and calls write.
//
//     slot    | id's byte count | digest | id ...          |     count 0: nothing runs here
//             0                 8        16             144

import Glibc
import HTTPKit
import Synchronization

/// An executor's slot in the table. Its thread writes it; the handler reads it on any thread.
@safe struct CrashSlot: ~Copyable {
    fileprivate static var byteCount: Int { 16 + RequestName.byteCountMax }

    // Safety: a slot of the table, which is never freed; nil if the table was full.
    fileprivate let base: UnsafeMutableRawPointer?
    private let index: Int

    init() {
        let slot = unsafe CrashReport.take()
        unsafe base = slot.base
        index = unsafe slot.index
    }

    deinit { if index >= 0 { CrashReport.giveBack(index) } }

    /// A job begins.
    func begin(_ requestID: RequestName) {
        guard let base = unsafe base else { return }
        // Safety: the slot has room for this many bytes after its two words.
        let room = unsafe UnsafeMutableBufferPointer(
            start: (base + 16).assumingMemoryBound(to: UInt8.self),
            count: RequestName.byteCountMax)
        let count = unsafe requestID.write(to: room)
        // Safety: the slot's two words.
        unsafe base.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        unsafe base.storeBytes(of: UInt64(count), as: UInt64.self)
    }

    /// The job's program is known.
    func note(digest: UInt64) {
        // Safety: the slot's second word.
        unsafe base?.storeBytes(of: digest, toByteOffset: 8, as: UInt64.self)
    }

    func end() {
        // Safety: the slot's first word.
        unsafe base?.storeBytes(of: 0, as: UInt64.self)
    }
}

@safe enum CrashReport {
    /// Executors in the table; further ones are not reported.
    static let slotCountMax = 2_048
    private static let stackByteCount = 64 << 10
    private static let lineByteCount = 512
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    // Safety: mapped once and never unmapped; pages that are never written take no memory.
    private nonisolated(unsafe) static let table = unsafe map(slotCountMax * CrashSlot.byteCount)
    /// Where the handler assembles its lines, one thread at a time.
    private nonisolated(unsafe) static let line = unsafe map(lineByteCount)
    /// The previous action for each signal, which is taken after the report.
    private nonisolated(unsafe) static let actions: UnsafeMutablePointer<sigaction> = {
        let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: 64)
        unsafe actions.initialize(repeating: sigaction(), count: 64)
        return unsafe actions
    }()
    private static let freeSlots = Mutex(Array((0..<slotCountMax).reversed()))
    private static let isInstalled = Atomic<Bool>(false)
    private static let isReporting = Atomic<Bool>(false)

    private static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let memory = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return unsafe memory == MAP_FAILED ? nil : memory
    }

    /// Enables the reports. Call it once, before threads start.
    static func install() {
        // Safety: accesses everything the handler reads, so that nothing is initialised there; then
        // each call is given memory of the right type.
        guard unsafe table != nil, unsafe line != nil else { return }
        var crashes = sigset_t()
        unsafe sigemptyset(&crashes)
        for number in signals {
            unsafe sigaddset(&crashes, number)
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { CrashReport.report($0) }
            action.sa_flags = SA_ONSTACK | SA_NODEFER
            unsafe sigaction(number, &action, actions + Int(number))
        }
        // The parent process may have blocked them.
        unsafe pthread_sigmask(SIG_UNBLOCK, &crashes, nil)
        isReporting.store(false, ordering: .relaxed)
        isInstalled.store(true, ordering: .relaxed)
    }

    fileprivate static func take() -> (base: UnsafeMutableRawPointer?, index: Int) {
        if isInstalled.load(ordering: .relaxed) { giveThreadAStack() }
        guard let table = unsafe table, let index = freeSlots.withLock({ $0.popLast() }) else {
            return (nil, -1)
        }
        return unsafe (table + index * CrashSlot.byteCount, index)
    }

    fileprivate static func giveBack(_ index: Int) { freeSlots.withLock { $0.append(index) } }

    /// A thread whose stack has overflowed needs another one for the report. It lives as long as
    /// the thread, which lives as long as the process.
    private static func giveThreadAStack() {
        var known = unsafe stack_t()
        // Safety: the call fills the one value; the new stack is never unmapped.
        guard unsafe sigaltstack(nil, &known) == 0,
            unsafe known.ss_flags & Int32(SS_DISABLE) != 0
        else { return }
        guard let memory = unsafe map(stackByteCount) else { return }
        var stack = unsafe stack_t()
        unsafe stack.ss_sp = memory
        unsafe stack.ss_size = stackByteCount
        unsafe sigaltstack(&stack, nil)
    }

    // MARK: In the handler

    /// Everything called here is async-signal-safe: loads, stores, write, sigaction, raise.
    private static func report(_ number: Int32) {
        if isReporting.exchange(true, ordering: .relaxed) {
            // Another thread is reporting, and will end the process in a moment.
            usleep(1_000_000)
        } else {
            writeReport(number)
        }
        // Safety: the table has a place for each number below 64.
        unsafe sigaction(number, actions + Int(number), nil)
        raise(number)
    }

    private static func writeReport(_ number: Int32) {
        guard let line = unsafe line, let table = unsafe table else { return }
        var text = unsafe CrashLine(line, lineByteCount)
        text.append("\ntransform-service: crashed by signal ")
        text.append(decimal: number)
        text.write()
        var slot = unsafe table
        for _ in 0..<slotCountMax {
            // Safety: the loop stays within the table; a count is bounded by the slot's room.
            let count = unsafe Int(slot.load(as: UInt64.self) & 0xFF)
            if count > 0 {
                text.append("transform-service: job in work at the crash: request_id=")
                unsafe text.append(slot + 16, min(count, RequestName.byteCountMax))
                text.append(" program=")
                text.append(hexadecimal: unsafe slot.load(fromByteOffset: 8, as: UInt64.self))
                text.write()
            }
            unsafe slot += CrashSlot.byteCount
        }
    }
}

/// A line that is assembled without allocation.
@safe private struct CrashLine {
    // Safety: has room for `capacity` bytes, which every append checks.
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private var count = 0

    @unsafe init(_ base: UnsafeMutableRawPointer, _ capacity: Int) {
        unsafe self.base = base
        self.capacity = capacity
    }

    private mutating func append(byte: UInt8) {
        guard count < capacity else { return }
        // Safety: there is room, as checked above.
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    @unsafe mutating func append(_ bytes: UnsafeRawPointer, _ byteCount: Int) {
        for i in 0..<byteCount {
            // Safety: the caller passes this many bytes.
            append(byte: unsafe bytes.load(fromByteOffset: i, as: UInt8.self))
        }
    }

    mutating func append(_ text: StaticString) {
        // Safety: a StaticString of ASCII has a permanently valid pointer to that many bytes.
        unsafe append(text.utf8Start, text.utf8CodeUnitCount)
    }

    /// - Parameter number: of a signal.
    mutating func append(decimal number: Int32) {
        if number >= 10 { append(byte: 0x30 + UInt8(truncatingIfNeeded: number / 10 % 10)) }
        append(byte: 0x30 + UInt8(truncatingIfNeeded: number % 10))
    }

    mutating func append(hexadecimal number: UInt64) {
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: number >> shift & 15)
            append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// Ends the line.
    mutating func write() {
        append(byte: 0x0A)
        // Safety: that many bytes were stored.
        _ = unsafe Glibc.write(STDERR_FILENO, base, count)
        count = 0
    }
}
