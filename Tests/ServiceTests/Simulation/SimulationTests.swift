// Connections and batches under random interleavings, from seeds. By default a few hundred runs;
// for longer:
//
//     SIMULATION_SECONDS=600 SIMULATION_SEED=1 swift test --filter SimulationTests

import Foundation
import Testing

@testable import Transforms

@Suite struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let faultsMax = 5

    @Test(arguments: Scenario.allCases) func everyAnswerIsWholeAndNothingIsLeft(
        _ scenario: Scenario
    ) {
        let first = UInt64(Self.environment["SIMULATION_SEED"] ?? "1") ?? 1
        let seconds = Double(Self.environment["SIMULATION_SECONDS"] ?? "") ?? 0
        let end =
            MonotonicClock.nanoseconds()
            + UInt64(seconds * 1e9) / UInt64(Scenario.allCases.count)
        var seed = first
        var faulty = 0
        while seed < first + 60 || MonotonicClock.nanoseconds() < end {
            let faults = Simulation.run(scenario, seed: seed)
            if !faults.isEmpty { faulty += 1 }
            for fault in faults.prefix(2) {
                Issue.record("\(scenario.rawValue), seed \(seed): \(fault)")
            }
            if faulty >= Self.faultsMax { break }
            seed += 1
        }
        if seconds > 0 { print("\(scenario.rawValue): seeds \(first) to \(seed - 1)") }
    }
}
