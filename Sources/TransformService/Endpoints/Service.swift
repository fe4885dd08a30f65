// What the endpoints share: configuration, workers, compiled programs, the log; and the HTTP server
// that is assembled from them.

import HTTPKit
import Logging
import Synchronization
import Transforms

import struct NIOCore.ByteBuffer

final class Service: Sendable {
    /// Programs are compiled on the loops too, however deeply they nest; unused parts of a stack
    /// take no memory.
    private static var loopStackBytes: Int { 32 << 20 }

    /// The limits of a run on an event loop, whose thread has a small stack and should not be held
    /// up.
    private static var loopLimits: RunLimits {
        var limits = RunLimits()
        limits.memoryBytesMax = 16 << 20
        limits.callDepthMax = 1_000
        limits.frameBytesMax = 4 << 20
        limits.stackBytesMax = 4 << 20
        return limits
    }
    private static var loopOutputBytesMax: Int { 1 << 20 }

    let configuration: Configuration
    let programs: ProgramCache
    let admission: Admission<TransformJob, any Slice>
    let pool: WorkerPool<TransformJob>
    let batches: Batches
    let logger: Logger
    let transforms: TransformLibrary
    let metrics: Metrics
    let metricsCache = MetricsCache()
    let transformListCache = TransformListCache()
    let contract: PreparedResponse
    let memory: MemoryAccount
    private let runMemory: RunMemory
    private let sink: LogSink?
    /// The tokens for the endpoints that run or list programs; nil if none is required.
    private let tokens: AccessTokens?
    private let running = Mutex(Running())
    private let groupFile = ProcessStatistics.findGroupFile()
    private let draining = Atomic<Bool>(false)

    /// - Parameters:
    ///   - sink: the destination of the access log; nil for none.
    ///   - tokens: nil to require none.
    ///   - transforms: loaded already; nil: the configuration's folder is loaded here, as far as
    ///     possible.
    init(
        _ configuration: Configuration, logger: Logger, sink: LogSink? = nil,
        tokens: AccessTokens? = nil, transforms: TransformLibrary? = nil
    ) {
        self.tokens = tokens
        self.configuration = configuration
        memory = configuration.makeMemoryAccount()
        let runMemory = RunMemory(memory)
        self.runMemory = runMemory
        self.logger = logger
        self.sink = sink
        self.transforms =
            transforms ?? TransformLibrary(configuration.transformsFolder, logger: logger)
        contract = PreparedResponse(
            ByteBuffer(string: OpenAPI.text), contentType: "application/json",
            compressBytesMin: configuration.compressBytesMin)
        metrics = Metrics(
            loopCount: configuration.loopCount, now: MonotonicClock.nanoseconds(),
            startUnixSeconds: Timestamp.now.seconds)
        // The prelude is read now, so that the first request need not wait for it.
        Program.prepare()
        let programs = ProgramCache(
            countMax: configuration.programCountMax, bytesMax: configuration.programCacheBytesMax)
        self.programs = programs
        admission = Admission(
            costs: CostTable(countMax: 2 * configuration.programCountMax),
            queue: WorkQueue(configuration.queuePolicy), loopBytesMax: configuration.loopBytesMax,
            loopCostNanosecondsMax: configuration.loopCostNanosecondsMax)
        var limits = RunLimits()
        limits.memoryBytesMax = configuration.memoryBytesMax
        limits.depthMax = configuration.depthMax
        let outputBytesMax = configuration.outputBytesMax
        let servesInlinePrograms = configuration.servesInlinePrograms
        let programTextBytesMax = configuration.programTextBytesMax
        let makeExecutor: @Sendable () -> Executor = { [limits] in
            Executor(
                limits: limits, outputBytesMax: outputBytesMax, cache: programs,
                isTentative: false, servesInlinePrograms: servesInlinePrograms,
                programTextBytesMax: programTextBytesMax, memory: runMemory)
        }
        pool = WorkerPool(
            stackBytes: limits.stackBytesMax, queue: admission.queue, makeExecutor: makeExecutor)
        batches = Batches(
            configuration, pool.queue, Combiner(limits, memory, makeExecutor: makeExecutor),
            SpoolFolder(configuration.spoolFolder, bytesMax: configuration.spoolBytesMax, memory))
    }

    /// Binds and starts to serve.
    /// - Throws: `ListenError`.
    func start() throws(ListenError) -> HTTPServer {
        var server = HTTPServer.Configuration(configuration.address) { name, body in
            Thread.start(name: name, stackBytes: Self.loopStackBytes, body)
        }
        server.eventLoopCount = configuration.loopCount
        server.limits = configuration.connectionLimits
        server.connectionsMax = configuration.connectionCountMax
        server.memory = memory
        let bodyBytesMax = configuration.bodyBytesMax
        server.errorContent = { Problem.content(of: $0, $1, bodyBytesMax: bodyBytesMax) }
        let templates = routes(ofLoop: 0).templates
        let log = sink.map {
            AccessLog(
                configuration.accessLog, $0, routes: templates,
                loopCount: configuration.loopCount)
        }
        server.observer = { [metrics] index in
            RequestRecorder(metrics: metrics, log: log, loopIndex: index)
        }
        let started = try HTTPServer.start(server) { Router(routes(ofLoop: $0)) }
        running.withLock { $0 = Running(server: started, routes: templates) }
        LoopTicker.start(on: started.eventLoops, metrics)
        return started
    }

