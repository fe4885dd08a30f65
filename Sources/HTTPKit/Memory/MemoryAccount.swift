// Bytes that requests hold, wherever they are -> one total under one bound.
//
//     connections  a constant for each, and heads     bodies   content that is being read
//     jobs         content that waits or is run       runs     heaps and outputs of programs
//     answers      what clients have not read yet     batches  windows of batches
//     process      what it holds without requests
//
// New uses reserve their bytes first, and are refused if there is no room. Bytes that exist already
// are always counted; if they exceed the bound, clients that make us hold them are cut
// (`LoopContext.dropReader`). Part of the bound is reserved for runs, which would otherwise fail
// half-way in favour of bodies that cannot be run.

internal import Synchronization

/// Counts the bytes that a server's requests hold. May be used from any thread.
public final class MemoryAccount: Sendable {
    public enum Part: Int, CaseIterable, Sendable {
        case connections, bodies, jobs, runs, answers, batches, process
    }

    private final class PartCounter: Sendable {
        let bytes = Atomic<Int>(0)
    }

    /// The bound on all parts together; beyond it, reservations are refused.
    public let bytesMax: Int
    /// The part of the bound that is reserved for runs.
    public let runBytesMin: Int
    private let total = Atomic<Int>(0)
    private let peak = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let counters = Part.allCases.map { _ in PartCounter() }
    private let isShortageReported = Atomic<Bool>(false)
    private let shortage = Mutex<(@Sendable () -> Void)?>(nil)

    public init(bytesMax: Int = .max, runBytesMin: Int = 0) {
        self.bytesMax = bytesMax
        self.runBytesMin = min(runBytesMin, bytesMax / 4)
    }

    public var bytes: Int { total.load(ordering: .relaxed) }
    /// The most that was held at once.
    public var bytesPeak: Int { peak.load(ordering: .relaxed) }
    /// Refused reservations.
    public var refusedCount: Int { refused.load(ordering: .relaxed) }
    /// Whether the bound is exceeded, by bytes that could not be refused.
    public var isOver: Bool { bytes > bytesMax }

    public func bytes(of part: Part) -> Int {
        counters[part.rawValue].bytes.load(ordering: .relaxed)
    }

    /// Reserves bytes that are about to be allocated, if there is room.
    public func take(_ byteCount: Int, _ part: Part) -> Bool {
        var room = bytesMax
        if part != .runs { room -= max(0, runBytesMin - bytes(of: .runs)) }
        let now = total.add(byteCount, ordering: .relaxed).newValue
        if now > room {
            total.subtract(byteCount, ordering: .relaxed)
            refused.add(1, ordering: .relaxed)
            reportShortage()
            return false
        }
        counters[part.rawValue].bytes.add(byteCount, ordering: .relaxed)
        peak.max(now, ordering: .relaxed)
        return true
    }

    /// Counts bytes that exist already or, with a negative count, no longer exist.
    public func add(_ byteCount: Int, _ part: Part) {
        if byteCount == 0 { return }
        counters[part.rawValue].bytes.add(byteCount, ordering: .relaxed)
        let now = total.add(byteCount, ordering: .relaxed).newValue
        guard byteCount > 0 else { return }
        peak.max(now, ordering: .relaxed)
        if now > bytesMax { reportShortage() }
    }

    /// Sets the action to call, on any thread, when there is no room.
    func onShortage(_ action: @escaping @Sendable () -> Void) {
        shortage.withLock { $0 = action }
    }

    /// Allows the next shortage to be reported.
    func shortageHandled() { isShortageReported.store(false, ordering: .relaxed) }

    private func reportShortage() {
        if isShortageReported.exchange(true, ordering: .relaxed) { return }
        shortage.withLock { $0 }?()
    }
}

/// Bytes of an account that belong to one object. They are released with the last reference to
/// this object, which therefore accompanies the memory.
public final class MemoryHold: Sendable {
    private struct State {
        var part: MemoryAccount.Part
        var byteCount: Int
    }

    private let account: MemoryAccount
    private let state: Mutex<State>

    /// - Returns: nil if there is no room.
    public init?(_ account: MemoryAccount, _ byteCount: Int, _ part: MemoryAccount.Part) {
        guard account.take(byteCount, part) else { return nil }
        self.account = account
        state = Mutex(State(part: part, byteCount: byteCount))
    }

    /// Counts bytes that exist already.
    public init(
        counting byteCount: Int, _ account: MemoryAccount, _ part: MemoryAccount.Part
    ) {
        account.add(byteCount, part)
        self.account = account
        state = Mutex(State(part: part, byteCount: byteCount))
    }

    deinit { state.withLock { account.add(-$0.byteCount, $0.part) } }

    public var byteCount: Int { state.withLock { $0.byteCount } }

    /// - Returns: false if there is no room for more: then nothing changes.
    public func resize(to byteCount: Int) -> Bool {
        state.withLock { state in
            let more = byteCount - state.byteCount
            if more > 0 {
                guard account.take(more, state.part) else { return false }
            } else {
                account.add(more, state.part)
            }
            state.byteCount = byteCount
            return true
        }
    }

    /// Changes the count, whether there is room or not.
    public func recount(_ byteCount: Int) {
        state.withLock { state in
            account.add(byteCount - state.byteCount, state.part)
            state.byteCount = byteCount
        }
    }

    /// Assigns the bytes to another part.
    public func move(to part: MemoryAccount.Part) {
        state.withLock { state in
            account.add(-state.byteCount, state.part)
            account.add(state.byteCount, part)
            state.part = part
        }
    }
}
