// What the endpoints share: configuration, workers, compiled programs, the log; and the HTTP server
// that is put together from them.

import HTTPKit
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Transforms

final class Service: Sendable {
    /// Of a run on an event loop: its thread's stack has 8 MiB, and it should be over soon.
    private static var loopLimits: Transforms.Limits {
        var limits = Transforms.Limits()
        limits.memoryBytesMax = 16 << 20
        limits.callDepthMax = 1_000
        limits.frameBytesMax = 4 << 20
        limits.stackBytesMax = 4 << 20
        return limits
    }
    private static var loopOutputBytesMax: Int { 1 << 20 }

    let configuration: Configuration
    let programs: ProgramCache
    let costs: CostTable
    let pool: WorkerPool<TransformJob>
    let logger: Logger
    let transforms: TransformLibrary
    private let isLogging: Bool
    private let draining = Atomic<Bool>(false)
    private let desks = LoopDesks()

    /// - Parameter transforms: loaded already; nil: the configuration's folder is loaded here, as
    ///   far as it can be.
    init(_ configuration: Configuration, logger: Logger, transforms: TransformLibrary? = nil) {
        self.configuration = configuration
        self.logger = logger
        self.transforms =
            transforms ?? TransformLibrary(configuration.transformsFolder, logger: logger)
        isLogging = logger.logLevel <= .debug
        let programs = ProgramCache(
            countMax: configuration.programCountMax, bytesMax: configuration.programBytesMax)
        self.programs = programs
        costs = CostTable(countMax: 2 * configuration.programCountMax)
        var limits = Transforms.Limits()
        limits.memoryBytesMax = configuration.memoryBytesMax
        let outputBytesMax = configuration.outputBytesMax
        let servesInlinePrograms = configuration.servesInlinePrograms
        pool = WorkerPool(
            stackBytes: limits.stackBytesMax, queue: WorkQueue(configuration.queuePolicy)
        ) { [limits] in
            Executor(
                limits: limits, outputBytesMax: outputBytesMax, cache: programs,
                isTentative: false, servesInlinePrograms: servesInlinePrograms)
        }
    }

    /// Binds and serves.
    /// - Throws: `HTTPServer.StartError`, or the system's error from `bind`.
    func start() async throws -> HTTPServer {
        var server = HTTPServer.Configuration(configuration.address)
        server.eventLoopCount = configuration.loopCount
        server.limits.bodyBytesMax = configuration.bodyBytesMax
        server.errorContent = Problem.content
        return try await HTTPServer.start(server, handler: router())
    }

    private func router() -> Router {
        var router = Router()
        router.add([.post], "/transform", TransformEndpoint(service: self))
        router.add([.post], "/transform/{name...}", TransformEndpoint(service: self))
        router.add([.get], "/livez", HealthEndpoint(service: self, question: .isAlive))
        router.add([.get], "/readyz", HealthEndpoint(service: self, question: .isReady))
        router.add([.get], "/healthz", HealthEndpoint(service: self, question: .isReady))
        router.add([.get], "/transforms", TransformList(transforms: transforms))
        router.add([.get], "/transforms/{name...}", TransformList(transforms: transforms))
        return router
    }

    /// What a head asks for.
    func read(_ request: Request) throws(Problem) -> TransformRequest {
        try TransformRequest(
            request, transforms.current, timeoutNanoseconds: configuration.timeoutNanoseconds,
            isLogging: isLogging)
    }

    /// The current event loop's own.
    func loopDesk() -> LoopDesk {
        if let desk = desks.current.currentValue { return desk }
        let desk = LoopDesk(
            Executor(
                limits: Self.loopLimits,
                outputBytesMax: min(Self.loopOutputBytesMax, configuration.outputBytesMax),
                cache: programs, isTentative: true,
                servesInlinePrograms: configuration.servesInlinePrograms, costs: costs))
        desks.current.currentValue = desk
        return desk
    }

    /// From now on the service says that it is not ready.
    func beginDrain() { draining.store(true, ordering: .relaxed) }

    func health() -> Health {
        let now = MonotonicClock.nanoseconds()
        return Health(
            isDraining: draining.load(ordering: .relaxed), isWedged: pool.isWedged(now: now),
            workerCount: pool.threadCount, busyCount: pool.busyCount, load: pool.queue.load,
            programCount: programs.count, transforms: transforms.status, now: now)
    }

    /// A line a request, where the level asks for it; failures of our own always.
    func log(_ request: borrowing TransformRequest, _ status: Status) {
        guard isLogging || status.code == 500 else { return }
        var metadata: Logger.Metadata = [
            "request_id": "\(request.requestID)", "status": "\(status.code)",
        ]
        if let traceparent = request.traceparent { metadata["traceparent"] = "\(traceparent)" }
        logger.log(level: status.code == 500 ? .error : .debug, "transform", metadata: metadata)
    }
}

/// Each event loop's desk. A thread sees its own only, which is why it may be `Sendable`.
private final class LoopDesks: @unchecked Sendable {
    let current = ThreadSpecificVariable<LoopDesk>()
}
