// Which jobs are admitted, which run next and which are dropped, at times that the tests choose.

import TestSupport
import Testing

@testable import TransformService

struct QueueDisciplineTests {
    private typealias Discipline = QueueDiscipline<Int>

    private static let millisecond: UInt64 = 1_000_000
    private static let never: UInt64 = 1_000_000 * millisecond

    private static func discipline(workers: Int = 1, express: Int = 0) -> Discipline {
        Discipline(
            QueuePolicy(
                countMax: 1_000, bytesMax: 1_000, workerCount: workers, expressCount: express,
                waitPercent: 10))
    }

    private static func known(_ milliseconds: UInt64) -> PredictedCost {
        PredictedCost(nanoseconds: milliseconds * millisecond, isKnown: true)
    }

    private static func unknown(_ milliseconds: UInt64) -> PredictedCost {
        PredictedCost(nanoseconds: milliseconds * millisecond, isKnown: false)
    }

    /// Submits; the rejection's reason, or nil.
    private static func submit(
        _ job: Int, _ cost: PredictedCost, to discipline: inout Discipline,
        deadline: UInt64 = never, at now: UInt64 = 0, byteCount: Int = 1
    ) -> ShedReason? {
        do throws(Rejection) {
            _ = try discipline.submit(
                job, cost, byteCount: byteCount, deadline: deadline, now: now)
            return nil
        } catch {
            return error.reason
        }
    }

    /// The next job of a worker; nil if it waits.
    private static func run(
        _ discipline: inout Discipline, _ worker: Int = 0, at now: UInt64 = 0
    ) -> Int? {
        discipline.finish(worker: worker)
        if case .run(let job) = discipline.next(worker: worker, now: now) { return job }
        return nil
    }

    // MARK: Admission

