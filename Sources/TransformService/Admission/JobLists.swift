// Waiting jobs as doubly linked lists in one array of nodes: any job can be removed in O(1).
//
//     nodes   | A | - | C | B |        short: A <-> B        long: C        free: -
//     ticket  generation << 32 | node: an old ticket never names a later job

/// A waiting job, with the facts that the queue needs.
struct WaitingJob<Job> {
    var job: Job
    var byteCount: Int
    var cost: PredictedCost
    /// On `MonotonicClock`.
    var deadlineNanoseconds: UInt64
    var submittedNanoseconds: UInt64
    /// The wait for which it was admitted; one far longer means that predictions have failed.
    var waitNanosecondsMax: UInt64
}

/// The list in which a job waits.
enum Lane: Int, CaseIterable, Sendable {
    /// Known to be short.
    case short
    case long
}

/// Two lists over a fixed number of nodes.
struct JobLists<Job> {
    private struct Node {
        var waiting: WaitingJob<Job>?
        var lane = Lane.short
        var generation: UInt32 = 0
        var previous = -1
        var next = -1
    }

    private struct List {
        var first = -1
        var last = -1
        var count = 0
        var costNanoseconds: UInt64 = 0
    }

    private var nodes: [Node] = []
    private var lists = [List(), List()]
    private var free = -1
    private let countMax: Int
    private(set) var byteCount = 0

    init(countMax: Int) { self.countMax = countMax }

    var count: Int { lists[0].count + lists[1].count }
    func count(_ lane: Lane) -> Int { lists[lane.rawValue].count }
    /// The predicted nanoseconds of all jobs of a lane together.
    func cost(_ lane: Lane) -> UInt64 { lists[lane.rawValue].costNanoseconds }

    /// The job that has waited longest.
    func oldest(_ lane: Lane) -> WaitingJob<Job>? {
        let first = lists[lane.rawValue].first
        return first < 0 ? nil : nodes[first].waiting
    }

    /// Appends a job.
    /// - Returns: its ticket; nil if all nodes are in use.
    mutating func append(_ waiting: WaitingJob<Job>, to lane: Lane) -> UInt64? {
        guard count < countMax else { return nil }
        let index: Int
        if free >= 0 {
            index = free
            free = nodes[index].next
        } else {
            index = nodes.count
            nodes.append(Node())
        }
        let last = lists[lane.rawValue].last
        nodes[index].waiting = waiting
        nodes[index].lane = lane
        nodes[index].previous = last
        nodes[index].next = -1
        if last >= 0 { nodes[last].next = index } else { lists[lane.rawValue].first = index }
        lists[lane.rawValue].last = index
        lists[lane.rawValue].count += 1
        lists[lane.rawValue].costNanoseconds += waiting.cost.nanoseconds
        byteCount += waiting.byteCount
        return UInt64(nodes[index].generation) << 32 | UInt64(index)
    }

    /// Removes the job of a ticket; nil if it has left already.
    mutating func remove(ticket: UInt64) -> WaitingJob<Job>? {
        let index = Int(ticket & 0xFFFF_FFFF)
        guard index < nodes.count, UInt64(nodes[index].generation) == ticket >> 32 else {
            return nil
        }
        return remove(at: index)
    }

    /// Removes the oldest job, or the newest.
    mutating func take(_ lane: Lane, newest: Bool) -> WaitingJob<Job>? {
        let list = lists[lane.rawValue]
        let index = newest ? list.last : list.first
        return index < 0 ? nil : remove(at: index)
    }

    private mutating func remove(at index: Int) -> WaitingJob<Job>? {
        guard let waiting = nodes[index].waiting else { return nil }
        let (previous, next) = (nodes[index].previous, nodes[index].next)
        let lane = nodes[index].lane.rawValue
        if previous >= 0 { nodes[previous].next = next } else { lists[lane].first = next }
        if next >= 0 { nodes[next].previous = previous } else { lists[lane].last = previous }
        lists[lane].count -= 1
        lists[lane].costNanoseconds -= waiting.cost.nanoseconds
        byteCount -= waiting.byteCount
        nodes[index].waiting = nil
        nodes[index].generation &+= 1
        nodes[index].next = free
        free = index
        return waiting
    }
}
