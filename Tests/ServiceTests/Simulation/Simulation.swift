// A seed -> one run of a simulated server and its clients, and what went wrong in it.
//
// Time stops while anything can be done and then advances to the next event: a client acts, a
// worker takes a slice, a timer is due. All choices come from the seed, so that a run can be
// repeated.

import Synchronization
import TestSupport

@testable import HTTPKit
@testable import TransformService
@testable import Transforms

/// Which clients and requests a run has.
enum Scenario: String, CaseIterable {
    /// Batches whose answers are longer than sockets have room for.
    case batches
    /// Requests that are refused before their content was read, after others that wait.
    case refusals
    /// Many requests at once, beside a client that asks whether the server is alive.
    case pipelines
    /// Clients that send or read slower than the minimum rate, or leave.
    case slow
    /// All of it, and a server that drains.
    case mixed
}

struct Simulation {
    private static let second: UInt64 = 1_000_000_000
    /// The longest time that the probing client may wait for an answer to `GET /live/N`.
    private static let liveNanosecondsMax: UInt64 = 8_000_000
    private static let runNanosecondsMax: UInt64 = 400_000_000_000

    private var numbers: SeededGenerator
    private let scenario: Scenario
    private let network: SimulatedNetwork
    private let workers: SimulatedWorkers
    private let handler: SimulatedHandler
    private let loop: LoopContext
    private var clients: [SimulatedClient] = []
    private var times: [UInt64] = []
    private var probe: Int?
    private var drainTime = UInt64.max
    private var faults: [String] = []

    /// - Returns: what went wrong; nothing if all was well.
    static func run(_ scenario: Scenario, seed: UInt64) -> [String] {
        var simulation = Simulation(scenario, seed: seed)
        simulation.run()
        // The loop and its context hold each other until then.
        simulation.loop.eventLoop.onIterationEnd {}
        return simulation.faults
    }

    private init(_ scenario: Scenario, seed: UInt64) {
        self.scenario = scenario
        numbers = SeededGenerator(state: seed)
        // On workers, batches read the real clock; this one, which the loop reads, is ahead of it.
        network = SimulatedNetwork(
            time: MonotonicClock.nanoseconds() + 3_600 * Self.second, seed: seed &+ 1)
        workers = SimulatedWorkers(network, seed: seed &+ 2)
        var configuration = Configuration()
        configuration.workerCount = 2
        handler = SimulatedHandler(network, workers, configuration)
        var server = HTTPServer.Configuration(.tcp(host: "", port: 0)) { _, _ in false }
        server.limits = configuration.connectionLimits
        loop = LoopContext(
            server: ServerContext(server), eventLoop: EventLoop(network), index: 0,
            handler: handler, observer: nil)
        loop.eventLoop.adoptThread()
        addClients()
    }

    // MARK: Clients

    private mutating func addClients() {
        let count = Int.random(in: 1...4, using: &numbers)
        for _ in 0..<count {
            let habit = randomHabit()
            let requests = randomRequests(for: habit)
            add(habit, requests)
        }
        if scenario == .pipelines || scenario == .mixed {
            let requests = (0..<20).map { get("live", "probe\($0)") }
            probe = clients.count
            add(.waits, requests)
            clients[clients.count - 1].pauseNanoseconds = 10_000_000
            clients[clients.count - 1].readPauseNanoseconds = 0
        }
        if scenario == .mixed, Int.random(in: 0..<4, using: &numbers) == 0 {
            drainTime = network.time + UInt64.random(in: 0...100_000_000, using: &numbers)
            for client in clients { client.mayEndEarly = true }
        }
    }

    private mutating func add(_ habit: SimulatedHabit, _ requests: [SimulatedRequest]) {
        let (descriptor, link) = network.makeLink()
        loop.server.connectionCount.add(1, ordering: .relaxed)
        loop.server.memory.add(Connection.byteCount, .connections)
        loop.adopt(descriptor, isOverloaded: false)
        clients.append(
            SimulatedClient(habit, link, requests, seed: numbers.next(), now: network.time))
        times.append(network.time + UInt64.random(in: 0...2_000_000, using: &numbers))
    }

