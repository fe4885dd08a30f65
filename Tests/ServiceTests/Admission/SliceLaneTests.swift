// Slices of batches: the order among their owners, and when they run before jobs.

import Testing
import Transforms

@testable import TransformService

private final class LaneJob: PoolJob {
    let byteCount = 1
    let deadlineNanoseconds: UInt64 = .max
    let cost = PredictedCost(nanoseconds: 1_000, isKnown: false)

    func run(on executor: Executor) {}
    func drop(_ reason: ShedReason) {}
}

private final class NamedSlice: Slice {
    let name: String
    let deadlineNanoseconds: UInt64 = .max

    init(_ name: String) { self.name = name }

    func run(on executor: Executor) {}
}

struct SliceLaneTests {
    private typealias Owner = SliceOwner<any Slice>

    private static func names(_ lane: inout SliceLane<any Slice>) -> [String] {
        var names: [String] = []
        while let slice = lane.take() { names.append((slice as? NamedSlice)?.name ?? "?") }
        return names
    }

    @Test func ownersTakeTurns() {
        var lane = SliceLane<any Slice>()
        let (a, b, c) = (Owner(), Owner(), Owner())
        for name in ["a1", "a2", "a3", "a4"] {
            lane.add(NamedSlice(name), of: a, isNext: false)
        }
        lane.add(NamedSlice("b1"), of: b, isNext: false)
        for name in ["c1", "c2"] { lane.add(NamedSlice(name), of: c, isNext: false) }
        #expect(Self.names(&lane) == ["a1", "b1", "c1", "a2", "c2", "a3", "a4"])
        #expect(lane.isEmpty)
    }

    @Test func aContinuedSliceIsTheNextOfItsOwner() {
        var lane = SliceLane<any Slice>()
        let (a, b) = (Owner(), Owner())
        lane.add(NamedSlice("a1"), of: a, isNext: false)
        lane.add(NamedSlice("b1"), of: b, isNext: false)
        lane.add(NamedSlice("a0"), of: a, isNext: true)
        #expect(Self.names(&lane) == ["a0", "b1", "a1"])
    }

    @Test func anOwnersSlicesAreWithdrawn() {
        var lane = SliceLane<any Slice>()
        let (a, b) = (Owner(), Owner())
        lane.add(NamedSlice("a1"), of: a, isNext: false)
        lane.add(NamedSlice("b1"), of: b, isNext: false)
        lane.add(NamedSlice("a2"), of: a, isNext: false)
        lane.remove(a)
        #expect(Self.names(&lane) == ["b1"])
        lane.add(NamedSlice("a3"), of: a, isNext: false)
        #expect(Self.names(&lane) == ["a3"])
    }

    @Test func jobsGoFirst() {
        let queue = WorkQueue<LaneJob, any Slice>(
            QueuePolicy(countMax: 8, bytesMax: 100, workerCount: 1))
        let owner = Owner()
        queue.submit(NamedSlice("slice"), of: owner, isNext: false)
        let jobs = [LaneJob(), LaneJob()]
        for job in jobs {
            if case .failure = queue.submit(job, now: 1) { Issue.record("it was refused") }
        }
        var order: [String] = []
        for _ in 0..<3 {
            let taken = queue.take(worker: 0)
            order.append(taken.job != nil ? "job" : taken.slice != nil ? "slice" : "nothing")
        }
        // If the machine pauses for 10 ms the slice runs earlier, never later.
        #expect(order.count { $0 == "job" } == 2)
        #expect(order.contains("slice"))
        queue.close()
        #expect(queue.take(worker: 0).isClosed)
    }
}
