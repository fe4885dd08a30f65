// Hostile clients -> the right status, bounded memory, and other clients served meanwhile.

import Glibc
import Testing

import struct NIOCore.ByteBuffer

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(5)))
struct HostileTests {
    private static let mebibyte = 1 << 20
    private static let post = "POST /transform?program=. HTTP/1.1\r\nHost: a\r\n"

    /// Heads and bodies that never end are timed out; others are served meanwhile.
    @Test func slowHeadsAndBodies() async throws {
        let seen = try await ServiceProcess.with { process in
            let before = process.residentBytes
            let heads = try (0..<40).map { _ in try process.client() }
            let bodies = try (0..<40).map { _ in try process.client() }
            for client in bodies { client.send(Self.post + "Content-Length: 100000\r\n\r\n[") }
            var served = 0
            for piece in ["POST /tr", "ansform HTTP/1.1\r\n", "Host: a\r\nX-", "A", "b"] {
                for client in heads { client.send(piece) }
                for client in bodies { client.send("1,") }
                if process.serves() { served += 1 }
            }
            let growth = process.residentBytes - before
            let headStatuses = Set(heads.map { Reply($0).status })
            let bodyStatuses = Set(bodies.map { Reply($0).status })
            return (served, growth, headStatuses, bodyStatuses)
        }
        #expect(seen.0 == 5)
        #expect(seen.1 < 64 * Self.mebibyte)
        // A client that still sends when its connection has been closed may find it reset.
        #expect(seen.2.contains(408) && seen.2.isSubset(of: [0, 408]))
        #expect(seen.3.contains(504) && seen.3.isSubset(of: [0, 504]))
    }

    /// Answers that nobody reads are held once, and freed when their clients leave.
    @Test func clientsThatNeverRead() async throws {
        let seen = try await ServiceProcess.with { process in
            // The program that serves the others is compiled before the workers are busy.
            _ = process.serves()
            let before = process.descriptorCount
            let program = "[range(1e6)]"
            let clients = try (0..<8).map { _ in try process.client() }
            for client in clients {
                client.send(
                    RunningService.request("null", target: "/transform?program=" + program))
            }
            let served = (0..<20).filter { _ in process.serves() }.count
            let resident = process.residentBytes
            for client in clients { client.close() }
            return (served, resident, process.closesDescriptors(downTo: before))
        }
        #expect(seen.0 == 20)
        #expect(seen.1 < 600 * Self.mebibyte)
        #expect(seen.2)
    }

    /// A half-closed client looks like one that has left: it is answered or disconnected, but not
    /// left waiting.
    @Test func halfClosedClientsDoNotHang() async throws {
        let seen = try await ServiceProcess.with { process in
            let request = RunningService.request("[1]", target: "/transform?program=length")
            // Now that the program is compiled, requests are answered on the event loop.
            let first = try process.client()
            first.send(request)
            #expect(Reply(first).content == "1")
            let answers = try (0..<20).map { _ in
                let client = try process.client()
                client.send(request)
                client.closeWrite()
                return Reply(client).content
            }
            let last = try process.client()
            last.send(request)
            return (answers, Reply(last).content)
        }
        #expect(seen.0.allSatisfy { $0 == "1" || $0 == "" })
        #expect(seen.1 == "1")
    }