    private mutating func randomHabit() -> SimulatedHabit {
        let habits: [SimulatedHabit] =
            switch scenario {
            case .batches: [.pipelines, .waits, .readsSlowly, .sendsFirst]
            case .refusals: [.pipelines, .waits, .sendsFirst]
            case .pipelines: [.pipelines]
            case .slow: [.drips, .readsNothing, .readsSlowly, .vanishes]
            case .mixed: SimulatedHabit.allCases
            }
        return habits.randomElement(using: &numbers) ?? .waits
    }

    private mutating func randomRequests(for habit: SimulatedHabit) -> [SimulatedRequest] {
        var requests: [SimulatedRequest] = []
        if scenario == .pipelines {
            let count = Int.random(in: 50...1_500, using: &numbers)
            let name = Bool.random(using: &numbers) ? "large" : "live"
            return (0..<(name == "large" ? count / 5 : count)).map { get(name, "\($0)") }
        }
        for index in 0..<Int.random(in: 1...4, using: &numbers) {
            requests.append(randomRequest("\(clients.count)x\(index)"))
        }
        switch habit {
        case .drips: requests.append(post("echo", "9", content: 12_000))
        case .readsNothing: requests += (0..<40).map { get("large", "\($0)") }
        // More than sockets hold, so that some of it waits in the server for long.
        case .readsSlowly where scenario == .slow:
            requests += (0..<20).map { get("large", "\($0)") }
        default: break
        }
        if scenario == .batches
            || scenario == .mixed && Bool.random(using: &numbers)
            || scenario == .slow && habit == .drips && Bool.random(using: &numbers)
        {
            requests.append(batch(isSlow: habit == .readsSlowly))
        }
        if scenario == .refusals || scenario == .mixed && Bool.random(using: &numbers) {
            requests.append(refused())
        }
        return requests
    }

