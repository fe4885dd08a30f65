// A server on one simulated event loop: real connections, real batches, real accounts; the network,
// the clock and the workers are the simulation's.
//
//     GET  /live/N           answered at once, 20 us
//     GET  /large/N          121 kB, 500 us
//     POST /echo/N           its content, once all of it has come
//     POST /later/N          the same, from a worker, some time later
//     POST /missing/N        404 before its content is read
//     POST /transform?...    lines, as the service runs them

import TestSupport

import struct NIOCore.ByteBuffer

@testable import HTTPKit
@testable import TransformService
@testable import Transforms

/// Slices of work, each with the moment when a worker takes it.
final class SimulatedWorkers: SliceQueue, @unchecked Sendable {
    // One thread runs all of the simulation.
    private var waiting: [(time: UInt64, owner: ObjectIdentifier?, run: () -> Void)] = []
    private var fileWork: [@Sendable () -> Void] = []
    private var numbers: SeededGenerator
    private let network: SimulatedNetwork
    private let executor: Executor
    /// The longest that a slice waits.
    private let sliceNanosecondsMax: UInt64

    init(_ network: SimulatedNetwork, seed: UInt64) {
        self.network = network
        numbers = SeededGenerator(state: seed)
        sliceNanosecondsMax =
            [100_000, 3_000_000, 50_000_000].randomElement(using: &numbers) ?? 0
        executor = Self.makeExecutor()
    }

    static func makeExecutor() -> Executor {
        Executor(
            limits: RunLimits(), outputBytesMax: 1 << 26,
            cache: ProgramCache(countMax: 16, bytesMax: 1 << 24), isTentative: false)
    }

    var isEmpty: Bool { waiting.isEmpty }
    var nextTime: UInt64 { waiting.map(\.time).min() ?? .max }

    /// - Parameter latest: the longest delay, in nanoseconds.
    func later(_ latest: UInt64, _ run: @escaping () -> Void) {
        add(latest, nil, run)
    }

    /// Work on files is done one piece after the other.
    func addFileWork(_ run: @escaping @Sendable () -> Void) {
        fileWork.append(run)
        if fileWork.count == 1 { later(30_000_000) { self.runFileWork() } }
    }

    private func runFileWork() {
        fileWork.removeFirst()()
        if !fileWork.isEmpty { later(30_000_000) { self.runFileWork() } }
    }

    private func add(_ latest: UInt64, _ owner: ObjectIdentifier?, _ run: @escaping () -> Void) {
        let time = network.time + UInt64.random(in: 0...latest, using: &numbers)
        waiting.append((time, owner, run))
    }

    func submit(_ slice: any Slice, of owner: SliceOwner<any Slice>, isNext: Bool) {
        let executor = executor
        add(sliceNanosecondsMax, ObjectIdentifier(owner)) { slice.run(on: executor) }
    }

    func withdrawSlices(of owner: SliceOwner<any Slice>) {
        waiting.removeAll { $0.owner == ObjectIdentifier(owner) }
    }

    /// Runs what is due.
    func run() {
        while let index = waiting.indices.first(where: { waiting[$0].time <= network.time }) {
            waiting.remove(at: index).run()
        }
    }
}

final class SimulatedHandler: HTTPHandler, @unchecked Sendable {
    static let largeByteCount = 121_000

    let network: SimulatedNetwork
    let workers: SimulatedWorkers
    let batches: Batches
    private let configuration: Configuration

    init(_ network: SimulatedNetwork, _ workers: SimulatedWorkers, _ configuration: Configuration) {
        self.network = network
        self.workers = workers
        self.configuration = configuration
        let folder = SpoolFolder("/tmp", bytesMax: configuration.spoolBytesMax, MemoryAccount()) {
            workers.addFileWork($0)
        }
        let combiner = Combiner(RunLimits(), MemoryAccount()) { SimulatedWorkers.makeExecutor() }
        batches = Batches(configuration, workers, combiner, folder)
    }

    static func large(_ number: String) -> [UInt8] {
        Array("\(number):".utf8) + [UInt8](repeating: 0x6C, count: largeByteCount)
    }

    func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        let parts = request.rawPath.split(separator: "/")
        let number = parts.count > 1 ? String(parts[1]) : ""
        switch parts.first {
        case "live":
            network.time += 20_000
            exchange.respond(Response(.ok, content: .bytes(Array(number.utf8))))
            return .drop
        case "large":
            network.time += 500_000
            exchange.respond(Response(.ok, content: .bytes(Self.large(number))))
            return .drop
        case "echo", "later":
            return .collect(bytesMax: nil)
        case "transform":
            return batch(request, exchange)
        default:
            exchange.respond(Response(Status(404), content: .bytes(Array(number.utf8))))
            return .drop
        }
    }

    private func batch(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        do throws(Problem) {
            let head = try TransformHead(
                request, .none, version: 0,
                timeoutNanoseconds: configuration.timeoutNanoseconds)
            let asked = TransformRequest(
                head: head, requestID: RequestID.of(request),
                firstByteNanoseconds: request.firstByteNanoseconds)
            return try batches.beginLines(
                request, asked, exchange, .text(asked.program ?? "."))
        } catch {
            exchange.respond(error.response(requestID: RequestID.of(request)))
            return .drop
        }
    }

    func handle(_ request: Request, content: consuming RequestContent, _ exchange: Exchange) {
        network.time += 30_000 + UInt64(content.byteCount)
        let isLater = request.rawPath.hasPrefix("/later")
        let buffer = content.buffer()
        if isLater {
            workers.later(50_000_000) {
                exchange.eventLoop.execute {
                    exchange.respond(Response(.ok, content: .buffer(buffer)))
                }
            }
        } else {
            exchange.respond(Response(.ok, content: .buffer(buffer)))
        }
    }
}
