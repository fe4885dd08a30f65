// The learned costs of programs: lines against a reference implementation, the table's bounds, and
// the time that an event loop may spend.

import TestSupport
import Testing

@testable import TransformService

struct CostModelTests {
    /// The reference implementation: the same line, from all runs and their weights rather than
    /// from running means.
    private struct ReferenceLine {
        var runs: [(bytes: Double, nanoseconds: Double, weight: Double)] = []

        mutating func learn(_ bytes: Int, _ nanoseconds: Int) {
            let share = max(CostModel.share, 1 / Double(runs.count + 1))
            let bound = 4 * max(prediction(bytes), 1_000)
            let taken = runs.count >= 4 ? min(Double(nanoseconds), bound) : Double(nanoseconds)
            for index in runs.indices { runs[index].weight *= 1 - share }
            runs.append((Double(bytes), taken, share))
        }

        func prediction(_ byteCount: Int) -> Double {
            let bytes = runs.reduce(0) { $0 + $1.weight * $1.bytes }
            let nanoseconds = runs.reduce(0) { $0 + $1.weight * $1.nanoseconds }
            var variance = 0.0
            var covariance = 0.0
            for run in runs {
                variance += run.weight * (run.bytes - bytes) * (run.bytes - bytes)
                covariance += run.weight * (run.bytes - bytes) * (run.nanoseconds - nanoseconds)
            }
            guard bytes > 0 else { return nanoseconds }
            let share = Double(byteCount) / bytes
            if variance <= 0.03 * 0.03 * bytes * bytes {
                return max(nanoseconds, nanoseconds * share)
            }
            let slope = max(0, covariance / variance)
            return max(
                nanoseconds + slope * (Double(byteCount) - bytes), nanoseconds * min(1, share))
        }
    }

    @Test(arguments: [1, 7, 4_096, 1_000_000])
    func agreesWithTheReference(_ bytesMax: Int) {
        var random = SeededGenerator(state: UInt64(bytesMax))
        for _ in 0..<200 {
            var model = CostModel()
            var line = ReferenceLine()
            for _ in 0..<(1 + Int(random.next() % 40)) {
                let bytes = Int(random.next() % UInt64(bytesMax))
                let nanoseconds = Int(random.next() % 5_000_000) + bytes
                model.learn(byteCount: bytes, nanoseconds: UInt64(nanoseconds))
                line.learn(bytes, nanoseconds)
                let asked = Int(random.next() % UInt64(2 * bytesMax))
                let expected = max(0, min(line.prediction(asked), CostModel.nanosecondsMax))
                let off = abs(Double(model.predicted(asked)) - expected)
                #expect(off <= 1 + expected * 1e-6)
            }
        }
    }

    /// Three delayed runs in a row do not make a program a long one, forty do.
    @Test func isNotMisledByDelayedRuns() {
        var model = CostModel()
        for _ in 0..<20 { model.learn(byteCount: 100, nanoseconds: 150_000) }
        for _ in 0..<3 { model.learn(byteCount: 100, nanoseconds: 200_000_000) }
        #expect(model.predicted(100) < 500_000)
        for _ in 0..<40 { model.learn(byteCount: 100, nanoseconds: 200_000_000) }
        #expect(model.predicted(100) > 150_000_000)
        var first = CostModel()
        first.learn(byteCount: 100, nanoseconds: 1_000)
        first.learn(byteCount: 100, nanoseconds: 9_000_000)
        #expect(first.predicted(100) > 4_000_000)
    }

    @Test func learnsAFixedPartAndAPartPerByte() {
        var model = CostModel()
        for bytes in [1_000, 100_000, 10_000, 1_000_000, 20_000, 500_000] {
            model.learn(byteCount: bytes, nanoseconds: UInt64(50_000 + 3 * bytes))
        }
        #expect(abs(Int(model.predicted(0)) - 50_000) <= 1)
        #expect(abs(Int(model.predicted(200_000)) - 650_000) <= 1)
    }

    @Test func largerContentCostsInProportion() {
        var model = CostModel()
        for _ in 0..<5 { model.learn(byteCount: 1_000, nanoseconds: 2_000) }
        #expect(model.predicted(10) == 2_000)
        #expect(model.predicted(1_000) == 2_000)
        #expect(model.predicted(10_000) == 20_000)
    }

    @Test func isRaisedByAStoppedRunOnlyUpwards() {
        var model = CostModel()
        model.raise(byteCount: 100, nanoseconds: 900)
        #expect(model.predicted(100) == 900)
        model.raise(byteCount: 100, nanoseconds: 500)
        #expect(model.predicted(100) == 900)
        model.raise(byteCount: 200, nanoseconds: 1_000_000)
        #expect(abs(Int(model.predicted(200)) - 1_000_000) <= 1)
    }

    @Test func isLoweredByRefusals() {
        var model = CostModel()
        model.learn(byteCount: 1, nanoseconds: 16_000)
        model.lower()
        #expect(model.predicted(1) == 15_000)
        for _ in 0..<200 { model.lower() }
        #expect(model.predicted(1) == 0)
        model.raise(byteCount: 1, nanoseconds: 7)
        #expect(model.predicted(1) == 7)
    }

