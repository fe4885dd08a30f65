// Bytes and times -> whether the rate in the last two windows is too slow.

import Testing

@testable import HTTPKit

@Suite struct RateMeterTests {
    private let second: UInt64 = 1_000_000_000

    /// Whether the rate is too slow at the end of each window, given the bytes of each window.
    private func verdicts(_ byteCounts: [Int], _ limits: ConnectionLimits) -> [Bool] {
        var meter = RateMeter()
        meter.start(now: 0, limits)
        return byteCounts.indices.map { index in
            meter.add(byteCounts[index])
            return meter.isTooSlow(now: UInt64(index + 1) * limits.rateWindowNanoseconds, limits)
        }
    }

    @Test func windowsAreJudgedInPairs() {
        #expect(verdicts([0, 10_000, 0, 0], ConnectionLimits()) == [false, false, false, true])
        #expect(verdicts([0, 9_999], ConnectionLimits()) == [false, true])
        #expect(
            verdicts([5_000, 5_000, 5_000, 4_999], ConnectionLimits()) == [
                false, false, false, true,
            ])
    }

    @Test func onlyTheEndOfAWindowIsJudged() {
        var meter = RateMeter()
        #expect(!meter.isRunning)
        let before = meter.isTooSlow(now: 100 * second, ConnectionLimits())
        meter.start(now: 0, ConnectionLimits())
        let within = meter.isTooSlow(now: 5 * second - 1, ConnectionLimits())
        meter.stop()
        let after = meter.isTooSlow(now: 100 * second, ConnectionLimits())
        #expect(!before && !within && !after)
    }

    @Test func anyRateIsAllowedWithoutAMinimum() {
        var limits = ConnectionLimits()
        limits.bytesPerSecondMin = 0
        #expect(!verdicts([Int](repeating: 0, count: 20), limits).contains(true))
    }
}
