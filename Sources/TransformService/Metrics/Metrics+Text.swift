// The counters and current gauges -> the text of a scrape. Names are OpenTelemetry's where it
// defines one, with Prometheus' units at their ends.

import HTTPKit

extension Metrics {
    /// The whole text: about 30 families, a histogram for each set of labels that occurred.
    func text(_ gauges: borrowing Gauges) -> [UInt8] {
        var text = MetricsText()
        writeRequests(to: &text, gauges)
        writeRuns(to: &text, gauges)
        writeMemory(to: &text, gauges.memory)
        writeSpool(to: &text, gauges.spool)
        writePrograms(to: &text, gauges)
        writeLoops(to: &text, gauges)
        writeProcess(to: &text, gauges.process)
        text.family("transform_build_info", .gauge, "What was built; the value is always 1.")
        text.sample(
            1,
            labels: "version=\(MetricsText.quoted(Build.version)),"
                + "jq_version=\(MetricsText.quoted(Build.jqVersion))")
        return text.bytes
    }

    // MARK: Requests

    private func writeRequests(to text: inout MetricsText, _ gauges: borrowing Gauges) {
        text.family(
            "http_server_request_duration_seconds", .histogram,
            "Time from a request's first byte to the end of its answer.")
        let routes = Self.labels(gauges.routes)
        for route in routes.indices { writeDurations(of: route, routes[route], to: &text) }
        writeSizes(
            "http_server_request_body_size_bytes", "Content of requests.", isResponse: false,
            routes,
            to: &text)
        writeSizes(
            "http_server_response_body_size_bytes", "Content of answers.", isResponse: true, routes,
            to: &text)
        text.gauge(
            "http_server_active_requests", loops.reduce(0) { $0 + $1.activeCount },
            "Requests whose head was read and whose answer has not ended.")
        text.gauge("http_server_open_connections", gauges.connectionCount, "Open connections.")
    }

    /// A label for each index of a route; the last is for all others.
    private static func labels(_ templates: [String]) -> [String] {
        (0...routeCountMax).map { index in
            let isKnown = index < min(templates.count, routeCountMax)
            return "http_route=\(MetricsText.quoted(isKnown ? templates[index] : "other"))"
        }
    }

    private func writeDurations(of route: Int, _ label: String, to text: inout MetricsText) {
        for method in Method.allCases {
            for status in 0..<LoopMetrics.statusCount {
                let parts = loops.compactMap { loop in
                    loop.durations(route: route, method: Int(method.rawValue), status: status)
                        .map { (counters: $0, offset: 0) }
                }
                guard !parts.isEmpty else { continue }
                let known = status < LoopMetrics.statuses.count
                let code = known ? "\(LoopMetrics.statuses[status])" : "other"
                text.histogram(
                    .times, Histogram.times.total(parts),
                    labels: "http_request_method=\"\(method.label)\","
                        + "http_response_status_code=\"\(code)\",\(label)")
            }
        }
    }

    private func writeSizes(
        _ name: StaticString, _ help: StaticString, isResponse: Bool, _ routes: [String],
        to text: inout MetricsText
    ) {
        text.family(name, .histogram, help)
        for route in routes.indices {
            let counts = Histogram.sizes.total(
                loops.map { $0.counts(sizesOf: route, isResponse: isResponse) })
            guard counts.contains(where: { $0 != 0 }) else { continue }
            text.histogram(.sizes, counts, labels: routes[route])
        }
    }

    private func write(_ kind: LoopMetrics.Kind, to text: inout MetricsText) {
        text.histogram(kind.histogram, kind.histogram.total(loops.map { $0.counts(kind) }))
    }

    // MARK: Runs

    private func writeRuns(to text: inout MetricsText, _ gauges: borrowing Gauges) {
        text.family(
            "transform_queue_wait_seconds", .histogram,
            "Time that requests waited for a worker.")
        write(.queueWait, to: &text)
        text.family("transform_run_duration_seconds", .histogram, "Time that programs ran.")
        write(.runTime, to: &text)
        text.family(
            "transform_run_memory_bytes", .histogram,
            "Memory that runs held at most: documents and built values.")
        write(.runMemory, to: &text)
        text.family(
            "transform_run_memory_peak_bytes", .gauge, "The most memory that a run has held.")
        text.sample(loops.map(\.memoryBytesPeak).max() ?? 0)
        text.gauge("transform_queue_jobs", gauges.queueCount, "Requests that wait for a worker.")
        text.gauge("transform_queue_bytes", gauges.queueBytes, "Content of requests that wait.")
        text.gauge("transform_workers", gauges.workerCount, "Threads that run programs.")
        text.gauge("transform_workers_busy", gauges.busyCount, "Workers that run one now.")
        text.family(
            "transform_shed_requests_total", .counter,
            "Requests that were not run, by reason.")
        for (reason, count) in gauges.shed {
            text.sample(count, labels: "reason=\"\(reason)\"")
        }
        text.sample(connectionsRejected, labels: "reason=\"connections\"")
        text.gauge(
            "transform_draining", gauges.isDraining ? 1 : 0, "Whether the service is ending.")
    }

