// Runs of one program, each as bytes of content and nanoseconds -> what a run on other content is
// likely to take: a line through the recent runs, which fade out (weighted least squares).
//
//     ns |            x .-'
//        |        x .-'              slope: covariance / variance
//        |    .-' x
//        +--------------------- bytes

/// What one program's runs take, by the bytes of their content.
struct CostModel: Sendable, Equatable {
    /// A run's share in the means; of the first runs each counts alike.
    static let share = 0.125
    /// The longest prediction: an hour.
    static let nanosecondsMax = 3.6e12
    /// A run counts for at most so many times what it was thought to take: one that the machine
    /// held up would make a short program a long one, which is refused while others are short.
    private static let surpriseMax = 4.0
    /// Runs without that bound: little is known yet.
    private static let trustCount = 4
    /// Sizes that vary by less than this share of their mean count as one size.
    private static let spreadMin = 0.03

    private(set) var runCount: UInt32 = 0
    /// Whether a run came to its end: else what is known is a lower bound.
    private(set) var hasEnded = false
    private(set) var byteMean = 0.0
    private(set) var nanosecondMean = 0.0
    private(set) var byteVariance = 0.0
    private(set) var covariance = 0.0

    /// Takes in a run that came to its end.
    mutating func learn(byteCount: Int, nanoseconds: UInt64) {
        hasEnded = true
        add(byteCount: byteCount, nanoseconds: nanoseconds)
    }

    private mutating func add(byteCount: Int, nanoseconds: UInt64) {
        if runCount < .max { runCount += 1 }
        let share = max(Self.share, 1 / Double(runCount))
        let bytesOff = Double(byteCount) - byteMean
        let nanosecondsOff = believable(byteCount, nanoseconds) - nanosecondMean
        byteMean += share * bytesOff
        nanosecondMean += share * nanosecondsOff
        byteVariance = (1 - share) * (byteVariance + share * bytesOff * bytesOff)
        covariance = (1 - share) * (covariance + share * bytesOff * nanosecondsOff)
    }

    /// What a run counts for.
    private func believable(_ byteCount: Int, _ nanoseconds: UInt64) -> Double {
        let taken = min(Double(nanoseconds), Self.nanosecondsMax)
        guard runCount > Self.trustCount else { return taken }
        return min(taken, Self.surpriseMax * max(prediction(byteCount), 1_000))
    }

    /// Takes in a run that was stopped: it would have taken at least this long.
    mutating func raise(byteCount: Int, nanoseconds: UInt64) {
        let bound = min(Double(nanoseconds), Self.nanosecondsMax)
        let predicted = prediction(byteCount)
        guard predicted < bound else { return }
        if predicted < 1 {
            add(byteCount: byteCount, nanoseconds: nanoseconds)
            if prediction(byteCount) < bound { nanosecondMean = bound }
        } else {
            nanosecondMean *= bound / predicted
            covariance *= bound / predicted
        }
    }

    /// Lowers the line a little. A program that is refused for its cost is not run, so that
    /// nothing would ever correct a prediction that is too high.
    mutating func lower() {
        nanosecondMean *= 15 / 16
        covariance *= 15 / 16
    }

    /// Nanoseconds. Content beyond the sizes that were seen counts in proportion at least, smaller
    /// content never for less than its share.
    func predicted(_ byteCount: Int) -> UInt64 {
        UInt64(max(0, min(prediction(byteCount), Self.nanosecondsMax)))
    }

    private func prediction(_ byteCount: Int) -> Double {
        guard byteMean > 0 else { return nanosecondMean }
        let bytes = Double(byteCount)
        let proportional = nanosecondMean * bytes / byteMean
        let spread = Self.spreadMin * byteMean
        guard byteVariance > spread * spread else { return max(nanosecondMean, proportional) }
        let line = nanosecondMean + max(0, covariance / byteVariance) * (bytes - byteMean)
        return max(line, min(nanosecondMean, proportional))
    }
}

/// What a job is likely to take.
struct PredictedCost: Sendable, Equatable {
    var nanoseconds: UInt64
    /// Learned from runs of the same program, not from programs at large.
    var isKnown: Bool
    /// Whether one of those runs came to its end; else it may take far longer.
    var hasEnded = true
}