    /// As many idle connections as a common file limit allows.
    @Test func idleConnections() async throws {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 4_096))
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let count = min(900, Int(limit.rlim_cur) / 2)
        let seen = try await ServiceProcess.with { process in
            let before = process.residentBytes
            let descriptors = process.descriptorCount
            var clients: [RawClient] = []
            for _ in 0..<count { clients.append(try process.client()) }
            let served = (0..<20).filter { _ in process.serves() }.count
            // Each still answers.
            let last = clients.last
            last?.send(RunningService.request("[1]", target: "/transform?program=length"))
            let answer = last.map { Reply($0).content }
            let growth = process.residentBytes - before
            clients.forEach { $0.close() }
            return (served, growth, answer, process.closesDescriptors(downTo: descriptors))
        }
        #expect(seen.0 == 20)
        #expect(seen.1 < 64 * Self.mebibyte)
        #expect(seen.2 == "1")
        #expect(seen.3)
    }

    /// Connections that are abandoned in every possible state leave nothing behind.
    @Test func abortingClients() async throws {
        let texts = [
            "", "P", Self.post, Self.post + "Content-Length: 5\r\n\r\n",
            Self.post
                + "Content-Length: 5\r\n\r\n[1",
            Self.post + "Transfer-Encoding: chunked\r\n\r\n5\r\n[1",
            RunningService.request("1", target: "/transform?program=last(range(1e15))"),
            RunningService.request("1", target: "/transform?program=[range(1e5)]"),
            "\u{0}\u{1}\r\n\r\n",
        ]
        let seen = try await ServiceProcess.with { process in
            _ = process.serves()
            let descriptors = process.descriptorCount
            for round in 0..<20 {
                for text in texts {
                    let client = try process.client()
                    client.send(text)
                    if round % 2 == 0 { client.reset() } else { client.close() }
                }
            }
            return (process.serves(), process.closesDescriptors(downTo: descriptors))
        }
        #expect(seen.0)
        #expect(seen.1)
    }

    @Test func headBombs() async throws {
        let field = "X-Bomb: " + String(repeating: "b", count: 100) + "\r\n"
        let bombs: [(String, Int)] = [
            (Self.post + String(repeating: field, count: 10_000), 431),
            (Self.post + String(repeating: "a: b\r\n", count: 100_000), 431),
            (Self.post + "X: " + String(repeating: "b", count: 1 << 20), 431),
            (Self.post + String(repeating: "n", count: 1 << 20), 431),
            ("POST /" + String(repeating: "p", count: 1 << 20), 414),
            (String(repeating: "M", count: 1 << 20), 400),
            (
                Self.post + "Transfer-Encoding: chunked\r\n\r\n0\r\n"
                    + String(repeating: field, count: 10_000), 431
            ),
            (
                Self.post + "Transfer-Encoding: chunked\r\n\r\n1;"
                    + String(repeating: "e", count: 1 << 20), 400
            ),
        ]
        let seen = try await ServiceProcess.with { process in
            let before = process.residentBytes
            let statuses = try bombs.map { try process.ask($0.0).status }
            return (statuses, process.residentBytes - before, process.serves())
        }
        #expect(seen.0 == bombs.map(\.1))
        #expect(seen.1 < 64 * Self.mebibyte)
        #expect(seen.2)
    }

    /// One byte, repeated and compressed by gzip; compressed again if there is more than one layer.
    private static func bomb(_ byteCount: Int, layers: Int = 1) -> [UInt8] {
        var deflater = Deflater(.gzip)
        let piece = [UInt8](repeating: 0x20, count: 1 << 20)
        var output = ByteBuffer()
        for offset in stride(from: 0, to: byteCount, by: piece.count) {
            let isLast = offset + piece.count >= byteCount
            // Safety: the bytes stay while the closure runs.
            unsafe piece.withUnsafeBytes {
                unsafe deflater.deflate($0, into: &output, isLast ? .finish : .none)
            }
        }
        let bytes = Array(output.readableBytesView)
        return layers == 1 ? bytes : CodingTests.deflated(bytes, .gzip)
    }

    private static func coded(
        _ bytes: [UInt8], _ target: String, _ fields: String = "Content-Encoding: gzip\r\n"
    ) -> [UInt8] {
        let head = "POST \(target) HTTP/1.1\r\nHost: a\r\n\(fields)"
        return Array("\(head)Content-Length: \(bytes.count)\r\n\r\n".utf8) + bytes
    }

    /// Content that inflates to 1,000 times its length, many such members one after another,
    /// members in members, and members whose last bytes claim a small length.
    @Test func gzipBombs() async throws {
        let large = Self.bomb(256 << 20)
        let small = Self.bomb(4 << 20)
        let many = Array([[UInt8]](repeating: small, count: 64).joined())
        let inBoth = "Content-Encoding: gzip, gzip\r\n"
        let lines = "Content-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n"
        let (whole, each) = ("/transform?program=.", "/transform?each&program=.")
        var asks: [([UInt8], Set<Int>)] = []
        for target in [whole, each, "/transform"] {
            asks.append((Self.coded(large, target), [413]))
            asks.append((Self.coded(many, target), [413]))
            // Inflated once it is not JSON, and it is not inflated again.
            asks.append((Self.coded(Self.bomb(64 << 20, layers: 2), target), [400]))
            asks.append((Self.coded(large, target, inBoth), [415]))
            asks.append((Self.coded(small.dropLast(4) + [1, 0, 0, 0], target), [400]))
            asks.append((Self.coded(large.dropLast(4) + [1, 0, 0, 0], target), [413]))
        }
        asks.append((Self.coded(large, whole, lines), [413, 422]))
        asks.append((Self.coded(many, whole, lines), [413, 422]))
        let requests = asks
        let seen = try await ServiceProcess.with(["--timeout-ms", "600000"]) { process in
            let before = process.residentBytes
            var statuses: [Int] = []
            var growth = 0
            for request in requests {
                statuses.append(try process.ask(request.0).status)
                growth = max(growth, process.residentBytes - before)
            }
            return (statuses, growth, process.serves())
        }
        for (index, status) in seen.0.enumerated() {
            #expect(asks[index].1.contains(status), "request \(index): \(status)")
        }
        #expect(seen.1 < 256 * Self.mebibyte)
        #expect(seen.2)
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    private static func members(_ depth: Int) -> String {
        String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
    }

    /// Nesting at the limit, past it, and without end; walked through by programs too.
    @Test func deepTexts() async throws {
        let programs = [
            ".", "[..]|length", "tojson|length", "[paths]|length", ".==.", "walk(.)|1", "flatten",
            "[tostream]|length", "del(..)", "[.,.]|sort|length", "tojson|fromjson|1",
            "map_values(.)",
        ]
        let seen = try await ServiceProcess.with(["--timeout-ms", "600000"]) { process in
            var statuses: [String: Int] = [:]
            for program in programs {
                for text in [Self.nested(10_000), Self.members(10_000)] {
                    let status = try process.transform(program, text).status
                    if status != 200 && status != 422 && status != 504 {
                        statuses[program] = status
                    }
                }
            }
            let past = try [
                Self.nested(10_001), Self.members(10_001), String(repeating: "[", count: 4 << 20),
                String(repeating: "{\"a\":[", count: 1 << 20),
            ].map { try process.transform(".", $0).status }
            let whole = try process.transform(".", Self.nested(10_000)).content
            return (statuses, past, whole, process.serves(), process.residentBytes)
        }
        #expect(seen.0 == [:])
        #expect(seen.1 == [400, 400, 400, 400])
        #expect(seen.2 == Self.nested(10_000))
        #expect(seen.3)
        #expect(seen.4 < 1_024 * Self.mebibyte)
    }

    @Test func hugeNumbers() async throws {
        let digits = String(repeating: "7", count: 1 << 20)
        let seen = try await ServiceProcess.with(["--timeout-ms", "600000"]) { process in
            let same = try process.transform(".", digits).content
            let numbers = [
                digits, "-" + digits, "0." + digits, "1e" + digits, "1e-" + digits, "1e999999999",
                "-1e999999999", "1e-999999999", digits + "e-1000000", "0e999999999",
                "0." + digits + "e9",
            ]
            var statuses = Set<Int>()
            for number in numbers {
                for program in [
                    ".", ".%2B1", "tojson|length", ".==1", "[.,1]|sort", "tostring|tonumber",
                ] {
                    statuses.insert(try process.transform(program, number).status)
                }
            }
            let large = try process.transform(".%2B0", "1e999999999").content
            return (same, statuses, large, process.serves(), process.residentBytes)
        }
        #expect(seen.0 == digits)
        #expect(seen.1 == [200])
        #expect(seen.2 == "1.7976931348623157e+308")
        #expect(seen.3)
        #expect(seen.4 < 512 * Self.mebibyte)
    }

    /// Names that collide in hashes without a seed: an object of 100,000 of them is read, searched
    /// and built within the deadline.
    @Test func collidingNames() async throws {
        let families: [@Sendable (Int) -> String] = [
            { String(UInt64($0) &* 0x9E37_79B9_7F4A_7C15, radix: 36) },
            { "name\($0)" },
            { String(repeating: "x", count: 40) + String($0 + 100_000) },
            { String($0 + 100_000) + String(repeating: "x", count: 40) },
        ]
        let seen = try await ServiceProcess.with(["--timeout-ms", "600000"]) { process in
            var answers: [String] = []
            for name in families {
                let members = (0..<100_000).map { "\"\(name($0))\":\($0)" }
                let text = "{" + members.joined(separator: ",") + "}"
                answers.append(try process.transform("length", text).content)
                let built = "to_entries|from_entries|[.[]]|add"
                answers.append(try process.transform(built, text).content)
            }
            return (answers, process.serves())
        }
        #expect(seen.0 == Array(repeating: ["100000", "4999950000"], count: 4).flatMap { $0 })
        #expect(seen.1)
    }
}