    private func writeMemory(to text: inout MetricsText, _ memory: borrowing MemoryGauges) {
        text.family(
            "transform_memory_bytes", .gauge, "Memory that is counted as held, by part.")
        for part in memory.parts { text.sample(part.bytes, labels: "part=\"\(part.name)\"") }
        text.gauge(
            "transform_memory_limit_bytes", memory.bytesMax, "What all parts may hold together.")
        text.gauge(
            "transform_memory_peak_bytes", memory.bytesPeak, "The most that all parts have held.")
        text.counter(
            "transform_memory_refusals_total", UInt64(memory.refusedCount),
            "Times that something found no room.")
        text.counter(
            "transform_memory_dropped_readers_total", UInt64(memory.droppedReaders),
            "Clients cut because what they did not read took the memory of others.")
    }

    private func writeSpool(to text: inout MetricsText, _ spool: borrowing SpoolGauges) {
        text.gauge(
            "transform_spool_bytes", spool.bytes,
            "Files of outputs that are kept for clients that send all before they read.")
        text.gauge(
            "transform_spool_limit_bytes", spool.bytesMax, "What these files may take together.")
        text.counter(
            "transform_spool_full_total", UInt64(spool.fullCount),
            "Outputs that found no room there, or could not be written.")
    }

    private func writePrograms(to text: inout MetricsText, _ gauges: borrowing Gauges) {
        text.counter(
            "transform_program_cache_hits_total", gauges.programHits,
            "Look-ups that found a compiled program.")
        text.counter(
            "transform_program_cache_misses_total", gauges.programMisses,
            "Look-ups after which a program was compiled.")
        text.gauge(
            "transform_program_cache_entries", gauges.programCount, "Compiled programs kept.")
        text.gauge(
            "transform_program_cache_bytes", gauges.programBytes,
            "Memory of the compiled programs kept.")
    }

    // MARK: Loops and process

    private func writeLoops(to text: inout MetricsText, _ gauges: borrowing Gauges) {
        text.family(
            "transform_event_loop_lag_seconds", .histogram,
            "How late a periodic task of the event loops ran.")
        write(.loopLag, to: &text)
        text.counter(
            "log_lines_dropped_total", gauges.droppedLines,
            "Log lines dropped because they were not taken fast enough.")
    }

    private func writeProcess(to text: inout MetricsText, _ process: borrowing ProcessStatistics) {
        text.family(
            "process_cpu_seconds_total", .counter, "User and system CPU time of the process.")
        text.sample(process.cpuSeconds)
        text.gauge("process_resident_memory_bytes", process.residentBytes, "Resident memory.")
        text.gauge("process_virtual_memory_bytes", process.virtualBytes, "Virtual memory.")
        text.gauge("process_open_fds", process.descriptorCount, "Open file descriptors.")
        text.gauge("process_max_fds", process.descriptorCountMax, "The limit of descriptors.")
        text.family(
            "process_start_time_seconds", .gauge, "Unix time at which the process started.")
        text.sample(startUnixSeconds)
        guard let group = process.group else { return }
        text.counter(
            "transform_cgroup_cpu_periods_total", group.periodCount,
            "CPU quota periods of the container.")
        text.counter(
            "transform_cgroup_cpu_throttled_periods_total", group.throttledCount,
            "Periods in which the container met its CPU quota.")
        text.family(
            "transform_cgroup_cpu_throttled_seconds_total", .counter,
            "Time that the container's threads waited for CPU quota.")
        text.sample(Double(group.throttledNanoseconds) / 1_000_000_000)
    }
}

extension Method {
    /// OpenTelemetry's label for a method that is not listed.
    fileprivate var label: StaticString { self == .other ? "_OTHER" : name }
}
