// Turns of an event loop with sources that are always ready: greedy ones share a part of each turn,
// one after the other, while the others are called in every turn.

import Testing

@testable import HTTPKit

@Suite struct LoopTurnTests {
    /// Takes some time whenever it is called, and is ready again.
    private final class BusySource: EventSource {
        private let network: SimulatedNetwork
        private(set) var callCount = 0

        init(_ network: SimulatedNetwork, isGreedy: Bool) {
            self.network = network
            let (descriptor, link) = network.makeLink()
            _ = link.clientSends([1])
            super.init(descriptor: descriptor)
            self.isGreedy = isGreedy
        }

        override func ready(_ readiness: Readiness) {
            callCount += 1
            network.time += 100_000
        }
    }

    @Test func greedySourcesShareAPartOfEachTurn() {
        let network = SimulatedNetwork(time: 1, seed: 1)
        let loop = EventLoop(network)
        loop.adoptThread()
        let greedy = (0..<20).map { _ in BusySource(network, isGreedy: true) }
        let others = (0..<3).map { _ in BusySource(network, isGreedy: false) }
        for source in greedy + others { #expect(loop.register(source, .read)) }
        let start = network.time
        for _ in 0..<40 { _ = loop.runIteration() }
        #expect(others.allSatisfy { $0.callCount == 40 })
        // Half a millisecond of each turn is five calls.
        #expect(greedy.allSatisfy { $0.callCount == 10 })
        #expect(network.time - start == 40 * 800_000)
        for source in greedy + others { loop.deregister(source) }
        _ = loop.runIteration()
        #expect(greedy.allSatisfy { $0.callCount == 10 })
    }
}
