// A message of swift-log -> a line in the chosen format, in the sink.

import Logging

struct LineLogHandler: LogHandler {
    private let sink: LogSink
    private let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(_ sink: LogSink, _ format: LogFormat, level: Logger.Level) {
        self.sink = sink
        self.format = format
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = LogLine(format)
        line.begin(Timestamp.now, event.level, "\(event.message)")
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            line.field(named: name, "\(value)")
        }
        line.end()
        sink.append(line.bytes)
    }
}