    private mutating func randomRequest(_ number: String) -> SimulatedRequest {
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: get("live", number)
        case 1: get("large", number)
        case 2: post("echo", number, content: Int.random(in: 0...200, using: &numbers))
        case 3: post("echo", number, content: Int.random(in: 0...300_000, using: &numbers))
        default: post("later", number, content: Int.random(in: 0...20_000, using: &numbers))
        }
    }

    private func get(_ name: String, _ number: String) -> SimulatedRequest {
        let head = Array("GET /\(name)/\(number) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        return SimulatedRequest(
            name: "\(name)/\(number)", bytes: head, contentStart: head.count, status: 200,
            content: name == "live" ? Array(number.utf8) : SimulatedHandler.large(number))
    }

    private mutating func post(
        _ name: String, _ number: String, content count: Int
    ) -> SimulatedRequest {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: 0x61 + $0 % 23) }
        return request(
            "/\(name)/\(number)", content, isChunked: Bool.random(using: &numbers), answer: content)
    }

    private mutating func request(
        _ target: String, _ content: [UInt8], isChunked: Bool, fields: String = "",
        status: Int = 200, answer: [UInt8]
    ) -> SimulatedRequest {
        let framing =
            isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(content.count)"
        let head = Array("POST \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\(framing)\r\n\r\n".utf8)
        return SimulatedRequest(
            name: target, bytes: head + (isChunked ? chunks(content) : content),
            contentStart: head.count, status: status, content: answer)
    }

    private mutating func chunks(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var offset = 0
        while offset < content.count {
            let bound = [10, 1_000, 40_000].randomElement(using: &numbers) ?? 10
            let size = min(content.count - offset, Int.random(in: 1...bound, using: &numbers))
            bytes += Array(String(size, radix: 16).utf8) + [13, 10]
            bytes += content[offset..<offset + size] + [13, 10]
            offset += size
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    /// Lines of some kilobytes, so that their number is small.
    private mutating func batch(isSlow: Bool) -> SimulatedRequest {
        var (content, answer): ([UInt8], [UInt8]) = ([], [])
        let byteCountMax = isSlow ? 200_000 : 1 << Int.random(in: 18...22, using: &numbers)
        let lengthMax = 1 << Int.random(in: 12...17, using: &numbers)
        for number in 0..<300 where content.count < byteCountMax {
            let length = Int.random(in: 1...lengthMax, using: &numbers)
            let text = "\"\(number):" + String(repeating: "y", count: length) + "\"\n"
            content += Array("{\"a\":".utf8) + Array(text.utf8.dropLast()) + Array("}\n".utf8)
            answer += Array(text.utf8)
        }
        return request(
            "/transform?program=.a", content, isChunked: Bool.random(using: &numbers),
            fields: "Content-Type: application/x-ndjson\r\n", answer: answer)
    }

    private mutating func refused() -> SimulatedRequest {
        let content = [UInt8](
            repeating: 0x7A, count: Int.random(in: 0...400_000, using: &numbers))
        let isChunked = Int.random(in: 0..<4, using: &numbers) > 0
        var request = request(
            "/missing/no", content, isChunked: isChunked, status: 404, answer: Array("no".utf8))
        if isChunked, Int.random(in: 0..<4, using: &numbers) == 0 {
            // A first chunk whose size is malformed.
            request.bytes.insert(0x78, at: request.contentStart)
        }
        request.mayClose = true
        return request
    }

    // MARK: The run

    private mutating func run() {
        let start = network.time
        while clients.contains(where: { !$0.isDone }) {
            if network.time > start + Self.runNanosecondsMax {
                faults.append("it has not ended")
                break
            }
            takeTurns()
            advance()
        }
        for client in clients {
            client.finish()
            faults += client.faults
        }
        if let probe {
            let wait = clients[probe].waits.max() ?? 0
            if wait > Self.liveNanosecondsMax {
                faults.append("/live waited \(wait / 1_000_000) ms")
            }
        }
        settle()
    }

    private mutating func takeTurns() {
        repeat {
            _ = loop.eventLoop.runIteration()
            network.time += 5_000
            workers.run()
            actClients()
        } while network.hasReadySocket || loop.eventLoop.hasWork
    }

    private mutating func actClients() {
        for (index, client) in clients.enumerated() where !client.isDone {
            if times[index] <= network.time { times[index] = client.act(now: network.time) }
        }
    }

    /// Advances time to the next event.
    private mutating func advance() {
        var next = min(workers.nextTime, loop.eventLoop.nextTimerTime, drainTime)
        for (index, client) in clients.enumerated() where !client.isDone {
            next = min(next, times[index])
        }
        if next != .max { network.time = max(network.time, next) }
        if network.time >= drainTime {
            drainTime = .max
            loop.drain()
        }
        actClients()
    }

    /// With all clients gone nothing may be left.
    private mutating func settle() {
        let end = network.time + 200 * Self.second
        while network.time < end {
            takeTurns()
            let next = min(workers.nextTime, loop.eventLoop.nextTimerTime)
            if next == .max { break }
            network.time = max(network.time, next)
        }
        if !network.links.isEmpty { faults.append("\(network.links.count) sockets are open") }
        if loop.server.memory.bytes != 0 {
            faults.append("\(loop.server.memory.bytes) bytes are counted that nobody holds")
        }
        if loop.server.connectionCount.load(ordering: .relaxed) != 0 {
            faults.append("connections are counted that are gone")
        }
        if loop.eventLoop.nextTimerTime != .max { faults.append("a timer is left") }
        if handler.batches.spool.bytes != 0 { faults.append("outputs are kept for nobody") }
        if handler.batches.count != 0 { faults.append("a batch is left") }
        if !workers.isEmpty { faults.append("work is left") }
    }
}
