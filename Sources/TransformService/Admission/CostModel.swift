// Runs of one program, as bytes of content and nanoseconds -> the predicted duration of a run on
// other content: a line through the recent runs, which decay (weighted least squares).
//
//     ns |            x .-'
//        |        x .-'              slope: covariance / variance
//        |    .-' x
//        +--------------------- bytes

/// The duration of one program's runs, by the bytes of their content.
struct CostModel: Sendable, Equatable {
    /// A run's weight in the means; the first runs have equal weights.
    static let share = 0.125
    /// The longest prediction: an hour.
    static let nanosecondsMax = 3.6e12
    /// A run counts for at most this many times its prediction. Otherwise a run that the machine
    /// delayed would make a short program a long one, which is refused while others are short.
    private static let surpriseMax = 4.0
    /// Runs without that bound, at first, while little is known.
    private static let trustCount = 4
    /// Sizes that vary by less than this share of their mean are treated as equal.
    private static let spreadMin = 0.03

    private(set) var runCount: UInt32 = 0
    /// Whether any run completed; else the model is a lower bound.
    private(set) var hasEnded = false
    private(set) var byteMean = 0.0
    private(set) var nanosecondMean = 0.0
    private(set) var byteVariance = 0.0
    private(set) var covariance = 0.0

    /// Adds a completed run.
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

    /// The duration that a run counts for.
    private func believable(_ byteCount: Int, _ nanoseconds: UInt64) -> Double {
        let taken = min(Double(nanoseconds), Self.nanosecondsMax)
        guard runCount > Self.trustCount else { return taken }
        return min(taken, Self.surpriseMax * max(prediction(byteCount), 1_000))
    }

    /// Adds a run that was stopped: it would have taken at least this long.
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

    /// Lowers the line a little. A program that is refused for its cost is not run, so nothing else
    /// would ever correct a prediction that is too high.
    mutating func lower() {
        nanosecondMean *= 15 / 16
        covariance *= 15 / 16
    }

    /// Nanoseconds. For content beyond the sizes seen, at least in proportion; for smaller content,
    /// never less than its share.
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

/// The predicted duration of a job.
struct PredictedCost: Sendable, Equatable {
    var nanoseconds: UInt64
    /// Whether it was learned from runs of the same program, not from programs in general.
    var isKnown: Bool
    /// Whether one of those runs completed; else the job may take far longer.
    var hasEnded = true
}