    /// State that exists once it serves.
    private struct Running {
        weak var server: HTTPServer?
        var routes: [String] = []
    }

    private func routes(ofLoop index: Int) -> Routes {
        var routes = Routes()
        let transform = authenticated(TransformEndpoint(service: self, loopIndex: index))
        routes.add([.post], "/transform", transform)
        routes.add([.post], "/transform/{name...}", transform)
        routes.add([.get], "/livez", HealthEndpoint(service: self, probe: .liveness))
        routes.add([.get], "/readyz", HealthEndpoint(service: self, probe: .readiness))
        routes.add([.get], "/healthz", HealthEndpoint(service: self, probe: .readiness))
        let list = authenticated(TransformList(service: self))
        routes.add([.get], "/transforms", list)
        routes.add([.get], "/transforms/{name...}", list)
        routes.add([.get], "/metrics", MetricsEndpoint(service: self))
        routes.add([.get], "/openapi.json", OpenAPIEndpoint(contract))
        return routes
    }

    private func authenticated(_ endpoint: some HTTPHandler) -> any HTTPHandler {
        guard let tokens else { return endpoint }
        return AuthenticatedEndpoint(endpoint: endpoint, tokens: tokens)
    }

    /// The interpreted head of a request. Call it on the request's event loop.
    func head(of request: Request, _ state: LoopState) throws(Problem) -> TransformHead {
        let version = transforms.version
        if let known = request.headValue as? TransformHead, known.version == version {
            return known
        }
        let head = try TransformHead(
            request, state.currentTransforms(of: transforms, version), version: version,
            timeoutNanoseconds: configuration.timeoutNanoseconds)
        request.headValue = head
        return head
    }

    /// The interpreted request. Call it on the request's event loop.
    func read(_ request: Request, _ state: LoopState) throws(Problem) -> TransformRequest {
        let head = try head(of: request, state)
        return TransformRequest(
            head: head, requestID: state.ids.name(of: request, mayBeGiven: head.hasRequestID),
            firstByteNanoseconds: request.firstByteNanoseconds)
    }

    /// Whether a response of this length is compressed.
    func shouldCompress(_ request: borrowing TransformRequest, byteCount: Int) -> Bool {
        let byteCountMin = configuration.compressBytesMin
        return request.responseCoding != nil && byteCountMin > 0 && byteCount >= byteCountMin
    }

    /// Makes the state of an event loop. Call it there.
    func makeLoopState(loopIndex index: Int) -> LoopState {
        var limits = Self.loopLimits
        limits.depthMax = configuration.depthMax
        return LoopState(
            Executor(
                limits: limits,
                outputBytesMax: min(Self.loopOutputBytesMax, configuration.outputBytesMax),
                cache: programs, isTentative: true,
                servesInlinePrograms: configuration.servesInlinePrograms,
                programTextBytesMax: configuration.programTextBytesMax, costs: admission.costs,
                memory: runMemory),
            ids: RequestID.Series(index))
    }

    /// From now on the service reports that it is not ready.
    func beginDrain() { draining.store(true, ordering: .relaxed) }

    func health() -> Health {
        let now = MonotonicClock.nanoseconds()
        return Health(
            isDraining: draining.load(ordering: .relaxed), isWedged: pool.isWedged(now: now),
            workerCount: pool.threadCount, busyCount: pool.busyCount, load: pool.queue.load,
            programCount: programs.count, transforms: transforms.status,
            programBytes: programs.byteCount,
            connectionCount: running.withLock { $0.server?.connectionCount ?? 0 },
            loopCount: metrics.loops.count,
            lagMilliseconds: Int(metrics.lagNanoseconds / 1_000_000),
            silenceNanoseconds: metrics.silenceNanoseconds(now: now),
            uptimeSeconds: Int((now &- metrics.startNanoseconds) / 1_000_000_000), now: now)
    }

    private func shedCounts() -> [(reason: String, count: UInt64)] {
        let counts = pool.queue.shed
        return ShedReason.allCases.map { ($0.label, counts[$0]) }
    }

    /// The gauges for a scrape.
    func gauges() -> Gauges {
        let (server, routes) = running.withLock { ($0.server, $0.routes) }
        let load = pool.queue.load
        let lookups = programs.lookups
        return Gauges(
            routes: routes, connectionCount: server?.connectionCount ?? 0,
            workerCount: pool.threadCount, busyCount: pool.busyCount, queueCount: load.count,
            queueBytes: load.byteCount, shed: shedCounts(), programCount: programs.count,
            programBytes: programs.byteCount, programHits: lookups.hits,
            programMisses: lookups.misses, droppedLines: sink?.droppedCount ?? 0,
            isDraining: draining.load(ordering: .relaxed),
            memory: MemoryGauges(memory, droppedReaders: server?.droppedReaderCount ?? 0),
            spool: SpoolGauges(
                bytes: batches.spool.bytes, bytesMax: batches.spool.bytesMax,
                fullCount: batches.spool.fullCount),
            process: ProcessStatistics.now(groupFile: groupFile))
    }
}
