// Families and samples -> Prometheus text, version 0.0.4:
//
//     # HELP transform_workers Threads that run programs.
//     # TYPE transform_workers gauge
//     transform_workers 2

/// Appends families, one after the other. Names and labels are the service's own, so only external
/// label values are escaped.
struct MetricsText {
    enum Kind { case counter, gauge, histogram }

    static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var bytes: [UInt8] = []
    private var family: StaticString = ""

    init() { bytes.reserveCapacity(32 * 1024) }

    /// Begins a family; its samples follow.
    mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        family = name
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n".utf8
    }

    /// A sample of the family.
    /// - Parameter labels: `name="value"` pairs with commas between them.
    mutating func sample(_ value: Double, labels: String = "", suffix: StaticString = "") {
        bytes += "\(family)\(suffix)".utf8
        if !labels.isEmpty { bytes += "{\(labels)}".utf8 }
        bytes.append(UInt8(ascii: " "))
        bytes += Self.number(value).utf8
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func sample(_ value: UInt64, labels: String = "", suffix: StaticString = "") {
        sample(Double(value), labels: labels, suffix: suffix)
    }

    mutating func sample(_ value: Int, labels: String = "") {
        sample(Double(value), labels: labels)
    }

    /// A family of one sample.
    mutating func gauge(_ name: StaticString, _ value: Int, _ help: StaticString) {
        family(name, .gauge, help)
        sample(value)
    }

    mutating func counter(_ name: StaticString, _ value: UInt64, _ help: StaticString) {
        family(name, .counter, help)
        sample(value)
    }

    /// The buckets, sum and count of one set of labels.
    /// - Parameter counts: of `histogram.counterCount`.
    mutating func histogram(_ histogram: Histogram, _ counts: [UInt64], labels: String = "") {
        let comma = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (index, bound) in histogram.bounds.enumerated() {
            total &+= counts[index]
            let bound = Self.number(histogram.shown(bound))
            sample(total, labels: "\(labels)\(comma)le=\"\(bound)\"", suffix: "_bucket")
        }
        total &+= counts[histogram.bounds.count]
        sample(total, labels: "\(labels)\(comma)le=\"+Inf\"", suffix: "_bucket")
        sample(histogram.shown(counts[histogram.bounds.count + 1]), labels: labels, suffix: "_sum")
        sample(total, labels: labels, suffix: "_count")
    }

    /// Whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if let whole = Int(exactly: value) { return "\(whole)" }
        return "\(value)"
    }

    /// A label's value in quotes.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": quoted += "\\\\"
            case "\"": quoted += "\\\""
            case "\n": quoted += "\\n"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Histogram {
    /// In the unit of the text: seconds or bytes.
    func shown(_ value: UInt64) -> Double {
        unit == .nanoseconds ? Double(value) / 1_000_000_000 : Double(value)
    }
}