    @Test func admitsJobsThatWaitForATenthOfTheirTime() {
        var discipline = Self.discipline()
        let deadline = 1_000 * Self.millisecond
        #expect(Self.submit(0, Self.known(10), to: &discipline, deadline: deadline) == nil)
        #expect(Self.run(&discipline) == 0)
        // 10 ms run, 10 ms for each that waits: the tenth would wait for 100 ms.
        for job in 1...10 {
            #expect(Self.submit(job, Self.known(10), to: &discipline, deadline: deadline) == nil)
        }
        #expect(
            Self.submit(11, Self.known(10), to: &discipline, deadline: deadline) == .predictedLate)
        #expect(discipline.shed[.predictedLate] == 1)
        // A job that has more time may wait longer.
        #expect(Self.submit(12, Self.known(10), to: &discipline, deadline: 2 * deadline) == nil)
        // So may a job that runs long itself, if it ends in time.
        #expect(Self.submit(13, Self.known(60), to: &discipline, deadline: deadline) == nil)
    }

    /// A process that has run nothing yet: a hundred clients come at once, with 111 kB each.
    @Test func admitsAFirstBurst() {
        var discipline = Discipline(
            QueuePolicy(countMax: 1_000, bytesMax: 1 << 30, workerCount: 2))
        let costs = CostTable()
        for job in 0..<100 {
            let cost = costs.predict(7, byteCount: 111_000)
            #expect(!cost.isKnown)
            let refused = Self.submit(
                job, cost, to: &discipline, deadline: Configuration().timeoutNanoseconds,
                byteCount: 111_000)
            #expect(refused == nil)
        }
    }

    @Test func refusesJobsThatCannotEndInTime() {
        var discipline = Self.discipline()
        let deadline = 100 * Self.millisecond
        // A worker that is free takes anything: what was learned may be wrong.
        #expect(Self.submit(0, Self.known(500), to: &discipline, deadline: deadline) == nil)
        #expect(Self.run(&discipline) == 0)
        discipline.finish(worker: 0)
        #expect(Self.submit(1, Self.known(40), to: &discipline, deadline: deadline) == nil)
        #expect(Self.run(&discipline) == 1)
        #expect(
            Self.submit(2, Self.known(61), to: &discipline, deadline: deadline) == .predictedLate)
        #expect(Self.submit(3, Self.known(60), to: &discipline, deadline: deadline) == nil)
        #expect(Self.submit(4, Self.unknown(9), to: &discipline, deadline: 0) == .expired)
    }

    @Test func countsTheRemainingTimeOfRunningJobs() {
        var discipline = Self.discipline()
        #expect(Self.submit(0, Self.known(50), to: &discipline) == nil)
        #expect(Self.run(&discipline) == 0)
        #expect(discipline.predictedWait(.long, now: 0) == 50 * Self.millisecond)
        #expect(
            discipline.predictedWait(.long, now: 30 * Self.millisecond) == 20 * Self.millisecond)
        #expect(discipline.predictedWait(.long, now: 60 * Self.millisecond) == 0)
    }

    @Test func saysWhenToRetry() {
        var discipline = Self.discipline()
        #expect(Self.submit(0, Self.known(2_500), to: &discipline) == nil)
        #expect(Self.run(&discipline) == 0)
        #expect(
            throws: Rejection(reason: .predictedLate, retryAfterSeconds: 3)
        ) {
            try discipline.submit(
                1, Self.known(10), byteCount: 1, deadline: 1_000 * Self.millisecond, now: 0)
        }
    }

    @Test func isBoundedInCountAndBytes() {
        var discipline = Discipline(QueuePolicy(countMax: 2, bytesMax: 10, workerCount: 1))
        #expect(Self.submit(0, Self.known(1), to: &discipline, byteCount: 11) == nil)
        #expect(Self.submit(1, Self.known(1), to: &discipline, byteCount: 0) == .queueFull)
        #expect(Self.run(&discipline) == 0)
        #expect(Self.submit(2, Self.known(1), to: &discipline, byteCount: 6) == nil)
        #expect(Self.submit(3, Self.known(1), to: &discipline, byteCount: 5) == .queueFull)
        #expect(Self.submit(4, Self.known(1), to: &discipline, byteCount: 4) == nil)
        #expect(Self.submit(5, Self.known(1), to: &discipline, byteCount: 0) == .queueFull)
        #expect(discipline.shed[.queueFull] == 3)
    }

    /// Against adding the work unit by unit to the worker that has least.
    @Test func levelsWorkOverWorkers() {
        var random = SeededGenerator(state: 11)
        for _ in 0..<2_000 {
            let floor = (0..<(1 + Int(random.next() % 6))).map { _ in random.next() % 20 }
            let work = random.next() % 100
            var remaining = floor
            let level = Discipline.waterLevel(&remaining, work)
            var steps = floor
            for _ in 0..<work {
                let lowest = steps.indices.min { steps[$0] < steps[$1] } ?? 0
                steps[lowest] += 1
            }
            #expect(level == steps.min())
        }
    }

    // MARK: Order

    @Test func shortJobsGoFirstUntilALongOneIsAged() {
        var discipline = Self.discipline()
        #expect(Self.submit(0, Self.known(6), to: &discipline) == nil)
        for job in 1...4 { #expect(Self.submit(job, Self.known(5), to: &discipline) == nil) }
        #expect(Self.submit(5, Self.unknown(1), to: &discipline) == nil)
        #expect(Self.run(&discipline) == 1)
        let aged = QueuePolicy.agedNanoseconds
        #expect(Self.run(&discipline, at: aged - 1) == 2)
        // From then on long and short jobs take turns.
        #expect(Self.run(&discipline, at: aged) == 0)
        #expect(Self.run(&discipline, at: aged) == 3)
        #expect(Self.run(&discipline, at: aged) == 5)
        #expect(Self.run(&discipline, at: aged) == 4)
        #expect(Self.run(&discipline, at: aged) == nil)
    }

    @Test func expressWorkersTakeShortJobsBesideLongOnes() {
        var discipline = Self.discipline(workers: 2, express: 1)
        #expect(Self.submit(0, Self.known(100), to: &discipline) == nil)
        #expect(Self.submit(1, Self.known(1), to: &discipline) == nil)
        #expect(Self.run(&discipline, 2) == nil)
        #expect(Self.run(&discipline, 0) == 1)
        #expect(Self.run(&discipline, 1) == 0)
        #expect(Self.submit(2, Self.known(1), to: &discipline) == nil)
        // One worker will be free soon.
        #expect(Self.run(&discipline, 2) == nil)
        #expect(Self.submit(3, Self.unknown(1), to: &discipline) == nil)
        #expect(Self.run(&discipline, 0) == 2)
        #expect(Self.run(&discipline, 0) == 3)
        #expect(Self.submit(4, Self.unknown(1), to: &discipline) == nil)
        #expect(Self.submit(5, Self.known(1), to: &discipline) == nil)
        #expect(discipline.isExpressNeeded)
        #expect(Self.run(&discipline, 2) == 5)
        #expect(Self.run(&discipline, 2) == nil)
    }

    @Test func dropsJobsThatAreTooLate() {
        var discipline = Self.discipline()
        let deadline = 100 * Self.millisecond
        for job in 0..<4 {
            #expect(Self.submit(job, Self.unknown(0), to: &discipline, deadline: deadline) == nil)
        }
        #expect(Self.submit(4, Self.known(10), to: &discipline, deadline: 2 * deadline) == nil)
        #expect(Self.submit(5, Self.known(10), to: &discipline, deadline: 2 * deadline) == nil)
        #expect(Self.submit(6, Self.known(10), to: &discipline, deadline: 2 * deadline) == nil)
        #expect(Self.run(&discipline, at: deadline - 1) == 0)
        for job in 1..<4 {
            guard case .drop(job, .expired) = discipline.next(worker: 0, now: deadline) else {
                Issue.record("\(job) is not dropped")
                return
            }
        }
        let late = 2 * deadline - 10 * Self.millisecond
        #expect(Self.run(&discipline, at: late) == 4)
        guard case .drop(5, .predictedLate) = discipline.next(worker: 0, now: late + 1) else {
            Issue.record("5 is not dropped")
            return
        }
        // The only job that is left may try.
        #expect(Self.run(&discipline, at: late + 1) == 6)
        #expect(discipline.shed[.expired] == 3)
        #expect(discipline.shed[.predictedLate] == 1)
    }

    /// Jobs that take much longer than predicted: the oldest have waited beyond twice their bound.
    @Test func servesTheNewestFirstOnAStandingQueue() {
        var discipline = Self.discipline()
        let bound = 100 * Self.millisecond
        for job in 0..<10 {
            #expect(
                Self.submit(job, Self.unknown(0), to: &discipline, deadline: 10 * bound) == nil)
        }
        #expect(Self.run(&discipline, at: 2 * bound) == 0)
        #expect(Self.run(&discipline, at: 2 * bound + 1) == 1)
        let standing = 2 * bound + 1 + QueuePolicy.standingNanoseconds
        #expect(Self.run(&discipline, at: standing - 1) == 2)
        #expect(Self.run(&discipline, at: standing) == 9)
        #expect(discipline.isNewestFirst(.long))
        #expect(Self.submit(10, Self.unknown(0), to: &discipline, at: standing) == nil)
        #expect(Self.run(&discipline, at: standing) == 10)
        for job in [8, 7, 6, 5, 4, 3] { #expect(Self.run(&discipline, at: standing) == job) }
        // A queue that is short again is served in order.
        for job in 11...12 {
            #expect(Self.submit(job, Self.unknown(0), to: &discipline, at: standing) == nil)
        }
        #expect(Self.run(&discipline, at: standing + 1) == 11)
        #expect(!discipline.isNewestFirst(.long))
    }
}

