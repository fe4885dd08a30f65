// Timers ordered by time: a binary heap in which each timer knows its index.

/// A call on a loop at some time. It belongs to its loop's thread.
public class LoopTimer {
    fileprivate unowned let loop: EventLoop
    fileprivate var index = -1
    /// When it fires; the largest number if it is not set.
    fileprivate(set) var time = UInt64.max

    init(_ loop: EventLoop) { self.loop = loop }

    /// The time has come. The timer may be set again.
    func fire(now: UInt64) {}

    /// - Parameter time: of the monotonic clock, in nanoseconds; replaces an earlier setting.
    func set(_ time: UInt64) { loop.set(self, time) }

    /// Prevents the call. Call it on the loop.
    public func cancel() { loop.remove(self) }
}

/// A timer that calls a closure once.
final class TaskTimer: LoopTimer {
    private let task: @Sendable () -> Void

    init(_ loop: EventLoop, _ task: @escaping @Sendable () -> Void) {
        self.task = task
        super.init(loop)
    }

    override func fire(now: UInt64) { task() }
}

/// The timers of one loop that are set.
struct TimerHeap {
    private struct Entry {
        var time: UInt64
        let timer: LoopTimer
    }

    private var entries = ContiguousArray<Entry>()

    /// The time of the first timer; the largest number for none.
    var firstTime: UInt64 { entries.first?.time ?? .max }

    mutating func set(_ timer: LoopTimer, _ time: UInt64) {
        timer.time = time
        if timer.index < 0 {
            timer.index = entries.count
            entries.append(Entry(time: time, timer: timer))
            rise(from: timer.index)
        } else {
            let isEarlier = time < entries[timer.index].time
            entries[timer.index].time = time
            if isEarlier { rise(from: timer.index) } else { sink(from: timer.index) }
        }
    }

    mutating func remove(_ timer: LoopTimer) {
        let index = timer.index
        guard index >= 0 else { return }
        timer.index = -1
        timer.time = .max
        let last = entries.removeLast()
        guard index < entries.count else { return }
        entries[index] = last
        last.timer.index = index
        rise(from: index)
        sink(from: last.timer.index)
    }

    /// Removes the first timer if its time has come.
    mutating func popDue(_ now: UInt64) -> LoopTimer? {
        guard let first = entries.first, first.time <= now else { return nil }
        remove(first.timer)
        return first.timer
    }

    mutating func removeAll() {
        for entry in entries { entry.timer.index = -1 }
        entries.removeAll()
    }

    private mutating func rise(from start: Int) {
        var index = start
        while index > 0, entries[index].time < entries[(index - 1) / 2].time {
            exchange(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(from start: Int) {
        var index = start
        while true {
            var least = 2 * index + 1
            if least >= entries.count { return }
            if least + 1 < entries.count, entries[least + 1].time < entries[least].time {
                least += 1
            }
            if entries[index].time <= entries[least].time { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        entries.swapAt(a, b)
        entries[a].timer.index = a
        entries[b].timer.index = b
    }
}