    @Test func isBounded() {
        var model = CostModel()
        model.learn(byteCount: .max, nanoseconds: .max)
        model.learn(byteCount: 0, nanoseconds: 0)
        model.raise(byteCount: .max, nanoseconds: .max)
        #expect(model.predicted(.max) <= UInt64(CostModel.nanosecondsMax))
        #expect(model.predicted(0) <= UInt64(CostModel.nanosecondsMax))
    }
}

struct CostTableTests {
    @Test func knowsWhatItLearned() {
        let table = CostTable()
        #expect(table.known(7, byteCount: 1) == nil)
        #expect(table.predict(7, byteCount: 1).isKnown == false)
        table.learn(7, byteCount: 1, nanoseconds: 300, isComplete: true)
        #expect(table.predict(7, byteCount: 1) == PredictedCost(nanoseconds: 300, isKnown: true))
        #expect(table.known(8, byteCount: 1) == nil)
        table.learn(7, byteCount: 1, nanoseconds: 900, isComplete: false)
        #expect(table.known(7, byteCount: 1) == 900)
    }

    /// The cost of an unknown program is guessed from the first runs of others.
    @Test func guessesFromFirstRuns() {
        let table = CostTable()
        for key in 1...200 {
            table.learn(key, byteCount: 1_024, nanoseconds: 40_000_000, isComplete: true)
        }
        let guess = table.predict(nil, byteCount: 1_024)
        #expect(guess.isKnown == false)
        #expect(abs(Int(guess.nanoseconds) - 40_000_000) < 1_000)
        // Later runs of one program say nothing about others.
        for _ in 0..<200 {
            table.learn(1, byteCount: 1_024, nanoseconds: 1, isComplete: true)
        }
        #expect(table.predict(nil, byteCount: 1_024) == guess)
    }

    @Test(arguments: [(1, 64), (64, 64), (65, 128), (2_048, 2_048)])
    func isBoundedInCount(_ asked: Int, _ countMax: Int) {
        let table = CostTable(countMax: asked)
        #expect(table.countMax == countMax)
        var random = SeededGenerator(state: 3)
        let keys = (0..<4 * countMax).map { _ in Int(bitPattern: UInt(random.next())) }
        for key in keys {
            table.learn(key, byteCount: 1, nanoseconds: 5, isComplete: true)
            #expect(table.known(key, byteCount: 1) == 5)
        }
        let left = keys.count { table.known($0, byteCount: 1) != nil }
        #expect(left <= countMax)
        #expect(left > countMax / 2)
    }

    /// Five programs in one set of the table: the least recently used one is dropped.
    @Test func keepsWhatIsUsed() {
        let table = CostTable(countMax: 64)
        let keys = (1...5).map { $0 * 64 }
        for key in keys[..<4] { table.learn(key, byteCount: 1, nanoseconds: 5, isComplete: true) }
        #expect(table.known(keys[0], byteCount: 1) == 5)
        table.learn(keys[4], byteCount: 1, nanoseconds: 5, isComplete: true)
        #expect(table.known(keys[1], byteCount: 1) == nil)
        for index in [0, 2, 3, 4] { #expect(table.known(keys[index], byteCount: 1) == 5) }
    }
}

struct LoopBudgetTests {
    @Test func boundsATurn() {
        var budget = LoopBudget()
        let bound = LoopBudget.iterationNanosecondsMax
        budget.ran(nanoseconds: LoopBudget.countedNanosecondsMin - 1, inIteration: 7)
        budget.ran(nanoseconds: bound - 1, inIteration: 7)
        #expect(budget.hasTime(inIteration: 7))
        budget.ran(nanoseconds: LoopBudget.countedNanosecondsMin, inIteration: 7)
        #expect(!budget.hasTime(inIteration: 7))
        #expect(budget.hasTime(inIteration: 8))
        budget.ran(nanoseconds: bound - 1, inIteration: 8)
        #expect(budget.hasTime(inIteration: 8))
        budget.ran(nanoseconds: bound, inIteration: 8)
        #expect(!budget.hasTime(inIteration: 8))
    }

    @Test func boundsTheTimeOfAbandonedRuns() {
        var budget = LoopBudget()
        let start: UInt64 = 5_000_000_000
        #expect(budget.mayTry(now: start) == true)
        budget.abandoned(nanoseconds: LoopBudget.abandonedNanosecondsMax - 1)
        #expect(budget.mayTry(now: start) == true)
        budget.abandoned(nanoseconds: 200_000)
        #expect(budget.mayTry(now: start) == false)
        #expect(budget.mayTry(now: start + 19) == false)
        #expect(budget.mayTry(now: start + 20) == true)
        budget.abandoned(nanoseconds: .max)
        // After any pause no more than one second's allowance is there.
        #expect(budget.mayTry(now: start + 100_000_000_000) == true)
        budget.abandoned(nanoseconds: LoopBudget.abandonedNanosecondsMax)
        #expect(budget.mayTry(now: start + 100_000_000_000) == false)
    }
}