struct JobListsTests {
    private static func waiting(_ job: Int) -> WaitingJob<Int> {
        WaitingJob(
            job: job, byteCount: job % 7,
            cost: PredictedCost(nanoseconds: UInt64(job % 11), isKnown: true),
            deadlineNanoseconds: 0, submittedNanoseconds: 0, waitNanosecondsMax: 0)
    }

    /// Against plain arrays, with seeded random calls.
    @Test func behaveAsArrays() {
        var random = SeededGenerator(state: 5)
        var lists = JobLists<Int>(countMax: 12)
        var arrays: [[(ticket: UInt64, job: Int)]] = [[], []]
        var past: [UInt64] = []
        for job in 0..<30_000 {
            let lane: Lane = random.next() % 2 == 0 ? .short : .long
            switch random.next() % 4 {
            case 0, 1:
                let isFull = arrays[0].count + arrays[1].count == 12
                let ticket = lists.append(Self.waiting(job), to: lane)
                #expect((ticket == nil) == isFull)
                if let ticket { arrays[lane.rawValue].append((ticket, job)) }
            case 2:
                let newest = random.next() % 2 == 0
                let expected = newest ? arrays[lane.rawValue].last : arrays[lane.rawValue].first
                #expect(lists.take(lane, newest: newest)?.job == expected?.job)
                if let expected {
                    past.append(expected.ticket)
                    if newest {
                        arrays[lane.rawValue].removeLast()
                    } else {
                        arrays[lane.rawValue].removeFirst()
                    }
                }
            default:
                guard let index = arrays[lane.rawValue].indices.randomElement(using: &random) else {
                    break
                }
                let (ticket, expected) = arrays[lane.rawValue].remove(at: index)
                #expect(lists.remove(ticket: ticket)?.job == expected)
                past.append(ticket)
            }
            if let ticket = past.randomElement(using: &random) {
                #expect(lists.remove(ticket: ticket) == nil)
            }
            let all = arrays[0] + arrays[1]
            #expect(lists.count == all.count)
            #expect(lists.byteCount == all.reduce(0) { $0 + $1.job % 7 })
            #expect(lists.oldest(lane)?.job == arrays[lane.rawValue].first?.job)
            let cost = arrays[lane.rawValue].reduce(0) { $0 + $1.job % 11 }
            #expect(lists.cost(lane) == UInt64(cost))
        }
    }
}
